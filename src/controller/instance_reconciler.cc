#include "controller/instance_reconciler.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "api/constants.h"
#include "async/event.h"
#include "controller/apply_set.h"
#include "controller/immutable_fields.h"
#include "controller/lingering.h"
#include "controller/member_deleter.h"
#include "controller/pass_computer.h"
#include "controller/router.h"
#include "controller/secrecy.h"
#include "controller/setbacks.h"
#include "kube/field_set.h"
#include "kube/label_selector.h"
#include "runtime/prune.h"
#include "runtime/status.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

// How long a look waits for a watch that has just been started.
constexpr Duration kWatchPatience = std::chrono::seconds(5);

// A new revision is compiled within moments; only if it takes longer do instances say so.
constexpr Duration kCompilePatience = std::chrono::seconds(10);

// Other words for the same state are written after this: what is on its way to another state passes many.
constexpr Duration kWordsPatience = std::chrono::seconds(1);

runtime::LiveObject LiveOf(const kube::ObjectPtr& object) { return {object, &object->value()}; }

// Not what may stand already, nor what is read.
bool MustBeWritten(const runtime::Action& action);

// An apply refuses what the kind does not know, and no field is written twice here: the server need not read the
// text again to check that.
kube::ApplyOptions ApplyAs(std::string_view manager, Secrecy secrecy);

// Of the objects of a node.
Secrecy SecrecyOf(const graph::Node& node);

Child ChildOf(const graph::Node& node, const runtime::Action& action);

// Whether what we applied was taken or changed, so that an apply puts it right; nothing else is wanted.
bool WasTouched(const runtime::Action& action);

// What a user is told of a refused apply of `object`.
Error Told(const kube::ApiError& error, SetbackCause cause, const graph::Node& node,
           std::string_view object);
// Upstream's text: it looks the kinds up before it applies anything.
Error MissingKind(const api::Gvk& gvk);

WatchScope NamespaceScope(std::string name);

// What an external reference names.
WatchScope ScopeOf(const graph::Node& node, const runtime::Action& action,
                   const kube::LabelSelector& selector);

}  // namespace

// One look. Lives as long as its Run; what it spawns is joined before that returns.
class InstanceReconciler::Pass {
 public:
  Pass(InstanceReconciler& owner, std::shared_ptr<ServedApi> api, kube::ObjectPtr instance,
       std::function<void()> wake, CancelToken cancel)
      : deps_(owner.deps_),
        writer_(owner.status_writer_),
        api_(std::move(api)),
        instance_(std::move(instance)),
        wake_(std::move(wake)),
        cancel_(std::move(cancel)),
        applies_(deps_.client.executor()),
        answered_(deps_.client.executor(), async::EventReset::kAuto) {}

  Task<Result<NextLook>> Run();

  // Ends what a Run that threw has left behind.
  Task<void> Abandon();

 private:
  // What a step of the look came to: go on, or end it so.
  using Step = std::optional<Result<NextLook>>;

  async::Executor& executor() const { return deps_.client.executor(); }
  MonotonicTime Now() const { return executor().clock().Monotonic(); }
  api::Timestamp Today() const {
    return std::chrono::floor<std::chrono::seconds>(executor().clock().Now());
  }

  Task<Step> FindGraph();
  Task<Step> OpenApplySet();
  // Makes the inventory name `content`, and marks the instance as ours. `written` says
  // whether that took a request.
  Task<Step> WriteParent(runtime::ApplySetContent content, bool& written);
  Task<Step> AfterParentRefusal(kube::ApiError error);

  Task<Step> ApplyAll();
  // Answers the action if that takes no request; else starts the request.
  Task<void> Start(runtime::Action action);
  Task<void> Apply(runtime::Action action);
  // Carries out `work`, which answers the action. Whatever it throws is the answer, so that nobody waits
  // for one that does not come.
  Task<void> Answer(runtime::Action action, Task<void> work);
  Task<void> Observe(runtime::Action action);
  Task<void> ObserveLater(runtime::Action action, std::shared_ptr<WatchFleet::Lease> lease);
  Task<void> ObserveNow(runtime::Action action, WatchFleet::Lease& lease);
  Task<Error> WhyNotReadable(WatchScope scope);

  Task<Step> Prune(runtime::Outcome& outcome);
  Task<Step> Shrink(const runtime::Outcome& outcome);
  Task<Result<NextLook>> Report(runtime::Outcome outcome);
  Task<Result<NextLook>> Suspended();

  // The status after a look that ended before it knew anything of the children.
  Task<void> ReportUnmanaged(std::string cause);
  Task<void> ReportFailure(std::string cause);

  // `outcome` is of the pass. kMayWait: if nothing but words differ, words_later_ says when to come again.
  enum class Words { kNow, kMayWait };
  Task<void> WriteRunning(const runtime::InstanceStatus& status, const runtime::Outcome& outcome,
                          Words words);
  Task<void> WriteStatus(json::Value wanted);
  // How long to wait before the status is written; nothing: now, or there is nothing to write.
  std::optional<Duration> TimeForWords(const json::Value& wanted);
  Task<void> WriteUnresolved(std::string message);

