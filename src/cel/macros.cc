#include "cel/macros.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kro::cel {
namespace {

constexpr std::string_view kResult = "@result";

bool IsName(const Expr* expr);
bool IsCalledOn(MacroTarget target, const Expr* receiver);

}  // namespace

// Expands one call. Every node that it makes stands at the '(' of the call.
class MacroExpander {
 public:
  MacroExpander(ExprBuilder& builder, const MacroCall& call) : builder_(builder), call_(call) {}

  // The forms with a filter or an index have an argument more.
  Expr* Has();
  Expr* All();
  Expr* Exists();
  Expr* ExistsOne();
  Expr* Map();
  Expr* Filter();
  Expr* TransformList();
  Expr* TransformMap();
  Expr* TransformMapEntry();
  Expr* SortBy();
  Expr* Bind();
  Expr* OptMap();
  Expr* OptFlatMap();
  Expr* NewCondition();
  Expr* Block();
  Expr* BlockElement() { return BlockName("@index"); }
  Expr* BlockVariable() { return BlockName("@it:"); }
  Expr* BlockResult() { return BlockName("@ac:"); }

 private:
  Expr* Fail(const Expr* where, std::string message);
  // What optMap and optFlatMap make of a value.
  enum class Transformation { kPlain, kOptional };
  Expr* OptionalOf(Transformation transformation);
  Expr* BlockName(std::string_view prefix);
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

std::span<const Macro> Macros() {
  using enum MacroTarget;
  using E = MacroExpander;
  static const auto& macros = *new std::vector<Macro>{
      {"has",
       1,
       kNothing,
       &Dialect::macros,
       "has(e.f)",
       "Whether the field is there. What stands before the last dot must be.",
       {{"has({'a': null}.a)", "true"}, {"has({}.a.b)", "error: no such key: a"}},
       &E::Has},
      {"all",
       2,
       kContainer,
       &Dialect::macros,
       "e.all(x, p)",
       "Whether `p` holds for every element of a list or key of a map; false beside an error.",
       {{"[1, 2].all(x, x > 0)", "true"}, {"[0, 2].all(x, 1 / x > 5)", "false"}},
       &E::All},
      {"all",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.all(i, x, p)",
       "The same with the index or key.",
       {{"[5, 6].all(i, x, x == i + 5)", "true"}},
       &E::All},
      {"exists",
       2,
       kContainer,
       &Dialect::macros,
       "e.exists(x, p)",
       "Whether `p` holds for an element or key; true beside an error.",
       {{"[1, 2].exists(x, x > 1)", "true"}, {"[0, 1].exists(x, 1 / x == 1)", "true"}},
       &E::Exists},
      {"exists",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.exists(i, x, p)",
       "The same with the index or key.",
       {{"{'a': 1}.exists(k, x, k == 'a' && x == 1)", "true"}},
       &E::Exists},
      {"exists_one",
       2,
       kContainer,
       &Dialect::macros,
       "e.exists_one(x, p)",
       "Whether `p` holds for exactly one element or key. All are looked at, so that any error is "
       "one.",
       {{"[1, 2, 2].exists_one(x, x == 2)", "false"},
        {"[0, 1].exists_one(x, 1 / x == 1)", "error: division by zero"}},
       &E::ExistsOne},
      {"exists_one",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.exists_one(i, x, p)",
       "The same with the index or key.",
       {{"[5, 6].exists_one(i, x, i + x == 7)", "true"}},
       &E::ExistsOne},
      {"existsOne",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.existsOne(i, x, p)",
       "Another name of it.",
       {{"[5, 6].existsOne(i, x, x == 6)", "true"}},
       &E::ExistsOne},
      {"filter",
       2,
       kContainer,
       &Dialect::macros,
       "e.filter(x, p)",
       "The list of the elements or keys for which `p` holds.",
       {{"[1, 2, 3].filter(x, x > 1)", "[2, 3]"},
        {"{'a': 1, 'b': 2}.filter(k, k == 'a')", "['a']"}},
       &E::Filter},
      {"map",
       2,
       kContainer,
       &Dialect::macros,
       "e.map(x, t)",
       "The list of `t` for every element or key.",
       {{"[1, 2].map(x, x * 2)", "[2, 4]"}},
       &E::Map},
      {"map",
       3,
       kContainer,
       &Dialect::macros,
       "e.map(x, p, t)",
       "The list of `t` for those for which `p` holds.",
       {{"[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]"}},
       &E::Map},
      {"transformList",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformList(i, x, t)",
       "The list of `t` for every index or key with its value.",
       {{"['a', 'b'].transformList(i, x, string(i) + x)", "['0a', '1b']"}},
       &E::TransformList},
      {"transformList",
       4,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformList(i, x, p, t)",
       "The list of `t` for those for which `p` holds.",
       {{"[1, 2, 3].transformList(i, x, i > 0, x)", "[2, 3]"}},
       &E::TransformList},
      {"transformMap",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformMap(k, x, t)",
       "A map of the same keys to `t`; those of a list are its indices.",
       {{"{'a': 1}.transformMap(k, x, x * 2)", "{'a': 2}"}},
       &E::TransformMap},
      {"transformMap",
       4,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformMap(k, x, p, t)",
       "A map of the keys for which `p` holds.",
       {{"{'a': 1, 'b': 2}.transformMap(k, x, x > 1, x * 10)", "{'b': 20}"}},
       &E::TransformMap},
      {"transformMapEntry",
       3,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformMapEntry(k, x, t)",
       "A map of the entries of the maps `t`; none may come twice.",
       {{"['x', 'y'].transformMapEntry(i, x, {x: i})", "{'x': 0, 'y': 1}"},
        {"['x', 'x'].transformMapEntry(i, x, {x: i})",
         "error: insert failed: key x already exists"}},
       &E::TransformMapEntry},
      {"transformMapEntry",
       4,
       kContainer,
       &Dialect::two_variable_macros,
       "e.transformMapEntry(k, x, p, t)",
       "The same for those for which `p` holds.",
       {{"['x', 'y'].transformMapEntry(i, x, i > 0, {x: i})", "{'y': 1}"}},
       &E::TransformMapEntry},
      {"sortBy",
       2,
       kContainer,
       &Dialect::sort_by,
       "e.sortBy(x, key)",
       "The list in the order of `key`; where that is equal, in its own.",
       {{"['xx', 'y'].sortBy(s, size(s))", "['y', 'xx']"}},
       &E::SortBy},
      {"optMap",
       2,
       kOptional,
       &Dialect::optional_syntax,
       "o.optMap(x, t)",
       "The optional value `t` if there is a value `x`, else none.",
       {{"optional.of(2).optMap(x, x * 2)", "optional.of(4)"},
        {"optional.none().optMap(x, 1)", "optional.none()"}},
       &E::OptMap},
      {"optFlatMap",
       2,
       kOptional,
       &Dialect::optional_syntax,
       "o.optFlatMap(x, t)",
       "The same for a `t` that is optional itself.",
       {{"optional.of([1, 2]).optFlatMap(x, x[?0])", "optional.of(1)"}},
       &E::OptFlatMap},
      {"bind",
       3,
       kCel,
       &Dialect::bindings,
       "cel.bind(x, e, t)",
       "`t` with `x` for the value of `e`. An error in `e` is one where `x` is used.",
       {{"cel.bind(x, 2 + 3, x * x)", "25"}, {"cel.bind(x, 1 / 0, 5)", "5"}},
       &E::Bind},
      {"newCondition",
       1,
       kRuntime,
       &Dialect::conditions,
       "runtime.newCondition({type: t, status: s, reason: r, message: m})",
       "A condition of the instance; type and status are needed, the status is True, False or "
       "Unknown.",
       {{"runtime.newCondition({type: 'Ready', status: 'True'}).status", "'True'"}},
       &E::NewCondition},
      {"block",
       2,
       kCel,
       &Dialect::blocks,
       "cel.block([e, …], t)",
       "`t`, where `cel.index(0)` is the first element of the list; so it is in the second.",
       {{"cel.block([1, cel.index(0) + 1], cel.index(1))", "2"}},
       &E::Block},
      {"index",
       1,
       kCel,
       &Dialect::blocks,
       "cel.index(i)",
       "An element of the block around it.",
       {{"cel.block([3], cel.index(0))", "3"}},
       &E::BlockElement},
      {"iterVar",
       2,
       kCel,
       &Dialect::blocks,
       "cel.iterVar(depth, i)",
       "The name of a comprehension's variable.",
       {{"[1].map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1)", "[2]"}},
       &E::BlockVariable},
      {"accuVar",
       2,
       kCel,
       &Dialect::blocks,
       "cel.accuVar(depth, i)",
       "The name of a comprehension's result.",
       {{"cel.bind(cel.accuVar(0, 0), 1, cel.accuVar(0, 0) + 1)", "2"}},
       &E::BlockResult},
  };
  return macros;
}

Expr* ExpandMacro(ExprBuilder& builder, const Dialect& dialect, const MacroCall& call) {
  for (const Macro& macro : Macros()) {
    if (macro.name != call.function || macro.arguments != call.args.size()) continue;
    if (!(dialect.*macro.needs) || !IsCalledOn(macro.target, call.target)) continue;
    return (MacroExpander(builder, call).*macro.expand)();
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

Expr* MacroExpander::Fail(const Expr* where, std::string message) {
  builder_.Report(where, std::move(message));
  return Constant(Value::Null());
}

Expr* MacroExpander::Has() {
  const Select* select = arg(0)->If<Select>();
  if (!select || select->test_only) return Fail(arg(0), "invalid argument to has() macro");
  Select test = *select;
  test.test_only = true;
  return New(test);
}

bool MacroExpander::CheckVariables(std::size_t count, std::string_view problem) {
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

bool MacroExpander::OneVariable() { return CheckVariables(1, "argument is not an identifier"); }
bool MacroExpander::TwoVariables() { return CheckVariables(2, "argument must be a simple name"); }

Expr* MacroExpander::Fold(std::string_view macro, Expr* range, Expr* init, Expr* condition,
                          Expr* step, Expr* result) {
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

Expr* MacroExpander::All() {
  const bool two = call_.args.size() == 3;
  // The two-variable forms and `all` and `exists` share a wording.
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name"))
    return Constant(Value::Null());
  Expr* init = Constant(Value::Bool(true));
  Expr* condition = Call(op::kNotStrictlyFalse, {Accu()});
  Expr* step = Call(op::kAnd, {Accu(), arg(two ? 2 : 1)});
  return Fold("all", call_.target, init, condition, step, Accu());
}

Expr* MacroExpander::Exists() {
  const bool two = call_.args.size() == 3;
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name"))
    return Constant(Value::Null());
  Expr* init = Constant(Value::Bool(false));
  Expr* condition = Call(op::kNotStrictlyFalse, {Call(op::kNot, {Accu()})});
  Expr* step = Call(op::kOr, {Accu(), arg(two ? 2 : 1)});
  return Fold("exists", call_.target, init, condition, step, Accu());
}

Expr* MacroExpander::ExistsOne() {
  const bool two = call_.args.size() == 3;
  if (!CheckVariables(two ? 2 : 1, "argument must be a simple name"))
    return Constant(Value::Null());
  Expr* init = Constant(Value::Int(0));
  Expr* add = Call(op::kAdd, {Accu(), Constant(Value::Int(1))});
  Expr* step = Keep(arg(two ? 2 : 1), add);
  Expr* result = Call(op::kEquals, {Accu(), Constant(Value::Int(1))});
  return Fold("exists_one", call_.target, init, Constant(Value::Bool(true)), step, result);
}

Expr* MacroExpander::ListOf1(Expr* element) {
  std::span<ListElement> elements = builder_.arena().NewArray<ListElement>(1);
  elements[0].value = element;
  return New(List{elements});
}

Expr* MacroExpander::Map() {
  if (!OneVariable()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 3;
  Expr* add = Call(op::kAdd, {Accu(), ListOf1(arg(filtered ? 2 : 1))});
  Expr* step = Keep(filtered ? arg(1) : nullptr, add);
  return Fold("map", call_.target, New(List{}), Constant(Value::Bool(true)), step, Accu());
}

Expr* MacroExpander::Filter() {
  if (!OneVariable()) return Constant(Value::Null());
  Expr* step = Keep(arg(1), Call(op::kAdd, {Accu(), ListOf1(arg(0))}));
  return Fold("filter", call_.target, New(List{}), Constant(Value::Bool(true)), step, Accu());
}

Expr* MacroExpander::TransformList() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* add = Call(op::kAdd, {Accu(), ListOf1(arg(filtered ? 3 : 2))});
  Expr* step = Keep(filtered ? arg(2) : nullptr, add);
  return Fold("transformList", call_.target, New(List{}), Constant(Value::Bool(true)), step,
              Accu());
}

Expr* MacroExpander::TransformMap() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* insert = Call("cel.@mapInsert", {Accu(), Name(var_), arg(filtered ? 3 : 2)});
  Expr* step = Keep(filtered ? arg(2) : nullptr, insert);
  return Fold("transformMap", call_.target, New(MapLiteral{}), Constant(Value::Bool(true)), step,
              Accu());
}

Expr* MacroExpander::TransformMapEntry() {
  if (!TwoVariables()) return Constant(Value::Null());
  bool filtered = call_.args.size() == 4;
  Expr* insert = Call("cel.@mapInsert", {Accu(), arg(filtered ? 3 : 2)});
  Expr* step = Keep(filtered ? arg(2) : nullptr, insert);
  return Fold("transformMapEntry", call_.target, New(MapLiteral{}), Constant(Value::Bool(true)),
              step, Accu());
}

// Evaluates `init` when `body` first asks for `name`: a fold over nothing whose accumulator is the
// variable.
Expr* MacroExpander::Let(std::string_view name, Expr* init, Expr* body) {
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

Expr* MacroExpander::SortBy() {
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
  Expr* keys = Fold("map", Name(kInput), New(List{}), Constant(Value::Bool(true)), add, Accu());
  return Let(kInput, target, Call("@sortByAssociatedKeys", {keys}, Name(kInput)));
}

Expr* MacroExpander::Bind() {
  if (!IsName(arg(0))) return Fail(arg(0), "cel.bind() variable names must be simple identifiers");
  return Let(arg(0)->As<Ident>().name, arg(1), arg(2));
}

Expr* MacroExpander::OptMap() { return OptionalOf(Transformation::kPlain); }
Expr* MacroExpander::OptFlatMap() { return OptionalOf(Transformation::kOptional); }

Expr* MacroExpander::OptionalOf(Transformation transformation) {
  constexpr std::string_view kTarget = "@target";
  if (!IsName(arg(0))) {
    return Fail(arg(0),
                fmt::format("{}() variable name must be a simple identifier", call_.function));
  }
  std::string_view name = arg(0)->As<Ident>().name;
  bool simple = call_.target->kind() == ExprKind::kIdent;
  auto target = [&] {
    if (!simple) return Name(kTarget);
    return New(call_.target->As<Ident>());
  };
  Expr* body = Let(name, Call("value", {}, target()), arg(1));
  if (transformation == Transformation::kPlain) body = Call("optional.of", {body});
  Expr* result =
      Call(op::kConditional, {Call("hasValue", {}, target()), body, Call("optional.none", {})});
  return simple ? result : Let(kTarget, call_.target, result);
}

Expr* MacroExpander::NewCondition() {
  constexpr std::array<std::string_view, 4> kKeys = {"type", "status", "reason", "message"};
  auto fail = [&](const Expr* where, std::string text) {
    return Fail(where, "runtime.newCondition: " + std::move(text));
  };
  if (arg(0)->kind() != ExprKind::kMap) return fail(arg(0), "argument must be a map literal");
  std::array<bool, 4> seen = {};
  std::span<MapEntry> entries = arg(0)->As<MapLiteral>().entries;
  for (MapEntry& entry : entries) {
    if (!IsName(entry.key)) {
      return fail(
          entry.key,
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

Expr* MacroExpander::Block() {
  const List* list = arg(0)->If<List>();
  if (!list) return Fail(arg(0), "cel.block requires the first arg to be a list literal");
  for (const ListElement& element : list->elements) {
    if (element.optional) return Fail(element.value, "cel.block elements must not be optional");
  }
  return Call(kBlockFunction, {arg(0), arg(1)});
}

// A hidden name out of numbers: cel.index(3) is `@index3`, cel.iterVar(0, 1) is `@it:0:1`.
Expr* MacroExpander::BlockName(std::string_view prefix) {
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

namespace {

bool IsName(const Expr* expr) {
  const Ident* ident = expr->If<Ident>();
  return ident && !ident->absolute;
}

bool IsNamed(const Expr* expr, std::string_view name) {
  return IsName(expr) && expr->As<Ident>().name == name;
}

bool IsCalledOn(MacroTarget target, const Expr* receiver) {
  switch (target) {
    case MacroTarget::kNothing:
      return !receiver;
    case MacroTarget::kContainer:
    case MacroTarget::kOptional:
      return receiver;
    case MacroTarget::kCel:
      return receiver && IsNamed(receiver, "cel");
    case MacroTarget::kRuntime:
      return receiver && IsNamed(receiver, "runtime");
  }
  return false;
}

}  // namespace
}  // namespace kro::cel
