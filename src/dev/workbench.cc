#include "dev/workbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include "api/condition.h"
#include "api/constants.h"
#include "apiserver/rule_file.h"
#include "async/on_pool.h"
#include "base/hash.h"
#include "controller/compile_definition.h"
#include "controller/definition.h"
#include "controller/kinds_loader.h"
#include "dev/value_diff.h"
#include "graph/compile.h"
#include "kube/rest_mapper.h"

namespace kro::dev {
namespace {

// As often as the tree is drawn anew, and definitions are looked at, while much happens.
constexpr auto kPace = std::chrono::milliseconds(40);
constexpr std::string_view kManager = "kro-dev";
constexpr std::size_t kMostLines = 12;               // of one difference
constexpr std::string_view kUnknownKind = "KRO601";  // graph/compile.h

bool IsDefinition(std::string_view group, std::string_view resource);
// The fields that a refusal is about.
std::vector<json::FieldPath> FieldsOf(const kube::ApiError& error);
// The first path in a text such as ".spec.foo: field not declared in schema".
std::optional<json::FieldPath> PathInText(std::string_view text);
std::string_view ConditionText(const json::Value& object, std::string_view type,
                               std::string_view member);
// Of the status: whether the condition Ready speaks of the object as it is now.
bool IsCurrent(const json::Value& object);
std::string ApiOf(const json::Value& definition);
// Whether an object was applied by this command, in this run or another.
bool IsOurs(const apiserver::ObjectChange& object);
bool IsBroken(const ManifestSet& set, const std::string& file);
// The namespace that an object of this kind is in.
std::string NamespaceOf(const ObjectId& id, const apiserver::ServedKind& kind);
// The kind that a definition in a file makes.
std::optional<api::GroupKind> DefinedBy(const Manifest& manifest);

}  // namespace

Workbench::Workbench(Dependencies dependencies, WorkbenchOptions options)
    : d_(std::move(dependencies)),
      options_(std::move(options)),
      wake_(d_.executor, async::EventReset::kAuto) {
  d_.server.ForEachObject([this](const apiserver::ObjectChange& object) {
    OnChange(object);
    if (options_.prune == Prune::kNo || !IsOurs(object)) return;
    auto kind = d_.server.FindResource(object.group, object.resource);
    if (!kind) return;
    Manifest manifest{.file = "an earlier run"};
    manifest.id = {kind->gvk, std::string(object.name_space), std::string(object.name)};
    earlier_.push_back({std::move(manifest), std::move(kind)});
  });
}

void Workbench::FilesChanged() {
  files_changed_ = true;
  wake_.Set();
}

void Workbench::OnChange(const apiserver::ObjectChange& change) {
  touched_ = true;
  if (tree_.Observe(change)) tree_changed_ = true;
  if (change.resource == "customresourcedefinitions") kinds_changed_ = true;
  if (IsDefinition(change.group, change.resource)) {
    definitions_changed_.insert(
        {std::string(change.resource), std::string(change.name_space), std::string(change.name)});
  }
}

Result<void> Workbench::OnSettled() {
  if (touched_) wake_.Set();
  return {};
}

async::Task<void> Workbench::Run(async::CancelToken cancel) {
  while (!cancel.cancelled()) {
    if (std::exchange(files_changed_, false)) co_await Reload(cancel);
    if (std::exchange(kinds_changed_, false)) co_await ApplyWaiting(cancel);
    co_await TellOfDefinitions(cancel);
    ShowTree();
    touched_ = false;
    if (on_standing_) {
      standing_ = co_await Judge(cancel);
      on_standing_();
    }
    // A file that was saved is not kept waiting.
    auto paced = co_await async::Sleep(d_.executor, kPace, cancel);
    if (!paced) break;
    auto woken = co_await wake_.Wait(cancel);
    if (!woken) break;
  }
}

async::Task<void> Workbench::Reload(async::CancelToken cancel) {
  const auto read = [paths = options_.paths] { return ReadManifests(paths); };
  ManifestSet set = co_await async::OnPool(d_.executor, read);
  std::map<std::string, std::string> faults;
  for (const Diagnostic& fault : set.faults) faults[fault.where.source] += Render(fault) + "\n";
  for (const auto& [file, text] : faults) {
    if (faults_[file] != text) d_.console.Say(text.substr(0, text.size() - 1));
  }
  for (const auto& [file, text] : faults_) {
    if (!faults.contains(file)) d_.console.Say(fmt::format("{}: can be read again", file));
  }
  faults_ = std::move(faults);
  ReloadRules(set);
  co_await DropVanished(set, cancel);
  defined_.clear();
  for (const Manifest& manifest : set.objects) {
    if (auto kind = DefinedBy(manifest)) defined_.insert(*std::move(kind));
  }
  for (Manifest& manifest : set.objects) co_await Apply(std::move(manifest), cancel);
}

void Workbench::ReloadRules(const ManifestSet& set) {
  apiserver::RuleSet rules;
  Diagnostics faults;
  std::string content;
  const auto take = [&](json::Parsed<apiserver::RuleSet> read) {
    if (read) {
      std::ranges::move(read->rules, std::back_inserter(rules.rules));
    } else {
      std::ranges::move(read.error(), std::back_inserter(faults));
    }
  };
  for (const Manifest& manifest : set.rules) {
    take(apiserver::ReadRules(*manifest.document, manifest.file));
    content += json::Canonical(manifest.document->value) + "\n";
  }
  for (const std::string& file : options_.rule_files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (!stream) {
      Diagnostic fault{.code = "KRO101", .message = "cannot be read"};
      fault.where.source = file;
      faults.push_back(std::move(fault));
    }
    take(apiserver::ReadRuleFile(text, file));
    content += text;
  }
  std::string said;
  for (const Diagnostic& fault : faults) said += Render(fault) + "\n";
  // The same rules, or the same faults, are not worth another word.
  const std::uint64_t hash = content.empty() && said.empty() ? 0 : Hash64(content + said);
  if (std::exchange(rules_hash_, hash) == hash) return;
  rules_fault_ = said;
  if (!faults.empty()) {
    d_.console.Say(said + "the rules before these still hold");
    return;
  }
  d_.console.Say(
      fmt::format("{} rule{} in force", rules.rules.size(), rules.rules.size() == 1 ? "" : "s"));
  d_.server.Play(std::move(rules), [this](std::string what) { d_.console.Say(what); });
}

async::Task<void> Workbench::Apply(Manifest manifest, async::CancelToken cancel) {
  const auto kind = d_.server.FindKind(manifest.id.gvk);
  auto earlier = applied_.find(manifest.id);
  const bool same = earlier != applied_.end() && earlier->second.manifest.hash == manifest.hash;
  if (!kind) {
    if (!same && !defined_.contains({manifest.id.gvk.group, manifest.id.gvk.kind})) {
      d_.console.Say(fmt::format("{}: {} waits: nothing serves {} yet", manifest.file,
                                 manifest.id.ToString(), manifest.id.gvk.ToString()));
    }
    const ObjectId id = manifest.id;
    applied_.insert_or_assign(id, Applied{std::move(manifest), std::nullopt, false});
    co_return;
  }
  json::Value object = manifest.document->value;
  const kube::ObjectKey key{NamespaceOf(manifest.id, *kind), manifest.id.name};
  if (kind->namespaced) json::Find(object, "metadata")->as_object()["namespace"] = key.name_space;
  auto before = co_await d_.client.Get(kind->gvr, key, {}, cancel);
  const bool failed = earlier != applied_.end() && earlier->second.failed;
  const ObjectId id = manifest.id;
  Applied& applied = applied_.insert_or_assign(id, Applied{manifest, kind, false}).first->second;
  if (same && before && !failed) co_return;
  kube::ApplyOptions options{.field_manager = std::string(kManager)};
  options.on_conflict = kube::OnConflict::kTakeOver;
  options.field_validation = kube::FieldValidation::kStrict;
  auto after = co_await d_.client.Apply(kind->gvr, std::move(object), options, cancel);
  if (cancel.cancelled()) co_return;
  if (!after) {
    applied.failed = true;
    if (!same || !failed) Refuse(manifest, after.error());
    co_return;
  }
  if (!before) {
    d_.console.Say(fmt::format("{}: {} created", manifest.file, manifest.id.ToString()));
    co_return;
  }
  const std::vector<std::string> lines = DiffObjects(*before, *after);
  if (lines.empty()) co_return;
  std::string said = fmt::format("{}: {} changed:", manifest.file, manifest.id.ToString());
  if (lines.size() == 1) {
    said += " " + lines.front();
  } else {
    for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) said += "\n  " + lines[i];
    if (lines.size() > kMostLines)
      said += fmt::format("\n  and {} more", lines.size() - kMostLines);
  }
  d_.console.Say(said);
}

