#include "apiserver/kinds/workloads.h"

#include <fmt/format.h>

#include <charconv>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/pod.h"
#include "apiserver/kinds/values.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kTemplateGeneration = "deprecated.daemonset.template.generation";

// Completes spec.template.spec.
void DefaultTemplate(json::Object& spec);
void DefaultJobSpec(json::Object& spec);
// Of the pods of a job; nullptr: none are described.
void ValidateJobPods(const json::Value* spec, const std::string& at, FieldErrors& errors);
void ValidateSelector(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void ValidateStatefulSetUpdate(const WriteContext& context, const json::Value& object,
                               FieldErrors& errors);

}  // namespace

void DefaultPodTemplate(json::Object& object) { DefaultTemplate(object); }

void ValidatePodTemplate(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  if (const json::Value* spec = json::Find(object, {"template", "spec"})) {
    ValidatePodSpec(*spec, "template.spec", errors);
  }
}

void DefaultDeployment(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  DefaultTemplate(spec);
  SetDefault(spec, "replicas", 1);
  json::Object& strategy = Child(spec, "strategy");
  SetDefault(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    json::Object& rolling = Child(strategy, "rollingUpdate");
    SetDefault(rolling, "maxUnavailable", "25%");
    SetDefault(rolling, "maxSurge", "25%");
  }
  SetDefault(spec, "revisionHistoryLimit", 10);
  SetDefault(spec, "progressDeadlineSeconds", 600);
}

void DefaultReplicaSet(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  DefaultTemplate(spec);
  SetDefault(spec, "replicas", 1);
}

void PrepareReplicaSet(const WriteContext& context, json::Object& object) {
  PrepareStatusObject(context, object);
  SetDefault(Child(object, "status"), "replicas", 0);
}

void DefaultStatefulSet(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  DefaultTemplate(spec);
  SetDefault(spec, "replicas", 1);
  SetDefault(spec, "podManagementPolicy", "OrderedReady");
  json::Object& strategy = Child(spec, "updateStrategy");
  // One that says its type has to say the rest too.
  const bool rolls = !strategy.contains("type") || strategy.contains("rollingUpdate");
  SetDefault(strategy, "type", "RollingUpdate");
  if (rolls && strategy["type"] == "RollingUpdate") {
    SetDefault(Child(strategy, "rollingUpdate"), "partition", 0);
  }
  SetDefault(spec, "revisionHistoryLimit", 10);
  json::Object& retention = Child(spec, "persistentVolumeClaimRetentionPolicy");
  SetDefault(retention, "whenDeleted", "Retain");
  SetDefault(retention, "whenScaled", "Retain");
  json::Array* claims = FindArray(spec, "volumeClaimTemplates");
  if (claims == nullptr) return;
  for (json::Value& claim : *claims) {
    if (!claim.is_object()) continue;
    json::Object& members = claim.get_object();
    SetDefault(members, "apiVersion", "v1");
    SetDefault(members, "kind", "PersistentVolumeClaim");
    json::Object& claim_spec = Child(members, "spec");
    SetDefault(claim_spec, "volumeMode", "Filesystem");
    NormaliseQuantities(Child(claim_spec, "resources"), "requests");
    SetDefault(Child(members, "status"), "phase", "Pending");
  }
}

void PrepareStatefulSet(const WriteContext& context, json::Object& object) {
  PrepareStatusObject(context, object);
  json::Object& status = Child(object, "status");
  SetDefault(status, "replicas", 0);
  SetDefault(status, "availableReplicas", 0);
}

void DefaultDaemonSet(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  DefaultTemplate(spec);
  json::Object& strategy = Child(spec, "updateStrategy");
  SetDefault(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    json::Object& rolling = Child(strategy, "rollingUpdate");
    SetDefault(rolling, "maxUnavailable", 1);
    SetDefault(rolling, "maxSurge", 0);
  }
  SetDefault(spec, "revisionHistoryLimit", 10);
  SetDefault(Child(object, {"metadata", "annotations"}), kTemplateGeneration, "0");
}

