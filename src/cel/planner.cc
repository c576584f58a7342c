#include "cel/planner.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cel/internal/code.h"
#include "cel/macros.h"
#include "cel/operators.h"
#include "cel/schema.h"

namespace kro::cel {
namespace {

using internal::CallSite;
using internal::Code;
using internal::kNoNode;
using internal::kOptionalBit;
using internal::Loop;
using internal::Node;
using internal::Op;
using internal::Step;

// Deeper than the parser lets an expression nest, macros included.
constexpr int kMaxDepth = 2000;

// How much work folding a constant may take; what takes more is left to the evaluation.
constexpr std::int64_t kFoldBudget = 4096;

// Operands of one concatenation.
constexpr std::size_t kMaxConcat = 8;

struct BinaryOperator {
  std::string_view function;
  Op op;
};

constexpr BinaryOperator kBinaryOperators[] = {
    {op::kEquals, Op::kEquals},
    {op::kNotEquals, Op::kNotEquals},
    {op::kLess, Op::kLess},
    {op::kLessEquals, Op::kLessEquals},
    {op::kGreater, Op::kGreater},
    {op::kGreaterEquals, Op::kGreaterEquals},
    {op::kIn, Op::kIn},
    {op::kAdd, Op::kAdd},
    {op::kSubtract, Op::kSubtract},
    {op::kMultiply, Op::kMultiply},
    {op::kDivide, Op::kDivide},
    {op::kModulo, Op::kModulo},
    {op::kIndex, Op::kIndex},
    {op::kOptIndex, Op::kOptIndex},
};

constexpr std::string_view kTypeNames[] = {"bool",
                                           "bytes",
                                           "double",
                                           "int",
                                           "list",
                                           "map",
                                           "null_type",
                                           "string",
                                           "type",
                                           "uint",
                                           "google.protobuf.Timestamp",
                                           "google.protobuf.Duration",
                                           "optional_type"};

class Planner {
 public:
  Planner(Code& code, bool checked, const Environment& environment, TypeNames type_names)
      : code_(code), checked_(checked), environment_(environment), type_names_(type_names) {}

  Result<std::uint32_t> Plan(const Expr& expr, int depth = 0);

 private:
  using Index = Result<std::uint32_t>;

  struct Local {
    std::string_view name;
    std::uint32_t index;
  };

  Value KeepValue(const Value& value);
  Index PlanLiteral(const Literal& literal);
  Index PlanIdent(const Ident& ident);
  Index PlanSelect(const Expr& expr, int depth);
  Index PlanCall(const Expr& expr, int depth);
  Index PlanBinary(Op op, const Call& call, int depth);
  Index PlanLogic(Op op, const Call& call, int depth);
  Index PlanConcat(const Expr& expr, int depth);
  Index PlanFunction(const Call& call, std::string_view function, const Expr* target, int depth);
  Index PlanList(const List& list, int depth);
  Index PlanMap(const MapLiteral& map, int depth);
  Index PlanComprehension(const Comprehension& comprehension, int depth);
  Index PlanBlock(const Call& call, int depth);

  std::optional<std::uint32_t> QualifiedName(const Expr& expr);
  std::optional<std::uint32_t> FindName(std::string_view name, bool absolute);
  std::uint32_t Variable(std::string_view name);
  static std::string QualifiedFunction(const Expr& target, std::string_view function);
  std::vector<const Overload*> OverloadsLike(std::string_view name, Style style,
                                             std::size_t arity) const;
  CallSite MakeCallSite(std::span<const Overload* const> overloads);
  std::uint32_t Constant(const Value& value);
  std::uint32_t Add(Node node);
  std::uint32_t AddNode(Node node, const std::vector<std::uint32_t>& operands);
  std::uint32_t AddWithOperands(Node node, const std::vector<std::uint32_t>& operands);
  std::uint32_t AddStep(std::string_view field);
  std::uint32_t Fold(std::uint32_t node);
  bool IsConstant(std::uint32_t node) const { return code_.nodes[node].op == Op::kConstant; }
  std::uint32_t NewLocal(std::string_view name);
  std::string_view Keep(std::string_view text) { return code_.constants.Copy(text); }

