#include "http/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace kro::http {
namespace {

// An address as 16 bytes; IPv4 mapped into IPv6.
using Address = std::array<unsigned char, 16>;

std::optional<std::string> FirstSet(const Environment& environment, std::string_view a,
                                    std::string_view b);
bool Excludes(std::string_view no_proxy, std::string_view host, std::uint16_t port);
bool EntryCovers(std::string_view entry, std::string_view host, std::uint16_t port);
std::optional<bool> RangeCovers(std::string_view entry, const std::optional<Address>& address);
std::optional<Address> ParseAddress(std::string_view text);
bool IsLoopback(const Address& address);
bool IsMappedIpv4(const Address& address);
std::string Lower(std::string_view text);
std::string_view Trim(std::string_view text);

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::optional<std::string> ProxyFor(std::string_view scheme, std::string_view host,
                                    std::uint16_t port, const Environment& environment) {
  const auto proxy = scheme == "https" ? FirstSet(environment, "HTTPS_PROXY", "https_proxy")
                                       : FirstSet(environment, "HTTP_PROXY", "http_proxy");
  if (!proxy) return std::nullopt;
  if (host == "localhost") return std::nullopt;
  if (const auto address = ParseAddress(host); address && IsLoopback(*address)) return std::nullopt;
  if (const auto no_proxy = FirstSet(environment, "NO_PROXY", "no_proxy");
      no_proxy && Excludes(*no_proxy, host, port)) {
    return std::nullopt;
  }
  if (proxy->find("://") == std::string::npos) return "http://" + *proxy;
  return proxy;
}

namespace {

std::optional<std::string> FirstSet(const Environment& environment, std::string_view a,
                                    std::string_view b) {
  for (std::string_view name : {a, b}) {
    if (auto value = environment(name); value && !value->empty()) return value;
  }
  return std::nullopt;
}

bool Excludes(std::string_view no_proxy, std::string_view host, std::uint16_t port) {
  while (!no_proxy.empty()) {
    const std::size_t comma = no_proxy.find(',');
    const std::string_view entry = Trim(no_proxy.substr(0, comma));
    if (entry == "*" || (!entry.empty() && EntryCovers(entry, host, port))) return true;
    if (comma == std::string_view::npos) break;
    no_proxy.remove_prefix(comma + 1);
  }
  return false;
}

bool EntryCovers(std::string_view entry, std::string_view host, std::uint16_t port) {
  const auto address = ParseAddress(host);
  if (const auto covers = RangeCovers(entry, address)) return *covers;

  // An address without brackets has no port to split off.
  if (const auto whole = ParseAddress(entry)) return address == whole;
  if (const std::size_t colon = entry.rfind(':'); colon != std::string_view::npos) {
    const std::string_view digits = entry.substr(colon + 1);
    std::uint16_t wanted = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wanted);
    if (error == std::errc() && end == digits.data() + digits.size()) {
      if (wanted != port) return false;
      entry = entry.substr(0, colon);
    }
  }
  if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
  if (const auto whole = ParseAddress(entry)) return address == whole;

  std::string name = Lower(entry);
  const std::string lower_host = Lower(host);
  if (name.starts_with("*.")) name.erase(0, 1);
  if (name.starts_with('.')) return lower_host.ends_with(name);
  return lower_host == name || lower_host.ends_with("." + name);
}

// nullopt: `entry` is no CIDR range.
std::optional<bool> RangeCovers(std::string_view entry, const std::optional<Address>& address) {
  const std::size_t slash = entry.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = ParseAddress(entry.substr(0, slash));
  if (!base) return std::nullopt;
  const std::string_view digits = entry.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (IsMappedIpv4(*base)) bits += 96;
  if (bits > 128) return std::nullopt;
  if (!address || IsMappedIpv4(*base) != IsMappedIpv4(*address)) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if (((*base)[bit / 8] & mask) != ((*address)[bit / 8] & mask)) return false;
  }
  return true;
}

std::optional<Address> ParseAddress(std::string_view text) {
  const std::string terminated(text);
  Address address{};
  if (inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  address = {};
  address[10] = address[11] = 0xff;
  if (inet_pton(AF_INET, terminated.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

bool IsMappedIpv4(const Address& address) {
  static constexpr unsigned char kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kPrefix, sizeof(kPrefix)) == 0;
}

bool IsLoopback(const Address& address) {
  if (IsMappedIpv4(address)) return address[12] == 127;
  Address loopback{};
  loopback[15] = 1;
  return address == loopback;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace
}  // namespace kro::http
