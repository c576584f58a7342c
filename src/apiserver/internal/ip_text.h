// IP addresses as Go's net.ParseIP reads them: without zone, IPv4 inside IPv6 allowed, no leading zeros.
#pragma once

#include <string>
#include <string_view>

namespace kro::apiserver::internal {

bool IsIpv4Text(std::string_view text);
bool IsIpv6Text(std::string_view text);

// The same text without leading zeros, which Kubernetes goes on accepting (k8s.io/utils/net, ParseIPSloppy).
std::string WithoutLeadingZeros(std::string_view address);

}  // namespace kro::apiserver::internal
