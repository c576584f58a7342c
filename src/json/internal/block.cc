#include "json/internal/block.h"

#include <algorithm>

namespace kro::json {
namespace {

class BlockReader {
 public:
  BlockReader(std::string_view text, int parent) : text_(text), parent_(parent) {}

  BlockText Run();

 private:
  bool IsBreak(std::size_t at) const { return text_[at] == '\n' || text_[at] == '\r'; }
  std::size_t AfterBreak(std::size_t at) const;
  std::size_t LineEnd(std::size_t at) const;
  std::size_t Blanks(std::size_t at, std::size_t most) const;
  void ReadHeader();
  // Passes lines of at most `most` blanks; how many breaks there were.
  std::size_t PassEmpty(std::size_t most);
  // Whether a line of the scalar begins here.
  bool InScalar() const;

  std::string_view text_;
  int parent_;
  std::size_t at_ = 0;
  std::size_t indentation_ = 0;
  bool detect_ = true;
  char chomping_ = ' ';
};

}  // namespace

BlockText DecodeBlock(std::string_view text, int parent) { return BlockReader(text, parent).Run(); }

namespace {

BlockText BlockReader::Run() {
  BlockText result;
  const bool folded = text_.starts_with('>');
  ReadHeader();
  std::size_t empty = PassEmpty(detect_ ? text_.npos : indentation_);
  if (detect_) {
    const auto least = static_cast<std::size_t>(parent_ + 1);
    indentation_ = std::max(least, Blanks(at_, text_.npos));
  }
  std::string& out = result.text;
  bool broken = false;  // the last line with content ended in a break, not yet written
  bool was_deeper = false;
  while (InScalar()) {
    at_ += indentation_;
    const bool deeper = text_[at_] == ' ' || text_[at_] == '\t';
    if (folded && broken && !was_deeper && !deeper) {
      if (empty == 0) out += ' ';
    } else if (broken) {
      out += '\n';
    }
    out.append(empty, '\n');
    const std::size_t end = LineEnd(at_);
    out += text_.substr(at_, end - at_);
    was_deeper = deeper;
    broken = end < text_.size();
    at_ = broken ? AfterBreak(end) : end;
    result.empty = false;
    empty = PassEmpty(indentation_);
  }
  if (broken && chomping_ != '-') out += '\n';
  if (chomping_ == '+') out.append(empty, '\n');
  result.end = at_;
  result.indentation = indentation_;
  return result;
}

std::size_t BlockReader::AfterBreak(std::size_t at) const {
  return text_[at] == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n' ? at + 2 : at + 1;
}

std::size_t BlockReader::LineEnd(std::size_t at) const {
  return std::min(text_.find_first_of("\r\n", at), text_.size());
}

std::size_t BlockReader::Blanks(std::size_t at, std::size_t most) const {
  std::size_t count = 0;
  while (count < most && at + count < text_.size() && text_[at + count] == ' ') ++count;
  return count;
}

void BlockReader::ReadHeader() {
  for (at_ = 1; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '+' || c == '-') {
      chomping_ = c;
    } else if (c >= '1' && c <= '9') {
      detect_ = false;
      indentation_ = static_cast<std::size_t>(std::max(parent_, 0) + (c - '0'));
    } else {
      break;
    }
  }
  at_ = LineEnd(at_);
  if (at_ < text_.size()) at_ = AfterBreak(at_);
}

std::size_t BlockReader::PassEmpty(std::size_t most) {
  std::size_t breaks = 0;
  while (at_ < text_.size()) {
    const std::size_t end = at_ + Blanks(at_, most);
    if (end == text_.size()) {
      at_ = end;
      break;
    }
    if (!IsBreak(end)) break;
    ++breaks;
    at_ = AfterBreak(end);
  }
  return breaks;
}

bool BlockReader::InScalar() const {
  if (at_ == text_.size() || Blanks(at_, indentation_) < indentation_) return false;
  const std::string_view rest = text_.substr(at_);
  const bool marker = rest.starts_with("---") || rest.starts_with("...");
  return indentation_ > 0 || !marker ||
         (rest.size() > 3 && std::string_view(" \t\r\n").find(rest[3]) == std::string_view::npos);
}

}  // namespace
}  // namespace kro::json
