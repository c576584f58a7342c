#include "apiserver/kinds/rbac.h"

#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

}  // namespace

void DefaultRole(json::Object& object) {
  if (!object.contains("rules")) object["rules"] = nullptr;
}

void DefaultRoleBinding(json::Object& object) {
  if (json::Object* role = FindChild(object, "roleRef")) SetDefault(*role, "apiGroup", json::Value(kGroup));
  json::Array* subjects = FindArray(object, "subjects");
  if (subjects == nullptr) return;
  for (json::Value& subject : *subjects) {
    std::string_view kind = StringAt(subject, {"kind"});
    if (subject.is_object() && (kind == "User" || kind == "Group")) {
      SetDefault(subject.get_object(), "apiGroup", json::Value(kGroup));
    }
  }
}

void ValidateRoleBinding(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors) {
  if (StringAt(object, {"roleRef", "name"}).empty()) errors.push_back(Required("roleRef.name"));
  if (context.old != nullptr && ObjectAt(*context.old, {"roleRef"}) != ObjectAt(object, {"roleRef"})) {
    // Shown with the names of Go's fields.
    json::Object shown;
    shown["APIGroup"] = StringAt(object, {"roleRef", "apiGroup"});
    shown["Kind"] = StringAt(object, {"roleRef", "kind"});
    shown["Name"] = StringAt(object, {"roleRef", "name"});
    errors.push_back(Invalid("roleRef", shown, "cannot change roleRef"));
  }
}

}  // namespace kro::apiserver
