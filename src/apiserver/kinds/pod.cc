#include "apiserver/kinds/pod.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"
#include "json/path.h"

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
void ValidateResources(const json::Value& container, const std::string& at, FieldErrors& errors);
void WarnOfVariables(const json::Value& spec, const std::string& at,
                     std::vector<std::string>& warnings);
void WarnOfPorts(const json::Value& spec, const std::string& at,
                 std::vector<std::string>& warnings);

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
  if (context.old == nullptr && context.warnings != nullptr && errors.empty()) {
    WarnOfPodSpec(*spec, "spec", *context.warnings);
  }
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

void WarnOfPodSpec(const json::Value& spec, const std::string& at,
                   std::vector<std::string>& warnings) {
  WarnOfVariables(spec, at, warnings);
  WarnOfPorts(spec, at, warnings);
}

void WarnOfTemplate(const WriteContext& context, const json::Value& object, const std::string& at) {
  if (context.warnings == nullptr || context.endpoint != Endpoint::kMain) return;
  const auto generation = [](const json::Value& of) {
    return IntAt(of, {"metadata", "generation"});
  };
  if (context.old != nullptr && generation(*context.old) == generation(object)) return;
  const auto path = json::FieldPath::Parse(at);
  if (!path) return;
  if (const json::Value* spec = json::Get(object, *path)) {
    WarnOfPodSpec(*spec, at, *context.warnings);
  }
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
    std::set<std::string_view> port_names;
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const std::string_view port_name = StringAt(ports[p], {"name"});
      if (!port_name.empty() && !port_names.insert(port_name).second) {
        errors.push_back(
            Duplicate(fmt::format("{}.ports[{}].name", here, p), json::Value(port_name)));
      }
      std::int64_t port = IntAt(ports[p], {"containerPort"});
      std::string where = fmt::format("{}.ports[{}].containerPort", here, p);
      if (port == 0) {
        errors.push_back(Required(where));
      } else if (port < 1 || port > 65535) {
        errors.push_back(
            Invalid(where, json::Value(port), "must be between 1 and 65535, inclusive"));
      }
    }
    ValidateResources(container, here + ".resources", errors);
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

// Whether more may be promised than there is: not of devices and huge pages.
bool MayOvercommit(std::string_view resource) {
  const bool native = resource.find('/') == std::string_view::npos ||
                      resource.find("kubernetes.io/") != std::string_view::npos;
  return native && !resource.starts_with("hugepages-");
}

void ValidateResources(const json::Value& container, const std::string& at, FieldErrors& errors) {
  const json::Value zero("0");
  const json::Object& limits = ObjectAt(container, {"resources", "limits"});
  const json::Object& requests = ObjectAt(container, {"resources", "requests"});
  const auto check_sign = [&](std::string_view list, const json::Object& quantities) {
    for (const auto& [name, quantity] : quantities) {
      if (!QuantityLess(&quantity, &zero)) continue;
      errors.push_back(Invalid(fmt::format("{}.{}[{}]", at, list, std::string_view(name)), quantity,
                               "must be greater than or equal to 0"));
    }
  };
  check_sign("limits", limits);
  check_sign("requests", requests);
  for (const auto& [key, request] : requests) {
    const std::string_view name = key;
    const json::Value* limit = limits.if_contains(name);
    if (limit == nullptr) {
      if (!MayOvercommit(name)) {
        errors.push_back(
            Required(at + ".limits", "Limit must be set for non overcommitable resources"));
      }
      continue;
    }
    const bool more = QuantityLess(limit, &request);
    const auto refuse = [&](std::string_view must) {
      errors.push_back(
          Invalid(at + ".requests", request,
                  fmt::format("must be {} {} limit of {}", must, name, StringAt(*limit, {}))));
    };
    if (!MayOvercommit(name) && (more || QuantityLess(&request, limit))) {
      refuse("equal to");
    } else if (more) {
      refuse("less than or equal to");
    }
  }
}

constexpr std::string_view kContainerLists[] = {"initContainers", "containers",
                                                "ephemeralContainers"};

// A second definition is meant where it builds on the first.
void WarnOfVariables(const json::Value& spec, const std::string& at,
                     std::vector<std::string>& warnings) {
  for (std::string_view list : kContainerLists) {
    const json::Array& containers = ArrayAt(spec, {list});
    for (std::size_t c = 0; c < containers.size(); ++c) {
      std::set<std::string_view> names;
      const json::Array& variables = ArrayAt(containers[c], {"env"});
      for (std::size_t v = 0; v < variables.size(); ++v) {
        const std::string_view name = StringAt(variables[v], {"name"});
        if (names.insert(name).second) continue;
        const std::string_view value = StringAt(variables[v], {"value"});
        const std::string reference = fmt::format("$({})", name);
        if (json::Find(variables[v], "valueFrom") == nullptr && value != reference &&
            value.find(reference) != std::string_view::npos) {
          continue;
        }
        warnings.push_back(
            fmt::format("{}.{}[{}].env[{}]: hides previous definition of \"{}\", which may be "
                        "dropped when using apply",
                        at, list, c, v, name));
      }
    }
  }
}

void WarnOfPorts(const json::Value& spec, const std::string& at,
                 std::vector<std::string>& warnings) {
  struct Seen {
    std::string field;
    const json::Value* port;
  };
  std::map<std::pair<std::int64_t, std::string_view>, std::vector<Seen>> by_number;
  std::map<std::string_view, std::string> by_name;
  std::vector<std::string> of_names;
  for (std::string_view list : kContainerLists) {
    const json::Array& containers = ArrayAt(spec, {list});
    for (std::size_t c = 0; c < containers.size(); ++c) {
      const json::Array& ports = ArrayAt(containers[c], {"ports"});
      for (std::size_t p = 0; p < ports.size(); ++p) {
        const std::string field = fmt::format("{}.{}[{}].ports[{}]", at, list, c, p);
        const std::string_view address = StringAt(ports[p], {"hostIP"});
        const std::int64_t host = IntAt(ports[p], {"hostPort"});
        std::vector<Seen>& others =
            by_number[{IntAt(ports[p], {"containerPort"}), StringAt(ports[p], {"protocol"})}];
        for (const Seen& other : others) {
          const std::string_view its_address = StringAt(*other.port, {"hostIP"});
          const std::int64_t its_host = IntAt(*other.port, {"hostPort"});
          std::string_view how;
          if (address == its_address && host == its_host) {
            how = "duplicate";
          } else if (host == 0 || its_host == 0) {
            how = "overlapping";
          } else if (host == its_host && address.empty() != its_address.empty()) {
            how = "dangerously ambiguous";
          } else {
            continue;
          }
          warnings.push_back(
              fmt::format("{}: {} port definition with {}", field, how, other.field));
        }
        others.push_back({field, &ports[p]});
        const std::string_view name = StringAt(ports[p], {"name"});
        if (name.empty()) continue;
        const auto [first, fresh] = by_name.try_emplace(name, field);
        if (fresh) continue;
        of_names.push_back(
            fmt::format("{}: duplicate port name \"{}\" with {}, services and probes that select "
                        "ports by name will use {}",
                        field, name, first->second, first->second));
      }
    }
  }
  warnings.insert(warnings.end(), of_names.begin(), of_names.end());
}

}  // namespace
}  // namespace kro::apiserver
