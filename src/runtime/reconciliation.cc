#include "runtime/reconciliation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "api/constants.h"
#include "api/identity.h"
#include "runtime/internal/evaluation.h"
#include "runtime/internal/projection.h"
#include "runtime/internal/readiness.h"
#include "runtime/internal/render.h"
#include "runtime/internal/report.h"
#include "runtime/internal/run.h"
#include "runtime/object_hash.h"

namespace kro::runtime {
namespace {

using graph::Node;
using graph::NodeType;

// An item by where it stands.
struct Entry {
  std::size_t node = 0;
  std::size_t item = 0;
};

json::Object& ObjectAt(json::Object& parent, std::string_view key);
// Whether `live` carries the item's hash and all of its labels.
bool IsSame(const Item& item, const json::Value& live);
bool IsManaged(const Node& node);
std::optional<std::size_t> FirstNode(const graph::Expression& expression);
std::string Display(std::string_view ns, std::string_view name);

}  // namespace

class Reconciliation::Impl {
 public:
  Impl(std::shared_ptr<const graph::Graph> graph, LiveObject instance,
       ReconciliationOptions options);

  std::vector<Action> Advance();
  bool IsDone() const;
  void Applied(const Action& action, LiveObject object);
  void Observed(const Action& action, std::vector<LiveObject> objects);
  void Failed(const Action& action, Error error);
  ApplySetContent Touched() const;
  ApplySetContent Foreseen();
  Outcome Finish();
  AuthorConditions Conditions(const api::ConditionSet& builtin);

  const graph::Graph& graph() const { return *graph_; }
  std::size_t evaluated() const { return evaluation_.evaluated(); }
  bool IsOverBudget() const { return evaluation_.IsOverBudget(); }
  std::string_view apply_set() const { return apply_set_; }

 private:
  // Deciding: from undecided to concluded or rendered.
  bool IsDecidable(const Node& node) const;
  void Decide(std::size_t number);
  bool IsIncluded(std::size_t number);
  bool IsExpected(std::size_t number, const std::vector<bool>& expected);
  void Render(std::size_t number);
  void AddItem(std::size_t number, json::Value* object, std::size_t index, std::size_t size);
  void StampLabels(const Node& node, json::Object& metadata, std::size_t index, std::size_t size);
  std::optional<std::string_view> NamespaceFor(const Node& node, json::Value& object);
  void RefuseSharedObjects(std::span<const std::size_t> rendered);
  std::string EntryName(const Entry& entry) const;

  // From rendered to concluded.
  void Issue(std::size_t number, std::vector<Action>& actions);
  bool Meet(const Node& node, Item& item);
  void Answered(std::size_t number);
  void Settle(std::size_t number);
  void JudgeReadiness(std::size_t number, std::size_t desired);

  // The ends.
  void Conclude(Run& run, NodeState state);
  void Pend(Run& run, std::string message);
  void Fault(Run& run, Error error);
  void WaitForNode(Run& run, std::size_t dependency, std::string message);

  void AddItems(const Run& run, const Node& node, ApplySetContent& content) const;

