#include "apiserver/internal/builtin_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

struct Row {
  const json::Value& object;
  WallTime now;
};
using Cell = json::Value (*)(const Row& row);

struct Column {
  std::string_view name;
  Cell cell;
  std::string_view type = "string";
  std::int64_t priority = 0;
};

const std::vector<Column>& ColumnsOfKind(const Resource& resource);

}  // namespace

std::vector<TableColumn> BuiltinColumns(const Resource& resource) {
  std::vector<TableColumn> columns;
  for (const Column& column : ColumnsOfKind(resource)) {
    columns.push_back({std::string(column.name), std::string(column.type),
                       column.name == "Name" ? "name" : "", "", column.priority});
  }
  return columns;
}

json::Array BuiltinCells(const Resource& resource, const json::Value& object, WallTime now) {
  json::Array cells;
  for (const Column& column : ColumnsOfKind(resource)) cells.push_back(column.cell({object, now}));
  return cells;
}

namespace {

json::Value OrNone(std::string text) {
  return json::Value(text.empty() ? std::string("<none>") : std::move(text));
}

std::string AgeOf(std::string_view text, WallTime now) {
  auto time = ParseTime(text);
  return time ? HumanDuration(now - *time) : "<unknown>";
}

json::Value Name(const Row& row) { return json::Value(StringAt(row.object, {"metadata", "name"})); }
json::Value Age(const Row& row) {
  return json::Value(AgeOf(StringAt(row.object, {"metadata", "creationTimestamp"}), row.now));
}
json::Value CreatedAt(const Row& row) {
  return json::Value(StringAt(row.object, {"metadata", "creationTimestamp"}));
}

const json::Value* PodTemplate(const Row& row) {
  const json::Value* spec = json::Find(row.object, {"spec", "template", "spec"});
  return spec != nullptr
             ? spec
             : json::Find(row.object, {"spec", "jobTemplate", "spec", "template", "spec"});
}

json::Value ContainerParts(const Row& row, std::string_view part) {
  const json::Value* spec = PodTemplate(row);
  std::vector<std::string> parts;
  if (spec != nullptr) {
    for (const json::Value& container : ArrayAt(*spec, {"containers"})) {
      parts.emplace_back(StringAt(container, {part}));
    }
  }
  return json::Value(fmt::format("{}", fmt::join(parts, ",")));
}
json::Value Containers(const Row& row) { return ContainerParts(row, "name"); }
json::Value Images(const Row& row) { return ContainerParts(row, "image"); }

json::Value SelectorText(const json::Value* selector) {
  if (selector == nullptr) return "<none>";
  auto parsed = kube::LabelSelector::FromObject(*selector);
  return OrNone(parsed ? parsed->ToString() : std::string());
}
json::Value Selector(const Row& row) {
  return SelectorText(json::Find(row.object, {"spec", "selector"}));
}

template <typename... Keys>
json::Value Count(const Row& row, Keys... keys) {
  return IntAt(row.object, {keys...});
}

json::Value Ratio(std::int64_t have, std::int64_t want) {
  return json::Value(fmt::format("{}/{}", have, want));
}

std::string PodPhase(const json::Value& pod) {
  if (!StringAt(pod, {"metadata", "deletionTimestamp"}).empty()) return "Terminating";
  for (const json::Value& status : ArrayAt(pod, {"status", "initContainerStatuses"})) {
    for (std::string_view state : {"waiting", "terminated"}) {
      std::string_view reason = StringAt(status, {"state", state, "reason"});
      if (!reason.empty() && reason != "Completed") return fmt::format("Init:{}", reason);
    }
  }
  for (const json::Value& status : ArrayAt(pod, {"status", "containerStatuses"})) {
    for (std::string_view state : {"waiting", "terminated"}) {
      std::string_view reason = StringAt(status, {"state", state, "reason"});
      if (!reason.empty()) return std::string(reason);
    }
  }
  std::string_view phase = StringAt(pod, {"status", "phase"});
  return std::string(phase.empty() ? "Unknown" : phase);
}

json::Value PodReady(const Row& row) {
  std::int64_t ready = 0;
  for (const json::Value& status : ArrayAt(row.object, {"status", "containerStatuses"})) {
    if (BoolAt(status, {"ready"})) ++ready;
  }
  return Ratio(ready,
               static_cast<std::int64_t>(ArrayAt(row.object, {"spec", "containers"}).size()));
}

json::Value PodRestarts(const Row& row) {
  std::int64_t restarts = 0;
  for (const json::Value& status : ArrayAt(row.object, {"status", "containerStatuses"})) {
    restarts += IntAt(status, {"restartCount"});
  }
  return json::Value(fmt::format("{}", restarts));
}

json::Value JobStatus(const Row& row) {
  for (const json::Value& condition : ArrayAt(row.object, {"status", "conditions"})) {
    if (StringAt(condition, {"status"}) != "True") continue;
    std::string_view type = StringAt(condition, {"type"});
    if (type == "Complete" || type == "Failed" || type == "Suspended") return json::Value(type);
  }
  if (!StringAt(row.object, {"metadata", "deletionTimestamp"}).empty()) return "Terminating";
  return "Running";
}

json::Value JobDuration(const Row& row) {
  auto start = ParseTime(StringAt(row.object, {"status", "startTime"}));
  if (!start) return "";
  auto end = ParseTime(StringAt(row.object, {"status", "completionTime"}));
  return json::Value(HumanDuration((end ? *end : row.now) - *start));
}

json::Value ServiceAddress(const Row& row) {
  return OrNone(std::string(StringAt(row.object, {"spec", "clusterIP"})));
}

json::Value ServiceExternal(const Row& row) {
  std::string_view type = StringAt(row.object, {"spec", "type"});
  std::vector<std::string> addresses;
  if (type == "LoadBalancer") {
    for (const json::Value& ingress : ArrayAt(row.object, {"status", "loadBalancer", "ingress"})) {
      std::string_view ip = StringAt(ingress, {"ip"});
      addresses.emplace_back(ip.empty() ? StringAt(ingress, {"hostname"}) : ip);
    }
  }
  for (const json::Value& ip : ArrayAt(row.object, {"spec", "externalIPs"})) {
    if (ip.is_string()) addresses.emplace_back(ip.get_string());
  }
  if (type == "ExternalName") return json::Value(StringAt(row.object, {"spec", "externalName"}));
  if (addresses.empty()) return type == "LoadBalancer" ? "<pending>" : "<none>";
  return json::Value(fmt::format("{}", fmt::join(addresses, ",")));
}

json::Value ServicePorts(const Row& row) {
  std::vector<std::string> ports;
  for (const json::Value& port : ArrayAt(row.object, {"spec", "ports"})) {
    std::int64_t node = IntAt(port, {"nodePort"});
    ports.push_back(fmt::format("{}{}/{}", IntAt(port, {"port"}),
                                node > 0 ? fmt::format(":{}", node) : "",
                                StringAt(port, {"protocol"})));
  }
  return OrNone(fmt::format("{}", fmt::join(ports, ",")));
}

json::Value Labels(const json::Object& labels) {
  std::vector<std::string> terms;
  for (const auto& [key, value] : labels) {
    if (value.is_string()) {
      terms.push_back(
          fmt::format("{}={}", std::string_view(key), std::string_view(value.get_string())));
    }
  }
  std::ranges::sort(terms);
  return OrNone(fmt::format("{}", fmt::join(terms, ",")));
}

json::Value IngressHosts(const Row& row) {
  std::vector<std::string> hosts;
  for (const json::Value& rule : ArrayAt(row.object, {"spec", "rules"})) {
    std::string_view host = StringAt(rule, {"host"});
    if (!host.empty()) hosts.emplace_back(host);
  }
  return json::Value(hosts.empty() ? std::string("*") : fmt::format("{}", fmt::join(hosts, ",")));
}

json::Value IngressPorts(const Row& row) {
  return ArrayAt(row.object, {"spec", "tls"}).empty() ? "80" : "80, 443";
}

json::Value IngressAddress(const Row& row) {
  std::vector<std::string> addresses;
  for (const json::Value& ingress : ArrayAt(row.object, {"status", "loadBalancer", "ingress"})) {
    std::string_view ip = StringAt(ingress, {"ip"});
    addresses.emplace_back(ip.empty() ? StringAt(ingress, {"hostname"}) : ip);
  }
  return json::Value(fmt::format("{}", fmt::join(addresses, ",")));
}

std::string AccessModes(const json::Array& modes) {
  static const std::map<std::string_view, std::string_view> kShort = {{"ReadWriteOnce", "RWO"},
                                                                      {"ReadOnlyMany", "ROX"},
                                                                      {"ReadWriteMany", "RWX"},
                                                                      {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string_view> words;
  for (const json::Value& mode : modes) {
    if (!mode.is_string()) continue;
    auto found = kShort.find(std::string_view(mode.get_string()));
    if (found != kShort.end()) words.push_back(found->second);
  }
  return fmt::format("{}", fmt::join(words, ","));
}

json::Value RoleReference(const Row& row) {
  return json::Value(fmt::format("{}/{}", StringAt(row.object, {"roleRef", "kind"}),
                                 StringAt(row.object, {"roleRef", "name"})));
}

json::Value Subjects(const Row& row, std::string_view kind) {
  std::vector<std::string> names;
  for (const json::Value& subject : ArrayAt(row.object, {"subjects"})) {
    if (StringAt(subject, {"kind"}) != kind) continue;
    std::string_view name_space = StringAt(subject, {"namespace"});
    names.push_back(kind == "ServiceAccount"
                        ? fmt::format("{}/{}", name_space, StringAt(subject, {"name"}))
                        : std::string(StringAt(subject, {"name"})));
  }
  return json::Value(fmt::format("{}", fmt::join(names, ", ")));
}

json::Value EventLastSeen(const Row& row) {
  for (std::string_view key : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
    std::string_view time = StringAt(row.object, {key});
    if (!time.empty()) return json::Value(AgeOf(time, row.now));
  }
  return "<unknown>";
}

json::Value NodeStatus(const Row& row) {
  for (const json::Value& condition : ArrayAt(row.object, {"status", "conditions"})) {
    if (StringAt(condition, {"type"}) == "Ready") {
      return StringAt(condition, {"status"}) == "True" ? "Ready" : "NotReady";
    }
  }
  return "Unknown";
}

json::Value SigningRequestCondition(const Row& row) {
  const auto has = [&row](std::string_view type) {
    return std::ranges::any_of(
        ArrayAt(row.object, {"status", "conditions"}),
        [&](const json::Value& condition) { return StringAt(condition, {"type"}) == type; });
  };
  std::string text = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  if (has("Failed")) text += ",Failed";
  if (!StringAt(row.object, {"status", "certificate"}).empty()) text += ",Issued";
  return json::Value(text);
}

template <std::size_t N>
json::Value TextAt(const Row& row, const std::string_view (&path)[N]) {
  const json::Value* value = &row.object;
  for (std::string_view key : path) {
    if (value != nullptr) value = json::Find(*value, key);
  }
  if (value == nullptr || value->is_null()) return "";
  return json::Value(value->is_string() ? std::string(value->get_string())
                                        : json::Serialize(*value));
}

using Table = std::map<std::string, std::vector<Column>, std::less<>>;

Table MakeColumns() {
  const Column name{"Name", Name};
  const Column age{"Age", Age};
  const Column containers{"Containers", Containers, "string", 1};
  const Column images{"Images", Images, "string", 1};
  const Column selector{"Selector", Selector, "string", 1};
  Table table;
  table[""] = {name, age};
  table["pods"] = {
      name,
      {"Ready", PodReady},
      {"Status", [](const Row& row) { return json::Value(PodPhase(row.object)); }},
      {"Restarts", PodRestarts},
      age,
      {"IP",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"status", "podIP"})));
       },
       "string", 1},
      {"Node",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"spec", "nodeName"})));
       },
       "string", 1},
      {"Nominated Node",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"status", "nominatedNodeName"})));
       },
       "string", 1},
      {"Readiness Gates", [](const Row&) { return json::Value("<none>"); }, "string", 1}};
  table["deployments.apps"] = {
      name,
      {"Ready",
       [](const Row& row) {
         return Ratio(IntAt(row.object, {"status", "readyReplicas"}),
                      IntAt(row.object, {"spec", "replicas"}));
       }},
      {"Up-to-date", [](const Row& row) { return Count(row, "status", "updatedReplicas"); },
       "integer"},
      {"Available", [](const Row& row) { return Count(row, "status", "availableReplicas"); },
       "integer"},
      age,
      containers,
      images,
      selector};
  table["replicasets.apps"] = {
      name,
      {"Desired", [](const Row& row) { return Count(row, "spec", "replicas"); }, "integer"},
      {"Current", [](const Row& row) { return Count(row, "status", "replicas"); }, "integer"},
      {"Ready", [](const Row& row) { return Count(row, "status", "readyReplicas"); }, "integer"},
      age,
      containers,
      images,
      selector};
  table["statefulsets.apps"] = {name,
                                {"Ready",
                                 [](const Row& row) {
                                   return Ratio(IntAt(row.object, {"status", "readyReplicas"}),
                                                IntAt(row.object, {"spec", "replicas"}));
                                 }},
                                age,
                                containers,
                                images};
  table["daemonsets.apps"] = {
      name,
      {"Desired", [](const Row& row) { return Count(row, "status", "desiredNumberScheduled"); },
       "integer"},
      {"Current", [](const Row& row) { return Count(row, "status", "currentNumberScheduled"); },
       "integer"},
      {"Ready", [](const Row& row) { return Count(row, "status", "numberReady"); }, "integer"},
      {"Up-to-date", [](const Row& row) { return Count(row, "status", "updatedNumberScheduled"); },
       "integer"},
      {"Available", [](const Row& row) { return Count(row, "status", "numberAvailable"); },
       "integer"},
      {"Node Selector",
       [](const Row& row) {
         return Labels(ObjectAt(row.object, {"spec", "template", "spec", "nodeSelector"}));
       }},
      age,
      containers,
      images,
      selector};
  table["jobs.batch"] = {name,
                         {"Status", JobStatus},
                         {"Completions",
                          [](const Row& row) {
                            return Ratio(IntAt(row.object, {"status", "succeeded"}),
                                         IntAt(row.object, {"spec", "completions"}, 1));
                          }},
                         {"Duration", JobDuration},
                         age,
                         containers,
                         images,
                         selector};
  table["cronjobs.batch"] = {
      name,
      {"Schedule", [](const Row& row) { return TextAt(row, {"spec", "schedule"}); }},
      {"Timezone",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"spec", "timeZone"})));
       }},
      {"Suspend",
       [](const Row& row) {
         return json::Value(BoolAt(row.object, {"spec", "suspend"}) ? "True" : "False");
       },
       "boolean"},
      {"Active",
       [](const Row& row) { return json::Value(ArrayAt(row.object, {"status", "active"}).size()); },
       "integer"},
      {"Last Schedule",
       [](const Row& row) {
         std::string_view time = StringAt(row.object, {"status", "lastScheduleTime"});
         return json::Value(time.empty() ? std::string("<none>") : AgeOf(time, row.now));
       }},
      age,
      containers,
      images,
      selector};
  table["services"] = {
      name,
      {"Type", [](const Row& row) { return TextAt(row, {"spec", "type"}); }},
      {"Cluster-IP", ServiceAddress},
      {"External-IP", ServiceExternal},
      {"Port(s)", ServicePorts},
      age,
      {"Selector",
       [](const Row& row) { return Labels(ObjectAt(row.object, {"spec", "selector"})); }, "string",
       1}};
  table["ingresses.networking.k8s.io"] = {
      name,
      {"Class",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"spec", "ingressClassName"})));
       }},
      {"Hosts", IngressHosts},
      {"Address", IngressAddress},
      {"Ports", IngressPorts},
      age};
  table["configmaps"] = {name,
                         {"Data",
                          [](const Row& row) {
                            return json::Value(ObjectAt(row.object, {"data"}).size() +
                                               ObjectAt(row.object, {"binaryData"}).size());
                          }},
                         age};
  table["secrets"] = {
      name,
      {"Type", [](const Row& row) { return TextAt(row, {"type"}); }},
      {"Data", [](const Row& row) { return json::Value(ObjectAt(row.object, {"data"}).size()); }},
      age};
  table["namespaces"] = {
      name, {"Status", [](const Row& row) { return TextAt(row, {"status", "phase"}); }}, age};
  table["nodes"] = {name,
                    {"Status", NodeStatus},
                    {"Roles", [](const Row&) { return json::Value("<none>"); }},
                    age,
                    {"Version", [](const Row& row) {
                       return TextAt(row, {"status", "nodeInfo", "kubeletVersion"});
                     }}};
  table["persistentvolumeclaims"] = {
      name,
      {"Status", [](const Row& row) { return TextAt(row, {"status", "phase"}); }},
      {"Volume", [](const Row& row) { return TextAt(row, {"spec", "volumeName"}); }},
      {"Capacity", [](const Row& row) { return TextAt(row, {"status", "capacity", "storage"}); }},
      {"Access Modes",
       [](const Row& row) {
         return json::Value(AccessModes(ArrayAt(row.object, {"status", "accessModes"})));
       }},
      {"StorageClass", [](const Row& row) { return TextAt(row, {"spec", "storageClassName"}); }},
      {"VolumeAttributesClass", [](const Row&) { return json::Value("<unset>"); }},
      age,
      {"VolumeMode", [](const Row& row) { return TextAt(row, {"spec", "volumeMode"}); }, "string",
       1}};
  table["persistentvolumes"] = {
      name,
      {"Capacity", [](const Row& row) { return TextAt(row, {"spec", "capacity", "storage"}); }},
      {"Access Modes",
       [](const Row& row) {
         return json::Value(AccessModes(ArrayAt(row.object, {"spec", "accessModes"})));
       }},
      {"Reclaim Policy",
       [](const Row& row) { return TextAt(row, {"spec", "persistentVolumeReclaimPolicy"}); }},
      {"Status", [](const Row& row) { return TextAt(row, {"status", "phase"}); }},
      {"Claim",
       [](const Row& row) {
         std::string_view claim = StringAt(row.object, {"spec", "claimRef", "name"});
         return json::Value(
             claim.empty()
                 ? std::string()
                 : fmt::format("{}/{}", StringAt(row.object, {"spec", "claimRef", "namespace"}),
                               claim));
       }},
      {"StorageClass", [](const Row& row) { return TextAt(row, {"spec", "storageClassName"}); }},
      {"VolumeAttributesClass", [](const Row&) { return json::Value("<unset>"); }},
      {"Reason", [](const Row& row) { return TextAt(row, {"status", "reason"}); }},
      age,
      {"VolumeMode", [](const Row& row) { return TextAt(row, {"spec", "volumeMode"}); }, "string",
       1}};
  for (std::string_view kind :
       {"roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io", "limitranges"}) {
    table[std::string(kind)] = {name, {"Created At", CreatedAt, "date"}};
  }
  for (std::string_view kind : {"rolebindings.rbac.authorization.k8s.io",
                                "clusterrolebindings.rbac.authorization.k8s.io"}) {
    table[std::string(kind)] = {
        name,
        {"Role", RoleReference},
        age,
        {"Users", [](const Row& row) { return Subjects(row, "User"); }, "string", 1},
        {"Groups", [](const Row& row) { return Subjects(row, "Group"); }, "string", 1},
        {"ServiceAccounts", [](const Row& row) { return Subjects(row, "ServiceAccount"); },
         "string", 1}};
  }
  table["poddisruptionbudgets.policy"] = {
      name,
      {"Min Available",
       [](const Row& row) {
         json::Value text = TextAt(row, {"spec", "minAvailable"});
         return text == "" ? json::Value("N/A") : text;
       }},
      {"Max Unavailable",
       [](const Row& row) {
         json::Value text = TextAt(row, {"spec", "maxUnavailable"});
         return text == "" ? json::Value("N/A") : text;
       }},
      {"Allowed Disruptions",
       [](const Row& row) { return Count(row, "status", "disruptionsAllowed"); }, "integer"},
      age};
  table["horizontalpodautoscalers.autoscaling"] = {
      name,
      {"Reference",
       [](const Row& row) {
         return json::Value(fmt::format("{}/{}",
                                        StringAt(row.object, {"spec", "scaleTargetRef", "kind"}),
                                        StringAt(row.object, {"spec", "scaleTargetRef", "name"})));
       }},
      {"Targets", [](const Row&) { return json::Value("<unknown>"); }},
      {"MinPods", [](const Row& row) { return TextAt(row, {"spec", "minReplicas"}); }},
      {"MaxPods", [](const Row& row) { return Count(row, "spec", "maxReplicas"); }, "integer"},
      {"Replicas", [](const Row& row) { return Count(row, "status", "currentReplicas"); },
       "integer"},
      age};
  table["networkpolicies.networking.k8s.io"] = {
      name,
      {"Pod-Selector",
       [](const Row& row) {
         return SelectorText(json::Find(row.object, {"spec", "podSelector"}));
       }},
      age};
  table["certificatesigningrequests.certificates.k8s.io"] = {
      name,
      age,
      {"SignerName",
       [](const Row& row) {
         return OrNone(std::string(StringAt(row.object, {"spec", "signerName"})));
       }},
      {"Requestor", [](const Row& row) { return TextAt(row, {"spec", "username"}); }},
      {"RequestedDuration",
       [](const Row& row) {
         const std::int64_t seconds = IntAt(row.object, {"spec", "expirationSeconds"});
         return OrNone(seconds > 0 ? HumanDuration(std::chrono::seconds(seconds)) : std::string());
       }},
      {"Condition", SigningRequestCondition}};
  table["leases.coordination.k8s.io"] = {
      name,
      {"Holder", [](const Row& row) { return TextAt(row, {"spec", "holderIdentity"}); }},
      age};
  table["endpointslices.discovery.k8s.io"] = {
      name,
      {"AddressType", [](const Row& row) { return TextAt(row, {"addressType"}); }},
      {"Ports",
       [](const Row& row) {
         std::vector<std::string> ports;
         for (const json::Value& port : ArrayAt(row.object, {"ports"})) {
           ports.push_back(fmt::format("{}", IntAt(port, {"port"})));
         }
         return json::Value(ports.empty() ? std::string("<unset>")
                                          : fmt::format("{}", fmt::join(ports, ",")));
       }},
      {"Endpoints",
       [](const Row& row) {
         std::vector<std::string> addresses;
         for (const json::Value& endpoint : ArrayAt(row.object, {"endpoints"})) {
           for (const json::Value& address : ArrayAt(endpoint, {"addresses"})) {
             if (address.is_string()) addresses.emplace_back(address.get_string());
           }
         }
         return json::Value(addresses.empty() ? std::string("<unset>")
                                              : fmt::format("{}", fmt::join(addresses, ",")));
       }},
      age};
  table["events"] = {
      {"Last Seen", EventLastSeen},
      {"Type", [](const Row& row) { return TextAt(row, {"type"}); }},
      {"Reason", [](const Row& row) { return TextAt(row, {"reason"}); }},
      {"Object",
       [](const Row& row) {
         std::string kind(StringAt(row.object, {"involvedObject", "kind"}));
         for (char& c : kind) {
           if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
         }
         return json::Value(
             fmt::format("{}/{}", kind, StringAt(row.object, {"involvedObject", "name"})));
       }},
      {"Subobject", [](const Row& row) { return TextAt(row, {"involvedObject", "fieldPath"}); },
       "string", 1},
      {"Source", [](const Row& row) { return TextAt(row, {"source", "component"}); }, "string", 1},
      {"Message", [](const Row& row) { return TextAt(row, {"message"}); }},
      {"First Seen",
       [](const Row& row) {
         return json::Value(AgeOf(StringAt(row.object, {"firstTimestamp"}), row.now));
       },
       "string", 1},
      {"Count", [](const Row& row) { return Count(row, "count"); }, "string", 1},
      {"Name", Name, "string", 1}};
  return table;
}

const std::vector<Column>& ColumnsOfKind(const Resource& resource) {
  static const Table kColumns = MakeColumns();
  auto found = kColumns.find(resource.StoredGroup().empty() ? resource.name : resource.Qualified());
  return found == kColumns.end() ? kColumns.find("")->second : found->second;
}

}  // namespace
}  // namespace kro::apiserver
