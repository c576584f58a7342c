// Reconciliation: one pass over one instance of a Graph. Where to start in this folder.
//
//   Reconciliation pass(graph, instance, options);
//   for (auto actions = pass.Advance(); …; actions = pass.Advance()) {
//     // Carry them out at once. Each is answered, in any order, by Applied, Observed or Failed;
//     // after every answer Advance says what became possible. Until pass.IsDone().
//   }
//   Outcome outcome = pass.Finish();        // node states, what to keep when pruning
//   InstanceStatus status(*instance, now);  // status.h: conditions, state, the status to write
//
// Pure: no I/O, no clock. The same answers give the same actions and outcome whatever their order,
// unless two nodes describe one object: then the one that is rendered first keeps it.
//
// One pass, many waves. A node is decided once, when all that it needs is decided: it is skipped,
// or pending, or its objects are rendered from what was observed of its dependencies after they
// were applied. The answer to an apply is what is observed of a node; readyWhen looks at that. So
// an expression never sees a state that the pass itself has overtaken. What goes wrong with a node
// stops its dependents and no other node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/error.h"
#include "graph/graph.h"
#include "json/value.h"
#include "runtime/budget.h"
#include "runtime/live_object.h"
#include "runtime/outcome.h"

namespace kro::runtime {

// The object that stands at an identity, of whomever it is; nullptr: none that is known. `ns` is
// empty for cluster-scoped kinds.
using FindObject =
    std::function<LiveObject(const graph::Node& node, std::string_view ns, std::string_view name)>;

inline constexpr std::size_t kMaxCollectionSize = 1000;

struct ReconciliationOptions {
  std::string_view version;  // of kro, for the labels
  std::size_t max_collection_size = kMaxCollectionSize;
  FindObject find;  // empty: nothing is known
  Budget budget = {};
};

// What to do. Views and pointers are borrowed from the pass.
struct Action {
  enum class Kind {
    kApply,  // make `desired` stand, or see that it does
    kRead,   // look at what an external reference names, and keep looking
  };
  Kind kind = Kind::kApply;
  std::size_t node = 0;   // of Graph::nodes, which has the kind and the GVR
  std::size_t item = 0;   // of a collection
  std::string_view ns;    // empty for cluster-scoped kinds; kRead of a list: everywhere
  std::string_view name;  // empty in a kRead of a list

  // kApply: the whole object, kro's labels and annotations included. It lives in the pass's memory,
  // and so would a plain copy of it: json::Value(*desired, {}) makes one that lives by itself.
  const json::Value* desired = nullptr;
  // Of `desired` without kro's labels, in canonical form, in hex; `desired` carries it as
  // annotation::kDesiredHash.
  std::string_view hash;
  // What stands there: ours, or to be adopted. nullptr: nothing known.
  LiveObject live;
  // `live` carries the same hash and labels: this is what was applied last. With that, no apply is needed as
  // long as managedFields say that nobody took a field; answer Applied(action, action.live).
  bool same_as_applied = false;

  // kRead of a list: a LabelSelector as JSON; nullptr: all objects.
  const json::Value* selector = nullptr;
};

class Reconciliation {
 public:
  // `instance` is the live object.
  Reconciliation(std::shared_ptr<const graph::Graph> graph, LiveObject instance,
                 ReconciliationOptions options);
  ~Reconciliation();
  Reconciliation(const Reconciliation&) = delete;
  Reconciliation& operator=(const Reconciliation&) = delete;

  // What became possible since the last call; all there is to do without an answer at the first.
  std::vector<Action> Advance();

  // Nothing is left to do or to be answered. Call after Advance.
  bool IsDone() const;

  // The object as the server answered the apply, or `action.live` if none was needed.
  void Applied(const Action& action, LiveObject object);
  // What the external reference names: nothing or one, or a list in any order.
  void Observed(const Action& action, std::vector<LiveObject> objects);
  // The server refused, or could not be asked. The message goes into the conditions as it is. kPending: it does
  // not have the kind yet.
  void Failed(const Action& action, Error error);

  // What the inventory must name before the actions returned so far are carried out.
  ApplySetContent Touched() const;
  // The same with the kinds and literal namespaces of nodes that will follow in this pass: if the
  // inventory names these, one write of it is enough for the whole pass. Nodes that wait for
  // readiness, for an external object or for a condition over other resources are not foreseen: the
  // inventory never names what may not come for long.
  ApplySetContent Foreseen();

  // What the pass came to. At any time: unanswered actions count as in progress. Without any call
  // of Advance (a suspended instance) no node is counted and only the instance's own data is
  // projected.
  Outcome Finish();

  // The author's conditions, which may read the built-in ones. After Finish.
  AuthorConditions Conditions(const api::ConditionSet& builtin);

  const graph::Graph& graph() const;
  // How many expressions were evaluated so far.
  std::size_t evaluated() const;
  // Something was not evaluated, or not rendered, for want of budget; its node is in error.
  bool IsOverBudget() const;
  // The id of the instance's apply set.
  std::string_view apply_set() const;

 private:
  class Impl;  // reconciliation.cc
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::runtime
