#include "cel/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "cel/format_check.h"
#include "cel/macros.h"
#include "cel/messages.h"
#include "cel/source.h"

namespace kro::cel {
namespace {

// What the variables of inference stand for.
//
// A trial (does this overload accept these arguments?) may bind variables and then fail; `Undo`
// takes the bindings back. Example: list(_1) accepts list(int) binds _1 to int; then the second
// argument does not fit, and _1 must be free for the next overload.
class Unifier {
 public:
  explicit Unifier(TypeArena& types) : types_(types) {}

  Type Fresh() {
    bindings_.push_back(nullptr);
    return types_.Variable(static_cast<std::uint32_t>(bindings_.size()));
  }

  // Whether `to` accepts `from`; keeps the bindings if so, else takes them back.
  bool Accept(Type to, Type from);
  bool AcceptAll(std::span<const Type> to, std::span<const Type> from);

  // `type` with what is bound put in; variables left over stay, or become dyn.
  enum class Unbound { kKeep, kDyn };
  Type Resolve(Type type, Unbound unbound);

 private:
  struct Change {
    std::uint32_t variable;
    const Type::Node* before;
  };

  bool Assign(Type from, Type to);
  bool AssignAll(std::span<const Type> from, std::span<const Type> to);
  enum class Substitution { kValid, kRefused, kFree };
  Substitution Substitute(Type type, Type variable);
  bool OccursNot(Type variable, Type within) const;
  const Type::Node* Find(Type type) const {
    return type.Is(TypeKind::kParam) && type.node()->number ? bindings_[type.node()->number - 1]
                                                            : nullptr;
  }
  void Bind(Type variable, Type type) {
    std::uint32_t index = variable.node()->number - 1;
    changes_.push_back({index, bindings_[index]});
    bindings_[index] = type.node();
  }
  void Undo(std::size_t mark);

  TypeArena& types_;
  std::vector<const Type::Node*> bindings_;
  std::vector<Change> changes_;
};

bool IsWild(Type type) { return type.IsDyn() || type.Is(TypeKind::kAny) || type.IsError(); }
bool IsLessOrEquallySpecific(Type a, Type b);
Type MostGeneral(Type a, Type b) { return IsLessOrEquallySpecific(a, b) ? a : b; }
bool HasParams(Type type);
bool IsMixedComparison(const Overload& overload);
std::optional<Type> TypeIdentifier(std::string_view name);
std::optional<std::string> QualifiedName(const Expr* expr);

class Checker {
 public:
  Checker(const Environment& environment, Ast& ast, std::size_t hints, Issues& issues)
      : environment_(environment),
        ast_(ast),
        hints_left_(hints),
        issues_(issues),
        types_(*ast.arena),
        unifier_(types_),
        mixed_comparisons_(environment.dialect().mixed_comparisons) {}

  void Run();

 private:
  void Check(Expr* expr);
  void CheckLiteral(Expr* expr);
  void CheckIdent(Expr* expr);
  void CheckSelect(Expr* expr);
  void CheckOptSelect(Expr* expr);
  Type FieldType(Expr* at, Expr* operand, std::string_view field, bool optional, Select* select);
  void CheckCall(Expr* expr);
  bool CheckNamespacedCall(Expr* expr);
  void Resolve(Expr* expr, const Function& function);
  Type Instantiate(const Overload& overload, std::vector<Type>& params);
  Type Rename(Type type, std::vector<std::pair<std::string_view, Type>>& renamed);
  void CheckLogical(Expr* expr);
  void CheckConditional(Expr* expr);
  void CheckList(Expr* expr);
  void CheckMap(Expr* expr);
  void CheckComprehension(Expr* expr);
  void CheckStruct(Expr* expr);
  void CheckDynamicMessage(Expr* expr);
  void CheckBlock(Expr* expr);
  bool CheckFieldNames(Expr* expr, std::initializer_list<std::string_view> names);
  Type Element(Expr* element, bool optional);
  Type Join(std::optional<Type> previous, Type current);
  void Expect(Expr* expr, Type type);
  void Finish(Expr* expr);

