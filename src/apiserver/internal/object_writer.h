// ObjectWriter: creates, updates, patches and applies, each step in the order of the real server (spec
// kube-server section 4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/identity.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/registry.h"
#include "apiserver/internal/stored_object.h"
#include "apiserver/internal/write_request.h"
#include "apiserver/patch.h"
#include "json/value.h"

namespace kro::apiserver {

struct Written {
  int code = 200;
  // As it is now, or would be after a dry run.
  StoredPtr object;
  std::uint64_t revision = 0;  // 0: it shows none
};

class ObjectWriter {
 public:
  // What the client is warned of, also with a refusal, is added to `warnings`. Both outlive the writer.
  ObjectWriter(Core& core, std::vector<std::string>& warnings) : core_(core), warnings_(warnings) {}

  Answer<Written> Create(const WriteRequest& request);
  Answer<Written> Update(const WriteRequest& request);
  Answer<Written> Patch(const WriteRequest& request);
  // An update of an object whose managedFields the caller has settled.
  Answer<Written> UpdateTracked(const WriteRequest& request);

 private:
  struct Draft;

  enum class Tracking { kHere, kDone };
  Answer<Written> UpdateAs(const WriteRequest& request, Tracking tracking);
  Answer<void> Complete(const WriteRequest& request, const WriteOptions& options, Draft& draft);
  Answer<Written> FinishCreate(const WriteRequest& request, const WriteOptions& options,
                               Draft draft);
  Answer<Written> FinishUpdate(const WriteRequest& request, const WriteOptions& options,
                               Draft draft);
  Answer<void> CheckPatchedKind(const WriteRequest& request, const WriteOptions& options,
                                Draft& draft);
  void WarnOfAllFields(const WriteOptions& options, const Draft& draft);
  kube::Status Undecodable(const WriteRequest& request, const Draft& draft,
                           std::string_view fault) const;
  Answer<Written> Apply(const WriteRequest& request, const WriteOptions& options);

  Core& core_;
  std::vector<std::string>& warnings_;
};

// 404 or 403 where a namespace does not take new objects.
Answer<void> CheckNamespace(Core& core, const Resource& resource, std::string_view name_space,
                            std::string_view name);

}  // namespace kro::apiserver
