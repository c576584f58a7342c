#include "apiserver/kinds/namespace.h"

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {

// Every namespace can be selected by its name.
void DefaultNamespace(json::Object& object) {
  json::Object& metadata = Child(object, "metadata");
  const json::Value* name = metadata.if_contains("name");
  if (name == nullptr || !name->is_string() || name->get_string().empty()) return;
  Child(metadata, "labels")["kubernetes.io/metadata.name"] = *name;
}

void PrepareNamespace(const WriteContext& context, json::Object& object) {
  if (context.old == nullptr) {
    DefaultNamespace(object);
    Child(object, "spec")["finalizers"] = json::Array{"kubernetes"};
    Child(object, "status")["phase"] = "Active";
    return;
  }
  // Only the finalize endpoint changes who holds a namespace.
  if (context.endpoint == Endpoint::kMain) {
    object["spec"] = ObjectAt(*context.old, {"spec"});
  }
}

}  // namespace kro::apiserver
