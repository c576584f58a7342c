#include "apiserver/controllers/disruption_controller.h"

#include <algorithm>
#include <charconv>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

const api::Gvr kBudgets{"policy", "v1", "poddisruptionbudgets"};

bool Selects(const json::Value& budget, const StoredObject& pod);
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
  std::int64_t expected = 0;
  std::int64_t healthy = 0;
  for (const StoredPtr& stored : client_.List(kPods, name_space)) {
    if (!Selects(*budget, *stored)) continue;
    const json::Value pod = client_.ValueOf(kPods, *stored);
    if (!IsPodActive(pod)) continue;
    ++expected;
    if (IsPodReady(pod)) ++healthy;
  }
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
  status["disruptionsAllowed"] = allowed;
  status["expectedPods"] = expected;
  status["observedGeneration"] = IntAt(std::as_const(*budget), {"metadata", "generation"});
  SetCondition(*budget,
               {"DisruptionAllowed", allowed > 0 ? "True" : "False",
                allowed > 0 ? "SufficientPods" : "InsufficientPods", ""},
               client_.Now());
  static_cast<void>(client_.Update(kBudgets, *budget, "status"));
  return std::nullopt;
}

namespace {

bool Selects(const json::Value& budget, const StoredObject& pod) {
  const json::Value* selector = json::Find(budget, {"spec", "selector"});
  if (selector == nullptr) return false;
  auto read = kube::LabelSelector::FromObject(*selector);
  return read && read->Matches([&](std::string_view key) -> std::optional<std::string_view> {
    for (const auto& [name, value] : pod.labels) {
      if (name == key) return value;
    }
    return std::nullopt;
  });
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
