#include "apiserver/admission/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apiserver/admission/authorizer_library.h"
#include "apiserver/admission/policy.h"
#include "apiserver/internal/authentication.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/label_query.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/status.h"
#include "apiserver/kinds/values.h"
#include "cel/cel.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
constexpr std::int64_t kStepBudget = 10'000'000;

struct Binding {
  std::string name;
  json::Value spec;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

const User& ServerUser();
bool Matches(Core& core, const json::Value& match, const AdmissionRequest& request);
bool MatchesRule(Core& core, const json::Value& rule, const AdmissionRequest& request,
                 std::string_view match_policy);
bool MatchesSelectors(Core& core, const json::Value& match, const AdmissionRequest& request);
bool Has(const json::Value& rule, std::string_view key, std::string_view word);
Labels LabelsOf(const json::Value& object);
json::Value RequestValue(const AdmissionRequest& request, const User& user);
json::Value ResourceValue(const Resource& resource);
json::Value KindValue(const Resource& resource);
// What the binding's paramRef names; `problem` if it names nothing and that is refused.
std::vector<json::Value> FindParams(Core& core, const Policy& policy, const Binding& binding,
                                    const AdmissionRequest& request, std::string& problem);
kube::Status Refusal(const AdmissionRequest& request, const Policy& policy, const Binding& binding,
                     const Policy::Outcome& outcome);

}  // namespace

// Policies that are bound, by name.
struct Admission::State {
  struct Bound {
    Policy policy;
    std::vector<Binding> bindings;
  };
  std::vector<Bound> policies;
};

Admission::Admission(Core& core) : core_(core) {
  core.store.OnChange([this](Collection& collection, const Change&) {
    if (collection.group() == kGroup) state_ = nullptr;
  });
}

Admission::~Admission() = default;

Answer<void> Admission::Check(const AdmissionRequest& request,
                              std::vector<std::string>& warnings) const {
  const State& state = this->state();
  // Policies cannot lock themselves.
  if (state.policies.empty() || request.resource.group == kGroup) return {};
  const User& user = request.user == nullptr ? ServerUser() : *request.user;
  cel::Arena arena;
  std::optional<json::Value> request_value;
  std::optional<json::Value> home;
  std::optional<kube::Status> refusal;
  for (const State::Bound& bound : state.policies) {
    const json::Value* match = json::Find(bound.policy.spec(), "matchConstraints");
    if (match == nullptr || !Matches(core_, *match, request)) continue;
    for (const Binding& binding : bound.bindings) {
      const json::Value* narrower = json::Find(binding.spec, "matchResources");
      if (narrower != nullptr && !Matches(core_, *narrower, request)) continue;
      if (!request_value) {
        request_value = RequestValue(request, user);
        StoredPtr found = core_.store.Of("", "namespaces").Find("", request.name_space);
        if (found != nullptr) home = ToValue(*found, "v1", "Namespace");
      }
      std::string problem;
      const std::vector<json::Value> params =
          FindParams(core_, bound.policy, binding, request, problem);
      const auto conclude = [&](const Policy::Outcome& outcome) {
        for (const json::Value& action : ArrayAt(binding.spec, {"validationActions"})) {
          if (action == "Deny" && !refusal) {
            refusal = Refusal(request, bound.policy, binding, outcome);
          }
          if (action == "Warn") {
            warnings.push_back(fmt::format(
                "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {}",
                bound.policy.name(), binding.name, outcome.message));
          }
        }
      };
      if (!problem.empty()) {
        if (!bound.policy.ignores_failures()) {
          conclude({Policy::Verdict::kRefuses, "failed to configure binding: " + problem, ""});
        }
        continue;
      }
      for (const json::Value& param : params) {
        arena.Reset();
        cel::Context context(arena, kStepBudget);
        const auto value = [&](const json::Value* json) {
          return json == nullptr ? cel::Value::Null() : cel::FromJson(context, *json);
        };
        const AccessAttributes attributes{.group = request.resource.group,
                                          .version = request.resource.version,
                                          .resource = request.resource.name,
                                          .subresource = request.subresource,
                                          .name_space = request.name_space,
                                          .name = request.name};
        const cel::Binding bindings[] = {
            {"object", value(request.object)},
            {"oldObject", value(request.old_object)},
            {"request", value(&*request_value)},
            {"params", value(&param)},
            {"namespaceObject", value(home ? &*home : nullptr)},
            {"authorizer", MakeAuthorizer(context, core_.authorizer, user)},
            {"authorizer.requestResource",
             MakeResourceCheck(context, core_.authorizer, user, attributes)}};
        const Policy::Outcome outcome = bound.policy.Evaluate(context, bindings);
        if (outcome.verdict == Policy::Verdict::kRefuses) conclude(outcome);
      }
    }
  }
  if (refusal) return std::unexpected(*std::move(refusal));
  return {};
}

