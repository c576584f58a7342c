// MemberDeleter: sends DELETEs, each with the UID that it means, several at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "controller/served_api.h"
#include "kube/client.h"
#include "runtime/member.h"

namespace kro::controller {

struct DeletedMembers {
  std::size_t gone = 0;         // the server says that they are no more
  std::size_t terminating = 0;  // it has begun
  std::size_t replaced = 0;     // another object has the name by now
  // The first that was refused: `delete <ns>/<name>: <cause>`.
  std::optional<kube::ApiError> failure;
};

// All of `deletions` at once; a refusal of one stops none of the others. `client` and `api` outlive
// the task. `graph` says what may be told of a refusal; nullptr: it is not known.
async::Task<DeletedMembers> DeleteMembers(kube::Client& client, ServedApi& api,
                                          std::shared_ptr<const graph::Graph> graph,
                                          std::vector<runtime::Deletion> deletions,
                                          async::CancelToken cancel);

}  // namespace kro::controller
