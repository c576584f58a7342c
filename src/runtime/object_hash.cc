#include "runtime/object_hash.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/hash.h"

namespace kro::runtime {
namespace {

// What is hashed before the content, so that values of different types differ.
enum class Seed : std::uint64_t {
  kNull,
  kBool,
  kInteger,
  kUnsigned,
  kDouble,
  kString,
  kArray,
  kObject
};

std::uint64_t HashOf(const json::Value& value, int depth);
std::uint64_t HashOfDouble(double number);
std::uint64_t Mix(std::uint64_t a, std::uint64_t b);
template <typename T>
std::uint64_t HashBytes(T scalar, Seed seed);

}  // namespace

std::string ObjectHash(const json::Value& value) {
  return fmt::format("{:016x}", HashOf(value, 0));
}

namespace {

std::uint64_t HashOf(const json::Value& value, int depth) {
  if (depth > json::kMaxDepth) return 0;
  switch (value.kind()) {
    case boost::json::kind::null:
      return HashBytes(std::uint64_t{0}, Seed::kNull);
    case boost::json::kind::bool_:
      return HashBytes(std::uint64_t{value.get_bool()}, Seed::kBool);
    case boost::json::kind::int64:
      return HashBytes(value.get_int64(), Seed::kInteger);
    case boost::json::kind::uint64:
      if (value.get_uint64() <= INT64_MAX) {
        return HashBytes(static_cast<std::int64_t>(value.get_uint64()), Seed::kInteger);
      }
      return HashBytes(value.get_uint64(), Seed::kUnsigned);
    case boost::json::kind::double_:
      return HashOfDouble(value.get_double());
    case boost::json::kind::string:
      return Hash64({value.get_string().data(), value.get_string().size()},
                    static_cast<std::uint64_t>(Seed::kString));
    case boost::json::kind::array: {
      std::uint64_t hash = static_cast<std::uint64_t>(Seed::kArray);
      for (const json::Value& element : value.get_array())
        hash = Mix(hash, HashOf(element, depth + 1));
      return Mix(hash, value.get_array().size());
    }
    case boost::json::kind::object: {
      // A sum, so that the order of members does not matter and nothing has to be sorted.
      std::uint64_t sum = 0;
      for (const auto& member : value.get_object()) {
        sum += Mix(Hash64({member.key().data(), member.key().size()}),
                   HashOf(member.value(), depth + 1));
      }
      return Mix(Mix(static_cast<std::uint64_t>(Seed::kObject), sum), value.get_object().size());
    }
  }
  return 0;
}

std::uint64_t HashOfDouble(double number) {
  constexpr double kLimit = 9007199254740992.0;  // 2^53: below it every integer is exact
  if (std::trunc(number) == number && std::abs(number) <= kLimit) {
    return HashBytes(static_cast<std::int64_t>(number), Seed::kInteger);
  }
  return HashBytes(std::bit_cast<std::uint64_t>(number), Seed::kDouble);
}

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) { return HashBytes(b, static_cast<Seed>(a)); }

template <typename T>
std::uint64_t HashBytes(T scalar, Seed seed) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &scalar, sizeof(T));
  return Hash64({bytes, sizeof(T)}, static_cast<std::uint64_t>(seed));
}

}  // namespace
}  // namespace kro::runtime
