#include "apiserver/kinds/pod.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

void DefaultContainer(json::Object& container);
void DefaultProbe(json::Object& container, std::string_view key);
void DefaultHttpGet(json::Object& holder);
void DefaultVolumeSource(json::Object& volume);
void DefaultFieldRefs(json::Object& holder);
std::string_view PullPolicy(std::string_view image);
std::string_view QosClass(const json::Object& pod);
void AddTolerations(json::Object& spec);
void ValidateContainers(const json::Value& spec, std::string_view list, const std::string& at,
                        FieldErrors& errors);

}  // namespace

void DefaultPod(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  DefaultPodSpec(spec);
  SetDefault(spec, "enableServiceLinks", true);
  // Outside templates a limit is also a request.
  for (std::string_view list : {"containers", "initContainers"}) {
    json::Array* containers = FindArray(spec, list);
    if (containers == nullptr) continue;
    for (json::Value& container : *containers) {
      if (!container.is_object()) continue;
      json::Object& resources = Child(container.get_object(), "resources");
      const json::Object limits = ObjectAt(container, {"resources", "limits"});
      for (const auto& limit : limits) {
        SetDefault(Child(resources, "requests"), limit.key(), limit.value());
      }
    }
  }
}

void PreparePod(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "serviceAccountName", "default");
  SetDefault(spec, "serviceAccount", *spec.if_contains("serviceAccountName"));
  SetDefault(spec, "preemptionPolicy", "PreemptLowerPriority");
  SetDefault(spec, "priority", 0);
  AddTolerations(spec);
  json::Object& status = Child(object, "status");
  status["phase"] = "Pending";
  status["qosClass"] = QosClass(object);
}

