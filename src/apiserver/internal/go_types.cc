#include "apiserver/internal/go_types.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "apiserver/internal/builtin_documents.h"

namespace kro::apiserver {
namespace {

using Fields = std::unordered_map<std::string_view, GoField>;  // by "schema field"

Fields ReadFields();
// Up to the next space, which is taken off `line` too.
std::string_view TakeWord(std::string_view& line);

}  // namespace

GoField FindGoField(std::string_view schema, std::string_view field) {
  static const Fields& fields = *new Fields(ReadFields());
  const std::string key = std::string(schema) + " " + std::string(field);
  auto found = fields.find(key);
  return found == fields.end() ? GoField{} : found->second;
}

std::string_view GoElement(std::string_view type) {
  std::size_t begin = std::string_view::npos;
  if (type.starts_with("[]") || type.starts_with("map[")) begin = type.find(']') + 1;
  if (begin == std::string_view::npos) return {};
  std::string_view element = type.substr(begin);
  if (element.starts_with('*')) element.remove_prefix(1);
  return element;
}

namespace {

Fields ReadFields() {
  Fields fields;
  std::string_view rest = BuiltinGoTypes();
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const char* begin = line.data();
    const std::string_view schema = TakeWord(line);
    const std::string_view field = TakeWord(line);
    const std::string_view key(begin, schema.size() + 1 + field.size());
    GoField named{.type = TakeWord(line), .embedded = TakeWord(line)};
    if (named.type == "-") named.type = {};
    if (named.embedded == "-") named.embedded = {};
    fields.emplace(key, named);
  }
  return fields;
}

std::string_view TakeWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

}  // namespace
}  // namespace kro::apiserver
