// The evaluator: one switch over the nodes of a program.
//
// A node's operands are evaluated by recursion, which goes as deep as the expression nests; the parser
// and the planner bound that. Everything is strict (the first error of the operands is the result)
// except where a case says otherwise.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "cel/internal/code.h"
#include "cel/operators.h"
#include "cel/program.h"
#include "cel/schema.h"

namespace kro::cel {
namespace internal {
namespace {

// More arguments than functions have; longer calls use the arena.
constexpr std::size_t kInlineOperands = 8;

// Texts as short as names are compared without a call, and for nothing.
constexpr std::size_t kShortText = 32;

class Evaluator {
 public:
  Evaluator(const Code& code, Context& context, const Value* slots, Value* locals)
      : code_(code), context_(context), slots_(slots), locals_(locals) {}

  // Inline for what takes no operands; what is common besides goes to its own function at once. Most
  // operands are paths: those are found without a table of jumps.
  [[gnu::always_inline]] Value Eval(std::uint32_t index) {
    const Node& node = code_.nodes[index];
    if (static_cast<unsigned>(node.op) & kPathBit) {
      return Path(node, (node.op == Op::kSlotPath ? slots_ : locals_)[node.a]);
    }
    switch (node.op) {
      case Op::kConstant:
        return code_.values[node.a];
      case Op::kVariable:
        return slots_[node.a];
      case Op::kLocal:
        return locals_[node.a];
      case Op::kAnd:
        return AndOr(node, false);
      case Op::kOr:
        return AndOr(node, true);
      case Op::kEquals:
      case Op::kNotEquals:
      case Op::kLess:
      case Op::kLessEquals:
      case Op::kGreater:
      case Op::kGreaterEquals:
        return Comparison(node);
      default:
        return EvalNode(node);
    }
  }

 private:
  std::uint32_t Operand(const Node& node, std::size_t i) const {
    return code_.operands[node.first + i];
  }

  [[gnu::noinline]] Value EvalNode(const Node& node);
  [[gnu::noinline]] Value Path(const Node& node, Value value);
  [[gnu::noinline]] Value OtherPath(const Node& node);
  [[gnu::noinline]] Value TypedPath(const Node& node, Value value);
  [[gnu::noinline]] Value Walk(const Node& node, const Step* step, Value value);
  [[gnu::noinline]] Value SelectStep(const Value& operand, const Step& step, bool after_optional);
  [[gnu::noinline]] Lookup FindStep(const Value& operand, const Step& step);
  [[gnu::noinline]] Value Has(const Node& node);
  [[gnu::noinline]] Value OptionalSelect(const Node& node);
  [[gnu::noinline]] Value AndOr(const Node& node, bool absorbing);
  [[gnu::noinline]] Value AndOrUnresolved(std::span<const std::uint32_t> operands, Value first,
                                          bool absorbing);
  [[gnu::noinline]] Value Unresolved(const Value& so_far, const Value& operand);
  [[gnu::noinline]] Value Conditional(const Node& node);
  [[gnu::noinline]] Value Comparison(const Node& node);
  [[gnu::noinline]] Value Binary(const Node& node, Value a, Value b);
  [[gnu::noinline]] Value Concat(const Node& node);
  [[gnu::noinline]] Value OptionalOr(const Node& node);
  [[gnu::noinline]] Value OptionalOrValue(const Node& node);
  [[gnu::noinline]] Value CallFunction(const Node& node);
  [[gnu::noinline]] Value Dispatch(const CallSite& call, std::span<const Value> args);
  [[gnu::noinline]] Value MakeListLiteral(const Node& node);
  [[gnu::noinline]] Value MakeMapLiteral(const Node& node);

  template <typename Body>
  Value Iterate(const Loop& loop, Body body);
  [[gnu::noinline]] Value Quantifier(const Loop& loop, bool absorbing);
  [[gnu::noinline]] Value ExistsOne(const Loop& loop);
  [[gnu::noinline]] Value MapToList(const Loop& loop);
  [[gnu::noinline]] Value TransformMap(const Loop& loop, Op op);
  [[gnu::noinline]] Value GeneralLoop(const Loop& loop);

