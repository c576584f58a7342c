// Which proxy the environment asks for, by the rules of Go's net/http, which the operators of
// Kubernetes set their variables for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kro::http {

// Reads an environment variable; nullopt if it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

Environment ProcessEnvironment();

// HTTPS_PROXY or HTTP_PROXY by `scheme`, upper case before lower; nullopt: connect directly. Loopback
// addresses and "localhost" never have one. NO_PROXY is a list of host names ("a.com" also covers
// its subdomains, ".a.com" only them), addresses and CIDR ranges, each with an optional port, or "*".
// A value without a scheme means http.
std::optional<std::string> ProxyFor(std::string_view scheme, std::string_view host,
                                    std::uint16_t port, const Environment& environment);

}  // namespace kro::http