void PrepareDaemonSet(const WriteContext& context, json::Object& object) {
  PrepareStatusObject(context, object);
  json::Object& status = Child(object, "status");
  for (std::string_view key :
       {"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"}) {
    SetDefault(status, key, 0);
  }
  json::Value& generation = Child(object, {"metadata", "annotations"})[kTemplateGeneration];
  if (context.old == nullptr) {
    if (generation == "0") generation = "1";
    return;
  }
  const json::Value* former =
      json::Find(*context.old, {"metadata", "annotations", kTemplateGeneration});
  if (former == nullptr || !former->is_string()) return;
  generation = *former;
  const json::Value* before = json::Find(*context.old, {"spec", "template"});
  const json::Value* after = json::Find(object, {"spec", "template"});
  if (before == nullptr || after == nullptr || *before == *after) return;
  std::int64_t number = 0;
  const std::string_view text = former->get_string();
  std::from_chars(text.data(), text.data() + text.size(), number);
  generation = std::to_string(number + 1);
}

void DefaultJob(json::Object& object) { DefaultJobSpec(Child(object, "spec")); }

void PrepareJob(const WriteContext& context, json::Object& object) {
  PrepareStatusObject(context, object);
  if (context.old != nullptr) return;
  json::Object& spec = Child(object, "spec");
  if (spec["manualSelector"] == true) return;
  std::string uid(StringAt(object, {"metadata", "uid"}));
  std::string name(StringAt(object, {"metadata", "name"}));
  json::Object& labels = Child(spec, {"template", "metadata", "labels"});
  for (std::string_view prefix : {"", "batch.kubernetes.io/"}) {
    labels[fmt::format("{}controller-uid", prefix)] = uid;
    labels[fmt::format("{}job-name", prefix)] = name;
  }
  Child(spec, {"selector", "matchLabels"})["batch.kubernetes.io/controller-uid"] = uid;
  json::Object& own = Child(object, {"metadata", "labels"});
  for (const auto& label : ObjectAt(object, {"spec", "template", "metadata", "labels"})) {
    SetDefault(own, label.key(), label.value());
  }
}

void ValidateJob(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  ValidateJobPods(json::Find(object, {"spec", "template", "spec"}), "spec.template.spec", errors);
  if (errors.empty()) WarnOfTemplate(context, object, "spec.template.spec");
  if (context.old == nullptr || context.endpoint != Endpoint::kMain) return;
  for (std::string_view key : {"completions", "selector", "template"}) {
    const json::Value* before = json::Find(*context.old, {"spec", key});
    const json::Value* after = json::Find(object, {"spec", key});
    if (before != nullptr && after != nullptr && *before == *after) continue;
    if (before == after) continue;
    errors.push_back(Invalid(fmt::format("spec.{}", key), after == nullptr ? json::Value() : *after,
                             "field is immutable"));
  }
}

void DefaultCronJob(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "concurrencyPolicy", "Allow");
  SetDefault(spec, "suspend", false);
  SetDefault(spec, "successfulJobsHistoryLimit", 3);
  SetDefault(spec, "failedJobsHistoryLimit", 1);
  Child(spec, {"jobTemplate", "metadata"});
  json::Object& job = Child(spec, {"jobTemplate", "spec"});
  DefaultTemplate(job);
}

void ValidateCronJob(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  if (StringAt(object, {"metadata", "name"}).size() > 52) {
    errors.push_back(Invalid("metadata.name", json::Value(StringAt(object, {"metadata", "name"})),
                             "must be no more than 52 characters"));
  }
  if (StringAt(object, {"spec", "schedule"}).empty()) errors.push_back(Required("spec.schedule"));
  ValidateJobPods(json::Find(object, {"spec", "jobTemplate", "spec", "template", "spec"}),
                  "spec.jobTemplate.spec.template.spec", errors);
  if (errors.empty()) WarnOfTemplate(context, object, "spec.jobTemplate.spec.template.spec");
}

void PrepareStatusObject(const WriteContext& context, json::Object& object) {
  if (context.old == nullptr) Child(object, "status");
}

