#include "apiserver/controllers/autoscaler_controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/controllers/conditions.h"
#include "apiserver/internal/scale.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kAutoscalers{"autoscaling", "v2", "horizontalpodautoscalers"};

// What the metrics would say if they were what is aimed at.
json::Array CurrentMetrics(const json::Value& autoscaler);

}  // namespace

void AutoscalerController::Observe(const Collection& collection, const Change& change,
                                   const Enqueue& enqueue) {
  if (collection.group() == "autoscaling" && collection.resource() == "horizontalpodautoscalers") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  for (const StoredPtr& stored : client_.List(kAutoscalers, change.object->name_space)) {
    const json::Value autoscaler = client_.ValueOf(kAutoscalers, *stored);
    auto target =
        api::GroupVersion::Parse(StringAt(autoscaler, {"spec", "scaleTargetRef", "apiVersion"}));
    if (target && target->group == collection.group() &&
        StringAt(autoscaler, {"spec", "scaleTargetRef", "name"}) == change.object->name) {
      enqueue(KeyOf(*stored));
    }
  }
}

std::optional<Duration> AutoscalerController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto autoscaler = client_.Get(kAutoscalers, name_space, name);
  if (!autoscaler || !StringAt(*autoscaler, {"metadata", "deletionTimestamp"}).empty()) {
    return std::nullopt;
  }
  const json::Value& view = *autoscaler;
  const std::string kind(StringAt(view, {"spec", "scaleTargetRef", "kind"}));
  const std::string target(StringAt(view, {"spec", "scaleTargetRef", "name"}));
  const std::string now = client_.Now();
  auto version = api::GroupVersion::Parse(StringAt(view, {"spec", "scaleTargetRef", "apiVersion"}));
  ResourcePtr resource =
      version ? core_.registry.FindKind(version->group, version->version, kind) : nullptr;
  std::optional<json::Value> scale;
  if (resource != nullptr && resource->FindSubresource("scale") != nullptr) {
    if (auto read = ReadScale(core_, *resource, name_space, target)) scale = *std::move(read);
  }
  json::Object& status = Child(autoscaler->as_object(), "status");
  if (!scale) {
    status["desiredReplicas"] = 0;
    SetCondition(*autoscaler,
                 {"AbleToScale", "False", "FailedGetScale",
                  fmt::format("the HPA controller was unable to get the target's current scale: {} "
                              "\"{}\" not found",
                              kind, target)},
                 now);
    static_cast<void>(client_.Update(kAutoscalers, *autoscaler, "status"));
    return std::nullopt;
  }
  const std::int64_t wanted = IntAt(std::as_const(*scale), {"spec", "replicas"});
  const std::int64_t least = IntAt(view, {"spec", "minReplicas"}, 1);
  const std::int64_t most = IntAt(view, {"spec", "maxReplicas"}, 1);
  const std::int64_t desired = wanted == 0 ? 0 : std::clamp(wanted, std::min(least, most), most);
  status["currentReplicas"] = IntAt(std::as_const(*scale), {"status", "replicas"});
  status["desiredReplicas"] = desired;
  status["observedGeneration"] = IntAt(view, {"metadata", "generation"});
  status["currentMetrics"] = CurrentMetrics(view);
  SetCondition(*autoscaler,
               {"AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"},
               now);
  SetCondition(*autoscaler,
               {"ScalingActive", wanted == 0 ? "False" : "True",
                wanted == 0 ? "ScalingDisabled" : "ValidMetricFound",
                wanted == 0 ? "scaling is disabled since the replica count of the target is zero"
                            : "the HPA was able to successfully calculate a replica count"},
               now);
  const bool limited = desired != wanted;
  SetCondition(
      *autoscaler,
      {"ScalingLimited", limited ? "True" : "False",
       limited ? (desired > wanted ? "TooFewReplicas" : "TooManyReplicas") : "DesiredWithinRange",
       limited ? "the desired replica count is outside of the acceptable range"
               : "the desired count is within the acceptable range"},
      now);
  static_cast<void>(client_.Update(kAutoscalers, *autoscaler, "status"));
  return std::nullopt;
}

namespace {

json::Array CurrentMetrics(const json::Value& autoscaler) {
  json::Array metrics;
  for (const json::Value& wanted : ArrayAt(autoscaler, {"spec", "metrics"})) {
    if (StringAt(wanted, {"type"}) != "Resource") continue;
    json::Object current;
    if (const json::Value* percent =
            json::Find(wanted, {"resource", "target", "averageUtilization"})) {
      current["averageUtilization"] = *percent;
      current["averageValue"] = "0";
    } else if (const json::Value* value =
                   json::Find(wanted, {"resource", "target", "averageValue"})) {
      current["averageValue"] = *value;
    }
    json::Object metric;
    metric["type"] = "Resource";
    json::Object& resource = Child(metric, "resource");
    resource["name"] = StringAt(wanted, {"resource", "name"});
    resource["current"] = std::move(current);
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

}  // namespace
}  // namespace kro::apiserver
