#include "apiserver/internal/address_pool.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace kro::apiserver {
namespace {

constexpr std::uint32_t kBase = (10U << 24) | (96U << 16);
constexpr std::uint32_t kSize = 1U << 20;
constexpr int kFirstPort = 30000;
constexpr int kLastPort = 32767;

std::optional<std::uint32_t> ParseAddress(std::string_view text);

}  // namespace

Result<std::string> AddressPool::TakeAddress() {
  for (std::uint32_t tried = 0; tried < kSize; ++tried) {
    const std::uint32_t offset = next_address_;
    next_address_ = next_address_ + 1 < kSize - 1 ? next_address_ + 1 : 1;
    const std::uint32_t address = kBase + offset;
    if (!addresses_.insert(address).second) continue;
    return fmt::format("{}.{}.{}.{}", address >> 24, (address >> 16) & 255, (address >> 8) & 255,
                       address & 255);
  }
  return Fail(ErrorCode::kUnavailable, "range is full");
}

Result<int> AddressPool::TakePort() {
  for (int tried = kFirstPort; tried <= kLastPort; ++tried) {
    const int port = next_port_;
    next_port_ = next_port_ < kLastPort ? next_port_ + 1 : kFirstPort;
    if (ports_.insert(port).second) return port;
  }
  return Fail(ErrorCode::kUnavailable, "range is full");
}

Result<void> AddressPool::TakeAddress(std::string_view address) {
  if (!IsInRange(address)) {
    return Fail(ErrorCode::kInvalid, "the provided network does not match the current range");
  }
  if (!addresses_.insert(*ParseAddress(address)).second) {
    return Fail(ErrorCode::kConflict, "provided IP is already allocated");
  }
  return {};
}

Result<void> AddressPool::TakePort(int port) {
  if (port < kFirstPort || port > kLastPort) {
    return Fail(ErrorCode::kInvalid,
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                kFirstPort, kLastPort);
  }
  if (!ports_.insert(port).second) {
    return Fail(ErrorCode::kConflict, "provided port is already allocated");
  }
  return {};
}

void AddressPool::ReturnAddress(std::string_view address) {
  if (auto parsed = ParseAddress(address)) addresses_.erase(*parsed);
}

bool AddressPool::IsInRange(std::string_view address) {
  auto parsed = ParseAddress(address);
  return parsed && *parsed > kBase && *parsed < kBase + kSize - 1;
}

std::uint32_t AddressPool::LastBytes(std::string_view address) {
  return ParseAddress(address).value_or(0) & 0xffff;
}

namespace {

std::optional<std::uint32_t> ParseAddress(std::string_view text) {
  std::uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    std::uint32_t part = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc() || part > 255) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i < 3) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    address = (address << 8) | part;
  }
  return text.empty() ? std::optional(address) : std::nullopt;
}

}  // namespace
}  // namespace kro::apiserver
