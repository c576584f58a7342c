// Channel: a bounded queue between tasks, many senders to one receiver.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "async/event.h"

namespace kro::async {

// Thread-safe; one task at a time receives. Nobody may wait when it is destroyed.
template <typename T>
class Channel {
 public:
  // Holds up to `capacity` values, at least one. `executor` outlives the channel.
  Channel(Executor& executor, std::size_t capacity)
      : capacity_(capacity),
        values_there_(executor, EventReset::kAuto),
        room_there_(executor, EventReset::kAuto) {}

  // Waits for room. kCancelled if `cancel` fired or the channel is closed; the value is dropped then.
  Task<Result<void>> Send(T value, CancelToken cancel) {
    while (true) {
      switch (Push(value)) {
        case Pushed::kYes:
          co_return Result<void>{};
        case Pushed::kClosed:
          co_return Fail(ErrorCode::kCancelled, "channel closed");
        case Pushed::kFull:
          break;
      }
      if (auto room = co_await room_there_.Wait(cancel); !room) co_return room;
    }
  }

  // False if there is no room or the channel is closed.
  bool TrySend(T value) { return Push(value) == Pushed::kYes; }

  // The next value; nullopt once the channel is closed and empty. kCancelled if `cancel` fired.
  Task<Result<std::optional<T>>> Receive(CancelToken cancel) {
    while (true) {
      std::optional<T> value;
      bool closed = false;
      {
        std::lock_guard lock(mutex_);
        closed = closed_;
        if (!values_.empty()) {
          value.emplace(std::move(values_.front()));
          values_.pop_front();
        }
      }
      if (value) {
        room_there_.Set();
        co_return Result<std::optional<T>>(std::move(value));
      }
      if (closed) co_return Result<std::optional<T>>(std::nullopt);
      if (auto there = co_await values_there_.Wait(cancel); !there) {
        co_return std::unexpected(std::move(there.error()));
      }
    }
  }

  // Values sent before are still received.
  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    values_there_.Set();
    room_there_.Set();
  }

 private:
  enum class Pushed { kYes, kFull, kClosed };

  // Takes `value` only if there is room.
  Pushed Push(T& value) {
    Pushed pushed = Pushed::kFull;
    bool more_room = false;
    {
      std::lock_guard lock(mutex_);
      if (closed_) {
        pushed = Pushed::kClosed;
      } else if (values_.size() < capacity_) {
        values_.push_back(std::move(value));
        more_room = values_.size() < capacity_;
        pushed = Pushed::kYes;
      }
    }
    // One flag wakes one sender, who passes it on while another could go on too.
    if (more_room || pushed == Pushed::kClosed) room_there_.Set();
    if (pushed == Pushed::kYes) values_there_.Set();
    return pushed;
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::deque<T> values_;  // guarded by mutex_
  bool closed_ = false;   // guarded by mutex_
  Event values_there_;
  Event room_there_;
};

}  // namespace kro::async
