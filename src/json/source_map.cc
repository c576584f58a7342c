#include <algorithm>

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
      case Style::kNone: break;
      case Style::kPlain: Flow('\0'); break;
      case Style::kSingleQuoted: Flow('\''); break;
      case Style::kDoubleQuoted: Flow('"'); break;
      case Style::kLiteral:
      case Style::kFolded: Block(entry); break;
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

struct EscapeSize {
  std::size_t bytes;  // decoded
  std::size_t width;  // written
};
EscapeSize MeasureEscape(std::string_view escape);

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

// Plain and quoted scalars: blanks around a line break vanish, one break is a space, n breaks are
// n - 1 (YAML 1.2 section 6.5).
void Walk::Flow(char quote) {
  if (quote != '\0') at_ = 1;
  while (at_ < raw_.size()) {
    if (quote != '\0' && raw_[at_] == quote) {
      if (quote == '\'' && at_ + 1 < raw_.size() && raw_[at_ + 1] == '\'') {
        if (Take(1, 2)) return;
        continue;
      }
      return;
    }
    if (quote == '"' && raw_[at_] == '\\') {
      if (at_ + 1 < raw_.size() && IsBreak(at_ + 1)) {
        at_ = AfterBreak(at_ + 1);
        while (at_ < raw_.size() && IsBlank(at_)) ++at_;
        continue;
      }
      const EscapeSize escape = MeasureEscape(raw_.substr(at_));
      if (Take(escape.bytes, escape.width)) return;
      continue;
    }
    std::size_t blank = at_;
    while (blank < raw_.size() && IsBlank(blank)) ++blank;
    if (blank < raw_.size() && IsBreak(blank)) {
      std::size_t breaks = 0;
      while (blank < raw_.size() && (IsBreak(blank) || IsBlank(blank))) {
        if (IsBreak(blank)) {
          ++breaks;
          blank = AfterBreak(blank);
        } else {
          ++blank;
        }
      }
      if (TakeBreaks(std::max<std::size_t>(1, breaks - 1), blank)) return;
      continue;
    }
    if (Take(1, 1)) return;
  }
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

EscapeSize MeasureEscape(std::string_view escape) {
  if (escape.size() < 2) return {1, 1};
  std::size_t digits = 0;
  switch (escape[1]) {
    case 'x': digits = 2; break;
    case 'u': digits = 4; break;
    case 'U': digits = 8; break;
    case 'N':
    case '_': return {2, 2};
    case 'L':
    case 'P': return {3, 2};
    default: return {1, 2};
  }
  std::uint32_t code = 0;
  for (char c : escape.substr(2, digits)) {
    const char lower = static_cast<char>(c | 0x20);
    code = code * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : lower - 'a' + 10);
  }
  const std::size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  return {bytes, 2 + digits};
}

}  // namespace
}  // namespace kro::json