  std::shared_ptr<const graph::Graph> graph_;
  LiveObject instance_;
  ReconciliationOptions options_;
  std::string_view instance_ns_;
  std::string apply_set_;
  std::vector<std::pair<std::string, std::string>> labels_;  // of every child
  Evaluation evaluation_;
  std::vector<Run> runs_;                   // parallel to Graph::nodes
  std::map<ObjectIdentity, Entry> owners_;  // the first to describe it
  std::vector<std::string> conflicts_;
  const Report report_;
  std::size_t undecided_;
  std::size_t open_ = 0;
  bool advanced_ = false;
};

Reconciliation::Reconciliation(std::shared_ptr<const graph::Graph> graph, LiveObject instance,
                               ReconciliationOptions options)
    : impl_(std::make_unique<Impl>(std::move(graph), std::move(instance), std::move(options))) {}

Reconciliation::~Reconciliation() = default;

std::vector<Action> Reconciliation::Advance() { return impl_->Advance(); }
bool Reconciliation::IsDone() const { return impl_->IsDone(); }
void Reconciliation::Applied(const Action& action, LiveObject object) {
  impl_->Applied(action, std::move(object));
}
void Reconciliation::Observed(const Action& action, std::vector<LiveObject> objects) {
  impl_->Observed(action, std::move(objects));
}
void Reconciliation::Failed(const Action& action, Error error) {
  impl_->Failed(action, std::move(error));
}
ApplySetContent Reconciliation::Touched() const { return impl_->Touched(); }
ApplySetContent Reconciliation::Foreseen() { return impl_->Foreseen(); }
Outcome Reconciliation::Finish() { return impl_->Finish(); }
AuthorConditions Reconciliation::Conditions(const api::ConditionSet& builtin) {
  return impl_->Conditions(builtin);
}
const graph::Graph& Reconciliation::graph() const { return impl_->graph(); }
std::size_t Reconciliation::evaluated() const { return impl_->evaluated(); }
bool Reconciliation::IsOverBudget() const { return impl_->IsOverBudget(); }
std::string_view Reconciliation::apply_set() const { return impl_->apply_set(); }

Reconciliation::Impl::Impl(std::shared_ptr<const graph::Graph> graph, LiveObject instance,
                           ReconciliationOptions options)
    : graph_(std::move(graph)),
      instance_(std::move(instance)),
      options_(std::move(options)),
      instance_ns_(graph_->namespaced ? NamespaceOf(*instance_) : std::string_view()),
      apply_set_(api::ApplySetId({std::string(NameOf(*instance_)), std::string(instance_ns_),
                                  graph_->gvk.kind, graph_->gvk.group})),
      evaluation_(*graph_, *instance_, options_.budget),
      runs_(graph_->nodes.size()),
      report_(*graph_, *instance_, runs_, conflicts_),
      undecided_(graph_->nodes.size()) {
  api::Labels labels =
      api::InstanceLabels({graph_->gvk, std::string(NameOf(*instance_)), std::string(instance_ns_),
                           std::string(UidOf(*instance_)), graph_->namespaced});
  labels.merge(api::SystemLabels(options_.version));
  labels.emplace(api::label::kManagedBy, api::kManagedByKro);
  labels.emplace(api::label::kPartOf, apply_set_);
  labels_.assign(labels.begin(), labels.end());
}

std::vector<Action> Reconciliation::Impl::Advance() {
  advanced_ = true;
  std::vector<Action> actions;
  std::vector<std::size_t> rendered;
  // A node that concludes without an action may decide others.
  for (bool more = undecided_ > 0; more;) {
    more = false;
    rendered.clear();
    for (const std::size_t number : graph_->order) {
      Run& run = runs_[number];
      if (run.phase != Run::Phase::kUndecided || !IsDecidable(graph_->nodes[number])) continue;
      more = true;
      --undecided_;
      Decide(number);
      if (run.phase == Run::Phase::kRendered) rendered.push_back(number);
    }
    RefuseSharedObjects(rendered);
    for (const std::size_t number : rendered) {
      if (runs_[number].phase == Run::Phase::kRendered) Issue(number, actions);
    }
  }
  return actions;
}

bool Reconciliation::Impl::IsDone() const {
  if (!advanced_ || open_ > 0) return false;
  return std::ranges::none_of(graph_->nodes, [&](const Node& node) {
    const Run& run = runs_[static_cast<std::size_t>(&node - graph_->nodes.data())];
    return run.phase == Run::Phase::kUndecided && IsDecidable(node);
  });
}

bool Reconciliation::Impl::IsDecidable(const Node& node) const {
  return std::ranges::all_of(node.dependencies, [&](std::size_t dependency) {
    return runs_[dependency].phase == Run::Phase::kConcluded;
  });
}

void Reconciliation::Impl::Decide(std::size_t number) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  const bool loses_what_it_needs = std::ranges::any_of(
      node.dependencies, [&](std::size_t d) { return runs_[d].state == NodeState::kSkipped; });
  if (loses_what_it_needs) return Conclude(run, NodeState::kSkipped);
  if (!IsIncluded(number)) return;
  for (const std::size_t dependency : node.dependencies) {
    if (runs_[dependency].state == NodeState::kSynced) continue;
    return WaitForNode(
        run, dependency,
        fmt::format("node \"{}\": dependent node \"{}\" not ready: {} (data pending)", node.id,
                    graph_->nodes[dependency].id, report_.WhyNotReady(dependency)));
  }
  Render(number);
}

