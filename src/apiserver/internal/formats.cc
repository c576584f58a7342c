#include "apiserver/internal/formats.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>

#include "apiserver/internal/ip_text.h"
#include "apiserver/internal/mail_address.h"
#include "cel/library/url_value.h"
#include "cel/value.h"

namespace kro::apiserver::internal {
namespace {

using Check = bool (*)(std::string_view text);

const std::map<std::string_view, Check>& Checks();
std::string WithoutDashes(std::string_view format);

bool Matches(std::string_view text, const re2::RE2& expression) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), expression);
}

bool IsDate(std::string_view text);
bool IsDateTime(std::string_view text);
bool IsDuration(std::string_view text);
bool IsUri(std::string_view text);
bool HasRequestHost(std::string_view uri);
bool IsHostname(std::string_view text);
bool IsIp(std::string_view text);
bool IsIpv4(std::string_view text);
bool IsIpv6(std::string_view text);
bool IsCidr(std::string_view text);
bool IsMac(std::string_view text);
bool IsBase64(std::string_view text);
bool IsIsbn10(std::string_view text);
bool IsIsbn13(std::string_view text);
bool IsIsbn(std::string_view text) { return IsIsbn10(text) || IsIsbn13(text); }
bool IsCreditCard(std::string_view text);
bool IsObjectId(std::string_view text);
bool IsShortName(std::string_view text);
bool IsLongName(std::string_view text);

}  // namespace

std::string CheckedFormat(const std::vector<std::string>& types, std::string_view format) {
  if (format.empty()) return {};
  const std::string_view type = types.size() == 1 ? std::string_view(types[0]) : std::string_view();
  return IsKnownFormat(type, format) ? std::string(format) : std::string();
}

bool IsKnownFormat(std::string_view type, std::string_view format) {
  if (type.empty() || type == "string") return Checks().contains(WithoutDashes(format));
  if (type == "integer") return format == "int32" || format == "int64";
  return type == "number" && (format == "float" || format == "double");
}

bool HasFormat(std::string_view format, std::string_view text) {
  auto check = Checks().find(WithoutDashes(format));
  return check == Checks().end() || check->second(text);
}

namespace {

const std::map<std::string_view, Check>& Checks() {
  static const auto& checks = *new std::map<std::string_view, Check>{
      {"bsonobjectid", IsObjectId},
      {"uri", IsUri},
      {"email", IsMailAddress},
      {"hostname", IsHostname},
      {"ipv4", IsIpv4},
      {"ipv6", IsIpv6},
      {"cidr", IsCidr},
      {"mac", IsMac},
      {"uuid",
       [](std::string_view text) {
         static const re2::RE2 pattern(
             "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}");
         return Matches(text, pattern);
       }},
      {"uuid3",
       [](std::string_view text) {
         static const re2::RE2 pattern(
             "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}");
         return Matches(text, pattern);
       }},
      {"uuid4",
       [](std::string_view text) {
         static const re2::RE2 pattern(
             "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}");
         return Matches(text, pattern);
       }},
      {"uuid5",
       [](std::string_view text) {
         static const re2::RE2 pattern(
             "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}");
         return Matches(text, pattern);
       }},
      {"isbn", IsIsbn},
      {"isbn10", IsIsbn10},
      {"isbn13", IsIsbn13},
      {"creditcard", IsCreditCard},
      {"ssn",
       [](std::string_view text) {
         static const re2::RE2 pattern("\\d{3}[- ]?\\d{2}[- ]?\\d{4}");
         return Matches(text, pattern);
       }},
      {"hexcolor",
       [](std::string_view text) {
         static const re2::RE2 pattern("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})");
         return Matches(text, pattern);
       }},
      {"rgbcolor",
       [](std::string_view text) {
         static const re2::RE2 pattern(
             "rgb\\(\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-"
             "4]"
             "\\d|25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*\\)");
         return Matches(text, pattern);
       }},
      {"byte", IsBase64},
      {"password", [](std::string_view) { return true; }},
      {"date", IsDate},
      {"duration", IsDuration},
      {"datetime", IsDateTime},
      {"k8sshortname", IsShortName},
      {"k8slongname", IsLongName},
  };
  return checks;
}

std::string WithoutDashes(std::string_view format) {
  std::string plain(format);
  std::erase(plain, '-');
  return plain;
}

bool IsDate(std::string_view text) {
  static const re2::RE2 pattern("(\\d{4})-(\\d{2})-(\\d{2})");
  int year = 0;
  int month = 0;
  int day = 0;
  if (!re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern, &year, &month,
                           &day)) {
    return false;
  }
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool IsDateTime(std::string_view text) {
  const std::size_t t = text.find_first_of("tT");
  if (t == std::string_view::npos || !IsDate(text.substr(0, t))) return false;
  static const re2::RE2 pattern(
      "(?i)([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})");
  int hour = 0;
  int minute = 0;
  int second = 0;
  std::string_view rest = text.substr(t + 1);
  // What stands behind a second T is not looked at.
  rest = rest.substr(0, rest.find_first_of("tT"));
  return re2::RE2::FullMatch(re2::StringPiece(rest.data(), rest.size()), pattern, &hour, &minute,
                             &second) &&
         hour <= 23 && minute <= 59 && second <= 59;
}

bool IsDuration(std::string_view text) {
  if (cel::ParseDuration(text)) return true;
  // As Scala writes them: "2 minutes". One number with a unit is enough, wherever it stands.
  static const re2::RE2 pattern(
      "(?i)\\d+\\s*(?:(?:ns|us|µs|ms|s|m|h|hr|d|w|wk)(?:[^a-zµ]|$)|(?:nano|micro|milli|sec|min|"
      "hour|day|"
      "week))");
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

bool IsUri(std::string_view text) { return cel::Url::IsValid(text) && HasRequestHost(text); }

// What url.ParseRequestURI asks of the host since Go 1.26, and expressions, which have the older parser, do not:
// brackets hold an address of IPv6, and where the scheme is http one colon stands before the port.
bool HasRequestHost(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, uri.find(':'));
  uri.remove_prefix(scheme.size());
  if (scheme.starts_with('/') || !uri.starts_with("://")) return true;
  uri.remove_prefix(3);
  const std::string_view authority = uri.substr(0, uri.find_first_of("/?"));
  const std::string_view host = authority.substr(authority.rfind('@') + 1);
  if (host.contains('[')) {
    const std::string_view address = host.substr(1, host.rfind(']') - 1);
    const std::size_t zone = address.find("%25");
    const bool empty_zone = zone != std::string_view::npos && zone + 3 == address.size();
    return host.rfind('[') == 0 && !empty_zone && IsIpv6Text(address.substr(0, zone));
  }
  static const re2::RE2 http("(?i)https?");
  return !Matches(scheme, http) || std::ranges::count(host, ':') <= 1;
}

// One label alone may have one dash, after its first character; with dots, dashes stand anywhere inside
// and the last label is letters.
bool IsHostname(std::string_view text) {
  static const re2::RE2 alone("[a-zA-Z0-9\\pS\\pL]-?[a-zA-Z0-9\\pS\\pL]*");
  static const re2::RE2 label("[a-zA-Z0-9\\pS\\pL](?:[a-zA-Z0-9\\-\\pS\\pL]*[a-zA-Z0-9\\pS\\pL])?");
  static const re2::RE2 last("[a-zA-Z\\pL][a-zA-Z\\pL]+");
  if (text.size() > 255) return false;
  if (!text.contains('.')) return text.size() <= 63 && Matches(text, alone);
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.size() > 63 || !Matches(part, dot == std::string_view::npos ? last : label))
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsIp(std::string_view text) {
  const std::string plain = WithoutLeadingZeros(text);
  return IsIpv4Text(plain) || IsIpv6Text(plain);
}

// What holds an address of IPv4 at its end is one of both.
bool IsIpv4(std::string_view text) { return text.contains('.') && IsIp(text); }

// Unlike the others, without leading zeros.
bool IsIpv6(std::string_view text) { return IsIpv6Text(text); }

bool IsCidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !IsIp(text.substr(0, slash))) return false;
  static const re2::RE2 digits("0*[0-9]{1,3}");
  const std::string_view bits = text.substr(slash + 1);
  const int most = text.substr(0, slash).contains(':') ? 128 : 32;
  return Matches(bits, digits) && std::stoi(WithoutLeadingZeros(bits)) <= most;
}

