// Server-side apply, and the ownership of fields that every write records in metadata.managedFields.
//
// Pure: the stored object and the request in, the object to store out. The caller defaults, admits and
// validates the result, then calls KeepTimesIfUnchanged and compares it with what is stored.
//
//   Ownership web{.api_version = "apps/v1", .schema = deployment, .reset_fields = {"status"}};
//   auto applied = Apply(web, live, config, {.manager = "A", .now = "2026-11-21T16:00:00Z"});
//   if (!applied) return Refuse(applied.error());   // 409 with causes, 500, 400
//
//   TrackUpdate(web, live, object, {.manager = "kubectl-edit", .now = …});   // any other write
//
// Spec kube-server section 5.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/object_schema.h"
#include "json/value.h"

namespace kro::apiserver {

// What an endpoint knows about ownership of its kind's fields.
struct Ownership {
  std::string api_version;       // "apps/v1"
  std::string kind;              // for messages: "Deployment"
  ObjectSchema schema;           // of that version
  std::string subresource = {};  // "status", "scale"; empty: the object itself
  // Places that writes through this endpoint neither store nor own, dotted: "status", "metadata.labels".
  std::vector<std::string> reset_fields = {};
  // The structure at another version of the same kind, nothing if it is not served any more. Unset: no
  // other version.
  std::function<std::optional<ObjectSchema>(std::string_view api_version)> schema_at = {};
  // Makes of an object at one version the same at another, but for apiVersion. Unset: objects of all
  // versions look alike, as with the conversion None.
  std::function<void(json::Object& object, std::string_view from, std::string_view to)> convert =
      {};
};

struct ApplyOptions {
  std::string_view manager;
  bool force = false;
  std::string_view now;                   // RFC 3339, whole seconds, UTC: "2026-11-21T16:00:00Z"
  boost::json::storage_ptr storage = {};  // where the result lives
};

struct Applied {
  json::Value object;  // with its managedFields
  // Whether anything but managedFields differs from the live object. If not, there is nothing to
  // default or validate that was not so before.
  bool changed;
};

// Merges `config` into `live` on behalf of a manager. `live` is nullptr if there is no such object; the
// result is then what to create. Wants a config whose name and namespace fit the path; apiVersion and
// kind are checked here.
//
// Answers: 409 with one cause per field (section 5.10), 400 for a config of another type or with
// managedFields, 500 for one that does not fit the schema.
Answer<Applied> Apply(const Ownership& ownership, const json::Value* live,
                      const json::Value& config, const ApplyOptions& options);

struct UpdateOptions {
  std::string_view manager;
  std::string_view now;
};

// Sets the managedFields of `object`, which a request other than apply wants to store in the place of
// `live` (nullptr: it is created). Call it with defaults filled in and before admission. A request may
// carry managedFields of its own (section 5.4); what cannot be tracked loses its managedFields, it is
// never refused.
void TrackUpdate(const Ownership& ownership, const json::Value* live, json::Value& object,
                 const UpdateOptions& options);

// If `object` differs from `live` in nothing but the times of managedFields, gives them the old times,
// so that both are equal (section 5.8). True if they are equal now.
bool KeepTimesIfUnchanged(const json::Value& live, json::Value& object);

}  // namespace kro::apiserver