  Code& code_;
  bool checked_;
  const Environment& environment_;
  TypeNames type_names_;
  std::vector<Local> scope_;
};

// ---- Shapes of macros ------------------------------------------------------------------------

bool IsIdent(const Expr& expr, std::string_view name) {
  const Ident* ident = expr.If<Ident>();
  return ident && ident->name == name && !ident->absolute;
}

bool IsBool(const Expr& expr, bool value) {
  const Literal* literal = expr.If<Literal>();
  return literal && literal->value.Is(Kind::kBool) && literal->value.AsBool() == value;
}

bool IsEmptyList(const Expr& expr) {
  const List* list = expr.If<List>();
  return list && list->elements.empty();
}

bool IsEmptyMap(const Expr& expr) {
  const MapLiteral* map = expr.If<MapLiteral>();
  return map && map->entries.empty();
}

const Call* AsCall(const Expr& expr, std::string_view function, std::size_t args) {
  const Call* call = expr.If<Call>();
  return call && !call->target && call->function == function && call->args.size() == args ? call
                                                                                          : nullptr;
}

// What a comprehension's step does once its filter is taken off: `filter ? action : accu`.
struct Filtered {
  const Expr* condition = nullptr;
  const Expr* action;
};

Filtered TakeFilter(const Comprehension& c) {
  const Call* conditional = AsCall(*c.step, op::kConditional, 3);
  if (conditional && IsIdent(*conditional->args[2], c.accu_var)) {
    return {conditional->args[0], conditional->args[1]};
  }
  return {nullptr, c.step};
}

// accu + [x]: x
const Expr* AppendedElement(const Comprehension& c, const Expr& action) {
  const Call* add = AsCall(action, op::kAdd, 2);
  if (!add || !IsIdent(*add->args[0], c.accu_var)) return nullptr;
  const List* list = add->args[1]->If<List>();
  if (!list || list->elements.size() != 1 || list->elements[0].optional) return nullptr;
  return list->elements[0].value;
}

bool IsAccuPlusOne(const Comprehension& c, const Expr& action) {
  const Call* add = AsCall(action, op::kAdd, 2);
  if (!add || !IsIdent(*add->args[0], c.accu_var)) return false;
  const Literal* one = add->args[1]->If<Literal>();
  return one && one->value.Is(Kind::kInt) && one->value.AsInt() == 1;
}

bool IsAccuEqualsOne(const Comprehension& c) {
  const Call* equals = AsCall(*c.result, op::kEquals, 2);
  return equals && IsIdent(*equals->args[0], c.accu_var);
}

// How a parameter's type is told from a value.
std::uint8_t KindOf(const Type& param) {
  switch (param.kind()) {
    case TypeKind::kNull:
      return static_cast<std::uint8_t>(Kind::kNull);
    case TypeKind::kBool:
      return static_cast<std::uint8_t>(Kind::kBool);
    case TypeKind::kInt:
      return static_cast<std::uint8_t>(Kind::kInt);
    case TypeKind::kUint:
      return static_cast<std::uint8_t>(Kind::kUint);
    case TypeKind::kDouble:
      return static_cast<std::uint8_t>(Kind::kDouble);
    case TypeKind::kString:
      return static_cast<std::uint8_t>(Kind::kString);
    case TypeKind::kBytes:
      return static_cast<std::uint8_t>(Kind::kBytes);
    case TypeKind::kTimestamp:
      return static_cast<std::uint8_t>(Kind::kTimestamp);
    case TypeKind::kDuration:
      return static_cast<std::uint8_t>(Kind::kDuration);
    case TypeKind::kType:
      return static_cast<std::uint8_t>(Kind::kType);
    case TypeKind::kOptional:
    case TypeKind::kList:
    case TypeKind::kMap:
    case TypeKind::kAbstract:
    case TypeKind::kObject:
      return internal::kAskType;
    default:
      return internal::kAnything;
  }
}

// Whether a chain of selections has an optional one in it: a.?b.c
bool IsAfterOptional(const Expr& expr) {
  const Expr* part = &expr;
  while (const Select* select = part->If<Select>()) part = select->operand;
  return AsCall(*part, op::kOptSelect, 2) || AsCall(*part, op::kOptIndex, 2);
}

// cel.@mapInsert(accu, key, value) or (accu, entries): the arguments after the accumulator.
const Call* MapInsertion(const Comprehension& c, const Expr& action) {
  const Call* call = action.If<Call>();
  if (!call || call->function.find("mapInsert") == std::string_view::npos) return nullptr;
  if (call->args.size() < 2 || !IsIdent(*call->args[0], c.accu_var)) return nullptr;
  return call;
}

// ---- Expressions -----------------------------------------------------------------------------

Result<std::uint32_t> Planner::Plan(const Expr& expr, int depth) {
  if (depth > kMaxDepth) {
    return Fail(ErrorCode::kInvalid, "expression nests deeper than {} levels", kMaxDepth);
  }
  switch (expr.kind()) {
    case ExprKind::kLiteral:
      return PlanLiteral(expr.As<Literal>());
    case ExprKind::kIdent:
      return PlanIdent(expr.As<Ident>());
    case ExprKind::kSelect:
      return PlanSelect(expr, depth);
    case ExprKind::kCall:
      return PlanCall(expr, depth);
    case ExprKind::kList:
      return PlanList(expr.As<List>(), depth);
    case ExprKind::kMap:
      return PlanMap(expr.As<MapLiteral>(), depth);
    case ExprKind::kStruct:
      return Fail(ErrorCode::kInvalid, "unknown type: {}", expr.As<Struct>().type_name);
    case ExprKind::kComprehension:
      return PlanComprehension(expr.As<Comprehension>(), depth);
  }
  return Fail(ErrorCode::kInternal, "expression of unknown kind");
}

// Literals borrow their texts from the Ast.
Value Planner::KeepValue(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return Value::String(Keep(value.AsString()));
    case Kind::kBytes:
      return Value::Bytes(Keep(value.AsBytes()));
    case Kind::kType:
      return Value::Type(Keep(value.AsType()));
    case Kind::kError:
      return Value::Error(Keep(value.AsError()));
    default:
      return value;
  }
}

Planner::Index Planner::PlanLiteral(const Literal& literal) {
  if (literal.value.Is(Kind::kType) && type_names_ == TypeNames::kUndefined) {
    return Fail(ErrorCode::kInvalid, "reference to undefined type: {}", literal.value.AsType());
  }
  return Constant(KeepValue(literal.value));
}

Planner::Index Planner::PlanIdent(const Ident& ident) {
  if (!ident.absolute && (!checked_ || ident.slot < 0)) {
    for (std::size_t i = scope_.size(); i-- > 0;) {
      if (scope_[i].name == ident.name) return Add({.op = Op::kLocal, .a = scope_[i].index});
    }
  }
  if (checked_) return Variable(ident.name);
  if (auto found = FindName(ident.name, ident.absolute)) return *found;
  return Variable(ident.name);
}

Planner::Index Planner::PlanSelect(const Expr& expr, int depth) {
  const Select& select = expr.As<Select>();
  if (!checked_ && !select.test_only) {
    if (auto name = QualifiedName(expr)) return *name;
  }
  auto operand = Plan(*select.operand, depth + 1);
  if (!operand) return operand;
  std::uint32_t step = AddStep(select.field);
  if (select.test_only) return Fold(Add({.op = Op::kHas, .a = *operand, .b = step}));
  // A chain of selections is one path; the steps of its beginning are the last that were added.
  Node& chain = code_.nodes[*operand];
  const bool path =
      chain.op == Op::kPath || chain.op == Op::kSlotPath || chain.op == Op::kLocalPath;
  if (path && chain.b + chain.count == step) {
    ++chain.count;
    return *operand;
  }
  if (chain.op == Op::kVariable || chain.op == Op::kLocal) {
    const Op from = chain.op == Op::kVariable ? Op::kSlotPath : Op::kLocalPath;
    chain = {.op = from, .count = 1, .a = chain.a, .b = step};
    return *operand;
  }
  std::uint32_t after_optional =
      IsAfterOptional(*select.operand) ? internal::kAfterOptional : kNoNode;
  return Fold(Add({.op = Op::kPath, .count = 1, .a = *operand, .b = step, .c = after_optional}));
}

Planner::Index Planner::PlanCall(const Expr& expr, int depth) {
  const Call& call = expr.As<Call>();
  if (!call.target) {
    if (call.function == op::kAnd) return PlanLogic(Op::kAnd, call, depth);
    if (call.function == op::kOr) return PlanLogic(Op::kOr, call, depth);
    if (call.function == op::kAdd) return PlanConcat(expr, depth);
    if (call.args.size() == 2) {
      for (const BinaryOperator& binary : kBinaryOperators) {
        if (call.function == binary.function) return PlanBinary(binary.op, call, depth);
      }
      if (call.function == op::kOptSelect) {
        const Literal* field = call.args[1]->If<Literal>();
        if (!field || !field->value.Is(Kind::kString)) {
          return Fail(ErrorCode::kInvalid, "optional selection of a computed field");
        }
        auto operand = Plan(*call.args[0], depth + 1);
        if (!operand) return operand;
        std::uint32_t step = AddStep(field->value.AsString());
        return Fold(Add({.op = Op::kOptSelect, .a = *operand, .b = step}));
      }
    }
    if (call.args.size() == 1) {
      Op unary = call.function == op::kNot                ? Op::kNot
                 : call.function == op::kNegate           ? Op::kNegate
                 : call.function == op::kNotStrictlyFalse ? Op::kNotStrictlyFalse
                                                          : Op::kConstant;
      if (unary != Op::kConstant) {
        auto operand = Plan(*call.args[0], depth + 1);
        if (!operand) return operand;
        return Fold(Add({.op = unary, .a = *operand}));
      }
      if (call.function == "dyn") return Plan(*call.args[0], depth + 1);
    }
    if (call.function == op::kConditional && call.args.size() == 3) {
      Node node{.op = Op::kConditional};
      std::uint32_t* operands[] = {&node.a, &node.b, &node.c};
      for (std::size_t i = 0; i < 3; ++i) {
        auto operand = Plan(*call.args[i], depth + 1);
        if (!operand) return operand;
        *operands[i] = *operand;
      }
      return Fold(Add(node));
    }
    if (call.function == kBlockFunction) return PlanBlock(call, depth);
    return PlanFunction(call, call.function, nullptr, depth);
  }
  if (call.args.size() == 1 && (call.function == "or" || call.function == "orValue")) {
    auto a = Plan(*call.target, depth + 1);
    if (!a) return a;
    auto b = Plan(*call.args[0], depth + 1);
    if (!b) return b;
    Op op = call.function == "or" ? Op::kOptionalOr : Op::kOptionalOrValue;
    return Fold(Add({.op = op, .a = *a, .b = *b}));
  }
  return PlanFunction(call, call.function, call.target, depth);
}

Planner::Index Planner::PlanBinary(Op op, const Call& call, int depth) {
  auto a = Plan(*call.args[0], depth + 1);
  if (!a) return a;
  auto b = Plan(*call.args[1], depth + 1);
  if (!b) return b;
  const Literal* literal = call.args[1]->If<Literal>();
  if ((op == Op::kIndex || op == Op::kOptIndex) && literal) {
    const Value& index = literal->value;
    bool usable =
        index.IsNumber() || index.Is(Kind::kString) || index.Is(Kind::kBool) || index.IsError();
    if (!usable) {
      return Fail(ErrorCode::kInvalid, "invalid qualifier type: {}", ClassName(index));
    }
  }
  const bool compares = op >= Op::kEquals && op <= Op::kGreaterEquals;
  const std::uint32_t constant = compares && IsConstant(*b) ? code_.nodes[*b].a : kNoNode;
  return Fold(Add({.op = op, .a = *a, .b = *b, .c = constant}));
}

// The parser builds balanced trees of && and ||; here they become one node again.
Planner::Index Planner::PlanLogic(Op op, const Call& call, int depth) {
  std::vector<std::uint32_t> operands;
  std::vector<const Expr*> rest(call.args.rbegin(), call.args.rend());
  while (!rest.empty()) {
    const Expr* next = rest.back();
    rest.pop_back();
    if (const Call* inner = AsCall(*next, call.function, 2)) {
      rest.push_back(inner->args[1]);
      rest.push_back(inner->args[0]);
      continue;
    }
    auto operand = Plan(*next, depth + 1);
    if (!operand) return operand;
    operands.push_back(*operand);
  }
  return AddWithOperands({.op = op}, operands);
}

// (a + b) + c is one concatenation if it is one of strings.
Planner::Index Planner::PlanConcat(const Expr& expr, int depth) {
  std::vector<const Expr*> terms;
  const Expr* left = &expr;
  while (terms.size() + 2 <= kMaxConcat) {
    const Call* add = AsCall(*left, op::kAdd, 2);
    if (!add || (!terms.empty() && !left->type.Is(TypeKind::kString))) break;
    terms.push_back(add->args[1]);
    left = add->args[0];
  }
  if (!expr.type.Is(TypeKind::kString)) return PlanBinary(Op::kAdd, expr.As<Call>(), depth);
  terms.push_back(left);
  std::vector<std::uint32_t> operands;
  for (std::size_t i = terms.size(); i-- > 0;) {
    auto operand = Plan(*terms[i], depth + 1);
    if (!operand) return operand;
    operands.push_back(*operand);
  }
  return AddWithOperands({.op = Op::kConcat}, operands);
}

Planner::Index Planner::PlanFunction(const Call& call, std::string_view function,
                                     const Expr* target, int depth) {
  std::vector<const Overload*> overloads(call.overloads.begin(), call.overloads.end());
  if (overloads.empty()) {
    std::string name(function);
    if (target && !checked_) {
      // `lists.range(1)` that was not checked is a member call of the parser.
      if (std::string qualified = QualifiedFunction(*target, function);
          environment_.FindFunction(qualified)) {
        name = std::move(qualified);
        target = nullptr;
      }
    }
    overloads = OverloadsLike(name, target ? Style::kReceiver : Style::kGlobal,
                              call.args.size() + (target ? 1 : 0));
    if (overloads.empty()) return Constant(Value::Error(Keep("no such overload: " + name)));
  }

  std::vector<const Expr*> args(call.args.begin(), call.args.end());
  if (target) args.insert(args.begin(), target);
  std::vector<std::uint32_t> operands;
  for (const Expr* arg : args) {
    auto operand = Plan(*arg, depth + 1);
    if (!operand) return operand;
    operands.push_back(*operand);
  }

  CallSite site = MakeCallSite(overloads);
  std::vector<const Value*> constants;
  bool any_literal = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool literal = args[i]->kind() == ExprKind::kLiteral;
    constants.push_back(literal ? &code_.values[code_.nodes[operands[i]].a] : nullptr);
    any_literal |= literal;
  }
  for (std::size_t i = 0; i < overloads.size() && any_literal; ++i) {
    const Preparation& preparation = overloads[i]->preparation;
    if (!preparation.prepare) continue;
    auto prepared = preparation.prepare(constants);
    if (!prepared) return std::unexpected(prepared.error());
    if (!*prepared) continue;
    if (!site.prepared) site.prepared = std::make_unique<Preparation::Prepared[]>(overloads.size());
    site.prepared[i] = std::move(*prepared);
  }
  const Overload& first = *overloads[0];
  site.direct = first.eval && first.guard == Guard::kParameters &&
                first.params.size() == args.size() && !(site.prepared && site.prepared[0]);
  code_.calls.push_back(std::move(site));
  return AddWithOperands({.op = Op::kCall, .a = static_cast<std::uint32_t>(code_.calls.size() - 1)},
                         operands);
}

