#include "apiserver/ids.h"

#include <fmt/format.h>

#include <random>
#include <string_view>

namespace kro::apiserver {

IdSource IdSource::Random() {
  std::random_device device;
  return IdSource((std::uint64_t{device()} << 32) | device());
}

std::string IdSource::Uid() {
  std::uint64_t high = Next();
  std::uint64_t low = Next();
  // Version 4, variant 1 (RFC 9562 section 5.4).
  high = (high & ~std::uint64_t{0xf000}) | 0x4000;
  low = (low & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffff);
}

std::string IdSource::Suffix(std::size_t length) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (std::size_t i = 0; i < length; ++i) suffix += kAlphabet[Draw(kAlphabet.size())];
  return suffix;
}

std::uint64_t IdSource::Draw(std::uint64_t below) { return Next() % below; }

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t IdSource::Next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace kro::apiserver
