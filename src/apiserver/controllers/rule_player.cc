#include "apiserver/controllers/rule_player.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/internal/object_view.h"
#include "json/patch.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kManager = "kro-dev-rules";

std::string Named(const json::Value& object);

}  // namespace

RulePlayer::RulePlayer(Core& core, std::function<void(std::string)> report)
    : core_(core), client_(core, kManager), report_(std::move(report)) {}

void RulePlayer::Play(RuleSet rules) {
  rules_ = std::make_shared<const RuleSet>(std::move(rules));
  ++generation_;
  waiting_.clear();
  std::vector<std::pair<const Collection*, StoredPtr>> all;
  core_.store.ForEach([&](const Collection& collection, const StoredObject& object) {
    all.emplace_back(&collection, collection.Find(object.name_space, object.name));
  });
  for (const auto& [collection, object] : all) {
    Consider(*collection, {ChangeType::kAdded, object->revision, object, nullptr, {}});
  }
}

void RulePlayer::OnChange(const Collection& collection, const Change& change) {
  if (rules_ != nullptr && !rules_->rules.empty()) Consider(collection, change);
}

void RulePlayer::Consider(const Collection& collection, const Change& change) {
  for (std::size_t i = 0; i < rules_->rules.size(); ++i) {
    const Rule& rule = rules_->rules[i];
    if (rule.kind.group != collection.group()) continue;
    const bool wanted = change.type == ChangeType::kAdded      ? rule.created
                        : change.type == ChangeType::kModified ? rule.updated
                                                               : rule.deleted;
    if (!wanted) continue;
    ResourcePtr resource =
        core_.registry.FindKind(rule.kind.group, rule.kind.version, rule.kind.kind);
    if (resource == nullptr || resource->name != collection.resource()) continue;
    if (!waiting_.emplace(i, change.object->uid).second) continue;
    // A moment at least, so that rules that answer each other do not hold up everything else.
    const Duration after = std::max(rule.after, core_.options.controller_latency);
    core_.agenda.At(
        core_.clock.Monotonic() + after,
        [this, i, generation = generation_, rules = rules_, group = resource->group,
         name = resource->name, object = change.object, old = change.previous, type = change.type] {
          if (generation != generation_) return;
          waiting_.erase({i, object->uid});
          Act(rules->rules[i], group, name, object, old, type);
        });
  }
}

void RulePlayer::Act(const Rule& rule, const std::string& group, const std::string& name,
                     const StoredPtr& object, const StoredPtr& old, ChangeType type) {
  ResourcePtr resource = core_.registry.Find(group, rule.kind.version, name);
  if (resource == nullptr) return;
  StoredPtr now = object;
  if (type != ChangeType::kDeleted) {
    now = core_.CollectionOf(*resource).Find(object->name_space, object->name);
    if (now == nullptr || now->uid != object->uid || now->terminating()) return;
  }
  const json::Value current = ObjectValue(*resource, *now);
  const json::Value before = old == nullptr ? json::Value(nullptr) : ObjectValue(*resource, *old);
  if (auto done = Carry(rule, resource, current, before); !done) {
    report_(fmt::format("{}: {}{}: {}", rule.source, rule.name.empty() ? "" : rule.name + ": ",
                        Named(current), done.error().message()));
  }
}

Result<void> RulePlayer::Carry(const Rule& rule, const ResourcePtr& resource,
                               const json::Value& object, const json::Value& old) {
  if (rule.condition) {
    auto holds = rule.condition->Fill(object, old);
    // Data that is not there yet is no mistake: the rule waits for a change that brings it.
    if (!holds && holds.error().code() == ErrorCode::kPending) return {};
    if (!holds) return Annotate(holds, "if");
    if (!holds->is_bool()) return Fail(ErrorCode::kInvalid, "if: gives {}", json::TypeName(*holds));
    if (!holds->get_bool()) return {};
  }
  const api::Gvr gvr{resource->group, resource->version, resource->name};
  for (const ValueTemplate& wanted : rule.create) {
    auto made = wanted.Fill(object, old);
    if (!made) return Annotate(made, "create");
    if (auto done = Make(*std::move(made), object); !done) return Annotate(done, "create");
  }
  if (rule.patch) {
    auto patch = rule.patch->Fill(object, old);
    if (!patch) return Annotate(patch, "patch");
    if (auto done = Merge(gvr, object, *patch, ""); !done) return Annotate(done, "patch");
  }
  if (rule.status) {
    auto status = rule.status->Fill(object, old);
    if (!status) return Annotate(status, "status");
    json::Object patch;
    patch["status"] = *std::move(status);
    const bool apart = resource->FindSubresource("status") != nullptr;
    if (auto done = Merge(gvr, object, patch, apart ? "status" : ""); !done) {
      return Annotate(done, "status");
    }
  }
  if (rule.remove) {
    client_.Delete(gvr, json::FindString(object, {"metadata", "namespace"}),
                   json::FindString(object, {"metadata", "name"}),
                   json::FindString(object, {"metadata", "uid"}), "Background");
  }
  return {};
}

// The object is read again: an earlier part of the rule may have changed it.
Result<void> RulePlayer::Merge(const api::Gvr& gvr, const json::Value& object,
                               const json::Value& patch, std::string_view subresource) {
  auto latest = client_.Get(gvr, json::FindString(object, {"metadata", "namespace"}),
                            json::FindString(object, {"metadata", "name"}));
  if (!latest) return {};
  const json::Value merged = json::ApplyMergePatch(*latest, patch);
  if (merged == *latest) return {};
  auto written = client_.Update(gvr, merged, subresource);
  if (!written) return Fail(ErrorCode::kInvalid, "{}", written.error().message);
  return {};
}

// An object without a namespace is made where its cause is.
Result<void> RulePlayer::Make(json::Value object, const json::Value& cause) {
  auto kind =
      api::ParseGvk(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
  if (!kind) return std::unexpected(kind.error());
  ResourcePtr resource = core_.registry.FindKind(kind->group, kind->version, kind->kind);
  if (resource == nullptr) {
    return Fail(ErrorCode::kNotFound, "no kind {} is served", kind->ToString());
  }
  std::string name_space(json::FindString(object, {"metadata", "namespace"}));
  if (resource->namespaced() && name_space.empty()) {
    name_space = json::FindString(cause, {"metadata", "namespace"});
    if (name_space.empty()) name_space = "default";
    json::Find(object, "metadata")->as_object()["namespace"] = name_space;
  }
  const api::Gvr gvr{resource->group, resource->version, resource->name};
  auto created = client_.Create(gvr, name_space, object);
  if (created) return {};
  if (created.error().reason != "AlreadyExists") {
    return Fail(ErrorCode::kInvalid, "{}", created.error().message);
  }
  return Merge(gvr, object, object, "");
}

namespace {

std::string Named(const json::Value& object) {
  const std::string_view name_space = json::FindString(object, {"metadata", "namespace"});
  return fmt::format("{} {}{}{}", json::FindString(object, {"kind"}), name_space,
                     name_space.empty() ? "" : "/", json::FindString(object, {"metadata", "name"}));
}

}  // namespace
}  // namespace kro::apiserver
