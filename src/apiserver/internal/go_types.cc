#include "apiserver/internal/go_types.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "apiserver/internal/builtin_documents.h"

namespace kro::apiserver {
namespace {

using Fields = std::unordered_map<std::string_view, GoField>;  // by "schema field"
using Orders =
    std::unordered_map<std::string_view, std::string_view>;  // the fields of a schema, in one line

Fields ReadFields();
Orders ReadOrders();
// Fills in what its struct says of a field.
void Place(std::string_view schema, std::string_view field, GoField& named);
std::string_view TakeLine(std::string_view& text);
// Up to the next space, which is taken off `line` too.
std::string_view TakeWord(std::string_view& line);

}  // namespace

GoField FindGoField(std::string_view schema, std::string_view field) {
  static const Fields& fields = *new Fields(ReadFields());
  const std::string key = std::string(schema) + " " + std::string(field);
  auto found = fields.find(key);
  GoField named = found == fields.end() ? GoField{} : found->second;
  Place(schema, field, named);
  return named;
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
    std::string_view line = TakeLine(rest);
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

Orders ReadOrders() {
  Orders orders;
  std::string_view rest = BuiltinGoFields();
  while (!rest.empty()) {
    std::string_view line = TakeLine(rest);
    const std::string_view schema = TakeWord(line);
    orders.emplace(schema, line);
  }
  return orders;
}

void Place(std::string_view schema, std::string_view field, GoField& named) {
  static const Orders& orders = *new Orders(ReadOrders());
  auto found = orders.find(schema);
  if (found == orders.end()) return;
  std::string_view fields = found->second;
  for (std::uint16_t place = 1; !fields.empty(); ++place) {
    std::string_view word = TakeWord(fields);
    const bool omits_zero = word.ends_with('-');
    if (omits_zero) word.remove_suffix(1);
    if (word != field) continue;
    named.place = place;
    named.omits_zero = omits_zero;
    return;
  }
}

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::string_view TakeWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

}  // namespace
}  // namespace kro::apiserver