void ValidateWorkload(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  const json::Value* replicas = json::Find(object, {"spec", "replicas"});
  if (replicas != nullptr && replicas->is_int64() && replicas->get_int64() < 0) {
    errors.push_back(Invalid("spec.replicas", *replicas, "must be greater than or equal to 0"));
  }
  ValidateSelector(context, object, errors);
  if (const json::Value* spec = json::Find(object, {"spec", "template", "spec"})) {
    ValidatePodSpec(*spec, "spec.template.spec", errors);
    std::string_view restart = StringAt(*spec, {"restartPolicy"});
    static constexpr std::string_view kAlways[] = {"Always"};
    if (restart != "Always") {
      errors.push_back(
          NotSupported("spec.template.spec.restartPolicy", json::Value(restart), kAlways));
    }
  }
  if (context.resource.kind == "Deployment" &&
      StringAt(object, {"spec", "strategy", "type"}) == "Recreate" &&
      json::Find(object, {"spec", "strategy", "rollingUpdate"}) != nullptr) {
    errors.push_back(Forbidden("spec.strategy.rollingUpdate",
                               "may not be specified when strategy `type` is 'Recreate'"));
  }
  const json::Value* deadline = json::Find(object, {"spec", "progressDeadlineSeconds"});
  if (deadline != nullptr && deadline->is_int64() &&
      deadline->get_int64() <= IntAt(object, {"spec", "minReadySeconds"})) {
    errors.push_back(
        Invalid("spec.progressDeadlineSeconds", *deadline, "must be greater than minReadySeconds"));
  }
  if (context.resource.kind == "StatefulSet") ValidateStatefulSetUpdate(context, object, errors);
  if (errors.empty()) WarnOfTemplate(context, object, "spec.template.spec");
}

namespace {

void DefaultTemplate(json::Object& spec) {
  json::Object& pod = Child(spec, "template");
  Child(pod, "metadata");
  DefaultPodSpec(Child(pod, "spec"));
}

void DefaultJobSpec(json::Object& spec) {
  DefaultTemplate(spec);
  const bool counted = spec.contains("completions") || spec.contains("parallelism");
  if (!counted) SetDefault(spec, "completions", 1);
  SetDefault(spec, "parallelism", 1);
  SetDefault(spec, "backoffLimit", 6);
  SetDefault(spec, "completionMode", "NonIndexed");
  SetDefault(spec, "suspend", false);
  SetDefault(spec, "manualSelector", false);
  SetDefault(spec, "podReplacementPolicy", "TerminatingOrFailed");
}

void ValidateJobPods(const json::Value* spec, const std::string& at, FieldErrors& errors) {
  static const json::Value kNone = json::Object();
  const json::Value& pods = spec == nullptr ? kNone : *spec;
  const std::string_view restart = StringAt(pods, {"restartPolicy"});
  if (restart != "OnFailure" && restart != "Never") {
    errors.push_back(Required(at + ".restartPolicy", "valid values: \"OnFailure\", \"Never\""));
  }
  ValidatePodSpec(pods, at, errors);
}

void ValidateSelector(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  const json::Value* selector = json::Find(object, {"spec", "selector"});
  const json::Value* labels = json::Find(object, {"spec", "template", "metadata", "labels"});
  const auto mismatch = [&] {
    return Invalid("spec.template.metadata.labels", labels == nullptr ? json::Value() : *labels,
                   "`selector` does not match template `labels`");
  };
  if (selector == nullptr || !selector->is_object()) {
    errors.push_back(Required("spec.selector"));
    errors.push_back(mismatch());
    return;
  }
  if (context.old != nullptr && context.endpoint == Endpoint::kMain) {
    const json::Value* before = json::Find(*context.old, {"spec", "selector"});
    if (before != nullptr && *before != *selector) {
      errors.push_back(Invalid("spec.selector", *selector, "field is immutable"));
    }
  }
  auto parsed = kube::LabelSelector::FromObject(*selector);
  if (!parsed) {
    errors.push_back(Invalid("spec.selector", *selector, parsed.error().message()));
    return;
  }
  if (parsed->SelectsEverything()) {
    errors.push_back(
        Invalid("spec.selector", *selector, "empty selector is invalid for deployment"));
    return;
  }
  const json::Value* pod = json::Find(object, {"spec", "template"});
  if (pod == nullptr || !parsed->MatchesObject(*pod)) {
    errors.push_back(mismatch());
  }
}

void ValidateStatefulSetUpdate(const WriteContext& context, const json::Value& object,
                               FieldErrors& errors) {
  if (context.old == nullptr || context.endpoint != Endpoint::kMain) return;
  json::Object before = ObjectAt(*context.old, {"spec"});
  json::Object after = ObjectAt(object, {"spec"});
  for (std::string_view key :
       {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}) {
    before.erase(key);
    after.erase(key);
  }
  if (before == after) return;
  errors.push_back(Forbidden(
      "spec",
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
      "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
      "'minReadySeconds' are forbidden"));
}

}  // namespace
}  // namespace kro::apiserver