// False if the node was concluded.
bool Reconciliation::Impl::IsIncluded(std::size_t number) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  for (const graph::Expression& expression : node.include_when) {
    for (const graph::Input& input : expression.inputs) {
      if (input.source != graph::Input::Source::kNode) continue;
      if (runs_[input.index].state == NodeState::kSynced) continue;
      WaitForNode(run, input.index,
                  fmt::format("includeWhen dependency \"{}\" not ready: {} (data pending)",
                              graph_->nodes[input.index].id, report_.WhyNotReady(input.index)));
      return false;
    }
  }
  for (const graph::Expression& expression : node.include_when) {
    const auto truth = evaluation_.Test(expression, View::kWhole);
    if (truth && *truth == Truth::kTrue) continue;
    if (truth && *truth != Truth::kNotBool) {
      Conclude(run, NodeState::kSkipped);
      return false;
    }
    const std::string cause =
        truth ? fmt::format("expression \"{}\" did not return bool", expression.text)
              : truth.error().message();
    const std::string text = fmt::format("includeWhen \"{}\": {}", expression.text, cause);
    // Data of other nodes may come; the instance's own is all there.
    const bool may_come = !truth && truth.error().code() == ErrorCode::kPending &&
                          expression.kind != graph::ExpressionKind::kStatic;
    run.blocking = &expression;
    if (may_come) {
      Pend(run, text + " (data pending)");
    } else {
      Fault(run, Error(ErrorCode::kInvalid, text));
    }
    return false;
  }
  return true;
}

void Reconciliation::Impl::Render(std::size_t number) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  std::vector<json::Value*> objects;
  std::optional<Error> error;
  if (node.type == NodeType::kCollection) {
    auto rendered =
        RenderCollection(node, options_.max_collection_size, evaluation_, &run.blocking);
    if (rendered) {
      objects = std::move(*rendered);
    } else {
      error = rendered.error();
    }
  } else {
    auto rendered = RenderObject(node, evaluation_, &run.blocking);
    if (rendered) {
      objects.push_back(*rendered);
    } else {
      error = rendered.error();
    }
  }
  if (error) {
    if (error->code() == ErrorCode::kPending) return Pend(run, error->message());
    return Fault(run, std::move(*error));
  }

  run.phase = Run::Phase::kRendered;
  if (node.IsExternal()) {
    run.reference = objects.front();
    if (node.type == NodeType::kExternal) NamespaceFor(node, *run.reference);
    return;
  }
  run.items.reserve(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    AddItem(number, objects[i], i, objects.size());
    if (run.phase == Run::Phase::kConcluded) return;
  }
}

