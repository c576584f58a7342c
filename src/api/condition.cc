#include "api/condition.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "api/constants.h"

namespace kro::api {
namespace {

ConditionTypes MakeTypes(std::initializer_list<std::string_view> dependents,
                         std::initializer_list<std::string_view> pruned = {});

}  // namespace

std::string_view ToString(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue:
      return "True";
    case ConditionStatus::kFalse:
      return "False";
    case ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

ConditionStatus ParseConditionStatus(std::string_view text) {
  if (text == "True") return ConditionStatus::kTrue;
  if (text == "False") return ConditionStatus::kFalse;
  return ConditionStatus::kUnknown;
}

json::Value ToJson(const Condition& condition, EmptyTexts empty) {
  json::Object object;
  object["type"] = condition.type;
  object["status"] = ToString(condition.status);
  if (condition.last_transition_time) {
    object["lastTransitionTime"] = FormatTimestamp(*condition.last_transition_time);
  }
  const auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty() || empty == EmptyTexts::kWrite) object[name] = value;
  };
  text("reason", condition.reason);
  text("message", condition.message);
  if (condition.observed_generation != 0) {
    object["observedGeneration"] = condition.observed_generation;
  }
  return object;
}

Condition ConditionFromJson(const json::Value& value) {
  Condition condition;
  condition.type = json::FindString(value, {"type"});
  condition.status = ParseConditionStatus(json::FindString(value, {"status"}));
  condition.reason = json::FindString(value, {"reason"});
  condition.message = json::FindString(value, {"message"});
  condition.last_transition_time = ParseTimestamp(json::FindString(value, {"lastTransitionTime"}));
  if (const auto* generation = json::Find(value, "observedGeneration");
      generation != nullptr && generation->is_int64()) {
    condition.observed_generation = generation->get_int64();
  }
  return condition;
}

std::string FormatTimestamp(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<Timestamp> ParseTimestamp(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
  };
  std::size_t zone = kShape.size();
  if (text[zone] == '.') zone = text.find_first_not_of("0123456789", zone + 1);
  if (zone == std::string_view::npos) return std::nullopt;

  std::chrono::seconds offset{0};
  if (text.substr(zone) != "Z") {
    const bool shaped = text.size() == zone + 6 && (text[zone] == '+' || text[zone] == '-') &&
                        text[zone + 3] == ':';
    if (!shaped) return std::nullopt;
    offset = std::chrono::hours(number(zone + 1, 2)) + std::chrono::minutes(number(zone + 4, 2));
    if (text[zone] == '-') offset = -offset;
  }
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(number(11, 2)) +
         std::chrono::minutes(number(14, 2)) + std::chrono::seconds(number(17, 2)) - offset;
}

const ConditionTypes& RgdConditions() {
  static const ConditionTypes types =
      MakeTypes({condition::kGraphRevisionsResolved, condition::kGraphAccepted,
                 condition::kKindReady, condition::kControllerReady},
                {condition::kResourceGraphAccepted});
  return types;
}

const ConditionTypes& GraphRevisionConditions() {
  static const ConditionTypes types = MakeTypes({condition::kGraphVerified});
  return types;
}

const ConditionTypes& InstanceConditions() {
  static const ConditionTypes types = MakeTypes(
      {condition::kInstanceManaged, condition::kGraphResolved, condition::kResourcesReady});
  return types;
}

ConditionSet::ConditionSet(const ConditionTypes& types, ConditionOwner owner,
                           std::vector<Condition> stored, Timestamp now)
    : types_(&types), owner_(owner), conditions_(std::move(stored)) {
  std::erase_if(conditions_, [&](const Condition& condition) {
    return std::ranges::find(types.pruned, condition.type) != types.pruned.end();
  });
  const auto open = [&](const std::string& type) {
    if (Find(type) != nullptr) return;
    Set(type, ConditionStatus::kUnknown, reason::kAwaitingReconciliation,
        fmt::format("condition \"{}\" is awaiting reconciliation", type), now);
  };
  open(types.root);
  for (const auto& type : types.dependents) open(type);
}

