#include "cel/arena.h"

#include <algorithm>
#include <cstring>

namespace kro::cel {

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  const bool fits = text.size() <= static_cast<std::size_t>(end_ - next_);
  char* copy =
      fits ? reinterpret_cast<char*>(next_) : static_cast<char*>(AllocateSlow(text.size()));
  if (fits) next_ += text.size();
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Arena::ResetSlow() {
  large_.clear();
  used_before_ = 0;
  current_ = 0;
  begin_ = next_ = end_ = nullptr;
  if (blocks_.empty()) return;
  begin_ = next_ = blocks_[0].bytes.get();
  end_ = next_ + blocks_[0].size;
  current_ = 1;
}

void* Arena::AllocateSlow(std::size_t bytes) {
  if (bytes > kBlockSize / 2) {
    large_.push_back({std::make_unique_for_overwrite<std::byte[]>(bytes), bytes});
    used_before_ += bytes;
    return large_.back().bytes.get();
  }
  used_before_ += static_cast<std::size_t>(end_ - begin_);
  // A block that was made small may be too small; it stays unused until the next Reset.
  while (current_ < blocks_.size() && blocks_[current_].size < bytes) ++current_;
  if (current_ == blocks_.size()) {
    while (next_size_ < bytes) next_size_ *= 2;
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(next_size_), next_size_});
    next_size_ = std::min(next_size_ * 2, kBlockSize);
  }
  begin_ = next_ = blocks_[current_].bytes.get();
  end_ = next_ + blocks_[current_].size;
  ++current_;
  std::byte* result = next_;
  next_ += bytes;
  return result;
}

}  // namespace kro::cel
