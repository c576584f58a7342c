#include "apiserver/controllers/disruption_controller.h"

#include <algorithm>
#include <charconv>

#include "apiserver/controllers/disruption_budget.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

// Of status.disruptedPods what still counts: pods that are there and will soon be deleted.
json::Object DisruptedPods(const json::Value& budget, const std::vector<json::Value>& pods,
                           WallTime now);
// A number, or a percentage of `total` rounded up.
std::int64_t Scaled(const json::Value& number, std::int64_t total);

}  // namespace

void DisruptionController::Observe(const Collection& collection, const Change& change,
                                   const Enqueue& enqueue) {
  if (collection.group() == "policy" && collection.resource() == "poddisruptionbudgets") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (!collection.group().empty() || collection.resource() != "pods") return;
  for (const StoredPtr& budget : client_.List(kBudgets, change.object->name_space)) {
    if (Selects(client_.ValueOf(kBudgets, *budget), *change.object)) enqueue(KeyOf(*budget));
  }
}

std::optional<Duration> DisruptionController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto budget = client_.Get(kBudgets, name_space, name);
  if (!budget || !StringAt(*budget, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  std::vector<json::Value> pods;
  for (const StoredPtr& stored : client_.List(kPods, name_space)) {
    if (!Selects(*budget, *stored)) continue;
    json::Value pod = client_.ValueOf(kPods, *stored);
    if (IsPodActive(pod)) pods.push_back(std::move(pod));
  }
  const auto expected = static_cast<std::int64_t>(pods.size());
  json::Object disrupted = DisruptedPods(*budget, pods, client_.core().clock.Now());
  const std::int64_t healthy = std::ranges::count_if(pods, [&](const json::Value& pod) {
    return IsPodReady(pod) && !disrupted.contains(StringAt(pod, {"metadata", "name"}));
  });
  std::int64_t desired = 0;
  if (const json::Value* least = json::Find(std::as_const(*budget), {"spec", "minAvailable"})) {
    desired = Scaled(*least, expected);
  } else if (const json::Value* most =
                 json::Find(std::as_const(*budget), {"spec", "maxUnavailable"})) {
    desired = std::max<std::int64_t>(0, expected - Scaled(*most, expected));
  }
  const std::int64_t allowed = expected == 0 ? 0 : std::max<std::int64_t>(0, healthy - desired);
  json::Object& status = Child(budget->as_object(), "status");
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = desired;
  status["expectedPods"] = expected;
  status["observedGeneration"] = IntAt(std::as_const(*budget), {"metadata", "generation"});
  const bool recheck = !disrupted.empty();
  if (recheck) {
    status["disruptedPods"] = std::move(disrupted);
  } else {
    status.erase("disruptedPods");
  }
  SetDisruptionsAllowed(*budget, allowed, client_.Now());
  static_cast<void>(client_.Update(kBudgets, *budget, "status"));
  if (recheck) return kDisruptionTimeout;
  return std::nullopt;
}

namespace {

json::Object DisruptedPods(const json::Value& budget, const std::vector<json::Value>& pods,
                           WallTime now) {
  json::Object disrupted;
  const json::Object& noted = ObjectAt(budget, {"status", "disruptedPods"});
  for (const json::Value& pod : pods) {
    std::string_view name = StringAt(pod, {"metadata", "name"});
    const json::Value* when = noted.if_contains(name);
    if (when == nullptr || !when->is_string()) continue;
    auto since = ParseTime(when->get_string());
    if (since && *since + kDisruptionTimeout > now) disrupted[name] = *when;
  }
  return disrupted;
}

std::int64_t Scaled(const json::Value& number, std::int64_t total) {
  if (number.is_int64()) return number.get_int64();
  if (!number.is_string()) return 0;
  std::string_view text(number.get_string());
  std::int64_t percent = 0;
  std::from_chars(text.data(), text.data() + text.size(), percent);
  return (percent * total + 99) / 100;
}

}  // namespace
}  // namespace kro::apiserver
