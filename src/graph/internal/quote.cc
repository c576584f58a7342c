#include "graph/internal/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace kro::graph {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // 0: the byte begins no UTF-8 sequence
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xc2 && lead <= 0xdf && tail(1)) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead >= 0xe0 && lead <= 0xef && tail(1) && tail(2)) {
    const std::uint32_t value = (lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (value >= 0x800 && (value < 0xd800 || value > 0xdfff)) return {value, 3};
  }
  if (lead >= 0xf0 && lead <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    const std::uint32_t value =
        (lead & 7) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    if (value >= 0x10000 && value <= 0x10ffff) return {value, 4};
  }
  return {lead, 0};
}

// Controls, spaces other than U+0020, format characters, private use and noncharacters.
bool Unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x61c || c == 0x1680 ||
         c == 0x180e || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
         (c >= 0x205f && c <= 0x206f) || c == 0x3000 || (c >= 0xe000 && c <= 0xf8ff) ||
         c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    const std::size_t length = std::max<std::size_t>(1, c.length);
    switch (c.value) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\a': quoted += "\\a"; break;
      case '\b': quoted += "\\b"; break;
      case '\f': quoted += "\\f"; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      case '\v': quoted += "\\v"; break;
      default:
        if (c.length == 0 || c.value < 0x20 || c.value == 0x7f) {
          quoted += fmt::format("\\x{:02x}", c.value);
        } else if (!Unprintable(c.value)) {
          quoted += text.substr(0, length);
        } else if (c.value < 0x10000) {
          quoted += fmt::format("\\u{:04x}", c.value);
        } else {
          quoted += fmt::format("\\U{:08x}", c.value);
        }
    }
    text.remove_prefix(length);
  }
  return quoted + '"';
}

}  // namespace kro::graph
