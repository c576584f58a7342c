#include "cel/library/url_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/go_quote.h"
#include "cel/library/network_address.h"

namespace kro::cel {
namespace {

// The part of a URL that is escaped: each has its own set of plain characters.
enum class Part { kPath, kHost, kZone, kUser, kQuery, kFragment };

Result<std::string> Unescape(std::string_view text, Part part);
// What stands in brackets: an IPv6 address, perhaps with a zone.
Result<std::string> UnescapeAddress(std::string_view text);
std::string Escape(std::string_view text, Part part);
bool MustEscape(char c, Part part);
bool IsValidlyEscapedPath(std::string_view text);
bool IsOptionalPort(std::string_view text);
bool IsUserInfo(std::string_view text);
bool IsAlphanumeric(char c);
int HexDigit(char c);
// Splits "scheme:rest"; the scheme is empty if there is none.
Result<std::pair<std::string_view, std::string_view>> SplitScheme(std::string_view text);
std::pair<std::string_view, std::string_view> SplitPort(std::string_view host);

}  // namespace

Result<Url> Url::Parse(std::string_view text) {
  const auto malformed = [&](const Error& error) {
    return Fail(ErrorCode::kInvalid, "URL parse error during conversion from string: parse {}: {}",
                GoQuote(text), error.message());
  };
  auto request = Read(text, Form::kRequest);
  if (!request) return malformed(request.error());

  // What is a request URI is read again as a reference, where `#` begins a fragment and `//` a host.
  std::size_t hash = text.find('#');
  auto url = Read(text.substr(0, hash), Form::kReference);
  if (!url) return malformed(url.error());
  if (hash != text.npos) {
    auto fragment = Unescape(text.substr(hash + 1), Part::kFragment);
    if (!fragment) return malformed(fragment.error());
    url->fragment_ = std::move(*fragment);
  }
  return url;
}

bool Url::IsValid(std::string_view text) { return Read(text, Form::kRequest).has_value(); }

std::string Url::Hostname() const {
  std::string_view host = SplitPort(host_).first;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

std::string Url::Port() const { return std::string(SplitPort(host_).second); }

std::string Url::EscapedPath() const {
  if (!raw_path_.empty() && IsValidlyEscapedPath(raw_path_)) return raw_path_;
  if (path_ == "*") return "*";
  return Escape(path_, Part::kPath);
}

std::vector<std::pair<std::string, std::vector<std::string>>> Url::Query() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  std::string_view rest = query_;
  while (!rest.empty()) {
    std::size_t end = rest.find('&');
    std::string_view pair = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty() || pair.find(';') != pair.npos) continue;
    std::size_t equals = pair.find('=');
    auto name = Unescape(pair.substr(0, equals), Part::kQuery);
    auto value =
        Unescape(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), Part::kQuery);
    if (!name || !value) continue;
    auto found = std::find_if(out.begin(), out.end(), [&](auto& e) { return e.first == *name; });
    if (found == out.end()) found = out.insert(out.end(), {std::move(*name), {}});
    found->second.push_back(std::move(*value));
  }
  return out;
}

std::string Url::ToString() const {
  std::string out;
  if (!scheme_.empty()) out += scheme_ + ":";
  if (!opaque_.empty()) {
    out += opaque_;
  } else {
    bool has_authority = !scheme_.empty() || !host_.empty() || user_;
    bool omitted = omit_host_ && host_.empty() && !user_;
    if (has_authority && !omitted) {
      if (!host_.empty() || !path_.empty() || user_) out += "//";
      if (user_) {
        out += Escape(user_->first, Part::kUser);
        if (user_->second) out += ":" + Escape(*user_->second, Part::kUser);
        out += "@";
      }
      out += Escape(host_, Part::kHost);
    }
    std::string path = EscapedPath();
    if (!path.empty() && path[0] != '/' && !host_.empty()) out += '/';
    out += path;
  }
  if (force_query_ || !query_.empty()) out += "?" + query_;
  if (!fragment_.empty()) out += "#" + Escape(fragment_, Part::kFragment);
  return out;
}

