#include "apiserver/controllers/service_controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kServices{"", "v1", "services"};
const api::Gvr kSlices{"discovery.k8s.io", "v1", "endpointslices"};
constexpr std::string_view kNameLabel = "kubernetes.io/service-name";

bool Selects(const json::Value& service, const StoredObject& pod);
json::Object EndpointOf(const json::Value& pod);
json::Array PortsOf(const json::Value& service, const std::vector<json::Value>& pods);

}  // namespace

ServiceController::ServiceController(Core& core) : client_(core, "kube-controller-manager") {
  // Services of an earlier run have addresses.
  for (const StoredPtr& stored : client_.List(kServices, "")) {
    const json::Value service = client_.ValueOf(kServices, *stored);
    for (const json::Value& given : ArrayAt(service, {"status", "loadBalancer", "ingress"})) {
      balancers_ = std::max(balancers_, AddressPool::LastBytes(StringAt(given, {"ip"})));
    }
  }
}

void ServiceController::Observe(const Collection& collection, const Change& change,
                                const Enqueue& enqueue) {
  if (!collection.group().empty()) return;
  if (collection.resource() == "services") {
    enqueue(KeyOf(*change.object));
    return;
  }
  if (collection.resource() != "pods") return;
  for (const StoredPtr& service : client_.List(kServices, change.object->name_space)) {
    if (Selects(client_.ValueOf(kServices, *service), *change.object)) enqueue(KeyOf(*service));
  }
}

std::optional<Duration> ServiceController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto service = client_.Get(kServices, name_space, name);
  if (!service) return std::nullopt;
  if (!StringAt(*service, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  if (!ObjectAt(*service, {"spec", "selector"}).empty()) WriteSlice(*service);
  if (StringAt(*service, {"spec", "type"}) == "LoadBalancer" &&
      ArrayAt(*service, {"status", "loadBalancer", "ingress"}).empty()) {
    GiveAddress(std::move(*service));
  }
  return std::nullopt;
}

void ServiceController::WriteSlice(const json::Value& service) {
  const std::string name(StringAt(service, {"metadata", "name"}));
  const std::string name_space(StringAt(service, {"metadata", "namespace"}));
  std::vector<json::Value> pods;
  for (const StoredPtr& stored : client_.List(kPods, name_space)) {
    if (!Selects(service, *stored)) continue;
    json::Value pod = client_.ValueOf(kPods, *stored);
    if (!StringAt(pod, {"status", "podIP"}).empty() && IsPodActive(pod)) {
      pods.push_back(std::move(pod));
    }
  }
  json::Array endpoints;
  for (const json::Value& pod : pods) endpoints.push_back(EndpointOf(pod));
  std::optional<json::Value> slice;
  for (const StoredPtr& stored :
       ControlledBy(client_, kSlices, name_space, StringAt(service, {"metadata", "uid"}))) {
    slice = client_.ValueOf(kSlices, *stored);
  }
  const bool fresh = !slice;
  if (fresh) {
    json::Object object;
    object["apiVersion"] = "discovery.k8s.io/v1";
    object["kind"] = "EndpointSlice";
    json::Object& metadata = Child(object, "metadata");
    metadata["generateName"] = name + "-";
    metadata["namespace"] = name_space;
    json::Object labels = ObjectAt(service, {"metadata", "labels"});
    labels[kNameLabel] = name;
    labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io";
    metadata["labels"] = std::move(labels);
    metadata["ownerReferences"] = json::Array{ControllerReference(service)};
    object["addressType"] = "IPv4";
    slice = std::move(object);
  }
  slice->as_object()["endpoints"] = std::move(endpoints);
  slice->as_object()["ports"] = PortsOf(service, pods);
  if (fresh) {
    static_cast<void>(client_.Create(kSlices, name_space, *slice));
  } else {
    static_cast<void>(client_.Update(kSlices, *slice));
  }
}

void ServiceController::GiveAddress(json::Value service) {
  ++balancers_;
  json::Object ingress;
  ingress["ip"] = fmt::format("172.18.{}.{}", (balancers_ >> 8) & 255, balancers_ & 255);
  ingress["ipMode"] = "VIP";
  Child(service.as_object(), {"status", "loadBalancer"})["ingress"] =
      json::Array{std::move(ingress)};
  static_cast<void>(client_.Update(kServices, service, "status"));
}

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

json::Object EndpointOf(const json::Value& pod) {
  const bool ready = IsPodReady(pod);
  json::Object conditions;
  conditions["ready"] = ready;
  conditions["serving"] = ready;
  conditions["terminating"] = false;
  json::Object target;
  target["kind"] = "Pod";
  target["namespace"] = StringAt(pod, {"metadata", "namespace"});
  target["name"] = StringAt(pod, {"metadata", "name"});
  target["uid"] = StringAt(pod, {"metadata", "uid"});
  json::Object endpoint;
  endpoint["addresses"] = json::Array{json::Value(StringAt(pod, {"status", "podIP"}))};
  endpoint["conditions"] = std::move(conditions);
  endpoint["nodeName"] = StringAt(pod, {"spec", "nodeName"});
  endpoint["targetRef"] = std::move(target);
  return endpoint;
}

// A port that is named is looked up in the containers.
json::Array PortsOf(const json::Value& service, const std::vector<json::Value>& pods) {
  json::Array ports;
  for (const json::Value& entry : ArrayAt(service, {"spec", "ports"})) {
    std::int64_t number = IntAt(entry, {"targetPort"});
    std::string_view wanted = StringAt(entry, {"targetPort"});
    if (!wanted.empty() && !pods.empty()) {
      for (const json::Value& container : ArrayAt(pods.front(), {"spec", "containers"})) {
        for (const json::Value& port : ArrayAt(container, {"ports"})) {
          if (StringAt(port, {"name"}) == wanted) number = IntAt(port, {"containerPort"});
        }
      }
    }
    json::Object port;
    port["name"] = StringAt(entry, {"name"});
    port["port"] = number;
    port["protocol"] = StringAt(entry, {"protocol"});
    ports.push_back(std::move(port));
  }
  return ports;
}

}  // namespace
}  // namespace kro::apiserver
