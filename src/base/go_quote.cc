#include "base/go_quote.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace kro {
namespace {

void AppendQuoted(std::string& out, std::string_view text, char quote);
bool IsPrintable(char32_t c);

}  // namespace

std::string GoQuote(std::string_view text) {
  std::string out = "\"";
  AppendQuoted(out, text, '"');
  out += '"';
  return out;
}

std::string GoQuoteCharacter(char32_t character) {
  std::string text;
  AppendCodePoint(text, character);
  std::string out = "'";
  AppendQuoted(out, text, '\'');
  out += '\'';
  return out;
}

namespace {

void AppendQuoted(std::string& out, std::string_view text, char quote) {
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = DecodeCodePoint(text, i);
    char32_t c = point.value;
    if (!point.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (IsPrintable(c)) {
      out.append(text.substr(i, point.size));
    } else if (c >= 0x07 && c <= 0x0D) {
      out += '\\';
      out += "abtnvfr"[c - 0x07];
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<unsigned>(c));
    }
    i += point.size;
  }
}

// Letters, marks, numbers, punctuation, symbols and the ASCII space, as unicode.IsPrint; unassigned
// code points are taken for printable, which only shows in messages about text that holds them.
bool IsPrintable(char32_t c) {
  if (c < 0x20 || c == 0x7F) return false;
  if (c < 0x80) return true;
  if (c < 0xA0 || c == 0xAD || IsWhiteSpace(c)) return false;
  bool format = (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                (c >= 0x2060 && c <= 0x206F) || c == 0x61C || c == 0x180E || c == 0xFEFF ||
                (c >= 0xFFF0 && c <= 0xFFFB);
  bool private_use = (c >= 0xE000 && c <= 0xF8FF) || c >= 0xE0000;
  bool noncharacter = (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
  return !format && !private_use && !noncharacter;
}

}  // namespace
}  // namespace kro