void Reconciliation::Impl::AddItem(std::size_t number, json::Value* object, std::size_t index,
                                   std::size_t size) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  const auto ns = NamespaceFor(node, *object);
  if (!ns) {
    run.items.clear();
    return Fault(run, Error(ErrorCode::kInvalid,
                            fmt::format("node \"{}\" is namespaced and must resolve "
                                        "metadata.namespace when the instance is cluster-scoped",
                                        node.id)));
  }
  json::Object& metadata = ObjectAt(object->get_object(), "metadata");
  ObjectAt(metadata, "annotations")[api::annotation::kApplyOrder] =
      std::string_view(fmt::to_string(node.apply_order));
  // Without kro's labels. They change when a collection grows or kro is updated, and a Deployment
  // counts a new generation for every change of an annotation.
  const std::string_view hash = evaluation_.arena().Copy(ObjectHash(*object));
  ObjectAt(metadata, "annotations")[api::annotation::kDesiredHash] = hash;
  StampLabels(node, metadata, index, size);

  Item& item = run.items.emplace_back();
  item.desired = object;
  item.ns = *ns;
  item.name = NameOf(*object);
  item.hash = hash;
}

// The namespace of an object, written into it where it falls to the instance's. Nothing: it has
// none and cannot get one.
std::optional<std::string_view> Reconciliation::Impl::NamespaceFor(const Node& node,
                                                                   json::Value& object) {
  if (!node.mapping.namespaced) return std::string_view();
  const std::string_view ns = NamespaceOf(object);
  if (!ns.empty()) return ns;
  if (instance_ns_.empty()) return std::nullopt;
  ObjectAt(object.get_object(), "metadata")["namespace"] = instance_ns_;
  return instance_ns_;
}

void Reconciliation::Impl::StampLabels(const Node& node, json::Object& metadata, std::size_t index,
                                       std::size_t size) {
  json::Object& labels = ObjectAt(metadata, "labels");
  labels.reserve(labels.size() + labels_.size() + 3);
  for (const auto& [key, value] : labels_) labels[key] = std::string_view(value);
  labels[api::label::kNodeId] = std::string_view(node.id);
  if (node.type == NodeType::kCollection) {
    labels[api::label::kCollectionIndex] = std::string_view(fmt::to_string(index));
    labels[api::label::kCollectionSize] = std::string_view(fmt::to_string(size));
  }
}

// Two descriptions of one object would overwrite each other for ever: neither is applied, unless
// one already was.
void Reconciliation::Impl::RefuseSharedObjects(std::span<const std::size_t> rendered) {
  for (const std::size_t number : rendered) {
    const Node& node = graph_->nodes[number];
    for (std::size_t i = 0; i < runs_[number].items.size(); ++i) {
      const Item& item = runs_[number].items[i];
      if (item.name.empty()) continue;
      const auto [owner, is_first] = owners_.try_emplace(
          {{node.gvk.group, node.gvk.kind}, std::string(item.ns), std::string(item.name)},
          Entry{number, i});
      if (is_first) continue;
      conflicts_.push_back(fmt::format("resourceID: {} conflicts with resourceID: {}",
                                       EntryName({number, i}), EntryName(owner->second)));
      Conclude(runs_[number], NodeState::kConflicting);
      Run& other = runs_[owner->second.node];
      if (other.phase == Run::Phase::kRendered) Conclude(other, NodeState::kConflicting);
    }
  }
}

void Reconciliation::Impl::Issue(std::size_t number, std::vector<Action>& actions) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  run.phase = Run::Phase::kIssued;
  if (node.IsExternal()) {
    Action action;
    action.kind = Action::Kind::kRead;
    action.node = number;
    action.ns = NamespaceOf(*run.reference);
    if (node.type == NodeType::kExternal) {
      action.name = NameOf(*run.reference);
    } else {
      action.selector = json::Find(std::as_const(*run.reference), {"metadata", "selector"});
    }
    actions.push_back(std::move(action));
    run.open = 1;
    ++open_;
    return;
  }
  for (std::size_t i = 0; i < run.items.size(); ++i) {
    Item& item = run.items[i];
    if (!Meet(node, item)) continue;
    Action action;
    action.node = number;
    action.item = i;
    action.ns = item.ns;
    action.name = item.name;
    action.desired = item.desired;
    action.hash = item.hash;
    action.live = item.live;
    action.same_as_applied = item.live != nullptr && IsSame(item, *item.live);
    actions.push_back(std::move(action));
    item.state = Item::State::kIssued;
    ++run.open;
    ++open_;
  }
  if (run.open == 0) Settle(number);
}

