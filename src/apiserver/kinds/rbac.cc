#include "apiserver/kinds/rbac.h"

#include <fmt/format.h>

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

void ValidateSubject(const json::Value& subject, const std::string& at, bool local,
                     FieldErrors& errors);

}  // namespace

void DefaultRole(json::Object& object) { SetDefault(object, "rules", nullptr); }

void PrepareRole(const WriteContext&, json::Object& object) { SetNullIfEmpty(object, "rules"); }

void DefaultRoleBinding(json::Object& object) {
  if (json::Object* role = FindChild(object, "roleRef"))
    SetDefault(*role, "apiGroup", json::Value(kGroup));
  json::Array* subjects = FindArray(object, "subjects");
  if (subjects == nullptr) return;
  for (json::Value& subject : *subjects) {
    std::string_view kind = StringAt(subject, {"kind"});
    if (subject.is_object() && (kind == "User" || kind == "Group")) {
      SetDefault(subject.get_object(), "apiGroup", json::Value(kGroup));
    }
  }
}

void ValidateRole(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  const json::Array& rules = ArrayAt(object, {"rules"});
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const json::Value& rule = rules[i];
    const std::string at = fmt::format("rules[{}]", i);
    const auto count = [&](std::string_view key) { return ArrayAt(rule, {key}).size(); };
    if (count("verbs") == 0) {
      errors.push_back(Required(at + ".verbs", "verbs must contain at least one value"));
    }
    if (count("nonResourceURLs") > 0) {
      const json::Value& urls = *json::Find(rule, "nonResourceURLs");
      if (context.resource.namespaced()) {
        errors.push_back(Invalid(at + ".nonResourceURLs", urls,
                                 "namespaced rules cannot apply to non-resource URLs"));
      }
      if (count("apiGroups") + count("resources") + count("resourceNames") > 0) {
        errors.push_back(
            Invalid(at + ".nonResourceURLs", urls,
                    "rules cannot apply to both regular resources and non-resource URLs"));
      }
      continue;
    }
    if (count("apiGroups") == 0) {
      errors.push_back(
          Required(at + ".apiGroups", "resource rules must supply at least one api group"));
    }
    if (count("resources") == 0) {
      errors.push_back(
          Required(at + ".resources", "resource rules must supply at least one resource"));
    }
  }
}

void ValidateRoleBinding(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors) {
  static constexpr std::string_view kGroups[] = {kGroup};
  static constexpr std::string_view kOfCluster[] = {"ClusterRole"};
  static constexpr std::string_view kOfNamespace[] = {"Role", "ClusterRole"};
  const std::string_view group = StringAt(object, {"roleRef", "apiGroup"});
  if (group != kGroup) {
    errors.push_back(NotSupported("roleRef.apiGroup", json::Value(group), kGroups));
  }
  const std::string_view kind = StringAt(object, {"roleRef", "kind"});
  const bool local = context.resource.namespaced();
  if (kind != "ClusterRole" && (kind != "Role" || !local)) {
    errors.push_back(NotSupported("roleRef.kind", json::Value(kind),
                                  local ? std::span<const std::string_view>(kOfNamespace)
                                        : std::span<const std::string_view>(kOfCluster)));
  }
  if (StringAt(object, {"roleRef", "name"}).empty()) errors.push_back(Required("roleRef.name"));
  const json::Array& subjects = ArrayAt(object, {"subjects"});
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    ValidateSubject(subjects[i], fmt::format("subjects[{}]", i), local, errors);
  }
  if (context.old != nullptr &&
      ObjectAt(*context.old, {"roleRef"}) != ObjectAt(object, {"roleRef"})) {
    // Shown with the names of Go's fields.
    json::Object shown;
    shown["APIGroup"] = StringAt(object, {"roleRef", "apiGroup"});
    shown["Kind"] = StringAt(object, {"roleRef", "kind"});
    shown["Name"] = StringAt(object, {"roleRef", "name"});
    errors.push_back(Invalid("roleRef", shown, "cannot change roleRef"));
  }
}

namespace {

void ValidateSubject(const json::Value& subject, const std::string& at, bool local,
                     FieldErrors& errors) {
  static constexpr std::string_view kKinds[] = {"ServiceAccount", "User", "Group"};
  static constexpr std::string_view kNoGroup[] = {""};
  static constexpr std::string_view kGroups[] = {kGroup};
  const std::string_view kind = StringAt(subject, {"kind"});
  const std::string_view name = StringAt(subject, {"name"});
  const std::string_view group = StringAt(subject, {"apiGroup"});
  if (name.empty()) errors.push_back(Required(at + ".name"));
  if (kind == "ServiceAccount") {
    if (!name.empty()) {
      for (const std::string& complaint : CheckDns1123Subdomain(name)) {
        errors.push_back(Invalid(at + ".name", json::Value(name), complaint));
      }
    }
    if (!group.empty()) {
      errors.push_back(NotSupported(at + ".apiGroup", json::Value(group), kNoGroup));
    }
    if (!local && StringAt(subject, {"namespace"}).empty()) {
      errors.push_back(Required(at + ".namespace"));
    }
  } else if (kind == "User" || kind == "Group") {
    if (group != kGroup) {
      errors.push_back(NotSupported(at + ".apiGroup", json::Value(group), kGroups));
    }
  } else {
    errors.push_back(NotSupported(at + ".kind", json::Value(kind), kKinds));
  }
}

}  // namespace
}  // namespace kro::apiserver