  bool LookUpVariable(Expr* expr, std::string_view name, bool absolute);
  const Function* LookUpFunction(std::string_view name, std::string& full) const;
  template <typename Try>
  bool EachCandidate(std::string_view name, Try&& attempt) const;

  Type Bound(Type type) { return unifier_.Resolve(type, Unifier::Unbound::kKeep); }
  Type Shown(Type type) { return unifier_.Resolve(type, Unifier::Unbound::kDyn); }
  // "did you mean 'name'?", or nothing.
  template <typename Candidates>
  std::string Suggestion(std::string_view name, Candidates&& candidates);
  void Report(const Expr* at, Issue issue);
  void Undeclared(Expr* expr, std::string_view name, bool function);
  void NoOverload(Expr* expr, std::string_view function, std::span<const Type> args, bool member);
  void Mismatch(const Expr* at, Type expected, Type found);

  struct Local {
    std::string_view name;
    Type type;
  };

  const Environment& environment_;
  Ast& ast_;
  std::size_t hints_left_;
  Issues& issues_;
  TypeArena types_;
  Unifier unifier_;
  std::vector<Local> locals_;
  // Set inside the first comprehension and for the rest of the walk, as upstream has it (spec 2.3).
  bool mixed_comparisons_;
};

}  // namespace

std::expected<void, Diagnostics> Check(const Environment& environment, Ast& ast,
                                       std::size_t hints) {
  Issues issues;
  Checker(environment, ast, hints, issues).Run();
  if (issues.empty()) CheckFormats(ast, issues);
  if (!issues.empty()) return std::unexpected(ToDiagnostics(ast.source, std::move(issues)));
  ast.checked = true;
  return {};
}

namespace {

void Checker::Run() {
  Check(ast_.root);
  Finish(ast_.root);
}

void Checker::Check(Expr* expr) {
  switch (expr->kind()) {
    case ExprKind::kLiteral:
      return CheckLiteral(expr);
    case ExprKind::kIdent:
      return CheckIdent(expr);
    case ExprKind::kSelect:
      return CheckSelect(expr);
    case ExprKind::kCall:
      return CheckCall(expr);
    case ExprKind::kList:
      return CheckList(expr);
    case ExprKind::kMap:
      return CheckMap(expr);
    case ExprKind::kComprehension:
      return CheckComprehension(expr);
    case ExprKind::kStruct:
      return CheckStruct(expr);
  }
}

void Checker::CheckLiteral(Expr* expr) {
  switch (expr->As<Literal>().value.kind()) {
    case Kind::kBool:
      expr->type = Bool();
      return;
    case Kind::kInt:
      expr->type = Int();
      return;
    case Kind::kUint:
      expr->type = Uint();
      return;
    case Kind::kDouble:
      expr->type = Double();
      return;
    case Kind::kString:
      expr->type = String();
      return;
    case Kind::kBytes:
      expr->type = Bytes();
      return;
    default:
      expr->type = Null();
      return;
  }
}

void Checker::CheckIdent(Expr* expr) {
  Ident ident = expr->As<Ident>();
  if (!ident.absolute) {
    for (auto local = locals_.rbegin(); local != locals_.rend(); ++local) {
      if (local->name == ident.name) {
        expr->type = local->type;
        return;
      }
    }
  }
  if (LookUpVariable(expr, ident.name, ident.absolute)) return;
  Undeclared(expr, ident.name, false);
  expr->type = ErrorType();
}

// Finds the environment's variable or the type called `name` and turns `expr` into it.
bool Checker::LookUpVariable(Expr* expr, std::string_view name, bool absolute) {
  auto attempt = [&](std::string_view candidate) {
    if (std::int32_t slot = environment_.FindVariable(candidate); slot >= 0) {
      const Variable& variable = environment_.variable(slot);
      expr->type = variable.type;
      expr->node = Ident{.name = variable.name, .absolute = absolute, .slot = slot};
      return true;
    }
    if (environment_.dialect().well_known_messages) {
      if (auto number = FindEnumValue(candidate)) {
        expr->type = Int();
        expr->node = Literal{Value::Int(*number)};
        return true;
      }
    }
    if (!environment_.dialect().type_identifiers) return false;
    if (auto type = TypeIdentifier(candidate)) {
      expr->type = types_.TypeOf(*type);
      expr->node = Literal{Value::Type(type->name())};
      return true;
    }
    return false;
  };
  return absolute ? attempt(name) : EachCandidate(name, attempt);
}

// Tries `name` in the container, in the container's parents and alone.
template <typename Try>
bool Checker::EachCandidate(std::string_view name, Try&& attempt) const {
  std::string_view container = environment_.dialect().container;
  while (!container.empty()) {
    if (attempt(fmt::format("{}.{}", container, name))) return true;
    std::size_t dot = container.rfind('.');
    container = dot == std::string_view::npos ? std::string_view() : container.substr(0, dot);
  }
  return attempt(name);
}

const Function* Checker::LookUpFunction(std::string_view name, std::string& full) const {
  const Function* found = nullptr;
  auto attempt = [&](std::string_view candidate) {
    found = environment_.FindFunction(candidate);
    if (found) full = candidate;
    return found != nullptr;
  };
  if (name.starts_with('.')) {
    attempt(name.substr(1));
  } else {
    EachCandidate(name, attempt);
  }
  return found;
}

void Checker::CheckSelect(Expr* expr) {
  Select* select = &expr->As<Select>();
  // `a.b` may be a variable's whole name, unless `a` is a comprehension's.
  if (!select->test_only && !select->quoted) {
    if (auto name = QualifiedName(expr)) {
      bool absolute = name->starts_with('.');
      std::string_view text = absolute ? std::string_view(*name).substr(1) : *name;
      std::string_view first = text.substr(0, text.find('.'));
      bool local = !absolute && std::any_of(locals_.begin(), locals_.end(),
                                            [&](const Local& l) { return l.name == first; });
      if (!local && LookUpVariable(expr, text, absolute)) return;
    }
  }
  Type type = FieldType(expr, select->operand, select->field, false, select);
  expr->type = select->test_only ? Bool() : type;
}

void Checker::CheckOptSelect(Expr* expr) {
  Call& call = expr->As<Call>();
  Check(call.args[1]);
  expr->type =
      FieldType(expr, call.args[0], call.args[1]->As<Literal>().value.AsString(), true, nullptr);
}

Type Checker::FieldType(Expr* at, Expr* operand, std::string_view field, bool optional,
                        Select* select) {
  Check(operand);
  Type type = Bound(operand->type);
  bool lifted = type.Is(TypeKind::kOptional);
  if (lifted) type = Bound(type.element());
  Type result = ErrorType();
  switch (type.kind()) {
    case TypeKind::kMap:
      result = type.element();
      break;
    case TypeKind::kObject: {
      const ObjectSchema* schema = type.schema();
      if (!schema) {
        Report(at, {.message = fmt::format("unexpected failed resolution of '{}'", type.name()),
                    .code = "KRO403",
                    .author = fmt::format("{} has no fields", type.name())});
        break;
      }
      auto found = schema->FindField(field);
      if (!found) {
        Report(at, {.message = fmt::format("undefined field '{}'", field),
                    .code = "KRO403",
                    .hint = Suggestion(field, [&] { return schema->FieldNamesLike(field); })});
        break;
      }
      result = found->type;
      if (select) {
        select->key = found->key;
        select->slot = found->slot;
      }
      break;
    }
    case TypeKind::kParam:
      unifier_.Accept(type, Dyn());
      result = Dyn();
      break;
    default:
      if (!IsWild(type)) {
        Report(at, {.message = fmt::format("type '{}' does not support field selection",
                                           Shown(type).ToMessage()),
                    .code = "KRO403",
                    .found = Shown(type).ToAuthor()});
      } else {
        result = Dyn();
      }
      break;
  }
  if ((lifted || optional) && !result.Is(TypeKind::kOptional)) return types_.OptionalOf(result);
  return result;
}

void Checker::CheckCall(Expr* expr) {
  Call& call = expr->As<Call>();
  if (call.function == op::kOptSelect) return CheckOptSelect(expr);
  if (call.function == kBlockFunction && !call.target) return CheckBlock(expr);
  for (Expr* arg : call.args) Check(arg);
  if (!call.target && call.function[0] == '_') {
    if (call.function == op::kAnd || call.function == op::kOr) return CheckLogical(expr);
    if (call.function == op::kConditional) return CheckConditional(expr);
  }
  if (!call.target && call.function == op::kNotStrictlyFalse) {
    Expect(call.args[0], Bool());
    expr->type = Bool();
    return;
  }
  if (call.target) {
    if (CheckNamespacedCall(expr)) return;
    Check(call.target);
    if (const Function* function = environment_.FindFunction(call.function)) {
      return Resolve(expr, *function);
    }
  } else {
    std::string full;
    if (const Function* function = LookUpFunction(call.function, full)) {
      call.function = function->name;
      return Resolve(expr, *function);
    }
  }
  Undeclared(expr, call.function, true);
  expr->type = ErrorType();
}

// `a.b.f(x)` where a.b.f is a function.
bool Checker::CheckNamespacedCall(Expr* expr) {
  Call& call = expr->As<Call>();
  auto prefix = QualifiedName(call.target);
  if (!prefix) return false;
  std::string full;
  const Function* function = LookUpFunction(fmt::format("{}.{}", *prefix, call.function), full);
  if (!function) return false;
  call.function = function->name;
  call.target = nullptr;
  Resolve(expr, *function);
  return true;
}

// Keeps the overloads that accept the arguments. Their common result is the call's type, or dyn if
// they differ.
void Checker::Resolve(Expr* expr, const Function& function) {
  Call& call = expr->As<Call>();
  std::vector<Type> args;
  args.reserve(call.args.size() + 1);
  if (call.target) args.push_back(call.target->type);
  for (Expr* arg : call.args) args.push_back(arg->type);

  std::vector<const Overload*> accepted;
  std::optional<Type> result;
  std::vector<Type> params;
  for (const Overload* overload : function.overloads) {
    if ((overload->style == Style::kReceiver) != (call.target != nullptr)) continue;
    if (overload->params.size() != args.size()) continue;
    if (!mixed_comparisons_ && IsMixedComparison(*overload)) continue;
    Type returned = Instantiate(*overload, params);
    if (!unifier_.AcceptAll(params, args)) continue;
    accepted.push_back(overload);
    returned = Bound(returned);
    if (!result) {
      result = returned;
    } else if (!result->IsDyn() && !(*result == returned)) {
      result = Dyn();
    }
  }
  if (!result) {
    NoOverload(expr, call.function, args, call.target != nullptr);
    expr->type = ErrorType();
    return;
  }
  std::span<const Overload*> kept = ast_.arena->NewArray<const Overload*>(accepted.size());
  std::copy(accepted.begin(), accepted.end(), kept.begin());
  call.overloads = kept;
  expr->type = *result;
}

// The overload's types with fresh variables for its parameters; the result is returned.
Type Checker::Instantiate(const Overload& overload, std::vector<Type>& params) {
  params.clear();
  std::vector<std::pair<std::string_view, Type>> renamed;
  for (Type param : overload.params)
    params.push_back(HasParams(param) ? Rename(param, renamed) : param);
  return HasParams(overload.result) ? Rename(overload.result, renamed) : overload.result;
}

Type Checker::Rename(Type type, std::vector<std::pair<std::string_view, Type>>& renamed) {
  if (type.Is(TypeKind::kParam)) {
    for (const auto& [name, variable] : renamed) {
      if (name == type.name()) return variable;
    }
    renamed.emplace_back(type.name(), unifier_.Fresh());
    return renamed.back().second;
  }
  if (!HasParams(type)) return type;
  Type parameters[8];
  std::size_t count = std::min<std::size_t>(type.parameters().size(), 8);
  for (std::size_t i = 0; i < count; ++i) parameters[i] = Rename(type.parameter(i), renamed);
  return types_.With(type, {parameters, count});
}

void Checker::CheckLogical(Expr* expr) {
  expr->type = Bool();
  for (Expr* arg : expr->As<Call>().args) {
    if (unifier_.Accept(Bool(), arg->type)) continue;
    Mismatch(arg, Bool(), arg->type);
    expr->type = ErrorType();
  }
}

// (bool, A, A) => A
void Checker::CheckConditional(Expr* expr) {
  std::span<Expr*> call_args = expr->As<Call>().args;
  Type args[] = {call_args[0]->type, call_args[1]->type, call_args[2]->type};
  Type branch = unifier_.Fresh();
  Type params[] = {Bool(), branch, branch};
  if (unifier_.AcceptAll(params, args)) {
    expr->type = Bound(branch);
    return;
  }
  NoOverload(expr, op::kConditional, args, false);
  expr->type = ErrorType();
}

Type Checker::Element(Expr* element, bool optional) {
  Check(element);
  Type type = element->type;
  if (!optional) return type;
  type = Bound(type);
  if (type.Is(TypeKind::kOptional)) return type.element();
  if (!IsWild(type)) Mismatch(element, types_.OptionalOf(type), type);
  return type;
}

// The type of an aggregate that holds both: the more general one, or dyn.
Type Checker::Join(std::optional<Type> previous, Type current) {
  if (!previous) return current;
  if (environment_.dialect().rules == Rules::kSpecification && Bound(current).Is(TypeKind::kNull) &&
      unifier_.Accept(*previous, current)) {
    return *previous;
  }
  if (!unifier_.Accept(current, *previous)) return Dyn();
  return MostGeneral(*previous, current);
}

void Checker::CheckList(Expr* expr) {
  std::optional<Type> joined;
  for (const ListElement& element : expr->As<List>().elements) {
    joined = Join(joined, Element(element.value, element.optional));
  }
  expr->type = types_.ListOf(joined ? *joined : unifier_.Fresh());
}

void Checker::CheckMap(Expr* expr) {
  std::optional<Type> keys;
  std::optional<Type> values;
  for (const MapEntry& entry : expr->As<MapLiteral>().entries) {
    Check(entry.key);
    keys = Join(keys, entry.key->type);
    values = Join(values, Element(entry.value, entry.optional));
  }
  if (!keys) {
    keys = unifier_.Fresh();
    values = unifier_.Fresh();
  }
  expr->type = types_.MapOf(*keys, *values);
}

void Checker::CheckComprehension(Expr* expr) {
  Comprehension& fold = expr->As<Comprehension>();
  Check(fold.range);
  Check(fold.init);
  Type range = Bound(fold.range->type);
  Type accu = fold.init->type;
  bool two = !fold.var2.empty();
  Type first = Dyn();
  Type second = Dyn();
  switch (range.kind()) {
    case TypeKind::kList:
      first = two ? Int() : range.element();
      second = range.element();
      break;
    case TypeKind::kMap:
      first = range.key();
      second = range.element();
      break;
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kParam:
      unifier_.Accept(range, Dyn());
      break;
    default:
      Report(fold.range, {.message = fmt::format("expression of type '{}' cannot be range of a "
                                                 "comprehension (must be list, map, or dynamic)",
                                                 Shown(range).ToMessage()),
                          .code = "KRO403",
                          .expected = "list, map",
                          .found = Shown(range).ToAuthor()});
      first = second = ErrorType();
      break;
  }
  mixed_comparisons_ = true;
  std::size_t scope = locals_.size();
  locals_.push_back({fold.accu_var, accu});
  locals_.push_back({fold.var, first});
  if (two) locals_.push_back({fold.var2, second});
  Check(fold.condition);
  Expect(fold.condition, Bool());
  Check(fold.step);
  Expect(fold.step, accu);
  locals_.resize(scope + 1);
  Check(fold.result);
  locals_.resize(scope);
  expr->type = Bound(fold.result->type);
}

// A well-known message becomes a call; there are no others.
void Checker::CheckStruct(Expr* expr) {
  Struct message = expr->As<Struct>();
  for (const StructField& field : message.fields) Check(field.value);
  const Message* wrapper = nullptr;
  bool dynamic = false;
  auto attempt = [&](std::string_view name) {
    wrapper = FindMessage(name);
    dynamic = name == kDynamicMessage;
    return wrapper || dynamic;
  };
  const bool absolute = message.type_name.starts_with('.');
  const bool known =
      environment_.dialect().well_known_messages &&
      (absolute ? attempt(message.type_name.substr(1)) : EachCandidate(message.type_name, attempt));
  if (!known) {
    Undeclared(expr, message.type_name, false);
    expr->type = ErrorType();
    return;
  }
  if (dynamic) return CheckDynamicMessage(expr);
  if (!CheckFieldNames(expr, {"value"})) return;
  std::span<Expr*> args = ast_.arena->NewArray<Expr*>(1);
  if (message.fields.empty()) {
    args[0] = ast_.arena->New<Expr>();
    args[0]->id = ast_.node_count++;
    args[0]->offset = expr->offset;
    args[0]->span = expr->span;
    args[0]->node = Literal{wrapper->absent};
    Check(args[0]);
  } else {
    args[0] = message.fields[0].value;
  }
  expr->node = Call{.function = wrapper->function, .args = args};
  Resolve(expr, *environment_.FindFunction(wrapper->function));
}

// google.protobuf.Value{string_value: 'a'} is the string; without a field, or with null_value, it
// is null.
void Checker::CheckDynamicMessage(Expr* expr) {
  std::span<StructField> fields = expr->As<Struct>().fields;
  if (!CheckFieldNames(expr, {"null_value", "bool_value", "number_value", "string_value",
                              "list_value", "struct_value"})) {
    return;
  }
  for (const StructField& field : fields) Expect(field.value, *FieldOfDynamicMessage(field.name));
  expr->type = Dyn();
  if (fields.empty() || fields[0].name == "null_value") {
    expr->node = Literal{Value::Null()};
    return;
  }
  std::span<Expr*> args = ast_.arena->NewArray<Expr*>(1);
  args[0] = fields[0].value;
  expr->node = Call{.function = "dyn", .args = args};
}

// Whether the message has one of the fields, or none.
bool Checker::CheckFieldNames(Expr* expr, std::initializer_list<std::string_view> names) {
  const Struct& message = expr->As<Struct>();
  expr->type = ErrorType();
  for (const StructField& field : message.fields) {
    const bool known = std::find(names.begin(), names.end(), field.name) != names.end();
    if (known && message.fields.size() == 1 && !field.optional) continue;
    Report(expr, {.message = known ? fmt::format("'{}' takes one field", message.type_name)
                                   : fmt::format("undefined field '{}'", field.name),
                  .code = "KRO403"});
    return false;
  }
  return true;
}

// The elements are checked in turn, each with the names of those before it.
void Checker::CheckBlock(Expr* expr) {
  const Call& call = expr->As<Call>();
  const std::size_t scope = locals_.size();
  const List& list = call.args[0]->As<List>();
  for (std::size_t i = 0; i < list.elements.size(); ++i) {
    Check(list.elements[i].value);
    locals_.push_back({ast_.arena->Copy(fmt::format("@index{}", i)), list.elements[i].value->type});
  }
  call.args[0]->type = types_.ListOf(Dyn());
  Check(call.args[1]);
  locals_.resize(scope);
  expr->type = call.args[1]->type;
}

void Checker::Expect(Expr* expr, Type type) {
  if (!unifier_.Accept(type, expr->type)) Mismatch(expr, type, expr->type);
}

// Puts the inferred types into the tree; what nothing determined is dyn.
void Checker::Finish(Expr* expr) {
  expr->type = Shown(expr->type);
  switch (expr->kind()) {
    case ExprKind::kSelect:
      Finish(expr->As<Select>().operand);
      break;
    case ExprKind::kCall:
      if (expr->As<Call>().target) Finish(expr->As<Call>().target);
      for (Expr* arg : expr->As<Call>().args) Finish(arg);
      break;
    case ExprKind::kList:
      for (const ListElement& element : expr->As<List>().elements) Finish(element.value);
      break;
    case ExprKind::kMap:
      for (const MapEntry& entry : expr->As<MapLiteral>().entries) {
        Finish(entry.key);
        Finish(entry.value);
      }
      break;
    case ExprKind::kComprehension: {
      const Comprehension& fold = expr->As<Comprehension>();
      for (Expr* part : {fold.range, fold.init, fold.condition, fold.step, fold.result})
        Finish(part);
      break;
    }
    default:
      break;
  }
}

void Checker::Report(const Expr* at, Issue issue) {
  issue.span = Span{at->offset, std::max(at->offset + 1, at->span.end)};
  issues_.push_back(std::move(issue));
}

template <typename Candidates>
std::string Checker::Suggestion(std::string_view name, Candidates&& candidates) {
  if (hints_left_ == 0) return {};
  --hints_left_;
  const auto near = DidYouMean(name, candidates());
  return near ? fmt::format("did you mean '{}'?", *near) : std::string();
}

void Checker::Undeclared(Expr* expr, std::string_view name, bool function) {
  const auto candidates = [&] {
    if (function) return environment_.FunctionNames();
    std::vector<std::string> names;
    for (const Variable& variable : environment_.variables()) names.push_back(variable.name);
    for (const Local& local : locals_) names.emplace_back(local.name);
    return names;
  };
  bool absolute = expr->If<Ident>() && expr->As<Ident>().absolute;
  Report(expr, {.message = fmt::format("undeclared reference to '{}{}' (in container '{}')",
                                       absolute ? "." : "", name, environment_.dialect().container),
                .code = "KRO402",
                .hint = Suggestion(name, candidates),
                .author = fmt::format("undeclared reference to '{}'", name)});
}

void Checker::NoOverload(Expr* expr, std::string_view function, std::span<const Type> args,
                         bool member) {
  std::string signature;
  std::string found;
  for (std::size_t i = 0; i < args.size(); ++i) {
    Type type = Shown(args[i]);
    if (i > (member ? 1u : 0u)) signature += ", ";
    if (i > 0) found += ", ";
    if (member && i == 1) signature += ".(";
    signature += type.ToMessage();
    found += type.ToAuthor();
  }
  if (member) {
    signature += args.size() == 1 ? ".()" : ")";
  } else {
    signature = "(" + signature + ")";
  }
  Report(expr, {.message = fmt::format("found no matching overload for '{}' applied to '{}'",
                                       function, signature),
                .code = "KRO403",
                .found = found});
}

void Checker::Mismatch(const Expr* at, Type expected, Type found) {
  Type want = Shown(expected);
  Type have = Shown(found);
  Report(at, {.message = fmt::format("expected type '{}' but found '{}'", want.ToMessage(),
                                     have.ToMessage()),
              .code = "KRO403",
              .expected = want.ToAuthor(),
              .found = have.ToAuthor()});
}

bool Unifier::Accept(Type to, Type from) {
  std::size_t mark = changes_.size();
  if (Assign(from, to)) return true;
  Undo(mark);
  return false;
}

bool Unifier::AcceptAll(std::span<const Type> to, std::span<const Type> from) {
  std::size_t mark = changes_.size();
  if (AssignAll(from, to)) return true;
  Undo(mark);
  return false;
}

void Unifier::Undo(std::size_t mark) {
  while (changes_.size() > mark) {
    bindings_[changes_.back().variable] = changes_.back().before;
    changes_.pop_back();
  }
}

bool Unifier::AssignAll(std::span<const Type> from, std::span<const Type> to) {
  if (from.size() != to.size()) return false;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!Assign(from[i], to[i])) return false;
  }
  return true;
}

