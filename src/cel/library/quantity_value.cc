#include "cel/library/quantity_value.h"

#include <boost/multiprecision/cpp_int.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "cel/library/go_text.h"

namespace kro::cel {
namespace {

using boost::multiprecision::cpp_int;

constexpr int kNanoDigits = 9;
constexpr std::size_t kMaxDigits = 10'000;

// A text split into its parts; digits without sign, `whole` without leading zeros.
struct Parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::string_view suffix;
};

struct Suffix {
  int base = 10;
  std::int32_t exponent = 0;
  bool scientific = false;  // e3, E-2
};

Result<Parts> Split(std::string_view text);
std::optional<Suffix> ReadSuffix(std::string_view text);
cpp_int PowerOfTen(int exponent);
std::optional<std::int64_t> TimesPowerOfTen(std::int64_t value, std::int32_t exponent);
std::optional<std::int64_t> ReadInt(std::string_view digits);

constexpr std::array<std::pair<std::string_view, int>, 10> kDecimalSuffixes = {{{"n", -9},
                                                                                {"u", -6},
                                                                                {"m", -3},
                                                                                {"", 0},
                                                                                {"k", 3},
                                                                                {"M", 6},
                                                                                {"G", 9},
                                                                                {"T", 12},
                                                                                {"P", 15},
                                                                                {"E", 18}}};
constexpr std::array<std::pair<std::string_view, int>, 6> kBinarySuffixes = {
    {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}}};

}  // namespace

struct Quantity::Big {
  cpp_int unscaled;
  int fraction_digits = 0;  // the value is unscaled / 10^fraction_digits
};

Result<Quantity> Quantity::Parse(std::string_view text) {
  auto parts = Split(text);
  if (!parts) return std::unexpected(parts.error());
  auto suffix = ReadSuffix(parts->suffix);
  if (!suffix) return Fail(ErrorCode::kInvalid, "unable to parse quantity's suffix");

  Quantity result;
  result.family_ = suffix->base == 2    ? Family::kBinary
                   : suffix->scientific ? Family::kExponent
                                        : Family::kDecimal;
  const auto digits = static_cast<std::int64_t>(parts->whole.size() + parts->fraction.size());

  // The compact form; the conditions decide what counts as an integer later, so they are kept as
  // they are, arbitrary as the one for binary suffixes looks.
  std::int64_t scale =
      std::int64_t{suffix->exponent} - static_cast<std::int64_t>(parts->fraction.size());
  bool compact = false;
  std::int64_t factor = 1;
  if (suffix->base == 10) {
    compact = digits <= 18 && scale >= -kNanoDigits;
  } else if (parts->fraction.empty()) {
    scale = 0;
    factor = std::int64_t{1} << suffix->exponent;
    compact = 15 - digits -
                  static_cast<std::int64_t>(static_cast<float>(suffix->exponent) * 3 / 10) - 1 >=
              0;
  }
  if (compact) {
    auto value = ReadInt(std::string(parts->whole) + std::string(parts->fraction));
    std::int64_t product = 0;
    if (value && !__builtin_mul_overflow(*value, factor, &product) &&
        scale <= static_cast<std::int64_t>(kMaxDigits)) {
      result.value_ = parts->negative ? -product : product;
      result.scale_ = static_cast<std::int32_t>(scale);
      return result;
    }
  }

  if (digits > static_cast<std::int64_t>(kMaxDigits) ||
      suffix->exponent > static_cast<std::int64_t>(kMaxDigits)) {
    return Fail(ErrorCode::kInvalid, "unable to parse numeric part of quantity");
  }
  std::string all = std::string(parts->whole) + std::string(parts->fraction);
  all.erase(0, std::min(all.find_first_not_of('0'), all.size() - 1));
  cpp_int unscaled(all);
  if (suffix->base == 2) unscaled <<= suffix->exponent;

  // To nine fraction digits, away from zero: who asks for a little gets the least there is.
  std::int64_t fraction = static_cast<std::int64_t>(parts->fraction.size());
  if (suffix->base == 10) fraction -= suffix->exponent;
  if (unscaled == 0) {
    fraction = 0;
  } else if (fraction > kNanoDigits) {
    if (fraction - kNanoDigits > static_cast<std::int64_t>(2 * kMaxDigits)) {
      unscaled = 1;
    } else {
      cpp_int divisor = PowerOfTen(static_cast<int>(fraction - kNanoDigits));
      unscaled = (unscaled + divisor - 1) / divisor;
    }
    fraction = kNanoDigits;
  } else if (fraction < kNanoDigits) {
    unscaled *= PowerOfTen(static_cast<int>(kNanoDigits - fraction));
    fraction = kNanoDigits;
  }
  if (result.family_ == Family::kBinary) {
    // Binary quantities end at the largest int64; below one they are written in decimal.
    cpp_int largest =
        cpp_int(std::numeric_limits<std::int64_t>::max()) * PowerOfTen(static_cast<int>(fraction));
    if (unscaled > largest) unscaled = largest;
    if (unscaled > 0 && unscaled < PowerOfTen(static_cast<int>(fraction)))
      result.family_ = Family::kDecimal;
  }
  if (parts->negative) unscaled = -unscaled;
  result.big_ = std::make_shared<Big>(Big{std::move(unscaled), static_cast<int>(fraction)});
  return result;
}

