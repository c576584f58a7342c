#include "apiserver/internal/ip_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cctype>
#include <cstddef>
#include <string>

namespace kro::apiserver::internal {
namespace {

// inet_pton reads up to a NUL.
bool Reads(int family, std::string_view text) {
  if (text.contains('\0')) return false;
  in6_addr address;
  return inet_pton(family, std::string(text).c_str(), &address) == 1;
}

}  // namespace

bool IsIpv4Text(std::string_view text) { return Reads(AF_INET, text); }

bool IsIpv6Text(std::string_view text) { return Reads(AF_INET6, text); }

std::string WithoutLeadingZeros(std::string_view address) {
  const auto is_digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::string plain;
  bool begins = true;  // nothing but zeros since the last separator
  for (std::size_t i = 0; i < address.size(); ++i) {
    const bool digit = is_digit(address[i]);
    const bool more = i + 1 < address.size() && is_digit(address[i + 1]);
    if (begins && address[i] == '0' && more) continue;
    begins = !digit;
    plain += address[i];
  }
  return plain;
}

}  // namespace kro::apiserver::internal
