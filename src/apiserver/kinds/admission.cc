#include "apiserver/kinds/admission.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/admission/policy.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

void DefaultMatch(json::Object& match);
void ValidateRules(const json::Value& match, const std::string& at, FieldErrors& errors);
bool IsOneOf(std::string_view word, std::span<const std::string_view> words);

}  // namespace

void DefaultAdmissionPolicy(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "failurePolicy", "Fail");
  if (json::Object* match = FindChild(spec, "matchConstraints")) DefaultMatch(*match);
}

void ValidateAdmissionPolicy(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  static constexpr std::string_view kFailurePolicies[] = {"Fail", "Ignore"};
  const json::Value& spec = *json::Find(object, "spec");
  const std::string_view failure = StringAt(spec, {"failurePolicy"});
  if (!IsOneOf(failure, kFailurePolicies)) {
    errors.push_back(NotSupported("spec.failurePolicy", json::Value(failure), kFailurePolicies));
  }
  if (const json::Value* kind = json::Find(spec, "paramKind")) {
    for (std::string_view key : {"apiVersion", "kind"}) {
      if (StringAt(*kind, {key}).empty()) {
        errors.push_back(Required(fmt::format("spec.paramKind.{}", key)));
      }
    }
  }
  const json::Value* match = json::Find(spec, "matchConstraints");
  if (match == nullptr) {
    errors.push_back(Required("spec.matchConstraints"));
  } else {
    if (ArrayAt(*match, {"resourceRules"}).empty()) {
      errors.push_back(Required("spec.matchConstraints.resourceRules"));
    }
    ValidateRules(*match, "spec.matchConstraints", errors);
  }
  if (ArrayAt(spec, {"validations"}).empty() && ArrayAt(spec, {"auditAnnotations"}).empty()) {
    for (std::string_view key : {"validations", "auditAnnotations"}) {
      errors.push_back(Required(fmt::format("spec.{}", key),
                                "validations or auditAnnotations must contain at least one item"));
    }
  }
  Policy::FindFaults(object, errors);
}

void DefaultAdmissionBinding(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  if (json::Object* match = FindChild(spec, "matchResources")) DefaultMatch(*match);
}

void ValidateAdmissionBinding(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  static constexpr std::string_view kActions[] = {"Audit", "Deny", "Warn"};
  const json::Value& spec = *json::Find(object, "spec");
  if (StringAt(spec, {"policyName"}).empty()) errors.push_back(Required("spec.policyName"));
  if (const json::Value* reference = json::Find(spec, "paramRef")) {
    const bool name = !StringAt(*reference, {"name"}).empty();
    const bool selector = json::Find(*reference, "selector") != nullptr;
    if (name && selector) {
      for (std::string_view key : {"name", "selector"}) {
        errors.push_back(Forbidden(fmt::format("spec.paramRef.{}", key),
                                   "name and selector are mutually exclusive"));
      }
    } else if (!name && !selector) {
      errors.push_back(Required("spec.paramRef", "one of name or selector must be specified"));
    }
    if (StringAt(*reference, {"parameterNotFoundAction"}).empty()) {
      errors.push_back(Required("spec.paramRef.parameterNotFoundAction"));
    }
  }
  if (const json::Value* match = json::Find(spec, "matchResources")) {
    ValidateRules(*match, "spec.matchResources", errors);
  }
  const json::Array& actions = ArrayAt(spec, {"validationActions"});
  if (actions.empty()) {
    errors.push_back(
        Required("spec.validationActions", "at least one validation action is required"));
  }
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const std::string at = fmt::format("spec.validationActions[{}]", i);
    const std::string_view action = actions[i].is_string() ? actions[i].get_string() : "";
    if (!IsOneOf(action, kActions)) errors.push_back(NotSupported(at, actions[i], kActions));
    if (std::find(actions.begin(), actions.begin() + static_cast<std::ptrdiff_t>(i), actions[i]) !=
        actions.begin() + static_cast<std::ptrdiff_t>(i)) {
      errors.push_back(Duplicate(at, actions[i]));
    }
  }
  const auto has = [&](std::string_view word) {
    return std::ranges::find(actions, json::Value(word)) != actions.end();
  };
  if (has("Deny") && has("Warn")) {
    errors.push_back(Invalid(
        "spec.validationActions", actions,
        "must not contain both Deny and Warn (repeating the same validation failure information in "
        "the API response and headers serves no purpose)"));
  }
}

namespace {

void DefaultMatch(json::Object& match) {
  SetDefault(match, "namespaceSelector", json::Object());
  SetDefault(match, "objectSelector", json::Object());
  SetDefault(match, "matchPolicy", "Equivalent");
  for (std::string_view key : {"resourceRules", "excludeResourceRules"}) {
    json::Array* rules = FindArray(match, key);
    if (rules == nullptr) continue;
    for (json::Value& rule : *rules) {
      if (json::Object* object = rule.if_object()) SetDefault(*object, "scope", "*");
    }
  }
}

void ValidateRules(const json::Value& match, const std::string& at, FieldErrors& errors) {
  static constexpr std::string_view kOperations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"};
  for (std::string_view list : {"resourceRules", "excludeResourceRules"}) {
    std::size_t i = 0;
    for (const json::Value& rule : ArrayAt(match, {list})) {
      const std::string here = fmt::format("{}.{}[{}]", at, list, i++);
      std::size_t o = 0;
      for (const json::Value& operation : ArrayAt(rule, {"operations"})) {
        const std::string_view word = operation.is_string() ? operation.get_string() : "";
        if (!IsOneOf(word, kOperations)) {
          errors.push_back(
              NotSupported(fmt::format("{}.operations[{}]", here, o), operation, kOperations));
        }
        ++o;
      }
      for (std::string_view key : {"operations", "apiGroups", "apiVersions", "resources"}) {
        if (ArrayAt(rule, {key}).empty())
          errors.push_back(Required(fmt::format("{}.{}", here, key)));
      }
    }
  }
}

bool IsOneOf(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace
}  // namespace kro::apiserver