  const Code& code_;
  Context& context_;
  const Value* slots_;
  Value* locals_;
};

template <typename T>
bool Compare(Op op, const T& a, const T& b);
bool SameShortText(const char* a, const char* b, std::size_t size);
bool SameText(std::string_view a, std::string_view b);
Value ReadJson(Context& context, const json::Value& json, const Schema* schema);
Value KeyProblem(const MapBuilder& map, const Value& key);
bool Matches(Context& context, const Type& type, const Value& value);
Value NoFittingOverload(Context& context, const CallSite& call, std::span<const Value> args);
template <typename T>
T Load(T& guess);
const boost::json::key_value_pair* FindMember(const json::Object& object, std::string_view key,
                                              std::uint32_t& position);
void Remember(std::span<const Step> path, const Schema& from, const Schema& leaf);
const Schema* FindProperty(const Schema& schema, const Step& step);
const boost::json::key_value_pair* SearchMember(const json::Object& object, std::string_view key,
                                                std::uint32_t& position);
const Schema* SearchProperty(const Schema& schema, const Step& step);

Value Evaluator::EvalNode(const Node& node) {
  switch (node.op) {
    case Op::kConstant:
    case Op::kVariable:
    case Op::kLocal:
    case Op::kSlotPath:
    case Op::kLocalPath:
    case Op::kAnd:
    case Op::kOr:
    case Op::kEquals:
    case Op::kNotEquals:
    case Op::kLess:
    case Op::kLessEquals:
    case Op::kGreater:
    case Op::kGreaterEquals:
      break;  // Eval has done it
    case Op::kPath:
      return TypedPath(node, Eval(node.a));
    case Op::kHas:
      return Has(node);
    case Op::kOptSelect:
      return OptionalSelect(node);
    case Op::kConditional:
      return Conditional(node);
    case Op::kNotStrictlyFalse:
      return Value::Bool(!Eval(node.a).IsFalse());
    case Op::kNot: {
      Value a = Eval(node.a);
      return a.IsError() ? a : Not(a);
    }
    case Op::kNegate: {
      Value a = Eval(node.a);
      return a.IsError() ? a : Negate(context_, a);
    }
    case Op::kIndex:
    case Op::kOptIndex:
    case Op::kIn:
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo: {
      Value a = Eval(node.a);
      Value b = Eval(node.b);
      if (a.IsError()) return a;
      if (b.IsError()) return b;
      return Binary(node, a, b);
    }
    case Op::kConcat:
      return Concat(node);
    case Op::kOptionalOr:
      return OptionalOr(node);
    case Op::kOptionalOrValue:
      return OptionalOrValue(node);
    case Op::kCall:
      return CallFunction(node);
    case Op::kList:
      return MakeListLiteral(node);
    case Op::kMap:
      return MakeMapLiteral(node);
    case Op::kAll:
      return Quantifier(code_.loops[node.a], false);
    case Op::kExists:
      return Quantifier(code_.loops[node.a], true);
    case Op::kExistsOne:
      return ExistsOne(code_.loops[node.a]);
    case Op::kMapList:
      return MapToList(code_.loops[node.a]);
    case Op::kTransformMap:
    case Op::kTransformEntry:
      return TransformMap(code_.loops[node.a], node.op);
    case Op::kLoop:
      return GeneralLoop(code_.loops[node.a]);
    case Op::kBind:
      // An error stays in the local and comes out where it is used, as if it were computed there.
      locals_[node.a] = Eval(node.b);
      return Eval(node.c);
    case Op::kBlock:
      for (std::uint32_t i = 0; i < node.count; ++i) locals_[node.a + i] = Eval(Operand(node, i));
      return Eval(node.c);
  }
  return {};
}

// ---- Selection -------------------------------------------------------------------------------

// Usually a path leads where it led before: from an object of the same schema, through objects laid out
// alike, to a text, number or truth value.
Value Evaluator::Path(const Node& node, Value value) {
  if (!value.Is(Kind::kMap) || !value.IsJson()) return OtherPath(node);
  const Schema* schema = value.schema();
  if (!schema) return OtherPath(node);
  const Step* step = code_.steps.data() + node.b;
  const std::uint64_t route = Load(step->route);
  if (route >> 16 != schema->id.value()) return OtherPath(node);
  const json::Object* object = value.JsonObject();
  for (std::uint32_t left = node.count;; ++step) {
    // The property where it was found last, if it is there again.
    const std::size_t position = Load(step->position);
    if (position >= object->size()) return OtherPath(node);
    const boost::json::key_value_pair& member = object->begin()[position];
    const std::string_view key = step->json_key();
    if (member.key().size() != key.size() ||
        !SameShortText(member.key().data(), key.data(), key.size())) {
      return OtherPath(node);
    }
    const json::Value& json = member.value();
    if (--left == 0) {
      if (static_cast<std::uint8_t>(json.kind()) != (route & 0xff)) return OtherPath(node);
      if (json.is_int64()) return Value::Int(json.get_int64());
      if (json.is_string()) return Value::String(json.get_string());
      if (json.is_bool()) return Value::Bool(json.get_bool());
      return Value::Double(json.get_double());
    }
    if (!json.is_object()) return OtherPath(node);
    object = &json.get_object();
  }
}

// The same from a variable or a local, wherever it leads.
Value Evaluator::OtherPath(const Node& node) {
  return TypedPath(node, node.op == Op::kSlotPath ? slots_[node.a] : locals_[node.a]);
}

// Through typed objects to a property that is there, by their schemas.
Value Evaluator::TypedPath(const Node& node, Value value) {
  const Step* const first = code_.steps.data() + node.b;
  if (!value.JsonObject() || !value.schema()) return Walk(node, first, value);
  const Step* const last = first + node.count - 1;
  const Step* step = first;
  const json::Object* object = value.JsonObject();
  const Schema* schema = value.schema();
  while (schema->reading == Reading::kObject) {
    const auto* member = FindMember(*object, step->json_key(), step->position);
    if (!member || member->value().is_null()) break;
    const json::Value& json = member->value();
    const Schema* property = FindProperty(*schema, *step);
    if (step == last && property) Remember({first, node.count}, *value.schema(), *property);
    if (!property) property = schema->element;
    if (step == last) return ReadJson(context_, json, property);
    if (!property || property->reading != Reading::kObject || !json.is_object()) {
      return Walk(node, step + 1, ReadJson(context_, json, property));
    }
    object = &json.get_object();
    schema = property;
    ++step;
  }
  return Walk(node, step, Value::Map(object, schema));
}

Value Evaluator::Walk(const Node& node, const Step* step, Value value) {
  for (const Step* end = code_.steps.data() + node.b + node.count; step != end; ++step) {
    if (value.IsError()) return value;
    value = SelectStep(value, *step, node.c == kAfterOptional);
  }
  return value;
}

Value Evaluator::SelectStep(const Value& operand, const Step& step, bool after_optional) {
  auto found = FindStep(operand, step);
  if (operand.Is(Kind::kOptional)) {
    if (found) return found->IsError() ? *found : MakeOptional(context_, *found);
    // Absence is empty; but in a.?b.c a content of a.?b that has no fields at all is an error.
    bool has_fields = !after_optional || !operand.HasContent() ||
                      operand.Content().Is(Kind::kMap) || operand.Content().Is(Kind::kOptional);
    return has_fields ? Value::None() : Fail(context_, "no such key: {}", step.key());
  }
  if (found) return *found;
  if (operand.Is(Kind::kOpaque) && operand.AsOpaque()->type->field) {
    return Fail(context_, "no such field '{}'", step.key());
  }
  return Fail(context_, "no such key: {}", step.key());
}

Lookup Evaluator::FindStep(const Value& operand, const Step& step) {
  const json::Object* object = operand.JsonObject();
  if (!object) return Find(context_, operand, Value::String(step.key()));
  const Schema* schema = operand.schema();
  if (!schema || schema->reading != Reading::kObject) {
    const boost::json::key_value_pair* member = FindMember(*object, step.key(), step.position);
    if (!member) return std::nullopt;
    return FromJson(context_, member->value(), schema ? schema->element : nullptr);
  }
  const boost::json::key_value_pair* member = FindMember(*object, step.json_key(), step.position);
  if (!member || member->value().is_null()) return std::nullopt;
  const Schema* property = FindProperty(*schema, step);
  return FromJson(context_, member->value(), property ? property : schema->element);
}

Value Evaluator::Has(const Node& node) {
  Value operand = Eval(node.a);
  if (operand.IsError()) return operand;
  auto found = FindStep(operand, code_.steps[node.b]);
  if (found && found->IsError()) return *found;
  return Value::Bool(found.has_value());
}

Value Evaluator::OptionalSelect(const Node& node) {
  Value operand = Eval(node.a);
  if (operand.IsError()) return operand;
  auto found = FindStep(operand, code_.steps[node.b]);
  if (!found) return Value::None();
  return found->IsError() ? *found : MakeOptional(context_, *found);
}

// ---- Logic -----------------------------------------------------------------------------------

// What stands for two operands that do not absorb: unknown values together, else an unknown one,
// else the first error. `so_far` may be the result of operands without errors.
Value Evaluator::Unresolved(const Value& so_far, const Value& operand) {
  if (operand.IsUnknown()) {
    return so_far.IsUnknown() ? MergeUnknowns(context_, so_far, operand) : operand;
  }
  if (so_far.IsError()) return so_far;
  return operand.IsError() ? operand : NoSuchOverload();
}

// Operands are tried from the left until one absorbs the others.
Value Evaluator::AndOr(const Node& node, bool absorbing) {
  const std::uint32_t* next = code_.operands.data() + node.first;
  for (const std::uint32_t* end = next + node.count; next != end; ++next) {
    const Value operand = Eval(*next);
    if (!operand.Is(Kind::kBool)) return AndOrUnresolved({next + 1, end}, operand, absorbing);
    if (operand.AsBool() == absorbing) return operand;
  }
  return Value::Bool(!absorbing);
}

// The rest of them, after one that is no truth value.
Value Evaluator::AndOrUnresolved(std::span<const std::uint32_t> operands, Value first,
                                 bool absorbing) {
  Value result = Unresolved(Value::Bool(!absorbing), first);
  for (std::uint32_t index : operands) {
    const Value operand = Eval(index);
    if (!operand.Is(Kind::kBool)) {
      result = Unresolved(result, operand);
    } else if (operand.AsBool() == absorbing) {
      return operand;
    }
  }
  return result;
}

Value Evaluator::Conditional(const Node& node) {
  Value condition = Eval(node.a);
  if (condition.IsTrue()) return Eval(node.b);
  if (condition.IsFalse()) return Eval(node.c);
  return condition.IsError() ? condition : NoSuchOverload();
}

// ---- Operators -------------------------------------------------------------------------------

Value Evaluator::Comparison(const Node& node) {
  const Value a = Eval(node.a);
  const Value b = node.c == kNoNode ? Eval(node.b) : code_.values[node.c];
  if (a.Is(Kind::kInt) && b.Is(Kind::kInt)) {
    return Value::Bool(Compare(node.op, a.AsInt(), b.AsInt()));
  }
  if (a.Is(Kind::kString) && b.Is(Kind::kString) && a.AsString().size() <= kShortText) {
    if (node.op == Op::kEquals) return Value::Bool(SameText(a.AsString(), b.AsString()));
    if (node.op == Op::kNotEquals) return Value::Bool(!SameText(a.AsString(), b.AsString()));
  }
  if (a.IsError()) return a;
  return b.IsError() ? b : Binary(node, a, b);
}

Value Evaluator::Binary(const Node& node, Value a, Value b) {
  switch (node.op) {
    case Op::kEquals:
      return Equal(context_, a, b);
    case Op::kNotEquals:
      return NotEqual(context_, a, b);
    case Op::kLess:
      return Order(context_, a, b, Ordering::kLess);
    case Op::kLessEquals:
      return Order(context_, a, b, Ordering::kLessEquals);
    case Op::kGreater:
      return Order(context_, a, b, Ordering::kGreater);
    case Op::kGreaterEquals:
      return Order(context_, a, b, Ordering::kGreaterEquals);
    case Op::kIndex:
      return Index(context_, a, b);
    case Op::kOptIndex:
      return OptionalIndex(context_, a, b);
    case Op::kIn:
      return In(context_, a, b);
    case Op::kAdd:
      return Add(context_, a, b);
    case Op::kSubtract:
      return Subtract(context_, a, b);
    case Op::kMultiply:
      return Multiply(context_, a, b);
    case Op::kDivide:
      return Divide(context_, a, b);
    case Op::kModulo:
      return Modulo(context_, a, b);
    default:
      return NoSuchOverload();
  }
}

// a + b + c: one text if all are strings, else pair by pair.
Value Evaluator::Concat(const Node& node) {
  std::array<Value, kInlineOperands> operands;
  std::size_t size = 0;
  bool strings = true;
  for (std::size_t i = 0; i < node.count; ++i) {
    operands[i] = Eval(Operand(node, i));
    strings &= operands[i].Is(Kind::kString);
    if (strings) size += operands[i].AsString().size();
  }
  if (strings) {
    if (!context_.Charge(static_cast<std::int64_t>(size / 16 + 1)))
      return Value::Error(kBudgetExceeded);
    char* out = AllocateText(context_, size);
    char* next = out;
    for (std::size_t i = 0; i < node.count; ++i) {
      std::string_view text = operands[i].AsString();
      if (!text.empty()) std::memcpy(next, text.data(), text.size());
      next += text.size();
    }
    return Value::String({out, size});
  }
  Value sum = operands[0];
  for (std::size_t i = 1; i < node.count && !sum.IsError(); ++i) {
    sum = operands[i].IsError() ? operands[i] : Add(context_, sum, operands[i]);
  }
  return sum;
}

Value Evaluator::OptionalOr(const Node& node) {
  Value a = Eval(node.a);
  if (a.IsError()) return a;
  if (!a.Is(Kind::kOptional)) return NoSuchOverload();
  if (a.HasContent()) return a;
  Value b = Eval(node.b);
  return b.IsError() || b.Is(Kind::kOptional) ? b : NoSuchOverload();
}

Value Evaluator::OptionalOrValue(const Node& node) {
  Value a = Eval(node.a);
  if (a.IsError()) return a;
  if (!a.Is(Kind::kOptional)) return NoSuchOverload();
  return a.HasContent() ? a.Content() : Eval(node.b);
}

// ---- Calls -----------------------------------------------------------------------------------

Value Evaluator::CallFunction(const Node& node) {
  union Few {
    Few() {}  // uninitialised: most calls have one or two arguments
    Value values[kInlineOperands];
  } few;
  std::span<Value> args(few.values, std::min<std::size_t>(node.count, kInlineOperands));
  if (node.count > kInlineOperands) args = context_.arena().NewArray<Value>(node.count);
  const CallSite& call = code_.calls[node.a];
  bool fits = call.direct;
  // A function may look at all of a text.
  std::size_t text = 0;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const Value arg = Eval(Operand(node, i));
    args[i] = arg;
    if (arg.Is(Kind::kString) || arg.Is(Kind::kBytes)) text += arg.AsString().size();
    fits = fits && call.kinds[i] == static_cast<std::uint8_t>(arg.kind());
  }
  if (!context_.Charge(static_cast<std::int64_t>(text / 16 + 1)))
    return Value::Error(kBudgetExceeded);
  if (fits) return call.overloads[0]->eval(context_, args);
  return Dispatch(call, args);
}

Value Evaluator::Dispatch(const CallSite& call, std::span<const Value> args) {
  const Value* error = nullptr;
  for (const Value& arg : args) {
    if (arg.IsError()) {
      error = &arg;
      break;
    }
  }
  const std::uint8_t* kinds = call.kinds;
  for (std::size_t i = 0; i < call.overload_count; ++i) {
    const Overload& overload = *call.overloads[i];
    if (error && overload.strictness == Strictness::kStrict) {
      kinds += overload.params.size();
      continue;
    }
    const std::uint8_t* kind = kinds;
    kinds += overload.params.size();
    bool fits = overload.params.size() == args.size();
    bool guarded = overload.guard == Guard::kParameters && !error;
    for (std::size_t j = 0; fits && guarded && j < args.size(); ++j, ++kind) {
      if (*kind == static_cast<std::uint8_t>(args[j].kind()) || *kind == kAnything) continue;
      fits = *kind == kAskType && Matches(context_, overload.params[j], args[j]);
    }
    if (!fits) continue;
    if (call.prepared && call.prepared[i]) {
      return overload.preparation.eval(context_, call.prepared[i].get(), args);
    }
    if (overload.eval) return overload.eval(context_, args);
  }
  return error ? *error : NoFittingOverload(context_, call, args);
}

// ---- Literals --------------------------------------------------------------------------------

Value Evaluator::MakeListLiteral(const Node& node) {
  auto elements = context_.arena().NewArray<Value>(node.count);
  if (!context_.Charge(node.count)) return Value::Error(kBudgetExceeded);
  std::size_t size = 0;
  for (std::size_t i = 0; i < node.count; ++i) {
    std::uint32_t operand = Operand(node, i);
    Value value = Eval(operand & ~kOptionalBit);
    if (value.IsError()) return value;
    if (operand & kOptionalBit) {
      if (!value.Is(Kind::kOptional)) {
        return Fail(context_, "cannot initialize optional list element from non-optional value {}",
                    Display(context_, value));
      }
      if (!value.HasContent()) continue;
      value = value.Content();
    }
    elements[size++] = value;
  }
  return Value::List(elements.first(size));
}

Value Evaluator::MakeMapLiteral(const Node& node) {
  MapBuilder map(context_, node.count / 2);
  if (!context_.Charge(node.count)) return Value::Error(kBudgetExceeded);
  for (std::size_t i = 0; i < node.count; i += 2) {
    Value key = Eval(Operand(node, i));
    if (key.IsError()) return key;
    std::uint32_t operand = Operand(node, i + 1);
    Value value = Eval(operand & ~kOptionalBit);
    if (value.IsError()) return value;
    if (key.Is(Kind::kList) || key.Is(Kind::kMap)) {
      return Fail(context_, "internal error: runtime error: hash of unhashable type {}",
                  ClassName(key));
    }
    if (node.c == kStrictKeys) {
      if (Value problem = KeyProblem(map, key); problem.IsError()) return problem;
    }
    if (operand & kOptionalBit) {
      if (!value.Is(Kind::kOptional)) {
        return Fail(context_, "cannot initialize optional entry '{}' from non-optional value {}",
                    Display(context_, key), Display(context_, value));
      }
      if (!value.HasContent()) {
        map.Remove(key);
        continue;
      }
      value = value.Content();
    }
    map.Put(key, value);
  }
  return map.Build();
}

// ---- Loops -----------------------------------------------------------------------------------

// Runs `body` for each element with the variables set, until it gives false. The result is null, or
// the error that stands instead of a range.
template <typename Body>
Value Evaluator::Iterate(const Loop& loop, Body body) {
  Value range = Eval(loop.range);
  bool two = loop.var2 != kNoNode;
  if (const json::Array* array = two ? nullptr : range.JsonArray()) {
    const Schema* schema = range.schema();
    const Schema* element = schema ? schema->element : nullptr;
    const bool objects = element && element->reading == Reading::kObject;
    for (const json::Value& json : *array) {
      if (!context_.Charge(1)) return Value::Error(kBudgetExceeded);
      locals_[loop.var] = objects && json.is_object() ? Value::Map(&json.get_object(), element)
                                                      : ReadJson(context_, json, element);
      if (!body()) break;
    }
    return {};
  }
  if (range.Is(Kind::kList)) {
    std::size_t size = range.ListSize();
    for (std::size_t i = 0; i < size; ++i) {
      if (!context_.Charge(1)) return Value::Error(kBudgetExceeded);
      Value element = range.ListAt(context_, i);
      if (two) {
        locals_[loop.var] = Value::Int(static_cast<std::int64_t>(i));
        locals_[loop.var2] = element;
      } else {
        locals_[loop.var] = element;
      }
      if (!body()) break;
    }
    return {};
  }
  if (range.Is(Kind::kMap)) {
    for (MapIterator it(context_, range); it.Next();) {
      if (!context_.Charge(1)) return Value::Error(kBudgetExceeded);
      locals_[loop.var] = it.key();
      if (two) locals_[loop.var2] = it.value();
      if (!body()) break;
    }
    return {};
  }
  if (range.IsError()) return range;
  if (two) return Fail(context_, "unsupported comprehension range type: {}", ClassName(range));
  return Fail(context_, "got '{}', expected iterable type", ClassName(range));
}

Value Evaluator::Quantifier(const Loop& loop, bool absorbing) {
  Value result = Value::Bool(!absorbing);
  Value failed = Iterate(loop, [&]() __attribute__((always_inline)) {
    Value verdict = Eval(loop.condition);
    if (verdict.Is(Kind::kBool)) {
      if (verdict.AsBool() != absorbing) return true;
      result = verdict;
      return false;
    }
    result = Unresolved(result, verdict);
    return true;
  });
  return failed.IsError() ? failed : result;
}

Value Evaluator::ExistsOne(const Loop& loop) {
  std::int64_t count = 0;
  Value error;
  Value failed = Iterate(loop, [&] {
    Value verdict = Eval(loop.condition);
    if (verdict.Is(Kind::kBool)) {
      count += verdict.AsBool();
    } else {
      // As in the macro's expansion the last error wins.
      error = verdict.IsError() ? verdict : NoSuchOverload();
    }
    return true;
  });
  if (failed.IsError()) return failed;
  return error.IsError() ? error : Value::Bool(count == 1);
}

Value Evaluator::MapToList(const Loop& loop) {
  ListBuilder list(context_, 16);
  Value error;
  Value failed = Iterate(loop, [&] {
    if (loop.condition != kNoNode) {
      Value verdict = Eval(loop.condition);
      if (verdict.IsFalse()) return true;
      if (!verdict.IsTrue()) {
        error = verdict.IsError() ? verdict : NoSuchOverload();
        return true;
      }
    }
    if (error.IsError()) return true;
    Value element = Eval(loop.step);
    if (element.IsError()) {
      error = element;
    } else {
      list.Add(element);
    }
    // Without a filter nothing can replace the first error.
    return loop.condition != kNoNode || !error.IsError();
  });
  if (failed.IsError()) return failed;
  return error.IsError() ? error : list.Build();
}

Value Evaluator::TransformMap(const Loop& loop, Op op) {
  MapBuilder map(context_, 16);
  Value error;
  Value failed = Iterate(loop, [&] {
    if (loop.condition != kNoNode) {
      Value verdict = Eval(loop.condition);
      if (verdict.IsFalse()) return true;
      if (!verdict.IsTrue()) {
        error = verdict.IsError() ? verdict : NoSuchOverload();
        return true;
      }
    }
    if (error.IsError()) return true;
    Value value = Eval(loop.step);
    if (value.IsError()) {
      error = value;
    } else if (op == Op::kTransformMap) {
      map.Put(locals_[loop.var], value);
    } else if (!value.Is(Kind::kMap)) {
      error = Fail(context_, "no such overload: cel.@mapInsert(map, {})", TypeName(value));
    } else {
      for (MapIterator it(context_, value); it.Next() && !error.IsError();) {
        if (it.value().IsError()) {
          error = it.value();
        } else if (!map.Put(it.key(), it.value())) {
          error =
              Fail(context_, "insert failed: key {} already exists", Display(context_, it.key()));
        }
      }
    }
    return true;
  });
  if (failed.IsError()) return failed;
  return error.IsError() ? error : map.Build();
}

Value Evaluator::GeneralLoop(const Loop& loop) {
  locals_[loop.accu] = Eval(loop.init);
  Value failed = Iterate(loop, [&] {
    if (Eval(loop.condition).IsFalse()) return false;
    locals_[loop.accu] = Eval(loop.step);
    return true;
  });
  if (failed.IsError()) return failed;
  return Eval(loop.result);
}

// ---- Helpers ---------------------------------------------------------------------------------

template <typename T>
bool Compare(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEquals:
      return a == b;
    case Op::kNotEquals:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kLessEquals:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

// The first and the last kBytes; a comparison of so few is no call.
template <std::size_t kBytes>
[[gnu::always_inline]] inline bool SameEnds(const char* a, const char* b, std::size_t size) {
  return std::memcmp(a, b, kBytes) == 0 &&
         std::memcmp(a + size - kBytes, b + size - kBytes, kBytes) == 0;
}

// Two texts of one size, up to kShortText, without a call.
[[gnu::always_inline]] inline bool SameShortText(const char* a, const char* b, std::size_t size) {
  if (size >= 8) return size <= 16 ? SameEnds<8>(a, b, size) : SameEnds<16>(a, b, size);
  if (size >= 4) return SameEnds<4>(a, b, size);
  if (size >= 2) return SameEnds<2>(a, b, size);
  return size == 0 || *a == *b;
}

[[gnu::always_inline]] inline bool SameText(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() > kShortText) return std::memcmp(a.data(), b.data(), a.size()) == 0;
  return SameShortText(a.data(), b.data(), a.size());
}

// As FromJson, the usual cases without a call.
[[gnu::always_inline]] inline Value ReadJson(Context& context, const json::Value& json,
                                             const Schema* schema) {
  if (schema) {
    switch (json.kind()) {
      case boost::json::kind::string:
        if (schema->reading == Reading::kString) return Value::String(json.get_string());
        break;
      case boost::json::kind::object:
        if (schema->reading == Reading::kObject) return Value::Map(&json.get_object(), schema);
        break;
      case boost::json::kind::int64:
        if (schema->reading == Reading::kInteger) return Value::Int(json.get_int64());
        break;
      case boost::json::kind::bool_:
        if (schema->reading == Reading::kBoolean) return Value::Bool(json.get_bool());
        break;
      default:
        break;
    }
  }
  return FromJson(context, json, schema);
}

// The error that the specification sees in one key more, or null.
Value KeyProblem(const MapBuilder& map, const Value& key) {
  if (!key.Is(Kind::kBool) && !key.Is(Kind::kInt) && !key.Is(Kind::kUint) &&
      !key.Is(Kind::kString)) {
    return Value::Error("unsupported key type");
  }
  // 1 and 1u are one key.
  bool repeated = map.Has(key);
  if (key.Is(Kind::kInt) && key.AsInt() >= 0) repeated |= map.Has(Value::Uint(key.AsUint()));
  if (key.Is(Kind::kUint) && key.AsInt() >= 0) repeated |= map.Has(Value::Int(key.AsInt()));
  return repeated ? Value::Error("Failed with repeated key") : Value::Null();
}

// Whether an overload takes a value, as upstream decides it at run time: by the value's type, for
// lists and maps also by their first element or entry.
bool Matches(Context& context, const Type& type, const Value& value) {
  switch (type.kind()) {
    case TypeKind::kNull:
      return value.Is(Kind::kNull);
    case TypeKind::kBool:
      return value.Is(Kind::kBool);
    case TypeKind::kInt:
      return value.Is(Kind::kInt);
    case TypeKind::kUint:
      return value.Is(Kind::kUint);
    case TypeKind::kDouble:
      return value.Is(Kind::kDouble);
    case TypeKind::kString:
      return value.Is(Kind::kString);
    case TypeKind::kBytes:
      return value.Is(Kind::kBytes);
    case TypeKind::kTimestamp:
      return value.Is(Kind::kTimestamp);
    case TypeKind::kDuration:
      return value.Is(Kind::kDuration);
    case TypeKind::kType:
      return value.Is(Kind::kType);
    case TypeKind::kOptional:
      return value.Is(Kind::kOptional) &&
             (!value.HasContent() || Matches(context, type.element(), value.Content()));
    case TypeKind::kList: {
      if (!value.Is(Kind::kList)) return false;
      Type element = type.element();
      if (element.Is(TypeKind::kParam) || element.IsDyn() || value.ListSize() == 0) return true;
      return Matches(context, element, value.ListAt(context, 0));
    }
    case TypeKind::kMap: {
      if (!value.Is(Kind::kMap)) return false;
      auto open = [](const Type& t) { return t.Is(TypeKind::kParam) || t.IsDyn(); };
      if (open(type.key()) && open(type.element())) return true;
      MapIterator it(context, value);
      if (!it.Next()) return true;
      return Matches(context, type.key(), it.key()) && Matches(context, type.element(), it.value());
    }
    case TypeKind::kAbstract:
    case TypeKind::kObject:
      if (value.Is(Kind::kOpaque)) return value.AsOpaque()->type->name == type.name();
      return type.schema() && value.Is(Kind::kMap);
    default:
      return true;
  }
}

Value NoFittingOverload(Context& context, const CallSite& call, std::span<const Value> args) {
  const Mismatch shape = call.overloads[0]->mismatch;
  if (shape == Mismatch::kPlain) return NoSuchOverload();
  if (shape == Mismatch::kName) return Fail(context, "no such overload: {}", call.function());
  std::string types;
  for (const Value& arg : args) {
    if (!types.empty()) types += ", ";
    types += TypeName(arg);
  }
  return Fail(context, "no such overload: {}({})", call.function(), types);
}

template <typename T>
[[gnu::always_inline]] inline T Load(T& guess) {
  return std::atomic_ref<T>(guess).load(std::memory_order_relaxed);
}

[[gnu::always_inline]] inline const boost::json::key_value_pair* FindMember(
    const json::Object& object, std::string_view key, std::uint32_t& position) {
  const std::uint32_t at = Load(position);
  if (at < object.size()) {
    const boost::json::key_value_pair* member = object.begin() + at;
    if (SameText(member->key(), key)) return member;
  }
  return SearchMember(object, key, position);
}

// Only what needs no more of the schema than the kind of JSON, and short names.
void Remember(std::span<const Step> path, const Schema& from, const Schema& leaf) {
  boost::json::kind kind;
  switch (leaf.reading) {
    case Reading::kString:
      kind = boost::json::kind::string;
      break;
    case Reading::kInteger:
      kind = boost::json::kind::int64;
      break;
    case Reading::kBoolean:
      kind = boost::json::kind::bool_;
      break;
    case Reading::kNumber:
      kind = boost::json::kind::double_;
      break;
    default:
      return;
  }
  for (const Step& step : path) {
    if (step.json_key().size() > kShortText) return;
  }
  std::atomic_ref<std::uint64_t>(path[0].route)
      .store(from.id.value() << 16 | static_cast<std::uint8_t>(kind), std::memory_order_relaxed);
}

[[gnu::always_inline]] inline const Schema* FindProperty(const Schema& schema, const Step& step) {
  const std::uint64_t seen = Load(step.property);
  if (seen >> 16 == schema.id.value()) return schema.properties[seen & 0xffff].schema;
  return SearchProperty(schema, step);
}

[[gnu::noinline]] const boost::json::key_value_pair* SearchMember(const json::Object& object,
                                                                  std::string_view key,
                                                                  std::uint32_t& position) {
  auto found = object.find(key);
  if (found == object.end()) return nullptr;
  std::atomic_ref<std::uint32_t>(position).store(static_cast<std::uint32_t>(found - object.begin()),
                                                 std::memory_order_relaxed);
  return &*found;
}

[[gnu::noinline]] const Schema* SearchProperty(const Schema& schema, const Step& step) {
  for (std::size_t i = 0; i < schema.properties.size(); ++i) {
    if (schema.properties[i].name != step.json_key()) continue;
    if (i <= 0xffff) {
      std::atomic_ref<std::uint64_t>(step.property)
          .store(schema.id.value() << 16 | i, std::memory_order_relaxed);
    }
    return schema.properties[i].schema;
  }
  return nullptr;
}

}  // namespace

Value Run(const Code& code, Context& context, const Value* slots, Value* locals,
          std::uint32_t node) {
  return Evaluator(code, context, slots, locals).Eval(node);
}

namespace {

Value RunAll(const Code& code, Context& context, const Value* slots, Value* locals) {
  const Value value = Evaluator(code, context, slots, locals).Eval(code.root);
  // Who met the end of the budget may have taken it for `unequal`.
  if (context.budget() < 0) [[unlikely]]
    return Value::Error(kBudgetExceeded);
  return value;
}

}  // namespace

}  // namespace internal

Program::Program(std::unique_ptr<internal::Code> code) : code_(std::move(code)) {}
Program::~Program() = default;

std::span<const std::string> Program::variables() const { return code_->variables; }

Type Program::type() const { return code_->type; }

Value Program::Evaluate(Context& context, std::span<const Binding> bindings) const {
  auto slots = context.arena().NewArray<Value>(code_->variables.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Binding* found = nullptr;
    for (const Binding& binding : bindings) {
      if (binding.name == code_->variables[i]) found = &binding;
    }
    slots[i] =
        found ? found->value : Fail(context, "no such attribute(s): {}", code_->variables[i]);
  }
  return EvaluateSlots(context, slots);
}

Value Program::EvaluateSlots(Context& context, std::span<const Value> slots) const {
  if (code_->local_count > 0) {
    return internal::RunAll(*code_, context, slots.data(),
                            context.arena().NewArray<Value>(code_->local_count).data());
  }
  return internal::RunAll(*code_, context, slots.data(), nullptr);
}

}  // namespace kro::cel
