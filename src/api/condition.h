// Conditions: what an object says about itself, and the rules by which a set of them agrees.
//
// A set has one root ("Ready") that follows its dependents; other types stand beside it without
// influence. Semantics of upstream's condition sets: a status change moves lastTransitionTime, a
// change of reason or message does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace kro::api {

using Timestamp = std::chrono::sys_seconds;

enum class ConditionStatus { kTrue, kFalse, kUnknown };
std::string_view ToString(ConditionStatus status);

// Anything but "True" and "False" reads as unknown.
ConditionStatus ParseConditionStatus(std::string_view text);

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;
  std::string message;
  std::optional<Timestamp> last_transition_time;
  std::int64_t observed_generation = 0;

  friend bool operator==(const Condition&, const Condition&) = default;
};

// Which fields an empty string leaves out: kro's own conditions always carry reason and message,
// an author's omit empty ones.
enum class EmptyTexts { kWrite, kOmit };

json::Value ToJson(const Condition& condition, EmptyTexts empty = EmptyTexts::kWrite);

// Lenient: members of the wrong type read as absent.
Condition ConditionFromJson(const json::Value& value);

// RFC 3339 in UTC with seconds, "2026-08-01T12:00:00Z".
std::string FormatTimestamp(Timestamp time);
std::optional<Timestamp> ParseTimestamp(std::string_view text);

// The types of one kind of object.
struct ConditionTypes {
  std::string root;
  std::vector<std::string> dependents;  // in order
  std::vector<std::string> pruned;      // removed when found: names of older versions
};
const ConditionTypes& RgdConditions();
const ConditionTypes& GraphRevisionConditions();
const ConditionTypes& InstanceConditions();

// What a set needs to know of the object that carries it.
struct ConditionOwner {
  std::int64_t generation = 0;
  std::optional<Timestamp> created;
  bool deleting = false;
};

// The conditions of one object, kept by the rules.
class ConditionSet {
 public:
  // Opens `stored`: removes pruned types and adds every missing root and dependent as Unknown, reason
  // AwaitingReconciliation. `types` outlives the set.
  ConditionSet(const ConditionTypes& types, ConditionOwner owner, std::vector<Condition> stored,
               Timestamp now);

  // Sets one condition and recomputes the root, unless the root itself was set or nothing differs.
  void Set(std::string_view type, ConditionStatus status, std::string_view reason,
           std::string_view message, Timestamp now);

  // Removes a condition that is neither root nor dependent; false if it is one of those.
  bool Clear(std::string_view type);

  // nullptr if there is none.
  const Condition* Find(std::string_view type) const;

  // A missing one reads as unknown.
  ConditionStatus StatusOf(std::string_view type) const;

  // The root is True for the current generation.
  bool RootReady() const;

  // In the order in which they are written: by lastTransitionTime, the root last.
  const std::vector<Condition>& conditions() const { return conditions_; }

  json::Value ToJson() const;

 private:
  bool IsDependent(std::string_view type) const;
  void RecomputeRoot(Timestamp now);
  void Sort();

  const ConditionTypes* types_;
  ConditionOwner owner_;
  std::vector<Condition> conditions_;
};

}  // namespace kro::api