// "a.b.f" for the function `f` called on `a.b`; empty if that is no name.
std::string Planner::QualifiedFunction(const Expr& target, std::string_view function) {
  std::string name(function);
  const Expr* part = &target;
  while (const Select* select = part->If<Select>()) {
    if (select->test_only) return {};
    name = std::string(select->field) + "." + name;
    part = select->operand;
  }
  const Ident* ident = part->If<Ident>();
  return ident ? std::string(ident->name) + "." + name : std::string();
}

std::vector<const Overload*> Planner::OverloadsLike(std::string_view name, Style style,
                                                    std::size_t arity) const {
  std::vector<const Overload*> overloads;
  const Function* function = environment_.FindFunction(name);
  if (!function) return overloads;
  for (const Overload* overload : function->overloads) {
    if (overload->style == style && overload->params.size() == arity) overloads.push_back(overload);
  }
  return overloads;
}

CallSite Planner::MakeCallSite(std::span<const Overload* const> overloads) {
  auto kept = code_.constants.NewArray<const Overload*>(overloads.size());
  std::copy(overloads.begin(), overloads.end(), kept.begin());
  std::string kinds;
  for (const Overload* overload : overloads) {
    for (const Type& param : overload->params) kinds += static_cast<char>(KindOf(param));
  }
  return {.overloads = kept.data(),
          .kinds = reinterpret_cast<const std::uint8_t*>(Keep(kinds).data()),
          .prepared = nullptr,
          .overload_count = static_cast<std::uint32_t>(overloads.size())};
}

