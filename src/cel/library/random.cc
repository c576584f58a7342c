// kro's random library (spec section 4.14): values that look random and follow from a seed.

#include <array>
#include <cstring>

#include "base/hash.h"
#include "cel/library.h"
#include "cel/library/budget.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value SeededString(Context& context, Args args);
Value SeededInt(Context& context, Args args);

}  // namespace

const Library& RandomLibrary() {
  static const Library library{
      .name = "kro.random",
      .doc = "Values that look random and are the same for the same seed.",
      .overloads = {
          {.function = "random.seededString",
           .id = "random.seededString_int_string",
           .params = {Int(), String()},
           .result = String(),
           .doc = "So many characters of 0-9a-z. They repeat after eight.",
           .examples = {{"random.seededString(6, 'abc')", "'r6qfjs'"},
                        {"random.seededString(0, 'x')",
                         "error: random.seededString length must be positive"}},
           .eval = SeededString},
          {.function = "random.seededInt",
           .id = "random.seededInt_int_int_string",
           .params = {Int(), Int(), String()},
           .result = Int(),
           .doc = "A number from min up to but without max.",
           .examples = {{"random.seededInt(0, 100, 'abc')", "74"},
                        {"random.seededInt(5, 5, 'x')",
                         "error: random.seededInt min must be less than max"}},
           .eval = SeededInt},
      }};
  return library;
}

namespace {

// `count` bytes of the digest from `at` on as a big-endian number.
std::uint64_t BigEndian(const std::array<std::byte, 32>& digest, std::size_t at,
                        std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    number = number << 8 | std::to_integer<std::uint64_t>(digest[at + i]);
  }
  return number;
}

// Names of existing resources were made this way, so the repetition stays.
Value SeededString(Context& context, Args args) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::int64_t length = args[0].AsInt();
  if (length <= 0) return Value::Error("random.seededString length must be positive");
  if (!ChargeText(context, static_cast<std::size_t>(length))) return Value::Error(kBudgetExceeded);
  auto digest = Sha256(args[1].AsString());
  auto size = static_cast<std::size_t>(length);
  char* out = AllocateText(context, size);
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = kAlphabet[BigEndian(digest, 4 * i % digest.size(), 4) % kAlphabet.size()];
  }
  return Value::String({out, size});
}

Value SeededInt(Context&, Args args) {
  std::int64_t min = args[0].AsInt();
  std::int64_t max = args[1].AsInt();
  if (min >= max) return Value::Error("random.seededInt min must be less than max");
  std::uint64_t range = static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min);
  std::uint64_t number = BigEndian(Sha256(args[2].AsString()), 0, 8) % range;
  return Value::Int(static_cast<std::int64_t>(number + static_cast<std::uint64_t>(min)));
}

}  // namespace
}  // namespace kro::cel
