#include "cel/macros.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kro::cel {
namespace {

constexpr std::string_view kResult = "@result";

// Expands one call. Every node that it makes stands at the '(' of the call.
class Expander {
 public:
  Expander(ExprBuilder& builder, const MacroCall& call) : builder_(builder), call_(call) {}

  Expr* Has();
  Expr* All(bool two);
  Expr* Exists(bool two);
  Expr* ExistsOne(bool two);
  Expr* Map();
  Expr* Filter();
  Expr* TransformList();
  Expr* TransformMap();
  Expr* TransformMapEntry();
  Expr* SortBy();
  Expr* Bind();
  Expr* OptMap(bool flat);
  Expr* NewCondition();
  Expr* Block();
  Expr* BlockName(std::string_view prefix);

 private:
  Expr* Fail(const Expr* where, std::string message);
  bool OneVariable();
  bool TwoVariables();
  bool CheckVariables(std::size_t count, std::string_view problem);
  Expr* Fold(std::string_view macro, Expr* range, Expr* init, Expr* condition, Expr* step,
             Expr* result);
  Expr* Let(std::string_view name, Expr* init, Expr* body);
  Expr* Keep(Expr* filter, Expr* step) {
    return filter ? Call(op::kConditional, {filter, step, Accu()}) : step;
  }

  template <typename Node>
  Expr* New(Node node) {
    return builder_.New(call_.offset, call_.span, node);
  }
  Expr* Call(std::string_view function, std::initializer_list<Expr*> args, Expr* target = nullptr) {
    return builder_.NewCall(call_.offset, call_.span, function, args, target);
  }
  Expr* Constant(Value value) { return New(Literal{value}); }
  Expr* Name(std::string_view name) { return New(Ident{name}); }
  Expr* Accu() { return Name(kResult); }
  Expr* ListOf1(Expr* element);
  Expr* arg(std::size_t i) const { return call_.args[i]; }

  ExprBuilder& builder_;
  const MacroCall& call_;
  std::string_view var_;
  std::string_view var2_;
};

bool IsName(const Expr* expr) {
  const Ident* ident = expr->If<Ident>();
  return ident && !ident->absolute;
}

bool IsNamed(const Expr* expr, std::string_view name) {
  return IsName(expr) && expr->As<Ident>().name == name;
}

}  // namespace

Expr* ExprBuilder::NewCall(std::uint32_t offset, Span span, std::string_view function,
                           std::initializer_list<Expr*> args, Expr* target) {
  std::span<Expr*> copy = arena_.NewArray<Expr*>(args.size());
  std::copy(args.begin(), args.end(), copy.begin());
  return New(offset, span, Call{function, target, copy});
}

void ExprBuilder::Report(const Expr* where, std::string message) {
  issues_.push_back({.span = Span{where->offset, std::max(where->offset, where->span.end)},
                     .message = std::move(message),
                     .code = "KRO401"});
}

