#include "apiserver/internal/version_form.h"

#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

#include "apiserver/kinds/autoscaler.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr std::string_view kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr std::string_view kBehavior = "autoscaling.alpha.kubernetes.io/behavior";

// In the one and the other form of events.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kEventNames = {{
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
}};

// A v2 metric says its value in `inner`, "target" or "current"; a v1 metric in members that begin with that word.
enum class MetricPart { kSpec, kStatus };

void EventFromStored(json::Object& object);
void EventToStored(json::Object& object);
void AutoscalerFromStored(json::Object& object);
void AutoscalerToStored(json::Object& object);

json::Value MetricFromStored(const json::Value& metric, MetricPart part);
json::Value MetricToStored(const json::Value& metric, MetricPart part);
// Whether v1 has a field of its own for it.
bool IsProcessorUtilization(const json::Value& metric, MetricPart part);
json::Value ProcessorUtilization(json::Value percent, MetricPart part);
// What Go prints of a behavior, which has no names for JSON there: capitals, and nulls for what is not given.
json::Value RulesAnnotation(const json::Value* rules);
// The way back, at any depth.
json::Value WithJsonNames(const json::Value& value, int depth = 0);
// The annotation's value if it is JSON, which is then taken away.
std::optional<json::Value> TakeAnnotation(json::Object& object, std::string_view name);
void PutAnnotation(json::Object& object, std::string_view name, const json::Value& value);
void Rename(json::Object& object, std::string_view from, std::string_view to);
void CopyMember(const json::Object& from, std::string_view key, json::Object& to,
                std::string_view as = {});

}  // namespace

const VersionForm* FormOfVersion(std::string_view group, std::string_view version,
                                 std::string_view resource) {
  static const VersionForm kAutoscaler{
      {"autoscaling", "v2"}, AutoscalerFromStored, AutoscalerToStored, DefaultAutoscaler};
  static const VersionForm kEvent{{"", "v1"}, EventFromStored, EventToStored, nullptr};
  if (group == "autoscaling" && version == "v1" && resource == "horizontalpodautoscalers") {
    return &kAutoscaler;
  }
  if (group == "events.k8s.io" && version == "v1" && resource == "events") return &kEvent;
  return nullptr;
}

