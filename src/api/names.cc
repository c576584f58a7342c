#include "api/names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace kro::api {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerAlnum(char c) { return IsLower(c) || IsDigit(c); }
bool IsAlnum(char c) { return IsLowerAlnum(c) || IsUpper(c); }

bool IsDnsLabel(std::string_view text);
void CheckLength(std::string_view name, std::size_t limit, std::vector<std::string>& reasons);

// Sorted, for binary search.
constexpr std::array kReserved = std::to_array<std::string_view>({
    "apiVersion",
    "as",
    "break",
    "const",
    "context",
    "continue",
    "dependencies",
    "dependency",
    "each",
    "else",
    "externalRef",
    "externalReference",
    "externalReferences",
    "externalRefs",
    "false",
    "for",
    "function",
    "graph",
    "if",
    "import",
    "in",
    "instance",
    "item",
    "items",
    "kind",
    "kro",
    "let",
    "loop",
    "metadata",
    "namespace",
    "null",
    "object",
    "package",
    "resource",
    "resourceGraphDefinition",
    "resourcegraphdefinition",
    "resources",
    "return",
    "root",
    "runtime",
    "schema",
    "self",
    "serviceAccountName",
    "spec",
    "status",
    "this",
    "true",
    "var",
    "variables",
    "vars",
    "version",
    "void",
    "while",
});
static_assert(std::ranges::is_sorted(kReserved));

}  // namespace

std::vector<std::string> CheckDns1123Label(std::string_view name) {
  std::vector<std::string> reasons;
  CheckLength(name, 63, reasons);
  if (!IsDnsLabel(name)) {
    reasons.emplace_back(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
        "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
        "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
  }
  return reasons;
}

std::vector<std::string> CheckDns1123Subdomain(std::string_view name) {
  std::vector<std::string> reasons;
  CheckLength(name, 253, reasons);
  bool valid = true;
  for (std::size_t begin = 0; valid && begin <= name.size();) {
    const std::size_t dot = std::min(name.find('.', begin), name.size());
    valid = IsDnsLabel(name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  if (!valid) {
    reasons.emplace_back(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
        "used "
        "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  }
  return reasons;
}

std::vector<std::string> CheckDns1035Label(std::string_view name) {
  std::vector<std::string> reasons;
  CheckLength(name, 63, reasons);
  if (!IsDnsLabel(name) || !IsLower(name.front())) {
    reasons.emplace_back(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
        "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')");
  }
  return reasons;
}

std::vector<std::string> CheckLabelValue(std::string_view value) {
  std::vector<std::string> reasons;
  CheckLength(value, 63, reasons);
  const auto inner = [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; };
  const bool valid = value.empty() || (IsAlnum(value.front()) && IsAlnum(value.back()) &&
                                       std::ranges::all_of(value, inner));
  if (!valid) {
    reasons.emplace_back(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
        "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        "'my_value',  or '12345', regex used for validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  }
  return reasons;
}

bool IsKindName(std::string_view name) {
  return !name.empty() && IsUpper(name.front()) && std::ranges::all_of(name, IsAlnum);
}

bool IsResourceId(std::string_view name) {
  return !name.empty() && IsLower(name.front()) && std::ranges::all_of(name, IsAlnum);
}

bool IsReservedWord(std::string_view name) { return std::ranges::binary_search(kReserved, name); }

namespace {

bool IsDnsLabel(std::string_view text) {
  return !text.empty() && IsLowerAlnum(text.front()) && IsLowerAlnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

void CheckLength(std::string_view name, std::size_t limit, std::vector<std::string>& reasons) {
  if (name.size() > limit) reasons.push_back(fmt::format("must be no more than {} bytes", limit));
}

}  // namespace
}  // namespace kro::api
