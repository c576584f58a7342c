#include "runtime/live_object.h"

namespace kro::runtime {

std::string_view NameOf(const json::Value& object) {
  return json::FindString(object, {"metadata", "name"});
}

std::string_view NamespaceOf(const json::Value& object) {
  return json::FindString(object, {"metadata", "namespace"});
}

std::string_view UidOf(const json::Value& object) {
  return json::FindString(object, {"metadata", "uid"});
}

std::string_view LabelOf(const json::Value& object, std::string_view key) {
  return json::FindString(object, {"metadata", "labels", key});
}

std::string_view AnnotationOf(const json::Value& object, std::string_view key) {
  return json::FindString(object, {"metadata", "annotations", key});
}

bool IsTerminating(const json::Value& object) {
  const json::Value* deleted = json::Find(object, {"metadata", "deletionTimestamp"});
  return deleted != nullptr && !deleted->is_null();
}

}  // namespace kro::runtime
