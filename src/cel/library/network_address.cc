#include "cel/library/network_address.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/go_quote.h"

namespace kro::cel {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

// What a text holds, before zones and mapped addresses are refused.
struct Scanned {
  Bytes bytes{};
  int family = 4;
  bool zone = false;

  bool IsMapped() const;
};

// The message of the first thing wrong, without the name of the parser.
Result<Scanned> Scan(std::string_view text);
Result<Scanned> ScanIpv6(std::string_view text);
Result<void> ScanIpv4(std::string_view whole, std::string_view part, std::span<std::uint8_t> out);
std::unexpected<Error> Wrong(std::string_view text, std::string_view message,
                             std::string_view at = {});
int HexDigit(char c);

}  // namespace

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  auto scanned = Scan(text);
  if (!scanned) {
    return Fail(ErrorCode::kInvalid, "IP Address {} parse error during conversion from string: {}",
                GoQuote(text), scanned.error().message());
  }
  if (scanned->zone) {
    return Fail(ErrorCode::kInvalid, "IP address {} with zone value is not allowed", GoQuote(text));
  }
  if (scanned->IsMapped()) {
    return Fail(ErrorCode::kInvalid, "IPv4-mapped IPv6 address {} is not allowed", GoQuote(text));
  }
  IpAddress address;
  address.family_ = scanned->family;
  address.bytes_ = scanned->bytes;
  return address;
}

Result<int> IpAddress::FamilyOf(std::string_view text) {
  auto scanned = Scan(text);
  if (!scanned) return std::unexpected(scanned.error());
  return scanned->family;
}

bool IpAddress::IsUnspecified() const { return *this == Masked(0); }

bool IpAddress::IsLoopback() const {
  if (family_ == 4) return bytes_[0] == 127;
  Bytes loopback{};
  loopback[15] = 1;
  return bytes_ == loopback;
}

bool IpAddress::IsMulticast() const {
  return family_ == 4 ? (bytes_[0] & 0xF0) == 0xE0 : bytes_[0] == 0xFF;
}

bool IpAddress::IsLinkLocalMulticast() const {
  if (family_ == 4) return bytes_[0] == 224 && bytes_[1] == 0 && bytes_[2] == 0;
  return bytes_[0] == 0xFF && (bytes_[1] & 0x0F) == 0x02;
}

bool IpAddress::IsLinkLocalUnicast() const {
  if (family_ == 4) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xFE && (bytes_[1] & 0xC0) == 0x80;
}

bool IpAddress::IsGlobalUnicast() const {
  bool broadcast = family_ == 4 && std::all_of(bytes_.begin(), bytes_.begin() + 4,
                                               [](std::uint8_t byte) { return byte == 255; });
  return !broadcast && !IsUnspecified() && !IsLoopback() && !IsMulticast() && !IsLinkLocalUnicast();
}

IpAddress IpAddress::Masked(int bits) const {
  IpAddress masked = *this;
  for (int i = 0; i < size(); ++i) {
    int kept = std::clamp(bits - 8 * i, 0, 8);
    masked.bytes_[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xFF00 >> kept);
  }
  return masked;
}

std::string IpAddress::ToString() const {
  if (family_ == 4) return fmt::format("{}.{}.{}.{}", bytes_[0], bytes_[1], bytes_[2], bytes_[3]);
  auto group = [&](std::size_t i) { return bytes_[2 * i] << 8 | bytes_[2 * i + 1]; };

  // The first longest run of at least two zero groups becomes "::".
  std::size_t run_begin = 8;
  std::size_t run_end = 8;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && group(end) == 0) ++end;
    if (end - i >= 2 && end - i > run_end - run_begin) {
      run_begin = i;
      run_end = end;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run_begin) {
      out += "::";
      i = run_end;
      if (i >= 8) break;
    } else if (i > 0) {
      out += ':';
    }
    out += fmt::format("{:x}", group(i));
  }
  return out;
}

Result<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const auto malformed = [&](std::string_view message) {
    return Fail(ErrorCode::kInvalid,
                "network address parse error during conversion from string: network address parse "
                "error during conversion from string: netip.ParsePrefix({}): {}",
                GoQuote(text), message);
  };
  std::size_t slash = text.rfind('/');
  if (slash == text.npos) return malformed("no '/'");
  auto scanned = Scan(text.substr(0, slash));
  if (!scanned) return malformed(scanned.error().message());
  if (scanned->zone) return malformed("IPv6 zones cannot be present in a prefix");

  std::string_view digits = text.substr(slash + 1);
  int bits = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  bool sign_or_zero = digits.size() > 1 && (digits[0] < '1' || digits[0] > '9');
  bool other = end != digits.data() + digits.size() || error == std::errc::invalid_argument;
  if (sign_or_zero || other || error != std::errc() || bits < 0) {
    return malformed("bad bits after slash: " + GoQuote(digits));
  }
  if (bits > (scanned->family == 4 ? 32 : 128)) return malformed("prefix length out of range");
  if (scanned->IsMapped()) {
    return Fail(ErrorCode::kInvalid,
                "network address parse error during conversion from string: IPv4-mapped IPv6 "
                "address {} is not allowed",
                GoQuote(text));
  }
  IpAddress address;
  address.family_ = scanned->family;
  address.bytes_ = scanned->bytes;
  return IpNetwork(address, bits);
}

bool IpNetwork::Contains(const IpAddress& address) const {
  return address.family() == address_.family() &&
         address.Masked(prefix_length_) == address_.Masked(prefix_length_);
}

