#include "support/kstatus.h"

namespace kro::test_support {
namespace {

// "True", "False", "Unknown", or nothing.
std::string_view StatusOf(const json::Value& object, std::string_view type) {
  const json::Value* conditions = json::Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return {};
  for (const json::Value& condition : conditions->get_array()) {
    if (json::FindString(condition, {"type"}) == type) {
      return json::FindString(condition, {"status"});
    }
  }
  return {};
}

}  // namespace

std::string_view Kstatus(const json::Value& object) {
  if (json::Find(object, {"metadata", "deletionTimestamp"}) != nullptr) return "Terminating";
  const json::Value* observed = json::Find(object, {"status", "observedGeneration"});
  const json::Value* generation = json::Find(object, {"metadata", "generation"});
  if (observed != nullptr && generation != nullptr && *observed != *generation) return "InProgress";
  if (StatusOf(object, "Reconciling") == "True") return "InProgress";
  if (StatusOf(object, "Stalled") == "True") return "Failed";
  const std::string_view ready = StatusOf(object, "Ready");
  return ready == "False" || ready == "Unknown" ? "InProgress" : "Current";
}

}  // namespace kro::test_support
