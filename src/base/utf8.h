// Text as code points: the strings of CEL are UTF-8, their indices count code points.
//
// A byte that is no part of well-formed UTF-8 counts as one code point and reads as U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kro {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  char32_t value;
  std::uint8_t size;  // bytes it takes in the text, at least 1
  bool valid;
};

// The code point at byte `offset`, which is inside the text.
CodePoint DecodeCodePoint(std::string_view text, std::size_t offset);

void AppendCodePoint(std::string& out, char32_t code_point);

std::size_t CountCodePoints(std::string_view text);

// The byte at which code point `index` starts; the size of the text for `index` at or past the end.
std::size_t ByteOffset(std::string_view text, std::size_t index);

bool IsValidUtf8(std::string_view text);

// The text with each byte that is not well-formed replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);

// The White_Space property of Unicode; U+200B has it not.
bool IsWhiteSpace(char32_t code_point);

}  // namespace kro
