#include "apiserver/controllers/service_controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/controllers/pods.h"
#include "apiserver/controllers/service_pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kSlices{"discovery.k8s.io", "v1", "endpointslices"};
constexpr std::string_view kNameLabel = "kubernetes.io/service-name";

json::Object EndpointOf(const json::Value& service, const json::Value& pod);

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
  ObserveServices(client_, collection, change, enqueue);
}

std::optional<Duration> ServiceController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto service = client_.Get(kServices, name_space, name);
  if (!service) return std::nullopt;
  if (!StringAt(*service, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  if (SelectsPods(*service)) WriteSlice(*service);
  if (StringAt(*service, {"spec", "type"}) == "LoadBalancer" &&
      ArrayAt(*service, {"status", "loadBalancer", "ingress"}).empty()) {
    GiveAddress(std::move(*service));
  }
  return std::nullopt;
}

void ServiceController::WriteSlice(const json::Value& service) {
  const std::string name(StringAt(service, {"metadata", "name"}));
  const std::string name_space(StringAt(service, {"metadata", "namespace"}));
  const std::vector<json::Value> pods = PodsBehind(client_, service);
  json::Array endpoints;
  for (const json::Value& pod : pods) endpoints.push_back(EndpointOf(service, pod));
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
    metadata["ownerReferences"] = json::Array{ControllerReference(service)};
    object["addressType"] = "IPv4";
    slice = std::move(object);
  }
  json::Object labels = EndpointLabels(service);
  labels[kNameLabel] = name;
  labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io";
  Child(slice->as_object(), "metadata")["labels"] = std::move(labels);
  slice->as_object()["endpoints"] = std::move(endpoints);
  // As the first pod has them, which knows what named ports are.
  slice->as_object()["ports"] = pods.empty() ? json::Array() : PortsIn(pods.front(), service);
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

json::Object EndpointOf(const json::Value& service, const json::Value& pod) {
  const bool serving = IsPodReady(pod);
  const bool going = !StringAt(pod, {"metadata", "deletionTimestamp"}).empty();
  json::Object conditions;
  conditions["ready"] =
      BoolAt(service, {"spec", "publishNotReadyAddresses"}) || (serving && !going);
  conditions["serving"] = serving;
  conditions["terminating"] = going;
  json::Object endpoint;
  endpoint["addresses"] = json::Array{json::Value(StringAt(pod, {"status", "podIP"}))};
  endpoint["conditions"] = std::move(conditions);
  if (const std::string_view host = HostnameBelow(service, pod); !host.empty()) {
    endpoint["hostname"] = host;
  }
  endpoint["nodeName"] = StringAt(pod, {"spec", "nodeName"});
  endpoint["targetRef"] = ReferenceToPod(pod);
  return endpoint;
}

}  // namespace
}  // namespace kro::apiserver
