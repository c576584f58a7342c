// YAML in and out, with the place of every node.
//
// Reads YAML 1.2 syntax through libfyaml and resolves plain scalars as kubectl does (sigs.k8s.io/yaml:
// YAML 1.1 booleans `yes`/`on`, octals, but string keys; large integers stay exact). Duplicate keys,
// unknown tags, non-string keys that have no JSON form, and alias bombs are refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/error.h"
#include "json/path.h"
#include "json/value.h"

namespace kro::json {

// Positions of the nodes of one document.
class SourceMap {
 public:
  // Where the value at `path` begins; the nearest known ancestor's place if it has none itself.
  Position Of(const FieldPath& path) const;

  // Where the key of the member at `path` begins.
  Position KeyOf(const FieldPath& path) const;

  // For a scalar written over several lines or with quotes and escapes: the position in the file of
  // byte `offset` of its decoded text, for carets inside expressions.
  Position Within(const FieldPath& path, std::size_t offset) const;

  struct Entry {
    Position key;
    Position value;
    std::string raw;  // a scalar's text as written; empty for maps and lists
    enum class Style { kNone, kPlain, kSingleQuoted, kDoubleQuoted, kLiteral, kFolded } style =
        Style::kNone;
    std::uint32_t content_column = 0;  // of a block scalar: the column where its text begins
  };
  void Add(FieldPath path, Entry entry) { entries_.insert_or_assign(std::move(path), std::move(entry)); }

 private:
  std::map<FieldPath, Entry> entries_;
};

struct Document {
  Value value;
  SourceMap map;
  Position begin;
};

// What is wrong with a text, with the place. `source` names it in diagnostics ("web.yaml").
template <typename T>
using Parsed = std::expected<T, Diagnostics>;

// Every document of a stream; empty documents are left out. JSON is YAML.
Parsed<std::vector<Document>> ParseYaml(std::string_view text, std::string_view source = {});

// Exactly one document.
Parsed<Document> ParseYamlDocument(std::string_view text, std::string_view source = {});

// Block-style YAML in the value's own order; strings are quoted where a reader would take them for
// something else, and long or multi-line ones become literal blocks. Reads back equal.
std::string ToYaml(const Value& value);

}  // namespace kro::json
