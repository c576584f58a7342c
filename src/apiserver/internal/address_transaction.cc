#include "apiserver/internal/address_transaction.h"

#include <algorithm>

namespace kro::apiserver {
namespace {

// What the real server shows in a dry run: its network, and ports from beyond the range.
constexpr std::string_view kDryAddress = "10.96.0.0";
constexpr int kDryPort = 32769;

}  // namespace

AddressTransaction::~AddressTransaction() {
  if (dry_) return;
  for (const std::string& address : taken_addresses_) pool_.ReturnAddress(address);
  for (int port : taken_ports_) pool_.ReturnPort(port);
}

Result<std::string> AddressTransaction::TakeAddress() {
  if (dry_) return std::string(kDryAddress);
  auto address = pool_.TakeAddress();
  if (address) taken_addresses_.push_back(*address);
  return address;
}

Result<int> AddressTransaction::TakePort() {
  if (dry_) {
    taken_ports_.push_back(taken_ports_.empty() ? kDryPort : std::ranges::max(taken_ports_) + 1);
    return taken_ports_.back();
  }
  auto port = pool_.TakePort();
  if (port) taken_ports_.push_back(*port);
  return port;
}

Result<void> AddressTransaction::TakeAddress(std::string_view address) {
  if (dry_) {
    if (AddressPool::IsInRange(address)) return {};
    return Fail(ErrorCode::kInvalid,
                "the provided IP ({}) is not in the valid range. The range of valid IPs is "
                "10.96.0.0/12",
                address);
  }
  auto taken = pool_.TakeAddress(address);
  if (taken) taken_addresses_.emplace_back(address);
  return taken;
}

Result<void> AddressTransaction::TakePort(int port) {
  if (dry_) {
    if (pool_.HasPort(port) || std::ranges::find(taken_ports_, port) != taken_ports_.end()) {
      return Fail(ErrorCode::kConflict, "provided port is already allocated");
    }
    taken_ports_.push_back(port);
    return {};
  }
  auto taken = pool_.TakePort(port);
  if (taken) taken_ports_.push_back(port);
  return taken;
}

void AddressTransaction::Commit() {
  if (dry_) return;
  taken_addresses_.clear();
  taken_ports_.clear();
  for (const std::string& address : returned_addresses_) pool_.ReturnAddress(address);
  for (int port : returned_ports_) pool_.ReturnPort(port);
}

}  // namespace kro::apiserver
