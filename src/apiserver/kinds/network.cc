#include "apiserver/kinds/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

bool NeedsAddress(const json::Value& service);
bool HasNodePorts(const json::Value& service);
void KeepAddresses(const json::Value& old, json::Object& spec);

}  // namespace

void DefaultService(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "sessionAffinity", "None");
  SetDefault(spec, "type", "ClusterIP");
  if (spec["sessionAffinity"] == "ClientIP") {
    SetDefault(Child(spec, {"sessionAffinityConfig", "clientIP"}), "timeoutSeconds", 10800);
  }
  if (spec["type"] != "ExternalName") SetDefault(spec, "internalTrafficPolicy", "Cluster");
  if (spec["type"] == "NodePort" || spec["type"] == "LoadBalancer") {
    SetDefault(spec, "externalTrafficPolicy", "Cluster");
  }
  if (spec["type"] == "LoadBalancer") SetDefault(spec, "allocateLoadBalancerNodePorts", true);
  if (json::Array* ports = FindArray(spec, "ports")) {
    for (json::Value& item : *ports) {
      if (!item.is_object()) continue;
      json::Object& port = item.get_object();
      SetDefault(port, "protocol", "TCP");
      if (const json::Value* number = port.if_contains("port")) {
        json::Value target = *number;
        const json::Value* given = port.if_contains("targetPort");
        if (given == nullptr || *given == 0 || *given == "") port["targetPort"] = std::move(target);
      }
    }
  }
}

void PrepareService(const WriteContext& context, json::Object& object) {
  json::Object& spec = Child(object, "spec");
  if (context.old == nullptr) {
    Child(Child(object, "status"), "loadBalancer");
  } else if (context.endpoint != Endpoint::kMain) {
    return;
  } else {
    KeepAddresses(*context.old, spec);
  }
  AddressPool& pool = context.core.addresses;
  const json::Value view = object;
  if (NeedsAddress(view)) {
    std::string address(StringAt(view, {"spec", "clusterIP"}));
    if (address.empty()) {
      address = context.dry_run ? "10.96.0.0" : pool.TakeAddress();
      spec["clusterIP"] = address;
    }
    if (!address.empty()) SetDefault(spec, "clusterIPs", json::Array{json::Value(address)});
    SetDefault(spec, "ipFamilies", json::Array{"IPv4"});
    SetDefault(spec, "ipFamilyPolicy", "SingleStack");
  }
  json::Array* ports = FindArray(spec, "ports");
  if (ports == nullptr) return;
  for (json::Value& item : *ports) {
    if (!item.is_object()) continue;
    json::Object& port = item.get_object();
    if (!HasNodePorts(view)) {
      if (StringAt(view, {"spec", "type"}) == "ClusterIP") port.erase("nodePort");
      continue;
    }
    const json::Value* given = port.if_contains("nodePort");
    if ((given == nullptr || *given == 0) && !context.dry_run) port["nodePort"] = pool.TakePort();
  }
}

void ValidateService(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  std::string_view type = StringAt(object, {"spec", "type"});
  std::string_view address = StringAt(object, {"spec", "clusterIP"});
  static constexpr std::string_view kTypes[] = {"ClusterIP", "ExternalName", "LoadBalancer",
                                                "NodePort"};
  if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
    errors.push_back(NotSupported("spec.type", json::Value(type), kTypes));
  }
  const json::Array& ports = ArrayAt(object, {"spec", "ports"});
  if (ports.empty() && type != "ExternalName" && address != "None") {
    errors.push_back(Required("spec.ports"));
  }
  if (type == "ExternalName" && StringAt(object, {"spec", "externalName"}).empty()) {
    errors.push_back(Required("spec.externalName"));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    std::string at = fmt::format("spec.ports[{}]", i);
    std::string name(StringAt(ports[i], {"name"}));
    if (name.empty() && ports.size() > 1) {
      errors.push_back(Required(at + ".name"));
    } else if (!name.empty()) {
      for (const std::string& complaint : CheckDns1123Label(name)) {
        errors.push_back(Invalid(at + ".name", json::Value(name), complaint));
      }
      if (!names.insert(name).second) errors.push_back(Duplicate(at + ".name", json::Value(name)));
    }
    std::int64_t port = IntAt(ports[i], {"port"});
    if (port < 1 || port > 65535) {
      errors.push_back(
          Invalid(at + ".port", json::Value(port), "must be between 1 and 65535, inclusive"));
    }
  }
  if (context.old == nullptr) {
    if (!address.empty() && address != "None" && !AddressPool::IsInRange(address)) {
      errors.push_back(
          Invalid("spec.clusterIPs", json::Array{json::Value(address)},
                  fmt::format("failed to allocate IP {}: the provided network does not match the "
                              "current range",
                              address)));
    }
    return;
  }
  std::string_view before = StringAt(*context.old, {"spec", "clusterIP"});
  if (!before.empty() && before != address && type != "ExternalName" &&
      StringAt(*context.old, {"spec", "type"}) != "ExternalName") {
    errors.push_back(Invalid("spec.clusterIPs[0]", ArrayAt(object, {"spec", "clusterIPs"}),
                             "may not change once set"));
  }
  if (context.endpoint == Endpoint::kStatus && type != "LoadBalancer" &&
      !ArrayAt(object, {"status", "loadBalancer", "ingress"}).empty()) {
    errors.push_back(Forbidden("status.loadBalancer.ingress",
                               "may only be used when `spec.type` is 'LoadBalancer'"));
  }
}