void ConditionSet::Set(std::string_view type, ConditionStatus status, std::string_view reason,
                       std::string_view message, Timestamp now) {
  Condition next{std::string(type),    status,       std::string(reason),
                 std::string(message), std::nullopt, owner_.generation};
  const auto stored = std::ranges::find(conditions_, type, &Condition::type);
  if (stored != conditions_.end()) {
    next.last_transition_time = stored->status == status ? stored->last_transition_time : now;
    if (*stored == next) return;
    // What was set last stands last among those of the same time.
    *stored = std::move(next);
    std::rotate(stored, stored + 1, conditions_.end());
  } else {
    const bool ours = type == types_->root || IsDependent(type);
    next.last_transition_time = ours ? owner_.created : std::optional(now);
    conditions_.push_back(std::move(next));
  }
  if (owner_.deleting) {
    for (auto& condition : conditions_) condition.observed_generation = owner_.generation;
  }
  if (type != types_->root) RecomputeRoot(now);
  Sort();
}

bool ConditionSet::Clear(std::string_view type) {
  if (type == types_->root || IsDependent(type)) return false;
  std::erase_if(conditions_, [&](const Condition& condition) { return condition.type == type; });
  return true;
}

const Condition* ConditionSet::Find(std::string_view type) const {
  const auto found = std::ranges::find(conditions_, type, &Condition::type);
  return found == conditions_.end() ? nullptr : &*found;
}

ConditionStatus ConditionSet::StatusOf(std::string_view type) const {
  const Condition* found = Find(type);
  return found == nullptr ? ConditionStatus::kUnknown : found->status;
}

bool ConditionSet::RootReady() const {
  const Condition* root = Find(types_->root);
  return root != nullptr && root->status == ConditionStatus::kTrue &&
         root->observed_generation == owner_.generation;
}

json::Value ConditionSet::ToJson() const {
  json::Array array;
  for (const auto& condition : conditions_) array.push_back(api::ToJson(condition));
  return array;
}

bool ConditionSet::IsDependent(std::string_view type) const {
  return std::ranges::find(types_->dependents, type) != types_->dependents.end();
}

// The newest False dependent decides, else the newest Unknown one. All True, but some for an older
// generation: nothing is known that is worth saying, so the root stays.
void ConditionSet::RecomputeRoot(Timestamp now) {
  const Condition* worst = nullptr;
  bool stale = false;
  for (const auto& condition : conditions_) {
    if (!IsDependent(condition.type)) continue;
    if (condition.status == ConditionStatus::kTrue) {
      stale = stale || condition.observed_generation != owner_.generation;
      continue;
    }
    const bool worse =
        worst == nullptr || (condition.status == worst->status
                                 ? condition.last_transition_time > worst->last_transition_time
                                 : condition.status == ConditionStatus::kFalse);
    if (worse) worst = &condition;
  }
  if (worst != nullptr) {
    const Condition cause = *worst;
    Set(types_->root, cause.status, cause.reason, cause.message, now);
  } else if (!stale) {
    Set(types_->root, ConditionStatus::kTrue, types_->root, "", now);
  }
}

void ConditionSet::Sort() {
  const auto before = [&](const Condition& a, const Condition& b) {
    const bool a_is_root = a.type == types_->root;
    const bool b_is_root = b.type == types_->root;
    if (a_is_root || b_is_root) return !a_is_root && b_is_root;
    return a.last_transition_time < b.last_transition_time;
  };
  // Insertion keeps the order of equals; there are only a few.
  for (auto next = conditions_.begin(); next != conditions_.end(); ++next) {
    std::rotate(std::upper_bound(conditions_.begin(), next, *next, before), next, next + 1);
  }
}

namespace {

ConditionTypes MakeTypes(std::initializer_list<std::string_view> dependents,
                         std::initializer_list<std::string_view> pruned) {
  ConditionTypes types;
  types.root = condition::kReady;
  for (const auto type : dependents) types.dependents.emplace_back(type);
  for (const auto type : pruned) types.pruned.emplace_back(type);
  return types;
}

}  // namespace
}  // namespace kro::api
