#include "cel/library/semver_value.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/go_quote.h"

namespace kro::cel {
namespace {

bool IsNumeric(std::string_view text);
bool IsAlphanumeric(std::string_view text);
bool HasLeadingZero(std::string_view text) { return text.size() > 1 && text[0] == '0'; }
Result<std::uint64_t> ReadUint(std::string_view text);
Result<std::uint64_t> ReadNumber(std::string_view text, std::string_view lower,
                                 std::string_view capital);
Result<void> CheckIdentifier(std::string_view text);
Result<void> CheckBuild(std::string_view text);
// Calls `check` for each part between dots; the first error ends it.
Result<void> ForEachPart(std::string_view text, Result<void> (*check)(std::string_view));
std::strong_ordering CompareIdentifiers(std::string_view a, std::string_view b);

}  // namespace

Result<SemanticVersion> SemanticVersion::Parse(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "Version string empty");
  std::size_t first = text.find('.');
  std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos) {
    return Fail(ErrorCode::kInvalid, "No Major.Minor.Patch elements found");
  }
  SemanticVersion version;
  auto major = ReadNumber(text.substr(0, first), "major", "Major");
  if (!major) return std::unexpected(major.error());
  version.major = *major;
  auto minor = ReadNumber(text.substr(first + 1, second - first - 1), "minor", "Minor");
  if (!minor) return std::unexpected(minor.error());
  version.minor = *minor;

  std::string_view rest = text.substr(second + 1);
  std::optional<std::string_view> build;
  std::optional<std::string_view> prerelease;
  if (std::size_t plus = rest.find('+'); plus != rest.npos) {
    build = rest.substr(plus + 1);
    rest = rest.substr(0, plus);
  }
  if (std::size_t dash = rest.find('-'); dash != rest.npos) {
    prerelease = rest.substr(dash + 1);
    rest = rest.substr(0, dash);
  }
  auto patch = ReadNumber(rest, "patch", "Patch");
  if (!patch) return std::unexpected(patch.error());
  version.patch = *patch;

  if (prerelease) {
    if (auto checked = ForEachPart(*prerelease, CheckIdentifier); !checked) {
      return std::unexpected(checked.error());
    }
    version.prerelease = *prerelease;
  }
  if (build) {
    if (auto checked = ForEachPart(*build, CheckBuild); !checked) {
      return std::unexpected(checked.error());
    }
  }
  return version;
}

std::strong_ordering operator<=>(const SemanticVersion& a, const SemanticVersion& b) {
  if (auto order = a.major <=> b.major; order != 0) return order;
  if (auto order = a.minor <=> b.minor; order != 0) return order;
  if (auto order = a.patch <=> b.patch; order != 0) return order;
  // A version without prerelease comes after those with one.
  if (a.prerelease.empty() || b.prerelease.empty()) {
    return a.prerelease.empty() <=> b.prerelease.empty();
  }
  std::string_view left = a.prerelease;
  std::string_view right = b.prerelease;
  for (;;) {
    std::size_t left_dot = left.find('.');
    std::size_t right_dot = right.find('.');
    auto order = CompareIdentifiers(left.substr(0, left_dot), right.substr(0, right_dot));
    if (order != 0) return order;
    // The one that ends first comes first.
    if (left_dot == left.npos || right_dot == right.npos) {
      return (left_dot != left.npos) <=> (right_dot != right.npos);
    }
    left.remove_prefix(left_dot + 1);
    right.remove_prefix(right_dot + 1);
  }
}

namespace {

bool IsNumeric(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsAlphanumeric(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

Result<std::uint64_t> ReadUint(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Fail(ErrorCode::kInvalid, "strconv.ParseUint: parsing {}: value out of range",
                GoQuote(text));
  }
  if (error != std::errc()) {
    return Fail(ErrorCode::kInvalid, "strconv.ParseUint: parsing {}: invalid syntax",
                GoQuote(text));
  }
  return value;
}

Result<std::uint64_t> ReadNumber(std::string_view text, std::string_view lower,
                                 std::string_view capital) {
  if (!IsNumeric(text)) {
    return Fail(ErrorCode::kInvalid, "Invalid character(s) found in {} number {}", lower,
                GoQuote(text));
  }
  if (HasLeadingZero(text)) {
    return Fail(ErrorCode::kInvalid, "{} number must not contain leading zeroes {}", capital,
                GoQuote(text));
  }
  return ReadUint(text);
}

Result<void> CheckIdentifier(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "Prerelease is empty");
  if (IsNumeric(text)) {
    if (HasLeadingZero(text)) {
      return Fail(ErrorCode::kInvalid,
                  "Numeric PreRelease version must not contain leading zeroes {}", GoQuote(text));
    }
    if (auto number = ReadUint(text); !number) return std::unexpected(number.error());
    return {};
  }
  if (!IsAlphanumeric(text)) {
    return Fail(ErrorCode::kInvalid, "Invalid character(s) found in prerelease {}", GoQuote(text));
  }
  return {};
}

Result<void> CheckBuild(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "Build meta data is empty");
  if (!IsAlphanumeric(text)) {
    return Fail(ErrorCode::kInvalid, "Invalid character(s) found in build meta data {}",
                GoQuote(text));
  }
  return {};
}

Result<void> ForEachPart(std::string_view text, Result<void> (*check)(std::string_view)) {
  for (;;) {
    std::size_t dot = text.find('.');
    if (auto checked = check(text.substr(0, dot)); !checked) return checked;
    if (dot == text.npos) return {};
    text.remove_prefix(dot + 1);
  }
}

// Numbers come before texts; they have no leading zeros, so the shorter is the smaller.
std::strong_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  bool numeric = IsNumeric(a);
  if (numeric != IsNumeric(b)) {
    return numeric ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  if (numeric && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

}  // namespace
}  // namespace kro::cel
