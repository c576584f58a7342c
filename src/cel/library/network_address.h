// IP addresses and networks as CEL rules mean them: no zones, no IPv4-mapped IPv6.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::cel {

class IpAddress {
 public:
  // Strict: no leading zeros, no abbreviations but `::`. kInvalid with the original's texts.
  static Result<IpAddress> Parse(std::string_view text);

  // 4 or 6, of an address as URLs have it: with a zone and mapped from IPv4 too.
  static Result<int> FamilyOf(std::string_view text);

  // 4 or 6.
  int family() const { return family_; }

  bool IsUnspecified() const;
  bool IsLoopback() const;
  bool IsMulticast() const;
  bool IsLinkLocalMulticast() const;
  bool IsLinkLocalUnicast() const;
  // Also true for private networks; false for the IPv4 broadcast address.
  bool IsGlobalUnicast() const;

  // The address with all but its first `bits` bits cleared.
  IpAddress Masked(int bits) const;

  // The canonical text (RFC 5952).
  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class IpNetwork;

  int size() const { return family_ == 4 ? 4 : 16; }

  int family_ = 4;
  std::array<std::uint8_t, 16> bytes_{};  // the first 4 for IPv4
};

// An address with a prefix length; bits after the prefix are kept.
class IpNetwork {
 public:
  static Result<IpNetwork> Parse(std::string_view text);

  const IpAddress& address() const { return address_; }
  int prefix_length() const { return prefix_length_; }

  IpNetwork Masked() const { return {address_.Masked(prefix_length_), prefix_length_}; }
  bool Contains(const IpAddress& address) const;
  bool Contains(const IpNetwork& other) const;
  std::string ToString() const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpNetwork(IpAddress address, int prefix_length)
      : address_(address), prefix_length_(prefix_length) {}

  IpAddress address_;
  int prefix_length_ = 0;
};

}  // namespace kro::cel
