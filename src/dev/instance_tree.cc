#include "dev/instance_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "api/constants.h"
#include "json/value.h"

namespace kro::dev {
namespace {

constexpr int kMaxDepth = 16;
// What every message of an instance that waits begins with.
constexpr std::string_view kWaiting =
    "resource reconciliation failed: apply results contain errors: ";

std::string_view LabelOf(const apiserver::ObjectChange& change, std::string_view key);
std::pair<std::string, std::string> StateOf(const json::Value& object, std::string_view group);
// Whether another controller made it: endpoints carry the labels of their service.
bool IsControlled(const json::Value& object);
std::int64_t IntAt(const json::Value& object, std::initializer_list<std::string_view> path);

}  // namespace

bool InstanceTree::Observe(const apiserver::ObjectChange& change) {
  if (change.type == apiserver::ObjectChange::Type::kRemoved) {
    auto known = nodes_.find(change.uid);
    if (known == nodes_.end()) return false;
    nodes_.erase(known);
    return true;
  }
  if (LabelOf(change, api::label::kOwned) != "true") return false;
  if (change.group == "apiextensions.k8s.io" || change.group == api::kInternalGroup) return false;
  std::string text = "{";
  text += change.members;
  text += '}';
  const auto object = json::Parse(text);
  if (!object || IsControlled(*object)) return false;
  const auto known = nodes_.find(change.uid);
  Node node{.parent = std::string(LabelOf(change, api::label::kInstanceId)),
            .group = std::string(change.group),
            .resource = std::string(change.resource),
            .name_space = std::string(change.name_space),
            .name = std::string(change.name),
            .born = known == nodes_.end() ? change.revision : known->second.born};
  std::tie(node.state, node.message) = StateOf(*object, change.group);
  if (known != nodes_.end() && known->second == node) return false;
  nodes_.insert_or_assign(std::string(change.uid), std::move(node));
  return true;
}

std::vector<TreeLine> InstanceTree::Lines() const {
  std::vector<TreeLine> lines;
  AddBelow("", "", 0, lines);
  return lines;
}

void InstanceTree::AddBelow(const std::string& parent, std::string_view name_space, int depth,
                            std::vector<TreeLine>& lines) const {
  if (depth > kMaxDepth) return;
  std::vector<std::pair<const std::string*, const Node*>> below;
  for (const auto& [uid, node] : nodes_) {
    // Who has lost its parent stands at the top.
    const bool rooted = node.parent.empty() || !nodes_.contains(node.parent);
    if (depth == 0 ? rooted : node.parent == parent) below.emplace_back(&uid, &node);
  }
  std::ranges::sort(below, {}, [&](const auto& entry) {
    const Node& node = *entry.second;
    // At the top by name, so that lines stay where they are.
    return depth == 0 ? std::tuple(std::uint64_t{0}, node.resource, node.name_space, node.name)
                      : std::tuple(node.born, std::string(), std::string(), std::string());
  });
  for (std::size_t i = 0; i < below.size(); ++i) {
    const auto& [uid, node] = below[i];
    const bool same_place =
        node->name_space.empty() || (depth > 0 && node->name_space == name_space);
    lines.push_back(
        {.uid = *uid,
         .depth = depth,
         .last = i + 1 == below.size(),
         .kind = node->group.empty() ? node->resource : node->resource + "." + node->group,
         .group = node->group,
         .resource = node->resource,
         .name = same_place ? node->name : node->name_space + "/" + node->name,
         .state = node->state,
         .message = node->message});
    AddBelow(*uid, node->name_space, depth + 1, lines);
  }
}

namespace {

std::string_view LabelOf(const apiserver::ObjectChange& change, std::string_view key) {
  for (const auto& [name, value] : change.labels) {
    if (name == key) return value;
  }
  return {};
}

std::pair<std::string, std::string> StateOf(const json::Value& object, std::string_view group) {
  std::string state(json::FindString(object, {"status", "state"}));
  std::string message;
  std::string_view ready;
  if (const json::Value* conditions = json::Find(object, {"status", "conditions"});
      conditions != nullptr && conditions->is_array()) {
    for (const json::Value& condition : conditions->get_array()) {
      const std::string_view type = json::FindString(condition, {"type"});
      if (type != "Ready" && type != "Available" && type != "Complete") continue;
      ready = json::FindString(condition, {"status"});
      if (ready == "True") message.clear();
      if (ready != "True" && type == "Ready") message = json::FindString(condition, {"message"});
    }
  }
  if (!json::FindString(object, {"metadata", "deletionTimestamp"}).empty()) {
    return {"deleting", std::move(message)};
  }
  if (state == api::state::kActive) message.clear();
  if (message.starts_with(kWaiting)) message.erase(0, kWaiting.size());
  if (!state.empty()) return {std::move(state), std::move(message)};
  if (group == "apps" && json::Find(object, {"spec", "replicas"}) != nullptr) {
    return {fmt::format("{}/{} ready", IntAt(object, {"status", "readyReplicas"}),
                        IntAt(object, {"spec", "replicas"})),
            ""};
  }
  if (std::string_view phase = json::FindString(object, {"status", "phase"}); !phase.empty()) {
    return {std::string(phase), ""};
  }
  if (!ready.empty()) return {ready == "True" ? "ready" : "not ready", std::move(message)};
  return {};
}

bool IsControlled(const json::Value& object) {
  const json::Value* owners = json::Find(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return false;
  return std::ranges::any_of(owners->get_array(), [](const json::Value& owner) {
    const json::Value* controller = json::Find(owner, "controller");
    return controller != nullptr && controller->is_bool() && controller->get_bool();
  });
}

std::int64_t IntAt(const json::Value& object, std::initializer_list<std::string_view> path) {
  const json::Value* found = json::Find(object, path);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

}  // namespace
}  // namespace kro::dev
