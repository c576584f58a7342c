#include "apiserver/controllers/volume_controller.h"

#include <fmt/format.h>

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kClaims{"", "v1", "persistentvolumeclaims"};
const api::Gvr kVolumes{"", "v1", "persistentvolumes"};

}  // namespace

void VolumeController::Observe(const Collection& collection, const Change& change,
                               const Enqueue& enqueue) {
  if (!collection.group().empty() || change.type == ChangeType::kDeleted) return;
  if (collection.resource() == "persistentvolumeclaims") enqueue(KeyOf(*change.object));
  if (collection.resource() == "persistentvolumes") enqueue("/" + change.object->name);
}

// Claims are "<namespace>/<name>", volumes "/<name>".
std::optional<Duration> VolumeController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  if (name_space.empty()) {
    auto volume = client_.Get(kVolumes, "", name);
    if (volume && !StringAt(*volume, {"metadata", "deletionTimestamp"}).empty()) {
      Release(std::move(*volume), kVolumes, "kubernetes.io/pv-protection");
    } else if (volume && StringAt(*volume, {"status", "phase"}) == "Pending") {
      Child(volume->as_object(), "status")["phase"] = "Available";
      static_cast<void>(client_.Update(kVolumes, *volume, "status"));
    }
    return std::nullopt;
  }
  auto claim = client_.Get(kClaims, name_space, name);
  if (!claim) return std::nullopt;
  if (!StringAt(*claim, {"metadata", "deletionTimestamp"}).empty()) {
    Release(std::move(*claim), kClaims, "kubernetes.io/pvc-protection");
  } else if (StringAt(*claim, {"status", "phase"}) != "Bound") {
    Bind(std::move(*claim));
  }
  return std::nullopt;
}

void VolumeController::Bind(json::Value claim) {
  const json::Value& view = claim;
  std::string volume_name(StringAt(view, {"spec", "volumeName"}));
  const json::Object requests = ObjectAt(view, {"spec", "resources", "requests"});
  if (volume_name.empty()) {
    volume_name = fmt::format("pvc-{}", StringAt(view, {"metadata", "uid"}));
    json::Object volume;
    volume["apiVersion"] = "v1";
    volume["kind"] = "PersistentVolume";
    Child(volume, "metadata")["name"] = volume_name;
    json::Object& spec = Child(volume, "spec");
    spec["capacity"] = requests;
    spec["accessModes"] = ArrayAt(view, {"spec", "accessModes"});
    spec["persistentVolumeReclaimPolicy"] = "Delete";
    spec["storageClassName"] = StringAt(view, {"spec", "storageClassName"});
    Child(spec, "hostPath")["path"] = fmt::format("/var/lib/volumes/{}", volume_name);
    json::Object& reference = Child(spec, "claimRef");
    reference["apiVersion"] = "v1";
    reference["kind"] = "PersistentVolumeClaim";
    for (std::string_view key : {"name", "namespace", "uid"}) {
      reference[key] = StringAt(view, {"metadata", key});
    }
    if (auto written = client_.Create(kVolumes, "", volume)) {
      json::Value created = client_.ValueOf(kVolumes, *written->object);
      Child(created.as_object(), "status")["phase"] = "Bound";
      static_cast<void>(client_.Update(kVolumes, created, "status"));
    }
  }
  json::Object& annotations = Child(claim.as_object(), {"metadata", "annotations"});
  annotations["pv.kubernetes.io/bind-completed"] = "yes";
  annotations["pv.kubernetes.io/bound-by-controller"] = "yes";
  Child(claim.as_object(), "spec")["volumeName"] = volume_name;
  auto written = client_.Update(kClaims, claim);
  if (!written) return;
  json::Value bound = client_.ValueOf(kClaims, *written->object);
  json::Object& status = Child(bound.as_object(), "status");
  status["phase"] = "Bound";
  status["accessModes"] = ArrayAt(view, {"spec", "accessModes"});
  status["capacity"] = requests;
  static_cast<void>(client_.Update(kClaims, bound, "status"));
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

}  // namespace kro::apiserver