async::Task<void> Workbench::ApplyWaiting(async::CancelToken cancel) {
  std::vector<Manifest> now;
  for (const auto& [id, applied] : applied_) {
    // What was refused may fit a definition that has changed.
    const bool came = !applied.kind && d_.server.FindKind(id.gvk);
    if (came || applied.failed) now.push_back(applied.manifest);
  }
  for (Manifest& manifest : now) co_await Apply(std::move(manifest), cancel);
}

// What is no longer in any file. A file that cannot be read now keeps what it had.
async::Task<void> Workbench::DropVanished(const ManifestSet& set, async::CancelToken cancel) {
  std::vector<Applied> vanished = TakeForgotten(set);
  for (auto at = applied_.begin(); at != applied_.end();) {
    const auto same_but_version = [&](const Manifest& other) {
      return other.id.gvk.group == at->first.gvk.group && other.id.gvk.kind == at->first.gvk.kind &&
             other.id.name_space == at->first.name_space && other.id.name == at->first.name;
    };
    const bool there =
        std::ranges::find(set.objects, at->first, &Manifest::id) != set.objects.end();
    if (there || IsBroken(set, at->second.manifest.file)) {
      ++at;
      continue;
    }
    if (std::ranges::none_of(set.objects, same_but_version)) vanished.push_back(at->second);
    at = applied_.erase(at);
  }
  // Instances before their definitions.
  const auto definition = [](const Applied& applied) {
    return applied.kind && IsDefinition(applied.kind->gvr.group, applied.kind->gvr.resource);
  };
  std::ranges::sort(vanished, {}, [&](const Applied& applied) {
    return std::pair(definition(applied), applied.manifest.id);
  });
  for (const Applied& applied : vanished) {
    const Manifest& manifest = applied.manifest;
    if (!applied.kind) continue;
    const kube::ObjectKey key{NamespaceOf(manifest.id, *applied.kind), manifest.id.name};
    if (options_.prune == Prune::kNo) {
      // What was refused was perhaps never there.
      if (applied.failed && !co_await d_.client.Get(applied.kind->gvr, key, {}, cancel)) continue;
      d_.console.Say(fmt::format("{}: {} is in no file any more; it stays (--prune deletes)",
                                 manifest.file, manifest.id.ToString()));
      continue;
    }
    kube::DeleteOptions options{.propagation = kube::Propagation::kBackground};
    auto deleted = co_await d_.client.Delete(applied.kind->gvr, key, std::move(options), cancel);
    if (deleted) {
      d_.console.Say(fmt::format("{}: {} deleted", manifest.file, manifest.id.ToString()));
    } else if (!kube::IsNotFound(deleted.error())) {
      d_.console.Say(fmt::format("{}: {} cannot be deleted: {}", manifest.file,
                                 manifest.id.ToString(), deleted.error().message()));
    }
  }
}