// Looks at what stands where the item goes; false if it must not be applied.
bool Reconciliation::Impl::Meet(const Node& node, Item& item) {
  if (item.name.empty()) {
    item.state = Item::State::kFailed;
    item.error = Error(ErrorCode::kInvalid, "name is required");
    return false;
  }
  if (options_.find) item.live = options_.find(node, item.ns, item.name);
  if (item.live == nullptr) return true;
  item.observed = item.live;
  const std::string_view theirs = LabelOf(*item.live, api::label::kPartOf);
  if (!theirs.empty() && theirs != apply_set_) {
    item.state = Item::State::kFailed;
    item.error = Error(
        ErrorCode::kConflict,
        fmt::format("resource belongs to a different ApplySet: {} ({}) belongs to ApplySet \"{}\", "
                    "cannot reassign to \"{}\"",
                    Display(item.ns, item.name), node.gvk.ToString(), theirs, apply_set_));
    return false;
  }
  if (IsTerminating(*item.live)) {
    item.state = Item::State::kTerminating;
    return false;
  }
  return true;
}

void Reconciliation::Impl::Applied(const Action& action, LiveObject object) {
  Item& item = runs_[action.node].items[action.item];
  item.observed = std::move(object);
  const bool is_gone = item.observed == nullptr || !item.observed->is_object();
  if (is_gone) {
    item.observed = nullptr;
    item.state = Item::State::kFailed;
    item.error = Error(ErrorCode::kInternal, "the apply was answered without an object");
  } else {
    item.state = IsTerminating(*item.observed) ? Item::State::kTerminating : Item::State::kDone;
  }
  Answered(action.node);
}

void Reconciliation::Impl::Observed(const Action& action, std::vector<LiveObject> objects) {
  Run& run = runs_[action.node];
  std::erase_if(objects,
                [](const LiveObject& object) { return object == nullptr || !object->is_object(); });
  std::ranges::sort(objects, {}, [](const LiveObject& object) {
    return std::pair(NamespaceOf(*object), NameOf(*object));
  });
  run.observed = std::move(objects);
  Answered(action.node);
}

void Reconciliation::Impl::Failed(const Action& action, Error error) {
  Run& run = runs_[action.node];
  if (action.kind == Action::Kind::kApply) {
    Item& item = run.items[action.item];
    item.state = Item::State::kFailed;
    item.error = std::move(error);
  } else {
    Fault(run, std::move(error));
  }
  Answered(action.node);
}

void Reconciliation::Impl::Answered(std::size_t number) {
  Run& run = runs_[number];
  --open_;
  if (--run.open == 0 && run.phase == Run::Phase::kIssued) Settle(number);
}

