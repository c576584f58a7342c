#include "apiserver/controllers/endpoints_controller.h"

#include <map>
#include <utility>

#include "apiserver/controllers/pods.h"
#include "apiserver/controllers/service_pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kEndpoints{"", "v1", "endpoints"};

json::Array SubsetsOf(const json::Value& service, const std::vector<json::Value>& pods);

}  // namespace

void EndpointsController::Observe(const Collection& collection, const Change& change,
                                  const Enqueue& enqueue) {
  ObserveServices(client_, collection, change, enqueue);
}

std::optional<Duration> EndpointsController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto service = client_.Get(kServices, name_space, name);
  if (!service || !SelectsPods(*service)) return std::nullopt;
  auto endpoints = client_.Get(kEndpoints, name_space, name);
  const bool fresh = !endpoints;
  if (fresh) {
    json::Object object;
    object["apiVersion"] = "v1";
    object["kind"] = "Endpoints";
    json::Object& metadata = Child(object, "metadata");
    metadata["name"] = name;
    metadata["namespace"] = name_space;
    endpoints = std::move(object);
  }
  json::Object labels = EndpointLabels(*service);
  labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  Child(endpoints->as_object(), "metadata")["labels"] = std::move(labels);
  json::Array subsets = SubsetsOf(*service, PodsBehind(client_, *service));
  if (subsets.empty()) {
    endpoints->as_object().erase("subsets");
  } else {
    endpoints->as_object()["subsets"] = std::move(subsets);
  }
  static_cast<void>(fresh ? client_.Create(kEndpoints, name_space, *endpoints)
                          : client_.Update(kEndpoints, *endpoints));
  return std::nullopt;
}

namespace {

// The addresses that offer the same ports are one subset.
json::Array SubsetsOf(const json::Value& service, const std::vector<json::Value>& pods) {
  const bool all_ready = BoolAt(service, {"spec", "publishNotReadyAddresses"});
  std::map<std::string, json::Object> by_ports;
  for (const json::Value& pod : pods) {
    if (!StringAt(pod, {"metadata", "deletionTimestamp"}).empty() && !all_ready) continue;
    json::Array ports = PortsIn(pod, service);
    for (json::Value& port : ports) {
      if (StringAt(port, {"name"}).empty()) port.as_object().stable_erase("name");
    }
    if (ports.empty() && !ArrayAt(service, {"spec", "ports"}).empty()) continue;
    json::Object address;
    address["ip"] = StringAt(pod, {"status", "podIP"});
    if (const std::string_view host = HostnameBelow(service, pod); !host.empty()) {
      address["hostname"] = host;
    }
    address["nodeName"] = StringAt(pod, {"spec", "nodeName"});
    address["targetRef"] = ReferenceToPod(pod);
    json::Object& subset = by_ports[json::Canonical(json::Value(ports))];
    json::Value& list = subset[all_ready || IsPodReady(pod) ? "addresses" : "notReadyAddresses"];
    if (!list.is_array()) list.emplace_array();
    list.get_array().push_back(std::move(address));
    if (!ports.empty()) subset["ports"] = std::move(ports);
  }
  json::Array subsets;
  for (auto& [ports, subset] : by_ports) subsets.push_back(std::move(subset));
  return subsets;
}

}  // namespace
}  // namespace kro::apiserver