std::vector<Workbench::Applied> Workbench::TakeForgotten(const ManifestSet& set) {
  // A file that cannot be read may hold any of them.
  if (!set.broken.empty()) return {};
  std::vector<Applied> forgotten = std::exchange(earlier_, {});
  std::erase_if(forgotten, [&](const Applied& earlier) {
    const ObjectId& id = earlier.manifest.id;
    return std::ranges::any_of(set.objects, [&](const Manifest& now) {
      return now.id.gvk.group == id.gvk.group && now.id.gvk.kind == id.gvk.kind &&
             now.id.name == id.name && NamespaceOf(now.id, *earlier.kind) == id.name_space;
    });
  });
  return forgotten;
}

async::Task<void> Workbench::TellOfDefinitions(async::CancelToken cancel) {
  const auto changed = std::exchange(definitions_changed_, {});
  for (const DefinitionKey& key : changed) co_await TellOf(key, cancel);
}

async::Task<void> Workbench::TellOf(DefinitionKey key, async::CancelToken cancel) {
  const api::Gvr gvr{std::string(api::kGroup), std::string(api::kVersion), key.resource};
  auto object = co_await d_.client.Get(gvr, {key.name_space, key.name}, {}, cancel);
  if (!object) {
    if (kube::IsNotFound(object.error())) waiting_.erase(key);
    if (kube::IsNotFound(object.error()) && verdicts_.erase(key) > 0) {
      d_.console.Say(fmt::format("{} is gone", key.name));
    }
    co_return;
  }
  if (!IsCurrent(*object)) co_return;  // nobody has looked at it yet
  const Applied* applied = FindApplied(key);
  std::string verdict;
  if (ConditionText(*object, api::condition::kReady, "status") == "True") {
    verdict = fmt::format("{} is Active: {}", key.name, ApiOf(*object));
  } else if (ConditionText(*object, api::condition::kGraphAccepted, "reason") ==
             api::reason::kInvalidResourceGraph) {
    const std::string_view message =
        ConditionText(*object, api::condition::kGraphAccepted, "message");
    // A fault that was shown is not worked out again.
    const std::string shown(message);
    if (auto last = verdicts_.find(key); last != verdicts_.end() && last->second == shown)
      co_return;
    Diagnosis diagnosis;
    if (applied != nullptr) {
      const Manifest manifest = applied->manifest;
      diagnosis = co_await Diagnose(manifest, *object, key, cancel);
    }
    if (cancel.cancelled()) co_return;
    verdicts_[key] = shown;
    waiting_.erase(key);
    if (diagnosis.waits) waiting_.insert(key);
    d_.console.Say(diagnosis.text.empty() ? fmt::format("{}: {}", key.name, shown)
                                          : diagnosis.text);
    co_return;
  } else {
    for (std::string_view type : {api::condition::kGraphAccepted, api::condition::kKindReady,
                                  api::condition::kControllerReady}) {
      if (ConditionText(*object, type, "status") != "False") continue;
      verdict = fmt::format("{}: {}", key.name, ConditionText(*object, type, "message"));
      if (applied != nullptr) verdict = applied->manifest.file + ": " + verdict;
      break;
    }
  }
  waiting_.erase(key);
  if (verdict.empty() || std::exchange(verdicts_[key], verdict) == verdict) co_return;
  d_.console.Say(verdict);
}