// All of a node's actions were answered: its observation is final.
void Reconciliation::Impl::Settle(std::size_t number) {
  const Node& node = graph_->nodes[number];
  Run& run = runs_[number];
  if (node.IsExternal()) {
    const bool is_missing = node.type == NodeType::kExternal && run.observed.empty();
    if (!is_missing) evaluation_.Bind(number, run.observed);
    return JudgeReadiness(number, is_missing ? 1 : run.observed.size());
  }
  run.observed.reserve(run.items.size());
  for (const Item& item : run.items) {
    if (item.observed != nullptr) run.observed.push_back(item.observed);
  }
  const bool is_empty_list = node.IsList() && run.items.empty();
  if (!run.observed.empty() || is_empty_list) evaluation_.Bind(number, run.observed);

  const auto with = [&](Item::State state) {
    return std::ranges::find(run.items, state, &Item::state);
  };
  if (const auto failed = with(Item::State::kFailed); failed != run.items.end()) {
    run.cause = failed->error;
    run.wanting_item = static_cast<std::size_t>(failed - run.items.begin());
    // Upstream looks these up before it applies anything, so that they end its pass.
    const bool is_missing_kind = run.cause->code() == ErrorCode::kPending;
    const bool is_nameless = failed->name.empty() && !node.IsList();
    run.failure = is_missing_kind || is_nameless ? Run::Failure::kFault : Run::Failure::kApply;
    if (is_missing_kind) {
      run.waits_for = number;
      return Conclude(run, NodeState::kPending);
    }
    if (node.IsList()) run.cause->Push(fmt::format("collection item {}", run.wanting_item));
    return Conclude(run, NodeState::kError);
  }
  if (const auto going = with(Item::State::kTerminating); going != run.items.end()) {
    run.wanting_item = static_cast<std::size_t>(going - run.items.begin());
    run.waits_for = number;
    run.cause = Error(ErrorCode::kPending,
                      fmt::format("resource \"{}\" for node \"{}\" is currently being deleted; "
                                  "waiting for deletion to complete before continuing "
                                  "reconciliation",
                                  Display(going->ns, going->name), node.id));
    return Conclude(run, NodeState::kTerminating);
  }
  JudgeReadiness(number, run.items.size());
}

void Reconciliation::Impl::JudgeReadiness(std::size_t number, std::size_t desired) {
  Run& run = runs_[number];
  Readiness readiness = CheckReadiness(number, run.observed, desired, *graph_, evaluation_);
  if (!readiness.cause) return Conclude(run, NodeState::kSynced);
  run.blocking = readiness.expression;
  run.wanting_item = readiness.item;
  run.cause = std::move(readiness.cause);
  if (run.cause->code() == ErrorCode::kPending) {
    run.waits_for = number;
    return Conclude(run, NodeState::kWaiting);
  }
  run.failure = Run::Failure::kReadiness;
  Conclude(run, NodeState::kError);
}

void Reconciliation::Impl::Conclude(Run& run, NodeState state) {
  run.state = state;
  run.phase = Run::Phase::kConcluded;
}

void Reconciliation::Impl::Pend(Run& run, std::string message) {
  run.cause = Error(ErrorCode::kPending, std::move(message));
  if (run.blocking != nullptr) run.waits_for = FirstNode(*run.blocking);
  Conclude(run, NodeState::kPending);
}

void Reconciliation::Impl::WaitForNode(Run& run, std::size_t dependency, std::string message) {
  run.cause = Error(ErrorCode::kPending, std::move(message));
  run.waits_for = dependency;
  Conclude(run, NodeState::kPending);
}

void Reconciliation::Impl::Fault(Run& run, Error error) {
  run.failure = Run::Failure::kFault;
  run.cause = std::move(error);
  Conclude(run, NodeState::kError);
}

ApplySetContent Reconciliation::Impl::Touched() const {
  ApplySetContent content;
  for (std::size_t i = 0; i < runs_.size(); ++i) AddItems(runs_[i], graph_->nodes[i], content);
  return content;
}

ApplySetContent Reconciliation::Impl::Foreseen() {
  ApplySetContent content = Touched();
  std::vector<bool> expected(runs_.size());
  for (const std::size_t number : graph_->order) {
    expected[number] = IsExpected(number, expected);
    const Node& node = graph_->nodes[number];
    if (!expected[number] || runs_[number].phase != Run::Phase::kUndecided || !IsManaged(node)) {
      continue;
    }
    content.group_kinds.insert({node.gvk.group, node.gvk.kind});
    const std::string_view ns = NamespaceOf(node.object);
    const bool is_literal = std::ranges::none_of(node.fields, [](const graph::Field& field) {
      return field.path == json::FieldPath({"metadata", "namespace"});
    });
    if (node.mapping.namespaced && is_literal && !ns.empty() && ns != instance_ns_) {
      content.namespaces.emplace(ns);
    }
  }
  return content;
}

