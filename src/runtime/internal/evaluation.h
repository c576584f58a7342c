// Evaluation: the variables of one instance's expressions, and what the expressions yield.
//
// A node is bound once, when it is settled; everything made lives in one arena until the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/error.h"
#include "cel/arena.h"
#include "cel/value.h"
#include "graph/graph.h"
#include "json/value.h"
#include "runtime/budget.h"
#include "runtime/internal/arena_resource.h"
#include "runtime/live_object.h"

namespace kro::runtime {

// What an expression sees of objects: everything, or all but members that are null. Servers write
// null where a list or map is not filled yet, and readiness waits for that.
enum class View { kWhole, kWithoutNulls };

// The variables that only some expressions have.
struct Locals {
  std::span<const cel::Value> iterators;
  std::optional<cel::Value> each;
};

// What a condition (includeWhen, readyWhen) came to.
enum class Truth { kFalse, kTrue, kNull, kNotBool };

class Evaluation {
 public:
  // What one expression or conversion may use; what it took is missing from the next.
  class Context : public cel::Context {
   public:
    explicit Context(Evaluation& evaluation) : Context(evaluation, cel::ErrorTexts::kWithValues) {}
    // For what `expression` yields: errors of a confidential one are told without values.
    Context(Evaluation& evaluation, const graph::Expression& expression)
        : Context(evaluation, expression.confidential ? cel::ErrorTexts::kWithoutValues
                                                      : cel::ErrorTexts::kWithValues) {}
    ~Context();

   private:
    Context(Evaluation& evaluation, cel::ErrorTexts texts);

    Evaluation& evaluation_;
    const std::int64_t begin_;
  };

  // Both outlive this.
  Evaluation(const graph::Graph& graph, const json::Value& instance, Budget budget);

  // What was observed of a node; for a list its items, in order. Objects are kept alive by the
  // caller.
  void Bind(std::size_t node, std::span<const LiveObject> objects);

  // kPending or kInvalid: `eval "<expression>": <cause>`.
  Result<cel::Value> Evaluate(const graph::Expression& expression, View view = View::kWhole,
                              const Locals& locals = {});
  Result<Truth> Test(const graph::Expression& expression, View view, const Locals& locals = {});

  // How many expressions were evaluated.
  std::size_t evaluated() const { return evaluated_; }

  // From now on `schema` carries these conditions as its status.
  void ShowConditions(const api::ConditionSet& conditions);

  // An object of `node`, read by its schema.
  cel::Value ObjectValue(const graph::Node& node, const json::Value& object, View view);

  // kInvalid once what the pass made takes more than its budget.
  Result<void> CheckMemory();
  bool IsOverBudget() const { return over_budget_; }

  cel::Arena& arena() { return arena_; }
  // For JSON that lives as long as the arena.
  boost::json::storage_ptr storage() { return &resource_; }

 private:
  cel::Value Variable(const graph::Input& input, View view, const Locals& locals);
  cel::Value NodeValue(std::size_t node, View view);
  std::int64_t MemoryLeft() const;

  struct Bound {
    std::span<const LiveObject> objects;
    std::optional<cel::Value> value;  // View::kWhole; made when first used
    bool bound = false;
  };

  const graph::Graph& graph_;
  Budget budget_;  // `steps` are those that are left
  bool over_budget_ = false;
  std::size_t evaluated_ = 0;
  cel::Arena arena_;
  ArenaResource resource_;
  json::Value instance_;  // without status
  std::vector<Bound> nodes_;
};

}  // namespace kro::runtime