Result<Url> Url::Read(std::string_view text, Form form) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return Fail(ErrorCode::kInvalid, "net/url: invalid control character in URL");
    }
  }
  if (text.empty() && form == Form::kRequest) return Fail(ErrorCode::kInvalid, "empty url");
  Url url;
  if (text == "*") {
    url.path_ = "*";
    return url;
  }
  auto split = SplitScheme(text);
  if (!split) return std::unexpected(split.error());
  auto [scheme, rest] = *split;
  url.scheme_ = scheme;
  for (char& c : url.scheme_) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }

  if (std::size_t mark = rest.find('?'); mark != rest.npos) {
    url.query_ = rest.substr(mark + 1);
    url.force_query_ = url.query_.empty();
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!url.scheme_.empty()) {
      url.opaque_ = rest;
      return url;
    }
    if (form == Form::kRequest) return Fail(ErrorCode::kInvalid, "invalid URI for request");
    if (rest.substr(0, rest.find('/')).find(':') != rest.npos) {
      return Fail(ErrorCode::kInvalid, "first path segment in URL cannot contain colon");
    }
  }
  bool may_have_host =
      !url.scheme_.empty() || (form == Form::kReference && !rest.starts_with("///"));
  if (may_have_host && rest.starts_with("//")) {
    std::string_view authority = rest.substr(2);
    std::size_t slash = authority.find('/');
    rest = slash == authority.npos ? std::string_view() : authority.substr(slash);
    if (auto read = url.ReadAuthority(authority.substr(0, slash)); !read) {
      return std::unexpected(read.error());
    }
  } else if (!url.scheme_.empty() && rest.starts_with('/')) {
    url.omit_host_ = true;
  }

  auto path = Unescape(rest, Part::kPath);
  if (!path) return std::unexpected(path.error());
  url.path_ = std::move(*path);
  if (Escape(url.path_, Part::kPath) != rest) url.raw_path_ = rest;
  return url;
}

Result<void> Url::ReadAuthority(std::string_view authority) {
  std::size_t at = authority.rfind('@');
  if (auto host = ReadHost(at == authority.npos ? authority : authority.substr(at + 1)); !host) {
    return host;
  }
  if (at == authority.npos) return {};
  std::string_view info = authority.substr(0, at);
  if (!IsUserInfo(info)) return Fail(ErrorCode::kInvalid, "net/url: invalid userinfo");
  std::size_t colon = info.find(':');
  auto name = Unescape(info.substr(0, colon), Part::kUser);
  if (!name) return std::unexpected(name.error());
  user_.emplace(std::move(*name), std::nullopt);
  if (colon == info.npos) return {};
  auto password = Unescape(info.substr(colon + 1), Part::kUser);
  if (!password) return std::unexpected(password.error());
  user_->second = std::move(*password);
  return {};
}

Result<void> Url::ReadHost(std::string_view host) {
  const auto bad_port = [](std::string_view port) {
    return Fail(ErrorCode::kInvalid, "invalid port {} after host", GoQuote(port));
  };
  if (std::size_t open = host.rfind('['); open != host.npos) {
    if (open > 0) return Fail(ErrorCode::kInvalid, "invalid IP-literal");
    std::size_t close = host.rfind(']');
    if (close == host.npos) return Fail(ErrorCode::kInvalid, "missing ']' in host");
    std::string_view port = host.substr(close + 1);
    if (!IsOptionalPort(port)) return bad_port(port);
    auto address = UnescapeAddress(host.substr(1, close - 1));
    if (!address) return std::unexpected(address.error());
    host_ = fmt::format("[{}]{}", *address, port);
    return {};
  }
  // Lists of hosts with ports, as databases have them, are none of the web's.
  const bool strict = scheme_ == "http" || scheme_ == "https";
  if (std::size_t colon = strict ? host.find(':') : host.rfind(':'); colon != host.npos) {
    if (!IsOptionalPort(host.substr(colon))) return bad_port(host.substr(colon));
  }
  auto plain = Unescape(host, Part::kHost);
  if (!plain) return std::unexpected(plain.error());
  host_ = std::move(*plain);
  return {};
}

