// PassComputer: a runtime::Reconciliation whose expressions are evaluated where they delay nobody.
//
// On the loop, where everything else waits meanwhile, a pass has a budget that is used up within a tenth of a second.
// A pass that needs more is over its budget there and has to be begun anew on the pool, with a budget of seconds.
// Lives on the loop.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "async/on_pool.h"
#include "runtime/reconciliation.h"

namespace kro::controller {

class PassComputer {
 public:
  enum class Place { kLoop, kPool };

  // `options.find` is called on the loop; the budget is that of the place.
  PassComputer(async::Executor& executor, std::shared_ptr<const graph::Graph> graph,
               runtime::LiveObject instance, runtime::ReconciliationOptions options, Place place);

  // As those of Reconciliation. Nothing else is called while one of these tasks runs, but for the answers.
  async::Task<std::vector<runtime::Action>> Advance();
  async::Task<runtime::ApplySetContent> Foreseen();
  async::Task<runtime::Outcome> Finish();
  async::Task<runtime::AuthorConditions> Conditions(const api::ConditionSet& builtin);

  // Answers, which the next Advance takes in.
  void Applied(runtime::Action action, runtime::LiveObject object);
  void Observed(runtime::Action action, std::vector<runtime::LiveObject> objects);
  void Failed(runtime::Action action, Error error);

  runtime::ApplySetContent Touched() const { return pass_.Touched(); }
  std::string_view apply_set() const { return pass_.apply_set(); }
  std::size_t evaluated() const { return pass_.evaluated(); }
  // What it came to says nothing of the instance: begin anew on the pool.
  bool NeedsPool() const { return place_ == Place::kLoop && pass_.IsOverBudget(); }

  Duration setting_up() const { return setting_up_; }
  Duration evaluating() const { return evaluating_; }

 private:
  using Answer = std::function<void(runtime::Reconciliation&)>;

  template <typename F>
  async::Task<std::invoke_result_t<F&>> Compute(F compute);
  MonotonicTime Now() const { return executor_.clock().Monotonic(); }

  async::Executor& executor_;
  const Place place_;
  const MonotonicTime begin_;
  runtime::Reconciliation pass_;
  const Duration setting_up_;
  Duration evaluating_{};
  std::vector<Answer> answers_;
};

}  // namespace kro::controller
