#include "apiserver/internal/ip_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

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

}  // namespace kro::apiserver::internal