async::Task<Workbench::Diagnosis> Workbench::Diagnose(const Manifest& manifest, json::Value object,
                                                      DefinitionKey key,
                                                      async::CancelToken cancel) {
  const kube::WorkKey work{{std::string(api::kGroup), std::string(api::kVersion), key.resource},
                           {key.name_space, key.name}};
  Diagnostics faults;
  auto definition = controller::ReadDefinition(work, object, key.name);
  if (!definition) {
    faults = std::move(definition.error());
  } else {
    faults = definition->refused;
    kube::RestMapper mapper(d_.client);
    controller::KindsLoader kinds(d_.client, mapper);
    auto compiled = co_await controller::CompileDefinition(
        d_.executor, kinds, options_.settings, definition->rgd.name, definition->rgd.spec, cancel);
    if (compiled && !compiled->graph) {
      std::ranges::move(compiled->graph.error(), std::back_inserter(faults));
    }
  }
  const bool lacks_kinds =
      !faults.empty() && std::ranges::all_of(faults, [](const Diagnostic& fault) {
        return fault.code == kUnknownKind;
      });
  if (lacks_kinds) {
    const std::vector<std::string> awaited = AwaitedKinds(definition->rgd.spec);
    if (!awaited.empty()) {
      co_return Diagnosis{
          fmt::format("{}: {} waits for {}", manifest.file, key.name, fmt::join(awaited, ", ")),
          true};
    }
  }
  std::string text;
  for (Diagnostic& fault : faults) {
    text += (text.empty() ? "" : "\n") + Render(InFile(std::move(fault), manifest));
  }
  co_return Diagnosis{std::move(text)};
}

std::vector<std::string> Workbench::AwaitedKinds(const api::RgdSpec& spec) const {
  std::vector<std::string> awaited;
  for (const api::Gvk& kind : graph::KindsIn(spec)) {
    if (d_.server.FindKind(kind)) continue;
    if (!defined_.contains({kind.group, kind.kind})) return {};
    awaited.push_back(fmt::format("{} {}", kind.ApiVersion(), kind.kind));
  }
  return awaited;
}

