#include "apiserver/kinds/service_allocation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "apiserver/internal/address_transaction.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/ip_text.h"
#include "apiserver/internal/status.h"
#include "apiserver/kinds/service.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kHealthPort = "healthCheckNodePort";

// What the write left out of what was allocated.
void KeepAllocated(const json::Value& old, json::Object& spec);
// `clusterIPs` follows `clusterIP` where only that was written.
void PairAddresses(const json::Value* old, json::Object& spec);
Answer<void> SettleFamilies(const WriteContext& context, json::Object& service);
Answer<void> AllocateAddress(const WriteContext& context, AddressTransaction& transaction,
                             json::Object& service);
Answer<void> FirstPorts(AddressTransaction& transaction, json::Object& service);
Answer<void> ChangedPorts(const json::Value& old, AddressTransaction& transaction,
                          json::Object& service);
Answer<void> AllocateHealthPort(const json::Value* old, AddressTransaction& transaction,
                                json::Object& spec);

bool HasAddress(const json::Value& service) {
  return StringAt(service, {"spec", "type"}) != "ExternalName";
}

bool MayHavePorts(const json::Value& service) {
  const std::string_view type = StringAt(service, {"spec", "type"});
  return type == "NodePort" || type == "LoadBalancer";
}

bool IsGivenPorts(const json::Value& service) {
  return StringAt(service, {"spec", "type"}) == "NodePort" ||
         (MayHavePorts(service) && BoolAt(service, {"spec", "allocateLoadBalancerNodePorts"}));
}

bool Holds(const std::vector<int>& ports, int port) {
  return std::ranges::find(ports, port) != ports.end();
}

bool IsHeadless(const json::Object& spec) { return StringAt(spec, {"clusterIP"}) == "None"; }

std::vector<int> NodePortsOf(const json::Value& service) {
  std::vector<int> ports;
  for (const json::Value& port : ArrayAt(service, {"spec", "ports"})) {
    if (const auto number = IntAt(port, {"nodePort"}); number != 0) {
      ports.push_back(static_cast<int>(number));
    }
  }
  return ports;
}

std::unexpected<kube::Status> InvalidService(const json::Object& service, FieldErrors errors) {
  return std::unexpected(
      InvalidStatus("Service", "", StringAt(service, {"metadata", "name"}), errors));
}

}  // namespace

Answer<void> AllocateService(const WriteContext& context, AddressTransaction& transaction,
                             json::Object& service) {
  if (context.endpoint != Endpoint::kMain) return {};
  json::Object& spec = Child(service, "spec");
  if (context.old != nullptr) KeepAllocated(*context.old, spec);
  PairAddresses(context.old, spec);
  if (auto settled = SettleFamilies(context, service); !settled) return settled;
  if (auto allocated = AllocateAddress(context, transaction, service); !allocated) {
    return allocated;
  }
  auto ports = context.old == nullptr ? FirstPorts(transaction, service)
                                      : ChangedPorts(*context.old, transaction, service);
  if (!ports) return ports;
  return AllocateHealthPort(context.old, transaction, spec);
}

void ReserveService(Core& core, const json::Value& service) {
  // What an earlier run has given out twice stays with both.
  for (const json::Value& address : ArrayAt(service, {"spec", "clusterIPs"})) {
    if (address.is_string()) {
      static_cast<void>(core.addresses.TakeAddress(std::string_view(address.get_string())));
    }
  }
  for (int port : NodePortsOf(service)) static_cast<void>(core.addresses.TakePort(port));
  const auto health = static_cast<int>(IntAt(service, {"spec", kHealthPort}));
  if (health != 0) static_cast<void>(core.addresses.TakePort(health));
}

void ReleaseService(Core& core, const json::Value& service) {
  for (const json::Value& address : ArrayAt(service, {"spec", "clusterIPs"})) {
    if (address.is_string()) core.addresses.ReturnAddress(address.get_string());
  }
  for (int port : NodePortsOf(service)) core.addresses.ReturnPort(port);
  core.addresses.ReturnPort(static_cast<int>(IntAt(service, {"spec", kHealthPort})));
}

