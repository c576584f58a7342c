#include "runtime/internal/evaluation.h"

#include <algorithm>
#include <string>

#include "cel/convert.h"
#include "cel/library/runtime.h"

namespace kro::runtime {
namespace {

constexpr std::size_t kFirstBlock = std::size_t{8} << 10;

json::Value WithoutStatus(const json::Value& instance, boost::json::storage_ptr storage);
bool HasNullMember(const json::Value& value, int depth);
json::Value WithoutNullMembers(const json::Value& value, const boost::json::storage_ptr& storage,
                               int depth);

}  // namespace

Evaluation::Context::Context(Evaluation& evaluation, cel::ErrorTexts texts)
    : cel::Context(evaluation.arena_,
                   std::min(evaluation.budget_.expression, evaluation.budget_.steps),
                   evaluation.MemoryLeft(), texts),
      evaluation_(evaluation),
      begin_(budget()) {}

Evaluation::Context::~Context() {
  const bool is_used_up = budget() < 0;
  evaluation_.budget_.steps -= begin_ - std::max<std::int64_t>(budget(), 0);
  evaluation_.over_budget_ |= is_used_up;
}

Evaluation::Evaluation(const graph::Graph& graph, const json::Value& instance, Budget budget)
    : graph_(graph),
      budget_(budget),
      arena_(kFirstBlock),
      resource_(arena_),
      instance_(WithoutStatus(instance, &resource_)),
      nodes_(graph.nodes.size()) {}

void Evaluation::Bind(std::size_t node, std::span<const LiveObject> objects) {
  nodes_[node] = {objects, std::nullopt, true};
}

Result<cel::Value> Evaluation::Evaluate(const graph::Expression& expression, View view,
                                        const Locals& locals) {
  ++evaluated_;
  const std::span<cel::Value> slots = arena_.NewArray<cel::Value>(expression.inputs.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = Variable(expression.inputs[i], view, locals);
  }
  Context context(*this, expression);
  const cel::Value value = expression.program->EvaluateSlots(context, slots);
  if (value.IsError()) {
    return Annotate(cel::ToError(value), "eval \"{}\"", expression.text);
  }
  return value;
}

Result<Truth> Evaluation::Test(const graph::Expression& expression, View view,
                               const Locals& locals) {
  const auto value = Evaluate(expression, view, locals);
  if (!value) return std::unexpected(value.error());
  cel::Value content = *value;
  while (content.Is(cel::Kind::kOptional)) {
    if (!content.HasContent()) return Truth::kNull;
    content = content.Content();
  }
  if (content.IsNull()) return Truth::kNull;
  if (!content.Is(cel::Kind::kBool)) return Truth::kNotBool;
  return content.AsBool() ? Truth::kTrue : Truth::kFalse;
}

Result<void> Evaluation::CheckMemory() {
  if (MemoryLeft() > 0) return {};
  over_budget_ = true;
  return Fail(ErrorCode::kInvalid, "the objects of one instance take more than {} MiB together",
              budget_.memory >> 20);
}

std::int64_t Evaluation::MemoryLeft() const {
  return budget_.memory - static_cast<std::int64_t>(arena_.used());
}

void Evaluation::ShowConditions(const api::ConditionSet& conditions) {
  json::Object status(storage());
  status["conditions"] = conditions.ToJson();
  if (json::Object* instance = instance_.if_object()) (*instance)["status"] = std::move(status);
}

cel::Value Evaluation::ObjectValue(const graph::Node& node, const json::Value& object, View view) {
  const json::Value* shown = &object;
  if (view == View::kWithoutNulls && HasNullMember(object, 0)) {
    // Never destroyed: all of it is in the arena.
    shown = new (arena_.Allocate(sizeof(json::Value)))
        json::Value(WithoutNullMembers(object, storage(), 0));
  }
  return cel::Value::Map(&shown->get_object(), node.reading);
}

cel::Value Evaluation::Variable(const graph::Input& input, View view, const Locals& locals) {
  using Source = graph::Input::Source;
  switch (input.source) {
    case Source::kSchema:
      return instance_.is_object() ? cel::Value::Map(&instance_.get_object(), graph_.schema_reading)
                                   : cel::Value::Null();
    case Source::kNode:
      return NodeValue(input.index, view);
    case Source::kIterator:
      if (input.index < locals.iterators.size()) return locals.iterators[input.index];
      break;
    case Source::kEach:
      if (locals.each) return *locals.each;
      break;
    case Source::kRuntime:
      return cel::RuntimeValue();
  }
  return cel::Value::Error("no such attribute(s)");
}

cel::Value Evaluation::NodeValue(std::size_t node, View view) {
  Bound& bound = nodes_[node];
  const graph::Node& description = graph_.nodes[node];
  const bool missing = !bound.bound || (!description.IsList() && bound.objects.empty());
  if (missing) {
    Context context(*this);
    return cel::Fail(context, "no such attribute(s): {}", description.id);
  }
  const bool is_whole = view == View::kWhole;
  if (is_whole && bound.value) return *bound.value;

  cel::Value value;
  if (!description.IsList()) {
    value = ObjectValue(description, *bound.objects.front(), view);
  } else {
    const std::span<cel::Value> elements = arena_.NewArray<cel::Value>(bound.objects.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      elements[i] = ObjectValue(description, *bound.objects[i], view);
    }
    value =
        description.list_reading != nullptr
            ? cel::Value::List(arena_.New<cel::Value::ListData>(elements, description.list_reading))
            : cel::Value::List(elements);
  }
  if (is_whole) bound.value = value;
  return value;
}

namespace {

json::Value WithoutStatus(const json::Value& instance, boost::json::storage_ptr storage) {
  json::Object copy(storage);
  if (const json::Object* object = instance.if_object()) {
    copy.reserve(object->size() + 1);
    for (const auto& member : *object) {
      if (member.key() != "status") copy.emplace(member.key(), member.value());
    }
  }
  return json::Value(std::move(copy), std::move(storage));
}

bool HasNullMember(const json::Value& value, int depth) {
  if (depth > json::kMaxDepth) return false;
  if (const json::Object* object = value.if_object()) {
    for (const auto& member : *object) {
      if (member.value().is_null() || HasNullMember(member.value(), depth + 1)) return true;
    }
  } else if (const json::Array* array = value.if_array()) {
    for (const json::Value& element : *array) {
      if (HasNullMember(element, depth + 1)) return true;
    }
  }
  return false;
}

json::Value WithoutNullMembers(const json::Value& value, const boost::json::storage_ptr& storage,
                               int depth) {
  if (depth > json::kMaxDepth) return json::Value(value, storage);
  if (const json::Object* object = value.if_object()) {
    json::Object copy(storage);
    copy.reserve(object->size());
    for (const auto& member : *object) {
      if (member.value().is_null()) continue;
      copy.emplace(member.key(), WithoutNullMembers(member.value(), storage, depth + 1));
    }
    return json::Value(std::move(copy), storage);
  }
  if (const json::Array* array = value.if_array()) {
    json::Array copy(storage);
    copy.reserve(array->size());
    for (const json::Value& element : *array) {
      copy.push_back(WithoutNullMembers(element, storage, depth + 1));
    }
    return json::Value(std::move(copy), storage);
  }
  return json::Value(value, storage);
}

}  // namespace
}  // namespace kro::runtime
