#include "runtime/internal/projection.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "api/condition.h"
#include "cel/convert.h"
#include "cel/library/runtime.h"

namespace kro::runtime {
namespace {

// The part of a field's path that is there as a whole or not at all: up to its first list.
json::FieldPath UnitOf(const json::FieldPath& path);
bool IsWithin(const json::FieldPath& path, const json::FieldPath& unit);
// Without null members; nothing for null itself and for a list that holds null.
std::optional<json::Value> Known(const json::Value& value, int depth);
Result<std::optional<json::Value>> ValueOf(const graph::Field& field, Evaluation& evaluation);

class ConditionCollector {
 public:
  explicit ConditionCollector(AuthorConditions& conditions) : conditions_(conditions) {}

  void Add(cel::Context& context, const cel::Value& value, const std::string& where, int depth);
  void Refuse(const std::string& where, std::string message);
  // Drops every copy of a type that was produced more than once.
  void DropDuplicates();

 private:
  AuthorConditions& conditions_;
};

}  // namespace

Projection ProjectStatus(const graph::Graph& graph, const json::Value* stored,
                         Evaluation& evaluation) {
  Projection projection;
  std::vector<std::pair<const graph::Field*, json::Value>> values;
  std::vector<json::FieldPath> missing;
  std::vector<json::FieldPath> failed;
  for (const graph::Field& field : graph.status) {
    auto value = ValueOf(field, evaluation);
    if (!value) {
      projection.problems.push_back({"status." + field.path.ToString(), value.error()});
      failed.push_back(UnitOf(field.path));
    } else if (!*value) {
      missing.push_back(UnitOf(field.path));
    } else {
      values.emplace_back(&field, std::move(**value));
    }
  }

  json::Value fields = json::Object();
  const auto is_within_any = [](const json::FieldPath& path,
                                const std::vector<json::FieldPath>& units) {
    return std::ranges::any_of(units,
                               [&](const json::FieldPath& unit) { return IsWithin(path, unit); });
  };
  for (auto& [field, value] : values) {
    if (is_within_any(field->path, missing) || is_within_any(field->path, failed)) continue;
    if (auto set = json::Set(fields, field->path, std::move(value)); !set) {
      projection.problems.push_back({"status." + field->path.ToString(), set.error()});
    }
  }
  for (const json::FieldPath& unit : failed) {
    const json::Value* before = stored == nullptr ? nullptr : json::Get(*stored, unit);
    if (before == nullptr) continue;
    if (auto set = json::Set(fields, unit, *before); !set) {
      projection.problems.push_back({"status." + unit.ToString(), set.error()});
    }
  }
  projection.fields = std::move(fields.get_object());
  return projection;
}

AuthorConditions ProjectConditions(const graph::Graph& graph, Evaluation& evaluation) {
  AuthorConditions conditions;
  ConditionCollector collector(conditions);
  for (std::size_t i = 0; i < graph.conditions.size(); ++i) {
    const std::string where = fmt::format("status.conditions[{}]", i);
    const auto value = evaluation.Evaluate(graph.conditions[i]);
    if (value) {
      Evaluation::Context context(evaluation, graph.conditions[i]);
      collector.Add(context, *value, where, 0);
    } else if (value.error().code() == ErrorCode::kPending) {
      conditions.complete = false;
    } else {
      collector.Refuse(where, value.error().message());
    }
  }
  collector.DropDuplicates();
  if (!conditions.problems.empty()) conditions.complete = false;
  return conditions;
}

namespace {

Result<std::optional<json::Value>> ValueOf(const graph::Field& field, Evaluation& evaluation) {
  auto value = evaluation.Evaluate(field.expression);
  if (!value && value.error().code() == ErrorCode::kPending) return std::nullopt;
  if (!value) return std::unexpected(value.error());
  Evaluation::Context context(evaluation, field.expression);
  auto json = cel::ToJson(context, *value);
  if (!json) return Annotate(json, "convert \"{}\"", field.expression.text);
  if (!*json) return std::nullopt;
  return Known(**json, 0);
}

json::FieldPath UnitOf(const json::FieldPath& path) {
  json::FieldPath unit;
  for (const json::PathSegment& segment : path.segments()) {
    const auto* name = std::get_if<std::string>(&segment);
    if (name == nullptr) break;
    unit.Push(*name);
  }
  return unit;
}

bool IsWithin(const json::FieldPath& path, const json::FieldPath& unit) {
  return unit.segments().size() <= path.segments().size() &&
         std::equal(unit.segments().begin(), unit.segments().end(), path.segments().begin());
}

std::optional<json::Value> Known(const json::Value& value, int depth) {
  if (value.is_null() || depth > json::kMaxDepth) return std::nullopt;
  if (const json::Object* object = value.if_object()) {
    json::Object known;
    known.reserve(object->size());
    for (const auto& member : *object) {
      if (auto content = Known(member.value(), depth + 1))
        known[member.key()] = std::move(*content);
    }
    return known;
  }
  if (const json::Array* array = value.if_array()) {
    json::Array known;
    known.reserve(array->size());
    for (const json::Value& element : *array) {
      auto content = Known(element, depth + 1);
      if (!content) return std::nullopt;
      known.push_back(std::move(*content));
    }
    return known;
  }
  return value;
}

void ConditionCollector::Add(cel::Context& context, const cel::Value& value,
                             const std::string& where, int depth) {
  if (value.Is(cel::Kind::kList) && depth == 0) {
    for (std::size_t i = 0; i < value.ListSize(); ++i) {
      Add(context, value.ListAt(context, i), where, depth + 1);
    }
    return;
  }
  const cel::Condition* made = cel::AsCondition(value);
  if (made == nullptr) {
    Refuse(where, value.IsError()
                      ? std::string(value.AsError())
                      : fmt::format("must yield a condition, got {}", cel::TypeName(value)));
    return;
  }
  if (made->type.empty()) {
    Refuse(where, "yields a condition without type");
    return;
  }
  api::Condition condition;
  condition.type = made->type;
  condition.status = api::ParseConditionStatus(made->status);
  condition.reason = made->reason;
  condition.message = made->message;
  conditions_.produced.push_back(std::move(condition));
}

void ConditionCollector::Refuse(const std::string& where, std::string message) {
  conditions_.problems.push_back({where, Error(ErrorCode::kInvalid, std::move(message))});
}

void ConditionCollector::DropDuplicates() {
  std::vector<std::string> twice;
  for (std::size_t i = 0; i < conditions_.produced.size(); ++i) {
    const std::string& type = conditions_.produced[i].type;
    const auto rest = std::span(conditions_.produced).subspan(i + 1);
    const bool repeated =
        std::ranges::any_of(rest, [&](const api::Condition& other) { return other.type == type; });
    if (repeated && std::ranges::find(twice, type) == twice.end()) twice.push_back(type);
  }
  for (const std::string& type : twice) {
    std::erase_if(conditions_.produced,
                  [&](const api::Condition& condition) { return condition.type == type; });
    Refuse("status.conditions",
           fmt::format("condition type \"{}\" is produced more than once", type));
  }
}

}  // namespace
}  // namespace kro::runtime
