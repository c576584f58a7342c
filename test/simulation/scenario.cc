#include "scenario.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cli/go_duration.h"
#include "json/yaml.h"

namespace kro::simulation {
namespace {

Result<Step> ReadStep(const json::Object& fields);
Result<ObjectName> ReadObjectName(std::string_view text);
Result<ApplyStep> ReadApply(std::string_view yaml, ApplyStep::How how);
Result<PatchStep> ReadPatch(const json::Value& fields, std::string subresource);
Result<WaitStep> ReadWait(const json::Value& fields);
void ReadNodes(const json::Value& root, Scenario& scenario);
std::vector<std::string> Strings(const json::Value* list);
std::vector<std::string> SplitPath(std::string_view path);

}  // namespace

Result<Scenario> ReadScenario(std::string name, std::string_view yaml) {
  auto document = json::ParseYamlDocument(yaml, name);
  if (!document) return Fail(ErrorCode::kInvalid, "{}", Render(document.error().front()));
  const json::Value& root = document->value;
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.about = json::FindString(root, {"about"});
  scenario.upstream_defect = json::FindString(root, {"upstream_defect"});
  scenario.flags = Strings(json::Find(root, "flags"));
  scenario.controllers = Strings(json::Find(root, "controllers"));
  ReadNodes(root, scenario);
  const json::Value* steps = json::Find(root, "steps");
  if (steps == nullptr || !steps->is_array()) {
    return Fail(ErrorCode::kInvalid, "{}: no steps", scenario.name);
  }
  for (const json::Value& fields : steps->get_array()) {
    if (!fields.is_object()) {
      return Fail(ErrorCode::kInvalid, "{}: step {} is no map", scenario.name,
                  scenario.steps.size() + 1);
    }
    auto step = ReadStep(fields.get_object());
    if (!step) return Annotate(step, "{}: step {}", scenario.name, scenario.steps.size() + 1);
    step->text = json::Serialize(fields).substr(0, 200);
    scenario.steps.push_back(std::move(*step));
  }
  return scenario;
}

const json::Value* Lookup(const json::Value& root, std::string_view path) {
  const json::Value* value = &root;
  for (const std::string& part : SplitPath(path)) {
    const json::Value* next = nullptr;
    if (value->is_object()) {
      next = json::Find(*value, part);
    } else if (value->is_array()) {
      const json::Array& list = value->get_array();
      for (std::size_t i = 0; i < list.size() && next == nullptr; ++i) {
        if (std::to_string(i) == part || json::FindString(list[i], {"type"}) == part ||
            json::FindString(list[i], {"name"}) == part) {
          next = &list[i];
        }
      }
    }
    if (next == nullptr) return nullptr;
    value = next;
  }
  return value;
}

std::string Shown(const json::Value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "<nil>";
  if (value.is_object()) {
    std::vector<std::pair<std::string, std::string>> members;
    for (const auto& [key, member] : value.get_object()) members.emplace_back(key, Shown(member));
    std::ranges::sort(members);
    std::string text = "map[";
    for (const auto& [key, member] : members) {
      if (text.back() != '[') text += ' ';
      text.append(key).append(":").append(member);
    }
    return text + "]";
  }
  if (value.is_array()) {
    std::string text = "[";
    for (const json::Value& element : value.get_array()) {
      if (text.size() > 1) text += ' ';
      text += Shown(element);
    }
    return text + "]";
  }
  return json::Serialize(value);
}

namespace {

Result<Step> ReadStep(const json::Object& fields) {
  Step step;
  const auto put = [&step](auto action) -> Result<Step> {
    if (!action) return std::unexpected(std::move(action.error()));
    step.action = std::move(*action);
    return std::move(step);
  };
  const auto text = [&fields](std::string_view key) -> std::string {
    const json::Value* value = fields.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  const auto duration = [&](std::string_view key) { return cli::ParseGoDuration(text(key)); };
  step.error = text("error");
  if (fields.contains("apply")) return put(ReadApply(text("apply"), ApplyStep::How::kApply));
  if (fields.contains("create")) return put(ReadApply(text("create"), ApplyStep::How::kCreate));
  if (const auto* patch = fields.if_contains("patch")) return put(ReadPatch(*patch, ""));
  if (const auto* status = fields.if_contains("status")) return put(ReadPatch(*status, "status"));
  if (fields.contains("delete")) {
    auto object = ReadObjectName(text("delete"));
    if (!object) return std::unexpected(std::move(object.error()));
    return put(Result<DeleteStep>(DeleteStep{std::move(*object), text("cascade")}));
  }
  if (const auto* wait = fields.if_contains("wait")) return put(ReadWait(*wait));
  if (fields.contains("settle")) {
    auto quiet = duration("settle");
    if (!quiet) return std::unexpected(std::move(quiet.error()));
    return put(Result<SettleStep>(SettleStep{*quiet}));
  }
  if (fields.contains("sleep")) {
    auto time = duration("sleep");
    if (!time) return std::unexpected(std::move(time.error()));
    return put(Result<SleepStep>(SleepStep{*time}));
  }
  if (fields.contains("stop")) {
    return put(Result<StopStep>(
        StopStep{text("stop") == "kill" ? StopStep::How::kKill : StopStep::How::kOrderly}));
  }
  if (fields.contains("start")) return put(Result<StartStep>(StartStep{}));
  if (fields.contains("order") || fields.contains("never")) {
    return put(Result<OrderStep>(
        OrderStep{Strings(fields.if_contains("order")), Strings(fields.if_contains("never"))}));
  }
  if (fields.contains("record")) {
    const json::Value* settled = fields.if_contains("settled");
    return put(Result<RecordStep>(RecordStep{
        text("record"), settled == nullptr || !settled->is_bool() || settled->get_bool()}));
  }
  return Fail(ErrorCode::kInvalid, "unknown step");
}

Result<ObjectName> ReadObjectName(std::string_view text) {
  ObjectName object;
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) return Fail(ErrorCode::kInvalid, "bad object '{}'", text);
  object.api_version = text.substr(0, first);
  object.kind = text.substr(first + 1, second - first - 1);
  std::string_view name = text.substr(second + 1);
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    object.name_space = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  object.name = name;
  return object;
}

Result<ApplyStep> ReadApply(std::string_view yaml, ApplyStep::How how) {
  auto documents = json::ParseYaml(yaml);
  if (!documents) return Fail(ErrorCode::kInvalid, "{}", Render(documents.error().front()));
  ApplyStep step{.how = how};
  for (json::Document& document : *documents) {
    if (document.value.is_object()) step.objects.push_back(std::move(document.value));
  }
  return step;
}

Result<PatchStep> ReadPatch(const json::Value& fields, std::string subresource) {
  auto object = ReadObjectName(json::FindString(fields, {"of"}));
  if (!object) return std::unexpected(std::move(object.error()));
  PatchStep step;
  step.object = std::move(*object);
  const std::string_view type = json::FindString(fields, {"type"});
  step.content_type = type == "json"        ? "application/json-patch+json"
                      : type == "strategic" ? "application/strategic-merge-patch+json"
                                            : "application/merge-patch+json";
  const json::Value* body = json::Find(fields, "body");
  step.body = body == nullptr ? "null" : json::Serialize(*body);
  step.manager = json::FindString(fields, {"manager"});
  if (step.manager.empty()) step.manager = subresource.empty() ? "hand" : "other";
  step.subresource = std::move(subresource);
  return step;
}

Result<WaitStep> ReadWait(const json::Value& fields) {
  auto object = ReadObjectName(json::FindString(fields, {"of"}));
  if (!object) return std::unexpected(std::move(object.error()));
  WaitStep step;
  step.object = std::move(*object);
  step.path = json::FindString(fields, {"path"});
  const auto on = [&](std::string_view key) {
    const json::Value* value = json::Find(fields, key);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  if (on("absent")) {
    step.until = WaitStep::Absent{};
  } else if (on("unset")) {
    step.until = WaitStep::Unset{};
  } else if (on("ready")) {
    step.until = WaitStep::Ready{};
  } else if (const auto* is = json::Find(fields, "is")) {
    step.until = WaitStep::Is{*is};
  } else if (const auto* no = json::Find(fields, "not")) {
    step.until = WaitStep::Not{*no};
  } else if (const auto text = json::FindString(fields, {"contains"}); !text.empty()) {
    step.until = WaitStep::Contains{std::string(text)};
  } else if (!step.path.empty()) {
    step.until = WaitStep::Set{};
  }
  if (const auto limit = json::FindString(fields, {"limit"}); !limit.empty()) {
    auto duration = cli::ParseGoDuration(std::string(limit));
    if (!duration) return std::unexpected(std::move(duration.error()));
    step.limit = *duration;
  }
  return step;
}

// nodes: {DEFINITION: {ID: {after: [ID], optional: true, ready: {path, is}, copies: {to, from}}}}
void ReadNodes(const json::Value& root, Scenario& scenario) {
  const json::Value* definitions = json::Find(root, "nodes");
  if (definitions == nullptr || !definitions->is_object()) return;
  for (const auto& [definition, nodes] : definitions->get_object()) {
    if (!nodes.is_object()) continue;
    for (const auto& [id, fields] : nodes.get_object()) {
      NodeRule& rule = scenario.nodes[definition][id];
      rule.after = Strings(json::Find(fields, "after"));
      const json::Value* optional = json::Find(fields, "optional");
      rule.optional = optional != nullptr && optional->is_bool() && optional->get_bool();
      rule.ready_path = json::FindString(fields, {"ready", "path"});
      rule.ready_is = json::FindString(fields, {"ready", "is"});
      rule.copies_to = json::FindString(fields, {"copies", "to"});
      rule.copied_from = json::FindString(fields, {"copies", "from"});
    }
  }
}

std::vector<std::string> Strings(const json::Value* list) {
  std::vector<std::string> strings;
  if (list == nullptr || !list->is_array()) return strings;
  for (const json::Value& element : list->get_array()) strings.push_back(Shown(element));
  return strings;
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    if (path.front() == '.') {
      path.remove_prefix(1);
    } else if (path.front() == '[') {
      const std::size_t end = std::min(path.find(']'), path.size());
      parts.emplace_back(path.substr(1, end - 1));
      path.remove_prefix(std::min(end + 1, path.size()));
    } else {
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      parts.emplace_back(path.substr(0, end));
      path.remove_prefix(end);
    }
  }
  return parts;
}

}  // namespace
}  // namespace kro::simulation