Expr* ExpandMacro(ExprBuilder& builder, const Dialect& dialect, const MacroCall& call) {
  std::string_view name = call.function;
  std::size_t count = call.args.size();
  Expander expand(builder, call);
  if (!call.target) {
    return name == "has" && count == 1 ? expand.Has() : nullptr;
  }
  bool two = dialect.two_variable_macros;
  switch (name[0]) {
    case 'a':
      if (name == "all" && count == 2) return expand.All(false);
      if (name == "all" && count == 3 && two) return expand.All(true);
      if (name == "accuVar" && count == 2 && dialect.blocks && IsNamed(call.target, "cel")) {
        return expand.BlockName("@ac:");
      }
      break;
    case 'b':
      if (name == "bind" && count == 3 && dialect.bindings && IsNamed(call.target, "cel")) {
        return expand.Bind();
      }
      if (name == "block" && count == 2 && dialect.blocks && IsNamed(call.target, "cel")) {
        return expand.Block();
      }
      break;
    case 'i':
      if (!dialect.blocks || !IsNamed(call.target, "cel")) break;
      if (name == "index" && count == 1) return expand.BlockName("@index");
      if (name == "iterVar" && count == 2) return expand.BlockName("@it:");
      break;
    case 'e':
      if (name == "exists" && count == 2) return expand.Exists(false);
      if (name == "exists" && count == 3 && two) return expand.Exists(true);
      if (name == "exists_one" && count == 2) return expand.ExistsOne(false);
      if ((name == "exists_one" || name == "existsOne") && count == 3 && two) {
        return expand.ExistsOne(true);
      }
      break;
    case 'f':
      if (name == "filter" && count == 2) return expand.Filter();
      break;
    case 'm':
      if (name == "map" && (count == 2 || count == 3)) return expand.Map();
      break;
    case 'n':
      if (name == "newCondition" && count == 1 && dialect.conditions &&
          IsNamed(call.target, "runtime")) {
        return expand.NewCondition();
      }
      break;
    case 'o':
      if (name == "optMap" && count == 2 && dialect.optional_syntax) return expand.OptMap(false);
      if (name == "optFlatMap" && count == 2 && dialect.optional_syntax) return expand.OptMap(true);
      break;
    case 's':
      if (name == "sortBy" && count == 2 && dialect.sort_by) return expand.SortBy();
      break;
    case 't':
      if (!two || (count != 3 && count != 4)) break;
      if (name == "transformList") return expand.TransformList();
      if (name == "transformMap") return expand.TransformMap();
      if (name == "transformMapEntry") return expand.TransformMapEntry();
      break;
    default: break;
  }
  return nullptr;
}

const Library& MacroFunctions() {
  static const Library& library = *new Library{
      .name = "macros",
      .doc = "What macros expand to.",
      .overloads = {{.function = "cel.@mapInsert",
                     .id = "@mapInsert_map_key_value",
                     .params = {MapOf(K(), V()), K(), V()},
                     .result = MapOf(K(), V()),
                     .doc = "The map with one entry more."},
                    {.function = "cel.@mapInsert",
                     .id = "@mapInsert_map_map",
                     .params = {MapOf(K(), V()), MapOf(K(), V())},
                     .result = MapOf(K(), V()),
                     .doc = "The map with the entries of another."},
                    {.function = std::string(kBlockFunction),
                     .id = "cel_block_list",
                     .params = {ListOf(Dyn()), T()},
                     .result = T(),
                     .doc = "The body, in which the elements of the list have names."}}};
  return library;
}

namespace {

Expr* Expander::Fail(const Expr* where, std::string message) {
  builder_.Report(where, std::move(message));
  return Constant(Value::Null());
}

Expr* Expander::Has() {
  const Select* select = arg(0)->If<Select>();
  if (!select || select->test_only) return Fail(arg(0), "invalid argument to has() macro");
  Select test = *select;
  test.test_only = true;
  return New(test);
}

bool Expander::CheckVariables(std::size_t count, std::string_view problem) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!IsName(arg(i))) {
      Fail(arg(i), std::string(problem));
      return false;
    }
    std::string_view name = arg(i)->As<Ident>().name;
    if (name == kResult || name == "__result__") {
      Fail(arg(i), "iteration variable overwrites accumulator variable");
      return false;
    }
    if (i > 0 && name == var_) {
      Fail(arg(i), fmt::format("duplicate variable name: {}", name));
      return false;
    }
    (i == 0 ? var_ : var2_) = name;
  }
  return true;
}

bool Expander::OneVariable() { return CheckVariables(1, "argument is not an identifier"); }
bool Expander::TwoVariables() { return CheckVariables(2, "argument must be a simple name"); }

Expr* Expander::Fold(std::string_view macro, Expr* range, Expr* init, Expr* condition, Expr* step,
                     Expr* result) {
  return New(Comprehension{.var = var_,
                           .var2 = var2_,
                           .accu_var = kResult,
                           .range = range,
                           .init = init,
                           .condition = condition,
                           .step = step,
                           .result = result,
                           .macro = macro});
}