bool Unifier::Assign(Type from, Type to) {
  if (to.Is(TypeKind::kParam)) {
    switch (Substitute(from, to)) {
      case Substitution::kValid:
        return true;
      case Substitution::kRefused:
        return false;
      case Substitution::kFree:
        break;
    }
  }
  if (from.Is(TypeKind::kParam)) return Substitute(to, from) == Substitution::kValid;
  if (IsWild(from) || IsWild(to)) return true;
  // null stands for any type that may be null, and any of those for null.
  if (to.Is(TypeKind::kNull)) return IsAssignable(from, to);
  if (to.Is(TypeKind::kType) && from.Is(TypeKind::kType)) return true;
  if (from.parameters().empty() || to.parameters().empty()) return IsAssignable(to, from);
  if (from.kind() != to.kind() || from.name() != to.name()) return false;
  return AssignAll(from.parameters(), to.parameters());
}

// Makes `variable` stand for `type` too: kFree if it cannot and stands for nothing else.
Unifier::Substitution Unifier::Substitute(Type type, Type variable) {
  if (type == variable) return Substitution::kValid;
  if (variable.node()->number == 0) return Substitution::kFree;
  if (const Type::Node* bound = Find(variable)) {
    if (!Assign(type, Type(bound))) return Substitution::kRefused;
    Type general = MostGeneral(type, Type(bound));
    if (OccursNot(variable, general)) Bind(variable, general);
    return Substitution::kValid;
  }
  if (!OccursNot(variable, type)) return Substitution::kFree;
  Bind(variable, type);
  return Substitution::kValid;
}

