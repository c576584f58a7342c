#include "oracle.h"

#include <algorithm>

#include <fmt/format.h>

#include "cel/cel.h"

namespace kro::simulation {
namespace {

constexpr std::string_view kNodeId = "kro.run/node-id";
constexpr std::string_view kInstanceId = "kro.run/instance-id";
constexpr std::string_view kDefinition = "kro.run/resource-graph-definition-name";

std::string_view LabelOf(const json::Value& object, std::string_view name) {
  return json::FindString(object, {"metadata", "labels", name});
}
std::string_view UidOf(const json::Value& object) {
  return json::FindString(object, {"metadata", "uid"});
}
// The uid of its instance and the id of its node.
std::pair<std::string, std::string> OwnerOf(const json::Value& object);
// An expression about the object, by the id of its node or as `each`.
bool IsTrue(const std::string& expression, const std::string& id, const json::Value& object);

}  // namespace

void Oracle::See(const apiserver::LocalTransport::Answered& answered) {
  const http::Request& request = answered.request;
  if (request.method == "GET" || answered.response.status >= 300) return;
  const auto target = ParseTarget(request.target);
  if (!target || target->resource == "events" || target->resource == "leases") return;
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.method == "DELETE") return SeeDeleted(path, request, answered.stored);
  boost::json::monotonic_resource memory;
  const auto object = json::Parse(answered.response.body, &memory);
  if (!object) return;
  if (target->subresource == "status") return SeeStatus(*object);
  if (!target->subresource.empty()) return;
  const std::string own =
      request.method == "POST"
          ? path + "/" + std::string(json::FindString(*object, {"metadata", "name"}))
          : path;
  SeeObject(own, *object);
  if (answered.response.status == 201) SeeCreated(own, *object);
}

void Oracle::Know(const std::string& path, const json::Value& object) { SeeObject(path, object); }

void Oracle::SeeObject(const std::string& path, const json::Value& object) {
  const std::string uid(UidOf(object));
  ours_.insert(uid);
  if (json::FindString(object, {"kind"}) == "GraphRevision") {
    const json::Value* spec = json::Find(object, {"spec", "snapshot", "spec"});
    if (!learns_ || spec == nullptr) return;
    rules_[std::string(json::FindString(object, {"spec", "snapshot", "name"}))] = RulesOf(*spec);
    return;
  }
  if (const auto definition = LabelOf(object, kDefinition); !definition.empty()) {
    instances_[uid] = {path, std::string(definition)};
  }
  if (LabelOf(object, kNodeId).empty()) return;
  const Owner owner = OwnerOf(object);
  // Another node, or another instance, may have had it before.
  for (auto& [other, children] : children_) {
    if (other != owner) children.erase(uid);
  }
  Child& child = children_[owner][uid];
  child.path = path;
  child.object = object;
  child.was_ready = child.was_ready || IsReady(owner, object);
}

void Oracle::SeeCreated(const std::string& path, const json::Value& object) {
  const Owner owner = OwnerOf(object);
  const NodeRule* rule = RuleOf(owner);
  if (rule == nullptr) return;
  for (const std::string& needed : rule->after) {
    if (std::string why = Missing(owner.first, needed); !why.empty()) {
      Report(fmt::format("{} was made before what it needs: {}", path, why));
    }
  }
}

void Oracle::SeeDeleted(const std::string& path, const http::Request& request, bool stored) {
  if (!stored) return;
  std::string uid;
  if (auto options = json::Parse(request.body)) {
    uid = json::FindString(*options, {"preconditions", "uid"});
  }
  if (uid.empty()) return Report(path + " was deleted whatever its UID");
  if (!ours_.contains(uid)) return Report(path + " was deleted, which the operator did not make");
  for (const auto& [owner, children] : children_) {
    if (!children.contains(uid)) continue;
    // One of several: what needs the node still has the others.
    const auto living = Living(owner);
    if (std::ranges::any_of(living, [&](const Child* child) { return child->path != path; }))
      return;
    // Who needs a list can do with an empty one.
    const NodeRule* list = RuleOf(owner);
    if (list != nullptr && list->several && !IsDeleting(owner.first)) return;
    for (const auto& [id, rule] : RulesOfInstance(owner.first)) {
      if (std::ranges::find(rule.after, owner.second) == rule.after.end()) continue;
      for (const Child* dependent : Living({owner.first, id})) {
        Report(fmt::format("{} was deleted before {}, which needs it", path, dependent->path));
      }
    }
    return;
  }
}