Expr* Expander::All(bool two) {
  // The two-variable forms and `all` and `exists` share a wording.
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name")) return Constant(Value::Null());
  Expr* init = Constant(Value::Bool(true));
  Expr* condition = Call(op::kNotStrictlyFalse, {Accu()});
  Expr* step = Call(op::kAnd, {Accu(), arg(two ? 2 : 1)});
  return Fold("all", call_.target, init, condition, step, Accu());
}

Expr* Expander::Exists(bool two) {
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name")) return Constant(Value::Null());
  Expr* init = Constant(Value::Bool(false));
  Expr* condition = Call(op::kNotStrictlyFalse, {Call(op::kNot, {Accu()})});
  Expr* step = Call(op::kOr, {Accu(), arg(two ? 2 : 1)});
  return Fold("exists", call_.target, init, condition, step, Accu());
}

Expr* Expander::ExistsOne(bool two) {
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name")) return Constant(Value::Null());
  Expr* init = Constant(Value::Int(0));
  Expr* add = Call(op::kAdd, {Accu(), Constant(Value::Int(1))});
  Expr* step = Keep(arg(two ? 2 : 1), add);
  Expr* result = Call(op::kEquals, {Accu(), Constant(Value::Int(1))});
  return Fold("exists_one", call_.target, init, Constant(Value::Bool(true)), step, result);
}

Expr* Expander::ListOf1(Expr* element) {
  std::span<ListElement> elements = builder_.arena().NewArray<ListElement>(1);
  elements[0].value = element;
  return New(List{elements});
}

Expr* Expander::Map() {
  if (!OneVariable()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 3;
  Expr* add = Call(op::kAdd, {Accu(), ListOf1(arg(filtered ? 2 : 1))});
  Expr* step = Keep(filtered ? arg(1) : nullptr, add);
  return Fold("map", call_.target, New(List{}), Constant(Value::Bool(true)), step, Accu());
}

Expr* Expander::Filter() {
  if (!OneVariable()) return Constant(Value::Null());
  Expr* step = Keep(arg(1), Call(op::kAdd, {Accu(), ListOf1(arg(0))}));
  return Fold("filter", call_.target, New(List{}), Constant(Value::Bool(true)), step, Accu());
}

Expr* Expander::TransformList() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* add = Call(op::kAdd, {Accu(), ListOf1(arg(filtered ? 3 : 2))});
  Expr* step = Keep(filtered ? arg(2) : nullptr, add);
  return Fold("transformList", call_.target, New(List{}), Constant(Value::Bool(true)), step, Accu());
}

Expr* Expander::TransformMap() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* insert = Call("cel.@mapInsert", {Accu(), Name(var_), arg(filtered ? 3 : 2)});
  Expr* step = Keep(filtered ? arg(2) : nullptr, insert);
  return Fold("transformMap", call_.target, New(MapLiteral{}), Constant(Value::Bool(true)), step,
              Accu());
}

Expr* Expander::TransformMapEntry() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* insert = Call("cel.@mapInsert", {Accu(), arg(filtered ? 3 : 2)});
  Expr* step = Keep(filtered ? arg(2) : nullptr, insert);
  return Fold("transformMapEntry", call_.target, New(MapLiteral{}), Constant(Value::Bool(true)),
              step, Accu());
}

// Evaluates `init` when `body` first asks for `name`: a fold over nothing whose accumulator is the
// variable.
Expr* Expander::Let(std::string_view name, Expr* init, Expr* body) {
  return New(Comprehension{.var = "#unused",
                           .var2 = {},
                           .accu_var = name,
                           .range = New(List{}),
                           .init = init,
                           .condition = Constant(Value::Bool(false)),
                           .step = Name(name),
                           .result = body,
                           .macro = "bind"});
}

Expr* Expander::SortBy() {
  constexpr std::string_view kInput = "@__sortBy_input__";
  Expr* target = call_.target;
  if (target->kind() == ExprKind::kLiteral || target->kind() == ExprKind::kMap ||
      target->kind() == ExprKind::kStruct) {
    return Fail(target,
                "sortBy can only be applied to a list, identifier, comprehension, call or select "
                "expression");
  }
  if (!OneVariable()) return Constant(Value::Null());
  Expr* add = Call(op::kAdd, {Accu(), ListOf1(arg(1))});
  Expr* keys =
      Fold("map", Name(kInput), New(List{}), Constant(Value::Bool(true)), add, Accu());
  return Let(kInput, target, Call("@sortByAssociatedKeys", {keys}, Name(kInput)));
}

