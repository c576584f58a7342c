// Hashes: fast ones for tables, stable ones for what is stored or compared with others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kro {

// XXH3, 64 bits. For tables and change detection inside and across processes of one build.
std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);

// FNV-1a, 64 and 32 bits (Fowler/Noll/Vo; the offset basis and prime of draft-eastlake-fnv).
std::uint64_t Fnv1a64(std::string_view bytes);
std::uint32_t Fnv1a32(std::string_view bytes);

// SHA-256 (FIPS 180-4), raw bytes.
std::array<std::byte, 32> Sha256(std::string_view bytes);

// Lower-case hexadecimal.
std::string ToHex(std::string_view bytes);

inline std::string_view AsBytes(const std::array<std::byte, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace kro