bool IsMac(std::string_view text) {
  static const re2::RE2 pattern(
      "(?i)(([0-9a-f]{2}:){5}([0-9a-f]{2}:){0,2}[0-9a-f]{2}|([0-9a-f]{2}:){19}[0-9a-f]{2}|"
      "([0-9a-f]{2}-){5}([0-9a-f]{2}-){0,2}[0-9a-f]{2}|([0-9a-f]{2}-){19}[0-9a-f]{2}|"
      "([0-9a-f]{4}\\.){2}([0-9a-f]{4}\\.)?[0-9a-f]{4}|([0-9a-f]{4}\\.){9}[0-9a-f]{4})");
  return Matches(text, pattern);
}

bool IsBase64(std::string_view text) {
  static const re2::RE2 pattern(
      "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})");
  return Matches(text, pattern);
}

std::string Digits(std::string_view text, std::string_view also = {}) {
  std::string digits;
  for (char c : text) {
    if ((c >= '0' && c <= '9') || also.contains(c)) digits += c;
  }
  return digits;
}

bool IsIsbn10(std::string_view text) {
  static const re2::RE2 pattern("(?:[0-9]{9}X|[0-9]{10})");
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '-' || c == ' '; });
  if (!Matches(plain, pattern)) return false;
  int sum = 0;
  for (int i = 0; i < 10; ++i) {
    const char c = plain[static_cast<std::size_t>(i)];
    sum += (i + 1) * (c == 'X' ? 10 : c - '0');
  }
  return sum % 11 == 0;
}

bool IsIsbn13(std::string_view text) {
  static const re2::RE2 pattern("[0-9]{13}");
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '-' || c == ' '; });
  if (!Matches(plain, pattern)) return false;
  int sum = 0;
  for (std::size_t i = 0; i < 13; ++i) sum += (i % 2 == 0 ? 1 : 3) * (plain[i] - '0');
  return sum % 10 == 0;
}

bool IsCreditCard(std::string_view text) {
  static const re2::RE2 pattern(
      "(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:"
      "0"
      "[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11})");
  const std::string digits = Digits(text);
  if (!Matches(digits, pattern)) return false;
  int sum = 0;
  bool twice = false;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, twice = !twice) {
    int value = *digit - '0';
    if (twice) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 == 0;
}

bool IsObjectId(std::string_view text) {
  static const re2::RE2 pattern("(?i)[0-9a-f]{24}");
  return Matches(text, pattern);
}

bool IsShortName(std::string_view text) {
  static const re2::RE2 pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  return text.size() <= 63 && Matches(text, pattern);
}

bool IsLongName(std::string_view text) {
  static const re2::RE2 pattern("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  return text.size() <= 253 && Matches(text, pattern);
}

}  // namespace
}  // namespace kro::apiserver::internal
