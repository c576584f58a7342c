// IP addresses as Go's net.ParseIP reads them: without zone, IPv4 inside IPv6 allowed, no leading zeros.
#pragma once

#include <string_view>

namespace kro::apiserver::internal {

bool IsIpv4Text(std::string_view text);
bool IsIpv6Text(std::string_view text);

}  // namespace kro::apiserver::internal
