#include "json/internal/flow.h"

#include <algorithm>
#include <cstdint>

namespace kro::json {
namespace {

std::uint32_t Hex(std::string_view digits);

// Writes a code point as UTF-8; how many bytes it took.
std::size_t Encode(std::uint32_t code, char* out);

}  // namespace

FlowReader::FlowReader(std::string_view raw, char quote)
    : raw_(raw), quote_(quote), at_(quote == '\0' || raw.empty() ? 0 : 1) {}

bool FlowReader::Next(FlowPiece& piece) {
  while (at_ < raw_.size()) {
    piece = {.begin = at_, .text = {}};
    const char c = raw_[at_];
    if (quote_ != '\0' && c == quote_) {
      if (quote_ != '\'' || at_ + 1 == raw_.size() || raw_[at_ + 1] != '\'') return false;
      piece.text = raw_.substr(at_, 1);
      at_ += 2;
      return true;
    }
    if (quote_ == '"' && c == '\\') {
      if (at_ + 1 == raw_.size() || !IsBreak(at_ + 1)) {
        ReadEscape(piece);
        return true;
      }
      ++at_;
      piece.times = PassBreaks() - 1;
      piece.text = "\n";
      if (piece.times > 0) return true;
      continue;
    }
    std::size_t end = at_;
    while (end < raw_.size() && IsBlank(end)) ++end;
    if (end < raw_.size() && IsBreak(end)) {
      at_ = end;
      const std::size_t breaks = PassBreaks();
      piece.text = breaks == 1 ? " " : "\n";
      piece.times = std::max<std::size_t>(1, breaks - 1);
      return true;
    }
    while (end < raw_.size() && !IsBlank(end) && !IsBreak(end)) {
      if (quote_ != '\0' && (raw_[end] == quote_ || (quote_ == '"' && raw_[end] == '\\'))) break;
      ++end;
    }
    piece.text = raw_.substr(at_, end - at_);
    piece.verbatim = true;
    at_ = end;
    return true;
  }
  return false;
}

std::size_t FlowReader::AfterBreak(std::size_t at) const {
  return raw_[at] == '\r' && at + 1 < raw_.size() && raw_[at + 1] == '\n' ? at + 2 : at + 1;
}

std::size_t FlowReader::PassBreaks() {
  std::size_t breaks = 0;
  while (at_ < raw_.size() && (IsBreak(at_) || IsBlank(at_))) {
    if (IsBreak(at_)) {
      ++breaks;
      at_ = AfterBreak(at_);
    } else {
      ++at_;
    }
  }
  return breaks;
}

void FlowReader::ReadEscape(FlowPiece& piece) {
  const char letter = at_ + 1 < raw_.size() ? raw_[at_ + 1] : '\\';
  std::uint32_t code = static_cast<unsigned char>(letter);
  std::size_t digits = 0;
  switch (letter) {
    case '0':
      code = 0;
      break;
    case 'a':
      code = 7;
      break;
    case 'b':
      code = 8;
      break;
    case 't':
      code = 9;
      break;
    case 'n':
      code = 10;
      break;
    case 'v':
      code = 11;
      break;
    case 'f':
      code = 12;
      break;
    case 'r':
      code = 13;
      break;
    case 'e':
      code = 27;
      break;
    case 'N':
      code = 0x85;
      break;
    case '_':
      code = 0xa0;
      break;
    case 'L':
      code = 0x2028;
      break;
    case 'P':
      code = 0x2029;
      break;
    case 'x':
      digits = 2;
      break;
    case 'u':
      digits = 4;
      break;
    case 'U':
      digits = 8;
      break;
    default:
      break;  // the letter itself: a quote, a slash, a blank …
  }
  at_ = std::min(at_ + 2, raw_.size());
  if (digits > 0) {
    code = Hex(raw_.substr(at_, digits));
    at_ = std::min(at_ + digits, raw_.size());
  }
  // JSON writes characters beyond U+FFFF as a pair of surrogates.
  if (code >= 0xd800 && code < 0xdc00 && raw_.substr(at_).starts_with("\\u")) {
    const std::uint32_t low = Hex(raw_.substr(at_ + 2, 4));
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at_ = std::min(at_ + 6, raw_.size());
    }
  }
  const bool lone = code >= 0xd800 && code < 0xe000;
  if (lone || code > 0x10ffff) code = 0xfffd;
  piece.text = std::string_view(buffer_, Encode(code, buffer_));
}

std::string DecodeFlow(std::string_view raw, char quote) {
  std::string out;
  FlowReader reader(raw, quote);
  for (FlowPiece piece; reader.Next(piece);) {
    for (std::size_t i = 0; i < piece.times; ++i) out += piece.text;
  }
  return out;
}

namespace {

std::uint32_t Hex(std::string_view digits) {
  std::uint32_t code = 0;
  for (char c : digits) {
    code = code * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return code;
}

std::size_t Encode(std::uint32_t code, char* out) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xc0 | code >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xe0 | code >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | (code >> 18 & 7));
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

}  // namespace
}  // namespace kro::json