namespace {

Result<std::string> UnescapeAddress(std::string_view text) {
  // A zone may escape more than the rest of a host (RFC 6874).
  const std::size_t zone = std::min(text.find("%25"), text.size());
  auto address = Unescape(text.substr(0, zone), Part::kHost);
  if (!address) return address;
  auto inside = Unescape(text.substr(zone), Part::kZone);
  if (!inside) return inside;
  *address += *inside;
  auto family = IpAddress::FamilyOf(*address);
  if (!family) return Annotate(family, "invalid host");
  if (*family == 4) return Fail(ErrorCode::kInvalid, "invalid IP-literal");
  return address;
}

Result<std::string> Unescape(std::string_view text, Part part) {
  const auto bad_escape = [](std::string_view escape) {
    return Fail(ErrorCode::kInvalid, "invalid URL escape {}", GoQuote(escape));
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      std::string_view escape = text.substr(i, 3);
      if (escape.size() < 3 || HexDigit(escape[1]) < 0 || HexDigit(escape[2]) < 0) {
        return bad_escape(escape);
      }
      char value = static_cast<char>(HexDigit(escape[1]) << 4 | HexDigit(escape[2]));
      bool percent = escape == "%25";
      if (part == Part::kHost && HexDigit(escape[1]) < 8 && !percent) return bad_escape(escape);
      if (part == Part::kZone && !percent && value != ' ' && MustEscape(value, Part::kHost)) {
        return bad_escape(escape);
      }
      out += value;
      i += 2;
    } else if (c == '+' && part == Part::kQuery) {
      out += ' ';
    } else {
      bool ascii = static_cast<unsigned char>(c) < 0x80;
      if ((part == Part::kHost || part == Part::kZone) && ascii && MustEscape(c, part)) {
        return Fail(ErrorCode::kInvalid, "invalid character {} in host name",
                    GoQuote(std::string_view(&c, 1)));
      }
      out += c;
    }
  }
  return out;
}

std::string Escape(std::string_view text, Part part) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (!MustEscape(c, part)) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

bool MustEscape(char c, Part part) {
  if (IsAlphanumeric(c)) return false;
  auto in = [c](std::string_view set) { return set.find(c) != set.npos; };
  if ((part == Part::kHost || part == Part::kZone) && in("!$&'()*+,;=:[]<>\"")) return false;
  if (in("-_.~")) return false;
  if (in("$&+,/:;=?@")) {
    switch (part) {
      case Part::kPath:
        return c == '?';
      case Part::kUser:
        return in("@/?:");
      case Part::kQuery:
        return true;
      case Part::kFragment:
        return false;
      case Part::kHost:
      case Part::kZone:
        return true;
    }
  }
  return !(part == Part::kFragment && in("!()*"));
}

bool IsValidlyEscapedPath(std::string_view text) {
  constexpr std::string_view kAllowed = "!$&'()*+,;=:@[]%";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kAllowed.find(c) != kAllowed.npos || !MustEscape(c, Part::kPath);
  });
}

bool IsOptionalPort(std::string_view text) {
  if (text.empty()) return true;
  return text[0] == ':' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsUserInfo(std::string_view text) {
  constexpr std::string_view kAllowed = "-._:~!$&'()*+,;=%@";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || kAllowed.find(c) != kAllowed.npos;
  });
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::pair<std::string_view, std::string_view>> SplitScheme(std::string_view text) {
  const std::pair<std::string_view, std::string_view> none{{}, text};
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) continue;
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.') {
      if (i == 0) return none;
      continue;
    }
    if (c != ':') return none;
    if (i == 0) return Fail(ErrorCode::kInvalid, "missing protocol scheme");
    return std::pair{text.substr(0, i), text.substr(i + 1)};
  }
  return none;
}

std::pair<std::string_view, std::string_view> SplitPort(std::string_view host) {
  std::size_t colon = host.rfind(':');
  if (colon == host.npos || !IsOptionalPort(host.substr(colon))) return {host, {}};
  return {host.substr(0, colon), host.substr(colon + 1)};
}

}  // namespace
}  // namespace kro::cel