Planner::Index Planner::PlanList(const List& list, int depth) {
  std::vector<std::uint32_t> operands;
  for (const ListElement& element : list.elements) {
    auto operand = Plan(*element.value, depth + 1);
    if (!operand) return operand;
    operands.push_back(*operand | (element.optional ? kOptionalBit : 0));
  }
  return AddWithOperands({.op = Op::kList}, operands);
}

Planner::Index Planner::PlanMap(const MapLiteral& map, int depth) {
  std::vector<std::uint32_t> operands;
  for (const MapEntry& entry : map.entries) {
    auto key = Plan(*entry.key, depth + 1);
    if (!key) return key;
    auto value = Plan(*entry.value, depth + 1);
    if (!value) return value;
    operands.push_back(*key);
    operands.push_back(*value | (entry.optional ? kOptionalBit : 0));
  }
  const bool strict = environment_.dialect().rules == Rules::kSpecification;
  return AddWithOperands({.op = Op::kMap, .c = strict ? internal::kStrictKeys : kNoNode}, operands);
}

Planner::Index Planner::PlanComprehension(const Comprehension& c, int depth) {
  std::size_t outer_scope = scope_.size();
  Loop loop;

  // cel.bind: no loop at all.
  if (IsEmptyList(*c.range) && IsBool(*c.condition, false)) {
    auto init = Plan(*c.init, depth + 1);
    if (!init) return init;
    std::uint32_t local = NewLocal(c.accu_var);
    auto result = Plan(*c.result, depth + 1);
    scope_.resize(outer_scope);
    if (!result) return result;
    return Add({.op = Op::kBind, .a = local, .b = *init, .c = *result});
  }

  auto range = Plan(*c.range, depth + 1);
  if (!range) return range;
  loop.range = *range;

  bool plain_result = IsIdent(*c.result, c.accu_var);
  Filtered filtered = TakeFilter(c);
  Op op = Op::kLoop;
  const Expr* condition = nullptr;
  const Expr* step = nullptr;
  const Call* any = AsCall(*c.step, op::kOr, 2);
  const Call* all = AsCall(*c.step, op::kAnd, 2);
  if (any && plain_result && IsBool(*c.init, false) && IsIdent(*any->args[0], c.accu_var)) {
    op = Op::kExists;
    condition = any->args[1];
  } else if (all && plain_result && IsBool(*c.init, true) && IsIdent(*all->args[0], c.accu_var)) {
    op = Op::kAll;
    condition = all->args[1];
  } else if (filtered.condition && IsAccuPlusOne(c, *filtered.action) && IsAccuEqualsOne(c)) {
    op = Op::kExistsOne;
    condition = filtered.condition;
  } else if (plain_result && IsBool(*c.condition, true) && IsEmptyList(*c.init) &&
             AppendedElement(c, *filtered.action)) {
    op = Op::kMapList;
    condition = filtered.condition;
    step = AppendedElement(c, *filtered.action);
  } else if (plain_result && IsBool(*c.condition, true) && IsEmptyMap(*c.init)) {
    if (const Call* insertion = MapInsertion(c, *filtered.action)) {
      bool own_key = insertion->args.size() == 3 && IsIdent(*insertion->args[1], c.var);
      if (own_key || insertion->args.size() == 2) {
        op = own_key ? Op::kTransformMap : Op::kTransformEntry;
        condition = filtered.condition;
        step = insertion->args.back();
      }
    }
  }

  if (op == Op::kLoop) {
    auto init = Plan(*c.init, depth + 1);
    if (!init) return init;
    loop.init = *init;
    loop.accu = NewLocal(c.accu_var);
    auto result = Plan(*c.result, depth + 1);
    if (!result) return result;
    loop.result = *result;
    condition = c.condition;
    step = c.step;
  }
  loop.var = NewLocal(c.var);
  if (!c.var2.empty()) loop.var2 = NewLocal(c.var2);
  if (condition) {
    auto planned = Plan(*condition, depth + 1);
    if (!planned) return planned;
    loop.condition = *planned;
  }
  if (step) {
    auto planned = Plan(*step, depth + 1);
    if (!planned) return planned;
    loop.step = *planned;
  }
  scope_.resize(outer_scope);
  code_.loops.push_back(loop);
  return Add({.op = op, .a = static_cast<std::uint32_t>(code_.loops.size() - 1)});
}