void PrepareIngress(const WriteContext& context, json::Object& object) {
  if (context.old == nullptr) Child(object, {"status", "loadBalancer"});
}

void ValidateIngress(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  const json::Array& rules = ArrayAt(object, {"spec", "rules"});
  if (rules.empty() && json::Find(object, {"spec", "defaultBackend"}) == nullptr) {
    errors.push_back(Invalid("spec", ObjectAt(object, {"spec"}),
                             "either `defaultBackend` or `rules` must be specified"));
  }
  for (std::size_t r = 0; r < rules.size(); ++r) {
    const json::Array& paths = ArrayAt(rules[r], {"http", "paths"});
    for (std::size_t p = 0; p < paths.size(); ++p) {
      if (StringAt(paths[p], {"pathType"}).empty()) {
        errors.push_back(Required(fmt::format("spec.rules[{}].http.paths[{}].pathType", r, p),
                                  "pathType must be specified"));
      }
    }
  }
}

void DefaultNetworkPolicy(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  Child(spec, "podSelector");
  for (std::string_view direction : {"ingress", "egress"}) {
    json::Array* rules = FindArray(spec, direction);
    if (rules == nullptr) continue;
    for (json::Value& rule : *rules) {
      json::Array* ports = rule.is_object() ? FindArray(rule.get_object(), "ports") : nullptr;
      if (ports == nullptr) continue;
      for (json::Value& port : *ports) {
        if (port.is_object()) SetDefault(port.get_object(), "protocol", "TCP");
      }
    }
  }
  if (spec.contains("policyTypes")) return;
  json::Array types{"Ingress"};
  if (json::Array* egress = FindArray(spec, "egress"); egress != nullptr && !egress->empty()) {
    types.emplace_back("Egress");
  }
  spec["policyTypes"] = std::move(types);
}

void PrepareDisruptionBudget(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  json::Object& status = Child(object, "status");
  for (std::string_view key :
       {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"}) {
    SetDefault(status, key, 0);
  }
}

void ValidateDisruptionBudget(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  if (json::Find(object, {"spec", "minAvailable"}) != nullptr &&
      json::Find(object, {"spec", "maxUnavailable"}) != nullptr) {
    errors.push_back(Invalid("spec", ObjectAt(object, {"spec"}),
                             "minAvailable and maxUnavailable cannot be both set"));
  }
}

namespace {

bool NeedsAddress(const json::Value& service) {
  return StringAt(service, {"spec", "type"}) != "ExternalName";
}

bool HasNodePorts(const json::Value& service) {
  std::string_view type = StringAt(service, {"spec", "type"});
  if (type == "NodePort") return true;
  return type == "LoadBalancer" && BoolAt(service, {"spec", "allocateLoadBalancerNodePorts"});
}

// What was allocated stays, where an update leaves it out.
void KeepAddresses(const json::Value& old, json::Object& spec) {
  const json::Value* type = spec.if_contains("type");
  if (type != nullptr && *type == "ExternalName") {
    for (std::string_view key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      spec.erase(key);
    }
    return;
  }
  // The list follows the single address where only that was changed.
  if (const json::Value* address = spec.if_contains("clusterIP");
      address != nullptr && address->is_string() && !address->get_string().empty() &&
      std::string_view(address->get_string()) != StringAt(old, {"spec", "clusterIP"}) &&
      ArrayAt(spec, {"clusterIPs"}) == ArrayAt(old, {"spec", "clusterIPs"})) {
    json::Value first = *address;
    spec["clusterIPs"] = json::Array{std::move(first)};
  }
  for (std::string_view key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
    const json::Value* before = json::Find(old, {"spec", key});
    if (before != nullptr) {
      json::Value kept = *before;
      SetDefault(spec, key, std::move(kept));
    }
  }
  json::Array* ports = FindArray(spec, "ports");
  if (ports == nullptr) return;
  for (json::Value& item : *ports) {
    if (!item.is_object() || item.get_object().contains("nodePort")) continue;
    for (const json::Value& before : ArrayAt(old, {"spec", "ports"})) {
      const json::Value* node_port = json::Find(before, "nodePort");
      if (node_port != nullptr && IntAt(before, {"port"}) == IntAt(item, {"port"}) &&
          StringAt(before, {"protocol"}) == StringAt(item, {"protocol"})) {
        item.get_object()["nodePort"] = *node_port;
      }
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
