#include "controller/status_writer.h"

#include <utility>

#include "api/constants.h"
#include "base/hash.h"
#include "controller/condition_events.h"
#include "controller/patch_object.h"
#include "controller/router.h"
#include "controller/secrecy.h"
#include "runtime/status.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

constexpr int kAttempts = 5;

std::uint64_t HashOf(const json::Value* status);

// What a metric may be told of a state that anybody may have written.
std::string_view KnownState(std::string_view state);

}  // namespace

Task<kube::Reply<void>> StatusWriter::Write(ServedApi& api, kube::ObjectPtr instance,
                                            json::Value wanted, CancelToken cancel) {
  // Of what was decided, even if the write fails (instance spec section 5.7).
  if (events_ != nullptr) {
    for (kube::Happening& event : ConditionEvents(api.api(), instance->value(), wanted)) {
      events_->Record(std::move(event));
    }
  }
  const std::string before(json::FindString(instance->value(), {"status", "state"}));
  const std::string after(json::FindString(wanted, {"state"}));
  auto written = co_await Put(api, std::move(instance), std::move(wanted), std::move(cancel));
  if (written && before != after) {
    metrics_.InstanceStateChanged(api.api().gvr, api.api().gvk, KnownState(before), after);
  }
  co_return written;
}

Task<kube::Reply<void>> StatusWriter::Put(ServedApi& api, kube::ObjectPtr instance,
                                          json::Value wanted, CancelToken cancel) {
  const api::Gvr gvr = api.api().gvr;
  const kube::ObjectKey key = instance->key();
  for (int attempt = 1;; ++attempt) {
    const kube::Store* store = api.parents().store();
    const kube::ObjectPtr stored = store == nullptr ? nullptr : store->Get(key);
    if (stored == nullptr || MovedOn(*instance, *stored)) co_return kube::Reply<void>{};
    const json::Value* status = json::Find(stored->value(), "status");
    if (runtime::SameStatus(status, wanted)) co_return kube::Reply<void>{};
    // What was written meanwhile says the same: most likely it was ours, and the answer was lost.
    if (attempt > 1 && runtime::SameButTimes(status, wanted)) co_return kube::Reply<void>{};
    // The server keeps less than was sent, as where the CRD does not know a field: once is enough.
    InstanceMemo& memo = api.MemoOf(*stored);
    const std::uint64_t hash = HashOf(&wanted);
    if (memo.status_sent == hash && memo.status_kept == HashOf(status)) {
      co_return kube::Reply<void>{};
    }

    auto patch = MakeStatusPatch(*stored, wanted);
    if (!patch) co_return kube::Reply<void>{};
    memo.status_under_way = true;
    // What the CRD does not know is found in the answer below; the server need not look for it too.
    const Secrecy secrecy = SecrecyOf(api.graph().get());
    auto answer = co_await client_.Patch(gvr, key, kube::PatchType::kMerge, std::move(*patch),
                                         {.subresource = "status",
                                          .field_validation = kube::FieldValidation::kIgnore,
                                          .warnings = WarningsOf(secrecy)},
                                         cancel);
    api.MemoOf(*stored).status_under_way = false;
    if (answer) {
      api.parents().ObserveWrite(*answer);
      const json::Value* kept = json::Find(*answer, "status");
      const bool exact = runtime::SameStatus(kept, wanted);
      InstanceMemo& written = api.MemoOf(*stored);
      written.status_sent = exact ? 0 : hash;
      written.status_kept = exact ? 0 : HashOf(kept);
      // What was sent before names a version that is no more.
      written.status_open = false;
      co_return kube::Reply<void>{};
    }
    if (!answer.error().answered()) api.MemoOf(*stored).status_open = true;
    if (kube::IsNotFound(answer.error())) co_return kube::Reply<void>{};
    if (!kube::IsConflict(answer.error()) || attempt == kAttempts) {
      co_return kube::AnnotateReply(Tellable(answer.error(), secrecy), "status of {}", key);
    }
    auto fresh = co_await client_.Get(gvr, key, {}, cancel);
    if (!fresh && kube::IsNotFound(fresh.error())) co_return kube::Reply<void>{};
    if (!fresh) co_return kube::AnnotateReply(fresh.error(), "status of {}", key);
    // What somebody changed wakes the instance as its event would have done, which is an echo from now on.
    api.parents().ObserveRead(*fresh);
  }
}

namespace {

std::uint64_t HashOf(const json::Value* status) {
  return status == nullptr ? 0 : Hash64(json::Canonical(*status));
}

std::string_view KnownState(std::string_view state) {
  for (const std::string_view known :
       {api::state::kInProgress, api::state::kActive, api::state::kDeleting, api::state::kError}) {
    if (state == known) return state;
  }
  return state.empty() ? "" : "unknown";
}

}  // namespace
}  // namespace kro::controller
