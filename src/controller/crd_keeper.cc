#include "controller/crd_keeper.h"

#include <algorithm>
#include <utility>

#include "api/constants.h"
#include "api/identity.h"
#include "base/hash.h"
#include "controller/definition.h"
#include "schema/compatibility.h"
#include "schema/crd_synthesis.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

std::string SpecHashOf(const json::Value& crd);
api::Labels LabelsOf(const json::Value& object);
json::Value BookkeepingOf(const kube::StoredObject& crd);
const json::Value* FindCondition(const kube::StoredObject& crd, std::string_view type);
bool WasWrittenByUs(const json::Value& crd);
Error Refusal(const std::string& name, std::string_view why);

// Whom the server names in managedFields for what is written here.
constexpr std::string_view kFieldManager = "kro";

}  // namespace

Task<Result<CrdState>> CrdKeeper::Ensure(json::Value desired, CrdOwner owner, CancelToken cancel) {
  const std::string name(json::FindString(desired, {"metadata", "name"}));
  const std::string group(json::FindString(desired, {"spec", "group"}));
  const std::string hash = SpecHashOf(desired);

  const kube::ObjectPtr stored = stores_.crds.store().Get({{}, name});
  const auto settled = settled_.find(name);
  if (stored != nullptr && settled != settled_.end() && settled->second.desired_hash == hash &&
      settled->second.owner_uid == owner.uid && settled->second.uid == stored->uid() &&
      settled->second.rest_hash == stored->rest_hash() &&
      settled->second.metadata == BookkeepingOf(*stored)) {
    co_return StateOf(name);
  }
  if (stored != nullptr && IsAsDesired(*stored, desired, owner)) {
    NoteSettled(*stored, desired, owner);
    co_return StateOf(name);
  }
  if (stored == nullptr) {
    const kube::WriteOptions as_us{.field_manager = std::string(kFieldManager)};
    auto created = co_await client_.Create(kCrds, {}, desired, as_us, cancel);
    if (created) {
      logger_.Info("CRD created", {{"name", owner.name}, {"crd", name}});
      kinds_.Forget(group);
      NoteSettled(*stores_.crds.projection().Apply(*created), desired, owner);
      stores_.crds.ObserveWrite(*created);
      co_return StateOf(name);
    }
    if (!kube::IsAlreadyExists(created.error())) {
      co_return Annotate(created.error(), "failed to create CRD");
    }
  }
  const kube::ObjectKey key{{}, name};
  auto live = co_await client_.Get(kCrds, key, {}, cancel);
  if (!live) {
    if (kube::IsNotFound(live.error())) {
      co_return CrdState{.waiting = "CRD " + name + " is being deleted"};
    }
    co_return Annotate(live.error(), "failed to check for existing CRD");
  }
  auto updated = co_await Update(std::move(*live), std::move(desired), owner, cancel);
  if (!updated) co_return std::unexpected(std::move(updated.error()));
  co_return StateOf(name);
}

bool CrdKeeper::IsMadeFor(const std::string& crd, std::string_view owner_uid) const {
  const kube::ObjectPtr stored = stores_.crds.store().Get({{}, crd});
  return stored != nullptr && stored->Label(api::label::kRgdId) == owner_uid;
}

