#include "runtime/status.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "api/constants.h"

namespace kro::runtime {
namespace {

using api::ConditionStatus;

api::ConditionOwner OwnerOf(const json::Value& instance);
std::vector<api::Condition> StoredConditions(const json::Value& instance);
std::vector<api::Condition> BuiltIn(std::vector<api::Condition> conditions);
const json::Array* StoredConditionArray(const json::Value& instance);
json::Array Merge(const json::Value& instance, const AuthorConditions& author,
                  std::int64_t generation, api::Timestamp now);
bool Same(const json::Value& a, const json::Value& b, int depth);
bool SameMembers(const json::Object& a, const json::Object& b, int depth);
std::int64_t GenerationOf(const json::Value& instance);
// Of the conditions all but this field, in order of their types.
json::Value ConditionsWithout(std::string_view field, json::Value status);

}  // namespace

InstanceStatus::InstanceStatus(const json::Value& instance, api::Timestamp now)
    : instance_(instance),
      now_(now),
      conditions_(api::InstanceConditions(), OwnerOf(instance), BuiltIn(StoredConditions(instance)),
                  now) {}

void InstanceStatus::Managed() {
  conditions_.Set(api::condition::kInstanceManaged, ConditionStatus::kTrue, api::reason::kManaged,
                  "instance is properly managed with finalizers and labels", now_);
}

void InstanceStatus::ManagementFailed(std::string_view message) {
  conditions_.Set(api::condition::kInstanceManaged, ConditionStatus::kFalse,
                  api::reason::kManagementFailed, message, now_);
}

void InstanceStatus::Resolved() {
  conditions_.Set(api::condition::kGraphResolved, ConditionStatus::kTrue, api::reason::kResolved,
                  "runtime graph created and all resources resolved", now_);
}

void InstanceStatus::ResolutionFailed(std::string_view message) {
  conditions_.Set(api::condition::kGraphResolved, ConditionStatus::kFalse,
                  api::reason::kResolutionFailed, message, now_);
}

void InstanceStatus::Resources(const Outcome& outcome) {
  if (outcome.ready) {
    conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kTrue,
                    api::reason::kAllResourcesReady, "all resources are created and ready", now_);
  } else {
    conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kFalse, outcome.reason,
                    outcome.message, now_);
  }
}

void InstanceStatus::ResourcesFailed(std::string_view cause) {
  conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kFalse, api::reason::kNotReady,
                  fmt::format("resource reconciliation failed: {}", cause), now_);
}

void InstanceStatus::Suspended() {
  conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kFalse,
                  api::reason::kReconciliationSuspended,
                  "reconciliation suspended via kro.run/reconcile annotation", now_);
}

void InstanceStatus::Deleting(std::string_view more) {
  conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kUnknown,
                  api::reason::kUnderDeletion, fmt::format("deleting resources{}", more), now_);
}

void InstanceStatus::DeletionBlocked(std::string_view cause) {
  conditions_.Set(api::condition::kResourcesReady, ConditionStatus::kUnknown,
                  api::reason::kUnderDeletion, fmt::format("deletion blocked: {}", cause), now_);
}

json::Value InstanceStatus::Running(const Outcome& outcome, const AuthorConditions* author) const {
  json::Object status = outcome.fields;
  const bool degraded =
      !outcome.problems.empty() || (author != nullptr && !author->problems.empty());
  if (degraded) {
    status["state"] = api::state::kError;
  } else {
    status["state"] = conditions_.RootReady() ? api::state::kActive : outcome.state;
  }
  status["conditions"] =
      author == nullptr ? conditions_.ToJson()
                        : json::Value(Merge(instance_, *author, GenerationOf(instance_), now_));
  return status;
}

json::Value InstanceStatus::Unresolved(ConditionsBlock block) const {
  json::Object status = StoredFields();
  status["state"] = api::state::kError;
  if (block == ConditionsBlock::kNone) {
    status["conditions"] = conditions_.ToJson();
  } else if (const json::Array* stored = StoredConditionArray(instance_)) {
    status["conditions"] = *stored;
  }
  return status;
}

json::Value InstanceStatus::BeingDeleted(ConditionsBlock block) const {
  json::Object status = StoredFields();
  status["state"] = api::state::kDeleting;
  if (block == ConditionsBlock::kNone) {
    status["conditions"] = conditions_.ToJson();
    return status;
  }
  json::Array conditions;
  conditions.push_back(api::ToJson(*conditions_.Find(api::condition::kResourcesReady)));
  if (const json::Array* stored = StoredConditionArray(instance_)) {
    for (const json::Value& condition : *stored) {
      if (json::FindString(condition, {"type"}) != api::condition::kResourcesReady) {
        conditions.push_back(condition);
      }
    }
  }
  status["conditions"] = std::move(conditions);
  return status;
}

json::Object InstanceStatus::StoredFields() const {
  json::Object fields;
  const json::Value* stored = json::Find(instance_, "status");
  if (stored == nullptr || !stored->is_object()) return fields;
  for (const auto& member : stored->get_object()) {
    if (member.key() != "state" && member.key() != "conditions")
      fields[member.key()] = member.value();
  }
  return fields;
}

