#include "apiserver/kinds/autoscaler.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

// How fast it scales.
void DefaultBehavior(json::Object& behavior);
// What the apiVersion of a reference must be.
enum class VersionRule { kAny, kReadable, kWithGroup };
void ValidateReference(const json::Value& reference, const std::string& at, VersionRule rule,
                       FieldErrors& errors);
void ValidateMetric(const json::Value& metric, const std::string& at, FieldErrors& errors);
void ValidateScalingRules(const json::Value& rules, const std::string& at, FieldErrors& errors);

}  // namespace

void DefaultAutoscaler(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "minReplicas", 1);
  if (json::Object* behavior = FindChild(spec, "behavior")) DefaultBehavior(*behavior);
  json::Array* metrics = FindArray(spec, "metrics");
  if (metrics != nullptr && !metrics->empty()) return;
  json::Object target;
  target["type"] = "Utilization";
  target["averageUtilization"] = 80;
  json::Object resource;
  resource["name"] = "cpu";
  resource["target"] = std::move(target);
  json::Object metric;
  metric["type"] = "Resource";
  metric["resource"] = std::move(resource);
  spec["metrics"] = json::Array{std::move(metric)};
}

void DefaultAutoscalerV1(json::Object& object) {
  SetDefault(Child(object, "spec"), "minReplicas", 1);
}

void PrepareAutoscalerV1(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  json::Object& status = Child(object, "status");
  SetDefault(status, "currentReplicas", 0);
  SetDefault(status, "desiredReplicas", 0);
}

void PrepareAutoscaler(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  json::Object& status = Child(object, "status");
  SetDefault(status, "desiredReplicas", 0);
  SetDefault(status, "currentMetrics", nullptr);
}

void ValidateAutoscaler(const WriteContext& context, const json::Value& object,
                        FieldErrors& errors) {
  if (context.endpoint == Endpoint::kStatus) return;
  const std::int64_t least = IntAt(object, {"spec", "minReplicas"}, 1);
  const std::int64_t most = IntAt(object, {"spec", "maxReplicas"});
  const bool was_zero =
      context.old != nullptr && IntAt(*context.old, {"spec", "minReplicas"}, 1) == 0;
  if (const int bound = was_zero ? 0 : 1; least < bound) {
    errors.push_back(Invalid("spec.minReplicas", json::Value(least),
                             fmt::format("must be greater than or equal to {}", bound)));
  }
  if (most == 0) {
    errors.push_back(Required("spec.maxReplicas", "must be set and greater than 0"));
  } else if (most < 0) {
    errors.push_back(
        Invalid("spec.maxReplicas", json::Value(most), "must be greater than or equal to 1"));
  }
  if (most < least) {
    errors.push_back(Invalid("spec.maxReplicas", json::Value(most),
                             "must be greater than or equal to `minReplicas`"));
  }
  static const json::Value& none = *new json::Value(json::Object());
  const json::Value* target = json::Find(object, {"spec", "scaleTargetRef"});
  const json::Value& reference = target == nullptr ? none : *target;
  const auto same = [&](std::string_view key) {
    return StringAt(*context.old, {"spec", "scaleTargetRef", key}) == StringAt(reference, {key});
  };
  VersionRule rule = VersionRule::kWithGroup;
  if (context.old != nullptr && same("apiVersion") && same("kind")) {
    rule = VersionRule::kAny;
  } else if (StringAt(reference, {"kind"}) == "ReplicationController") {
    rule = VersionRule::kReadable;
  }
  ValidateReference(reference, "spec.scaleTargetRef", rule, errors);

  const json::Array& metrics = ArrayAt(object, {"spec", "metrics"});
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    ValidateMetric(metrics[i], fmt::format("spec.metrics[{}]", i), errors);
  }
  const auto scales_from_zero = [](const json::Value& metric) {
    const std::string_view type = StringAt(metric, {"type"});
    return type == "Object" || type == "External";
  };
  if (least == 0 && std::ranges::none_of(metrics, scales_from_zero)) {
    errors.push_back(Forbidden("spec.metrics",
                               "must specify at least one Object or External metric to support "
                               "scaling to zero replicas"));
  }
  for (std::string_view way : {"scaleUp", "scaleDown"}) {
    if (const json::Value* rules = json::Find(object, {"spec", "behavior", way})) {
      ValidateScalingRules(*rules, fmt::format("spec.behavior.{}", way), errors);
    }
  }
}