Expr* Expander::Bind() {
  if (!IsName(arg(0))) return Fail(arg(0), "cel.bind() variable names must be simple identifiers");
  return Let(arg(0)->As<Ident>().name, arg(1), arg(2));
}

Expr* Expander::OptMap(bool flat) {
  constexpr std::string_view kTarget = "@target";
  if (!IsName(arg(0))) {
    return Fail(arg(0), fmt::format("{}() variable name must be a simple identifier",
                                    call_.function));
  }
  std::string_view name = arg(0)->As<Ident>().name;
  bool simple = call_.target->kind() == ExprKind::kIdent;
  auto target = [&] {
    if (!simple) return Name(kTarget);
    return New(call_.target->As<Ident>());
  };
  Expr* body = Let(name, Call("value", {}, target()), arg(1));
  if (!flat) body = Call("optional.of", {body});
  Expr* result = Call(op::kConditional,
                      {Call("hasValue", {}, target()), body, Call("optional.none", {})});
  return simple ? result : Let(kTarget, call_.target, result);
}

Expr* Expander::NewCondition() {
  constexpr std::array<std::string_view, 4> kKeys = {"type", "status", "reason", "message"};
  auto fail = [&](const Expr* where, std::string text) {
    return Fail(where, "runtime.newCondition: " + std::move(text));
  };
  if (arg(0)->kind() != ExprKind::kMap) return fail(arg(0), "argument must be a map literal");
  std::array<bool, 4> seen = {};
  std::span<MapEntry> entries = arg(0)->As<MapLiteral>().entries;
  for (MapEntry& entry : entries) {
    if (!IsName(entry.key)) {
      return fail(entry.key,
                  "keys must be bare identifiers (type, status, reason, message); quoted or computed "
                  "keys are not allowed");
    }
    std::string_view key = entry.key->As<Ident>().name;
    auto known = std::find(kKeys.begin(), kKeys.end(), key);
    if (known == kKeys.end()) {
      return fail(entry.key,
                  fmt::format("unknown key \"{}\" (allowed: type, status, reason, message)", key));
    }
    bool& used = seen[static_cast<std::size_t>(known - kKeys.begin())];
    if (used) return fail(entry.key, fmt::format("duplicate key \"{}\"", key));
    used = true;
    entry.key->node = Literal{Value::String(key)};
    entry.optional = false;
  }
  if (!seen[0]) return fail(arg(0), "'type' is required");
  if (!seen[1]) return fail(arg(0), "'status' is required");
  return Call("newCondition", {arg(0)}, call_.target);
}

Expr* Expander::Block() {
  const List* list = arg(0)->If<List>();
  if (!list) return Fail(arg(0), "cel.block requires the first arg to be a list literal");
  for (const ListElement& element : list->elements) {
    if (element.optional) return Fail(element.value, "cel.block elements must not be optional");
  }
  return Call(kBlockFunction, {arg(0), arg(1)});
}

// A hidden name out of numbers: cel.index(3) is `@index3`, cel.iterVar(0, 1) is `@it:0:1`.
Expr* Expander::BlockName(std::string_view prefix) {
  std::string name(prefix);
  for (std::size_t i = 0; i < call_.args.size(); ++i) {
    const Literal* number = arg(i)->If<Literal>();
    if (!number || !number->value.Is(Kind::kInt) || number->value.AsInt() < 0) {
      return Fail(arg(i), fmt::format("cel.{} takes non-negative int literals", call_.function));
    }
    name += fmt::format("{}{}", i > 0 ? ":" : "", number->value.AsInt());
  }
  return Name(builder_.arena().Copy(name));
}

}  // namespace
}  // namespace kro::cel
