// What a request may ask for beyond its object (spec kube-client section 13).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "json/value.h"

namespace kro::kube {

enum class DryRun { kNo, kAll };
enum class FieldValidation { kServerDefault, kIgnore, kWarn, kStrict };
enum class Content { kWhole, kMetadata };  // kMetadata: PartialObjectMetadata
enum class OnConflict { kFail, kTakeOver };
enum class PatchType { kJson, kMerge, kStrategicMerge };
// What the server says beside its answer; it may quote the object.
enum class Warnings { kLog, kDrop };
enum class Propagation { kServerDefault, kBackground, kForeground, kOrphan };

struct GetOptions {
  std::string resource_version;  // "0": a cached answer will do
  std::string subresource;
  Content content = Content::kWhole;
};

struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;
  std::string resource_version_match;  // "NotOlderThan", "Exact"
  std::int64_t limit = 0;              // 0: no paging
  std::string continue_token;
  Content content = Content::kWhole;
  // What it refuses is dropped with the page on which it came; null: everything is kept.
  std::function<bool(const json::Value& object)> keep;
};

enum class InitialEvents { kNone, kSend };

struct WatchOptions {
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;
  InitialEvents initial_events = InitialEvents::kNone;  // streaming list
  std::chrono::seconds timeout = std::chrono::minutes(5);
  Content content = Content::kWhole;
};

struct WriteOptions {
  std::string subresource;    // "status"
  std::string field_manager;  // empty: the client's
  DryRun dry_run = DryRun::kNo;
  FieldValidation field_validation = FieldValidation::kServerDefault;
  Warnings warnings = Warnings::kLog;
};

struct ApplyOptions {
  std::string subresource;
  std::string field_manager;
  OnConflict on_conflict = OnConflict::kFail;
  DryRun dry_run = DryRun::kNo;
  FieldValidation field_validation = FieldValidation::kServerDefault;
  Warnings warnings = Warnings::kLog;
};

struct DeleteOptions {
  std::string uid;               // refuse to delete a namesake
  std::string resource_version;  // refuse to delete a changed object
  Propagation propagation = Propagation::kServerDefault;
  std::optional<std::chrono::seconds> grace_period;
  DryRun dry_run = DryRun::kNo;
  Warnings warnings = Warnings::kLog;
};

}  // namespace kro::kube
