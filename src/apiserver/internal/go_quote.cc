#include "apiserver/internal/go_quote.h"

#include "json/value.h"

namespace kro::apiserver {

std::string GoQuoted(std::string_view text) { return json::Serialize(json::Value(text)); }

std::string GoQuoted(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    if (list.size() > 1) list += ' ';
    list += GoQuoted(text);
  }
  return list + "]";
}

}  // namespace kro::apiserver
