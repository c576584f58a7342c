// AddressTransaction: what one write takes from an AddressPool and gives back to it.
//
// What is taken is taken at once, so that nobody else gets it; what is given back goes when the write has
// succeeded. Unless it is committed, a transaction leaves the pool as it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/address_pool.h"

namespace kro::apiserver {

class AddressTransaction {
 public:
  enum class Mode { kReal, kDryRun };

  // `pool` outlives it.
  AddressTransaction(AddressPool& pool, Mode mode) : pool_(pool), dry_(mode == Mode::kDryRun) {}
  ~AddressTransaction();
  AddressTransaction(const AddressTransaction&) = delete;
  AddressTransaction& operator=(const AddressTransaction&) = delete;

  // As those of the pool. In a dry run they answer as the real server: with an address and with ports that
  // nobody can have, and to a wish without looking at all that stands against it.
  Result<std::string> TakeAddress();
  Result<int> TakePort();
  Result<void> TakeAddress(std::string_view address);
  Result<void> TakePort(int port);

  void ReturnAddress(std::string_view address) { returned_addresses_.emplace_back(address); }
  void ReturnPort(int port) { returned_ports_.push_back(port); }

  void Commit();

 private:
  AddressPool& pool_;
  const bool dry_;
  std::vector<std::string> taken_addresses_;
  std::vector<int> taken_ports_;
  std::vector<std::string> returned_addresses_;
  std::vector<int> returned_ports_;
};

}  // namespace kro::apiserver
