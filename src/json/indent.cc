#include "json/indent.h"

#include <cstddef>

namespace kro::json {

std::string Indent(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 2);
  std::size_t depth = 0;
  const auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\') {
        out += text[++i];
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    const bool closes = c == '}' || c == ']';
    const bool empty = closes && (text[i - 1] == '{' || text[i - 1] == '[');
    if (closes && !empty) {
      --depth;
      new_line();
    }
    out += c;
    if (c == '"') in_string = true;
    if (c == ':') out += ' ';
    if (c == ',') new_line();
    const bool opens = c == '{' || c == '[';
    if (opens && i + 1 < text.size() && text[i + 1] != '}' && text[i + 1] != ']') {
      ++depth;
      new_line();
    }
  }
  return out;
}

}  // namespace kro::json
