#include "apiserver/controllers/volume_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

const api::Gvr kClaims{"", "v1", "persistentvolumeclaims"};
const api::Gvr kVolumes{"", "v1", "persistentvolumes"};
constexpr std::string_view kBoundHere = "pv.kubernetes.io/bound-by-controller";

// The names of the claims that a pod mounts.
std::vector<std::string_view> ClaimsOf(const json::Value& pod);
bool Fits(const json::Value& volume, const json::Value& claim);
// Whether a volume is bound to a claim or kept for it.
bool IsFor(const json::Value& volume, const json::Value& claim);
// Whether it is not another's.
bool IsFree(const json::Value& volume, const json::Value& claim);

const json::Value* SizeOf(const json::Value& volume) {
  return json::Find(volume, {"spec", "capacity", "storage"});
}

bool IsGoing(const json::Value& object) {
  return !StringAt(object, {"metadata", "deletionTimestamp"}).empty();
}

bool HasEnded(const json::Value& pod) {
  const std::string_view phase = StringAt(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace

void VolumeController::Observe(const Collection& collection, const Change& change,
                               const Enqueue& enqueue) {
  if (!collection.group().empty()) return;
  const bool deleted = change.type == ChangeType::kDeleted;
  if (collection.resource() == "persistentvolumes") {
    if (!deleted) enqueue("/" + change.object->name);
  } else if (collection.resource() == "persistentvolumeclaims") {
    if (!deleted) return enqueue(KeyOf(*change.object));
    const json::Value claim = client_.ValueOf(kClaims, *change.object);
    enqueue(fmt::format("/{}", StringAt(claim, {"spec", "volumeName"})));
  } else if (collection.resource() == "pods" && (deleted || change.object->terminating())) {
    const json::Value pod = client_.ValueOf(kPods, *change.object);
    for (std::string_view claim : ClaimsOf(pod)) {
      enqueue(Collection::Key(change.object->name_space, claim));
    }
  }
}

// Claims are "<namespace>/<name>", volumes "/<name>".
std::optional<Duration> VolumeController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  if (name_space.empty()) {
    ReconcileVolume(name);
  } else {
    ReconcileClaim(name_space, name);
  }
  return std::nullopt;
}

void VolumeController::ReconcileVolume(const std::string& name) {
  auto volume = client_.Get(kVolumes, "", name);
  if (!volume) return;
  const bool bound = !StringAt(*volume, {"spec", "claimRef", "uid"}).empty();
  if (bound && HasClaim(*volume)) return;
  if (IsGoing(*volume)) return Release(std::move(*volume), kVolumes, "kubernetes.io/pv-protection");
  if (SetPhase(*volume, kVolumes, bound ? "Released" : "Available")) return;
  if (!bound) return Offer(*volume);
  if (StringAt(*volume, {"spec", "persistentVolumeReclaimPolicy"}) == "Delete") {
    client_.Delete(kVolumes, "", name, StringAt(*volume, {"metadata", "uid"}));
  }
}

void VolumeController::ReconcileClaim(const std::string& name_space, const std::string& name) {
  auto claim = client_.Get(kClaims, name_space, name);
  if (!claim) return;
  if (IsGoing(*claim)) {
    if (!IsInUse(*claim)) Release(std::move(*claim), kClaims, "kubernetes.io/pvc-protection");
    return;
  }
  if (StringAt(*claim, {"status", "phase"}) == "Bound") return;
  auto volume = FindVolume(*claim);
  // One that names its volume waits for it, and one of no class for somebody to make one.
  const json::Value* storage_class =
      json::Find(std::as_const(*claim), {"spec", "storageClassName"});
  if (!volume && StringAt(*claim, {"spec", "volumeName"}).empty() &&
      (storage_class == nullptr || *storage_class != "")) {
    volume = Provision(*claim);
  }
  if (volume) Bind(std::move(*claim), std::move(*volume));
}

void VolumeController::Offer(const json::Value& volume) {
  for (const StoredPtr& stored : client_.List(kClaims, "")) {
    json::Value claim = client_.ValueOf(kClaims, *stored);
    if (StringAt(claim, {"status", "phase"}) == "Bound" || IsGoing(claim)) continue;
    const std::string_view wanted = StringAt(claim, {"spec", "volumeName"});
    const bool named = wanted == StringAt(volume, {"metadata", "name"}) && IsFree(volume, claim);
    if (named || (wanted.empty() && Fits(volume, claim))) return Bind(std::move(claim), volume);
  }
}

std::optional<json::Value> VolumeController::FindVolume(const json::Value& claim) const {
  if (const std::string_view name = StringAt(claim, {"spec", "volumeName"}); !name.empty()) {
    auto volume = client_.Get(kVolumes, "", name);
    if (!volume || IsGoing(*volume) || !IsFree(*volume, claim)) return std::nullopt;
    return volume;
  }
  std::optional<json::Value> best;
  for (const StoredPtr& stored : client_.List(kVolumes, "")) {
    json::Value volume = client_.ValueOf(kVolumes, *stored);
    if (!Fits(volume, claim)) continue;
    if (IsFor(volume, claim)) return volume;
    if (!best || QuantityLess(SizeOf(volume), SizeOf(*best))) best = std::move(volume);
  }
  return best;
}

std::optional<json::Value> VolumeController::Provision(const json::Value& claim) {
  const std::string name = fmt::format("pvc-{}", StringAt(claim, {"metadata", "uid"}));
  json::Object volume;
  volume["apiVersion"] = "v1";
  volume["kind"] = "PersistentVolume";
  Child(volume, "metadata")["name"] = name;
  json::Object& spec = Child(volume, "spec");
  spec["capacity"] = ObjectAt(claim, {"spec", "resources", "requests"});
  spec["accessModes"] = ArrayAt(claim, {"spec", "accessModes"});
  spec["volumeMode"] = StringAt(claim, {"spec", "volumeMode"});
  spec["persistentVolumeReclaimPolicy"] = "Delete";
  spec["storageClassName"] = StringAt(claim, {"spec", "storageClassName"});
  Child(spec, "hostPath")["path"] = fmt::format("/var/lib/volumes/{}", name);
  // For nobody else, from the start.
  json::Object& reference = Child(spec, "claimRef");
  for (std::string_view key : {"name", "namespace", "uid"}) {
    reference[key] = StringAt(claim, {"metadata", key});
  }
  auto written = client_.Create(kVolumes, "", volume);
  if (!written) return std::nullopt;
  return client_.ValueOf(kVolumes, *written->object);
}

void VolumeController::Bind(json::Value claim, json::Value volume) {
  const json::Value& view = claim;
  const bool chosen_here = json::Find(std::as_const(volume), {"spec", "claimRef"}) == nullptr;
  json::Object& reference = Child(volume.as_object(), {"spec", "claimRef"});
  reference["apiVersion"] = "v1";
  reference["kind"] = "PersistentVolumeClaim";
  for (std::string_view key : {"name", "namespace", "uid", "resourceVersion"}) {
    reference[key] = StringAt(view, {"metadata", key});
  }
  if (chosen_here) {
    Child(volume.as_object(), {"metadata", "annotations"})[kBoundHere] = "yes";
  }
  auto kept = client_.Update(kVolumes, volume);
  if (!kept) return;
  volume = client_.ValueOf(kVolumes, *kept->object);
  SetPhase(volume, kVolumes, "Bound");

  json::Object& annotations = Child(claim.as_object(), {"metadata", "annotations"});
  annotations["pv.kubernetes.io/bind-completed"] = "yes";
  if (StringAt(view, {"spec", "volumeName"}).empty()) annotations[kBoundHere] = "yes";
  Child(claim.as_object(), "spec")["volumeName"] = StringAt(volume, {"metadata", "name"});
  auto written = client_.Update(kClaims, claim);
  if (!written) return;
  json::Value bound = client_.ValueOf(kClaims, *written->object);
  json::Object& status = Child(bound.as_object(), "status");
  status["phase"] = "Bound";
  status["accessModes"] = ArrayAt(volume, {"spec", "accessModes"});
  status["capacity"] = ObjectAt(volume, {"spec", "capacity"});
  static_cast<void>(client_.Update(kClaims, bound, "status"));
}

bool VolumeController::IsInUse(const json::Value& claim) const {
  const std::string_view name = StringAt(claim, {"metadata", "name"});
  return std::ranges::any_of(client_.List(kPods, StringAt(claim, {"metadata", "namespace"})),
                             [&](const StoredPtr& stored) {
                               const json::Value pod = client_.ValueOf(kPods, *stored);
                               const std::vector<std::string_view> claims = ClaimsOf(pod);
                               return !HasEnded(pod) &&
                                      std::ranges::find(claims, name) != claims.end();
                             });
}

bool VolumeController::HasClaim(const json::Value& volume) const {
  const auto claim = client_.Get(kClaims, StringAt(volume, {"spec", "claimRef", "namespace"}),
                                 StringAt(volume, {"spec", "claimRef", "name"}));
  return claim && IsFor(volume, *claim);
}

bool VolumeController::SetPhase(json::Value& object, const api::Gvr& gvr, std::string_view phase) {
  if (StringAt(object, {"status", "phase"}) == phase) return false;
  Child(object.as_object(), "status")["phase"] = phase;
  static_cast<void>(client_.Update(gvr, object, "status"));
  return true;
}

void VolumeController::Release(json::Value object, const api::Gvr& gvr,
                               std::string_view finalizer) {
  json::Array kept;
  bool held = false;
  for (const json::Value& other :
       ArrayAt(static_cast<const json::Value&>(object), {"metadata", "finalizers"})) {
    if (other == json::Value(finalizer)) {
      held = true;
    } else {
      kept.push_back(other);
    }
  }
  if (!held) return;
  Child(object.as_object(), "metadata")["finalizers"] = std::move(kept);
  static_cast<void>(client_.Update(gvr, object));
}

namespace {

std::vector<std::string_view> ClaimsOf(const json::Value& pod) {
  std::vector<std::string_view> claims;
  for (const json::Value& volume : ArrayAt(pod, {"spec", "volumes"})) {
    const std::string_view name = StringAt(volume, {"persistentVolumeClaim", "claimName"});
    if (!name.empty()) claims.push_back(name);
  }
  return claims;
}

bool Fits(const json::Value& volume, const json::Value& claim) {
  const bool kept = json::Find(volume, {"spec", "claimRef"}) != nullptr;
  if (IsGoing(volume) || !IsFree(volume, claim)) return false;
  if (QuantityLess(SizeOf(volume),
                   json::Find(claim, {"spec", "resources", "requests", "storage"})) ||
      StringAt(volume, {"spec", "volumeMode"}) != StringAt(claim, {"spec", "volumeMode"})) {
    return false;
  }
  if (kept) return true;
  if (StringAt(volume, {"status", "phase"}) != "Available" ||
      StringAt(volume, {"spec", "storageClassName"}) !=
          StringAt(claim, {"spec", "storageClassName"})) {
    return false;
  }
  const json::Array& modes = ArrayAt(volume, {"spec", "accessModes"});
  for (const json::Value& mode : ArrayAt(claim, {"spec", "accessModes"})) {
    if (std::ranges::find(modes, mode) == modes.end()) return false;
  }
  const json::Value* selector = json::Find(claim, {"spec", "selector"});
  if (selector == nullptr) return true;
  auto parsed = kube::LabelSelector::FromObject(*selector);
  return parsed && parsed->MatchesObject(volume);
}

bool IsFor(const json::Value& volume, const json::Value& claim) {
  const std::string_view uid = StringAt(volume, {"spec", "claimRef", "uid"});
  for (std::string_view key : {"name", "namespace"}) {
    if (StringAt(volume, {"spec", "claimRef", key}) != StringAt(claim, {"metadata", key})) {
      return false;
    }
  }
  return uid.empty() || uid == StringAt(claim, {"metadata", "uid"});
}

bool IsFree(const json::Value& volume, const json::Value& claim) {
  return json::Find(volume, {"spec", "claimRef"}) == nullptr || IsFor(volume, claim);
}

}  // namespace
}  // namespace kro::apiserver
