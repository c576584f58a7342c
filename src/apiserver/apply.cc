#include "apiserver/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "api/gvk.h"
#include "apiserver/internal/field_set.h"
#include "apiserver/internal/managed_fields.h"
#include "apiserver/internal/typed.h"

namespace kro::apiserver {
namespace {

using internal::Comparison;
using internal::FieldSet;
using internal::FieldTexts;
using internal::ManagedEntries;
using internal::ManagedEntry;
using internal::Operation;

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

struct Conflict {
  const ManagedEntry* manager;
  std::vector<std::string> paths;
};

// One write: what it works on, and the steps of sections 5.5 and 5.6.
class Write {
 public:
  explicit Write(const Ownership& ownership)
      : ownership_(ownership), reset_(FieldSet::OfFields(ownership.reset_fields, texts_)) {}

  FieldTexts& texts() { return texts_; }
  const TypeNode& type() const { return ownership_.schema.root(); }

  ManagedEntry MakeEntry(std::string_view manager, Operation operation) const;

  // Drops entries of versions that are gone, and puts places below atomic ones together.
  void ReconcileWithSchema(ManagedEntries& entries);

  // Whether what is compared can be read at the versions of all entries.
  bool FitsVersionsOf(const ManagedEntries& entries, const json::Value* before,
                      const json::Value& after);

  // What a change does to ownership.
  struct Change {
    FieldSet touched;  // added or modified: conflicts are sought here
    FieldSet all;      // what others lose
  };

  // What `before` to `after` does at a version.
  const Change& CompareAt(std::string_view version, const json::Value* before,
                          const json::Value* after);

  // Takes from all entries what changed. Places that change while somebody holds them are returned
  // and, unless `force`, nothing is taken.
  std::vector<Conflict> TakeFromOthers(ManagedEntries& entries, const json::Value* before,
                                       const json::Value* after, bool force);

  // Section 5.5. Gives what the writer changed.
  void Update(ManagedEntries& entries, const json::Value* before, const json::Value& after,
              std::string_view manager, std::string_view now);

  // Section 5.6, steps 2 to 4. True if that changed anything.
  Answer<bool> MergeAndPrune(json::Value& object, const json::Value& config,
                             const ManagedEntries& entries, const FieldSet& last,
                             const std::string& last_version, const FieldSet& mine);

  // Before the next pair of objects is compared.
  void ForgetComparisons() { changes_.clear(); }

  FieldSet WithoutReset(FieldSet set) const {
    return reset_.empty() ? std::move(set) : set.RecursiveDifference(reset_);
  }
  FieldSet WithoutIdentity(const FieldSet& set);

 private:
  // The structure at a version; nothing if it is not served.
  std::optional<ObjectSchema> SchemaAt(std::string_view version) const;
  void Convert(json::Value& object, std::string_view from, std::string_view to) const {
    if (from != to && ownership_.convert) ownership_.convert(object.as_object(), from, to);
  }
  FieldSet Above(const TypeNode& type, const json::Value& object) {
    return internal::FieldsOf(type, object, texts_).WithNamedFields(type);
  }

