#include "apiserver/kinds/network.h"

#include <fmt/format.h>

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

void ValidateBackend(const json::Value& backend, const std::string& at, FieldErrors& errors);

}  // namespace

void PrepareIngress(const WriteContext& context, json::Object& object) {
  if (context.old == nullptr) Child(object, {"status", "loadBalancer"});
}

void ValidateIngress(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  const json::Array& rules = ArrayAt(object, {"spec", "rules"});
  if (rules.empty() && json::Find(object, {"spec", "defaultBackend"}) == nullptr) {
    const json::Value* given = json::Find(object, {"spec", "rules"});
    errors.push_back(Invalid("spec", given == nullptr ? json::Value() : *given,
                             "either `defaultBackend` or `rules` must be specified"));
  }
  if (const json::Value* backend = json::Find(object, {"spec", "defaultBackend"})) {
    ValidateBackend(*backend, "spec.defaultBackend", errors);
  }
  for (std::size_t r = 0; r < rules.size(); ++r) {
    const json::Array& paths = ArrayAt(rules[r], {"http", "paths"});
    for (std::size_t p = 0; p < paths.size(); ++p) {
      if (StringAt(paths[p], {"pathType"}).empty()) {
        errors.push_back(Required(fmt::format("spec.rules[{}].http.paths[{}].pathType", r, p),
                                  "pathType must be specified"));
      }
      if (const json::Value* backend = json::Find(paths[p], "backend")) {
        ValidateBackend(*backend, fmt::format("spec.rules[{}].http.paths[{}].backend", r, p),
                        errors);
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

void DefaultEndpointSlice(json::Object& object) {
  SetDefault(object, "endpoints", nullptr);
  SetDefault(object, "ports", nullptr);
}

void PrepareEndpointSlice(const WriteContext&, json::Object& object) {
  SetNullIfEmpty(object, "endpoints");
  SetNullIfEmpty(object, "ports");
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

void ValidateBackend(const json::Value& backend, const std::string& at, FieldErrors& errors) {
  const json::Value* service = json::Find(backend, "service");
  if (service == nullptr) return;
  if (StringAt(*service, {"name"}).empty()) errors.push_back(Required(at + ".service.name"));
  const bool named = !StringAt(*service, {"port", "name"}).empty();
  const bool numbered = IntAt(*service, {"port", "number"}) != 0;
  if (named && numbered) {
    errors.push_back(Invalid(at, "", "cannot set both port name & port number"));
  } else if (!named && !numbered) {
    errors.push_back(Required(at, "port name or number is required"));
  }
}

}  // namespace
}  // namespace kro::apiserver
