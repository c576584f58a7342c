// OnPool: computes away from the loop.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/one_shot.h"
#include "async/task.h"

namespace kro::async {

// Calls `compute`, a plain function, on the pool and continues on the loop with its value. An
// exception that escapes it is rethrown here. It cannot be cancelled: what `compute` refers to must
// live until the task is done.
template <typename F, typename T = std::invoke_result_t<F&>>
Task<T> OnPool(Executor& executor, F compute) {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  struct Outcome {
    std::optional<Value> value;
    std::exception_ptr failure;
  };
  auto done = std::make_shared<OneShot<Outcome>>(executor);
  executor.PostBlocking([done, &compute] {
    Outcome outcome;
    try {
      if constexpr (std::is_void_v<T>) {
        compute();
        outcome.value.emplace();
      } else {
        outcome.value.emplace(compute());
      }
    } catch (...) {
      outcome.failure = std::current_exception();
    }
    done->Set(std::move(outcome));
  });
  Outcome outcome = co_await done->Wait();
  if (outcome.failure) std::rethrow_exception(outcome.failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*outcome.value);
}

}  // namespace kro::async
