#include "apiserver/internal/authorizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "apiserver/kinds/values.h"
#include "base/go_quote.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

}  // namespace

struct Authorizer::Subject {
  std::string kind;
  std::string name;
  std::string name_space;  // of a service account

  bool Is(const User& user) const {
    if (kind == "User") return name == user.name;
    if (kind == "Group") return user.IsIn(name);
    return fmt::format("system:serviceaccount:{}:{}", name_space, name) == user.name;
  }
  std::string Shown() const {
    return kind == "ServiceAccount" ? fmt::format("{} {}", kind, GoQuote(name + "/" + name_space))
                                    : fmt::format("{} {}", kind, GoQuote(name));
  }
};

struct Authorizer::Binding {
  std::string name;
  std::string name_space;  // empty: it holds everywhere
  std::string role_kind;
  std::string role_name;
  std::vector<Subject> subjects;

  std::string Shown() const {
    return name_space.empty() ? "ClusterRoleBinding " + GoQuote(name)
                              : "RoleBinding " + GoQuote(name + "/" + name_space);
  }
};

// What the store says, read.
struct Authorizer::Policy {
  std::vector<Binding> everywhere;
  std::map<std::string, std::vector<Binding>, std::less<>> by_namespace;
  // By namespace and name; those of ClusterRoles with an empty namespace.
  std::map<std::pair<std::string, std::string>, std::vector<PolicyRule>> roles;
};

namespace {

json::Value Read(const StoredObject& object) {
  return ToValue(object, "rbac.authorization.k8s.io/v1", "");
}

}  // namespace

Authorizer::Authorizer(Store& store) : store_(store) {
  store.OnChange([this](Collection& collection, const Change&) {
    if (collection.group() == kGroup) policy_ = nullptr;
  });
}

Authorizer::~Authorizer() = default;

Authorizer::Decision Authorizer::Decide(const User& user,
                                        const AccessAttributes& attributes) const {
  if (user.IsMaster()) return {true, ""};
  Decision decision;
  std::vector<std::string> faults;
  ForRules(
      user, attributes.name_space,
      [&](const PolicyRule& rule, const Binding& binding, const Subject& subject) {
        if (!Allows(rule, attributes)) return true;
        decision = {true,
                    fmt::format("RBAC: allowed by {} of {} {} to {}", binding.Shown(),
                                binding.role_kind, GoQuote(binding.role_name), subject.Shown())};
        return false;
      },
      faults);
  if (!decision.allowed && !faults.empty()) {
    decision.reason = faults.size() == 1 ? "RBAC: " + faults.front()
                                         : fmt::format("RBAC: [{}]", fmt::join(faults, ", "));
  }
  return decision;
}

Answer<void> Authorizer::Check(const User& user, const AccessAttributes& attributes) const {
  const Decision decision = Decide(user, attributes);
  if (decision.allowed) return {};
  std::string why = WhyForbidden(user, attributes);
  if (!decision.reason.empty()) why += ": " + decision.reason;
  return std::unexpected(
      ForbiddenStatus({attributes.group, attributes.resource, attributes.name}, why));
}

std::vector<PolicyRule> Authorizer::RulesFor(const User& user, std::string_view name_space) const {
  std::vector<PolicyRule> rules;
  std::vector<std::string> faults;
  ForRules(
      user, name_space,
      [&](const PolicyRule& rule, const Binding&, const Subject&) {
        rules.push_back(rule);
        return true;
      },
      faults);
  return rules;
}

std::optional<std::vector<PolicyRule>> Authorizer::RulesOfRole(std::string_view kind,
                                                               std::string_view name,
                                                               std::string_view name_space) const {
  const auto& roles = policy().roles;
  const std::string_view home = kind == "ClusterRole" ? std::string_view() : name_space;
  auto found = roles.find({std::string(home), std::string(name)});
  if (found == roles.end()) return std::nullopt;
  return found->second;
}

void Authorizer::ForRules(const User& user, std::string_view name_space, const Visit& visit,
                          std::vector<std::string>& faults) const {
  const Policy& policy = this->policy();
  const auto walk = [&](const std::vector<Binding>& bindings) {
    for (const Binding& binding : bindings) {
      const auto subject = std::ranges::find_if(
          binding.subjects, [&](const Subject& candidate) { return candidate.Is(user); });
      if (subject == binding.subjects.end()) continue;
      const bool of_cluster = binding.role_kind == "ClusterRole";
      auto role = policy.roles.find({of_cluster ? "" : binding.name_space, binding.role_name});
      if (role == policy.roles.end()) {
        faults.push_back(fmt::format("{}.{} {} not found", of_cluster ? "clusterrole" : "role",
                                     kGroup, GoQuote(binding.role_name)));
        continue;
      }
      for (const PolicyRule& rule : role->second) {
        if (!visit(rule, binding, *subject)) return false;
      }
    }
    return true;
  };
  if (!walk(policy.everywhere)) return;
  if (name_space.empty()) return;
  if (auto local = policy.by_namespace.find(name_space); local != policy.by_namespace.end()) {
    walk(local->second);
  }
}

const Authorizer::Policy& Authorizer::policy() const {
  if (policy_ != nullptr) return *policy_;
  auto read = std::make_unique<Policy>();
  for (std::string_view resource : {"clusterroles", "roles"}) {
    for (const auto& [key, object] : store_.Of(kGroup, resource).objects()) {
      read->roles[{object->name_space, object->name}] = ReadRules(Read(*object));
    }
  }
  for (std::string_view resource : {"clusterrolebindings", "rolebindings"}) {
    for (const auto& [key, object] : store_.Of(kGroup, resource).objects()) {
      const json::Value value = Read(*object);
      Binding binding{.name = object->name,
                      .name_space = object->name_space,
                      .role_kind = std::string(json::FindString(value, {"roleRef", "kind"})),
                      .role_name = std::string(json::FindString(value, {"roleRef", "name"}))};
      for (const json::Value& subject : ArrayAt(value, {"subjects"})) {
        const std::string_view home = json::FindString(subject, {"namespace"});
        binding.subjects.push_back({std::string(json::FindString(subject, {"kind"})),
                                    std::string(json::FindString(subject, {"name"})),
                                    home.empty() ? object->name_space : std::string(home)});
      }
      auto& list =
          object->name_space.empty() ? read->everywhere : read->by_namespace[object->name_space];
      list.push_back(std::move(binding));
    }
  }
  policy_ = std::move(read);
  return *policy_;
}

std::string WhyForbidden(const User& user, const AccessAttributes& attributes) {
  if (!attributes.IsResource()) {
    return fmt::format("User {} cannot {} path {}", GoQuote(user.name), attributes.verb,
                       GoQuote(attributes.path));
  }
  std::string resource(attributes.resource);
  if (!attributes.subresource.empty()) resource += fmt::format("/{}", attributes.subresource);
  return fmt::format("User {} cannot {} resource {} in API group {} {}", GoQuote(user.name),
                     attributes.verb, GoQuote(resource), GoQuote(attributes.group),
                     attributes.name_space.empty()
                         ? std::string("at the cluster scope")
                         : fmt::format("in the namespace {}", GoQuote(attributes.name_space)));
}

}  // namespace kro::apiserver
