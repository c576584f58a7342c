// ObjectWriter: creates, updates, patches and applies, each step in the order of the real server (spec
// kube-server section 4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/registry.h"
#include "apiserver/internal/stored_object.h"
#include "json/value.h"

namespace kro::apiserver {

// The body of a write and what the query says about it.
struct WriteRequest {
  ResourcePtr resource;
  std::string name_space;
  std::string name;         // empty for a create
  std::string subresource;
  const QueryParameters* query = nullptr;
  std::string_view content_type;
  std::string_view body;
  std::string_view user_agent;
};

struct Written {
  int code = 200;
  // As it is now, or would be after a dry run.
  StoredPtr object;
  std::uint64_t revision = 0;  // 0: it shows none
  std::vector<std::string> warnings;
};

class ObjectWriter {
 public:
  explicit ObjectWriter(Core& core) : core_(core) {}

  Answer<Written> Create(const WriteRequest& request);
  Answer<Written> Update(const WriteRequest& request);
  Answer<Written> Patch(const WriteRequest& request);
  // An update of an object whose managedFields the caller has settled.
  Answer<Written> UpdateTracked(const WriteRequest& request);

 private:
  struct Options;
  struct Draft;

  enum class Tracking { kHere, kDone };
  Answer<Written> UpdateAs(const WriteRequest& request, Tracking tracking);
  Answer<Options> ReadOptions(const WriteRequest& request, std::string_view options_kind) const;
  Answer<json::Value> ReadBody(const WriteRequest& request, const Options& options, Draft& draft);
  Answer<void> Complete(const WriteRequest& request, const Options& options, Draft& draft);
  Answer<Written> FinishCreate(const WriteRequest& request, const Options& options, Draft draft);
  Answer<Written> FinishUpdate(const WriteRequest& request, const Options& options, Draft draft);
  Answer<json::Value> PatchedObject(const WriteRequest& request, const Options& options,
                                    Draft& draft);
  Answer<Written> Apply(const WriteRequest& request, const Options& options);

  Core& core_;
};

// The name in managedFields of a client that gives none: its user agent up to the first '/'.
std::string_view DefaultManager(std::string_view user_agent);

// 404 or 403 where a namespace does not take new objects.
Answer<void> CheckNamespace(Core& core, const Resource& resource, std::string_view name_space,
                            std::string_view name);

}  // namespace kro::apiserver
