// Numbers and JSON text as Go prints them.
//
// Messages and formatted strings are compared by users and tools with those of the original, which
// is written in Go; so these follow its strconv and encoding/json packages to the byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kro::cel {

// Shortest digits that read back as `value`, never an exponent: 1.5e20 is 150000000000000000000.
// NaN is "NaN", infinities are "Infinity" and "-Infinity".
std::string PlainDouble(double value);

// `digits` places after the point; the exact binary value, ties to even.
std::string FixedDouble(double value, int digits);

// One digit, the point, `digits` places, an exponent with sign and two digits.
std::string ScientificDouble(double value, int digits);

// A finite double as encoding/json writes it: 1e+21, 1e-7, 0.000001, -0.
std::string JsonDouble(double value);

// A JSON string with its quotes; `<`, `>`, `&`, U+2028 and U+2029 are escaped, malformed bytes
// become \ufffd.
std::string JsonQuote(std::string_view text);

// Digits of `value` in base 2, 8, 10 or 16 (lower case).
std::string UintInBase(std::uint64_t value, int base);
std::string IntInBase(std::int64_t value, int base);

// time.Duration's text: 1h30m0s, 1.5s, 100ms, 1µs, 0s.
std::string GoDuration(std::int64_t nanoseconds);

// math.Pow10: 10^exponent, 0 or infinity outside the range of doubles. Products with it round as the
// original's do.
double Pow10(int exponent);

}  // namespace kro::cel