bool SameStatus(const json::Value* stored, const json::Value& wanted) {
  static const json::Value kNothing = json::Object();
  return Same(stored == nullptr ? kNothing : *stored, wanted, 0);
}

bool SameButMessages(const json::Value* stored, const json::Value& wanted) {
  if (stored == nullptr) return false;
  const json::Value is = ConditionsWithout("message", *stored);
  return SameStatus(&is, ConditionsWithout("message", wanted));
}

bool SameButTimes(const json::Value* stored, const json::Value& wanted) {
  if (stored == nullptr) return false;
  const json::Value is = ConditionsWithout("lastTransitionTime", *stored);
  return SameStatus(&is, ConditionsWithout("lastTransitionTime", wanted));
}

namespace {

api::ConditionOwner OwnerOf(const json::Value& instance) {
  return {GenerationOf(instance),
          api::ParseTimestamp(json::FindString(instance, {"metadata", "creationTimestamp"})),
          IsTerminating(instance)};
}

std::int64_t GenerationOf(const json::Value& instance) {
  const json::Value* generation = json::Find(instance, {"metadata", "generation"});
  return generation != nullptr && generation->is_int64() ? generation->get_int64() : 0;
}

std::vector<api::Condition> StoredConditions(const json::Value& instance) {
  std::vector<api::Condition> conditions;
  if (const json::Array* stored = StoredConditionArray(instance)) {
    for (const json::Value& condition : *stored)
      conditions.push_back(api::ConditionFromJson(condition));
  }
  return conditions;
}

const json::Array* StoredConditionArray(const json::Value& instance) {
  const json::Value* stored = json::Find(instance, {"status", "conditions"});
  return stored == nullptr ? nullptr : stored->if_array();
}

std::vector<api::Condition> BuiltIn(std::vector<api::Condition> conditions) {
  const api::ConditionTypes& types = api::InstanceConditions();
  std::erase_if(conditions, [&](const api::Condition& condition) {
    return condition.type != types.root &&
           std::ranges::find(types.dependents, condition.type) == types.dependents.end();
  });
  return conditions;
}

// Spec section 5.4: what was produced; where something was left out, also the stored conditions of
// other types, as they are.
json::Array Merge(const json::Value& instance, const AuthorConditions& author,
                  std::int64_t generation, api::Timestamp now) {
  const std::vector<api::Condition> stored = StoredConditions(instance);
  json::Array merged;
  for (api::Condition condition : author.produced) {
    const auto before = std::ranges::find(stored, condition.type, &api::Condition::type);
    const bool kept = before != stored.end() && before->status == condition.status &&
                      before->last_transition_time.has_value();
    condition.last_transition_time = kept ? before->last_transition_time : now;
    condition.observed_generation = generation;
    merged.push_back(api::ToJson(condition, api::EmptyTexts::kOmit));
  }
  if (author.complete) return merged;
  const json::Array* array = StoredConditionArray(instance);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (std::ranges::find(author.produced, stored[i].type, &api::Condition::type) ==
        author.produced.end()) {
      merged.push_back((*array)[i]);
    }
  }
  return merged;
}

bool Same(const json::Value& a, const json::Value& b, int depth) {
  if (depth > json::kMaxDepth) return false;
  if (a.is_object() && b.is_object()) return SameMembers(a.get_object(), b.get_object(), depth);
  if (a.is_array() && b.is_array()) {
    const json::Array& left = a.get_array();
    const json::Array& right = b.get_array();
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!Same(left[i], right[i], depth + 1)) return false;
    }
    return true;
  }
  // Boost compares integers of both signs by value; a double equals the integer that it prints as.
  if (a.is_double() != b.is_double() && a.is_number() && b.is_number()) {
    return json::Serialize(a) == json::Serialize(b);
  }
  return a == b;
}

bool SameMembers(const json::Object& a, const json::Object& b, int depth) {
  const auto covers = [&](const json::Object& of, const json::Object& in) {
    for (const auto& member : of) {
      if (member.value().is_null()) continue;
      const json::Value* other = in.if_contains(member.key());
      if (other == nullptr || !Same(member.value(), *other, depth + 1)) return false;
    }
    return true;
  };
  const auto members = [](const json::Object& object) {
    return std::ranges::count_if(object, [](const auto& m) { return !m.value().is_null(); });
  };
  return members(a) == members(b) && covers(a, b);
}

json::Value ConditionsWithout(std::string_view field, json::Value status) {
  if (!status.is_object()) return status;
  json::Value* conditions = json::Find(status, "conditions");
  if (conditions == nullptr || !conditions->is_array()) return status;
  for (json::Value& condition : conditions->get_array()) {
    if (condition.is_object()) condition.get_object().erase(field);
  }
  std::ranges::sort(conditions->get_array(), {}, [](const json::Value& condition) {
    return std::string(json::FindString(condition, {"type"}));
  });
  return status;
}

}  // namespace
}  // namespace kro::runtime
