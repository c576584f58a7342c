// RunBlocking: from main() into the world of tasks.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/real_executor.h"
#include "async/scope.h"

namespace kro::async {

namespace internal {

template <typename T>
Task<void> StoreOutcome(std::optional<T>* value, std::exception_ptr* failure, Task<T> task) {
  try {
    value->emplace(co_await std::move(task));
  } catch (...) {
    *failure = std::current_exception();
  }
}

inline Task<void> StoreOutcome(std::optional<std::monostate>* value, std::exception_ptr* failure,
                               Task<void> task) {
  try {
    co_await std::move(task);
    value->emplace();
  } catch (...) {
    *failure = std::current_exception();
  }
}

}  // namespace internal

// Runs `task` on the executor and blocks the calling thread, which is none of the executor's, until
// it is done. Rethrows what escapes it.
template <typename T>
T RunBlocking(RealExecutor& executor, Task<T> task) {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  std::optional<Value> value;
  std::exception_ptr failure;
  executor.RunToEnd(internal::StoreOutcome(&value, &failure, std::move(task)));
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<T>) return std::move(*value);
}

}  // namespace kro::async
