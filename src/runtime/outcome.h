// Outcome: what a pass over an instance came to, for the status, the log and the decision to prune.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/gvk.h"
#include "base/error.h"
#include "json/value.h"
#include "runtime/live_object.h"

namespace kro::runtime {

enum class NodeState {
  kInProgress,   // an action of it was not answered
  kSkipped,      // excluded, by itself or with what it needs
  kPending,      // what it needs is not there yet; nothing was done
  kConflicting,  // it describes an object that another node describes; nothing was done
  kTerminating,  // its object is being deleted
  kError,
  kWaiting,  // its objects stand but are not ready; an external reference is missing
  kSynced,
};
std::string_view ToString(NodeState state);

// A value that an expression read when it was found wanting.
struct SeenValue {
  std::string path;   // "deployment.status.readyReplicas"
  std::string value;  // as JSON; "absent"

  friend bool operator==(const SeenValue&, const SeenValue&) = default;
};

// What a node waits for: a change of an object. `name` is empty where there is no one object (a
// collection) or its name is not known.
struct Wait {
  // Of Graph::nodes: whose object it is, itself if it waits for its own readiness. Nothing: the
  // instance's.
  std::optional<std::size_t> node;
  api::Gvr gvr;
  std::string ns;
  std::string name;
  std::string expression;
  std::vector<SeenValue> seen;
  std::vector<std::string> finalizers;  // of one that is being deleted
};

struct NodeReport {
  std::size_t node = 0;  // of Graph::nodes
  NodeState state = NodeState::kInProgress;
  // Why it is not synced, in upstream's words. kPending: a change of what is waited for mends it;
  // kInvalid: a change of the instance or the graph; else as the API server answered.
  std::optional<Error> cause;
  std::optional<Wait> wait;  // kPending, kWaiting, kTerminating
  std::size_t desired = 0;   // number of its objects
  std::size_t applied = 0;   // of them, those whose apply was answered well
};

// What an apply set may contain, as its inventory on the instance says it.
struct ApplySetContent {
  std::set<api::GroupKind> group_kinds;
  std::set<std::string> namespaces;  // without the instance's own

  friend bool operator==(const ApplySetContent&, const ApplySetContent&) = default;
};

// A status field or condition that was left out for an error that waiting does not mend.
struct StatusProblem {
  std::string where;  // "status.replicas", "status.conditions[0]"
  Error error;
};

struct Outcome {
  std::vector<NodeReport> nodes;  // in topological order; none if the pass never advanced

  // ACTIVE, IN_PROGRESS or ERROR, from the nodes alone.
  std::string_view state;

  // For the condition ResourcesReady. Not ready: reason and message as upstream gives them.
  bool ready = false;
  std::string_view reason;
  std::string message;

  // Every node was decided and every apply answered well, so what is not in `desired` is left over.
  bool may_prune = false;
  std::set<ObjectIdentity> desired;
  ApplySetContent content;

  // What the author's status block yields. A field whose data is missing is left out.
  json::Object fields;
  std::vector<StatusProblem> problems;  // make the state ERROR
};

// What the author's conditions block yields.
struct AuthorConditions {
  std::vector<api::Condition> produced;  // each type once, in order of declaration
  bool complete = true;                  // else stored conditions of other types stay
  std::vector<StatusProblem> problems;   // make the state ERROR
};

}  // namespace kro::runtime
