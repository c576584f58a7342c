#include "base/utf8.h"

#include <algorithm>
#include <cstring>

namespace kro {

CodePoint DecodeCodePoint(std::string_view text, std::size_t offset) {
  constexpr CodePoint kInvalid{kReplacementCharacter, 1, false};
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - offset < size) return kInvalid;

  char32_t value = first & (0xFF >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kInvalid;
    value = (value << 6) | (byte(i) & 0x3F);
  }
  bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return kInvalid;
  return {value, static_cast<std::uint8_t>(size), true};
}

void AppendCodePoint(std::string& out, char32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
    code_point = kReplacementCharacter;
  }
  auto append = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    append(code_point);
  } else if (code_point < 0x800) {
    append(0xC0 | (code_point >> 6));
    append(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    append(0xE0 | (code_point >> 12));
    append(0x80 | ((code_point >> 6) & 0x3F));
    append(0x80 | (code_point & 0x3F));
  } else {
    append(0xF0 | (code_point >> 18));
    append(0x80 | ((code_point >> 12) & 0x3F));
    append(0x80 | ((code_point >> 6) & 0x3F));
    append(0x80 | (code_point & 0x3F));
  }
}

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

// Whether a whole word of ASCII begins at `offset`, which is inside the text.
bool IsAsciiWord(std::string_view text, std::size_t offset) {
  if (text.size() - offset < kWord) return false;
  std::uint64_t word;
  std::memcpy(&word, text.data() + offset, kWord);
  return (word & 0x8080808080808080) == 0;
}

}  // namespace

std::size_t CountCodePoints(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (IsAsciiWord(text, i)) {
      i += kWord;
      count += kWord;
    } else {
      i += DecodeCodePoint(text, i).size;
      ++count;
    }
  }
  return count;
}

std::size_t ByteOffset(std::string_view text, std::size_t index) {
  std::size_t offset = 0;
  while (index > 0 && offset < text.size()) {
    if (IsAsciiWord(text, offset)) {
      const std::size_t count = std::min(index, kWord);
      offset += count;
      index -= count;
    } else {
      offset += DecodeCodePoint(text, offset).size;
      --index;
    }
  }
  return offset;
}

bool IsValidUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = DecodeCodePoint(text, i);
    if (!point.valid) return false;
    i += point.size;
  }
  return true;
}

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = DecodeCodePoint(text, i);
    AppendCodePoint(out, point.value);
    i += point.size;
  }
  return out;
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace kro