namespace {

void EventFromStored(json::Object& object) {
  for (const auto& [stored, shown] : kEventNames) Rename(object, stored, shown);
  for (std::string_view key : {"reportingController", "reportingInstance"}) {
    const json::Value* value = object.if_contains(key);
    if (value != nullptr && *value == "") object.erase(key);
  }
}

void EventToStored(json::Object& object) {
  for (const auto& [stored, shown] : kEventNames) Rename(object, shown, stored);
  for (std::string_view key : {"reportingComponent", "reportingInstance"})
    SetDefault(object, key, "");
  Child(object, "involvedObject");
}

void AutoscalerFromStored(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  json::Array others;
  for (const json::Value& metric : ArrayAt(std::as_const(spec), {"metrics"})) {
    if (!IsProcessorUtilization(metric, MetricPart::kSpec)) {
      others.push_back(MetricFromStored(metric, MetricPart::kSpec));
      continue;
    }
    spec["targetCPUUtilizationPercentage"] =
        *json::Find(metric, {"resource", "target", "averageUtilization"});
  }
  spec.erase("metrics");
  if (!others.empty()) PutAnnotation(object, kMetrics, std::move(others));
  if (const json::Value* behavior = spec.if_contains("behavior")) {
    json::Object shown;
    shown["ScaleUp"] = RulesAnnotation(json::Find(*behavior, "scaleUp"));
    shown["ScaleDown"] = RulesAnnotation(json::Find(*behavior, "scaleDown"));
    PutAnnotation(object, kBehavior, std::move(shown));
    spec.erase("behavior");
  }
  json::Object& status = Child(object, "status");
  json::Array current;
  for (const json::Value& metric : ArrayAt(std::as_const(status), {"currentMetrics"})) {
    current.push_back(MetricFromStored(metric, MetricPart::kStatus));
    if (IsProcessorUtilization(metric, MetricPart::kStatus)) {
      status["currentCPUUtilizationPercentage"] =
          *json::Find(metric, {"resource", "current", "averageUtilization"});
    }
  }
  status.erase("currentMetrics");
  if (!current.empty()) PutAnnotation(object, kCurrentMetrics, std::move(current));
  if (const json::Value* conditions = status.if_contains("conditions")) {
    PutAnnotation(object, kConditions, *conditions);
    status.erase("conditions");
  }
  SetDefault(status, "currentReplicas", 0);
  SetDefault(status, "desiredReplicas", 0);
}

void AutoscalerToStored(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  json::Array metrics;
  if (auto others = TakeAnnotation(object, kMetrics); others && others->is_array()) {
    for (const json::Value& metric : others->get_array()) {
      metrics.push_back(MetricToStored(metric, MetricPart::kSpec));
    }
  }
  if (const json::Value* percent = spec.if_contains("targetCPUUtilizationPercentage")) {
    metrics.push_back(ProcessorUtilization(*percent, MetricPart::kSpec));
    spec.erase("targetCPUUtilizationPercentage");
  }
  if (!metrics.empty()) spec["metrics"] = std::move(metrics);
  if (auto behavior = TakeAnnotation(object, kBehavior)) {
    spec["behavior"] = WithJsonNames(*behavior);
  }
  json::Object& status = Child(object, "status");
  json::Array current;
  if (auto all = TakeAnnotation(object, kCurrentMetrics); all && all->is_array()) {
    for (const json::Value& metric : all->get_array()) {
      current.push_back(MetricToStored(metric, MetricPart::kStatus));
    }
  } else if (const json::Value* percent = status.if_contains("currentCPUUtilizationPercentage")) {
    current.push_back(ProcessorUtilization(*percent, MetricPart::kStatus));
  }
  status.erase("currentCPUUtilizationPercentage");
  status["currentMetrics"] =
      current.empty() ? json::Value(nullptr) : json::Value(std::move(current));
  if (auto conditions = TakeAnnotation(object, kConditions)) status["conditions"] = *conditions;
}

json::Value MetricFromStored(const json::Value& metric, MetricPart part) {
  const bool spec = part == MetricPart::kSpec;
  const std::string_view inner = spec ? "target" : "current";
  json::Object shown;
  shown["type"] = StringAt(metric, {"type"});
  for (const auto& member : metric.as_object()) {
    const std::string_view source = member.key();
    if (source == "type" || !member.value().is_object()) continue;
    const json::Object& from = member.value().get_object();
    json::Object to;
    CopyMember(from, "name", to);
    CopyMember(from, "container", to);
    CopyMember(from, "describedObject", to, "target");
    const json::Object& name = ObjectAt(from, {"metric"});
    CopyMember(name, "name", to, "metricName");
    CopyMember(name, "selector", to, source == "external" ? "metricSelector" : "selector");
    const json::Object& value = ObjectAt(from, {inner});
    CopyMember(value, "value", to, spec ? "targetValue" : "currentValue");
    CopyMember(value, "averageUtilization", to,
               spec ? "targetAverageUtilization" : "currentAverageUtilization");
    CopyMember(value, "averageValue", to,
               source == "object" ? "averageValue"
               : spec             ? "targetAverageValue"
                                  : "currentAverageValue");
    shown[source] = std::move(to);
  }
  return shown;
}

json::Value MetricToStored(const json::Value& metric, MetricPart part) {
  const bool spec = part == MetricPart::kSpec;
  json::Object stored;
  stored["type"] = StringAt(metric, {"type"});
  if (!metric.is_object()) return stored;
  for (const auto& member : metric.get_object()) {
    const std::string_view source = member.key();
    if (source == "type" || !member.value().is_object()) continue;
    const json::Object& from = member.value().get_object();
    json::Object value;
    CopyMember(from, spec ? "targetValue" : "currentValue", value, "value");
    CopyMember(from, spec ? "targetAverageUtilization" : "currentAverageUtilization", value,
               "averageUtilization");
    CopyMember(from, spec ? "targetAverageValue" : "currentAverageValue", value, "averageValue");
    CopyMember(from, "averageValue", value);
    if (spec) {
      value["type"] = value.contains("averageUtilization") ? "Utilization"
                      : value.contains("averageValue")     ? "AverageValue"
                                                           : "Value";
    }
    json::Object to;
    CopyMember(from, "name", to);
    CopyMember(from, "container", to);
    CopyMember(from, "target", to, "describedObject");
    json::Object name;
    CopyMember(from, "metricName", name, "name");
    CopyMember(from, source == "external" ? "metricSelector" : "selector", name, "selector");
    if (!name.empty()) to["metric"] = std::move(name);
    to[spec ? "target" : "current"] = std::move(value);
    stored[source] = std::move(to);
  }
  return stored;
}

bool IsProcessorUtilization(const json::Value& metric, MetricPart part) {
  const std::string_view inner = part == MetricPart::kSpec ? "target" : "current";
  return StringAt(metric, {"type"}) == "Resource" &&
         StringAt(metric, {"resource", "name"}) == "cpu" &&
         json::Find(metric, {"resource", inner, "averageUtilization"}) != nullptr;
}

json::Value ProcessorUtilization(json::Value percent, MetricPart part) {
  json::Object value;
  if (part == MetricPart::kSpec) value["type"] = "Utilization";
  value["averageUtilization"] = std::move(percent);
  json::Object resource;
  resource["name"] = "cpu";
  resource[part == MetricPart::kSpec ? "target" : "current"] = std::move(value);
  json::Object metric;
  metric["type"] = "Resource";
  metric["resource"] = std::move(resource);
  return metric;
}

json::Value RulesAnnotation(const json::Value* rules) {
  if (rules == nullptr || !rules->is_object()) return nullptr;
  const auto member = [](const json::Value& from, std::string_view key) {
    const json::Value* found = json::Find(from, key);
    return found == nullptr ? json::Value(nullptr) : *found;
  };
  json::Value policies(nullptr);
  if (json::Find(*rules, "policies") != nullptr) policies = json::Array();
  for (const json::Value& policy : ArrayAt(*rules, {"policies"})) {
    policies.as_array().push_back(json::Object{{"Type", member(policy, "type")},
                                               {"Value", member(policy, "value")},
                                               {"PeriodSeconds", member(policy, "periodSeconds")}});
  }
  return json::Object{{"StabilizationWindowSeconds", member(*rules, "stabilizationWindowSeconds")},
                      {"SelectPolicy", member(*rules, "selectPolicy")},
                      {"Policies", std::move(policies)},
                      {"Tolerance", member(*rules, "tolerance")}};
}

json::Value WithJsonNames(const json::Value& value, int depth) {
  if (depth > json::kMaxDepth) return nullptr;
  if (const json::Array* array = value.if_array()) {
    json::Array items;
    for (const json::Value& item : *array) items.push_back(WithJsonNames(item, depth + 1));
    return items;
  }
  const json::Object* object = value.if_object();
  if (object == nullptr) return value;
  json::Object members;
  for (const auto& member : *object) {
    if (member.value().is_null()) continue;
    std::string key(member.key());
    if (!key.empty())
      key.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(key.front())));
    members[key] = WithJsonNames(member.value(), depth + 1);
  }
  return members;
}

std::optional<json::Value> TakeAnnotation(json::Object& object, std::string_view name) {
  json::Object* metadata = FindChild(object, "metadata");
  json::Object* annotations = metadata == nullptr ? nullptr : FindChild(*metadata, "annotations");
  const json::Value* text = annotations == nullptr ? nullptr : annotations->if_contains(name);
  if (text == nullptr || !text->is_string()) return std::nullopt;
  auto value = json::Parse(text->get_string());
  annotations->erase(name);
  if (annotations->empty()) metadata->erase("annotations");
  if (!value) return std::nullopt;
  return *std::move(value);
}

void PutAnnotation(json::Object& object, std::string_view name, const json::Value& value) {
  Child(object, {"metadata", "annotations"})[name] = json::Serialize(value);
}

void Rename(json::Object& object, std::string_view from, std::string_view to) {
  auto found = object.find(from);
  if (found == object.end()) return;
  json::Value value = std::move(found->value());
  object.erase(found);
  object[to] = std::move(value);
}

void CopyMember(const json::Object& from, std::string_view key, json::Object& to,
                std::string_view as) {
  if (const json::Value* value = from.if_contains(key)) to[as.empty() ? key : as] = *value;
}

}  // namespace
}  // namespace kro::apiserver
