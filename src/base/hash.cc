#include "base/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

namespace kro {

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t Fnv1a64(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

std::uint32_t Fnv1a32(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5;
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x01000193;
  return hash;
}

std::array<std::byte, 32> Sha256(std::string_view bytes) {
  // SHA256() looks the algorithm up by name each time, which takes longer than a short text.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::byte, 32> digest;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             algorithm, nullptr);
  return digest;
}

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace kro