Planner::Index Planner::PlanBlock(const Call& call, int depth) {
  const std::size_t outer_scope = scope_.size();
  const List& list = call.args[0]->As<List>();
  Node node{.op = Op::kBlock, .a = code_.local_count};
  code_.local_count += static_cast<std::uint32_t>(list.elements.size());
  std::vector<std::uint32_t> operands;
  for (const ListElement& element : list.elements) {
    auto operand = Plan(*element.value, depth + 1);
    if (!operand) return operand;
    const auto i = static_cast<std::uint32_t>(operands.size());
    scope_.push_back({Keep("@index" + std::to_string(i)), node.a + i});
    operands.push_back(*operand);
  }
  auto body = Plan(*call.args[1], depth + 1);
  if (!body) return body;
  scope_.resize(outer_scope);
  node.c = *body;
  return AddNode(node, operands);
}

// ---- Names -----------------------------------------------------------------------------------

// `a.b.c` that was not checked: a variable or type of that name, if there is one.
std::optional<std::uint32_t> Planner::QualifiedName(const Expr& expr) {
  std::string name;
  const Expr* part = &expr;
  bool absolute = false;
  for (;;) {
    if (const Ident* ident = part->If<Ident>()) {
      if (!ident->absolute) {
        for (const Local& local : scope_) {
          if (local.name == ident->name) return std::nullopt;
        }
      }
      absolute = ident->absolute;
      name = std::string(ident->name) + name;
      break;
    }
    const Select* select = part->If<Select>();
    if (!select || select->test_only) return std::nullopt;
    name = "." + std::string(select->field) + name;
    part = select->operand;
  }
  return FindName(name, absolute);
}

