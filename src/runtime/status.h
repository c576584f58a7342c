// InstanceStatus: the conditions and the state of an instance, and the status to write.
//
//   InstanceStatus status(instance, now);
//   status.Managed();
//   status.Resolved();
//   status.Resources(outcome);
//   AuthorConditions author = pass.Conditions(status.conditions());   // if the graph has any
//   json::Value wanted = status.Running(outcome, &author);
//   if (!SameStatus(json::Find(instance, "status"), wanted)) …write it…
#pragma once

#include <string_view>

#include "api/condition.h"
#include "json/value.h"
#include "runtime/outcome.h"

namespace kro::runtime {

// Who decides which conditions stand on the wire.
enum class ConditionsBlock {
  kNone,    // kro: the four built-in ones
  kAuthor,  // the RGD's conditions block
};

class InstanceStatus {
 public:
  // Opens the stored conditions. `instance`, the live object, outlives this.
  InstanceStatus(const json::Value& instance, api::Timestamp now);

  // InstanceManaged. Causes are whole: "finalizer/labeling failed: …".
  void Managed();
  void ManagementFailed(std::string_view message);

  // GraphResolved.
  void Resolved();
  void ResolutionFailed(std::string_view message);

  // ResourcesReady.
  void Resources(const Outcome& outcome);
  // False, NotReady: "resource reconciliation failed: <cause>". For what failed outside the pass.
  void ResourcesFailed(std::string_view cause);
  void Suspended();
  void Deleting(std::string_view more = {});     // "deleting resources<more>"
  void DeletionBlocked(std::string_view cause);  // "deletion blocked: <cause>"

  const api::ConditionSet& conditions() const { return conditions_; }

  // The status after a pass. `author`: of a graph with conditions, else nullptr.
  json::Value Running(const Outcome& outcome, const AuthorConditions* author) const;
  // The status when the newest revision is unusable: state ERROR, fields as they are stored; with
  // an author's block the stored conditions stay.
  json::Value Unresolved(ConditionsBlock block) const;
  // The status while being deleted: state DELETING, fields as they are stored; with an author's
  // block ResourcesReady precedes the stored conditions.
  json::Value BeingDeleted(ConditionsBlock block) const;

 private:
  json::Object StoredFields() const;

  const json::Value& instance_;
  api::Timestamp now_;
  api::ConditionSet conditions_;
};

// Whether writing `wanted` would change nothing; `stored` may be nullptr. Nulls count as
// absent, 1.0 as 1, the order of keys as nothing.
bool SameStatus(const json::Value* stored, const json::Value& wanted);

// Whether nothing but messages of conditions would change.
bool SameButMessages(const json::Value* stored, const json::Value& wanted);

// Whether nothing but times of conditions would change, and with them the order in which they stand.
bool SameButTimes(const json::Value* stored, const json::Value& wanted);

}  // namespace kro::runtime
