// AddressPool: the cluster addresses and node ports that Services have, and who is next.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace kro::apiserver {

// 10.96.0.0/12 as kubeadm has it, and ports 30000 to 32767.
class AddressPool {
 public:
  // An address that nobody has; "" if none is left.
  std::string TakeAddress();
  // False if somebody has it or it lies outside the range.
  bool TakeAddress(std::string_view address);
  void ReturnAddress(std::string_view address) { addresses_.erase(std::string(address)); }
  // 0 if none is left.
  int TakePort();
  bool TakePort(int port);
  void ReturnPort(int port) { ports_.erase(port); }

  static bool IsInRange(std::string_view address);
  // The last two bytes of an IPv4 address as a number; 0 for what is none.
  static std::uint32_t LastBytes(std::string_view address);

 private:
  std::set<std::string, std::less<>> addresses_;
  std::set<int> ports_;
  std::uint32_t next_address_ = 10;
  int next_port_ = 30000;
};

}  // namespace kro::apiserver
