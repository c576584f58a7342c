#include "http/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace kro::http {
namespace {

Environment Variables(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

struct NoProxyCase {
  const char* no_proxy;
  const char* host;
  std::uint16_t port;
  bool direct;
};

const NoProxyCase kCases[] = {
    {"", "a.com", 443, false},
    {"*", "a.com", 443, true},
    // names
    {"a.com", "a.com", 443, true},
    {"a.com", "x.a.com", 443, true},
    {"a.com", "ba.com", 443, false},
    {"A.COM", "x.a.com", 443, true},
    {".a.com", "a.com", 443, false},
    {".a.com", "x.a.com", 443, true},
    {"*.a.com", "x.a.com", 443, true},
    {"b.com, a.com", "a.com", 443, true},
    // ports
    {"a.com:443", "a.com", 443, true},
    {"a.com:80", "a.com", 443, false},
    {"10.0.0.1:6443", "10.0.0.1", 6443, true},
    {"[fd00::1]:6443", "fd00::1", 6443, true},
    // addresses and ranges
    {"10.0.0.1", "10.0.0.1", 443, true},
    {"10.0.0.0/8", "10.200.3.4", 443, true},
    {"10.0.0.0/8", "11.0.0.1", 443, false},
    {"10.0.0.0/33", "10.0.0.1", 443, false},
    {"10.0.0.0/8", "ten.example", 443, false},
    {"fd00::/16", "fd00::1", 443, true},
    {"fd00::1", "fd00:0::1", 443, true},
    {"::/0", "10.0.0.1", 443, false},
    // never proxied
    {"", "localhost", 443, true},
    {"", "127.0.0.53", 443, true},
    {"", "::1", 443, true},
};

TEST(ProxyFor, NoProxyExcludesAsInGo) {
  for (const NoProxyCase& c : kCases) {
    const auto environment =
        Variables({{"HTTPS_PROXY", "http://proxy:3128"}, {"NO_PROXY", c.no_proxy}});
    EXPECT_EQ(!ProxyFor("https", c.host, c.port, environment).has_value(), c.direct)
        << "NO_PROXY=" << c.no_proxy << " host " << c.host << ":" << c.port;
  }
}

TEST(ProxyFor, TakesTheVariableOfTheScheme) {
  const auto environment =
      Variables({{"https_proxy", "socks5://s:1080"}, {"HTTP_PROXY", "p:3128"}});
  EXPECT_EQ(ProxyFor("https", "a.com", 443, environment), "socks5://s:1080");
  EXPECT_EQ(ProxyFor("http", "a.com", 80, environment), "http://p:3128");
}

TEST(ProxyFor, UpperCaseComesFirstUnlessItIsEmpty) {
  EXPECT_EQ(ProxyFor("http", "a.com", 80, Variables({{"HTTP_PROXY", "u"}, {"http_proxy", "l"}})),
            "http://u");
  EXPECT_EQ(ProxyFor("http", "a.com", 80, Variables({{"HTTP_PROXY", ""}, {"http_proxy", "l"}})),
            "http://l");
  EXPECT_EQ(ProxyFor("http", "a.com", 80, Variables({})), std::nullopt);
}

}  // namespace
}  // namespace kro::http
