#include "apiserver/kinds/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/internal/core.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/ip_text.h"
#include "apiserver/kinds/service_allocation.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kHealthPort = "healthCheckNodePort";

void DropWhatTypeHasNot(const json::Value& old, json::Object& spec);
void ValidateType(const json::Value& object, FieldErrors& errors);
void ValidatePorts(const json::Value& object, FieldErrors& errors);
void ValidateDuplicatePorts(const json::Value& object, FieldErrors& errors);
void ValidateTraffic(const json::Value& object, FieldErrors& errors);
void ValidateAddressChange(const json::Value& old, const json::Value& object, FieldErrors& errors);
void WarnOfIgnored(const json::Value& object, std::vector<std::string>& warnings);
std::set<std::int64_t> NodePortsOf(const json::Object& spec);

// Of a Service, or its members.
bool IsOpenToOutside(const auto& service) {
  const std::string_view type = StringAt(service, {"spec", "type"});
  return type == "LoadBalancer" || type == "NodePort" ||
         (type == "ClusterIP" && !ArrayAt(service, {"spec", "externalIPs"}).empty());
}

bool IsHeadless(const json::Value& service) {
  return StringAt(service, {"spec", "clusterIP"}) == "None";
}

}  // namespace

void DefaultService(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "sessionAffinity", "None");
  SetDefault(spec, "type", "ClusterIP");
  if (spec["sessionAffinity"] == "ClientIP") {
    SetDefault(Child(spec, {"sessionAffinityConfig", "clientIP"}), "timeoutSeconds", 10800);
  } else if (spec["sessionAffinity"] == "None") {
    spec.erase("sessionAffinityConfig");
  }
  if (spec["type"] != "ExternalName") SetDefault(spec, "internalTrafficPolicy", "Cluster");
  if (IsOpenToOutside(object)) SetDefault(spec, "externalTrafficPolicy", "Cluster");
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
  if (StringAt(object, {"spec", "type"}) == "ExternalName") {
    Child(object, "spec").erase("internalTrafficPolicy");
  }
  if (context.old == nullptr) {
    Child(Child(object, "status"), "loadBalancer");
    return;
  }
  if (context.endpoint != Endpoint::kMain) return;
  json::Object& spec = Child(object, "spec");
  DropWhatTypeHasNot(*context.old, spec);
  if (StringAt(spec, {"type"}) != "LoadBalancer") {
    Child(object, "status")["loadBalancer"] = json::Object();
  }
}

void ValidateService(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  if (context.endpoint == Endpoint::kStatus) {
    if (StringAt(object, {"spec", "type"}) != "LoadBalancer" &&
        !ArrayAt(object, {"status", "loadBalancer", "ingress"}).empty()) {
      errors.push_back(Forbidden("status.loadBalancer.ingress",
                                 "may only be used when `spec.type` is 'LoadBalancer'"));
    }
    return;
  }
  if (context.old != nullptr) ValidateAddressChange(*context.old, object, errors);
  ValidateType(object, errors);
  ValidatePorts(object, errors);
  ValidateServiceAddresses(object.as_object(), errors);
  ValidateDuplicatePorts(object, errors);
  ValidateTraffic(object, errors);
  if (errors.empty() && context.warnings != nullptr) WarnOfIgnored(object, *context.warnings);
}

void AfterDeleteService(Core& core, const json::Value& object) {
  ReleaseService(core, object);
  if (const ResourcePtr endpoints = core.registry.Find("", "v1", "endpoints")) {
    static_cast<void>(Delete(core, *endpoints, StringAt(object, {"metadata", "namespace"}),
                             StringAt(object, {"metadata", "name"}), {}));
  }
}