bool Unifier::OccursNot(Type variable, Type within) const {
  if (variable == within) return false;
  if (const Type::Node* bound = Find(within)) return OccursNot(variable, Type(bound));
  for (Type parameter : within.parameters()) {
    if (!OccursNot(variable, parameter)) return false;
  }
  return true;
}

Type Unifier::Resolve(Type type, Unbound unbound) {
  while (const Type::Node* bound = Find(type)) type = Type(bound);
  if (type.Is(TypeKind::kParam)) return unbound == Unbound::kDyn ? Dyn() : type;
  if (!HasParams(type)) return type;
  Type parameters[8];
  std::size_t count = std::min<std::size_t>(type.parameters().size(), 8);
  for (std::size_t i = 0; i < count; ++i) parameters[i] = Resolve(type.parameter(i), unbound);
  return types_.With(type, {parameters, count});
}

bool HasParams(Type type) {
  if (type.Is(TypeKind::kParam)) return true;
  for (Type parameter : type.parameters()) {
    if (HasParams(parameter)) return true;
  }
  return false;
}

bool IsLessOrEquallySpecific(Type a, Type b) {
  if (a.IsDyn() || a.Is(TypeKind::kAny) || a.Is(TypeKind::kParam)) return true;
  if (b.IsDyn() || b.Is(TypeKind::kAny) || b.Is(TypeKind::kParam)) return false;
  if (a.kind() != b.kind() || a.name() != b.name() ||
      a.parameters().size() != b.parameters().size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    if (!IsLessOrEquallySpecific(a.parameter(i), b.parameter(i))) return false;
  }
  return true;
}