Task<Result<CrdHolder>> CrdKeeper::Reclaim(std::string crd, CrdOwner owner, CancelToken cancel) {
  const kube::ObjectPtr stored = stores_.crds.store().Get({{}, crd});
  if (stored != nullptr && stored->Label(api::label::kRgdName) == owner.name) {
    co_return CrdHolder::kOwner;
  }
  const kube::ObjectKey key{{}, crd};
  auto live = co_await client_.Get(kCrds, key, {}, cancel);
  if (!live && kube::IsNotFound(live.error())) co_return CrdHolder::kNobody;
  if (!live) co_return Annotate(live.error(), "failed to check for existing CRD");
  const api::Ownership ownership = api::CheckOwnership(LabelsOf(*live), owner.name, owner.uid);
  if (!ownership.name_matches && !IsStripped(*live, owner)) co_return CrdHolder::kOther;

  json::Object labels;
  labels[api::label::kOwned] = "true";
  labels[api::label::kRgdName] = owner.name;
  labels[api::label::kRgdId] = owner.uid;
  json::Value patch = {{"metadata", {{"labels", std::move(labels)}}}};
  auto patched =
      co_await client_.Patch(kCrds, key, kube::PatchType::kMerge, std::move(patch), {}, cancel);
  if (!patched && kube::IsNotFound(patched.error())) co_return CrdHolder::kNobody;
  if (!patched) co_return Annotate(patched.error(), "failed to patch CRD");
  logger_.Warning("CRD gets the labels back that were taken off",
                  {{"crd", crd}, {"definition", owner.name}});
  stores_.crds.ObserveWrite(*patched);
  co_return CrdHolder::kOwner;
}

Task<Result<void>> CrdKeeper::Delete(std::string crd, std::string owner, CancelToken cancel) {
  const kube::ObjectPtr stored = stores_.crds.store().Get({{}, crd});
  if (stored == nullptr || stored->Label(api::label::kRgdName) != owner || stored->IsDeleting()) {
    co_return Result<void>{};
  }
  const kube::ObjectKey key{{}, crd};
  const kube::DeleteOptions options{.uid = stored->uid()};
  auto deleted = co_await client_.Delete(kCrds, key, options, cancel);
  if (!deleted && !kube::IsNotFound(deleted.error())) {
    Error error = deleted.error();
    error.Push("error deleting CRD: failed to delete CRD");
    error.Push("failed to cleanup CRD " + crd);
    co_return std::unexpected(std::move(error));
  }
  settled_.erase(crd);
  logger_.Info("CRD deleted", {{"name", owner}, {"crd", crd}});
  co_return Result<void>{};
}

bool CrdKeeper::IsAsDesired(const kube::StoredObject& stored, const json::Value& desired,
                            const CrdOwner& owner) const {
  const api::Ownership ownership =
      api::CheckOwnership(LabelsOf(stored.value()), owner.name, owner.uid);
  if (!ownership.owned || !ownership.name_matches || !ownership.id_matches) return false;
  const kube::ObjectPtr wanted =
      stores_.crds.projection().Apply(schema::WithServerDefaults(desired));
  return wanted->rest_hash() == stored.rest_hash();
}

// Somebody took labels off, or wrote another name over ours. The definition's UID, where it is left, is no accident;
// without it the CRD itself must be known: by its UID, or after a start by being no younger than the success that the
// definition's status tells of. What is labelled for somebody else, or as nobody's, was given away.
bool CrdKeeper::IsStripped(const json::Value& live, const CrdOwner& owner) const {
  const api::Labels labels = LabelsOf(live);
  const auto says_otherwise = [&](std::string_view label, std::string_view ours) {
    const auto found = labels.find(label);
    return found != labels.end() && found->second != ours;
  };
  if (says_otherwise(api::label::kOwned, "true")) return false;
  if (says_otherwise(api::label::kRgdId, owner.uid)) return false;
  if (labels.contains(api::label::kRgdId)) return true;
  if (says_otherwise(api::label::kRgdName, owner.name)) return false;

  const std::string name(json::FindString(live, {"metadata", "name"}));
  const auto settled = settled_.find(name);
  if (settled != settled_.end() && settled->second.owner_uid == owner.uid &&
      settled->second.uid == json::FindString(live, {"metadata", "uid"})) {
    return true;
  }
  const auto created =
      api::ParseTimestamp(json::FindString(live, {"metadata", "creationTimestamp"}));
  return created && owner.kind_ready_since && *created <= *owner.kind_ready_since &&
         WasWrittenByUs(live);
}