Quantity Quantity::Of(std::int64_t value) {
  Quantity result;
  result.value_ = value;
  result.family_ = Family::kExponent;
  return result;
}

std::optional<std::int64_t> Quantity::AsInt() const {
  if (big_ || scale_ < 0) return std::nullopt;
  return TimesPowerOfTen(value_, scale_);
}

double Quantity::AsApproximateDouble() const {
  double base = big_ ? big_->unscaled.convert_to<double>() : static_cast<double>(value_);
  int exponent = big_ ? -big_->fraction_digits : scale_;
  return exponent == 0 ? base : base * Pow10(exponent);
}

int Quantity::Sign() const {
  if (big_) return big_->unscaled.sign();
  return value_ > 0 ? 1 : value_ < 0 ? -1 : 0;
}

Quantity Quantity::Plus(const Quantity& other) const {
  Quantity result = *this;
  if (Sign() == 0) result.family_ = other.family_;
  if (!big_ && !other.big_) {
    if (other.value_ == 0) return result;
    if (value_ == 0) {
      result.value_ = other.value_;
      result.scale_ = other.scale_;
      return result;
    }
    std::int32_t scale = std::min(scale_, other.scale_);
    auto left = TimesPowerOfTen(value_, scale_ - scale);
    auto right = TimesPowerOfTen(other.value_, other.scale_ - scale);
    std::int64_t sum = 0;
    if (left && right && !__builtin_add_overflow(*left, *right, &sum)) {
      result.value_ = sum;
      result.scale_ = scale;
      return result;
    }
  }
  auto left = ToBig();
  auto right = other.ToBig();
  int fraction = std::max(left->fraction_digits, right->fraction_digits);
  result.big_ =
      std::make_shared<Big>(Big{left->unscaled * PowerOfTen(fraction - left->fraction_digits) +
                                    right->unscaled * PowerOfTen(fraction - right->fraction_digits),
                                fraction});
  return result;
}

Quantity Quantity::Minus(const Quantity& other) const {
  Quantity negated = other;
  if (other.big_) {
    negated.big_ = std::make_shared<Big>(Big{-other.big_->unscaled, other.big_->fraction_digits});
  } else if (other.value_ == std::numeric_limits<std::int64_t>::min()) {
    auto big = other.ToBig();
    negated.big_ = std::make_shared<Big>(Big{-big->unscaled, big->fraction_digits});
  } else {
    negated.value_ = -other.value_;
  }
  return Plus(negated);
}