// Instances of definitions are ready when they are ACTIVE, everything else when it is applied.
async::Task<Workbench::Standing> Workbench::Judge(async::CancelToken cancel) {
  Standing standing{.settled = true};
  bool refused = false;
  bool waits = false;
  for (const auto& [file, text] : faults_) standing.left.push_back(text.substr(0, text.find('\n')));
  if (!rules_fault_.empty())
    standing.left.push_back(rules_fault_.substr(0, rules_fault_.find('\n')));
  for (const auto& [id, applied] : applied_) {
    if (!applied.kind) {
      standing.settled = false;
      standing.left.push_back(id.ToString() + ": nothing serves its kind");
      continue;
    }
    if (applied.failed) {
      standing.left.push_back(id.ToString() + ": was refused");
      continue;
    }
    const api::Gvr& gvr = applied.kind->gvr;
    const bool definition = IsDefinition(gvr.group, gvr.resource);
    const api::Gvr crds{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
    if (!definition) {
      auto crd = co_await d_.client.Get(crds, {"", gvr.resource + "." + gvr.group}, {}, cancel);
      if (!crd || json::FindString(*crd, {"metadata", "labels", api::label::kOwned}) != "true")
        continue;
    }
    auto object =
        co_await d_.client.Get(gvr, {NamespaceOf(id, *applied.kind), id.name}, {}, cancel);
    const std::string_view state =
        object ? json::FindString(*object, {"status", "state"}) : std::string_view();
    const bool current = object && IsCurrent(*object);
    if (current && state == (definition ? api::state::kRgdActive : api::state::kActive)) continue;
    const bool invalid = definition && current &&
                         ConditionText(*object, api::condition::kGraphAccepted, "reason") ==
                             api::reason::kInvalidResourceGraph;
    if (!invalid) {
      standing.settled = false;
    } else if (waiting_.contains({gvr.resource, NamespaceOf(id, *applied.kind), id.name})) {
      waits = true;
    } else {
      refused = true;
    }
    const std::string_view why =
        object ? ConditionText(*object, api::condition::kReady, "message") : std::string_view();
    standing.left.push_back(fmt::format("{}: {}{}{}", id.ToString(),
                                        state.empty() ? "no state" : state, why.empty() ? "" : ": ",
                                        why));
  }
  // What is refused may be what the others wait for: it ends in nothing then.
  if (waits && !refused) standing.settled = false;
  co_return standing;
}

void Workbench::ShowTree() {
  if (!std::exchange(tree_changed_, false)) return;
  d_.console.Show(tree_.Lines(), [this](const TreeLine& line) {
    auto kind = d_.server.FindResource(line.group, line.resource);
    return kind ? kind->gvk.kind : line.kind;
  });
}

void Workbench::Refuse(const Manifest& manifest, const kube::ApiError& error) {
  std::string said;
  std::vector<json::FieldPath> fields = FieldsOf(error);
  if (fields.empty()) fields.emplace_back();
  const auto& causes = error.status().causes;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    Diagnostic fault{.code = "KRO802"};
    fault.message = fields.size() == causes.size() ? causes[i].message : error.status().message;
    if (fault.message.empty()) fault.message = error.message();
    fault.where = PlaceIn(manifest, fields[i]);
    if (fault.where.path.empty()) fault.message = manifest.id.ToString() + ": " + fault.message;
    said += (said.empty() ? "" : "\n") + Render(fault);
  }
  d_.console.Say(said);
}

const Workbench::Applied* Workbench::FindApplied(const DefinitionKey& key) const {
  for (const auto& [id, applied] : applied_) {
    if (!applied.kind || applied.kind->gvr.group != api::kGroup || id.name != key.name) continue;
    if (applied.kind->gvr.resource != key.resource) continue;
    if (NamespaceOf(id, *applied.kind) == key.name_space) return &applied;
  }
  return nullptr;
}

