#include "apiserver/internal/object_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "apiserver/apply.h"
#include "apiserver/decode.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/address_transaction.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/escalation.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/patched_object.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/typed_decode.h"
#include "apiserver/internal/undecodable.h"
#include "apiserver/internal/version_form.h"
#include "apiserver/kinds/kind_rules.h"
#include "json/go_type.h"

namespace kro::apiserver {

// An object on its way into the store. Its values live in the memory of the request.
struct ObjectWriter::Draft {
  explicit Draft(boost::json::storage_ptr memory) : object(std::move(memory)) {}

  json::Value object;
  StoredPtr live_stored;            // nullptr: it is created
  std::optional<json::Value> live;  // the same, as the client sees it
  RepeatedKeys duplicates;
  // Ownership has been settled by an apply.
  bool owned = false;
  // Nothing but managedFields differs from the live object.
  bool same = false;
  // An apply leaves members of the metadata that hold nothing. The real server stores them as they are and drops them
  // when it reads: such an apply is a change each time, and so is whatever write comes after it.
  bool untidy = false;
  // What stood empty in a built-in kind, and was left out.
  std::vector<std::string> emptied;

  const json::Value* old() const { return live ? &*live : nullptr; }
  const boost::json::storage_ptr& storage() const { return object.storage(); }
};

namespace {

using Validation = WriteOptions::Validation;

constexpr std::size_t kMaxObjectBytes = 1'572'864;
constexpr int kNameAttempts = 8;

Endpoint EndpointOf(const WriteRequest& request);
AddressTransaction TransactionOf(Core& core, const WriteOptions& options);
Ownership OwnershipOf(const Core& core, const Resource& resource, const KindRules& rules,
                      std::string_view subresource);
// An apply or update that creates needs the right to.
Answer<void> CheckMayCreate(const Core& core, const WriteRequest& request);
void CheckObject(const WriteContext& context, const KindRules& rules, const json::Value& object,
                 FieldErrors& errors, std::vector<std::string>& warnings);
// Of those that a custom resource gets.
void WarnOfFinalizers(const json::Value* old, const json::Value& object,
                      std::vector<std::string>& warnings);
void KeepWhatEndpointDoesNotWrite(const WriteContext& context, const KindRules& rules,
                                  json::Value& object);
void KeepOf(const json::Value& live, const WriteContext& context, const KindRules& rules,
            json::Value& object);
void SettleGeneration(const WriteContext& context, const KindRules& rules, json::Value& object);
bool EqualBeside(const json::Value& a, const json::Value& b,
                 std::initializer_list<std::string_view> but);
bool SameButVersion(const json::Value& a, const json::Value& b);
// Of the body of an apply; that of other writes has its fields checked with it.
Answer<void> CheckKeys(const WriteOptions& options, const RepeatedKeys& duplicates,
                       std::vector<std::string>& warnings);
bool HasEmptyMetadata(const json::Value& object);
bool IsEmptied(const Resource& resource, const json::Value& object);
// Complete by the version in which objects are stored.
std::shared_ptr<StoredObject> StoredDraft(const Resource& resource, json::Value& object);
// What is too large to be stored goes without its managedFields, but for an apply, which is about them.
Answer<std::shared_ptr<StoredObject>> FittingDraft(const WriteRequest& request,
                                                   json::Value& object);
void PutMember(json::Object& object, std::string_view key, const json::Value* value);

}  // namespace

Answer<Written> ObjectWriter::Create(const WriteRequest& request) {
  auto options = ReadWriteOptions(request, "CreateOptions");
  if (!options) return std::unexpected(options.error());
  Scratch::Lease memory(core_.scratch);
  Draft draft(memory.storage());
  auto body = ReadWriteBody(request, draft.storage());
  if (!body) return std::unexpected(body.error());
  draft.object = std::move(body->value);
  draft.duplicates = std::move(body->duplicates);
  if (auto complete = Complete(request, *options, draft); !complete) {
    return std::unexpected(complete.error());
  }
  return FinishCreate(request, *options, std::move(draft));
}

Answer<Written> ObjectWriter::Update(const WriteRequest& request) {
  return UpdateAs(request, Tracking::kHere);
}

Answer<Written> ObjectWriter::UpdateTracked(const WriteRequest& request) {
  return UpdateAs(request, Tracking::kDone);
}

Answer<Written> ObjectWriter::UpdateAs(const WriteRequest& request, Tracking tracking) {
  auto options = ReadWriteOptions(request, "UpdateOptions");
  if (!options) return std::unexpected(options.error());
  const Resource& resource = *request.resource;
  const KindRules& rules = RulesOf(resource);
  Scratch::Lease memory(core_.scratch);
  Draft draft(memory.storage());
  auto body = ReadWriteBody(request, draft.storage());
  if (!body) return std::unexpected(body.error());
  draft.object = std::move(body->value);
  draft.duplicates = std::move(body->duplicates);
  if (auto complete = Complete(request, *options, draft); !complete) {
    return std::unexpected(complete.error());
  }
  if (auto name = CheckName(request, draft.object); !name) return std::unexpected(name.error());

  draft.live_stored = core_.CollectionOf(resource).Find(request.name_space, request.name);
  if (draft.live_stored == nullptr) {
    if (rules.create_on_update && request.subresource.empty()) {
      if (auto may = CheckMayCreate(core_, request); !may) return std::unexpected(may.error());
      MetadataOf(draft.object).erase("resourceVersion");
      return FinishCreate(request, *options, std::move(draft));
    }
    return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  }
  std::string_view uid = json::FindString(draft.object, {"metadata", "uid"});
  if (!uid.empty() && uid != draft.live_stored->uid) {
    return std::unexpected(ConflictStatus(
        SubjectOf(resource, request.name),
        fmt::format("StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: "
                    "0, AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in "
                    "object meta: {}",
                    resource.group.empty() ? resource.name : resource.group + "/" + resource.name,
                    Collection::Key(request.name_space, request.name), uid,
                    draft.live_stored->uid)));
  }
  if (json::FindString(draft.object, {"metadata", "resourceVersion"}).empty() &&
      !rules.unconditional_update && tracking == Tracking::kHere) {
    return std::unexpected(InvalidStatus(
        resource.name, resource.group, request.name,
        {Invalid("metadata.resourceVersion", json::Value(0), "must be specified for an update")}));
  }
  draft.live = ObjectValue(resource, *draft.live_stored, draft.storage());
  draft.owned = tracking == Tracking::kDone;
  return FinishUpdate(request, *options, std::move(draft));
}

Answer<Written> ObjectWriter::Patch(const WriteRequest& request) {
  auto options = ReadWriteOptions(request, "PatchOptions");
  if (!options) return std::unexpected(options.error());
  if (MediaType(request.content_type) == "application/apply-patch+yaml") {
    return Apply(request, *options);
  }
  const Resource& resource = *request.resource;
  Scratch::Lease memory(core_.scratch);
  Draft draft(memory.storage());
  draft.live_stored = core_.CollectionOf(resource).Find(request.name_space, request.name);
  if (draft.live_stored == nullptr) {
    return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  }
  draft.live = ObjectValue(resource, *draft.live_stored, draft.storage());
  auto patched = PatchOf(request, *draft.live, core_.registry.StructureOf(resource));
  if (!patched) return std::unexpected(patched.error());
  draft.object = std::move(patched->object);
  draft.duplicates.patch = std::move(patched->complaints);
  if (!draft.object.is_object()) {
    return std::unexpected(
        InvalidPatchStatus(json::Serialize(draft.object), "the patch leaves no object"));
  }
  if (auto kind = CheckPatchedKind(request, *options, draft); !kind) {
    return std::unexpected(kind.error());
  }
  if (auto complete = Complete(request, *options, draft); !complete) {
    return std::unexpected(complete.error());
  }
  if (auto name = CheckName(request, draft.object); !name) return std::unexpected(name.error());
  return FinishUpdate(request, *options, std::move(draft));
}

Answer<void> ObjectWriter::CheckPatchedKind(const WriteRequest& request,
                                            const WriteOptions& options, Draft& draft) {
  const Resource& resource = *request.resource;
  json::Object& object = draft.object.get_object();
  if (MediaType(request.content_type) == "application/strategic-merge-patch+json") {
    for (std::string_view key : {"apiVersion", "kind"}) {
      const json::Value* value = object.if_contains(key);
      if (value == nullptr || value->is_null() || value->is_string()) continue;
      const std::string fault = fmt::format("cannot convert {} to string", json::GoType(*value));
      return std::unexpected(Undecodable(request, draft, fault));
    }
    // What is merged takes the type of what it is merged into.
    object["apiVersion"] = resource.ApiVersion();
    object["kind"] = resource.kind;
    return {};
  }
  const auto refuse = [&](std::string_view why) {
    return std::unexpected(InvalidPatchStatus(json::Serialize(draft.object), why));
  };
  if (const std::string fault = TypeMetaFault(draft.object); !fault.empty()) {
    return refuse("couldn't get version/kind; json parse error: " + fault);
  }
  const std::string version(json::FindString(draft.object, {"apiVersion"}));
  const std::string kind(json::FindString(draft.object, {"kind"}));
  if (resource.custom) {
    if (kind.empty()) {
      return refuse(fmt::format("Object 'Kind' is missing in '{}'", json::Serialize(draft.object)));
    }
    if (version.empty()) {
      return std::unexpected(InternalErrorStatus(
          "Object 'apiVersion' is missing in 'object has no apiVersion field'"));
    }
    if (kind != resource.kind || version == resource.ApiVersion()) {
      return CheckKind(resource, draft.object);
    }
    const auto parsed = api::GroupVersion::Parse(version);
    const std::string group = parsed ? parsed->group : resource.group;
    // Of a version that there is not no field is known.
    if (group == resource.group) WarnOfAllFields(options, draft);
    return std::unexpected(InvalidStatus(
        resource.kind, group, request.name,
        {Invalid("apiVersion", json::Value(version), "must be " + resource.ApiVersion())}));
  }
  if (version.empty()) {
    // It is read as the server's own form of the kind, whose fields have other names.
    WarnOfAllFields(options, draft);
    object.erase("metadata");
    return CheckName(request, draft.object);
  }
  if (kind.empty()) object["kind"] = resource.kind;
  if (version == resource.ApiVersion() && (kind.empty() || kind == resource.kind)) return {};
  const auto parsed = api::GroupVersion::Parse(version);
  if (!parsed || core_.registry.FindKind(parsed->group, parsed->version, kind) == nullptr) {
    return refuse(fmt::format(
        "no kind \"{}\" is registered for version \"{}\" in scheme \"pkg/runtime/scheme.go:111\"",
        kind, version));
  }
  return refuse(fmt::format("converting ({}.{}) to ({}.{}): unknown conversion", parsed->version,
                            kind, InternalPackage(resource), resource.kind));
}

void ObjectWriter::WarnOfAllFields(const WriteOptions& options, const Draft& draft) {
  if (options.validation != Validation::kWarn) return;
  const json::Object& object = draft.object.get_object();
  const std::vector<std::string>& complaints = draft.duplicates.patch;
  warnings_.insert(warnings_.end(), complaints.begin(), complaints.end());
  std::set<std::string> names;
  for (const auto& member : object) names.emplace(member.key());
  for (const std::string& name : names) {
    if (name == "apiVersion" || name == "kind") continue;
    if (name == "metadata" && object.contains("apiVersion")) continue;
    warnings_.push_back(fmt::format("unknown field \"{}\"", name));
  }
}

Answer<Written> ObjectWriter::Apply(const WriteRequest& request, const WriteOptions& options) {
  const Resource& resource = *request.resource;
  const KindRules& rules = RulesOf(resource);
  Scratch::Lease memory(core_.scratch);
  auto decoded = DecodeApply(request.body, memory.storage());
  if (!decoded) {
    return BadRequest(decoded.error().message());
  }
  const json::Value config = std::move(decoded->value);
  Draft draft(memory.storage());
  draft.live_stored = core_.CollectionOf(resource).Find(request.name_space, request.name);
  const Ownership ownership = OwnershipOf(core_, resource, rules, request.subresource);
  const std::string now = FormatTime(core_.clock.Now());
  const ApplyOptions apply{
      .manager = options.manager, .force = options.force, .now = now, .storage = draft.storage()};

  if (draft.live_stored == nullptr) {
    if (!request.subresource.empty()) {
      return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
    }
    if (auto may = CheckMayCreate(core_, request); !may) return std::unexpected(may.error());
    auto applied = apiserver::Apply(ownership, nullptr, config, apply);
    if (!applied) return std::unexpected(applied.error());
    if (auto keys = CheckKeys(options, decoded->duplicates, warnings_); !keys) {
      return std::unexpected(keys.error());
    }
    draft.object = std::move(applied->object);
    if (auto name = CheckName(request, draft.object); !name) return std::unexpected(name.error());
    std::string_view uid = json::FindString(draft.object, {"metadata", "uid"});
    if (!uid.empty()) {
      return std::unexpected(ConflictStatus(
          SubjectOf(resource, request.name),
          fmt::format("uid mismatch: the provided object specified uid {}, and no existing object "
                      "was found",
                      uid)));
    }
    MetadataOf(draft.object).erase("resourceVersion");
    draft.owned = true;
    draft.untidy = resource.custom && HasEmptyMetadata(draft.object);
    if (auto complete = Complete(request, options, draft); !complete) {
      return std::unexpected(complete.error());
    }
    return FinishCreate(request, options, std::move(draft));
  }

  draft.live = ObjectValue(resource, *draft.live_stored, draft.storage());
  auto applied = apiserver::Apply(ownership, &*draft.live, config, apply);
  if (!applied) return std::unexpected(applied.error());
  if (auto keys = CheckKeys(options, decoded->duplicates, warnings_); !keys) {
    return std::unexpected(keys.error());
  }
  draft.object = std::move(applied->object);
  draft.owned = true;
  draft.same = !applied->changed;
  draft.untidy = resource.custom && request.subresource.empty() && HasEmptyMetadata(draft.object);
  // What the config says of them is a precondition, not content.
  json::Object& metadata = MetadataOf(draft.object);
  for (std::string_view key : {"resourceVersion", "uid"}) {
    const json::Value* wanted = json::Find(config, {"metadata", key});
    if (wanted != nullptr && wanted->is_string()) metadata[key] = *wanted;
  }
  if (auto name = CheckName(request, draft.object); !name) return std::unexpected(name.error());
  if (!draft.same) {
    if (auto complete = Complete(request, options, draft); !complete) {
      return std::unexpected(complete.error());
    }
  }
  return FinishUpdate(request, options, std::move(draft));
}

// From what a client wrote to a complete object of the kind: section 8.3 for custom resources.
Answer<void> ObjectWriter::Complete(const WriteRequest& request, const WriteOptions& options,
                                    Draft& draft) {
  const Resource& resource = *request.resource;
  const WrittenAs written = WrittenIn(request);
  std::vector<std::string> unknown;
  if (const CustomVersion* custom = resource.custom.get()) {
    unknown = custom->schema->Prune(draft.object);
    if (!draft.owned) custom->schema->DropNulls(draft.object);
    auto dropped = custom->schema->CoerceMetadata(draft.object);
    if (!dropped) {
      kube::Status status = dropped.error();
      const std::string begin = CannotBeHandled(resource.gvk(), "");
      if (written.form == WrittenAs::Form::kMerged || !status.message.starts_with(begin)) {
        return std::unexpected(std::move(status));
      }
      return std::unexpected(Undecodable(request, draft, status.message.substr(begin.size())));
    }
    unknown.insert(unknown.end(), dropped->begin(), dropped->end());
    custom->schema->Default(draft.object);
  } else {
    const ObjectSchema& structure = core_.registry.StructureOf(resource);
    auto decoded = DecodeTyped(structure, resource.kind, draft.object, written);
    const bool sorted = written.form == WrittenAs::Form::kYaml || (draft.live && !draft.owned);
    if (!decoded && sorted && written.form != WrittenAs::Form::kMerged) {
      // It was turned into JSON first, with its keys in order: of several faults that decides.
      if (auto ordered = json::Parse(json::Canonical(draft.object))) {
        if (auto again = DecodeTyped(structure, resource.kind, *ordered, written); !again) {
          decoded = std::move(again);
        }
      }
    }
    if (!decoded) {
      return std::unexpected(Undecodable(request, draft, decoded.error().message()));
    }
    unknown = std::move(decoded->unknown);
    draft.emptied = std::move(decoded->emptied);
    if (const KindRules& rules = RulesOf(resource); rules.set_defaults != nullptr) {
      rules.set_defaults(draft.object.get_object());
    }
  }
  const bool apply = MediaType(request.content_type) == "application/apply-patch+yaml";
  // What an apply may not hold was refused with its type.
  if (apply && options.validation == Validation::kWarn) unknown.clear();
  if (auto fault = ReportFields(options, unknown, draft.duplicates, warnings_)) {
    if (apply) return BadRequest(CannotBeHandled(resource.gvk(), *fault));
    return std::unexpected(Undecodable(request, draft, *fault));
  }
  return {};
}

// A patched object is shown as the patch left it, with all that was dropped since.
kube::Status ObjectWriter::Undecodable(const WriteRequest& request, const Draft& draft,
                                       std::string_view fault) const {
  if (draft.live && !draft.owned) {
    if (auto patched =
            PatchOf(request, *draft.live, core_.registry.StructureOf(*request.resource))) {
      return UndecodableStatus(*patched, fault);
    }
  }
  return UndecodableStatus(request.resource->gvk(), request, fault);
}

Answer<Written> ObjectWriter::FinishCreate(const WriteRequest& request, const WriteOptions& options,
                                           Draft draft) {
  const Resource& resource = *request.resource;
  const KindRules& rules = RulesOf(resource);
  json::Value& object = draft.object;
  const std::string version(json::FindString(object, {"metadata", "resourceVersion"}));
  if (auto settled = SettleNamespace(resource, request.name_space, object); !settled) {
    return std::unexpected(settled.error());
  }
  if (auto open = CheckNamespace(core_, resource, request.name_space,
                                 json::FindString(object, {"metadata", "name"}));
      !open) {
    return std::unexpected(open.error());
  }
  if (!draft.owned) {
    TrackUpdate(OwnershipOf(core_, resource, rules, ""), nullptr, object,
                {.manager = options.manager, .now = FormatTime(core_.clock.Now())});
  }
  if (std::string warning = DropDuplicateOwners(object); !warning.empty()) {
    warnings_.push_back(std::move(warning));
  }
  Collection& collection = core_.CollectionOf(resource);
  const bool named = !json::FindString(object, {"metadata", "name"}).empty();
  FillForCreate(core_, resource, object);
  if (!named) {
    for (int attempt = 1;
         attempt < kNameAttempts &&
         collection.Find(request.name_space, json::FindString(object, {"metadata", "name"}));
         ++attempt) {
      MetadataOf(object).erase("name");
      FillForCreate(core_, resource, object);
    }
  }

  const WriteContext context{core_,           resource,   nullptr,      Endpoint::kMain,
                             options.dry_run, &warnings_, request.user, draft.emptied};
  if (rules.has_status || (resource.custom && resource.custom->has_status)) {
    object.get_object().erase("status");
  }
  SettleGeneration(context, rules, object);
  AddressTransaction addresses = TransactionOf(core_, options);
  if (rules.allocate != nullptr) {
    if (auto allocated = rules.allocate(context, addresses, object.get_object()); !allocated) {
      return std::unexpected(allocated.error());
    }
  }
  if (rules.prepare != nullptr) rules.prepare(context, object.get_object());
  const std::string name(json::FindString(object, {"metadata", "name"}));
  if (request.user != nullptr) {
    auto may = CheckEscalation(core_.authorizer, *request.user, resource, object, nullptr);
    if (!may) return std::unexpected(may.error());
  }
  FieldErrors errors;
  CheckObject(context, rules, object, errors, warnings_);
  if (!errors.empty()) {
    return std::unexpected(InvalidStatus(resource.kind, resource.StoredGroup(), name, errors));
  }
  if (auto admitted = core_.admission.Check({.operation = "CREATE",
                                             .resource = resource,
                                             .name_space = request.name_space,
                                             .name = name,
                                             .object = &object,
                                             .user = request.user,
                                             .dry_run = options.dry_run},
                                            warnings_);
      !admitted) {
    return std::unexpected(admitted.error());
  }
  if (!version.empty() && version != "0" &&
      std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::unexpected(
        PlainErrorStatus("resourceVersion should not be set on objects to be created"));
  }
  if (StoredPtr there = collection.Find(request.name_space, name)) {
    kube::Status status = AlreadyExistsStatus(SubjectOf(resource, name));
    if (!named) {
      status.message += ", the server was not able to generate a unique name for the object";
      status.retry_after = std::chrono::seconds(1);
    } else if (there->terminating()) {
      status.message = "object is being deleted: " + status.message;
    }
    return std::unexpected(std::move(status));
  }
  Written written{.code = 201};
  if (options.dry_run) {
    written.object = StoredDraft(resource, object);
    return written;
  }
  auto stored = FittingDraft(request, object);
  if (!stored) return std::unexpected(stored.error());
  if (draft.untidy) (*stored)->definition = 0;
  addresses.Commit();
  written.object = core_.store.Put(collection, *std::move(stored));
  written.revision = written.object->revision;
  return written;
}

Answer<Written> ObjectWriter::FinishUpdate(const WriteRequest& request, const WriteOptions& options,
                                           Draft draft) {
  const Resource& resource = *request.resource;
  const KindRules& rules = RulesOf(resource);
  json::Value& object = draft.object;
  const json::Value& live = *draft.live;
  if (auto settled = SettleNamespace(resource, request.name_space, object); !settled) {
    return std::unexpected(settled.error());
  }
  const std::string version(json::FindString(object, {"metadata", "resourceVersion"}));
  if (!version.empty() && version != std::to_string(draft.live_stored->revision)) {
    if (!std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; })) {
      return std::unexpected(PlainErrorStatus(
          fmt::format("strconv.ParseUint: parsing \"{}\": invalid syntax", version)));
    }
    return std::unexpected(ConflictStatus(
        SubjectOf(resource, request.name),
        "the object has been modified; please apply your changes to the latest version and try "
        "again"));
  }
  RestoreForUpdate(live, object);
  if (std::string warning = DropDuplicateOwners(object); !warning.empty()) {
    warnings_.push_back(std::move(warning));
  }
  if (!draft.owned) {
    TrackUpdate(OwnershipOf(core_, resource, rules, request.subresource), &live, object,
                {.manager = options.manager, .now = FormatTime(core_.clock.Now())});
  }

  const WriteContext context{core_,           resource,   &live,        EndpointOf(request),
                             options.dry_run, &warnings_, request.user, draft.emptied};
  AddressTransaction addresses = TransactionOf(core_, options);
  if (!draft.same) {
    KeepWhatEndpointDoesNotWrite(context, rules, object);
    if (rules.allocate != nullptr) {
      if (auto allocated = rules.allocate(context, addresses, object.get_object()); !allocated) {
        return std::unexpected(allocated.error());
      }
    }
    if (rules.prepare != nullptr) rules.prepare(context, object.get_object());
    SettleGeneration(context, rules, object);
  }
  if (request.user != nullptr) {
    auto may = CheckEscalation(core_.authorizer, *request.user, resource, object, &live);
    if (!may) return std::unexpected(may.error());
  }
  FieldErrors errors;
  CheckObject(context, rules, object, errors, warnings_);
  if (!errors.empty()) {
    return std::unexpected(
        InvalidStatus(resource.kind, resource.StoredGroup(), request.name, errors));
  }
  if (auto admitted = core_.admission.Check({.operation = "UPDATE",
                                             .resource = resource,
                                             .subresource = request.subresource,
                                             .name_space = request.name_space,
                                             .name = request.name,
                                             .object = &object,
                                             .old_object = &live,
                                             .user = request.user,
                                             .dry_run = options.dry_run},
                                            warnings_);
      !admitted) {
    return std::unexpected(admitted.error());
  }

  Written written{.code = 200};
  if (!draft.untidy) KeepTimesIfUnchanged(live, object);
  const std::uint64_t definition = resource.custom ? resource.custom->storage_definition : 0;
  Collection& collection = core_.CollectionOf(resource);
  if (draft.live_stored->terminating() && IsEmptied(resource, object)) {
    auto last = StoredDraft(resource, object);
    last->revision = draft.live_stored->revision;
    if (!options.dry_run) {
      addresses.Commit();
      core_.store.Remove(collection, *draft.live_stored);
      if (rules.after_delete != nullptr) rules.after_delete(core_, object);
    }
    written.revision = last->revision;
    written.object = std::move(last);
    return written;
  }
  if (!draft.untidy && definition == draft.live_stored->definition &&
      SameButVersion(live, object)) {
    written.object = draft.live_stored;
    written.revision = draft.live_stored->revision;
    return written;
  }
  if (options.dry_run) {
    written.revision = draft.live_stored->revision;
    written.object = StoredDraft(resource, object);
    return written;
  }
  auto stored = FittingDraft(request, object);
  if (!stored) return std::unexpected(stored.error());
  if (draft.untidy) (*stored)->definition = 0;
  addresses.Commit();
  written.object = core_.store.Put(collection, *std::move(stored));
  written.revision = written.object->revision;
  return written;
}