Task<Result<void>> CrdKeeper::Update(json::Value live, json::Value desired, CrdOwner owner,
                                     CancelToken cancel) {
  const std::string name(json::FindString(desired, {"metadata", "name"}));
  const api::Labels labels = LabelsOf(live);
  const api::Ownership ownership = api::CheckOwnership(labels, owner.name, owner.uid);
  const bool stripped = !ownership.name_matches && IsStripped(live, owner);
  if (!ownership.owned && !stripped) {
    co_return std::unexpected(Refusal(name, "CRD already exists and is not owned by KRO"));
  }
  if (!ownership.name_matches && !stripped) {
    const auto other = labels.find(api::label::kRgdName);
    co_return std::unexpected(
        Refusal(name, "CRD is owned by another ResourceGraphDefinition " +
                          (other == labels.end() ? std::string() : other->second)));
  }
  if (stripped) {
    logger_.Warning("CRD gets the labels back that were taken off",
                    {{"crd", name}, {"definition", owner.name}});
  } else if (!ownership.id_matches) {
    logger_.Info("CRD adopted from a deleted definition of the same name",
                 {{"name", owner.name}, {"crd", name}});
  }
  json::Value patch = schema::MakeCrdPatch(live, desired);
  // Other labels alone are the business of whoever changed them, but whose the CRD is is written down.
  const bool says_whose =
      ownership.name_matches && ownership.id_matches && labels.contains(api::label::kOwned);
  if (json::Find(patch, "spec") == nullptr && says_whose) {
    NoteSettled(*stores_.crds.projection().Apply(live), desired, owner);
    stores_.crds.ObserveWrite(live);
    co_return Result<void>{};
  }
  auto report = schema::CompareCrds(live, desired);
  if (!report) {
    Error error = report.error();
    error.Push("failed to check schema compatibility");
    co_return std::unexpected(std::move(error));
  }
  if (!report->compatible()) {
    if (!owner.allow_breaking_changes) {
      logger_.Error("breaking changes are refused",
                    {{"name", owner.name},
                     {"crd", name},
                     {"hint",
                      "to let them through, set the annotation "
                      "kro.run/allow-breaking-changes: \"true\" on the definition"}});
      co_return Fail(ErrorCode::kInvalid, "cannot update CRD {}: breaking changes detected: {}",
                     name, report->Summary());
    }
    logger_.Warning("breaking changes of a CRD go through",
                    {{"name", owner.name}, {"crd", name}, {"changes", report->Summary()}});
  }
  auto written = co_await Write(name, std::move(patch), desired, owner, cancel);
  if (!written) co_return std::unexpected(std::move(written.error()));
  // The answer may show what somebody did since it was read. What the server does not keep a second time it never will.
  patch = schema::MakeCrdPatch(*written, desired);
  if (json::Find(patch, "spec") != nullptr) {
    stores_.crds.ObserveWrite(*written);
    written = co_await Write(name, std::move(patch), desired, owner, cancel);
    if (!written) co_return std::unexpected(std::move(written.error()));
  }
  NoteSettled(*stores_.crds.projection().Apply(*written), desired, owner);
  stores_.crds.ObserveWrite(*written);
  co_return Result<void>{};
}

Task<Result<json::Value>> CrdKeeper::Write(std::string name, json::Value patch,
                                           const json::Value& desired, const CrdOwner& owner,
                                           CancelToken cancel) {
  const kube::ObjectKey key{{}, name};
  auto patched =
      co_await client_.Patch(kCrds, key, kube::PatchType::kMerge, std::move(patch), {}, cancel);
  if (!patched) {
    Error error = patched.error();
    error.Push("failed to patch CRD");
    co_return std::unexpected(std::move(error));
  }
  logger_.Info("CRD updated", {{"name", owner.name}, {"crd", name}});
  kinds_.Forget(std::string(json::FindString(desired, {"spec", "group"})));
  co_return patched;
}

