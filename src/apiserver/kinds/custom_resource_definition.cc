#include "apiserver/kinds/custom_resource_definition.h"

#include <algorithm>

#include "apiserver/crd_validation.h"
#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

std::string_view StorageVersion(const json::Value& definition);

}  // namespace

void DefaultDefinition(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  json::Object& names = Child(spec, "names");
  std::string kind(StringAt(names, {"kind"}));
  if (!kind.empty()) {
    std::string lower = kind;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    if (StringAt(names, {"singular"}).empty()) names["singular"] = lower;
    if (StringAt(names, {"listKind"}).empty()) names["listKind"] = kind + "List";
  }
  SetDefault(Child(spec, "conversion"), "strategy", "None");
}

void PrepareDefinition(const WriteContext& context, json::Object& object) {
  if (context.endpoint != Endpoint::kMain) return;
  std::string storage(StorageVersion(object));
  json::Object& status = Child(object, "status");
  if (context.old == nullptr) {
    status["conditions"] = nullptr;
    json::Object accepted;
    accepted["plural"] = "";
    accepted["kind"] = "";
    status["acceptedNames"] = std::move(accepted);
    status["storedVersions"] = json::Array{json::Value(storage)};
    return;
  }
  json::Value& stored = status["storedVersions"];
  if (!stored.is_array()) stored.emplace_array();
  json::Array& versions = stored.get_array();
  if (std::ranges::find(versions, json::Value(storage)) == versions.end()) {
    versions.emplace_back(storage);
  }
}

void ValidateDefinition(const WriteContext& context, const json::Value& object,
                        FieldErrors& errors) {
  if (context.old != nullptr && ObjectAt(*context.old, {"spec"}) == ObjectAt(object, {"spec"}) &&
      ArrayAt(*context.old, {"status", "storedVersions"}) ==
          ArrayAt(object, {"status", "storedVersions"})) {
    return;
  }
  CrdVerdict verdict = ValidateCrd(object, context.old);
  errors.insert(errors.end(), verdict.errors.begin(), verdict.errors.end());
  if (context.warnings != nullptr) {
    context.warnings->insert(context.warnings->end(), verdict.warnings.begin(),
                             verdict.warnings.end());
  }
}

namespace {

std::string_view StorageVersion(const json::Value& definition) {
  for (const json::Value& version : ArrayAt(definition, {"spec", "versions"})) {
    if (BoolAt(version, {"storage"})) return StringAt(version, {"name"});
  }
  return {};
}

}  // namespace
}  // namespace kro::apiserver
