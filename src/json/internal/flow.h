// Plain and quoted YAML scalars as written, piece by piece.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kro::json {

// One piece of a scalar and what it decodes to: `text`, `times` over.
struct FlowPiece {
  std::size_t begin = 0;  // the byte of the scalar where it is written
  std::string_view text;  // until the next piece is read
  std::size_t times = 1;  // more than one for line breaks only
  bool verbatim = false;  // written as it decodes, so that byte n of the text stands at begin + n
};

// Reads a scalar whose syntax somebody else has checked. Blanks around a line break vanish, one
// break is a space, n breaks are n - 1, and one after a backslash is nothing (YAML 1.2, sections 6.5
// and 7.3). Time is linear in the length.
class FlowReader {
 public:
  // `raw` begins with the quote, which is '\'', '"' or, for a plain scalar, '\0'.
  FlowReader(std::string_view raw, char quote);

  // False at the closing quote or the end.
  bool Next(FlowPiece& piece);

  // The byte after the last piece: the closing quote, if there is one.
  std::size_t at() const { return at_; }

 private:
  bool IsBlank(std::size_t at) const { return raw_[at] == ' ' || raw_[at] == '\t'; }
  bool IsBreak(std::size_t at) const { return raw_[at] == '\n' || raw_[at] == '\r'; }
  std::size_t AfterBreak(std::size_t at) const;
  // Passes breaks and the blanks between and after them; how many breaks there were.
  std::size_t PassBreaks();
  void ReadEscape(FlowPiece& piece);

  std::string_view raw_;
  char quote_;
  std::size_t at_ = 0;
  char buffer_[4];  // what an escape decodes to
};

std::string DecodeFlow(std::string_view raw, char quote);

}  // namespace kro::json