namespace {

void KeepAllocated(const json::Value& old, json::Object& spec) {
  const json::Value view = json::Object{{"spec", spec}};
  if (HasAddress(old) && HasAddress(view)) {
    if (StringAt(spec, {"clusterIP"}).empty()) {
      spec["clusterIP"] = StringAt(old, {"spec", "clusterIP"});
    }
    if (ArrayAt(spec, {"clusterIPs"}).empty()) {
      spec["clusterIPs"] = ArrayAt(old, {"spec", "clusterIPs"});
    }
  }
  if (IsGivenPorts(old) && IsGivenPorts(view)) {
    const std::vector<int> before = NodePortsOf(old);
    std::set<int> used;
    for (int port : NodePortsOf(view)) {
      if (Holds(before, port)) used.insert(port);
    }
    std::map<std::string, std::int64_t, std::less<>> by_name;
    for (const json::Value& port : ArrayAt(old, {"spec", "ports"})) {
      by_name[std::string(StringAt(port, {"name"}))] = IntAt(port, {"nodePort"});
    }
    if (json::Array* ports = FindArray(spec, "ports")) {
      for (json::Value& port : *ports) {
        if (!port.is_object() || IntAt(port, {"nodePort"}) != 0) continue;
        const auto known = by_name.find(StringAt(port, {"name"}));
        if (known == by_name.end() || used.contains(static_cast<int>(known->second))) continue;
        SetCount(port.get_object(), "nodePort", known->second);
      }
    }
  }
  if (NeedsHealthPort(old) && NeedsHealthPort(view) && IntAt(view, {"spec", kHealthPort}) == 0) {
    SetCount(spec, kHealthPort, IntAt(old, {"spec", kHealthPort}));
  }
}

void PairAddresses(const json::Value* old, json::Object& spec) {
  const std::string address(StringAt(spec, {"clusterIP"}));
  if (old == nullptr) {
    if (!address.empty() && ArrayAt(spec, {"clusterIPs"}).empty()) {
      spec["clusterIPs"] = json::Array{json::Value(address)};
    }
    return;
  }
  if (address == StringAt(*old, {"spec", "clusterIP"}) ||
      ArrayAt(spec, {"clusterIPs"}) != ArrayAt(*old, {"spec", "clusterIPs"})) {
    return;
  }
  if (address.empty()) {
    spec.erase("clusterIPs");
  } else {
    spec["clusterIPs"] = json::Array{json::Value(address)};
  }
}

// One family is all there is: the cluster is not dual-stack.
Answer<void> SettleFamilies(const WriteContext& context, json::Object& service) {
  json::Object& spec = Child(service, "spec");
  if (StringAt(spec, {"type"}) == "ExternalName") return {};
  const bool free = IsHeadless(spec) && ObjectAt(spec, {"selector"}).empty();
  if (StringAt(spec, {"ipFamilyPolicy"}).empty()) {
    const std::string_view before =
        context.old == nullptr ? "" : StringAt(*context.old, {"spec", "ipFamilyPolicy"});
    spec["ipFamilyPolicy"] = !before.empty() ? before : free ? "RequireDualStack" : "SingleStack";
  }
  FieldErrors errors;
  ValidateServiceAddresses(service, errors);
  if (!errors.empty()) return InvalidService(service, std::move(errors));

  const std::string policy(StringAt(spec, {"ipFamilyPolicy"}));
  json::Array addresses = ArrayAt(spec, {"clusterIPs"});
  json::Array families = ArrayAt(spec, {"ipFamilies"});
  if (policy == "SingleStack") {
    constexpr std::string_view kWhy =
        "must be 'RequireDualStack' or 'PreferDualStack' when multiple {} are specified";
    if (addresses.size() == 2) {
      errors.push_back(Invalid("spec.ipFamilyPolicy", json::Value(policy),
                               fmt::format(fmt::runtime(kWhy), "cluster IPs")));
    }
    if (families.size() == 2) {
      errors.push_back(Invalid("spec.ipFamilyPolicy", json::Value(policy),
                               fmt::format(fmt::runtime(kWhy), "IP families")));
    }
  }
  for (std::size_t i = families.size(); i < addresses.size() && !IsHeadless(spec); ++i) {
    if (internal::IsIpv4Text(addresses[i].get_string())) {
      families.emplace_back("IPv4");
    } else {
      errors.push_back(Invalid(fmt::format("spec.clusterIPs[{}]", i), addresses,
                               "IPv6 is not configured on this cluster"));
    }
  }
  if (!errors.empty()) return InvalidService(service, std::move(errors));

  if (free) {
    if (families.empty()) families.emplace_back("IPv4");
    if (families.size() < 2 && policy != "SingleStack") {
      families.emplace_back(families[0] == "IPv4" ? "IPv6" : "IPv4");
    }
  } else {
    if (policy == "RequireDualStack") {
      errors.push_back(Invalid("spec.ipFamilyPolicy", json::Value(policy),
                               "this cluster is not configured for dual-stack services"));
    }
    for (std::size_t i = 0; i < families.size(); ++i) {
      if (families[i] == "IPv4") continue;
      errors.push_back(Invalid(fmt::format("spec.ipFamilies[{}]", i), families[i],
                               "not configured on this cluster"));
    }
    if (!errors.empty()) return InvalidService(service, std::move(errors));
    if (families.empty()) families.emplace_back("IPv4");
  }
  spec["ipFamilies"] = std::move(families);
  return {};
}

Answer<void> AllocateAddress(const WriteContext& context, AddressTransaction& transaction,
                             json::Object& service) {
  json::Object& spec = Child(service, "spec");
  const bool had = context.old != nullptr && HasAddress(*context.old);
  if (StringAt(spec, {"type"}) == "ExternalName") {
    if (!had) return {};
    for (const json::Value& address : ArrayAt(*context.old, {"spec", "clusterIPs"})) {
      transaction.ReturnAddress(address.get_string());
    }
    return {};
  }
  if (had || IsHeadless(spec)) return {};
  const std::string wanted(StringAt(spec, {"clusterIP"}));
  if (!wanted.empty()) {
    auto taken = transaction.TakeAddress(wanted);
    if (taken) return {};
    return InvalidService(
        service,
        {Invalid("spec.clusterIPs", ArrayAt(spec, {"clusterIPs"}),
                 fmt::format("failed to allocate IP {}: {}", wanted, taken.error().message()))});
  }
  auto taken = transaction.TakeAddress();
  if (!taken) {
    return std::unexpected(InternalErrorStatus(
        fmt::format("failed to allocate a serviceIP for Service \"{}\": {}",
                    StringAt(service, {"metadata", "name"}), taken.error().message())));
  }
  spec["clusterIP"] = *taken;
  spec["clusterIPs"] = json::Array{json::Value(*taken)};
  return {};
}

Answer<int> AnyPort(AddressTransaction& transaction) {
  auto taken = transaction.TakePort();
  if (taken) return *taken;
  return std::unexpected(InternalErrorStatus(
      fmt::format("failed to allocate a nodePort: {}", taken.error().message())));
}

Answer<void> CertainPort(AddressTransaction& transaction, const json::Object& service,
                         std::size_t index, int wanted) {
  auto taken = transaction.TakePort(wanted);
  if (taken) return {};
  return InvalidService(service, {Invalid(fmt::format("spec.ports[{}].nodePort", index),
                                          json::Value(wanted), taken.error().message())});
}

// Ports of the same number (TCP and UDP) share a node port unless they ask for two.
Answer<void> FirstPorts(AddressTransaction& transaction, json::Object& service) {
  const json::Value view = service;
  json::Array* ports = FindArray(Child(service, "spec"), "ports");
  if (ports == nullptr || !MayHavePorts(view)) return {};
  const auto asked_for = [&](std::int64_t number) {
    for (const json::Value& port : *ports) {
      if (IntAt(port, {"port"}) == number && IntAt(port, {"nodePort"}) != 0) {
        return static_cast<int>(IntAt(port, {"nodePort"}));
      }
    }
    return 0;
  };
  std::map<std::int64_t, int> by_number;
  for (std::size_t i = 0; i < ports->size(); ++i) {
    json::Object& port = (*ports)[i].as_object();
    const auto own = static_cast<int>(IntAt((*ports)[i], {"nodePort"}));
    if (own == 0 && !IsGivenPorts(view)) continue;
    const std::int64_t number = IntAt((*ports)[i], {"port"});
    int& shared = by_number[number];
    if (shared == 0) {
      shared = asked_for(number);
      if (shared != 0) {
        if (auto taken = CertainPort(transaction, service, i, shared); !taken) return taken;
      } else {
        auto taken = AnyPort(transaction);
        if (!taken) return std::unexpected(taken.error());
        shared = *taken;
      }
      port["nodePort"] = shared;
    } else if (own == 0) {
      port["nodePort"] = shared;
    } else if (own != shared) {
      if (auto taken = CertainPort(transaction, service, i, own); !taken) return taken;
    }
  }
  return {};
}

Answer<void> ChangedPorts(const json::Value& old, AddressTransaction& transaction,
                          json::Object& service) {
  const json::Value view = service;
  const std::vector<int> before = NodePortsOf(old);
  if (!MayHavePorts(view)) {
    if (MayHavePorts(old)) {
      for (int port : before) transaction.ReturnPort(port);
    }
    return {};
  }
  json::Array* ports = FindArray(Child(service, "spec"), "ports");
  std::set<int> taken;
  std::set<std::pair<std::string, int>> seen;
  for (std::size_t i = 0; ports != nullptr && i < ports->size(); ++i) {
    json::Object& port = (*ports)[i].as_object();
    auto number = static_cast<int>(IntAt((*ports)[i], {"nodePort"}));
    if (number == 0) {
      if (!IsGivenPorts(view)) continue;
      auto given = AnyPort(transaction);
      if (!given) return std::unexpected(given.error());
      number = *given;
      port["nodePort"] = number;
    } else if (!Holds(before, number) && taken.insert(number).second) {
      if (auto given = CertainPort(transaction, service, i, number); !given) return given;
    }
    const std::string protocol(StringAt(port, {"protocol"}));
    if (!seen.emplace(protocol, number).second) {
      return std::unexpected(
          PlainErrorStatus(fmt::format("duplicate nodePort: {{{} {}}}", protocol, number)));
    }
  }
  const std::vector<int> after = NodePortsOf(json::Value(service));
  for (int port : before) {
    if (!Holds(after, port)) transaction.ReturnPort(port);
  }
  return {};
}

Answer<void> AllocateHealthPort(const json::Value* old, AddressTransaction& transaction,
                                json::Object& spec) {
  const bool needed = old != nullptr && NeedsHealthPort(*old);
  const bool needs = NeedsHealthPort(json::Object{{"spec", spec}});
  if (needed && !needs) {
    transaction.ReturnPort(static_cast<int>(IntAt(*old, {"spec", kHealthPort})));
  }
  if (needed || !needs) return {};
  const auto wanted = static_cast<int>(IntAt(json::Value(spec), {kHealthPort}));
  if (wanted != 0) {
    if (auto taken = transaction.TakePort(wanted); !taken) {
      return std::unexpected(InternalErrorStatus(
          fmt::format("failed to allocate requested HealthCheck NodePort {}: {}", wanted,
                      taken.error().message())));
    }
    return {};
  }
  auto taken = transaction.TakePort();
  if (!taken) {
    return std::unexpected(InternalErrorStatus(
        fmt::format("failed to allocate a HealthCheck NodePort 0: {}", taken.error().message())));
  }
  spec[kHealthPort] = *taken;
  return {};
}

}  // namespace
}  // namespace kro::apiserver
