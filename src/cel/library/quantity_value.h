// Quantity: a Kubernetes resource quantity ("500m", "1.5Gi", "2e3") with exact arithmetic.
//
// Small values are an int64 times a power of ten, others have arbitrary precision; which of the two
// a text gets is visible, because only the first kind can be an integer (spec section 4.11).
// Arithmetic is exact. Immutable and cheap to copy.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::cel {

class Quantity {
 public:
  // Reads the text form. kInvalid with the original's texts; also for more than 10,000 digits, where
  // the original would compute for minutes.
  static Result<Quantity> Parse(std::string_view text);

  static Quantity Of(std::int64_t value);

  // The value if it is stored as a scaled int64, without fraction digits, and fits.
  std::optional<std::int64_t> AsInt() const;

  double AsApproximateDouble() const;

  int Sign() const;

  Quantity Plus(const Quantity& other) const;
  Quantity Minus(const Quantity& other) const;

  // The canonical text: no fraction digits, the largest suffix that allows it, in the family of
  // suffixes that the quantity was written with ("1500m", "1Gi", "2e3").
  std::string ToString() const;

  // The same quantity as plain data, for storage where no destructor runs.
  struct Plain {
    std::int64_t value = 0;
    std::int32_t scale = 0;  // power of ten
    std::uint8_t family = 0;
    std::string_view digits;  // not empty: takes the place of `value`, which is too small for it
  };
  // `digits` receives what the result borrows.
  Plain ToPlain(std::string& digits) const;
  static Quantity FromPlain(const Plain& plain);

  friend std::strong_ordering operator<=>(const Quantity& a, const Quantity& b) {
    return a.Compare(b) <=> 0;
  }
  friend bool operator==(const Quantity& a, const Quantity& b) { return a.Compare(b) == 0; }

 private:
  enum class Family { kDecimal, kBinary, kExponent };
  struct Big;  // unscaled integer and a count of fraction digits

  int Compare(const Quantity& other) const;
  std::shared_ptr<const Big> ToBig() const;

  // value_ * 10^scale_, unless big_ is set.
  std::int64_t value_ = 0;
  std::int32_t scale_ = 0;
  std::shared_ptr<const Big> big_;
  Family family_ = Family::kDecimal;
};

}  // namespace kro::cel