// Whether the node will be applied in this pass if all applies are answered well: nothing that it
// needs is still to become ready, and it is not excluded. `expected` has the nodes before it.
bool Reconciliation::Impl::IsExpected(std::size_t number, const std::vector<bool>& expected) {
  const Run& run = runs_[number];
  const Node& node = graph_->nodes[number];
  if (run.phase == Run::Phase::kConcluded) return run.state == NodeState::kSynced;
  if (run.phase != Run::Phase::kUndecided) return true;
  for (const std::size_t dependency : node.dependencies) {
    if (!expected[dependency]) return false;
    if (runs_[dependency].state == NodeState::kSynced) continue;
    const Node& needed = graph_->nodes[dependency];
    if (!needed.ready_when.empty() || needed.IsExternal()) return false;
  }
  return std::ranges::all_of(node.include_when, [&](const graph::Expression& expression) {
    if (expression.kind != graph::ExpressionKind::kStatic) return false;
    const auto truth = evaluation_.Test(expression, View::kWhole);
    return truth && *truth == Truth::kTrue;
  });
}

void Reconciliation::Impl::AddItems(const Run& run, const Node& node,
                                    ApplySetContent& content) const {
  if (run.items.empty()) return;
  content.group_kinds.insert({node.gvk.group, node.gvk.kind});
  std::string_view last = instance_ns_;
  for (const Item& item : run.items) {
    if (item.ns == last || item.ns.empty() || item.ns == instance_ns_) continue;
    content.namespaces.emplace(item.ns);
    last = item.ns;
  }
}

Outcome Reconciliation::Impl::Finish() {
  Outcome outcome;
  if (advanced_) {
    outcome.nodes.reserve(runs_.size());
    for (const std::size_t number : graph_->order) {
      outcome.nodes.push_back(report_.OfNode(number));
    }
  }
  report_.Summarize(outcome);
  outcome.may_prune = outcome.may_prune && advanced_;
  for (const auto& [identity, entry] : owners_)
    outcome.desired.insert(outcome.desired.end(), identity);
  outcome.content = Touched();

  Projection projection = ProjectStatus(*graph_, json::Find(*instance_, "status"), evaluation_);
  outcome.fields = std::move(projection.fields);
  outcome.problems = std::move(projection.problems);
  return outcome;
}

AuthorConditions Reconciliation::Impl::Conditions(const api::ConditionSet& builtin) {
  evaluation_.ShowConditions(builtin);
  return ProjectConditions(*graph_, evaluation_);
}

// "cm", or "parts-3" for an item of a collection.
std::string Reconciliation::Impl::EntryName(const Entry& entry) const {
  const Node& node = graph_->nodes[entry.node];
  return node.IsList() ? fmt::format("{}-{}", node.id, entry.item) : node.id;
}

namespace {

json::Object& ObjectAt(json::Object& parent, std::string_view key) {
  json::Value& value = parent[key];
  return value.is_object() ? value.get_object() : value.emplace_object();
}

bool IsSame(const Item& item, const json::Value& live) {
  if (AnnotationOf(live, api::annotation::kDesiredHash) != item.hash) return false;
  const json::Value* labels = json::Find(std::as_const(*item.desired), {"metadata", "labels"});
  return std::ranges::all_of(labels->get_object(), [&](const auto& label) {
    return label.value().is_string() && LabelOf(live, label.key()) == label.value().get_string();
  });
}

bool IsManaged(const Node& node) { return !node.IsExternal(); }

std::optional<std::size_t> FirstNode(const graph::Expression& expression) {
  for (const graph::Input& input : expression.inputs) {
    if (input.source == graph::Input::Source::kNode) return input.index;
  }
  return std::nullopt;
}

std::string Display(std::string_view ns, std::string_view name) {
  return ns.empty() ? std::string(name) : fmt::format("{}/{}", ns, name);
}

}  // namespace
}  // namespace kro::runtime
