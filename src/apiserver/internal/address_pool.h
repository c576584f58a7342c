// AddressPool: the cluster addresses and node ports that Services have, and who is next.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::apiserver {

// 10.96.0.0/12 as kubeadm has it, and ports 30000 to 32767. Errors have the texts of the real server. The
// lower part of both ranges is given out last, so that it is there for those who ask for a certain one.
class AddressPool {
 public:
  // Any that nobody has.
  Result<std::string> TakeAddress();
  Result<int> TakePort();
  // A certain one.
  Result<void> TakeAddress(std::string_view address);
  Result<void> TakePort(int port);
  bool HasPort(int port) const { return ports_.contains(port); }

  void ReturnAddress(std::string_view address);
  void ReturnPort(int port) { ports_.erase(port); }

  // Whether a Service may have it.
  static bool IsInRange(std::string_view address);
  // The last two bytes of an IPv4 address as a number; 0 for what is none.
  static std::uint32_t LastBytes(std::string_view address);

 private:
  std::set<std::uint32_t> addresses_;
  std::set<int> ports_;
  std::uint32_t next_address_ = 257;  // counted from the start of the range
  int next_port_ = 30086;
};

}  // namespace kro::apiserver
