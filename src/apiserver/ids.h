// IdSource: where UIDs, name suffixes and other arbitrary choices come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kro::apiserver {

// The same seed gives the same ids. Not thread-safe.
class IdSource {
 public:
  explicit IdSource(std::uint64_t seed) : state_(seed) {}
  // Seeded by the machine.
  static IdSource Random();

  // A random UUID, "6f1c…-4…".
  std::string Uid();
  // Characters that are safe in names and spell no words.
  std::string Suffix(std::size_t length);
  // In [0, below).
  std::uint64_t Draw(std::uint64_t below);

 private:
  std::uint64_t Next();

  std::uint64_t state_;
};

}  // namespace kro::apiserver
