// Literal and folded YAML scalars as written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kro::json {

struct BlockText {
  std::string text;             // decoded
  std::size_t end = 0;          // the byte after the last line of the scalar
  std::size_t indentation = 0;  // the blanks its lines begin with
  bool empty = true;            // has no line with content
};

// Reads the scalar whose header begins `text`, which may go on behind it (YAML 1.2, section 8.1).
// `parent` is how far the map or list around it is indented, -1 at the root. A last line without a
// line break decodes without one.
BlockText DecodeBlock(std::string_view text, int parent);

}  // namespace kro::json