  NextLook Soon() const;
  // For a look that fails.
  std::string TextOfNextAttempt() const {
    return Tell(api_->AttemptAfterFailure(instance_->key()), executor().clock().Now());
  }
  // Where upstream looks first for what the instance made.
  std::string HomeNamespace() const {
    const std::string& ns = instance_->key().name_space;
    return ns.empty() ? "default" : ns;
  }
  void StartPass();
  runtime::LiveObject Find(const graph::Node& node, std::string_view ns, std::string_view name);
  // A child has to be put right. If that goes on and on: why it is not done now.
  Task<std::optional<Error>> Contested(std::string object, const runtime::Action& action);
  // What stands is what is wanted, unless it is fought over.
  void Conclude(const runtime::Action& action, runtime::LiveObject live);
  Trial TrialOf(const runtime::Action& action) const;
  // Who has the fields of `action` that are not ours any more: ".spec.replicas (autoscaler)".
  Task<std::vector<std::string>> TakenFields(const runtime::Action& action);

  // A child's namespace is not there: its appearance wakes the instance.
  void AwaitNamespace(std::string ns);
  // Whether it appeared since that was said.
  bool NamespaceAppeared(const Setback& setback, std::string_view ns);
  std::string NamespaceUid(std::string_view ns);
  // Whether what was missing is there by now.
  Task<bool> KindAppeared(SetbackCause cause, api::Gvk gvk);

  // Whether the pass took more than it may on the loop; then the instance is looked at again.
  bool NeedsPool();
  void CountEvaluations(const runtime::Outcome& outcome);
  InstanceMemo& Memo() { return api_->MemoOf(*instance_); }

  const Dependencies& deps_;
  StatusWriter& writer_;
  const std::shared_ptr<ServedApi> api_;
  kube::ObjectPtr instance_;
  const std::function<void()> wake_;
  const CancelToken cancel_;
  async::Scope applies_;
  async::Event answered_;

  std::shared_ptr<const graph::Graph> graph_;
  std::optional<ApplySet> set_;
  std::unique_ptr<PassComputer> pass_;
  int in_flight_ = 0;
  bool leftovers_ = false;          // pruned objects that are not gone yet
  bool pruning_ = false;            // of them some are known to stand still
  Lingering lingering_;             // of them
  bool inventory_is_open_ = false;  // it names what is gone
  std::set<WatchScope> used_references_;
  std::set<std::pair<api::Gvr, kube::ObjectKey>> claims_;
  std::string prune_text_;  // why the look is not ready although all nodes are
  std::optional<Error> status_failure_;
  std::optional<Duration> words_later_;  // the status has other words by then
};

InstanceReconciler::InstanceReconciler(Dependencies dependencies)
    : deps_(std::move(dependencies)),
      status_writer_(deps_.client, deps_.metrics,
                     deps_.settings.condition_events ? deps_.events : nullptr) {}

Task<Result<NextLook>> InstanceReconciler::Reconcile(std::shared_ptr<ServedApi> api,
                                                     kube::ObjectPtr instance,
                                                     std::function<void()> wake,
                                                     CancelToken cancel) {
  Pass pass(*this, std::move(api), std::move(instance), std::move(wake), std::move(cancel));
  std::exception_ptr failure;
  try {
    co_return co_await pass.Run();
  } catch (...) {
    failure = std::current_exception();
  }
  // What it started still refers to it.
  co_await pass.Abandon();
  std::rethrow_exception(failure);
}

Task<void> InstanceReconciler::Pass::Abandon() {
  applies_.Cancel();
  co_await applies_.Join();
}