std::string Quantity::ToString() const {
  if (Sign() == 0) return "0";
  auto big = ToBig();
  cpp_int number = big->unscaled;
  int exponent = -big->fraction_digits;

  if (family_ == Family::kBinary) {
    cpp_int unit = PowerOfTen(big->fraction_digits);
    cpp_int magnitude = abs(number);
    if (magnitude >= unit * 1024 && number % unit == 0) {
      number /= unit;
      std::size_t power = 0;
      while (power < kBinarySuffixes.size() && number % 1024 == 0) {
        number /= 1024;
        ++power;
      }
      return number.str() + std::string(power == 0 ? "" : kBinarySuffixes[power - 1].first);
    }
  }

  while (number % 10 == 0) {
    number /= 10;
    ++exponent;
  }
  while (exponent % 3 != 0) {
    number *= 10;
    --exponent;
  }
  if (family_ != Family::kExponent) {
    for (auto [suffix, power] : kDecimalSuffixes) {
      if (power == exponent) return number.str() + std::string(suffix);
    }
  }
  return exponent == 0 ? number.str() : fmt::format("{}e{}", number.str(), exponent);
}

Quantity::Plain Quantity::ToPlain(std::string& digits) const {
  Plain plain{value_, scale_, static_cast<std::uint8_t>(family_), {}};
  if (big_) {
    digits = big_->unscaled.str();
    plain.digits = digits;
    plain.scale = -big_->fraction_digits;
  }
  return plain;
}

Quantity Quantity::FromPlain(const Plain& plain) {
  Quantity result;
  result.family_ = static_cast<Family>(plain.family);
  if (plain.digits.empty()) {
    result.value_ = plain.value;
    result.scale_ = plain.scale;
  } else {
    result.big_ = std::make_shared<Big>(Big{cpp_int(std::string(plain.digits)), -plain.scale});
  }
  return result;
}

int Quantity::Compare(const Quantity& other) const {
  if (!big_ && !other.big_ && scale_ == other.scale_) {
    return value_ < other.value_ ? -1 : value_ > other.value_ ? 1 : 0;
  }
  auto left = ToBig();
  auto right = other.ToBig();
  int fraction = std::max(left->fraction_digits, right->fraction_digits);
  cpp_int a = left->unscaled * PowerOfTen(fraction - left->fraction_digits);
  cpp_int b = right->unscaled * PowerOfTen(fraction - right->fraction_digits);
  return a < b ? -1 : a > b ? 1 : 0;
}

std::shared_ptr<const Quantity::Big> Quantity::ToBig() const {
  if (big_) return big_;
  if (scale_ >= 0) return std::make_shared<Big>(Big{cpp_int(value_) * PowerOfTen(scale_), 0});
  return std::make_shared<Big>(Big{cpp_int(value_), -scale_});
}

namespace {

Result<Parts> Split(std::string_view text) {
  const auto malformed = [] {
    return Fail(ErrorCode::kInvalid,
                "quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  };
  if (text.empty()) return malformed();
  Parts parts;
  std::size_t at = 0;
  auto take = [&](std::string_view allowed) {
    std::size_t end = std::min(text.find_first_not_of(allowed, at), text.size());
    std::string_view taken = text.substr(at, end - at);
    at = end;
    return taken;
  };
  constexpr std::string_view kDigits = "0123456789";
  if (text[0] == '-' || text[0] == '+') {
    parts.negative = text[0] == '-';
    at = 1;
  }
  take("0");
  parts.whole = take(kDigits);
  if (parts.whole.empty()) parts.whole = "0";
  if (at < text.size() && text[at] == '.') {
    ++at;
    parts.fraction = take(kDigits);
  }
  std::size_t suffix = at;
  take("eEinumkKMGTP");
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  take(kDigits);
  if (at < text.size()) return malformed();
  parts.suffix = text.substr(suffix);
  return parts;
}

std::optional<Suffix> ReadSuffix(std::string_view text) {
  for (auto [name, exponent] : kDecimalSuffixes) {
    if (text == name) return Suffix{10, exponent, false};
  }
  for (auto [name, exponent] : kBinarySuffixes) {
    if (text == name) return Suffix{2, exponent, false};
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.size() > 1 && text[0] == '+') text.remove_prefix(1);
  std::int32_t exponent = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Suffix{10, exponent, true};
}

cpp_int PowerOfTen(int exponent) {
  return boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(exponent));
}

std::optional<std::int64_t> TimesPowerOfTen(std::int64_t value, std::int32_t exponent) {
  if (value == 0) return 0;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> ReadInt(std::string_view digits) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace
}  // namespace kro::cel
