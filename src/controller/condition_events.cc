#include "controller/condition_events.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "api/condition.h"

namespace kro::controller {
namespace {

const json::Value* FindCondition(const json::Value* conditions, std::string_view type);
json::Object Reference(const InstanceApi& api, const json::Value& instance);

}  // namespace

std::vector<json::Value> ConditionEvents(const InstanceApi& api, const json::Value& instance,
                                         const json::Value& wanted, WallTime now) {
  std::vector<json::Value> events;
  const json::Value* before = json::Find(instance, {"status", "conditions"});
  const json::Value* after = json::Find(wanted, "conditions");
  if (after == nullptr || !after->is_array()) return events;
  const std::string name(json::FindString(instance, {"metadata", "name"}));
  const std::string ns(json::FindString(instance, {"metadata", "namespace"}));
  const std::string component =
      fmt::format("kro/{}.{}-controller", api.gvr.resource, api.gvr.group);
  const std::string time =
      api::FormatTimestamp(std::chrono::floor<std::chrono::seconds>(now));
  auto number = now.time_since_epoch().count();
  for (const json::Value& condition : after->get_array()) {
    const std::string_view type = json::FindString(condition, {"type"});
    const std::string_view status = json::FindString(condition, {"status"});
    const json::Value* old = FindCondition(before, type);
    const std::string_view old_status =
        old == nullptr ? "none" : json::FindString(*old, {"status"});
    if (status == old_status) continue;
    json::Object metadata;
    metadata["name"] = fmt::format("{}.{:x}", name, number++);
    metadata["namespace"] = ns.empty() ? "default" : ns;
    json::Object source;
    source["component"] = component;
    json::Object event;
    event["apiVersion"] = "v1";
    event["kind"] = "Event";
    event["metadata"] = std::move(metadata);
    event["involvedObject"] = Reference(api, instance);
    event["reason"] = type;
    event["message"] = fmt::format("{} -> {}: {}", old_status, status,
                                   json::FindString(condition, {"reason"}));
    event["source"] = std::move(source);
    event["reportingComponent"] = component;
    event["reportingInstance"] = "";
    event["type"] = status == "True" ? "Normal" : "Warning";
    event["firstTimestamp"] = time;
    event["lastTimestamp"] = time;
    event["count"] = 1;
    events.emplace_back(std::move(event));
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

json::Object Reference(const InstanceApi& api, const json::Value& instance) {
  json::Object reference;
  reference["apiVersion"] = api.gvk.ApiVersion();
  reference["kind"] = api.gvk.kind;
  for (const std::string_view key : {"name", "namespace", "uid", "resourceVersion"}) {
    const std::string_view value = json::FindString(instance, {"metadata", key});
    if (!value.empty()) reference[key] = value;
  }
  return reference;
}

}  // namespace
}  // namespace kro::controller
