#include "apiserver/controllers/service_pods.h"

#include <algorithm>
#include <optional>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

bool Selects(const json::Value& service, const StoredObject& pod) {
  const json::Object& selector = ObjectAt(service, {"spec", "selector"});
  if (selector.empty()) return false;
  return std::ranges::all_of(selector, [&](const auto& wanted) {
    return std::ranges::any_of(pod.labels, [&](const auto& label) {
      return label.first == std::string_view(wanted.key()) && wanted.value().is_string() &&
             label.second == std::string_view(wanted.value().get_string());
    });
  });
}

// Nothing if the pod has no port of that name.
std::optional<std::int64_t> PortIn(const json::Value& pod, const json::Value& service_port) {
  const std::string_view name = StringAt(service_port, {"targetPort"});
  if (name.empty()) return IntAt(service_port, {"targetPort"});
  for (const json::Value& container : ArrayAt(pod, {"spec", "containers"})) {
    for (const json::Value& port : ArrayAt(container, {"ports"})) {
      if (StringAt(port, {"name"}) == name &&
          StringAt(port, {"protocol"}) == StringAt(service_port, {"protocol"})) {
        return IntAt(port, {"containerPort"});
      }
    }
  }
  return std::nullopt;
}

}  // namespace

void ObserveServices(const ControllerClient& client, const Collection& collection,
                     const Change& change, const Controller::Enqueue& enqueue) {
  if (!collection.group().empty()) return;
  if (collection.resource() == "services") {
    enqueue(KeyOf(*change.object));
    return;
  }
  if (collection.resource() != "pods") return;
  for (const StoredPtr& service : client.List(kServices, change.object->name_space)) {
    if (Selects(client.ValueOf(kServices, *service), *change.object)) enqueue(KeyOf(*service));
  }
}

bool SelectsPods(const json::Value& service) {
  return !ObjectAt(service, {"spec", "selector"}).empty() &&
         StringAt(service, {"spec", "type"}) != "ExternalName";
}

std::vector<json::Value> PodsBehind(const ControllerClient& client, const json::Value& service) {
  std::vector<json::Value> pods;
  for (const StoredPtr& stored : client.List(kPods, StringAt(service, {"metadata", "namespace"}))) {
    if (!Selects(service, *stored)) continue;
    json::Value pod = client.ValueOf(kPods, *stored);
    const std::string_view phase = StringAt(pod, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed") continue;
    if (!StringAt(pod, {"status", "podIP"}).empty()) pods.push_back(std::move(pod));
  }
  return pods;
}

json::Array PortsIn(const json::Value& pod, const json::Value& service) {
  json::Array ports;
  for (const json::Value& entry : ArrayAt(service, {"spec", "ports"})) {
    const auto number = PortIn(pod, entry);
    if (!number) continue;
    json::Object port;
    port["name"] = StringAt(entry, {"name"});
    port["port"] = *number;
    port["protocol"] = StringAt(entry, {"protocol"});
    if (const json::Value* meaning = json::Find(entry, "appProtocol")) {
      port["appProtocol"] = *meaning;
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

json::Object EndpointLabels(const json::Value& service) {
  constexpr std::string_view kHeadless = "service.kubernetes.io/headless";
  json::Object labels = ObjectAt(service, {"metadata", "labels"});
  const std::string_view address = StringAt(service, {"spec", "clusterIP"});
  if (address.empty() || address == "None") {
    labels[kHeadless] = "";
  } else {
    labels.erase(kHeadless);
  }
  return labels;
}

json::Object ReferenceToPod(const json::Value& pod) {
  json::Object reference;
  reference["kind"] = "Pod";
  for (std::string_view key : {"namespace", "name", "uid"}) {
    reference[key] = StringAt(pod, {"metadata", key});
  }
  return reference;
}

std::string_view HostnameBelow(const json::Value& service, const json::Value& pod) {
  const bool below =
      StringAt(pod, {"spec", "subdomain"}) == StringAt(service, {"metadata", "name"});
  return below ? StringAt(pod, {"spec", "hostname"}) : std::string_view();
}

}  // namespace kro::apiserver
