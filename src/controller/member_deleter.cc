#include "controller/member_deleter.h"

#include <utility>

#include "async/when_all.h"
#include "controller/secrecy.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

Task<kube::Reply<kube::Deleted>> DeleteOne(kube::Client& client, runtime::Deletion deletion,
                                           kube::Warnings warnings, CancelToken cancel);

// Services and pods answer with their last state, though nothing remains.
bool Remains(const kube::Deleted& deleted);

}  // namespace

Task<DeletedMembers> DeleteMembers(kube::Client& client, ServedApi& api,
                                   std::shared_ptr<const graph::Graph> graph,
                                   std::vector<runtime::Deletion> deletions, CancelToken cancel) {
  std::vector<Task<kube::Reply<kube::Deleted>>> tasks;
  tasks.reserve(deletions.size());
  for (const runtime::Deletion& deletion : deletions) {
    const kube::Warnings warnings = WarningsOf(SecrecyOf(graph.get(), deletion.gvr));
    tasks.push_back(DeleteOne(client, deletion, warnings, cancel));
  }
  auto answers = co_await async::WhenAll(client.executor(), std::move(tasks));

  DeletedMembers result;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& answer = answers[i];
    const runtime::Deletion& deletion = deletions[i];
    if (answer || kube::IsNotFound(answer.error())) {
      const bool remains = answer && Remains(*answer);
      ++(remains ? result.terminating : result.gone);
      api.NoteDeleted(deletion, remains ? ServedApi::Leaving::kHeld : ServedApi::Leaving::kGone);
    } else if (kube::IsConflict(answer.error())) {
      ++result.replaced;
    } else if (!result.failure) {
      result.failure = Tellable(answer.error(), SecrecyOf(graph.get(), deletion.gvr));
      result.failure->Push(fmt::format("delete {}/{}", deletion.ns, deletion.name));
    }
  }
  co_return result;
}

namespace {

Task<kube::Reply<kube::Deleted>> DeleteOne(kube::Client& client, runtime::Deletion deletion,
                                           kube::Warnings warnings, CancelToken cancel) {
  // Said aloud: the server's default leaves the pods of a batch/v1 Job behind.
  const kube::DeleteOptions options{
      .uid = deletion.uid, .propagation = kube::Propagation::kBackground, .warnings = warnings};
  co_return co_await client.Delete(deletion.gvr, {deletion.ns, deletion.name}, options, cancel);
}

bool Remains(const kube::Deleted& deleted) {
  if (!deleted.remaining) return false;
  const json::Value* finalizers = json::Find(*deleted.remaining, {"metadata", "finalizers"});
  if (finalizers != nullptr && finalizers->is_array() && !finalizers->get_array().empty()) {
    return true;
  }
  const json::Value* grace =
      json::Find(*deleted.remaining, {"metadata", "deletionGracePeriodSeconds"});
  return grace != nullptr && grace->is_int64() && grace->get_int64() > 0;
}

}  // namespace
}  // namespace kro::controller
