#include "controller/condition_events.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace kro::controller {
namespace {

const json::Value* FindCondition(const json::Value* conditions, std::string_view type);

}  // namespace

std::vector<kube::Happening> ConditionEvents(const InstanceApi& api, const json::Value& instance,
                                             const json::Value& wanted) {
  std::vector<kube::Happening> events;
  const json::Value* before = json::Find(instance, {"status", "conditions"});
  const json::Value* after = json::Find(wanted, "conditions");
  if (after == nullptr || !after->is_array()) return events;
  for (const json::Value& condition : after->get_array()) {
    const std::string_view type = json::FindString(condition, {"type"});
    const std::string_view status = json::FindString(condition, {"status"});
    const json::Value* old = FindCondition(before, type);
    const std::string_view old_status =
        old == nullptr ? "none" : json::FindString(*old, {"status"});
    if (status == old_status) continue;
    json::Value regarding = kube::ReferenceTo(instance);
    regarding.as_object()["apiVersion"] = api.gvk.ApiVersion();
    regarding.as_object()["kind"] = api.gvk.kind;
    events.push_back(
        {.source = fmt::format("kro/{}.{}-controller", api.gvr.resource, api.gvr.group),
         .regarding = std::move(regarding),
         .type = status == "True" ? kube::EventType::kNormal : kube::EventType::kWarning,
         .reason = std::string(type),
         .message = fmt::format("{} -> {}: {}", old_status, status,
                                json::FindString(condition, {"reason"}))});
  }
  return events;
}

namespace {

const json::Value* FindCondition(const json::Value* conditions, std::string_view type) {
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const json::Value& condition : conditions->get_array()) {
    if (json::FindString(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

}  // namespace
}  // namespace kro::controller