Answer<void> CheckNamespace(Core& core, const Resource& resource, std::string_view name_space,
                            std::string_view name) {
  if (resource.custom) {
    auto definition = core.store.Of("apiextensions.k8s.io", "customresourcedefinitions")
                          .Find("", resource.custom->definition_name);
    if (definition != nullptr && definition->terminating()) {
      return std::unexpected(
          ForbiddenStatus(SubjectOf(resource, name),
                          "create not allowed while custom resource definition is terminating"));
    }
  }
  if (!resource.namespaced()) return {};
  StoredPtr found = core.store.Of("", "namespaces").Find("", name_space);
  if (found == nullptr) {
    return std::unexpected(NotFoundStatus({"", "namespaces", name_space}));
  }
  if (!found->terminating()) return {};
  kube::Status status = ForbiddenStatus(
      SubjectOf(resource, name),
      fmt::format("unable to create new content in namespace {} because it is being terminated",
                  name_space));
  status.causes.push_back({"NamespaceTerminating",
                           fmt::format("namespace {} is being terminated", name_space),
                           "metadata.namespace"});
  return std::unexpected(std::move(status));
}

namespace {

Endpoint EndpointOf(const WriteRequest& request) {
  if (request.subresource.empty() || request.subresource == "scale") return Endpoint::kMain;
  return request.subresource == "status" ? Endpoint::kStatus : Endpoint::kOther;
}

AddressTransaction TransactionOf(Core& core, const WriteOptions& options) {
  using Mode = AddressTransaction::Mode;
  return {core.addresses, options.dry_run ? Mode::kDryRun : Mode::kReal};
}

Ownership OwnershipOf(const Core& core, const Resource& resource, const KindRules& rules,
                      std::string_view subresource) {
  Ownership ownership{.api_version = resource.ApiVersion(),
                      .kind = resource.kind,
                      .schema = core.registry.StructureOf(resource),
                      .subresource = std::string(subresource)};
  if (subresource == "status") {
    if (resource.custom || resource.kind == "CustomResourceDefinition") {
      ownership.reset_fields = {"metadata", "spec"};
    } else {
      ownership.reset_fields = {"spec"};
      if (rules.status_keeps_labels) ownership.reset_fields.emplace_back("metadata.labels");
    }
  } else if (rules.has_status || (resource.custom && resource.custom->has_status)) {
    ownership.reset_fields = {"status"};
  }
  ownership.schema_at = [&core, group = resource.StoredGroup(), name = resource.name](
                            std::string_view api_version) -> std::optional<ObjectSchema> {
    auto parsed = api::GroupVersion::Parse(api_version);
    if (!parsed) return std::nullopt;
    ResourcePtr other = core.registry.Find(parsed->group, parsed->version, name);
    if (other == nullptr || other->StoredGroup() != group) return std::nullopt;
    return core.registry.StructureOf(*other);
  };
  if (resource.custom) return ownership;
  ownership.convert = [name = resource.name](json::Object& object, std::string_view from,
                                             std::string_view to) {
    const auto version = [&](std::string_view api_version) {
      auto parsed = api::GroupVersion::Parse(api_version);
      return parsed ? FormOfVersion(parsed->group, parsed->version, name) : nullptr;
    };
    if (const VersionForm* before = version(from)) before->to_stored(object);
    if (const VersionForm* after = version(to)) after->from_stored(object);
  };
  return ownership;
}

Answer<void> CheckMayCreate(const Core& core, const WriteRequest& request) {
  if (request.user == nullptr) return {};
  return core.authorizer.Check(*request.user, {.verb = "create",
                                               .group = request.resource->group,
                                               .version = request.resource->version,
                                               .resource = request.resource->name,
                                               .name_space = request.name_space,
                                               .name = request.name});
}

void CheckObject(const WriteContext& context, const KindRules& rules, const json::Value& object,
                 FieldErrors& errors, std::vector<std::string>& warnings) {
  ValidateMetadata(context.resource, rules, context.old, object, errors);
  if (const CustomVersion* custom = context.resource.custom.get()) {
    const bool status = context.endpoint == Endpoint::kStatus;
    using Part = StructuralSchema::Part;
    auto verdict =
        custom->schema->Validate(object, context.old, status ? Part::kStatus : Part::kObject);
    errors.insert(errors.end(), verdict.errors.begin(), verdict.errors.end());
    warnings.insert(warnings.end(), verdict.warnings.begin(), verdict.warnings.end());
    if (!custom->warning.empty()) warnings.push_back(custom->warning);
    if (!status) WarnOfFinalizers(context.old, object, warnings);
  } else if (rules.validate != nullptr) {
    rules.validate(context, object, errors);
  }
}

void WarnOfFinalizers(const json::Value* old, const json::Value& object,
                      std::vector<std::string>& warnings) {
  const auto names = [](const json::Value* from) {
    std::set<std::string> found;
    const json::Value* list =
        from == nullptr ? nullptr : json::Find(*from, {"metadata", "finalizers"});
    if (list == nullptr || !list->is_array()) return found;
    for (const json::Value& item : list->get_array()) {
      if (item.is_string()) found.emplace(item.get_string());
    }
    return found;
  };
  const std::set<std::string> before = names(old);
  for (const std::string& name : names(&object)) {
    if (before.contains(name) || name.contains('/') || name == "orphan" ||
        name == "foregroundDeletion" || name == "kubernetes") {
      continue;
    }
    warnings.push_back(fmt::format(
        "metadata.finalizers: \"{}\": prefer a domain-qualified finalizer name {}to avoid "
        "accidental conflicts with other finalizer writers",
        name, name.contains('.') ? "including a path (/) " : ""));
  }
}

void KeepWhatEndpointDoesNotWrite(const WriteContext& context, const KindRules& rules,
                                  json::Value& object) {
  if (const VersionForm* version = context.resource.stored_as) {
    // What belongs to the status is not all below it in this version.
    json::Value live(*context.old, object.storage());
    version->to_stored(live.as_object());
    version->to_stored(object.as_object());
    KeepOf(live, context, rules, object);
    version->from_stored(object.as_object());
  } else {
    KeepOf(*context.old, context, rules, object);
  }
}

void KeepOf(const json::Value& live, const WriteContext& context, const KindRules& rules,
            json::Value& object) {
  const bool custom = context.resource.custom != nullptr;
  const bool has_status = rules.has_status || (custom && context.resource.custom->has_status);
  json::Object& members = object.get_object();
  if (context.endpoint == Endpoint::kMain) {
    if (has_status) PutMember(members, "status", json::Find(live, "status"));
    return;
  }
  if (context.endpoint != Endpoint::kStatus) return;
  if (custom || context.resource.kind == "CustomResourceDefinition") {
    json::Value kept(live, object.storage());
    PutMember(kept.get_object(), "status", json::Find(object, "status"));
    PutMember(MetadataOf(kept), "managedFields",
              json::Find(std::as_const(object), {"metadata", "managedFields"}));
    object = std::move(kept);
    return;
  }
  PutMember(members, "spec", json::Find(live, "spec"));
  if (rules.status_keeps_labels) {
    PutMember(MetadataOf(object), "labels", json::Find(live, {"metadata", "labels"}));
  }
}

void SettleGeneration(const WriteContext& context, const KindRules& rules, json::Value& object) {
  GenerationRule rule = rules.generation;
  if (const CustomVersion* custom = context.resource.custom.get()) {
    rule = custom->has_status ? GenerationRule::kAllButStatus : GenerationRule::kAllButMetadata;
  }
  if (rule == GenerationRule::kNone) return;
  if (context.endpoint == Endpoint::kStatus && !context.resource.custom) return;
  json::Object& metadata = MetadataOf(object);
  if (context.old == nullptr) {
    metadata["generation"] = 1;
    return;
  }
  const json::Value& old = *context.old;
  const auto differs = [&](std::initializer_list<std::string_view> path) {
    const json::Value* before = json::Find(old, path);
    const json::Value* after = json::Find(object, path);
    if (before == nullptr || after == nullptr) return before != after;
    return *before != *after;
  };
  bool grows = false;
  switch (rule) {
    case GenerationRule::kNone:
      break;
    case GenerationRule::kSpec:
      grows = differs({"spec"});
      break;
    case GenerationRule::kSpecAsWritten:
      grows = differs({"spec"}) || std::ranges::any_of(context.emptied, [](std::string_view path) {
                return path.starts_with("spec.");
              });
      break;
    case GenerationRule::kSpecAndAnnotations:
      grows = differs({"spec"}) || differs({"metadata", "annotations"});
      break;
    case GenerationRule::kAllAndLabels:
      grows = !EqualBeside(old, object, {"metadata"}) || differs({"metadata", "labels"});
      break;
    case GenerationRule::kAllButMetadata:
      grows = !EqualBeside(old, object, {"metadata"});
      break;
    case GenerationRule::kAllButStatus:
      grows = !EqualBeside(old, object, {"metadata", "status"});
      break;
  }
  if (!grows) return;
  const json::Value* before = json::Find(old, {"metadata", "generation"});
  metadata["generation"] = (before != nullptr && before->is_int64() ? before->get_int64() : 0) + 1;
}

bool EqualBeside(const json::Value& a, const json::Value& b,
                 std::initializer_list<std::string_view> but) {
  const auto covers = [&](const json::Object& one, const json::Object& other) {
    for (const auto& member : one) {
      if (std::ranges::find(but, std::string_view(member.key())) != but.end()) continue;
      const json::Value* match = other.if_contains(member.key());
      if (match == nullptr || *match != member.value()) return false;
    }
    return true;
  };
  return covers(a.get_object(), b.get_object()) && covers(b.get_object(), a.get_object());
}

bool SameButVersion(const json::Value& a, const json::Value& b) {
  return EqualBeside(a, b, {"metadata"}) &&
         EqualBeside(*json::Find(a, "metadata"), *json::Find(b, "metadata"), {"resourceVersion"});
}

Answer<void> CheckKeys(const WriteOptions& options, const RepeatedKeys& duplicates,
                       std::vector<std::string>& warnings) {
  if (duplicates.empty() || options.validation == Validation::kIgnore) return {};
  if (options.validation == Validation::kStrict) {
    return BadRequest(StrictYamlError(duplicates.lines));
  }
  warnings.insert(warnings.end(), duplicates.lines.begin(), duplicates.lines.end());
  return {};
}

bool HasEmptyMetadata(const json::Value& object) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"labels", "annotations", "finalizers",
                                              "ownerReferences"},
      [&](std::string_view key) {
        const json::Value* value = json::Find(object, {"metadata", key});
        if (value == nullptr) return false;
        return value->is_null() || (value->is_object() && value->get_object().empty()) ||
               (value->is_array() && value->get_array().empty());
      });
}

