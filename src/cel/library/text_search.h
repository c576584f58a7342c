// Search in texts that somebody else chose.
#pragma once

#include <cstring>
#include <string_view>

namespace kro::cel {

// Where `part` begins in `text`, from `at` on; npos if nowhere. Takes linear time whatever the texts are, which
// std::string_view::find does not: it compares all of "aa…ab" at every place of "aa…a".
inline std::size_t FindText(std::string_view text, std::string_view part, std::size_t at = 0) {
  constexpr std::size_t kShort = 16;
  if (part.size() <= kShort) return text.find(part, at);
  if (at > text.size()) return text.npos;
  const void* found = memmem(text.data() + at, text.size() - at, part.data(), part.size());
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data())
               : text.npos;
}

}  // namespace kro::cel