bool IpNetwork::Contains(const IpNetwork& other) const {
  return Contains(other.address_) && prefix_length_ <= other.prefix_length_;
}

std::string IpNetwork::ToString() const {
  return fmt::format("{}/{}", address_.ToString(), prefix_length_);
}

namespace {

bool Scanned::IsMapped() const {
  if (family != 6) return false;
  bool zeros = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; });
  return zeros && bytes[10] == 0xFF && bytes[11] == 0xFF;
}

Result<Scanned> Scan(std::string_view text) {
  std::size_t mark = text.find_first_of(".:%");
  if (mark == text.npos) return Wrong(text, "unable to parse IP");
  if (text[mark] == '%') return Wrong(text, "missing IPv6 address");
  if (text[mark] == ':') return ScanIpv6(text);
  Scanned scanned;
  auto fields = ScanIpv4(text, text, std::span(scanned.bytes).first(4));
  if (!fields) return std::unexpected(fields.error());
  return scanned;
}

Result<Scanned> ScanIpv6(std::string_view text) {
  Scanned scanned{.family = 6};
  std::string_view rest = text;
  if (std::size_t percent = text.find('%'); percent != text.npos) {
    rest = text.substr(0, percent);
    scanned.zone = true;
    if (percent + 1 == text.size()) return Wrong(text, "zone must be a non-empty string");
  }
  Bytes& bytes = scanned.bytes;
  int ellipsis = -1;  // index of the byte where "::" stands
  if (rest.starts_with("::")) {
    ellipsis = 0;
    rest.remove_prefix(2);
    if (rest.empty()) return scanned;
  }

  std::size_t filled = 0;
  while (filled < 16) {
    std::size_t digits = 0;
    unsigned value = 0;
    while (digits < rest.size() && HexDigit(rest[digits]) >= 0) {
      value = (value << 4) + static_cast<unsigned>(HexDigit(rest[digits]));
      if (digits > 3) return Wrong(text, "each group must have 4 or less digits", rest);
      ++digits;
    }
    if (digits == 0) {
      return Wrong(text, "each colon-separated field must have at least one digit", rest);
    }
    if (digits < rest.size() && rest[digits] == '.') {
      if (ellipsis < 0 && filled != 12) {
        return Wrong(text, "embedded IPv4 address must replace the final 2 fields of the address",
                     rest);
      }
      if (filled + 4 > 16) {
        return Wrong(text, "too many hex fields to fit an embedded IPv4 at the end of the address",
                     rest);
      }
      auto fields = ScanIpv4(text, rest, std::span(bytes).subspan(filled, 4));
      if (!fields) return std::unexpected(fields.error());
      rest = {};
      filled += 4;
      break;
    }
    bytes[filled++] = static_cast<std::uint8_t>(value >> 8);
    bytes[filled++] = static_cast<std::uint8_t>(value);
    rest.remove_prefix(digits);
    if (rest.empty()) break;
    if (rest[0] != ':') return Wrong(text, "unexpected character, want colon", rest);
    if (rest.size() == 1) return Wrong(text, "colon must be followed by more characters", rest);
    rest.remove_prefix(1);
    if (rest[0] == ':') {
      if (ellipsis >= 0) return Wrong(text, "multiple :: in address", rest);
      ellipsis = static_cast<int>(filled);
      rest.remove_prefix(1);
      if (rest.empty()) break;
    }
  }
  if (!rest.empty()) return Wrong(text, "trailing garbage after address", rest);
  if (filled < 16) {
    if (ellipsis < 0) return Wrong(text, "address string too short");
    std::rotate(bytes.begin() + ellipsis, bytes.begin() + static_cast<int>(filled), bytes.end());
  } else if (ellipsis >= 0) {
    return Wrong(text, "the :: must expand to at least one field of zeros");
  }
  return scanned;
}

// Reads the four numbers of `part`, the end of the address `whole`.
Result<void> ScanIpv4(std::string_view whole, std::string_view part, std::span<std::uint8_t> out) {
  std::size_t field = 0;
  int value = 0;
  int digits = 0;
  for (std::size_t i = 0; i < part.size(); ++i) {
    char c = part[i];
    if (c >= '0' && c <= '9') {
      if (digits == 1 && value == 0) return Wrong(whole, "IPv4 field has octet with leading zero");
      value = value * 10 + (c - '0');
      ++digits;
      if (value > 255) return Wrong(whole, "IPv4 field has value >255");
    } else if (c == '.') {
      if (i == 0 || i + 1 == part.size() || part[i - 1] == '.') {
        return Wrong(whole, "IPv4 field must have at least one digit", part.substr(i));
      }
      if (field == 3) return Wrong(whole, "IPv4 address too long");
      out[field++] = static_cast<std::uint8_t>(value);
      value = 0;
      digits = 0;
    } else {
      return Wrong(whole, "unexpected character", part.substr(i));
    }
  }
  if (field < 3) return Wrong(whole, "IPv4 address too short");
  out[3] = static_cast<std::uint8_t>(value);
  return {};
}

std::unexpected<Error> Wrong(std::string_view text, std::string_view message, std::string_view at) {
  if (at.empty()) return Fail(ErrorCode::kInvalid, "ParseAddr({}): {}", GoQuote(text), message);
  return Fail(ErrorCode::kInvalid, "ParseAddr({}): {} (at {})", GoQuote(text), message,
              GoQuote(at));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace
}  // namespace kro::cel