Task<Result<NextLook>> InstanceReconciler::Pass::Run() {
  if (auto ended = co_await FindGraph()) co_return std::move(*ended);
  if (auto ended = co_await OpenApplySet()) co_return std::move(*ended);
  StartPass();
  if (IsSuspended(instance_->value())) co_return co_await Suspended();

  if (auto ended = co_await ApplyAll()) co_return std::move(*ended);
  if (cancel_.cancelled()) co_return NextLook::OnEvent();
  runtime::Outcome outcome = co_await pass_->Finish();
  if (NeedsPool()) co_return NextLook::OnEvent();
  CountEvaluations(outcome);
  if (auto ended = co_await Prune(outcome)) co_return std::move(*ended);
  if (auto ended = co_await Shrink(outcome)) co_return std::move(*ended);
  co_return co_await Report(std::move(outcome));
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::FindGraph() {
  const auto latest = deps_.graphs.Latest(api_->api().rgd_name);
  if (!latest) {
    deps_.metrics.GraphResolved(api_->api().gvr, Metrics::Resolution::kNotAvailable);
    co_await WriteUnresolved("latest issued graph revision not available");
    co_return Soon();
  }
  switch (latest->state) {
    case RevisionState::kActive:
      break;
    case RevisionState::kPending:
      deps_.metrics.GraphResolved(api_->api().gvr, Metrics::Resolution::kPending);
      if (Now() - api_->PendingSince(latest->revision) >= kCompilePatience) {
        co_await WriteUnresolved(
            fmt::format("latest issued graph revision {} is pending", latest->revision));
      }
      co_return Soon();
    case RevisionState::kFailed:
      deps_.metrics.GraphResolved(api_->api().gvr, Metrics::Resolution::kFailed);
      co_await WriteUnresolved(
          fmt::format("latest issued graph revision {} failed", latest->revision));
      co_return NextLook::OnEvent();
  }
  deps_.metrics.GraphResolved(api_->api().gvr, Metrics::Resolution::kSuccess);
  graph_ = latest->graph;
  if (api_->graph() != graph_) api_->UseGraph(graph_);
  if (api_->GraphIsWatched()) co_return std::nullopt;
  // When the watches stand, every instance is looked at. A kind that cannot be watched stops its own
  // nodes only.
  const Duration waited = Now() - api_->graph_since();
  if (waited < kWatchPatience) co_return NextLook::After(kWatchPatience - waited);
  co_return std::nullopt;
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::OpenApplySet() {
  auto set = ApplySet::Open(api_->api(), instance_->value(), deps_.settings.version);
  if (set) {
    set_ = std::move(*set);
    co_return std::nullopt;
  }
  if (HasFinalizer(instance_->value())) {
    co_await ReportFailure(set.error().message() + TextOfNextAttempt());
  } else {
    co_await ReportUnmanaged(set.error().message() + TextOfNextAttempt());
  }
  co_return std::unexpected(set.error());
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::WriteParent(
    runtime::ApplySetContent content, bool& written) {
  written = false;
  if (!set_->NeedsMarks() && set_->Covers(content)) co_return std::nullopt;
  // One write should do for the whole look, so what is foreseen is named too.
  content = Union(std::move(content), set_->remembered());
  if (!IsSuspended(instance_->value())) {
    content = Union(std::move(content), co_await pass_->Foreseen());
  }
  kube::ApplyOptions options =
      ApplyAs(api::field_manager::kApplySetParent, SecrecyOf(graph_.get()));
  auto answer =
      co_await deps_.client.Apply(api_->api().gvr, set_->Write(content), options, cancel_);
  if (!answer) {
    co_await applies_.Join();
    co_return co_await AfterParentRefusal(answer.error());
  }

  api_->parents().ObserveWrite(*answer);
  const kube::Store* store = api_->parents().store();
  kube::ObjectPtr fresh = store == nullptr ? nullptr : store->Get(instance_->key());
  // Deleted, or deleted and made again, while it was written.
  if (fresh == nullptr || fresh->uid() != instance_->uid() || fresh->IsDeleting()) {
    wake_();
    co_return NextLook::OnEvent();
  }
  instance_ = std::move(fresh);
  written = true;
  co_return co_await OpenApplySet();
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::AfterParentRefusal(
    kube::ApiError error) {
  if (error.code() == ErrorCode::kCancelled) co_return NextLook::OnEvent();
  // The server refuses a finalizer on what is being deleted, and a UID that is no more.
  if (error.answered() && !kube::IsThrottled(error)) {
    auto live = co_await deps_.client.Get(api_->api().gvr, instance_->key(), {}, cancel_);
    if (!live && kube::IsNotFound(live.error())) co_return NextLook::OnEvent();
    if (live) {
      api_->parents().ObserveWrite(*live);
      if (json::FindString(*live, {"metadata", "uid"}) != instance_->uid() ||
          runtime::IsTerminating(*live)) {
        wake_();
        co_return NextLook::OnEvent();
      }
    }
  }
  error = Tellable(error, SecrecyOf(graph_.get()));
  if (set_->NeedsMarks()) {
    co_await ReportUnmanaged(fmt::format("failed applying managed finalizer/labels: {}{}",
                                         error.message(), TextOfNextAttempt()));
  } else {
    co_await ReportFailure(fmt::format("failed to patch instance with applyset labels: {}{}",
                                       error.message(), TextOfNextAttempt()));
  }
  co_return std::unexpected<Error>(error);
}

void InstanceReconciler::Pass::StartPass() {
  pass_ = std::make_unique<PassComputer>(
      executor(), graph_, LiveOf(instance_),
      runtime::ReconciliationOptions{
          .version = deps_.settings.version,
          .max_collection_size = deps_.settings.max_collection_size,
          .find = [this](const graph::Node& node, std::string_view ns,
                         std::string_view name) { return Find(node, ns, name); }},
      api_->is_heavy() ? PassComputer::Place::kPool : PassComputer::Place::kLoop);
}

bool InstanceReconciler::Pass::NeedsPool() {
  if (!pass_->NeedsPool()) return false;
  api_->NoteHeavy();
  wake_();
  return true;
}

void InstanceReconciler::Pass::CountEvaluations(const runtime::Outcome& outcome) {
  EvaluationCounts counts{.expressions = pass_->evaluated(),
                          .collection_sizes = {},
                          .setting_up = pass_->setting_up(),
                          .evaluating = pass_->evaluating()};
  for (const runtime::NodeReport& report : outcome.nodes) {
    const graph::Node& node = graph_->nodes[report.node];
    const bool skipped = report.state == runtime::NodeState::kSkipped;
    const bool resolved = !skipped && report.state != runtime::NodeState::kPending;
    const bool observed =
        report.state == runtime::NodeState::kSynced || report.state == runtime::NodeState::kWaiting;
    if (!node.include_when.empty()) ++counts.include_checks;
    if (skipped) ++counts.ignored;
    if (resolved) ++counts.nodes;
    if (report.state == runtime::NodeState::kError && report.desired == 0) ++counts.node_errors;
    if (observed) ++counts.ready_checks;
    if (report.state == runtime::NodeState::kWaiting) ++counts.not_ready;
    if (resolved && node.type == graph::NodeType::kCollection) {
      counts.collection_sizes.push_back(report.desired);
    }
  }
  deps_.metrics.Evaluated(counts);
}

runtime::LiveObject InstanceReconciler::Pass::Find(const graph::Node& node, std::string_view ns,
                                                   std::string_view name) {
  const auto lease = api_->KindLease(node.mapping.gvr);
  const kube::Store* store = lease == nullptr ? nullptr : lease->store();
  const kube::ObjectPtr object =
      store == nullptr ? nullptr : store->Get({std::string(ns), std::string(name)});
  if (object == nullptr) return nullptr;
  // We deleted it, and only the watch has not said so yet: what is applied now is another object.
  if (api_->IsLeaving(object->uid()) && !object->IsDeleting()) return nullptr;
  const std::string_view set = object->Label(api::label::kPartOf);
  if (!set.empty() && set != pass_->apply_set()) {
    claims_.insert({node.mapping.gvr, object->key()});
  }
  return LiveOf(object);
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::ApplyAll() {
  bool first = true;
  Step ended;
  while (true) {
    auto actions = co_await pass_->Advance();
    if (NeedsPool()) {
      ended = NextLook::OnEvent();
      break;
    }
    bool written = false;
    const kube::ObjectPtr seen = instance_;
    ended = co_await WriteParent(pass_->Touched(), written);
    if (ended) break;
    if (written && first) {
      // Expressions see the instance as it is now.
      StartPass();
      actions = co_await pass_->Advance();
    } else if (MovedOn(*seen, *instance_)) {
      // What was done so far was for another spec, and must not be reported for this one.
      wake_();
      ended = NextLook::OnEvent();
      break;
    }
    first = false;

    // What has to be written is on its way before the rest is compared with what the server keeps.
    const int before = in_flight_;
    for (const runtime::Action& action : actions) {
      if (MustBeWritten(action)) co_await Start(action);
    }
    if (in_flight_ > before) co_await async::Yield(executor());
    for (const runtime::Action& action : actions) {
      if (!MustBeWritten(action)) co_await Start(action);
    }
    if (!actions.empty() && in_flight_ - before < static_cast<int>(actions.size())) continue;
    if (in_flight_ == 0) break;
    // Cancellation ends the requests, and with them this wait.
    if (auto woken = co_await answered_.Wait(CancelToken()); !woken) break;
  }
  co_await applies_.Join();
  co_return ended;
}

Task<void> InstanceReconciler::Pass::Start(runtime::Action action) {
  const graph::Node& node = graph_->nodes[action.node];
  if (action.kind == runtime::Action::Kind::kRead) {
    co_await Observe(action);
    co_return;
  }
  const auto lease = api_->KindLease(node.mapping.gvr);
  if (lease == nullptr || lease->store() == nullptr) {
    Error why = co_await WhyNotReadable(
        {.gvr = node.mapping.gvr, .label_selector = std::string(kOwnedSelector)});
    pass_->Failed(action,
                  why.code() == ErrorCode::kNotFound ? MissingKind(node.gvk) : std::move(why));
    co_return;
  }
  if (action.same_as_applied && action.live != nullptr &&
      api_->applied_fields().Stand(*action.live, *action.desired, std::string(action.hash))) {
    Conclude(action, action.live);
    co_return;
  }
  const std::string object = ChildOf(node, action).Name();
  const Setback* setback = Memo().setbacks.Holds(object, TrialOf(action), Now());
  if (setback != nullptr) {
    Error error = setback->error;
    const bool lifted =
        NamespaceAppeared(*setback, action.ns) || co_await KindAppeared(setback->cause, node.gvk);
    if (!lifted) {
      pass_->Failed(action, std::move(error));
      co_return;
    }
  }
  if (auto error = co_await Contested(object, action)) {
    pass_->Failed(action, std::move(*error));
    co_return;
  }
  ++in_flight_;
  applies_.Spawn(Answer(action, Apply(action)));
}

Trial InstanceReconciler::Pass::TrialOf(const runtime::Action& action) const {
  return {.hash = std::string(action.hash),
          .uid = std::string(action.live == nullptr ? "" : runtime::UidOf(*action.live)),
          .wish = WishOf(instance_->value())};
}

void InstanceReconciler::Pass::Conclude(const runtime::Action& action, runtime::LiveObject live) {
  const Contests& contests = Memo().contests;
  const Error* fight = nullptr;
  if (!contests.empty()) {
    fight = contests.Told(ChildOf(graph_->nodes[action.node], action).Name(), Now());
  }
  if (fight != nullptr) {
    pass_->Failed(action, *fight);
  } else {
    pass_->Applied(action, std::move(live));
  }
}

Task<void> InstanceReconciler::Pass::Answer(runtime::Action action, Task<void> work) {
  try {
    co_await std::move(work);
  } catch (const std::exception& failure) {
    deps_.metrics.LookPanicked(api_->api().gvr);
    pass_->Failed(action, Error(ErrorCode::kInternal, failure.what()));
  }
  --in_flight_;
  answered_.Set();
}

Task<std::optional<Error>> InstanceReconciler::Pass::Contested(std::string object,
                                                               const runtime::Action& action) {
  const bool gone = action.live == nullptr;
  if (gone ? !Memo().contests.WasLost(object) : !WasTouched(action)) {
    Memo().contests.Forget(object);
    co_return std::nullopt;
  }
  const std::uint64_t wish = WishOf(instance_->value());
  if (Memo().contests.Ask(object, wish, Now()) == Contests::Repair::kNow) co_return std::nullopt;
  if (const Error* fight = Memo().contests.Told(object, Now())) co_return *fight;
  std::string about = gone ? fmt::format("somebody keeps deleting {}", object)
                           : fmt::format("another field manager keeps taking fields of {}: {}",
                                         object, fmt::join(co_await TakenFields(action), ", "));
  Error fight(ErrorCode::kConflict, std::move(about));
  Memo().contests.Tell(object, fight);
  co_return fight;
}

Task<std::vector<std::string>> InstanceReconciler::Pass::TakenFields(
    const runtime::Action& action) {
  std::vector<std::string> taken;
  const auto entry = kube::FindApplyEntry(*action.live, api::field_manager::kApplySet);
  if (entry && *entry) taken = (*entry)->fields.Missing(*action.desired);
  // The store keeps what is ours alone.
  auto live =
      co_await deps_.client.Get(graph_->nodes[action.node].mapping.gvr,
                                {std::string(action.ns), std::string(action.name)}, {}, cancel_);
  if (!live) co_return taken;
  for (std::string& path : taken) {
    const auto owners = kube::OwnersOf(*live, *action.desired, path);
    if (!owners.empty()) path += fmt::format(" ({})", fmt::join(owners, ", "));
  }
  co_return taken;
}

void InstanceReconciler::Pass::AwaitNamespace(std::string ns) {
  InstanceMemo& memo = Memo();
  const WatchScope scope = NamespaceScope(std::move(ns));
  used_references_.insert(scope);
  if (memo.references.contains(scope)) return;
  // The memo keeps the lease, so it outlives the listener.
  const auto appeared = [wake = wake_, &memo](const auto& before, const auto& after) {
    if (before == nullptr && memo.missing_namespaces.contains(after->key().name)) wake();
  };
  memo.references.emplace(scope,
                          deps_.fleet.Acquire(scope, {}, {.on_change = appeared, .on_ready = {}}));
}

bool InstanceReconciler::Pass::NamespaceAppeared(const Setback& setback, std::string_view ns) {
  if (setback.cause != SetbackCause::kMissing) return false;
  const auto missed = Memo().missing_namespaces.find(std::string(ns));
  if (missed == Memo().missing_namespaces.end()) return false;
  AwaitNamespace(std::string(ns));
  const std::string uid = NamespaceUid(ns);
  return !uid.empty() && uid != missed->second;
}

// The mapper forgot the kind when the server did, and asks anew at most once a second.
Task<bool> InstanceReconciler::Pass::KindAppeared(SetbackCause cause, api::Gvk gvk) {
  if (cause != SetbackCause::kMissingKind) co_return false;
  auto mapping = co_await deps_.mapper.ForKind(std::move(gvk), cancel_);
  co_return mapping.has_value();
}

// Empty: there is none, or it is not known.
std::string InstanceReconciler::Pass::NamespaceUid(std::string_view ns) {
  const auto found = Memo().references.find(NamespaceScope(std::string(ns)));
  const kube::Store* store = found == Memo().references.end() ? nullptr : found->second->store();
  const kube::ObjectPtr object = store == nullptr ? nullptr : store->Get({{}, std::string(ns)});
  return object == nullptr || object->IsDeleting() ? std::string() : object->uid();
}

Task<void> InstanceReconciler::Pass::Apply(runtime::Action action) {
  const graph::Node& node = graph_->nodes[action.node];
  const Child child = ChildOf(node, action);
  const std::string object = child.Name();
  Trial trial = TrialOf(action);
  kube::ApplyOptions options = ApplyAs(api::field_manager::kApplySet, SecrecyOf(node));
  auto answer = co_await deps_.client.Apply(node.mapping.gvr, json::Value(*action.desired, {}),
                                            std::move(options), cancel_);
  if (answer) {
    if (const auto lease = api_->KindLease(node.mapping.gvr)) lease->ObserveWrite(*answer);
    api_->applied_fields().Remember(*answer, *action.desired, std::string(action.hash));
    api_->NoteApplied(*instance_, child);
    if (!action.ns.empty()) Memo().missing_namespaces.erase(std::string(action.ns));
    Conclude(action, std::make_shared<const json::Value>(std::move(*answer)));
  } else {
    const kube::ApiError& error = answer.error();
    const SetbackCause cause = CauseOf(error);
    if (cause == SetbackCause::kMissingKind) deps_.mapper.Forget(node.gvk.group);
    Error told = Told(error, cause, node, object);
    if (error.code() != ErrorCode::kCancelled) {
      if (!error.answered()) Memo().uncertain = true;
      if (cause == SetbackCause::kMissing && !action.ns.empty()) {
        Memo().missing_namespaces[std::string(action.ns)] = NamespaceUid(action.ns);
        AwaitNamespace(std::string(action.ns));
      }
      const Setback& setback =
          api_->NoteRefusal(*instance_, child, std::move(trial), error, told, deps_.random);
      api_->logger().Warning(
          "child not applied",
          {{"namespace", instance_->key().name_space},
           {"name", instance_->key().name},
           {"node", node.id},
           {"child", object},
           {"cause", ToString(setback.cause)},
           {"attempt", setback.attempts},
           {"retry_in_seconds", std::chrono::duration<double>(setback.next - Now()).count()},
           {"error", told.message()}});
    }
    pass_->Failed(action, std::move(told));
  }
}

Task<void> InstanceReconciler::Pass::Observe(runtime::Action action) {
  const graph::Node& node = graph_->nodes[action.node];
  kube::LabelSelector selector;
  if (node.IsList() && action.selector != nullptr) {
    auto parsed = kube::LabelSelector::FromObject(*action.selector);
    if (!parsed) {
      pass_->Failed(action,
                    Error(ErrorCode::kInvalid, fmt::format("invalid label selector for {}: {}",
                                                           node.id, parsed.error().message())));
      co_return;
    }
    selector = std::move(*parsed);
  }
  if (selector.SelectsNothing()) {
    pass_->Observed(action, {});
    co_return;
  }
  const WatchScope scope = ScopeOf(node, action, selector);
  used_references_.insert(scope);
  auto& references = Memo().references;
  auto found = references.find(scope);
  if (found == references.end()) {
    const auto wake = wake_;
    WatchListener listener{.on_change =
                               [wake](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
                                 if (ObjectDiffers(before, after)) wake();
                               },
                           .on_ready = wake};
    found = references.emplace(scope, deps_.fleet.Acquire(scope, node.reads, std::move(listener)))
                .first;
  }
  const std::shared_ptr<WatchFleet::Lease> lease = found->second;
  if (lease->store() == nullptr) {
    ++in_flight_;
    applies_.Spawn(Answer(action, ObserveLater(action, lease)));
  } else {
    co_await ObserveNow(action, *lease);
  }
}

Task<void> InstanceReconciler::Pass::ObserveLater(runtime::Action action,
                                                  std::shared_ptr<WatchFleet::Lease> lease) {
  const Duration patience = lease->since() + kWatchPatience - Now();
  if (patience > Duration::zero()) {
    // If it takes longer, the lease's listener wakes the instance.
    auto ready = co_await lease->WaitReady(patience, cancel_);
    static_cast<void>(ready);  // the store says
  }
  co_await ObserveNow(action, *lease);
}

Task<void> InstanceReconciler::Pass::ObserveNow(runtime::Action action, WatchFleet::Lease& lease) {
  const graph::Node& node = graph_->nodes[action.node];
  if (lease.store() == nullptr) {
    Error error = co_await WhyNotReadable(lease.scope());
    error.Push(node.IsList()
                   ? fmt::format("failed to list external collection {}", node.id)
                   : fmt::format("external ref get {} {}/{}", node.gvk, action.ns, action.name));
    pass_->Failed(action, std::move(error));
    co_return;
  }
  std::vector<runtime::LiveObject> objects;
  for (const kube::ObjectPtr& object : lease.Objects()) objects.push_back(LiveOf(object));
  pass_->Observed(action, std::move(objects));
}

Task<Error> InstanceReconciler::Pass::WhyNotReadable(WatchScope scope) {
  auto page = co_await deps_.client.ListPage(scope.gvr, scope.ns,
                                             {.label_selector = scope.label_selector,
                                              .field_selector = scope.FieldSelector(),
                                              .limit = 1,
                                              .content = kube::Content::kMetadata},
                                             cancel_);
  if (!page && kube::IsTypeMissing(page.error())) deps_.mapper.Forget(scope.gvr.group);
  if (!page) co_return page.error();
  co_return Error(ErrorCode::kUnavailable,
                  fmt::format("{} is not watched yet", scope.gvr.ToString()));
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::Prune(runtime::Outcome& outcome) {
  if (!outcome.may_prune) co_return std::nullopt;
  // Kinds that the graph does not make any more.
  std::set<api::GroupKind> extra;
  for (const api::GroupKind& kind : set_->remembered().group_kinds) {
    if (!outcome.content.group_kinds.contains(kind)) extra.insert(kind);
  }
  for (const api::GroupKind& kind : extra) {
    if (const auto lease = api_->KindLease(kind); lease != nullptr) continue;
    auto mapping = co_await deps_.mapper.ForGroupKind(kind.group, kind.kind, cancel_);
    if (!mapping && kube::IsNotFound(mapping.error())) continue;  // nothing is left of it
    if (!mapping) {
      prune_text_ = fmt::format("list orphans failed: RESTMapping failed for {}: {}",
                                kind.ToString(), mapping.error().message());
      continue;
    }
    const auto lease = api_->WatchKind(mapping->gvk, mapping->gvr, instance_->key());
    if (auto ready = co_await lease->WaitReady(kWatchPatience, cancel_); !ready) {
      const Error why = co_await WhyNotReadable(lease->scope());
      prune_text_ =
          fmt::format("list orphans failed: list {}{}: {}", mapping->gvr,
                      mapping->scope == kube::ResourceScope::kNamespaced ? " in " + HomeNamespace()
                                                                         : std::string(),
                      why.message());
    }
  }
  api_->SetExtraKinds(instance_->key(), extra);
  leftovers_ = !prune_text_.empty();

  const auto members = api_->MembersOf(pass_->apply_set());
  auto plan = runtime::PlanPrune(members, outcome.desired, pass_->apply_set());
  if (!plan.terminating.empty()) leftovers_ = pruning_ = true;
  lingering_ = TellOfLingering(std::move(plan.terminating), executor().clock().Now());
  for (const auto& wave : plan.waves) {
    std::vector<runtime::Deletion> due;
    for (const runtime::Deletion& deletion : wave) {
      if (api_->IsLeaving(deletion.uid)) {
        leftovers_ = true;
        pruning_ = pruning_ || api_->IsHeld(deletion.uid);
      } else {
        due.push_back(deletion);
      }
    }
    if (due.empty()) continue;
    auto deleted = co_await DeleteMembers(deps_.client, *api_, graph_, std::move(due), cancel_);
    if (deleted.terminating > 0) leftovers_ = pruning_ = true;
    if (deleted.replaced > 0) leftovers_ = true;
    if (deleted.replaced > 0 && prune_text_.empty()) {
      prune_text_ = "prune encountered UID conflicts; retrying";
    }
    if (deleted.failure) {
      leftovers_ = true;
      prune_text_ = fmt::format("prune failed: {}", deleted.failure->message());
      outcome.state = api::state::kInProgress;
      break;
    }
    // It may be there still, and need what the next wave takes away.
    if (deleted.replaced > 0) break;
  }
  co_return std::nullopt;
}

Task<InstanceReconciler::Pass::Step> InstanceReconciler::Pass::Shrink(
    const runtime::Outcome& outcome) {
  if (!outcome.may_prune || leftovers_ || set_->remembered() == outcome.content) {
    co_return std::nullopt;
  }
  kube::ApplyOptions options =
      ApplyAs(api::field_manager::kApplySetParent, SecrecyOf(graph_.get()));
  auto answer = co_await deps_.client.Apply(api_->api().gvr, set_->Write(outcome.content),
                                            std::move(options), cancel_);
  // An inventory that names too much does no harm until another look writes it.
  if (!answer) {
    inventory_is_open_ = true;
    co_return std::nullopt;
  }
  api_->parents().ObserveWrite(*answer);
  api_->SetExtraKinds(instance_->key(), {});
  co_return std::nullopt;
}

Task<Result<NextLook>> InstanceReconciler::Pass::Report(runtime::Outcome outcome) {
  api_->SetClaims(*instance_, std::move(claims_));
  InstanceMemo& memo = Memo();
  memo.setbacks.DropUnused();
  memo.contests.DropRested(Now());
  const bool undecided = std::ranges::any_of(
      outcome.nodes, [](const auto& node) { return node.state == runtime::NodeState::kPending; });
  if (!undecided) {
    std::erase_if(memo.references,
                  [&](const auto& entry) { return !used_references_.contains(entry.first); });
  }

  runtime::InstanceStatus status(instance_->value(), Today());
  status.Managed();
  status.Resolved();
  std::optional<MonotonicTime> retry_at = memo.contests.Next(Now());
  if (const Setback* next = memo.setbacks.Next(deps_.settings.queue_max_retries)) {
    retry_at = std::min(retry_at.value_or(next->next), next->next);
  }
  std::optional<Duration> telling;
  if (outcome.ready) {
    memo.waits.reset();
    memo.missing_namespaces.clear();
  } else {
    if (memo.waits == nullptr) memo.waits = std::make_unique<Waits>();
    outcome.message +=
        memo.waits->Tell(*graph_, outcome, memo.setbacks, StoredMessages(instance_->value()),
                         {.monotonic = Now(), .wall = executor().clock().Now()});
    telling = memo.waits->next();
    outcome.message += lingering_.text;
  }
  if (lingering_.next) telling = std::min(telling.value_or(*lingering_.next), *lingering_.next);
  // Then the queue decides when to look again, and not one of the waits above.
  const bool prune_failed = outcome.ready && !prune_text_.empty();
  const std::string attempt =
      prune_failed && !retry_at && memo.setbacks.empty() ? TextOfNextAttempt() : std::string();
  if (prune_failed) {
    status.ResourcesFailed(prune_text_ + lingering_.text + attempt);
  } else if (outcome.ready && pruning_) {
    status.ResourcesFailed("cluster mutated" + lingering_.text);
  } else {
    status.Resources(outcome);
  }
  co_await WriteRunning(status, outcome, attempt.empty() ? Words::kMayWait : Words::kNow);
  if (status_failure_) co_return std::unexpected(std::move(*status_failure_));
  if (words_later_) telling = std::min(telling.value_or(*words_later_), *words_later_);

  if (outcome.ready && !leftovers_ && inventory_is_open_) co_return NextLook::BackOff();
  if (outcome.ready && !leftovers_ && !telling) co_return NextLook::OnEvent();
  if (retry_at) {
    const Duration left = std::max<Duration>(*retry_at - Now(), std::chrono::milliseconds(1));
    co_return NextLook::After(std::min(left, telling.value_or(left)));
  }
  if (!Memo().setbacks.empty()) co_return NextLook::OnEvent();  // tried often enough
  const bool failed =
      !prune_text_.empty() || std::ranges::any_of(outcome.nodes, [](const auto& node) {
        return node.state == runtime::NodeState::kError ||
               node.state == runtime::NodeState::kConflicting;
      });
  if (failed) co_return NextLook::BackOff();
  const NextLook soon = Soon();
  if (!telling) co_return soon;
  co_return NextLook::After(soon.kind == NextLook::Kind::kOnEvent ? *telling
                                                                  : std::min(soon.delay, *telling));
}

Task<Result<NextLook>> InstanceReconciler::Pass::Suspended() {
  bool written = false;
  if (auto ended = co_await WriteParent({}, written)) co_return std::move(*ended);
  if (written) StartPass();
  runtime::Outcome outcome = co_await pass_->Finish();
  if (NeedsPool()) co_return NextLook::OnEvent();
  runtime::InstanceStatus status(instance_->value(), Today());
  status.Managed();
  status.Resolved();
  status.Suspended();
  co_await WriteRunning(status, outcome, Words::kNow);
  if (status_failure_) co_return std::unexpected(std::move(*status_failure_));
  co_return NextLook::OnEvent();
}

Task<void> InstanceReconciler::Pass::ReportUnmanaged(std::string cause) {
  if (pass_ == nullptr) StartPass();
  runtime::Outcome outcome = co_await pass_->Finish();
  runtime::InstanceStatus status(instance_->value(), Today());
  status.ManagementFailed(fmt::format("finalizer/labeling failed: {}", cause));
  co_await WriteRunning(status, outcome, Words::kNow);
}

Task<void> InstanceReconciler::Pass::ReportFailure(std::string cause) {
  if (pass_ == nullptr) StartPass();
  runtime::Outcome outcome = co_await pass_->Finish();
  outcome.state = api::state::kInProgress;
  runtime::InstanceStatus status(instance_->value(), Today());
  status.Managed();
  status.Resolved();
  status.ResourcesFailed(cause);
  co_await WriteRunning(status, outcome, Words::kNow);
}

Task<void> InstanceReconciler::Pass::WriteRunning(const runtime::InstanceStatus& status,
                                                  const runtime::Outcome& outcome, Words words) {
  std::optional<runtime::AuthorConditions> author;
  if (!graph_->conditions.empty()) author = co_await pass_->Conditions(status.conditions());
  if (NeedsPool()) co_return;
  json::Value wanted = status.Running(outcome, author ? &*author : nullptr);
  if (words == Words::kMayWait) words_later_ = TimeForWords(wanted);
  if (words_later_) co_return;
  co_await WriteStatus(std::move(wanted));
}

std::optional<Duration> InstanceReconciler::Pass::TimeForWords(const json::Value& wanted) {
  std::optional<MonotonicTime>& since = Memo().other_words_since;
  const json::Value* stored = json::Find(instance_->value(), "status");
  if (runtime::SameStatus(stored, wanted) || !runtime::SameButMessages(stored, wanted)) {
    since.reset();
    return std::nullopt;
  }
  if (!since) since = Now();
  const Duration left = *since + kWordsPatience - Now();
  if (left > Duration::zero()) return left;
  since.reset();
  return std::nullopt;
}

Task<void> InstanceReconciler::Pass::WriteStatus(json::Value wanted) {
  auto written = co_await writer_.Write(*api_, instance_, std::move(wanted), cancel_);
  if (!written) status_failure_ = written.error();
}

Task<void> InstanceReconciler::Pass::WriteUnresolved(std::string message) {
  runtime::InstanceStatus status(instance_->value(), Today());
  status.ResolutionFailed(message);
  const bool author = api_->graph() != nullptr && !api_->graph()->conditions.empty();
  co_await WriteStatus(status.Unresolved(author ? runtime::ConditionsBlock::kAuthor
                                                : runtime::ConditionsBlock::kNone));
}

NextLook InstanceReconciler::Pass::Soon() const {
  const Duration interval = deps_.settings.instance_requeue_interval;
  if (interval <= Duration::zero()) return NextLook::OnEvent();
  const double spread = 0.9 + 0.1 * deps_.random();
  return NextLook::After(
      Duration(static_cast<Duration::rep>(static_cast<double>(interval.count()) * spread)));
}

namespace {

bool MustBeWritten(const runtime::Action& action) {
  return action.kind != runtime::Action::Kind::kRead &&
         (!action.same_as_applied || action.live == nullptr);
}

kube::ApplyOptions ApplyAs(std::string_view manager, Secrecy secrecy) {
  return {.field_manager = std::string(manager),
          .on_conflict = kube::OnConflict::kTakeOver,
          .field_validation = kube::FieldValidation::kIgnore,
          .warnings = WarningsOf(secrecy)};
}

Secrecy SecrecyOf(const graph::Node& node) {
  return node.confidential.empty() ? Secrecy::kNone : Secrecy::kConfidential;
}

Child ChildOf(const graph::Node& node, const runtime::Action& action) {
  return {node.mapping.gvr, {std::string(action.ns), std::string(action.name)}};
}

bool WasTouched(const runtime::Action& action) {
  const auto hash_of = [](const json::Value& object) {
    return json::FindString(object, {"metadata", "annotations", api::annotation::kDesiredHash});
  };
  const std::string_view applied = hash_of(*action.live);
  if (applied.empty() || applied == action.hash) return true;
  // Of another hash: either we wrote it, for something else, or somebody put it in the place of ours.
  const auto entry = kube::FindApplyEntry(*action.live, api::field_manager::kApplySet);
  if (!entry || !*entry) return false;
  const json::Value ours = json::Object{
      {"metadata",
       json::Object{{"annotations", json::Object{{api::annotation::kDesiredHash, applied}}}}}};
  return !(*entry)->fields.Missing(ours).empty();
}

Error Told(const kube::ApiError& error, SetbackCause cause, const graph::Node& node,
           std::string_view object) {
  if (cause == SetbackCause::kMissingKind) return MissingKind(node.gvk);
  const Error text = Tellable(error, SecrecyOf(node));
  const auto fields = ImmutableFields(error.status());
  if (!fields) return text;
  return Error(text.code(), text.message() + TellOfReplacement(object, *fields));
}

Error MissingKind(const api::Gvk& gvk) {
  return Error(
      ErrorCode::kPending,
      fmt::format("project failed: RESTMapping failed for {}: no matches for kind \"{}\" in "
                  "version \"{}\"",
                  gvk, gvk.kind, gvk.ApiVersion()));
}

WatchScope NamespaceScope(std::string name) {
  return {.gvr = {"", "v1", "namespaces"}, .name = std::move(name), .sharing = Sharing::kShared};
}

WatchScope ScopeOf(const graph::Node& node, const runtime::Action& action,
                   const kube::LabelSelector& selector) {
  return {.gvr = node.mapping.gvr,
          .ns = std::string(action.ns),
          .name = node.IsList() ? std::string() : std::string(action.name),
          .label_selector = node.IsList() ? selector.ToString() : std::string(),
          .sharing = Sharing::kShared};
}

}  // namespace
}  // namespace kro::controller
