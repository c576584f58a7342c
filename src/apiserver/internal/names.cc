#include "apiserver/internal/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::apiserver {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerAlnum(char c) { return IsLower(c) || IsDigit(c); }
bool IsAlnum(char c) { return IsLowerAlnum(c) || IsUpper(c); }
bool IsLabel(std::string_view text);
bool IsSubdomain(std::string_view text);
// Alphanumeric at both ends, '-', '_' and '.' between.
bool IsNamePart(std::string_view text);
std::string TooLong(std::size_t most) { return fmt::format("must be no more than {} bytes", most); }

constexpr std::string_view kSubdomainText =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    R"(validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'))";

}  // namespace

Complaints CheckDns1123Subdomain(std::string_view name) {
  Complaints complaints;
  if (name.size() > 253) complaints.push_back(TooLong(253));
  if (!IsSubdomain(name)) complaints.emplace_back(kSubdomainText);
  return complaints;
}

Complaints CheckDns1123Label(std::string_view name) {
  Complaints complaints;
  if (name.size() > 63) complaints.push_back(TooLong(63));
  if (!IsLabel(name)) {
    if (IsSubdomain(name)) {
      complaints.emplace_back("must not contain dots");
    } else {
      complaints.emplace_back(
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
          "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
          "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
    }
  }
  return complaints;
}

Complaints CheckDns1035Label(std::string_view name) {
  Complaints complaints;
  if (name.size() > 63) complaints.push_back(TooLong(63));
  if (!IsLabel(name) || !IsLower(name.front())) {
    complaints.emplace_back(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')");
  }
  return complaints;
}

Complaints CheckPathSegment(std::string_view name) {
  Complaints complaints;
  if (name == "." || name == "..") complaints.push_back(fmt::format("may not be '{}'", name));
  for (char forbidden : {'/', '%'}) {
    if (name.find(forbidden) != std::string_view::npos) {
      complaints.push_back(fmt::format("may not contain '{}'", forbidden));
    }
  }
  return complaints;
}

Complaints CheckQualifiedName(std::string_view text) {
  Complaints complaints;
  std::string_view name = text;
  if (std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      return {
          "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must "
          "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
          "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') "
          "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    }
    if (prefix.empty()) {
      complaints.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& complaint : CheckDns1123Subdomain(prefix)) {
        complaints.push_back("prefix part " + complaint);
      }
    }
  }
  if (name.empty()) {
    complaints.emplace_back("name part must be non-empty");
  } else if (name.size() > 63) {
    complaints.push_back("name part " + TooLong(63));
  }
  if (!IsNamePart(name)) {
    complaints.emplace_back(
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end "
        "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
        "for "
        "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
  }
  return complaints;
}

Complaints CheckLabelValue(std::string_view value) {
  Complaints complaints;
  if (value.size() > 63) complaints.push_back(TooLong(63));
  if (!value.empty() && !IsNamePart(value)) {
    complaints.emplace_back(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        "'my_value',  or '12345', regex used for validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  }
  return complaints;
}

Complaints CheckConfigMapKey(std::string_view key) {
  Complaints complaints;
  if (key.size() > 253) complaints.push_back(TooLong(253));
  const auto allowed = [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; };
  if (key.empty() || !std::ranges::all_of(key, allowed)) {
    complaints.emplace_back(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
        "'[-._a-zA-Z0-9]+')");
  }
  if (key == ".") complaints.emplace_back("must not be '.'");
  if (key == "..") {
    complaints.emplace_back("must not be '..'");
  } else if (key.starts_with("..")) {
    complaints.emplace_back("must not start with '..'");
  }
  return complaints;
}

namespace {

bool IsLabel(std::string_view text) {
  return !text.empty() && IsLowerAlnum(text.front()) && IsLowerAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

bool IsSubdomain(std::string_view text) {
  while (true) {
    std::size_t dot = text.find('.');
    if (!IsLabel(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsNamePart(std::string_view text) {
  return !text.empty() && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         std::ranges::all_of(text,
                             [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace
}  // namespace kro::apiserver