namespace {

bool IsDefinition(std::string_view group, std::string_view resource) {
  return group == api::kGroup &&
         (resource == "resourcegraphdefinitions" || resource == "resourcegroups");
}

std::vector<json::FieldPath> FieldsOf(const kube::ApiError& error) {
  std::vector<json::FieldPath> fields;
  for (const kube::StatusCause& cause : error.status().causes) {
    auto path = json::FieldPath::Parse(cause.field);
    if (path && !cause.field.empty()) fields.push_back(*std::move(path));
  }
  if (fields.size() == error.status().causes.size() && !fields.empty()) return fields;
  fields.clear();
  if (auto path = PathInText(error.status().message)) fields.push_back(*std::move(path));
  return fields;
}

std::optional<json::FieldPath> PathInText(std::string_view text) {
  constexpr std::string_view kRoots[] = {".spec", ".metadata", ".data", "\"spec", "\"metadata"};
  std::size_t begin = std::string_view::npos;
  for (std::string_view root : kRoots) begin = std::min(begin, text.find(root));
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + 1);
  const std::size_t end = text.find_first_of(" :\",;");
  auto path = json::FieldPath::Parse(text.substr(0, end));
  return path ? std::optional(*std::move(path)) : std::nullopt;
}

std::string_view ConditionText(const json::Value& object, std::string_view type,
                               std::string_view member) {
  const json::Value* conditions = json::Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return {};
  for (const json::Value& condition : conditions->get_array()) {
    if (json::FindString(condition, {"type"}) == type) return json::FindString(condition, {member});
  }
  return {};
}

bool IsCurrent(const json::Value& object) {
  const json::Value* generation = json::Find(object, {"metadata", "generation"});
  const json::Value* conditions = json::Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const json::Value& condition : conditions->get_array()) {
    if (json::FindString(condition, {"type"}) != api::condition::kReady) continue;
    const json::Value* observed = json::Find(condition, "observedGeneration");
    return observed != nullptr && generation != nullptr && *observed == *generation;
  }
  return false;
}

bool IsOurs(const apiserver::ObjectChange& object) {
  // Few objects name the command at all.
  if (object.members.find(kManager) == std::string_view::npos) return false;
  auto value = json::Parse(fmt::format("{{{}}}", object.members));
  const json::Value* entries =
      value ? json::Find(std::as_const(*value), {"metadata", "managedFields"}) : nullptr;
  if (entries == nullptr || !entries->is_array()) return false;
  return std::ranges::any_of(entries->get_array(), [](const json::Value& entry) {
    return json::FindString(entry, {"manager"}) == kManager &&
           json::FindString(entry, {"operation"}) == "Apply";
  });
}

bool IsBroken(const ManifestSet& set, const std::string& file) {
  return std::ranges::any_of(set.broken, [&](const std::string& broken) {
    // A folder that is not there keeps what was below it.
    return file == broken || file.starts_with(broken + (broken.ends_with('/') ? "" : "/"));
  });
}

std::string NamespaceOf(const ObjectId& id, const apiserver::ServedKind& kind) {
  if (!kind.namespaced) return "";
  return id.name_space.empty() ? "default" : id.name_space;
}

std::optional<api::GroupKind> DefinedBy(const Manifest& manifest) {
  const json::Value& object = manifest.document->value;
  if (manifest.id.gvk.kind == "CustomResourceDefinition") {
    return api::GroupKind{std::string(json::FindString(object, {"spec", "group"})),
                          std::string(json::FindString(object, {"spec", "names", "kind"}))};
  }
  if (manifest.id.gvk.group != api::kGroup) return std::nullopt;
  const std::string_view kind = json::FindString(object, {"spec", "schema", "kind"});
  if (kind.empty()) return std::nullopt;
  std::string_view group = json::FindString(object, {"spec", "schema", "group"});
  return api::GroupKind{std::string(group.empty() ? api::kGroup : group), std::string(kind)};
}

std::string ApiOf(const json::Value& definition) {
  std::string_view group = json::FindString(definition, {"spec", "schema", "group"});
  std::string_view version = json::FindString(definition, {"spec", "schema", "apiVersion"});
  if (group.empty()) group = api::kGroup;
  return fmt::format("{}{}{} {}", version.find('/') == std::string_view::npos ? group : "",
                     version.find('/') == std::string_view::npos ? "/" : "", version,
                     json::FindString(definition, {"spec", "schema", "kind"}));
}

}  // namespace
}  // namespace kro::dev