  const Ownership& ownership_;
  FieldTexts texts_;
  FieldSet reset_;
  std::map<std::string, Change, std::less<>> changes_;
  std::deque<json::Value> unset_;      // sets refer to their names
  std::deque<json::Value> converted_;  // likewise
};

Answer<Applied> ApplyOnce(const Ownership& ownership, const json::Value* live,
                          const json::Value& config, const ApplyOptions& options,
                          std::vector<Conflict>* conflicts, ManagedEntries& kept);
std::optional<kube::Status> CheckConfig(const Ownership& ownership, const json::Value& config);
std::string TypeError(std::string_view what, const json::Value& object, std::string_view error,
                      std::string_view aim = "");
kube::Status ConflictStatus(std::vector<Conflict> conflicts);
std::string ShowManager(const ManagedEntry& entry);
// Which conflicts kubectl may take because its annotation has the live values.
std::vector<std::string> LastAppliedPaths(const Ownership& ownership, const json::Value& live);
void SyncLastApplied(json::Value& object, const json::Value& config);
json::Value* FindAnnotations(json::Value& object);

}  // namespace

Answer<Applied> Apply(const Ownership& ownership, const json::Value* live,
                      const json::Value& config, const ApplyOptions& options) {
  if (auto refusal = CheckConfig(ownership, config)) return std::unexpected(*std::move(refusal));
  std::vector<Conflict> conflicts;
  ManagedEntries kept;
  auto applied = ApplyOnce(ownership, live, config, options, &conflicts, kept);
  if (!applied && !conflicts.empty() && options.manager == "kubectl" && live != nullptr) {
    // What client-side apply wrote last and nobody changed since is kubectl's own.
    const std::vector<std::string> own = LastAppliedPaths(ownership, *live);
    for (Conflict& conflict : conflicts) {
      if (own.empty()) break;
      std::erase_if(conflict.paths, [&](const std::string& path) {
        return std::ranges::find(own, path) != own.end();
      });
    }
    std::erase_if(conflicts, [](const Conflict& conflict) { return conflict.paths.empty(); });
    if (conflicts.empty()) {
      ApplyOptions forced = options;
      forced.force = true;
      applied = ApplyOnce(ownership, live, config, forced, nullptr, kept);
    } else {
      return std::unexpected(ConflictStatus(std::move(conflicts)));
    }
  }
  if (applied && options.manager == "kubectl") {
    SyncLastApplied(applied->object, config);
    if (live != nullptr && !applied->changed) {
      // The annotation alone may differ.
      const json::Value* before = json::Find(*live, {"metadata", "annotations"});
      const json::Value* after =
          json::Find(std::as_const(applied->object), {"metadata", "annotations"});
      applied->changed =
          before != nullptr && after != nullptr && !internal::DeepEqual(*before, *after);
    }
  }
  return applied;
}

void TrackUpdate(const Ownership& ownership, const json::Value* live, json::Value& object,
                 const UpdateOptions& options) {
  Write write(ownership);
  // Entries borrow from where they were read.
  json::Value request;
  ManagedEntries entries;
  auto read = [&](const json::Value& from) {
    auto found = internal::ReadManagedFields(from, write.texts());
    return found ? *std::move(found) : ManagedEntries();
  };
  const bool is_subresource = !ownership.subresource.empty();
  const bool is_reset = !is_subresource && internal::IsReset(object);
  if (!is_subresource && !is_reset) {
    if (const json::Value* own = json::Find(std::as_const(object), {"metadata", "managedFields"})) {
      request = json::Object{{"metadata", json::Object{{"managedFields", *own}}}};
      entries = read(request);
    }
  }
  if (entries.empty() && !is_reset && live != nullptr) entries = read(*live);
  internal::RemoveManagedFields(object);
  // An object that nobody keeps books about stays so until the next apply.
  if (entries.empty() && live != nullptr) return;
  const json::Value before =
      live == nullptr ? json::Value() : internal::CopyWithoutManagedFields(*live, object.storage());
  const json::Value* compared = live == nullptr ? nullptr : &before;
  auto fits = [&](const json::Value& value) {
    return internal::FindTypeError(write.type(), value, internal::Duplicates::kAllowed).empty();
  };
  if (!fits(object) || (compared != nullptr && !fits(before))) return;
  write.ReconcileWithSchema(entries);
  if (!write.FitsVersionsOf(entries, compared, object)) return;
  write.Update(entries, compared, object, options.manager, options.now);
  internal::CapUpdaters(entries);
  internal::WriteManagedFields(object, std::move(entries));
}

bool KeepTimesIfUnchanged(const json::Value& live, json::Value& object) {
  const json::Value* old_list = json::Find(live, {"metadata", "managedFields"});
  json::Value* metadata = json::Find(object, "metadata");
  json::Value* new_list = metadata == nullptr ? nullptr : json::Find(*metadata, "managedFields");
  const json::Array* before = old_list == nullptr ? nullptr : old_list->if_array();
  json::Array* after = new_list == nullptr ? nullptr : new_list->if_array();
  const std::size_t count = before == nullptr ? 0 : before->size();
  if ((after == nullptr ? 0 : after->size()) != count) return false;

  auto equal_except = [](const json::Object& a, const json::Object& b, std::string_view skipped,
                         auto&& nested) {
    std::size_t left = 0;
    for (const auto& member : a) {
      if (member.key() == skipped) continue;
      ++left;
      const json::Value* other = b.if_contains(member.key());
      if (other == nullptr || !nested(member.key(), member.value(), *other)) return false;
    }
    std::size_t right = b.size();
    if (b.contains({skipped.data(), skipped.size()})) --right;
    return left == right;
  };
  auto deep = [](std::string_view, const json::Value& a, const json::Value& b) {
    return internal::DeepEqual(a, b);
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (!(*before)[i].is_object() || !(*after)[i].is_object()) return false;
    if (!equal_except((*before)[i].get_object(), (*after)[i].get_object(), "time", deep)) {
      return false;
    }
  }
  if (!live.is_object() || !object.is_object()) return false;
  auto root = [&](std::string_view key, const json::Value& a, const json::Value& b) {
    if (key != "metadata" || !a.is_object() || !b.is_object()) return internal::DeepEqual(a, b);
    return equal_except(a.get_object(), b.get_object(), "managedFields", deep);
  };
  if (!equal_except(live.get_object(), object.get_object(), "", root)) return false;
  if (count > 0) *after = *before;
  return true;
}

namespace {

ManagedEntry Write::MakeEntry(std::string_view manager, Operation operation) const {
  ManagedEntry entry;
  entry.manager = manager.empty() ? "unknown" : std::string(manager);
  entry.operation = operation;
  entry.api_version = ownership_.api_version;
  entry.subresource = ownership_.subresource;
  return entry;
}

std::optional<ObjectSchema> Write::SchemaAt(std::string_view version) const {
  if (version == ownership_.api_version) return ownership_.schema;
  if (!ownership_.schema_at) return std::nullopt;
  return ownership_.schema_at(version);
}

void Write::ReconcileWithSchema(ManagedEntries& entries) {
  std::erase_if(entries, [&](ManagedEntry& entry) {
    auto schema = SchemaAt(entry.api_version);
    if (!schema) return true;
    if (entry.fields.CollapseAtomic(schema->root())) entry.source = nullptr;
    return false;
  });
}

bool Write::FitsVersionsOf(const ManagedEntries& entries, const json::Value* before,
                           const json::Value& after) {
  const auto fits = [&](const ObjectSchema& schema, const std::string& version,
                        const json::Value& value) {
    json::Value converted(value);
    Convert(converted, ownership_.api_version, version);
    return internal::FindTypeError(schema.root(), converted, internal::Duplicates::kAllowed)
        .empty();
  };
  return std::ranges::all_of(entries, [&](const ManagedEntry& entry) {
    if (entry.api_version == ownership_.api_version) return true;
    const auto schema = SchemaAt(entry.api_version);
    return !schema || (fits(*schema, entry.api_version, after) &&
                       (before == nullptr || fits(*schema, entry.api_version, *before)));
  });
}

const Write::Change& Write::CompareAt(std::string_view version, const json::Value* before,
                                      const json::Value* after) {
  if (auto known = changes_.find(version); known != changes_.end()) return known->second;
  Change change;
  if (auto schema = SchemaAt(version)) {
    if (version != ownership_.api_version && ownership_.convert) {
      for (const json::Value** side : {&before, &after}) {
        if (*side == nullptr) continue;
        json::Value& copy = converted_.emplace_back(**side);
        Convert(copy, ownership_.api_version, version);
        *side = &copy;
      }
    }
    if (before == nullptr) before = &unset_.emplace_back(schema->MakeUnset());
    Comparison comparison = internal::CompareObjects(schema->root(), before, after, texts_);
    change.touched = WithoutReset(comparison.modified.Union(comparison.added));
    change.all = change.touched.Union(WithoutReset(std::move(comparison.removed)));
  }
  return changes_.emplace(version, std::move(change)).first->second;
}

std::vector<Conflict> Write::TakeFromOthers(ManagedEntries& entries, const json::Value* before,
                                            const json::Value* after, bool force) {
  std::vector<Conflict> conflicts;
  for (ManagedEntry& entry : entries) {
    FieldSet taken = entry.fields.Intersection(CompareAt(entry.api_version, before, after).touched);
    if (!taken.empty()) conflicts.push_back({&entry, taken.Paths()});
  }
  if (!force && !conflicts.empty()) return conflicts;
  for (ManagedEntry& entry : entries) {
    const FieldSet& lost = CompareAt(entry.api_version, before, after).all;
    if (!entry.fields.Intersection(lost).empty()) entry.SetFields(entry.fields.Difference(lost));
  }
  return conflicts;
}

void Write::Update(ManagedEntries& entries, const json::Value* before, const json::Value& after,
                   std::string_view manager, std::string_view now) {
  TakeFromOthers(entries, before, &after, true);
  std::erase_if(entries, [](const ManagedEntry& entry) { return entry.fields.empty(); });
  FieldSet changed = WithoutIdentity(CompareAt(ownership_.api_version, before, &after).touched);
  if (changed.empty()) return;
  ManagedEntry own = MakeEntry(manager, Operation::kUpdate);
  auto known = std::ranges::find_if(
      entries, [&](const ManagedEntry& entry) { return entry.IsSameManager(own); });
  if (known == entries.end()) {
    entries.push_back(std::move(own));
    known = entries.end() - 1;
  }
  known->SetFields(known->fields.Union(changed));
  known->time = now;
}

FieldSet Write::WithoutIdentity(const FieldSet& set) {
  static constexpr std::string_view kTop[] = {"apiVersion", "kind", "metadata"};
  static constexpr std::string_view kMetadata[] = {
      "clusterName",     "creationTimestamp", "generation", "managedFields", "name", "namespace",
      "resourceVersion", "selfLink",          "uid"};
  static const FieldSet& kIdentity = *[] {
    internal::FieldSetBuilder builder;
    std::vector<internal::Element> path;
    for (std::string_view name : kTop) {
      path = {{internal::ElementKind::kField, name}};
      builder.Insert(path);
      if (name == "metadata") {
        for (std::string_view field : kMetadata) {
          path.push_back({internal::ElementKind::kField, field});
          builder.Insert(path);
          path.pop_back();
          builder.Leave(1);
        }
      }
      builder.Leave(0);
    }
    return new FieldSet(builder.Build());
  }();
  return set.Difference(kIdentity);
}

// What the manager applied before and no longer does goes, unless somebody else holds it. First all of
// it is removed, then what has an owner is added back, then what this manager never had.
Answer<bool> Write::MergeAndPrune(json::Value& object, const json::Value& config,
                                  const ManagedEntries& entries, const FieldSet& last,
                                  const std::string& last_version, const FieldSet& mine) {
  bool changed = internal::MergeInto(type(), object, config, texts_);
  // Nothing is given up: the usual case.
  if (last.empty() || (last_version == ownership_.api_version && mine.Contains(last))) {
    return changed;
  }
  auto last_schema = SchemaAt(last_version);
  if (!last_schema) return changed;
  auto misfit = [&](const ObjectSchema& schema, const json::Value& value) {
    return internal::FindTypeError(schema.root(), value, internal::Duplicates::kAllowed);
  };
  const auto merged_at = [&](std::string_view version) {
    json::Value copy(object, object.storage());
    Convert(copy, ownership_.api_version, version);
    return copy;
  };
  json::Value merged = merged_at(last_version);
  if (last_version != ownership_.api_version) {
    if (std::string error = misfit(*last_schema, merged); !error.empty()) {
      return PlainFailure(
          500, "failed to prune fields: failed to convert merged object to last applied version: " +
                   error);
    }
  }
  const TypeNode& last_type = last_schema->root();
  json::Value pruned(merged, object.storage());
  std::string version_now = last_version;  // of both
  internal::RemoveFields(last_type, pruned, last.WithNamedFields(last_type), texts_);

  // The fields that have owners, version by version, the last applied one first.
  std::vector<std::pair<std::string, FieldSet>> owned;
  auto add = [&](const std::string& version, const FieldSet& set) {
    for (auto& [known, fields] : owned) {
      if (known == version) {
        fields = fields.Union(set);
        return;
      }
    }
    owned.emplace_back(version, set);
  };
  add(ownership_.api_version, mine);
  for (const ManagedEntry& entry : entries) add(entry.api_version, entry.fields);
  if (auto first = std::ranges::find(owned, last_version, &std::pair<std::string, FieldSet>::first);
      first != owned.end()) {
    std::rotate(owned.begin(), first, first + 1);
  }
  for (const auto& [version, fields] : owned) {
    auto schema = SchemaAt(version);
    if (!schema) continue;
    const TypeNode& at = schema->root();
    if (version != version_now) {
      merged = merged_at(version);
      Convert(pruned, version_now, version);
      version_now = version;
    }
    if (version != last_version && version != ownership_.api_version) {
      if (std::string error = misfit(*schema, merged); !error.empty()) {
        return PlainFailure(500, fmt::format("failed to prune fields: failed add back owned items: "
                                             "failed to convert merged object at version {}: {}",
                                             version, error));
      }
    }
    const FieldSet ownerless =
        Above(at, merged).Difference(Above(at, pruned).Union(fields.WithNamedFields(at)));
    pruned = merged;
    internal::RemoveFields(at, pruned, ownerless, texts_);
  }

  if (version_now != last_version) {
    merged = merged_at(last_version);
    Convert(pruned, version_now, last_version);
  }
  const FieldSet gone = Above(last_type, merged)
                            .Difference(Above(last_type, pruned))
                            .Intersection(last.WithNamedFields(last_type));
  if (gone.empty()) return changed;
  Convert(object, ownership_.api_version, last_version);
  internal::RemoveFields(last_type, object, gone, texts_);
  Convert(object, last_version, ownership_.api_version);
  return true;
}

Answer<Applied> ApplyOnce(const Ownership& ownership, const json::Value* live,
                          const json::Value& config, const ApplyOptions& options,
                          std::vector<Conflict>* conflicts, ManagedEntries& kept) {
  Write write(ownership);
  auto entries =
      live == nullptr ? ManagedEntries() : internal::ReadManagedFields(*live, write.texts());
  if (!entries) {
    return PlainFailure(500, "failed to decode managed fields: " + entries.error().message());
  }
  std::string error = internal::FindTypeError(write.type(), config, internal::Duplicates::kRefused);
  if (!error.empty()) {
    return PlainFailure(500, TypeError("failed to create typed patch object", config, error));
  }

  const json::Value before = live == nullptr
                                 ? json::Value(boost::json::object_kind, options.storage)
                                 : internal::CopyWithoutManagedFields(*live, options.storage);
  if (!ownership.schema.is_builtin()) {
    error = internal::FindTypeError(write.type(), before, internal::Duplicates::kAllowed);
  }
  if (!error.empty()) {
    const bool nobody_known = live != nullptr && entries->empty();
    return PlainFailure(
        500, nobody_known
                 ? "failed to create manager for existing fields: " +
                       TypeError("failed to convert new object", before, error, " to smd typed")
                 : TypeError("failed to create typed live object", before, error));
  }

  if (entries->empty() && live != nullptr) {
    write.Update(*entries, nullptr, before, "before-first-apply", options.now);
    write.ForgetComparisons();
  }
  write.ReconcileWithSchema(*entries);

  ManagedEntry own = write.MakeEntry(options.manager, Operation::kApply);
  const FieldSet mine = write.WithoutReset(internal::FieldsOf(write.type(), config, write.texts()));
  FieldSet last;
  std::string last_version;
  auto former = std::ranges::find_if(
      *entries, [&](const ManagedEntry& entry) { return entry.IsSameManager(own); });
  const json::Value* former_source = nullptr;
  if (former != entries->end()) {
    last = former->fields;
    last_version = former->api_version;
    own.time = former->time;
    former_source = former->source;
    entries->erase(former);
  }

  json::Value object(before, options.storage);
  auto changed = write.MergeAndPrune(object, config, *entries, last, last_version, mine);
  if (!changed) return std::unexpected(changed.error());

  if (*changed) {
    auto found = write.TakeFromOthers(*entries, &before, &object, options.force);
    if (!options.force && !found.empty()) {
      kept = *std::move(entries);
      // The entries moved; what the conflicts point at with them.
      if (conflicts != nullptr) *conflicts = found;
      return std::unexpected(ConflictStatus(std::move(found)));
    }
    *changed = !internal::DeepEqual(before, object);
  }
  std::erase_if(*entries, [](const ManagedEntry& entry) { return entry.fields.empty(); });

  FieldSet recorded = write.WithoutIdentity(mine);
  if (!recorded.empty()) {
    const bool as_before = former_source != nullptr && recorded == last;
    own.SetFields(std::move(recorded));
    if (as_before) own.source = former_source;
    if (*changed) own.time = options.now;
    entries->push_back(std::move(own));
  }
  internal::WriteManagedFields(object, *std::move(entries));
  return Applied{std::move(object), *changed};
}

std::optional<kube::Status> CheckConfig(const Ownership& ownership, const json::Value& config) {
  const std::string_view api_version = json::FindString(config, {"apiVersion"});
  const std::string_view kind = json::FindString(config, {"kind"});
  if (api_version != ownership.api_version || kind != ownership.kind) {
    auto version = api::GroupVersion::Parse(api_version);
    api::Gvk gvk{version ? version->group : "", version ? version->version : "", std::string(kind)};
    return BadRequest("invalid object type: " + gvk.ToString()).error();
  }
  const json::Value* managed = json::Find(config, {"metadata", "managedFields"});
  if (managed != nullptr && !managed->is_null()) {
    return BadRequest("metadata.managedFields must be nil").error();
  }
  return std::nullopt;
}

std::string TypeError(std::string_view what, const json::Value& object, std::string_view error,
                      std::string_view aim) {
  auto version = api::GroupVersion::Parse(json::FindString(object, {"apiVersion"}));
  api::Gvk gvk{version ? version->group : "", version ? version->version : "",
               std::string(json::FindString(object, {"kind"}))};
  return fmt::format("{} ({}/{}; {}){}: {}", what,
                     json::FindString(object, {"metadata", "namespace"}),
                     json::FindString(object, {"metadata", "name"}), gvk.ToString(), aim, error);
}

kube::Status ConflictStatus(std::vector<Conflict> conflicts) {
  std::ranges::sort(conflicts, {}, [](const Conflict& conflict) {
    return internal::Identifier(*conflict.manager);
  });
  kube::Status status;
  status.code = 409;
  status.reason = "Conflict";
  std::vector<std::string> lines;
  for (const Conflict& conflict : conflicts) {
    const std::string manager = ShowManager(*conflict.manager);
    lines.push_back("conflicts with " + manager + ":");
    for (const std::string& path : conflict.paths) {
      status.causes.push_back({"FieldManagerConflict", "conflict with " + manager, path});
      lines.push_back("- " + path);
    }
  }
  if (status.causes.size() == 1) {
    status.message = fmt::format("Apply failed with 1 conflict: {}: {}", status.causes[0].message,
                                 status.causes[0].field);
  } else {
    status.message = fmt::format("Apply failed with {} conflicts: {}", status.causes.size(),
                                 fmt::join(lines, "\n"));
  }
  return status;
}

std::string ShowManager(const ManagedEntry& entry) {
  std::string text = json::Serialize(json::Value(entry.manager));
  if (!entry.subresource.empty()) {
    text += " with subresource " + json::Serialize(json::Value(entry.subresource));
  }
  if (entry.operation == Operation::kUpdate) text += " using " + entry.api_version;
  return text;
}

std::vector<std::string> LastAppliedPaths(const Ownership& ownership, const json::Value& live) {
  const json::Value* annotations = json::Find(live, {"metadata", "annotations"});
  const json::Value* text =
      annotations == nullptr ? nullptr : json::Find(*annotations, kLastApplied);
  if (text == nullptr || !text->is_string()) return {};
  auto config = json::Parse(text->get_string());
  if (!config || json::FindString(*config, {"apiVersion"}) != ownership.api_version) return {};
  const TypeNode& type = ownership.schema.root();
  if (!internal::FindTypeError(type, *config, internal::Duplicates::kRefused).empty()) return {};
  FieldTexts texts;
  const json::Value bare = internal::CopyWithoutManagedFields(live);
  Comparison comparison = internal::CompareObjects(type, &*config, &bare, texts);
  return internal::FieldsOf(type, *config, texts)
      .Difference(comparison.modified)
      .Difference(comparison.added)
      .Difference(comparison.removed)
      .Paths();
}

void SyncLastApplied(json::Value& object, const json::Value& config) {
  json::Value* annotations = FindAnnotations(object);
  if (annotations == nullptr) return;
  json::Value* value = json::Find(*annotations, kLastApplied);
  if (value == nullptr || !value->is_string() || value->get_string().empty()) return;
  json::Value bare = config;
  if (json::Value* own = FindAnnotations(bare)) {
    own->get_object().erase({kLastApplied.data(), kLastApplied.size()});
  }
  *value = json::Canonical(bare) + "\n";
}

json::Value* FindAnnotations(json::Value& object) {
  json::Value* metadata = json::Find(object, "metadata");
  json::Value* annotations = metadata == nullptr ? nullptr : json::Find(*metadata, "annotations");
  return annotations != nullptr && annotations->is_object() ? annotations : nullptr;
}

}  // namespace
}  // namespace kro::apiserver
