#include "recorder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

namespace kro::simulation {
namespace {

// Built-in kinds that scenarios use; every custom kind is looked at too.
struct BuiltIn {
  std::string_view group;
  std::string_view group_version;
  std::string_view resource;
};
constexpr BuiltIn kBuiltIn[] = {
    {"", "/api/v1", "namespaces"},
    {"", "/api/v1", "configmaps"},
    {"", "/api/v1", "secrets"},
    {"", "/api/v1", "serviceaccounts"},
    {"", "/api/v1", "services"},
    {"", "/api/v1", "persistentvolumeclaims"},
    {"", "/api/v1", "pods"},
    {"apps", "/apis/apps/v1", "deployments"},
    {"apps", "/apis/apps/v1", "replicasets"},
    {"batch", "/apis/batch/v1", "jobs"},
    {"rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1", "clusterroles"},
    {"rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1", "roles"},
    {"admissionregistration.k8s.io", "/apis/admissionregistration.k8s.io/v1",
     "validatingadmissionpolicies"},
    {"admissionregistration.k8s.io", "/apis/admissionregistration.k8s.io/v1",
     "validatingadmissionpolicybindings"},
    {"apiextensions.k8s.io", "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions"},
};

const BuiltIn* FindBuiltIn(std::string_view group, std::string_view resource);
std::string KeyOf(const json::Value& object);
void Remove(json::Object& object, std::initializer_list<std::string_view> keys);
void SortConditions(json::Value& status);
void CollectLeaves(const json::Value& fields, const std::string& at,
                   std::vector<std::string>& paths, int depth = 0);
std::string ReplaceAll(std::string text, std::string_view from, std::string_view to);
std::string Join(const std::vector<std::string>& parts, std::string_view between);

}  // namespace

json::Value Point::ToJson() const {
  json::Object object;
  object["point"] = name;
  json::Object all;
  for (const auto& [key, value] : objects) all[key] = value;
  object["objects"] = std::move(all);
  json::Array lines;
  for (const std::string& line : log) lines.emplace_back(line);
  object["log"] = std::move(lines);
  json::Array told;
  for (const std::string& event : events) told.emplace_back(event);
  object["events"] = std::move(told);
  json::Object counts;
  for (const auto& [key, count] : writes) {
    counts[key] = json::Object{{"effective", count.effective}, {"total", count.total}};
  }
  object["writes"] = std::move(counts);
  json::Object read;
  for (const auto& [key, count] : reads) read[key] = count;
  object["reads"] = std::move(read);
  return object;
}

Recorder::Recorder(World& world, std::vector<std::string> own)
    : world_(world), own_(std::move(own)) {
  world.server.ForEachObject(
      [this](const apiserver::ObjectChange& object) { base_.emplace(object.uid); });
}

void Recorder::Answer(std::string_view message) { answers_.push_back(Text(message)); }

std::string Recorder::CheckOrder(const std::vector<std::string>& order,
                                 const std::vector<std::string>& never) const {
  std::vector<std::string> lines;
  for (const Call& call : world_.audit.calls()) {
    if (!call.stored) continue;
    lines.push_back(Text(call.verb + " " + call.resource + " " + call.object + ": " + call.note));
  }
  std::size_t at = 0;
  for (const std::string& wanted : order) {
    const auto found = std::find_if(
        lines.begin() + static_cast<std::ptrdiff_t>(at), lines.end(),
        [&](const std::string& line) { return line.find(wanted) != std::string::npos; });
    if (found == lines.end()) {
      return fmt::format("no \"{}\" after line {} of\n{}", wanted, at, Join(lines, "\n"));
    }
    at = static_cast<std::size_t>(found - lines.begin()) + 1;
  }
  for (const std::string& unwanted : never) {
    for (const std::string& line : lines) {
      if (line.find(unwanted) != std::string::npos) {
        return fmt::format("there must be no \"{}\"", line);
      }
    }
  }
  return {};
}

void Recorder::Record(std::string name) {
  const std::vector<json::Value> objects = List();
  std::map<std::string, json::Value> specs;  // of definitions, by name
  std::set<std::string> definitions;         // their uids
  for (const json::Value& object : objects) {
    NameUid(object);
    if (json::FindString(object, {"kind"}) != "ResourceGraphDefinition") continue;
    definitions.emplace(json::FindString(object, {"metadata", "uid"}));
    const json::Value* spec = json::Find(object, "spec");
    specs[std::string(json::FindString(object, {"metadata", "name"}))] =
        spec == nullptr ? json::Value(nullptr) : *spec;
  }
  Point point{.name = std::move(name)};
  point.answers = std::exchange(answers_, {});
  for (const json::Value& object : objects) {
    point.objects[KeyOf(object)] = Normalise(object, specs, definitions);
  }
  for (const Call& call : world_.audit.calls()) {
    if (!call.write) {
      ++point.reads[call.verb + " " + call.resource];
    } else if (call.stored) {
      std::string line = call.verb + " " + call.resource + " " + call.object;
      if (!call.note.empty()) line += ": " + call.note;
      point.log.push_back(Text(line));
    }
  }
  point.events = ListEvents();
  point.writes = CountWrites(world_.audit.calls());
  world_.audit.Forget();
  points_.push_back(std::move(point));
}

std::string Recorder::Text(std::string_view text) const {
  static const RE2 uid(R"((\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b))");
  static const RE2 time(R"(\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
  static const RE2 address(R"(\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)");
  std::string out;
  re2::StringPiece rest(text.data(), text.size());
  re2::StringPiece found;
  if (text.size() >= 36) {
    const char* from = text.data();
    while (RE2::FindAndConsume(&rest, uid, &found)) {
      out.append(from, static_cast<std::size_t>(found.data() - from));
      const auto name = uids_.find(std::string(found.data(), found.size()));
      out += name == uids_.end() ? "<uid>" : name->second;
      from = found.data() + found.size();
    }
    out.append(from, static_cast<std::size_t>(text.data() + text.size() - from));
  } else {
    out = text;
  }
  RE2::GlobalReplace(&out, time, "<time>");
  RE2::GlobalReplace(&out, address, "<ip>");
  constexpr std::string_view kMark = "apply results contain errors: ";
  const std::size_t mark = out.find(kMark);
  if (mark != std::string::npos && out.find('\n') != std::string::npos) {
    std::vector<std::string> lines;
    std::string_view tail = std::string_view(out).substr(mark + kMark.size());
    while (true) {
      const std::size_t end = tail.find('\n');
      lines.emplace_back(tail.substr(0, end));
      if (end == std::string_view::npos) break;
      tail.remove_prefix(end + 1);
    }
    std::ranges::sort(lines);
    out = out.substr(0, mark + kMark.size()) + Join(lines, "\n");
  }
  return out;
}

std::vector<std::string> Recorder::ListEvents() {
  std::vector<std::string> lines;
  const json::Value list = world_.Get("/api/v1/events");
  const json::Value* items = json::Find(list, "items");
  if (items == nullptr || !items->is_array()) return lines;
  for (const json::Value& event : items->get_array()) {
    const std::string version =
        fmt::format("{} {}", json::FindString(event, {"metadata", "uid"}),
                    json::FindString(event, {"metadata", "resourceVersion"}));
    std::string_view source = json::FindString(event, {"source", "component"});
    if (source.empty()) source = json::FindString(event, {"reportingComponent"});
    if (source.find("kro") == std::string_view::npos || !seen_events_.insert(version).second)
      continue;
    lines.push_back(Text(
        fmt::format("{} {} {} {} {}: {}", source, json::FindString(event, {"type"}),
                    json::FindString(event, {"involvedObject", "kind"}),
                    json::FindString(event, {"involvedObject", "name"}),
                    json::FindString(event, {"reason"}), json::FindString(event, {"message"}))));
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<json::Value> Recorder::List() {
  std::vector<std::string> paths;
  std::map<std::string, std::string> collections;  // of custom kinds, by the name of their CRD
  world_.server.ForEachObject([&](const apiserver::ObjectChange& object) {
    if (base_.contains(object.uid) || object.name == "kube-root-ca.crt") return;
    std::string collection;
    if (const auto* built_in = FindBuiltIn(object.group, object.resource)) {
      collection = fmt::format("{}/{}", built_in->group_version, object.resource);
    } else {
      const std::string crd = fmt::format("{}.{}", object.resource, object.group);
      const auto [known, is_new] = collections.try_emplace(crd);
      if (is_new) known->second = CollectionOf(crd);
      collection = known->second;
    }
    if (collection.empty()) return;
    const std::size_t slash = collection.rfind('/');
    paths.push_back(collection.substr(0, slash));
    if (!object.name_space.empty())
      paths.back() += fmt::format("/namespaces/{}", object.name_space);
    paths.back() += fmt::format("{}/{}", collection.substr(slash), object.name);
  });
  std::vector<json::Value> all;
  for (const std::string& path : paths) {
    json::Value object = world_.Get(path);
    if (object.is_object()) all.push_back(std::move(object));
  }
  return all;
}

std::string Recorder::CollectionOf(const std::string& crd) {
  const json::Value definition =
      world_.Get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + crd);
  const json::Value* versions = json::Find(definition, {"spec", "versions"});
  if (versions == nullptr || !versions->is_array()) return {};
  for (const json::Value& version : versions->get_array()) {
    const json::Value* storage = json::Find(version, "storage");
    if (storage == nullptr || !storage->is_bool() || !storage->get_bool()) continue;
    return fmt::format("/apis/{}/{}/{}", json::FindString(definition, {"spec", "group"}),
                       json::FindString(version, {"name"}),
                       json::FindString(definition, {"spec", "names", "plural"}));
  }
  return {};
}

void Recorder::NameUid(const json::Value& object) {
  std::string& name = uids_[std::string(json::FindString(object, {"metadata", "uid"}))];
  if (!name.empty()) return;
  name = ReplaceAll(KeyOf(object), " ", "/");
  const int number = ++numbers_[name];
  if (number > 1) name += fmt::format("#{}", number);
  name = "<uid " + name + ">";
}

json::Value Recorder::Normalise(const json::Value& given,
                                const std::map<std::string, json::Value>& specs,
                                const std::set<std::string>& definitions) const {
  json::Value value = given;
  json::Object& object = value.as_object();
  json::Object& metadata = object["metadata"].as_object();
  const std::string uid(json::FindString(given, {"metadata", "uid"}));
  const std::string_view kind = json::FindString(given, {"kind"});
  json::Object fields = ReduceFields(json::Find(given, {"metadata", "managedFields"}));
  if (auto* annotations = json::Find(object["metadata"], "annotations");
      annotations != nullptr && annotations->is_object()) {
    for (const std::string& own : own_) annotations->get_object().erase(own);
    if (annotations->get_object().empty()) metadata.erase("annotations");
  }
  Remove(metadata, {"managedFields", "resourceVersion", "creationTimestamp", "selfLink", "name",
                    "namespace", "deletionGracePeriodSeconds"});
  if (kind == "Namespace") {
    if (auto* labels = json::Find(object["metadata"], "labels");
        labels != nullptr && labels->is_object()) {
      labels->get_object().erase("kubernetes.io/metadata.name");
    }
    object.erase("spec");
  }
  if (json::FindString(given, {"apiVersion"}).starts_with("kro.run/") &&
      definitions.contains(uid)) {
    object.erase("spec");
  }
  object.erase("kind");
  if (auto* spec = object.if_contains("spec"); spec != nullptr && spec->is_object()) {
    if (auto* snapshot = json::Find(*spec, "snapshot");
        snapshot != nullptr && snapshot->is_object()) {
      const auto current = specs.find(std::string(json::FindString(*snapshot, {"name"})));
      const json::Value* snapped = json::Find(*snapshot, "spec");
      const bool same = current != specs.end() && snapped != nullptr &&
                        json::Canonical(*snapped) == json::Canonical(current->second);
      snapshot->get_object()["spec"] = same ? "same as the definition's" : "another";
    }
    if (json::FindString(*spec, {"conversion", "strategy"}) == "None") {
      spec->get_object().erase("conversion");
    }
  }
  if (auto* status = object.if_contains("status"); status != nullptr && status->is_object()) {
    SortConditions(*status);
    if (status->get_object().contains("acceptedNames")) {
      json::Object by_type;
      if (const auto* list = json::Find(*status, "conditions");
          list != nullptr && list->is_array()) {
        for (const json::Value& condition : list->get_array()) {
          by_type[json::FindString(condition, {"type"})] =
              std::string(json::FindString(condition, {"status"}));
        }
      }
      status->get_object().erase("acceptedNames");
      status->get_object()["conditions"] = std::move(by_type);
    }
  }
  const auto named = uids_.find(uid);
  if (named == uids_.end() || named->second.find('#') == std::string::npos) metadata.erase("uid");
  SortDependencies(value);
  json::Value plain = Plain(value);
  if (!fields.empty()) plain.as_object()["managedFields"] = Plain(fields);
  return plain;
}

json::Value Recorder::Plain(const json::Value& value) const {
  if (value.is_string()) return json::Value(Text(value.get_string()));
  if (value.is_array()) {
    json::Array list;
    for (const json::Value& element : value.get_array()) list.push_back(Plain(element));
    return list;
  }
  if (!value.is_object()) return value;
  static const RE2 tool(R"(^kro/\S+$)");
  json::Object object;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "kro.run/kro-version") {
      object[key] = "<version>";
    } else if (key == "applyset.kubernetes.io/tooling" && member.is_string() &&
               RE2::FullMatch(std::string(member.get_string()), tool)) {
      object[key] = "kro/<version>";
    } else {
      object[key] = Plain(member);
    }
  }
  return object;
}

json::Object Recorder::ReduceFields(const json::Value* entries) const {
  json::Object reduced;
  if (entries == nullptr || !entries->is_array()) return reduced;
  for (const json::Value& entry : entries->get_array()) {
    const std::string_view manager = json::FindString(entry, {"manager"});
    if (manager == "kube-apiserver" || manager == "kube-controller-manager") continue;
    std::string key = fmt::format("{} {}", manager, json::FindString(entry, {"operation"}));
    if (auto sub = json::FindString(entry, {"subresource"}); !sub.empty())
      key.append(" ").append(sub);
    std::vector<std::string> paths;
    if (const auto* fields = json::Find(entry, "fieldsV1")) CollectLeaves(*fields, "", paths);
    std::erase_if(paths, [this](const std::string& path) {
      return std::ranges::any_of(
          own_, [&](const std::string& own) { return path == ".annotations[" + own + "]"; });
    });
    std::ranges::sort(paths);
    std::string text = Join(paths, " ");
    if (const auto* old = reduced.if_contains(key)) {
      text = std::string(old->get_string()) + " " + text;
    }
    reduced[key] = text;
  }
  return reduced;
}

void SortDependencies(json::Value& object) {
  json::Value* status = json::Find(object, "status");
  json::Value* resources = status == nullptr ? nullptr : json::Find(*status, "resources");
  if (resources == nullptr || !resources->is_array()) return;
  for (json::Value& resource : resources->get_array()) {
    json::Value* dependencies = json::Find(resource, "dependencies");
    if (dependencies == nullptr || !dependencies->is_array()) continue;
    json::Array& list = dependencies->get_array();
    std::sort(list.begin(), list.end(), [](const json::Value& a, const json::Value& b) {
      return json::Canonical(a) < json::Canonical(b);
    });
  }
}

namespace {

const BuiltIn* FindBuiltIn(std::string_view group, std::string_view resource) {
  const auto* found = std::ranges::find_if(kBuiltIn, [&](const BuiltIn& kind) {
    return kind.group == group && kind.resource == resource;
  });
  return found == std::end(kBuiltIn) ? nullptr : found;
}

std::string KeyOf(const json::Value& object) {
  std::string key(json::FindString(object, {"kind"}));
  const std::string_view api_version = json::FindString(object, {"apiVersion"});
  if (const std::size_t slash = api_version.find('/'); slash != std::string_view::npos) {
    key.append(".").append(api_version.substr(0, slash));
  }
  key += ' ';
  if (const auto ns = json::FindString(object, {"metadata", "namespace"}); !ns.empty()) {
    key.append(ns).append("/");
  }
  return key.append(json::FindString(object, {"metadata", "name"}));
}

void Remove(json::Object& object, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) object.erase(key);
}

void SortConditions(json::Value& status) {
  json::Value* conditions = json::Find(status, "conditions");
  if (conditions == nullptr || !conditions->is_array()) return;
  json::Array& list = conditions->get_array();
  std::sort(list.begin(), list.end(), [](const json::Value& a, const json::Value& b) {
    return json::FindString(a, {"type"}) < json::FindString(b, {"type"});
  });
  for (json::Value& condition : list) {
    if (condition.is_object()) {
      Remove(condition.get_object(), {"lastTransitionTime", "lastUpdateTime"});
    }
  }
}

void CollectLeaves(const json::Value& fields, const std::string& at,
                   std::vector<std::string>& paths, int depth) {
  if (!fields.is_object() || depth > 200) return;
  bool leaf = true;
  for (const auto& [key, below] : fields.get_object()) {
    if (key == "." || key.size() < 2) continue;
    leaf = false;
    const std::string rest(std::string_view(key).substr(2));
    std::string name = ReplaceAll(rest, " ", "_");
    if (key[0] == 'f') {
      name = rest.find_first_of("./") == std::string::npos ? "." + name : "[" + rest + "]";
    } else {
      name = "[" + name + "]";
    }
    CollectLeaves(below, at + name, paths, depth + 1);
  }
  if (!leaf || at.empty()) return;
  constexpr std::string_view kMetadata = ".metadata";
  paths.push_back(at.starts_with(kMetadata) ? at.substr(kMetadata.size()) : at);
}

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

}  // namespace
}  // namespace kro::simulation