const Admission::State& Admission::state() const {
  if (state_ != nullptr) return *state_;
  auto state = std::make_unique<State>();
  std::map<std::string, std::vector<Binding>> bindings;
  for (const auto& [key, object] :
       core_.store.Of(kGroup, "validatingadmissionpolicybindings").objects()) {
    const json::Value value = ToValue(*object, "", "");
    const json::Value* spec = json::Find(value, "spec");
    if (spec == nullptr) continue;
    bindings[std::string(StringAt(*spec, {"policyName"}))].push_back({object->name, *spec});
  }
  for (auto& [name, list] : bindings) {
    StoredPtr policy = core_.store.Of(kGroup, "validatingadmissionpolicies").Find("", name);
    if (policy == nullptr) continue;
    state->policies.push_back({Policy(ToValue(*policy, "", "")), std::move(list)});
  }
  state_ = std::move(state);
  return *state_;
}

namespace {

const User& ServerUser() {
  static const User& user = *new User{.name = "system:kube-controller-manager",
                                      .groups = {"system:masters", "system:authenticated"}};
  return user;
}

bool Matches(Core& core, const json::Value& match, const AdmissionRequest& request) {
  const std::string_view policy = StringAt(match, {"matchPolicy"});
  const auto fits = [&](const json::Value& rule) {
    return MatchesRule(core, rule, request, policy);
  };
  const json::Array& rules = ArrayAt(match, {"resourceRules"});
  // A binding without rules narrows by selectors alone.
  if (!rules.empty() && std::ranges::none_of(rules, fits)) return false;
  if (std::ranges::any_of(ArrayAt(match, {"excludeResourceRules"}), fits)) return false;
  return MatchesSelectors(core, match, request);
}

bool MatchesRule(Core& core, const json::Value& rule, const AdmissionRequest& request,
                 std::string_view match_policy) {
  const Resource& resource = request.resource;
  if (!Has(rule, "operations", request.operation) || !Has(rule, "apiGroups", resource.group)) {
    return false;
  }
  bool version = Has(rule, "apiVersions", resource.version);
  if (!version && match_policy != "Exact") {
    // The same object in another version counts.
    for (const json::Value& other : ArrayAt(rule, {"apiVersions"})) {
      version = version ||
                (other.is_string() &&
                 core.registry.Find(resource.group, other.get_string(), resource.name) != nullptr);
    }
  }
  if (!version) return false;
  const std::string_view scope = StringAt(rule, {"scope"});
  if (scope == "Namespaced" && !resource.namespaced()) return false;
  if (scope == "Cluster" && resource.namespaced()) return false;
  const json::Array& names = ArrayAt(rule, {"resourceNames"});
  if (!names.empty() && !Has(rule, "resourceNames", request.name)) return false;
  return std::ranges::any_of(ArrayAt(rule, {"resources"}), [&](const json::Value& item) {
    if (!item.is_string()) return false;
    const std::string_view word = item.get_string();
    const std::string_view wanted = word.substr(0, word.find('/'));
    const std::string_view part =
        wanted.size() == word.size() ? std::string_view() : word.substr(wanted.size() + 1);
    if (wanted != "*" && wanted != resource.name) return false;
    return part == request.subresource || part == "*";
  });
}

bool MatchesSelectors(Core& core, const json::Value& match, const AdmissionRequest& request) {
  if (const json::Value* selector = json::Find(match, "objectSelector")) {
    const LabelQuery query = LabelQuery::OfSelector(*selector);
    const auto fits = [&](const json::Value* object) {
      return object != nullptr && query.Matches(LabelsOf(*object));
    };
    if (!query.MatchesAll() && !fits(request.object) && !fits(request.old_object)) return false;
  }
  const json::Value* selector = json::Find(match, "namespaceSelector");
  if (selector == nullptr) return true;
  const LabelQuery query = LabelQuery::OfSelector(*selector);
  if (query.MatchesAll()) return true;
  if (request.resource.group.empty() && request.resource.name == "namespaces") {
    const json::Value* object = request.object != nullptr ? request.object : request.old_object;
    return object != nullptr && query.Matches(LabelsOf(*object));
  }
  if (request.name_space.empty()) return true;
  StoredPtr home = core.store.Of("", "namespaces").Find("", request.name_space);
  return home != nullptr && query.Matches(home->labels);
}

bool Has(const json::Value& rule, std::string_view key, std::string_view word) {
  return std::ranges::any_of(ArrayAt(rule, {key}), [&](const json::Value& item) {
    return item.is_string() && (item.get_string() == "*" || item.get_string() == word);
  });
}

Labels LabelsOf(const json::Value& object) {
  Labels labels;
  for (const auto& [key, value] : ObjectAt(object, {"metadata", "labels"})) {
    if (value.is_string()) labels.emplace_back(key, value.get_string());
  }
  return labels;
}

json::Value RequestValue(const AdmissionRequest& request, const User& user) {
  json::Object object;
  object["kind"] = KindValue(request.resource);
  object["requestKind"] = KindValue(request.resource);
  object["resource"] = ResourceValue(request.resource);
  object["requestResource"] = ResourceValue(request.resource);
  if (!request.subresource.empty()) {
    object["subResource"] = request.subresource;
    object["requestSubResource"] = request.subresource;
  }
  if (!request.name.empty()) object["name"] = request.name;
  if (!request.name_space.empty()) object["namespace"] = request.name_space;
  object["operation"] = request.operation;
  object["userInfo"] = ToJson(user);
  object["dryRun"] = request.dry_run;
  return object;
}

json::Value ResourceValue(const Resource& resource) {
  return json::Object{
      {"group", resource.group}, {"version", resource.version}, {"resource", resource.name}};
}

json::Value KindValue(const Resource& resource) {
  return json::Object{
      {"group", resource.group}, {"version", resource.version}, {"kind", resource.kind}};
}

std::vector<json::Value> FindParams(Core& core, const Policy& policy, const Binding& binding,
                                    const AdmissionRequest& request, std::string& problem) {
  const json::Value* reference = json::Find(binding.spec, "paramRef");
  const json::Value* kind = json::Find(policy.spec(), "paramKind");
  if (reference == nullptr || kind == nullptr) return {json::Value()};
  auto version = api::GroupVersion::Parse(StringAt(*kind, {"apiVersion"}));
  ResourcePtr resource =
      version ? core.registry.FindKind(version->group, version->version, StringAt(*kind, {"kind"}))
              : nullptr;
  if (resource == nullptr) {
    problem = fmt::format("failed to find resource referenced by paramKind: '{}'",
                          api::Gvk{version ? version->group : "", version ? version->version : "",
                                   std::string(StringAt(*kind, {"kind"}))}
                              .ToString());
    return {};
  }
  std::string_view home = StringAt(*reference, {"namespace"});
  if (home.empty() && resource->namespaced()) home = request.name_space;
  std::vector<json::Value> params;
  const std::string_view name = StringAt(*reference, {"name"});
  std::optional<LabelQuery> query;
  if (const json::Value* selector = json::Find(*reference, "selector")) {
    query = LabelQuery::OfSelector(*selector);
  }
  for (const auto& [key, object] : core.CollectionOf(*resource).objects()) {
    if (resource->namespaced() && object->name_space != home) continue;
    if (name.empty() ? !(query && query->Matches(object->labels)) : object->name != name) continue;
    params.push_back(ObjectValue(*resource, *object));
  }
  if (params.empty()) {
    if (StringAt(*reference, {"parameterNotFoundAction"}) == "Deny") {
      problem = "no params found for policy binding with `Deny` parameterNotFoundAction";
    }
  }
  return params;
}

kube::Status Refusal(const AdmissionRequest& request, const Policy& policy, const Binding& binding,
                     const Policy::Outcome& outcome) {
  const std::string message =
      fmt::format("ValidatingAdmissionPolicy '{}' with binding '{}' denied request: {}",
                  policy.name(), binding.name, outcome.message);
  kube::Status status = ForbiddenStatus(
      SubjectOf(request.resource, request.name.empty() ? "Unknown" : request.name), message);
  status.reason = outcome.reason.empty() ? "Invalid" : outcome.reason;
  status.code = status.reason == "Invalid" ? 422 : status.reason == "Forbidden" ? 403 : 413;
  status.causes.push_back({"", message, ""});
  return status;
}

}  // namespace
}  // namespace kro::apiserver
