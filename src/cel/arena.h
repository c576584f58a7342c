// Arena: where the values of an evaluation live.
//
// Allocation moves a pointer; nothing is freed alone. Reset makes all of it free again but keeps the
// blocks, so that an arena in use for a while asks the heap for nothing. Holds only trivially
// destructible types. Not thread-safe.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kro::cel {

class Arena {
 public:
  static constexpr std::size_t kBlockSize = std::size_t{32} << 10;

  // The first block has `first_block` bytes, a multiple of 16; each further one is twice as large, up to kBlockSize.
  explicit Arena(std::size_t first_block = kBlockSize) : next_size_(first_block) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised memory, aligned for any fundamental type.
  void* Allocate(std::size_t bytes) {
    // Blocks begin and end at multiples of 16, so that this stays inside.
    next_ += -std::bit_cast<std::uintptr_t>(next_) & 15;
    if (static_cast<std::size_t>(end_ - next_) < bytes) return AllocateSlow(bytes);
    std::byte* result = next_;
    next_ += bytes;
    return result;
  }

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    return new (Allocate(sizeof(T))) T{std::forward<Args>(args)...};
  }

  // `count` value-initialised elements.
  template <typename T>
  std::span<T> NewArray(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 16);
    T* first = static_cast<T*>(Allocate(count * sizeof(T)));
    for (std::size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  // Texts are not aligned.
  std::string_view Copy(std::string_view text);

  // Everything allocated so far is gone; the blocks stay.
  void Reset() {
    if (current_ > 1 || !large_.empty()) return ResetSlow();
    next_ = begin_;
  }

  // Bytes handed out since the last Reset; the unused ends of blocks count.
  std::size_t used() const { return used_before_ + static_cast<std::size_t>(next_ - begin_); }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
  };

  void* AllocateSlow(std::size_t bytes);
  void ResetSlow();

  std::byte* begin_ = nullptr;  // of the block in use
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t current_ = 0;  // index of the block after the one in use
  std::size_t used_before_ = 0;
  std::size_t next_size_;  // of the next block from the heap
  std::vector<Block> blocks_;
  std::vector<Block> large_;  // more than a block each; freed by Reset
};

}  // namespace kro::cel
