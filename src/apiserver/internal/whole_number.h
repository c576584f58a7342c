// The whole part of a number of a document, which may be larger than any integer.
#pragma once

#include <cmath>
#include <cstdint>

namespace kro::apiserver::internal {

// `number` is not NaN, as no number of JSON is. What is out of range becomes the nearest integer.
inline std::int64_t WholePart(double number) {
  constexpr double kLimit = 0x1p63;
  if (number >= kLimit) return INT64_MAX;
  if (number < -kLimit) return INT64_MIN;
  return static_cast<std::int64_t>(std::trunc(number));
}

}  // namespace kro::apiserver::internal
