// WhenAll: several tasks at once.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "async/scope.h"

namespace kro::async {

namespace internal {

template <typename T>
Task<void> StoreInto(std::optional<T>* slot, Task<T> task) {
  slot->emplace(co_await std::move(task));
}

}  // namespace internal

// Starts all of them on `executor` and yields their results, in the order of `tasks`, when the last
// has finished. A failure stops none of the others: give them a token to cancel. An exception that
// escapes one is rethrown after all have finished.
template <typename T>
Task<std::vector<T>> WhenAll(Executor& executor, std::vector<Task<T>> tasks) {
  std::vector<std::optional<T>> slots(tasks.size());
  Scope scope(executor);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    scope.Spawn(internal::StoreInto(&slots[i], std::move(tasks[i])));
  }
  co_await scope.Join();
  std::vector<T> results;
  results.reserve(slots.size());
  for (std::optional<T>& slot : slots) results.push_back(std::move(*slot));
  co_return results;
}

inline Task<void> WhenAll(Executor& executor, std::vector<Task<void>> tasks) {
  Scope scope(executor);
  for (Task<void>& task : tasks) scope.Spawn(std::move(task));
  co_await scope.Join();
}

}  // namespace kro::async