void Oracle::SeeStatus(const json::Value& object) {
  const std::string uid(UidOf(object));
  const json::Value* conditions = json::Find(object, {"status", "conditions"});
  const json::Value* generation = json::Find(object, {"metadata", "generation"});
  if (conditions == nullptr || !conditions->is_array()) return;
  for (const json::Value& condition : conditions->get_array()) {
    const json::Value* observed = json::Find(condition, "observedGeneration");
    if (observed == nullptr || !observed->is_int64()) continue;
    const std::string_view type = json::FindString(condition, {"type"});
    std::int64_t& highest = generations_[uid + std::string(type)];
    if (observed->get_int64() < highest) {
      Report(fmt::format("{} of {} went from generation {} back to {}", type,
                         json::FindString(object, {"metadata", "name"}), highest,
                         observed->get_int64()));
    }
    highest = std::max(highest, observed->get_int64());
    if (type != "Ready" || json::FindString(condition, {"status"}) != "True") continue;
    if (generation == nullptr || *generation != *observed) continue;
    if (json::FindString(object, {"kind"}) == "GraphRevision") continue;
    for (const auto& [id, rule] : RulesOfInstance(uid)) {
      if (rule.optional) continue;
      std::string why = Missing(uid, id);
      if (why.empty() && !rule.copies_to.empty()) {
        const json::Value* wanted = Lookup(object, rule.copied_from);
        const auto& children = children_[{uid, id}];
        const bool seen =
            wanted == nullptr || std::ranges::any_of(children, [&](const auto& entry) {
              const json::Value* value = Lookup(entry.second.object, rule.copies_to);
              return value != nullptr && Shown(*value) == Shown(*wanted);
            });
        if (!seen) why = fmt::format("{} was not applied with this generation's values", id);
      }
      if (!why.empty()) {
        Report(fmt::format("{} is called ready at generation {}, but {}",
                           json::FindString(object, {"metadata", "name"}), observed->get_int64(),
                           why));
      }
    }
  }
}

bool Oracle::IsDeleting(const std::string& instance) const {
  const auto known = instances_.find(instance);
  if (known == instances_.end()) return false;
  const json::Value now = look_(known->second.path);
  return json::Find(now, {"metadata", "deletionTimestamp"}) != nullptr;
}

const NodeRules& Oracle::RulesOfInstance(const std::string& instance) const {
  static const NodeRules none;
  const auto known = instances_.find(instance);
  if (known == instances_.end()) return none;
  const auto rules = rules_.find(known->second.definition);
  return rules == rules_.end() ? none : rules->second;
}

const NodeRule* Oracle::RuleOf(const Owner& owner) const {
  const NodeRules& rules = RulesOfInstance(owner.first);
  const auto rule = rules.find(owner.second);
  return rule == rules.end() ? nullptr : &rule->second;
}

std::vector<Oracle::Child*> Oracle::Living(const Owner& owner) {
  std::vector<Child*> living;
  const auto found = children_.find(owner);
  if (found == children_.end()) return living;
  for (auto& [uid, child] : found->second) {
    const json::Value now = look_(child.path);
    if (UidOf(now) != uid) continue;
    child.was_ready = child.was_ready || IsReady(owner, now);
    living.push_back(&child);
  }
  return living;
}

bool Oracle::IsReady(const Owner& owner, const json::Value& object) const {
  const NodeRule* rule = RuleOf(owner);
  if (rule == nullptr) return true;
  if (!rule->ready_path.empty()) {
    const json::Value* value = Lookup(object, rule->ready_path);
    if (value == nullptr || Shown(*value) != rule->ready_is) return false;
  }
  return std::ranges::all_of(rule->ready_when, [&](const std::string& expression) {
    return IsTrue(expression, owner.second, object);
  });
}

std::string Oracle::Missing(const std::string& instance, const std::string& node) {
  const auto living = Living({instance, node});
  if (!living.empty()) {
    for (const Child* child : living) {
      if (!child->was_ready) return child->path + " was never ready";
    }
    return {};
  }
  const NodeRule* rule = RuleOf({instance, node});
  if (rule == nullptr || rule->several) return {};
  // It may have gone a moment ago, which nobody can know.
  const auto known = children_.find({instance, node});
  const bool was_there =
      known != children_.end() &&
      std::ranges::any_of(known->second, [](const auto& entry) { return entry.second.was_ready; });
  return was_there ? std::string() : node + " was never there";
}

void Oracle::Report(std::string text) {
  if (std::ranges::find(violations_, text) == violations_.end()) {
    violations_.push_back(std::move(text));
  }
}

namespace {

std::pair<std::string, std::string> OwnerOf(const json::Value& object) {
  return {std::string(LabelOf(object, kInstanceId)), std::string(LabelOf(object, kNodeId))};
}

bool IsTrue(const std::string& expression, const std::string& id, const json::Value& object) {
  cel::Environment environment = cel::Environment::Kro();
  environment.AddVariable(id, cel::Dyn());
  environment.AddVariable("each", cel::Dyn());
  auto ast = cel::Compile(environment, expression);
  if (!ast) return false;
  auto program = cel::Plan(*std::move(ast), environment);
  if (!program) return false;
  cel::Arena arena;
  cel::Context context(arena);
  const cel::Value child = cel::FromJson(context, object);
  const cel::Value result = (*program)->Evaluate(context, {{id, child}, {"each", child}});
  return result.IsTrue();
}

}  // namespace
}  // namespace kro::simulation