void CrdKeeper::NoteSettled(const kube::StoredObject& crd, const json::Value& desired,
                            const CrdOwner& owner) {
  Settled& settled = settled_[crd.key().name];
  settled.desired_hash = SpecHashOf(desired);
  settled.owner_uid = owner.uid;
  settled.uid = crd.uid();
  settled.rest_hash = crd.rest_hash();
  settled.metadata = BookkeepingOf(crd);
}

Result<CrdState> CrdKeeper::StateOf(const std::string& name) {
  const kube::ObjectPtr stored = stores_.crds.store().Get({{}, name});
  if (stored == nullptr) return CrdState{.waiting = "CRD " + name + " to appear"};
  const MonotonicTime now = client_.executor().clock().Monotonic();
  Settled& settled = settled_[name];
  CrdState state{.uid = stored->uid()};
  state.accepted_kind = json::FindString(stored->value(), {"status", "acceptedNames", "kind"});
  const json::Value* established = FindCondition(*stored, "Established");
  state.established = !stored->IsDeleting() && established != nullptr &&
                      json::FindString(*established, {"status"}) == "True";
  if (!state.established) settled.young_uid = state.uid;
  state.young = settled.young_uid == state.uid;
  if (state.established) {
    settled.waiting_since.reset();
    return state;
  }
  if (stored->IsDeleting()) {
    // Its deletion ends when the last instance is gone; then it is made again.
    settled.waiting_since.reset();
    state.waiting = "CRD " + name + " is being deleted";
    return state;
  }
  const json::Value* accepted = FindCondition(*stored, "NamesAccepted");
  if (accepted != nullptr && json::FindString(*accepted, {"status"}) == "False") {
    return Fail(ErrorCode::kPending, "CRD {} is not accepted: {}", name,
                json::FindString(*accepted, {"message"}));
  }
  if (!settled.waiting_since) settled.waiting_since = now;
  if (now - *settled.waiting_since >= kEstablishLimit) {
    return Fail(ErrorCode::kPending, "CRD {} was not established within 2m", name);
  }
  state.waiting = "CRD " + name + " to be established";
  return state;
}

namespace {

std::string SpecHashOf(const json::Value& crd) {
  const json::Value* spec = json::Find(crd, "spec");
  return fmt::format("{:016x}", Fnv1a64(spec == nullptr ? "" : json::Canonical(*spec)));
}

api::Labels LabelsOf(const json::Value& object) {
  api::Labels labels;
  const json::Value* found = json::Find(object, {"metadata", "labels"});
  if (found == nullptr || !found->is_object()) return labels;
  for (const auto& [key, value] : found->get_object()) {
    if (value.is_string()) labels.emplace(key, value.get_string());
  }
  return labels;
}

json::Value BookkeepingOf(const kube::StoredObject& crd) {
  json::Object kept;
  for (const std::string_view name : {"labels", "generation"}) {
    if (const auto* value = json::Find(crd.value(), {"metadata", name})) kept[name] = *value;
  }
  return kept;
}

const json::Value* FindCondition(const kube::StoredObject& crd, std::string_view type) {
  const json::Value* conditions = json::Find(crd.value(), {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const json::Value& condition : conditions->get_array()) {
    if (json::FindString(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

// Two of one name may follow each other within the second that a time tells.
bool WasWrittenByUs(const json::Value& crd) {
  const json::Value* entries = json::Find(crd, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return false;
  return std::ranges::any_of(entries->get_array(), [](const json::Value& entry) {
    return json::FindString(entry, {"manager"}) == kFieldManager &&
           json::Find(entry, {"fieldsV1", "f:spec"}) != nullptr;
  });
}

Error Refusal(const std::string& name, std::string_view why) {
  return Error(ErrorCode::kInvalid, fmt::format("failed to update CRD {}: {}", name, why));
}

}  // namespace
}  // namespace kro::controller
