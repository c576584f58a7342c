#include "apiserver/internal/schema_text.h"

namespace kro::apiserver::internal {

const json::Value* Find(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_null() ? nullptr : found;
}

std::string Text(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

bool Flag(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

const json::Array& List(const json::Value& value, std::string_view key) {
  static const json::Array& none = *new json::Array();
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

const json::Object& Map(const json::Value& value, std::string_view key) {
  static const json::Object& none = *new json::Object();
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_object() ? found->get_object() : none;
}

std::string Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace kro::apiserver::internal
