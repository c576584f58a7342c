#include "apiserver/internal/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/status.h"

namespace kro::apiserver {
namespace {

// Fields beside metadata.name and metadata.namespace that a kind is selected by.
std::vector<std::string> MoreFields(const Resource& resource);
std::string FieldText(const Resource& resource, const json::Value& object, std::string_view path);
// Undoes `\,`, `\=` and `\\`.
std::string Unescape(std::string_view text);

}  // namespace

Answer<Selection> Selection::Read(const Resource& resource, std::string_view name_space,
                                  const QueryParameters& query) {
  Selection selection;
  selection.name_space_ = name_space;
  auto labels = LabelQuery::Parse(query.Get("labelSelector"));
  if (!labels) return std::unexpected(labels.error());
  selection.labels_ = std::move(*labels);
  auto fields = ParseFieldSelector(query.Get("fieldSelector"));
  if (!fields) return std::unexpected(fields.error());
  selection.fields_ = std::move(*fields);
  const std::vector<std::string> more = MoreFields(resource);
  for (const FieldRequirement& requirement : selection.fields_) {
    if (requirement.path == "metadata.name") continue;
    if (requirement.path == "metadata.namespace" &&
        (resource.namespaced() || resource.custom == nullptr)) {
      continue;
    }
    if (std::ranges::find(more, requirement.path) != more.end()) continue;
    if (!more.empty() || resource.custom != nullptr) {
      return BadRequest("field label not supported: " + requirement.path);
    }
    return BadRequest(fmt::format(
        "\"{}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        requirement.path));
  }
  return selection;
}

bool Selection::Matches(const Resource& resource, const StoredObject& object) const {
  if (!name_space_.empty() && object.name_space != name_space_) return false;
  if (!labels_.Matches(object.labels)) return false;
  std::optional<json::Value> value;
  for (const FieldRequirement& requirement : fields_) {
    std::string text;
    if (requirement.path == "metadata.name") {
      text = object.name;
    } else if (requirement.path == "metadata.namespace") {
      text = object.name_space;
    } else {
      if (!value) value = ObjectValue(resource, object);
      text = FieldText(resource, *value, requirement.path);
    }
    if ((text == requirement.value) != requirement.equal) return false;
  }
  return true;
}

Answer<std::vector<FieldRequirement>> ParseFieldSelector(std::string_view text) {
  std::vector<FieldRequirement> requirements;
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && text[end] != ',') end += text[end] == '\\' ? 2 : 1;
    end = std::min(end, text.size());
    std::string_view term = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (term.empty()) continue;
    std::size_t op = 0;
    while (op < term.size() && term[op] != '=' && term.substr(op, 2) != "!=") {
      op += term[op] == '\\' ? 2 : 1;
    }
    if (op >= term.size()) {
      return BadRequest(fmt::format("invalid selector: '{}'; can't understand '{}'", term, term));
    }
    FieldRequirement requirement;
    requirement.path = term.substr(0, op);
    requirement.equal = term[op] == '=';
    std::size_t length = term.substr(op, 2) == "==" || !requirement.equal ? 2 : 1;
    requirement.value = Unescape(term.substr(op + length));
    requirements.push_back(std::move(requirement));
  }
  return requirements;
}

namespace {

std::vector<std::string> MoreFields(const Resource& resource) {
  if (resource.custom) {
    std::vector<std::string> fields;
    for (const std::string& path : resource.custom->selectable_fields) {
      fields.push_back(path.starts_with('.') ? path.substr(1) : path);
    }
    return fields;
  }
  static const std::map<std::string_view, std::vector<std::string>> kFields = {
      {"pods",
       {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName"}},
      {"events",
       {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}},
      {"events.events.k8s.io",
       {"regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
        "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason",
        "reportingController", "type"}},
      {"secrets", {"type"}},
      {"namespaces", {"status.phase"}},
      {"nodes", {"spec.unschedulable"}},
      {"services", {"spec.clusterIP", "spec.type"}},
      {"jobs.batch", {"status.successful"}},
      {"replicasets.apps", {"status.replicas"}},
  };
  auto found = kFields.find(resource.Qualified());
  return found == kFields.end() ? std::vector<std::string>() : found->second;
}

std::string FieldText(const Resource& resource, const json::Value& object, std::string_view path) {
  if (resource.name == "events" && path == "source") path = "source.component";
  if (resource.name == "jobs" && path == "status.successful") path = "status.succeeded";
  const json::Value* value = &object;
  for (std::string_view rest = path; value != nullptr && !rest.empty();) {
    std::string_view name = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    value = json::Find(*value, name);
  }
  if (value == nullptr || value->is_null()) {
    if (path == "spec.unschedulable" || path == "spec.hostNetwork") return "false";
    if (path == "status.replicas" || path == "status.succeeded") return "0";
    return "";
  }
  return value->is_string() ? std::string(value->get_string()) : json::Serialize(*value);
}

std::string Unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

}  // namespace
}  // namespace kro::apiserver
