#include "apiserver/internal/query.h"

#include <algorithm>

namespace kro::apiserver {
namespace {

int HexDigit(char c);
bool SameWord(std::string_view a, std::string_view lower);

}  // namespace

QueryParameters::QueryParameters(std::string_view text) {
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty() || part.find(';') != std::string_view::npos) continue;
    std::size_t equals = part.find('=');
    auto name = PercentDecode(part.substr(0, equals), PlusIs::kSpace);
    auto value = equals == std::string_view::npos
                     ? std::optional<std::string>("")
                     : PercentDecode(part.substr(equals + 1), PlusIs::kSpace);
    if (name && value) parameters_.emplace_back(std::move(*name), std::move(*value));
  }
}

std::optional<std::string_view> QueryParameters::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view QueryParameters::Get(std::string_view name) const {
  return Find(name).value_or(std::string_view());
}

std::vector<std::string_view> QueryParameters::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : parameters_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

bool QueryParameters::IsOn(std::string_view name) const {
  auto value = Find(name);
  return value && *value != "0" && !SameWord(*value, "false");
}

std::optional<std::string> PercentDecode(std::string_view text, PlusIs plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      int high = HexDigit(text[i + 1]);
      int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i] == '+' && plus == PlusIs::kSpace ? ' ' : text[i];
    }
  }
  return decoded;
}

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool SameWord(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
  });
}

}  // namespace
}  // namespace kro::apiserver
