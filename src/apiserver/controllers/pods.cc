#include "apiserver/controllers/pods.h"

#include "apiserver/controllers/conditions.h"
#include "apiserver/kinds/values.h"
#include "base/hash.h"

namespace kro::apiserver {

json::Object PodFromTemplate(const json::Value& owner, std::string_view generate_name) {
  json::Object pod;
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  json::Object& metadata = Child(pod, "metadata");
  metadata["generateName"] = generate_name;
  metadata["namespace"] = StringAt(owner, {"metadata", "namespace"});
  for (std::string_view key : {"labels", "annotations", "finalizers"}) {
    if (const json::Value* value = json::Find(owner, {"spec", "template", "metadata", key})) {
      metadata[key] = *value;
    }
  }
  metadata["ownerReferences"] = json::Array{ControllerReference(owner)};
  pod["spec"] = ObjectAt(owner, {"spec", "template", "spec"});
  return pod;
}

json::Object ControllerReference(const json::Value& owner) {
  json::Object reference;
  reference["apiVersion"] = StringAt(owner, {"apiVersion"});
  reference["kind"] = StringAt(owner, {"kind"});
  reference["name"] = StringAt(owner, {"metadata", "name"});
  reference["uid"] = StringAt(owner, {"metadata", "uid"});
  reference["controller"] = true;
  reference["blockOwnerDeletion"] = true;
  return reference;
}

std::vector<StoredPtr> ControlledBy(const ControllerClient& client, const api::Gvr& gvr,
                                    std::string_view name_space, std::string_view uid) {
  std::vector<StoredPtr> controlled;
  for (const StoredPtr& object : client.List(gvr, name_space)) {
    const OwnerReference* controller = ControllerOf(*object);
    if (controller != nullptr && controller->uid == uid) controlled.push_back(object);
  }
  return controlled;
}

const OwnerReference* ControllerOf(const StoredObject& object) {
  for (const OwnerReference& owner : object.owners) {
    if (owner.controller) return &owner;
  }
  return nullptr;
}

bool IsPodReady(const json::Value& pod) { return IsConditionTrue(pod, "Ready"); }

bool IsPodActive(const json::Value& pod) {
  std::string_view phase = StringAt(pod, {"status", "phase"});
  return phase != "Succeeded" && phase != "Failed" &&
         StringAt(pod, {"metadata", "deletionTimestamp"}).empty();
}

void SetPodCondition(json::Value& pod, const ConditionState& state, std::string_view now) {
  SetCondition(pod, state, now);
  for (json::Value& condition : pod.as_object()["status"].as_object()["conditions"].as_array()) {
    if (StringAt(condition, {"type"}) != state.type) continue;
    json::Object& members = condition.as_object();
    members["lastProbeTime"] = nullptr;
    for (std::string_view key : {"reason", "message"}) {
      if (StringAt(members, {key}).empty()) members.erase(key);
    }
  }
}

std::string TemplateHash(const json::Value& pod_template) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t hash = Fnv1a64(json::Canonical(pod_template));
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += kAlphabet[hash % kAlphabet.size()];
    hash /= kAlphabet.size();
  }
  return text;
}

}  // namespace kro::apiserver
