#include "controller/pass_computer.h"

#include <future>
#include <thread>

namespace kro::controller {
namespace {

using async::Task;

// A twentieth of a second of steps, and memory that many passes may hold at once.
constexpr runtime::Budget kLoopBudget{
    .expression = 5'000'000, .steps = 5'000'000, .memory = std::int64_t{16} << 20};
constexpr runtime::Budget kPoolBudget{};

runtime::ReconciliationOptions OptionsFor(PassComputer::Place place, async::Executor& executor,
                                          runtime::ReconciliationOptions options);
// Calls `find` on the loop, which this is called on, from whatever thread.
runtime::FindObject OnTheLoop(async::Executor& executor, runtime::FindObject find);

}  // namespace

PassComputer::PassComputer(async::Executor& executor, std::shared_ptr<const graph::Graph> graph,
                           runtime::LiveObject instance, runtime::ReconciliationOptions options,
                           Place place)
    : executor_(executor),
      place_(place),
      begin_(Now()),
      pass_(std::move(graph), std::move(instance), OptionsFor(place, executor, std::move(options))),
      setting_up_(Now() - begin_) {}

Task<std::vector<runtime::Action>> PassComputer::Advance() {
  co_return co_await Compute([this, answers = std::exchange(answers_, {})] {
    for (const Answer& answer : answers) answer(pass_);
    return pass_.Advance();
  });
}

Task<runtime::ApplySetContent> PassComputer::Foreseen() {
  co_return co_await Compute([this] { return pass_.Foreseen(); });
}

Task<runtime::Outcome> PassComputer::Finish() {
  co_return co_await Compute([this] { return pass_.Finish(); });
}

Task<runtime::AuthorConditions> PassComputer::Conditions(const api::ConditionSet& builtin) {
  co_return co_await Compute([this, &builtin] { return pass_.Conditions(builtin); });
}

void PassComputer::Applied(runtime::Action action, runtime::LiveObject object) {
  answers_.emplace_back([action = std::move(action), object = std::move(object)](auto& pass) {
    pass.Applied(action, object);
  });
}

void PassComputer::Observed(runtime::Action action, std::vector<runtime::LiveObject> objects) {
  answers_.emplace_back([action = std::move(action), objects = std::move(objects)](auto& pass) {
    pass.Observed(action, objects);
  });
}

void PassComputer::Failed(runtime::Action action, Error error) {
  answers_.emplace_back([action = std::move(action), error = std::move(error)](auto& pass) {
    pass.Failed(action, error);
  });
}

template <typename F>
Task<std::invoke_result_t<F&>> PassComputer::Compute(F compute) {
  const MonotonicTime begin = Now();
  if (place_ == Place::kPool) {
    auto computed = co_await async::OnPool(executor_, std::move(compute));
    evaluating_ += Now() - begin;
    co_return computed;
  }
  auto computed = compute();
  evaluating_ += Now() - begin;
  co_return computed;
}

namespace {

runtime::ReconciliationOptions OptionsFor(PassComputer::Place place, async::Executor& executor,
                                          runtime::ReconciliationOptions options) {
  if (place == PassComputer::Place::kLoop) {
    options.budget = kLoopBudget;
    return options;
  }
  options.budget = kPoolBudget;
  if (options.find) options.find = OnTheLoop(executor, std::move(options.find));
  return options;
}

runtime::FindObject OnTheLoop(async::Executor& executor, runtime::FindObject find) {
  return [&executor, find = std::move(find), loop = std::this_thread::get_id()](
             const graph::Node& node, std::string_view ns, std::string_view name) {
    if (std::this_thread::get_id() == loop) return find(node, ns, name);
    std::promise<runtime::LiveObject> found;
    executor.Post([&] { found.set_value(find(node, ns, name)); });
    return found.get_future().get();
  };
}

}  // namespace
}  // namespace kro::controller