bool IsMixedComparison(const Overload& overload) {
  if (overload.function[0] != '_' || (overload.function[1] != '<' && overload.function[1] != '>')) {
    return false;
  }
  return overload.params[0].kind() != overload.params[1].kind();
}

std::optional<Type> TypeIdentifier(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "int") return Int();
      if (name == "map") return MapOf(Dyn(), Dyn());
      break;
    case 4:
      if (name == "bool") return Bool();
      if (name == "uint") return Uint();
      if (name == "list") return ListOf(Any());
      if (name == "type") return TypeOf(Dyn());
      break;
    case 5:
      if (name == "bytes") return Bytes();
      break;
    case 6:
      if (name == "double") return Double();
      if (name == "string") return String();
      if (name == "net.IP") return Abstract("net.IP");
      break;
    case 8:
      if (name == "net.CIDR") return Abstract("net.CIDR");
      break;
    case 9:
      if (name == "null_type") return Null();
      break;
    case 13:
      if (name == "optional_type") return OptionalOf(Dyn());
      break;
    case 24:
      if (name == "google.protobuf.Duration") return Duration();
      break;
    case 25:
      if (name == "google.protobuf.Timestamp") return Time();
      break;
    default:
      break;
  }
  return std::nullopt;
}

// "a.b.c" for a chain of plain selections of an identifier.
std::optional<std::string> QualifiedName(const Expr* expr) {
  if (const Ident* ident = expr->If<Ident>()) {
    return (ident->absolute ? "." : "") + std::string(ident->name);
  }
  const Select* select = expr->If<Select>();
  if (!select || select->test_only || select->quoted) return std::nullopt;
  auto prefix = QualifiedName(select->operand);
  if (!prefix) return std::nullopt;
  *prefix += '.';
  *prefix += select->field;
  return prefix;
}

}  // namespace
}  // namespace kro::cel