void ValidatePod(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  const json::Value* spec = json::Find(object, "spec");
  if (spec == nullptr) return;
  ValidatePodSpec(*spec, "spec", errors);
  if (context.old == nullptr || context.endpoint != Endpoint::kMain) return;
  // What may change of a running pod is put aside; the rest must be equal.
  const auto stripped = [](json::Value value) {
    json::Object& members = value.as_object();
    for (std::string_view key : {"activeDeadlineSeconds", "tolerations",
                                 "terminationGracePeriodSeconds", "nodeName", "schedulingGates"}) {
      members.erase(key);
    }
    for (std::string_view list : {"containers", "initContainers"}) {
      if (json::Array* containers = FindArray(members, list)) {
        for (json::Value& container : *containers) {
          if (container.is_object()) container.get_object().erase("image");
        }
      }
    }
    return value;
  };
  if (stripped(*json::Find(*context.old, "spec")) != stripped(*spec)) {
    errors.push_back(Forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"));
  }
}

void DefaultPodSpec(json::Object& spec) {
  SetDefault(spec, "restartPolicy", "Always");
  SetDefault(spec, "terminationGracePeriodSeconds", 30);
  SetDefault(spec, "dnsPolicy", "ClusterFirst");
  SetDefault(spec, "securityContext", json::Object());
  SetDefault(spec, "schedulerName", "default-scheduler");
  if (const json::Value* account = spec.if_contains("serviceAccountName")) {
    json::Value name = *account;
    SetDefault(spec, "serviceAccount", std::move(name));
  }
  for (std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) {
    json::Array* containers = FindArray(spec, list);
    if (containers == nullptr) continue;
    for (json::Value& container : *containers) {
      if (container.is_object()) DefaultContainer(container.get_object());
    }
  }
  if (json::Array* volumes = FindArray(spec, "volumes")) {
    for (json::Value& volume : *volumes) {
      if (volume.is_object()) DefaultVolumeSource(volume.get_object());
    }
  }
}

void ValidatePodSpec(const json::Value& spec, const std::string& at, FieldErrors& errors) {
  if (ArrayAt(spec, {"containers"}).empty()) errors.push_back(Required(at + ".containers"));
  ValidateContainers(spec, "containers", at, errors);
  ValidateContainers(spec, "initContainers", at, errors);
}

namespace {

void DefaultContainer(json::Object& container) {
  json::Object& resources = Child(container, "resources");
  NormaliseQuantities(resources, "limits");
  NormaliseQuantities(resources, "requests");
  SetDefault(container, "terminationMessagePath", "/dev/termination-log");
  SetDefault(container, "terminationMessagePolicy", "File");
  const json::Value* image = container.if_contains("image");
  if (image != nullptr && image->is_string()) {
    SetDefault(container, "imagePullPolicy", json::Value(PullPolicy(image->get_string())));
  } else {
    SetDefault(container, "imagePullPolicy", "IfNotPresent");
  }
  if (json::Array* ports = FindArray(container, "ports")) {
    for (json::Value& port : *ports) {
      if (port.is_object()) SetDefault(port.get_object(), "protocol", "TCP");
    }
  }
  if (json::Array* variables = FindArray(container, "env")) {
    for (json::Value& variable : *variables) {
      if (!variable.is_object()) continue;
      if (json::Object* from = FindChild(variable.get_object(), "valueFrom")) {
        DefaultFieldRefs(*from);
      }
    }
  }
  for (std::string_view probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    DefaultProbe(container, probe);
  }
  if (json::Object* lifecycle = FindChild(container, "lifecycle")) {
    for (std::string_view hook : {"postStart", "preStop"}) {
      if (json::Object* handler = FindChild(*lifecycle, hook)) DefaultHttpGet(*handler);
    }
  }
}

void DefaultProbe(json::Object& container, std::string_view key) {
  json::Object* probe = FindChild(container, key);
  if (probe == nullptr) return;
  SetDefault(*probe, "timeoutSeconds", 1);
  SetDefault(*probe, "periodSeconds", 10);
  SetDefault(*probe, "successThreshold", 1);
  SetDefault(*probe, "failureThreshold", 3);
  DefaultHttpGet(*probe);
  if (json::Object* grpc = FindChild(*probe, "grpc")) SetDefault(*grpc, "service", "");
}

void DefaultHttpGet(json::Object& holder) {
  json::Object* http = FindChild(holder, "httpGet");
  if (http == nullptr) return;
  SetDefault(*http, "path", "/");
  SetDefault(*http, "scheme", "HTTP");
}

void DefaultFieldRefs(json::Object& holder) {
  if (json::Object* reference = FindChild(holder, "fieldRef")) {
    SetDefault(*reference, "apiVersion", "v1");
  }
  if (json::Object* reference = FindChild(holder, "resourceFieldRef")) {
    SetDefault(*reference, "divisor", "0");
  }
}

void DefaultVolumeSource(json::Object& volume) {
  // A volume is its name and one source.
  if (volume.size() == 1 && volume.contains("name")) volume["emptyDir"] = json::Object();
  for (std::string_view source : {"secret", "configMap", "downwardAPI", "projected"}) {
    json::Object* of = FindChild(volume, source);
    if (of == nullptr) continue;
    SetDefault(*of, "defaultMode", 420);
    for (std::string_view list : {"items", "sources"}) {
      json::Array* items = FindArray(*of, list);
      if (items == nullptr) continue;
      for (json::Value& item : *items) {
        if (!item.is_object()) continue;
        DefaultFieldRefs(item.get_object());
        if (json::Object* token = FindChild(item.get_object(), "serviceAccountToken")) {
          SetDefault(*token, "expirationSeconds", 3600);
        }
      }
    }
  }
  if (json::Object* path = FindChild(volume, "hostPath")) SetDefault(*path, "type", "");
}

std::string_view PullPolicy(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return "IfNotPresent";
  std::string_view last =
      image.substr(image.rfind('/') == std::string_view::npos ? 0 : image.rfind('/') + 1);
  std::size_t colon = last.find(':');
  return colon == std::string_view::npos || last.substr(colon + 1) == "latest" ? "Always"
                                                                               : "IfNotPresent";
}

std::string_view QosClass(const json::Object& pod) {
  bool any = false;
  bool guaranteed = true;
  for (std::string_view list : {"containers", "initContainers"}) {
    for (const json::Value& container : ArrayAt(pod, {"spec", list})) {
      const json::Object& limits = ObjectAt(container, {"resources", "limits"});
      const json::Object& requests = ObjectAt(container, {"resources", "requests"});
      any = any || !limits.empty() || !requests.empty();
      for (std::string_view resource : {"cpu", "memory"}) {
        const json::Value* limit = limits.if_contains(resource);
        const json::Value* request = requests.if_contains(resource);
        guaranteed = guaranteed && limit != nullptr && request != nullptr && *limit == *request;
      }
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

void AddTolerations(json::Object& spec) {
  json::Value& value = spec["tolerations"];
  if (!value.is_array()) value.emplace_array();
  json::Array& tolerations = value.get_array();
  for (std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool there = std::ranges::any_of(tolerations, [&](const json::Value& toleration) {
      return StringAt(toleration, {"key"}) == key;
    });
    if (there) continue;
    json::Object toleration;
    toleration["key"] = key;
    toleration["operator"] = "Exists";
    toleration["effect"] = "NoExecute";
    toleration["tolerationSeconds"] = 300;
    tolerations.push_back(std::move(toleration));
  }
}

void ValidateContainers(const json::Value& spec, std::string_view list, const std::string& at,
                        FieldErrors& errors) {
  std::set<std::string> volumes;
  for (const json::Value& volume : ArrayAt(spec, {"volumes"})) {
    volumes.emplace(StringAt(volume, {"name"}));
  }
  std::set<std::string> names;
  const json::Array& containers = ArrayAt(spec, {list});
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const json::Value& container = containers[i];
    std::string here = fmt::format("{}.{}[{}]", at, list, i);
    std::string_view name = StringAt(container, {"name"});
    if (name.empty()) {
      errors.push_back(Required(here + ".name"));
    } else {
      for (const std::string& complaint : CheckDns1123Label(name)) {
        errors.push_back(Invalid(here + ".name", json::Value(name), complaint));
      }
      if (!names.emplace(name).second) {
        errors.push_back(Duplicate(here + ".name", json::Value(name)));
      }
    }
    if (StringAt(container, {"image"}).empty()) errors.push_back(Required(here + ".image"));
    const json::Array& ports = ArrayAt(container, {"ports"});
    for (std::size_t p = 0; p < ports.size(); ++p) {
      std::int64_t port = IntAt(ports[p], {"containerPort"});
      std::string where = fmt::format("{}.ports[{}].containerPort", here, p);
      if (port == 0) {
        errors.push_back(Required(where));
      } else if (port < 1 || port > 65535) {
        errors.push_back(
            Invalid(where, json::Value(port), "must be between 1 and 65535, inclusive"));
      }
    }
    const json::Array& mounts = ArrayAt(container, {"volumeMounts"});
    for (std::size_t m = 0; m < mounts.size(); ++m) {
      std::string volume(StringAt(mounts[m], {"name"}));
      if (!volumes.contains(volume)) {
        errors.push_back(
            NotFound(fmt::format("{}.volumeMounts[{}].name", here, m), json::Value(volume)));
      }
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
