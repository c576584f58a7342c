#include "apiserver/internal/eviction.h"

#include <fmt/format.h>

#include <vector>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/controller.h"
#include "apiserver/controllers/disruption_budget.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxDisruptedPods = 2000;

// deleteOptions, where the query may say that it is a dry run.
Answer<DeleteOptions> OptionsOf(const json::Value& eviction, const WriteOptions& options);
// Its end disrupts nobody: it does not run, or goes anyway.
bool NeedsNoBudget(const json::Value& pod);
// Takes one disruption from the budget of the pod, if it has one.
Answer<void> TakeFromBudget(Core& core, const StoredObject& stored, const json::Value& pod,
                            bool dry_run);
bool MayGoUnhealthy(const json::Value& budget);
Answer<void> CheckBudget(const json::Value& budget);
std::string WhyUsedUp(const json::Value& budget);
kube::Status TooManyRequests(std::string cause);
// Notes in its status why the pod ends.
StoredPtr MarkDisrupted(Core& core, const Resource& resource, json::Value pod);

}  // namespace

Answer<void> Evict(Core& core, const WriteRequest& request, const WriteOptions& options,
                   const json::Value& eviction) {
  const Resource& resource = *request.resource;
  if (StringAt(eviction, {"metadata", "name"}) != request.name) {
    return BadRequest("name in URL does not match name in Eviction object");
  }
  auto deletion = OptionsOf(eviction, options);
  if (!deletion) return std::unexpected(deletion.error());
  std::vector<std::string> unheard;
  if (auto admitted = core.admission.Check({.operation = "CREATE",
                                            .resource = resource,
                                            .subresource = request.subresource,
                                            .name_space = request.name_space,
                                            .name = request.name,
                                            .object = &eviction,
                                            .user = request.user,
                                            .dry_run = deletion->dry_run},
                                           unheard);
      !admitted) {
    return admitted;
  }
  StoredPtr live = core.CollectionOf(resource).Find(request.name_space, request.name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  json::Value pod = ObjectValue(resource, *live);
  if (!NeedsNoBudget(pod)) {
    if (auto taken = TakeFromBudget(core, *live, pod, deletion->dry_run); !taken) return taken;
  }
  if (auto meant = CheckPreconditions(resource, *live, *deletion); !meant) return meant;
  if (!deletion->dry_run) {
    const StoredPtr marked = MarkDisrupted(core, resource, std::move(pod));
    if (!deletion->resource_version.empty()) {
      deletion->resource_version = std::to_string(marked->revision);
    }
  }
  auto deleted = Delete(core, resource, request.name_space, request.name, *deletion);
  if (!deleted) return std::unexpected(deleted.error());
  return {};
}

namespace {

Answer<DeleteOptions> OptionsOf(const json::Value& eviction, const WriteOptions& options) {
  json::Value given = ObjectAt(eviction, {"deleteOptions"});
  if (BoolAt(given, {"ignoreStoreReadErrorWithClusterBreakingPotential"})) {
    return std::unexpected(
        InvalidStatus("Eviction", "policy", StringAt(eviction, {"metadata", "name"}),
                      {Invalid("deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential",
                               json::Value(true),
                               "can not be set for pod eviction, try after removing the option")}));
  }
  const json::Array all = {"All"};
  const json::Array& dry_run = ArrayAt(given, {"dryRun"});
  if (options.dry_run && dry_run.empty()) {
    given.get_object()["dryRun"] = all;
  } else if (options.dry_run && dry_run != all) {
    std::vector<std::string_view> words;
    for (const json::Value& word : dry_run) words.push_back(word.get_string());
    return std::unexpected(PlainErrorStatus(
        fmt::format("Non-matching dry-run options in request and content: [All] and [{}]",
                    fmt::join(words, " "))));
  }
  auto parsed = ParseDeleteOptions(given);
  if (parsed) parsed->admitted = true;
  return parsed;
}

bool NeedsNoBudget(const json::Value& pod) {
  std::string_view phase = StringAt(pod, {"status", "phase"});
  return phase == "Pending" || !IsPodActive(pod);
}

Answer<void> TakeFromBudget(Core& core, const StoredObject& stored, const json::Value& pod,
                            bool dry_run) {
  ControllerClient client(core, "kube-apiserver");
  std::vector<json::Value> budgets;
  for (const StoredPtr& one : client.List(kBudgets, stored.name_space)) {
    json::Value budget = client.ValueOf(kBudgets, *one);
    if (Selects(budget, stored)) budgets.push_back(std::move(budget));
  }
  if (budgets.empty()) return {};
  if (budgets.size() > 1) {
    return std::unexpected(PlainErrorStatus(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
        "support."));
  }
  json::Value& budget = budgets.front();
  if (!IsPodReady(pod) && MayGoUnhealthy(budget)) return {};
  if (auto allowed = CheckBudget(budget); !allowed) return allowed;
  if (dry_run) return {};

  const std::string now = client.Now();
  const std::int64_t left = IntAt(budget, {"status", "disruptionsAllowed"}) - 1;
  json::Object& status = Child(budget.as_object(), "status");
  Child(status, "disruptedPods")[stored.name] = now;
  if (left == 0) {
    SetDisruptionsAllowed(budget, left, now);
  } else {
    status["disruptionsAllowed"] = left;
  }
  if (auto written = client.Update(kBudgets, budget, "status"); !written) {
    return std::unexpected(written.error());
  }
  return {};
}

// A pod that serves nobody does not count, where the policy or enough healthy ones let it go.
bool MayGoUnhealthy(const json::Value& budget) {
  const std::int64_t desired = IntAt(budget, {"status", "desiredHealthy"});
  return StringAt(budget, {"spec", "unhealthyPodEvictionPolicy"}) == "AlwaysAllow" ||
         (desired > 0 && IntAt(budget, {"status", "currentHealthy"}) >= desired);
}

Answer<void> CheckBudget(const json::Value& budget) {
  std::string_view name = StringAt(budget, {"metadata", "name"});
  const auto forbidden = [&](std::string_view why) {
    return std::unexpected(ForbiddenStatus({"policy", "poddisruptionbudget", name}, why));
  };
  if (IntAt(budget, {"status", "observedGeneration"}) < IntAt(budget, {"metadata", "generation"})) {
    kube::Status status = TooManyRequests(
        fmt::format("The disruption budget {} is still being processed by the server.", name));
    status.retry_after = std::chrono::seconds(10);
    return std::unexpected(std::move(status));
  }
  const std::int64_t allowed = IntAt(budget, {"status", "disruptionsAllowed"});
  if (allowed < 0) return forbidden("pdb disruptions allowed is negative");
  if (ObjectAt(budget, {"status", "disruptedPods"}).size() > kMaxDisruptedPods) {
    return forbidden(
        "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  }
  if (allowed == 0) return std::unexpected(TooManyRequests(WhyUsedUp(budget)));
  return {};
}

std::string WhyUsedUp(const json::Value& budget) {
  std::string_view name = StringAt(budget, {"metadata", "name"});
  std::string_view reason;
  std::string_view message;
  if (const json::Value* condition = FindCondition(budget, "DisruptionAllowed");
      condition != nullptr && StringAt(*condition, {"status"}) == "False") {
    reason = StringAt(*condition, {"reason"});
    message = StringAt(*condition, {"message"});
  }
  if (!message.empty() && reason == "SyncFailed") {
    return fmt::format(
        "The disruption budget {} does not allow evicting pods currently because it failed sync: "
        "{}",
        name, message);
  }
  const std::int64_t desired = IntAt(budget, {"status", "desiredHealthy"});
  const std::int64_t healthy = IntAt(budget, {"status", "currentHealthy"});
  if (healthy <= desired) {
    return fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", name,
                       desired, healthy);
  }
  std::string why =
      fmt::format("The disruption budget {} does not allow evicting pods currently", name);
  if (!message.empty()) why += fmt::format(" ({}): {}", reason, message);
  return why;
}

kube::Status TooManyRequests(std::string cause) {
  kube::Status status;
  status.code = 429;
  status.reason = "TooManyRequests";
  status.message = "Cannot evict pod as it would violate the pod's disruption budget.";
  status.causes.push_back({"DisruptionBudget", std::move(cause), ""});
  return status;
}

StoredPtr MarkDisrupted(Core& core, const Resource& resource, json::Value pod) {
  SetPodCondition(pod,
                  {"DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting"},
                  FormatTime(core.clock.Now()));
  return core.store.Put(core.CollectionOf(resource), ToStored(pod));
}

}  // namespace
}  // namespace kro::apiserver
