#include <algorithm>

#include "json/internal/flow.h"
#include "json/yaml.h"

namespace kro::json {
namespace {

using Style = SourceMap::Entry::Style;

// Walks a scalar as written and says where a byte of its decoded text stands. Never decodes into
// memory: it only counts.
class Walk {
 public:
  Walk(const SourceMap::Entry& entry, std::size_t offset) : raw_(entry.raw), left_(offset) {
    switch (entry.style) {
      case Style::kNone:
        break;
      case Style::kPlain:
        Flow('\0');
        break;
      case Style::kSingleQuoted:
        Flow('\'');
        break;
      case Style::kDoubleQuoted:
        Flow('"');
        break;
      case Style::kLiteral:
      case Style::kFolded:
        Block(entry);
        break;
    }
  }

  // The byte of the raw text.
  std::size_t at() const { return std::min(at_, raw_.size()); }

 private:
  void Flow(char quote);
  void Block(const SourceMap::Entry& entry);
  // One decoded run of `bytes` written in `width` bytes; true when the byte looked for is in it.
  bool Take(std::size_t bytes, std::size_t width);
  // Likewise for a run of line breaks, which decode to `bytes`; the text goes on at `next`.
  bool TakeBreaks(std::size_t bytes, std::size_t next);
  bool IsBreak(std::size_t at) const { return raw_[at] == '\n' || raw_[at] == '\r'; }
  std::size_t AfterBreak(std::size_t at) const {
    return raw_[at] == '\r' && at + 1 < raw_.size() && raw_[at + 1] == '\n' ? at + 2 : at + 1;
  }
  bool IsBlank(std::size_t at) const { return raw_[at] == ' ' || raw_[at] == '\t'; }

  std::string_view raw_;
  std::size_t left_;
  std::size_t at_ = 0;
};

}  // namespace

Position SourceMap::Of(const FieldPath& path) const {
  for (FieldPath at = path;; at.Pop()) {
    const auto found = entries_.find(at);
    if (found != entries_.end()) return found->second.value;
    if (at.empty()) return {};
  }
}

Position SourceMap::KeyOf(const FieldPath& path) const {
  const auto found = entries_.find(path);
  return found != entries_.end() && found->second.key.line > 0 ? found->second.key : Of(path);
}

Position SourceMap::Within(const FieldPath& path, std::size_t offset) const {
  const auto found = entries_.find(path);
  if (found == entries_.end()) return Of(path);
  const Entry& entry = found->second;
  const std::size_t at = Walk(entry, offset).at();
  Position place = entry.value;
  for (std::size_t i = 0; i < at; ++i) {
    const char c = entry.raw[i];
    if (c == '\n' || (c == '\r' && (i + 1 == entry.raw.size() || entry.raw[i + 1] != '\n'))) {
      ++place.line;
      place.column = 1;
    } else if ((c & 0xc0) != 0x80 && c != '\r') {
      ++place.column;
    }
  }
  return place;
}

namespace {

void Walk::Flow(char quote) {
  FlowReader reader(raw_, quote);
  for (FlowPiece piece; reader.Next(piece);) {
    const std::size_t bytes = piece.text.size() * piece.times;
    if (left_ < bytes) {
      at_ = piece.begin + (piece.verbatim ? left_ : 0);
      return;
    }
    left_ -= bytes;
  }
  at_ = reader.at();
}

// Block scalars: the header line and the indentation vanish; folding spares lines that are
// indented more (section 8.1.3).
void Walk::Block(const SourceMap::Entry& entry) {
  const std::size_t indent = entry.content_column > 0 ? entry.content_column - 1 : 0;
  const auto skip_indent = [&](std::size_t at) {
    for (std::size_t i = 0; i < indent && at < raw_.size() && raw_[at] == ' '; ++i) ++at;
    return at;
  };
  while (at_ < raw_.size() && !IsBreak(at_)) ++at_;
  if (at_ == raw_.size()) return;
  at_ = skip_indent(AfterBreak(at_));
  bool deeper = at_ < raw_.size() && IsBlank(at_);
  bool first = true;
  while (at_ < raw_.size()) {
    if (!IsBreak(at_)) {
      first = false;
      if (Take(1, 1)) return;
      continue;
    }
    std::size_t next = at_;
    std::size_t breaks = 0;
    if (entry.style == Style::kLiteral || first) {
      next = skip_indent(AfterBreak(at_));
      breaks = 1;
    } else {
      while (next < raw_.size() && IsBreak(next)) {
        ++breaks;
        next = skip_indent(AfterBreak(next));
      }
      const bool next_deeper = next < raw_.size() && IsBlank(next);
      if (next < raw_.size() && !deeper && !next_deeper) {
        breaks = std::max<std::size_t>(1, breaks - 1);
      }
      deeper = next_deeper;
    }
    if (TakeBreaks(breaks, next)) return;
    if (first) deeper = at_ < raw_.size() && IsBlank(at_);
  }
}

bool Walk::Take(std::size_t bytes, std::size_t width) {
  if (left_ < bytes) return true;
  left_ -= bytes;
  at_ += width;
  return false;
}

bool Walk::TakeBreaks(std::size_t bytes, std::size_t next) {
  if (left_ < bytes) return true;
  left_ -= bytes;
  at_ = next;
  return false;
}

}  // namespace
}  // namespace kro::json
