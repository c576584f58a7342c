// YAML in and out, with the place of every node.
//
// Reads YAML 1.2 syntax through libfyaml and resolves plain scalars as kubectl does (sigs.k8s.io/yaml:
// YAML 1.1 booleans `y`/`yes`/`on`, also as keys; `014` is twelve; `1.0` is the integer 1; timestamps
// stay strings; large integers stay exact). Refused: duplicate keys, unknown tags, keys and numbers
// without a JSON form, alias bombs, nesting beyond kMaxDepth.
//
// Codes: KRO101 syntax, KRO102 duplicate key, KRO103 a value without a JSON form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
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
    std::string raw;  // a scalar's text from `value` on as written; empty for maps and lists
    enum class Style {
      kNone,
      kPlain,
      kSingleQuoted,
      kDoubleQuoted,
      kLiteral,
      kFolded
    } style = Style::kNone;
    std::uint32_t content_column = 0;  // of a block scalar: the column where its text begins
  };
  void Add(FieldPath path, Entry entry) {
    entries_.insert_or_assign(std::move(path), std::move(entry));
  }

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

// Every document of a stream; empty documents are left out. JSON is YAML. What an alias or a merge
// key brings has no places of its own: its members stand where the alias stands.
Parsed<std::vector<Document>> ParseYaml(std::string_view text, std::string_view source = {});

// Exactly one document.
Parsed<Document> ParseYamlDocument(std::string_view text, std::string_view source = {});

// Block-style YAML as kubectl prints it, in the value's own order: lists are not indented, strings
// are quoted where a reader would take them for something else, multi-line ones become literal
// blocks. Ends with a line break. Reads back equal, but that a double without fraction comes back as
// an integer, as it does from a cluster.
std::string ToYaml(const Value& value);

}  // namespace kro::json