// Nothing holds a terminating object any more.
bool IsEmptied(const Resource& resource, const json::Value& object) {
  const auto is_empty = [&](std::initializer_list<std::string_view> path) {
    const json::Value* list = json::Find(object, path);
    return list == nullptr || !list->is_array() || list->get_array().empty();
  };
  const json::Value* grace = json::Find(object, {"metadata", "deletionGracePeriodSeconds"});
  if (grace != nullptr && grace->is_int64() && grace->get_int64() > 0) return false;
  if (resource.group.empty() && resource.name == "namespaces" &&
      !is_empty({"spec", "finalizers"})) {
    return false;
  }
  return is_empty({"metadata", "finalizers"});
}

std::shared_ptr<StoredObject> StoredDraft(const Resource& resource, json::Value& object) {
  const CustomVersion* custom = resource.custom.get();
  if (custom == nullptr) return StoredFormOf(resource, object);
  if (custom->definition != custom->storage_definition) {
    custom->storage_schema->Prune(object);
    custom->storage_schema->Default(object);
  }
  auto stored = ToStored(object);
  stored->definition = custom->storage_definition;
  return stored;
}

Answer<std::shared_ptr<StoredObject>> FittingDraft(const WriteRequest& request,
                                                   json::Value& object) {
  auto stored = StoredDraft(*request.resource, object);
  if (stored->text.size() > kMaxObjectBytes &&
      MediaType(request.content_type) != "application/apply-patch+yaml") {
    MetadataOf(object).erase("managedFields");
    auto smaller = ToStored(object);
    smaller->definition = stored->definition;
    stored = std::move(smaller);
  }
  if (stored->text.size() <= kMaxObjectBytes) return stored;
  return std::unexpected(PlainErrorStatus("etcdserver: request is too large"));
}

void PutMember(json::Object& object, std::string_view key, const json::Value* value) {
  if (value == nullptr) {
    object.erase(key);
  } else {
    object[key] = *value;
  }
}

}  // namespace
}  // namespace kro::apiserver