std::optional<std::uint32_t> Planner::FindName(std::string_view name, bool absolute) {
  std::string_view container = absolute ? std::string_view() : environment_.dialect().container;
  for (;;) {
    std::string candidate =
        container.empty() ? std::string(name) : std::string(container) + "." + std::string(name);
    if (environment_.FindVariable(candidate) >= 0) return Variable(candidate);
    if (std::find(std::begin(kTypeNames), std::end(kTypeNames), candidate) !=
            std::end(kTypeNames) &&
        type_names_ == TypeNames::kDefined) {
      return Constant(Value::Type(Keep(candidate)));
    }
    if (container.empty()) return std::nullopt;
    std::size_t dot = container.rfind('.');
    container = dot == std::string_view::npos ? std::string_view() : container.substr(0, dot);
  }
}

std::uint32_t Planner::Variable(std::string_view name) {
  auto found = std::find(code_.variables.begin(), code_.variables.end(), name);
  auto slot = static_cast<std::uint32_t>(found - code_.variables.begin());
  if (found == code_.variables.end()) {
    code_.variables.emplace_back(name);
  }
  return Add({.op = Op::kVariable, .a = slot});
}

// ---- Nodes -----------------------------------------------------------------------------------

std::uint32_t Planner::Constant(const Value& value) {
  code_.values.push_back(value);
  return Add({.op = Op::kConstant, .a = static_cast<std::uint32_t>(code_.values.size() - 1)});
}

