// Time as an argument, so that a test owns it.
#pragma once

#include <chrono>

namespace kro {

using Duration = std::chrono::nanoseconds;

// Wall time, UTC, since the Unix epoch: what is written into objects and logs.
using WallTime = std::chrono::sys_time<Duration>;

// Monotonic time, for waiting and measuring; its origin means nothing.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual MonotonicTime Monotonic() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  WallTime Now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  MonotonicTime Monotonic() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace kro
