#include "cli/go_duration.h"

#include <cctype>
#include <string>

namespace kro::cli {
namespace {

constexpr std::pair<std::string_view, double> kUnits[] = {
    {"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

// Beyond this a duration does not fit 64 bits of nanoseconds.
constexpr double kLimit = 9.2e18;

}  // namespace

Result<Duration> ParseGoDuration(std::string_view text) {
  const auto invalid = [&] {
    return Fail(ErrorCode::kInvalid, "time: invalid duration \"{}\"", text);
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Duration::zero();
  if (rest.empty()) return invalid();
  double total = 0;
  while (!rest.empty()) {
    std::size_t digits = 0;
    while (digits < rest.size() &&
           (std::isdigit(static_cast<unsigned char>(rest[digits])) != 0 || rest[digits] == '.')) {
      ++digits;
    }
    std::size_t end = digits;
    while (end < rest.size() && std::isdigit(static_cast<unsigned char>(rest[end])) == 0 &&
           rest[end] != '.') {
      ++end;
    }
    const std::string number(rest.substr(0, digits));
    const std::string_view unit = rest.substr(digits, end - digits);
    double factor = 0;
    for (const auto& [name, nanoseconds] : kUnits) {
      if (name == unit) factor = nanoseconds;
    }
    if (factor == 0 || number.empty() || number == "." || number.find('.') != number.rfind('.')) {
      return invalid();
    }
    total += std::stod(number) * factor;
    if (total > kLimit) return invalid();
    rest.remove_prefix(end);
  }
  return Duration(static_cast<std::int64_t>(negative ? -total : total));
}

}  // namespace kro::cli
