// Deletion: what a DELETE does to an object (spec kube-server section 7.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/registry.h"

namespace kro::apiserver {

struct DeleteOptions {
  std::string uid;
  std::string resource_version;
  std::string propagation;     // "Foreground", "Background", "Orphan"; empty: as usual
  std::optional<bool> orphan;  // the older form
  std::optional<std::int64_t> grace_seconds;
  bool dry_run = false;
  const User* user = nullptr;  // who asks; nullptr: the server itself
  bool of_collection = false;  // one of many
  bool admitted = false;       // admission has been asked
};

// Those of a body, and its `dryRun`.
Answer<DeleteOptions> ParseDeleteOptions(const json::Value& options);

// From the body if there is one, else from the query.
Answer<DeleteOptions> ReadDeleteOptions(std::string_view content_type, std::string_view body,
                                        const QueryParameters& query);

struct Deletion {
  int code = 200;
  // The object as it is now or was last; the answer's body where `answers_object`.
  StoredPtr object;
  std::uint64_t revision = 0;
  bool answers_object = false;
  std::vector<std::string> warnings;
};

// 409 unless `live` is the object and the version that is meant.
Answer<void> CheckPreconditions(const Resource& resource, const StoredObject& live,
                                const DeleteOptions& options);

// Deletes one object, or marks it as being deleted.
Answer<Deletion> Delete(Core& core, const Resource& resource, std::string_view name_space,
                        std::string_view name, const DeleteOptions& options);

}  // namespace kro::apiserver
