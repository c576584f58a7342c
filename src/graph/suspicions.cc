#include "graph/suspicions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "graph/internal/report.h"
#include "graph/template_string.h"
#include "json/path.h"
#include "json/value.h"

namespace kro::graph {
namespace {

class Search {
 public:
  Search(std::string_view source, const json::SourceMap* map) : source_(source), map_(map) {}

  // Strings that may hold expressions.
  void Templates(const json::Value& value);
  // Fields of SimpleSchema.
  void Fields(const json::Value& value);

  // Calls `look` with the path at the member, if it is there.
  template <typename Look>
  void At(const json::Value& object, std::string_view name, Look look);
  template <typename Look>
  void Each(const json::Value& list, Look look);

  Diagnostics Take() { return std::move(found_); }

 private:
  void Text(std::string_view text);
  void Key(std::string_view key);
  void Field(std::string_view text);
  Diagnostic& Warn(std::string message, std::string hint);

  std::string_view source_;
  const json::SourceMap* map_;
  json::FieldPath path_{{std::string("spec")}};
  Diagnostics found_;
  Diagnostic dropped_;  // those beyond kMaxFaults
};

bool HasUnclosed(std::string_view text);

}  // namespace

Diagnostics FindSuspicions(const api::RgdSpec& spec, std::string_view source,
                           const json::SourceMap* map) {
  Search search(source, map);
  search.At(spec.raw, "schema", [&](const json::Value& schema) {
    for (const std::string_view section : {"spec", "types"}) {
      search.At(schema, section, [&](const json::Value& fields) { search.Fields(fields); });
    }
    search.At(schema, "status", [&](const json::Value& status) { search.Templates(status); });
  });
  search.At(spec.raw, "resources", [&](const json::Value& resources) {
    search.Each(resources, [&](const json::Value& resource) {
      for (const std::string_view source_of : {"template", "externalRef"}) {
        search.At(resource, source_of,
                  [&](const json::Value& object) { search.Templates(object); });
      }
    });
  });
  return search.Take();
}

namespace {

// No deeper than json::kMaxDepth, as every value that was parsed.
void Search::Templates(const json::Value& value) {
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      path_.Push(member.key());
      Key(member.key());
      Templates(member.value());
      path_.Pop();
    }
  } else if (value.is_array()) {
    Each(value, [&](const json::Value& item) { Templates(item); });
  } else if (const auto* text = value.if_string()) {
    Text(*text);
  }
}

void Search::Fields(const json::Value& value) {
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      path_.Push(member.key());
      Fields(member.value());
      path_.Pop();
    }
  } else if (const auto* text = value.if_string()) {
    Field(*text);
  }
}

template <typename Look>
void Search::At(const json::Value& object, std::string_view name, Look look) {
  const auto* value = json::Find(object, name);
  if (value == nullptr) return;
  path_.Push(name);
  look(*value);
  path_.Pop();
}

template <typename Look>
void Search::Each(const json::Value& list, Look look) {
  const auto* array = list.if_array();
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->size(); ++i) {
    path_.Push(i);
    look((*array)[i]);
    path_.Pop();
  }
}

void Search::Text(std::string_view text) {
  if (HasUnclosed(text)) {
    Warn("'${' without its '}': this is plain text", "close the expression");
  } else if (text.find("$(schema.") != text.npos || text.find("{{schema.") != text.npos ||
             text.find("{{ schema.") != text.npos || text.find("{{ .schema.") != text.npos) {
    Warn("this is plain text, not an expression", "an expression is written '${…}'");
  }
}

void Search::Key(std::string_view key) {
  if (key.find("${") == key.npos) return;
  Diagnostic& warning =
      Warn("a key is never an expression", "use one expression for the whole map: '${{…}}'");
  if (map_ != nullptr) warning.where.position = map_->KeyOf(path_);
}

void Search::Field(std::string_view text) {
  const std::size_t bar = text.find('|');
  if (bar == text.npos) return;
  if (text.find("enum=[", bar) != text.npos || text.find("enum=\"[", bar) != text.npos) {
    Warn("the brackets count as part of the first and the last value",
         "list the values alone: enum=\"a,b\"");
  }
}

Diagnostic& Search::Warn(std::string message, std::string hint) {
  if (found_.size() >= kMaxFaults) return dropped_;
  Diagnostic& warning = found_.emplace_back(Problem("KRO407", path_, std::move(message)));
  warning.severity = Severity::kWarning;
  warning.hint = std::move(hint);
  warning.where.source = source_;
  if (map_ != nullptr) warning.where.position = map_->Of(path_);
  return warning;
}

// Whether an expression begins and does not end.
bool HasUnclosed(std::string_view text) {
  if (text.find("${") == text.npos) return false;
  const auto scanned = ScanTemplate(text);
  if (!scanned) return false;
  std::size_t cursor = 0;
  for (const EmbeddedExpression& expression : scanned->expressions) {
    const std::size_t open = text.find("${", cursor);
    if (open < expression.span.begin) return true;
    cursor = expression.span.end;
  }
  return text.find("${", cursor) != text.npos;
}

}  // namespace
}  // namespace kro::graph