void ValidateServiceAddresses(const json::Object& service, FieldErrors& errors) {
  const json::Object& spec = ObjectAt(service, {"spec"});
  if (StringAt(spec, {"type"}) == "ExternalName") return;
  const std::string_view address = StringAt(spec, {"clusterIP"});
  const json::Array& addresses = ArrayAt(spec, {"clusterIPs"});
  const json::Array& families = ArrayAt(spec, {"ipFamilies"});
  if (!address.empty() && addresses.empty()) {
    errors.push_back(Required("spec.clusterIPs"));
  } else if (!address.empty() && addresses[0] != json::Value(address)) {
    errors.push_back(Invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`"));
  } else if (address.empty() && !addresses.empty()) {
    errors.push_back(
        Invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified"));
  }
  static constexpr std::string_view kFamilies[] = {"IPv4", "IPv6"};
  for (std::size_t i = 0; i < families.size(); ++i) {
    const std::string at = fmt::format("spec.ipFamilies[{}]", i);
    if (families[i] != "IPv4" && families[i] != "IPv6") {
      errors.push_back(NotSupported(at, families[i], kFamilies));
    }
    if (std::find(families.begin(), families.begin() + static_cast<std::ptrdiff_t>(i),
                  families[i]) != families.begin() + static_cast<std::ptrdiff_t>(i)) {
      errors.push_back(Duplicate(at, families[i]));
    }
  }
  static constexpr std::string_view kPolicies[] = {"PreferDualStack", "RequireDualStack",
                                                   "SingleStack"};
  const std::string_view policy = StringAt(spec, {"ipFamilyPolicy"});
  if (!policy.empty() && std::ranges::find(kPolicies, policy) == std::end(kPolicies)) {
    errors.push_back(NotSupported("spec.ipFamilyPolicy", json::Value(policy), kPolicies));
  }
  bool readable = true;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i == 0 && addresses[i] == "None") {
      if (addresses.size() > 1) {
        readable = false;
        errors.push_back(
            Invalid("spec.clusterIPs", addresses, "'None' must be the first and only value"));
      }
      continue;
    }
    const std::string_view text = StringAt(addresses[i], {});
    if (internal::IsIpv4Text(text) || internal::IsIpv6Text(text)) continue;
    readable = false;
    errors.push_back(Invalid(fmt::format("spec.clusterIPs[{}]", i), addresses[i],
                             "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
  }
  if (addresses.size() > 2) {
    errors.push_back(Invalid("spec.clusterIPs", addresses, "may only hold up to 2 values"));
  }
  if (!readable) return;
  const auto is_v6 = [](const json::Value& one) { return internal::IsIpv6Text(StringAt(one, {})); };
  if (addresses.size() > 1 &&
      (addresses.size() > 2 || is_v6(addresses[0]) == is_v6(addresses[1]))) {
    errors.push_back(Invalid("spec.clusterIPs", addresses,
                             "may specify no more than one IP for each IP family"));
  }
  if (address == "None") return;
  for (std::size_t i = 0; i < std::min(addresses.size(), families.size()); ++i) {
    const std::string_view family = is_v6(addresses[i]) ? "IPv6" : "IPv4";
    if (families[i] == json::Value(family)) continue;
    errors.push_back(Invalid(fmt::format("spec.clusterIPs[{}]", i), addresses[i],
                             fmt::format("expected an {} value as indicated by `ipFamilies[{}]`",
                                         std::string_view(families[i].get_string()), i)));
  }
}

bool NeedsHealthPort(const json::Value& service) {
  return StringAt(service, {"spec", "type"}) == "LoadBalancer" &&
         StringAt(service, {"spec", "externalTrafficPolicy"}) == "Local";
}

namespace {

// Where a Service changes its type, what only the former type has goes, unless that is changed as well.
void DropWhatTypeHasNot(const json::Value& old, json::Object& spec) {
  const json::Value view = json::Object{{"spec", spec}};
  const auto same = [&](std::string_view key) {
    const json::Value* before = json::Find(old, {"spec", key});
    const json::Value* after = spec.if_contains(key);
    return before == nullptr || after == nullptr ? before == after : *before == *after;
  };
  const auto drop_if_same = [&](std::string_view key) {
    if (same(key)) spec.erase(key);
  };
  const std::string_view before = StringAt(old, {"spec", "type"});
  const std::string_view after = StringAt(view, {"spec", "type"});
  if (before != "ExternalName" && after == "ExternalName") {
    if (same("clusterIP") && same("clusterIPs")) {
      spec.erase("clusterIP");
      spec.erase("clusterIPs");
    }
    drop_if_same("ipFamilies");
    drop_if_same("ipFamilyPolicy");
  }
  const auto has_ports = [](std::string_view type) {
    return type == "NodePort" || type == "LoadBalancer";
  };
  json::Array* ports = FindArray(spec, "ports");
  if (ports != nullptr && has_ports(before) && !has_ports(after) &&
      std::ranges::includes(NodePortsOf(ObjectAt(old, {"spec"})), NodePortsOf(spec))) {
    for (json::Value& port : *ports) port.as_object().erase("nodePort");
  }
  if (NeedsHealthPort(old) && !NeedsHealthPort(view)) drop_if_same(kHealthPort);
  if (before == "LoadBalancer" && after != "LoadBalancer") {
    drop_if_same("allocateLoadBalancerNodePorts");
    drop_if_same("loadBalancerClass");
  }
  if (IsOpenToOutside(old) && !IsOpenToOutside(view)) drop_if_same("externalTrafficPolicy");
}

void ValidateType(const json::Value& object, FieldErrors& errors) {
  static constexpr std::string_view kTypes[] = {"ClusterIP", "ExternalName", "LoadBalancer",
                                                "NodePort"};
  const std::string_view type = StringAt(object, {"spec", "type"});
  if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
    errors.push_back(NotSupported("spec.type", json::Value(type), kTypes));
  }
  if (IsHeadless(object) && (type == "LoadBalancer" || type == "NodePort")) {
    errors.push_back(Invalid("spec.clusterIPs[0]", json::Value("None"),
                             fmt::format("may not be set to 'None' for {} services", type)));
  }
  if (type != "LoadBalancer" &&
      json::Find(object, {"spec", "allocateLoadBalancerNodePorts"}) != nullptr) {
    errors.push_back(Forbidden("spec.allocateLoadBalancerNodePorts",
                               "may only be used when `type` is 'LoadBalancer'"));
  }
  static constexpr std::string_view kAffinities[] = {"ClientIP", "None"};
  const std::string_view affinity = StringAt(object, {"spec", "sessionAffinity"});
  if (std::ranges::find(kAffinities, affinity) == std::end(kAffinities)) {
    errors.push_back(NotSupported("spec.sessionAffinity", json::Value(affinity), kAffinities));
  }
  if (type != "ExternalName") return;
  for (std::string_view key : {"clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
    const json::Value* given = json::Find(object, {"spec", key});
    if (given == nullptr || (given->is_array() && given->get_array().empty())) continue;
    errors.push_back(
        Forbidden(fmt::format("spec.{}", key), "may not be set for ExternalName services"));
  }
  if (StringAt(object, {"spec", "externalName"}).empty()) {
    errors.push_back(Required("spec.externalName"));
  }
}

void ValidatePorts(const json::Value& object, FieldErrors& errors) {
  static constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
  const std::string_view type = StringAt(object, {"spec", "type"});
  const json::Array& ports = ArrayAt(object, {"spec", "ports"});
  if (ports.empty() && type != "ExternalName" && !IsHeadless(object)) {
    errors.push_back(Required("spec.ports"));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string at = fmt::format("spec.ports[{}]", i);
    const std::string name(StringAt(ports[i], {"name"}));
    if (name.empty() && ports.size() > 1) {
      errors.push_back(Required(at + ".name"));
    } else if (!name.empty()) {
      for (const std::string& complaint : CheckDns1123Label(name)) {
        errors.push_back(Invalid(at + ".name", json::Value(name), complaint));
      }
      if (!names.insert(name).second) errors.push_back(Duplicate(at + ".name", json::Value(name)));
    }
    const auto check_number = [&](std::string_view key) {
      const std::int64_t number = IntAt(ports[i], {key});
      if (number >= 1 && number <= 65535) return;
      errors.push_back(Invalid(fmt::format("{}.{}", at, key), json::Value(number),
                               "must be between 1 and 65535, inclusive"));
    };
    check_number("port");
    const json::Value* target = json::Find(ports[i], "targetPort");
    if (target != nullptr && target->is_int64()) check_number("targetPort");
    const std::string_view protocol = StringAt(ports[i], {"protocol"});
    if (std::ranges::find(kProtocols, protocol) == std::end(kProtocols)) {
      errors.push_back(NotSupported(at + ".protocol", json::Value(protocol), kProtocols));
    }
  }
}

void ValidateDuplicatePorts(const json::Value& object, FieldErrors& errors) {
  const json::Array& ports = ArrayAt(object, {"spec", "ports"});
  std::set<std::pair<std::string, std::int64_t>> numbers;
  std::set<std::pair<std::string, std::int64_t>> node_ports;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string at = fmt::format("spec.ports[{}]", i);
    const std::string protocol(StringAt(ports[i], {"protocol"}));
    const std::int64_t number = IntAt(ports[i], {"port"});
    if (!numbers.emplace(protocol, number).second) {
      // As the Go struct is printed.
      errors.push_back({FieldErrorType::kDuplicate, at,
                        fmt::format(R"(Duplicate value: {{"Name":"","Protocol":"{}",)"
                                    R"("AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}})",
                                    protocol, number)});
    }
    const std::int64_t node_port = IntAt(ports[i], {"nodePort"});
    if (node_port == 0) continue;
    if (StringAt(object, {"spec", "type"}) == "ClusterIP") {
      errors.push_back(Forbidden(at + ".nodePort", "may not be used when `type` is 'ClusterIP'"));
    }
    if (!node_ports.emplace(protocol, node_port).second) {
      errors.push_back(Duplicate(at + ".nodePort", json::Value(node_port)));
    }
  }
}

void ValidateTraffic(const json::Value& object, FieldErrors& errors) {
  static constexpr std::string_view kPolicies[] = {"Cluster", "Local"};
  const std::string_view policy = StringAt(object, {"spec", "externalTrafficPolicy"});
  if (!IsOpenToOutside(object)) {
    if (!policy.empty()) {
      errors.push_back(Invalid("spec.externalTrafficPolicy", json::Value(policy),
                               "may only be set for externally-accessible services"));
    }
  } else if (policy.empty()) {
    errors.push_back(Required("spec.externalTrafficPolicy"));
  } else if (std::ranges::find(kPolicies, policy) == std::end(kPolicies)) {
    errors.push_back(NotSupported("spec.externalTrafficPolicy", json::Value(policy), kPolicies));
  }
  const std::int64_t health = IntAt(object, {"spec", kHealthPort});
  if (!NeedsHealthPort(object) && health != 0) {
    errors.push_back(Invalid("spec.healthCheckNodePort", json::Value(health),
                             "may only be set when `type` is 'LoadBalancer' and "
                             "`externalTrafficPolicy` is 'Local'"));
  }
}

void ValidateAddressChange(const json::Value& old, const json::Value& object, FieldErrors& errors) {
  if (NeedsHealthPort(old) && NeedsHealthPort(object) &&
      IntAt(old, {"spec", kHealthPort}) != IntAt(object, {"spec", kHealthPort})) {
    errors.push_back(Forbidden("spec.healthCheckNodePort", "field is immutable"));
  }
  if (StringAt(old, {"spec", "type"}) == "ExternalName" ||
      StringAt(object, {"spec", "type"}) == "ExternalName" ||
      (IsHeadless(old) && IsHeadless(object))) {
    return;
  }
  const json::Array& before = ArrayAt(old, {"spec", "clusterIPs"});
  const json::Array& after = ArrayAt(object, {"spec", "clusterIPs"});
  if (before.empty()) return;
  if (after.empty()) {
    errors.push_back(Invalid("spec.clusterIPs[0]", after, "primary clusterIP can not be unset"));
  } else if (before[0] != after[0]) {
    errors.push_back(Invalid("spec.clusterIPs[0]", after, "may not change once set"));
  }
}

void WarnOfIgnored(const json::Value& object, std::vector<std::string>& warnings) {
  const std::string_view type = StringAt(object, {"spec", "type"});
  const bool has_outer = !ArrayAt(object, {"spec", "externalIPs"}).empty();
  if (IsHeadless(object)) {
    if (!StringAt(object, {"spec", "loadBalancerIP"}).empty()) {
      warnings.emplace_back("spec.loadBalancerIP is ignored for headless services");
    }
    if (has_outer) warnings.emplace_back("spec.externalIPs is ignored for headless services");
    if (StringAt(object, {"spec", "sessionAffinity"}) != "None") {
      warnings.emplace_back("spec.SessionAffinity is ignored for headless services");
    }
  } else if (has_outer && type != "ExternalName") {
    warnings.emplace_back(
        "spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (has_outer && type == "ExternalName") {
    warnings.emplace_back(R"(spec.externalIPs is ignored when spec.type is "ExternalName")");
  }
  if (type != "ExternalName" && !StringAt(object, {"spec", "externalName"}).empty()) {
    warnings.emplace_back(R"(spec.externalName is ignored when spec.type is not "ExternalName")");
  }
  if (StringAt(object, {"spec", "trafficDistribution"}) == "PreferClose") {
    warnings.emplace_back(
        R"(spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone")");
  }
}

std::set<std::int64_t> NodePortsOf(const json::Object& spec) {
  std::set<std::int64_t> ports;
  for (const json::Value& port : ArrayAt(spec, {"ports"})) {
    if (const std::int64_t number = IntAt(port, {"nodePort"}); number != 0) ports.insert(number);
  }
  return ports;
}

}  // namespace
}  // namespace kro::apiserver