namespace {

void DefaultBehavior(json::Object& behavior) {
  const auto policy = [](std::string_view type, int value) {
    json::Object made;
    made["type"] = type;
    made["value"] = value;
    made["periodSeconds"] = 15;
    return made;
  };
  json::Object& up = Child(behavior, "scaleUp");
  SetDefault(up, "stabilizationWindowSeconds", 0);
  SetDefault(up, "selectPolicy", "Max");
  SetDefault(up, "policies", json::Array{policy("Pods", 4), policy("Percent", 100)});
  json::Object& down = Child(behavior, "scaleDown");
  SetDefault(down, "selectPolicy", "Max");
  SetDefault(down, "policies", json::Array{policy("Percent", 100)});
}

void ValidateReference(const json::Value& reference, const std::string& at, VersionRule rule,
                       FieldErrors& errors) {
  for (std::string_view key : {"kind", "name"}) {
    const std::string field = fmt::format("{}.{}", at, key);
    const std::string_view value = StringAt(reference, {key});
    if (value.empty()) {
      errors.push_back(Required(field));
      continue;
    }
    for (const std::string& complaint : CheckPathSegment(value)) {
      errors.push_back(Invalid(field, json::Value(value), complaint));
    }
  }
  const std::string_view version = StringAt(reference, {"apiVersion"});
  if (rule == VersionRule::kAny) return;
  if (std::ranges::count(version, '/') > 1) {
    errors.push_back(Invalid(at + ".apiVersion", json::Value(version),
                             fmt::format("unexpected GroupVersion string: {}", version)));
  } else if (rule == VersionRule::kWithGroup && version.find('/') == std::string_view::npos) {
    errors.push_back(
        Invalid(at + ".apiVersion", json::Value(version), "apiVersion must specify API group"));
  }
}

void ValidateMetricName(const json::Value& source, const std::string& at, FieldErrors& errors) {
  const std::string_view name = StringAt(source, {"metric", "name"});
  if (name.empty()) {
    errors.push_back(Required(at + ".metric.name", "must specify a metric name"));
    return;
  }
  for (const std::string& complaint : CheckPathSegment(name)) {
    errors.push_back(Invalid(at + ".metric.name", json::Value(name), complaint));
  }
}

void ValidateTarget(const json::Value& source, const std::string& at, FieldErrors& errors) {
  const std::string_view type = StringAt(source, {"target", "type"});
  if (type.empty()) errors.push_back(Required(at + ".type", "must specify a metric target type"));
  if (type != "Utilization" && type != "Value" && type != "AverageValue") {
    errors.push_back(Invalid(at + ".type", json::Value(type),
                             "must be either Utilization, Value, or AverageValue"));
  }
  const json::Value zero("0");
  for (std::string_view key : {"value", "averageValue"}) {
    const json::Value* quantity = json::Find(source, {"target", key});
    if (quantity != nullptr && !QuantityLess(&zero, quantity)) {
      errors.push_back(Invalid(fmt::format("{}.{}", at, key), *quantity, "must be positive"));
    }
  }
  const json::Value* utilization = json::Find(source, {"target", "averageUtilization"});
  if (utilization != nullptr && IntAt(source, {"target", "averageUtilization"}) < 1) {
    errors.push_back(Invalid(at + ".averageUtilization", *utilization, "must be greater than 0"));
  }
}

struct SourceKind {
  std::string_view type;
  std::string_view key;
};

// In the order in which the real server looks for them.
constexpr SourceKind kSources[] = {{"Object", "object"},
                                   {"External", "external"},
                                   {"Pods", "pods"},
                                   {"Resource", "resource"},
                                   {"ContainerResource", "containerResource"}};

void ValidateSource(const SourceKind& kind, const json::Value& source, const std::string& at,
                    FieldErrors& errors) {
  const std::string target = at + ".target";
  const bool value = json::Find(source, {"target", "value"}) != nullptr;
  const bool average = json::Find(source, {"target", "averageValue"}) != nullptr;
  const bool utilization = json::Find(source, {"target", "averageUtilization"}) != nullptr;
  if (kind.type == "Resource" || kind.type == "ContainerResource") {
    if (StringAt(source, {"name"}).empty()) {
      errors.push_back(Required(at + ".name", "must specify a resource name"));
    }
    if (kind.type == "ContainerResource") {
      const std::string_view container = StringAt(source, {"container"});
      if (container.empty()) {
        errors.push_back(Required(at + ".container", "must specify a container"));
      } else {
        for (const std::string& complaint : CheckDns1123Label(container)) {
          errors.push_back(Invalid(at + ".container", json::Value(container), complaint));
        }
      }
    }
    ValidateTarget(source, target, errors);
    if (!utilization && !average) {
      errors.push_back(Required(target + ".averageUtilization",
                                "must set either a target raw value or a target utilization"));
    } else if (utilization && average) {
      errors.push_back(Forbidden(target + ".averageValue",
                                 "may not set both a target raw value and a target utilization"));
    }
    return;
  }
  if (kind.type == "Object") {
    static const json::Value& none = *new json::Value(json::Object());
    const json::Value* described = json::Find(source, "describedObject");
    ValidateReference(described == nullptr ? none : *described, at + ".describedObject",
                      VersionRule::kReadable, errors);
  }
  ValidateMetricName(source, at, errors);
  ValidateTarget(source, target, errors);
  if (kind.type == "Pods") {
    if (!average) {
      errors.push_back(
          Required(target + ".averageValue", "must specify a positive target averageValue"));
    }
  } else if (!value && !average) {
    errors.push_back(Required(
        target + ".averageValue",
        kind.type == "Object" ? "must set either a target value or averageValue"
                              : "must set either a target value for metric or a per-pod target"));
  } else if (value && average && kind.type == "External") {
    errors.push_back(Forbidden(target + ".value",
                               "may not set both a target value for metric and a per-pod target"));
  }
}

void ValidateMetric(const json::Value& metric, const std::string& at, FieldErrors& errors) {
  static constexpr std::string_view kTypes[] = {"ContainerResource", "External", "Object", "Pods",
                                                "Resource"};
  const std::string_view type = StringAt(metric, {"type"});
  if (type.empty()) errors.push_back(Required(at + ".type", "must specify a metric source type"));
  const auto* own = std::ranges::find(kSources, type, &SourceKind::type);
  if (own == std::end(kSources)) {
    // It is looked at twice.
    errors.push_back(NotSupported(at + ".type", json::Value(type), kTypes));
    errors.push_back(NotSupported(at + ".type", json::Value(type), kTypes));
  }
  std::size_t present = 0;
  for (const SourceKind& kind : kSources) {
    const json::Value* source = json::Find(metric, kind.key);
    if (source == nullptr) continue;
    if (++present == 1) {
      ValidateSource(kind, *source, fmt::format("{}.{}", at, kind.key), errors);
    }
  }
  if (own != std::end(kSources) && json::Find(metric, own->key) == nullptr) {
    errors.push_back(Required(fmt::format("{}.{}", at, own->key),
                              "must populate information for the given metric source"));
  }
  if (present == 1) return;
  for (const SourceKind& kind : kSources) {
    if (kind.type == type || json::Find(metric, kind.key) == nullptr) continue;
    errors.push_back(Forbidden(fmt::format("{}.{}", at, kind.key),
                               "must populate the given metric source only"));
  }
}

void ValidateScalingRules(const json::Value& rules, const std::string& at, FieldErrors& errors) {
  static constexpr std::string_view kSelections[] = {"Disabled", "Max", "Min"};
  static constexpr std::string_view kTypes[] = {"Percent", "Pods"};
  constexpr std::int64_t kLongestWindow = 3600;
  constexpr std::int64_t kLongestPeriod = 1800;
  const auto check_most = [&](const std::string& field, std::int64_t value, std::int64_t most) {
    if (value <= most) return;
    errors.push_back(
        Invalid(field, json::Value(value), fmt::format("must be less than or equal to {}", most)));
  };
  const std::int64_t window = IntAt(rules, {"stabilizationWindowSeconds"});
  if (window < 0) {
    errors.push_back(Invalid(at + ".stabilizationWindowSeconds", json::Value(window),
                             "must be greater than or equal to zero"));
  }
  check_most(at + ".stabilizationWindowSeconds", window, kLongestWindow);
  const std::string_view selection = StringAt(rules, {"selectPolicy"});
  if (std::ranges::find(kSelections, selection) == std::end(kSelections)) {
    errors.push_back(NotSupported(at + ".selectPolicy", json::Value(selection), kSelections));
  }
  const json::Array& policies = ArrayAt(rules, {"policies"});
  if (policies.empty()) {
    errors.push_back(Required(at + ".policies", "must specify at least one Policy"));
  }
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const std::string here = fmt::format("{}.policies[{}]", at, i);
    const std::string_view type = StringAt(policies[i], {"type"});
    if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
      errors.push_back(NotSupported(here + ".type", json::Value(type), kTypes));
    }
    for (std::string_view key : {"value", "periodSeconds"}) {
      const std::int64_t number = IntAt(policies[i], {key});
      if (number > 0) continue;
      errors.push_back(Invalid(fmt::format("{}.{}", here, key), json::Value(number),
                               "must be greater than zero"));
    }
    check_most(here + ".periodSeconds", IntAt(policies[i], {"periodSeconds"}), kLongestPeriod);
  }
}

}  // namespace
}  // namespace kro::apiserver