std::uint32_t Planner::Add(Node node) {
  code_.nodes.push_back(node);
  return static_cast<std::uint32_t>(code_.nodes.size() - 1);
}

std::uint32_t Planner::AddNode(Node node, const std::vector<std::uint32_t>& operands) {
  node.first = static_cast<std::uint32_t>(code_.operands.size());
  node.count = static_cast<std::uint32_t>(operands.size());
  code_.operands.insert(code_.operands.end(), operands.begin(), operands.end());
  return Add(node);
}

std::uint32_t Planner::AddWithOperands(Node node, const std::vector<std::uint32_t>& operands) {
  return Fold(AddNode(node, operands));
}

std::uint32_t Planner::AddStep(std::string_view field) {
  std::string text(field);
  if (field.find("__") != std::string_view::npos) {
    if (const std::string name = UnescapeProperty(field); name != field) text += name;
  }
  code_.steps.emplace_back(Keep(text), field.size());
  return static_cast<std::uint32_t>(code_.steps.size() - 1);
}

// Replaces a node by its value if all its operands are constant.
std::uint32_t Planner::Fold(std::uint32_t index) {
  const Node& node = code_.nodes[index];
  for (std::size_t i = 0; i < node.count && node.op != Op::kPath; ++i) {
    if (!IsConstant(code_.operands[node.first + i] & ~kOptionalBit)) return index;
  }
  switch (node.op) {
    case Op::kCall:
      // Its size is its argument's value.
      if (code_.calls[node.a].function() == "lists.range") return index;
      break;
    case Op::kPath:
    case Op::kHas:
    case Op::kOptSelect:
    case Op::kNot:
    case Op::kNegate:
    case Op::kNotStrictlyFalse:
      if (!IsConstant(node.a)) return index;
      break;
    case Op::kConditional:
      if (!IsConstant(node.a) || !IsConstant(node.b) || !IsConstant(node.c)) return index;
      break;
    case Op::kAnd:
    case Op::kOr:
    case Op::kConcat:
    case Op::kList:
    case Op::kMap:
      break;
    default:
      if (!IsConstant(node.a) || !IsConstant(node.b)) return index;
  }
  Context context(code_.constants, kFoldBudget);
  Value value = internal::Run(code_, context, nullptr, nullptr, index);
  if (context.budget() < 0) return index;
  code_.values.push_back(value);
  code_.nodes[index] = {.op = Op::kConstant,
                        .a = static_cast<std::uint32_t>(code_.values.size() - 1)};
  return index;
}

std::uint32_t Planner::NewLocal(std::string_view name) {
  scope_.push_back({name, code_.local_count});
  return code_.local_count++;
}

}  // namespace

Result<std::shared_ptr<const Program>> Plan(Ast ast, const Environment& environment,
                                            TypeNames type_names) {
  auto code = std::make_unique<Code>();
  auto root = Planner(*code, ast.checked, environment, type_names).Plan(*ast.root);
  if (!root) return std::unexpected(root.error());
  code->root = *root;
  code->type = TypeArena(code->constants).Copy(ast.root->type);
  code->nodes.shrink_to_fit();
  code->operands.shrink_to_fit();
  code->steps.shrink_to_fit();
  code->calls.shrink_to_fit();
  code->loops.shrink_to_fit();
  code->variables.shrink_to_fit();
  code->values.shrink_to_fit();
  return std::make_shared<const Program>(std::move(code));
}

}  // namespace kro::cel
