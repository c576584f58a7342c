#include "cel/inspect.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::cel {
namespace {

class Inspector {
 public:
  Inspector(const Environment& environment, std::span<const std::string> ids)
      : environment_(environment), ids_(ids) {}

  void Visit(const Expr* expr, const std::string& path);
  Inspection TakeResult() { return std::move(result_); }

 private:
  void VisitIdent(const Expr* expr, const std::string& path);
  void VisitCall(const Expr* expr, const std::string& path);
  void VisitComprehension(const Comprehension& fold, const std::string& path);

  const Environment& environment_;
  std::span<const std::string> ids_;
  std::vector<std::string_view> loop_variables_;
  Inspection result_;
};

// The text of a call's target, as far as it can be the namespace of a function: "lists", "a.b".
std::string TargetText(const Expr* expr);
bool IsInternal(std::string_view name) {
  return name == "@result" || name.starts_with("$$") || name.starts_with("@__");
}

}  // namespace

Inspection Inspect(const Ast& ast, const Environment& environment,
                   std::span<const std::string> ids) {
  Inspector inspector(environment, ids);
  inspector.Visit(ast.root, "");
  return inspector.TakeResult();
}

namespace {

// `path` is what is selected from the value of `expr`: ".spec.name", or empty.
void Inspector::Visit(const Expr* expr, const std::string& path) {
  switch (expr->kind()) {
    case ExprKind::kLiteral:
      return;
    case ExprKind::kIdent:
      return VisitIdent(expr, path);
    case ExprKind::kSelect: {
      const Select& select = expr->As<Select>();
      return Visit(select.operand, fmt::format(".{}{}", select.field, path));
    }
    case ExprKind::kCall:
      return VisitCall(expr, path);
    case ExprKind::kList:
      for (const ListElement& element : expr->As<List>().elements) Visit(element.value, "");
      return;
    case ExprKind::kMap:
      for (const MapEntry& entry : expr->As<MapLiteral>().entries) {
        Visit(entry.key, "");
        Visit(entry.value, "");
      }
      return;
    case ExprKind::kStruct:
      for (const StructField& field : expr->As<Struct>().fields) Visit(field.value, "");
      return;
    case ExprKind::kComprehension:
      return VisitComprehension(expr->As<Comprehension>(), path);
  }
}

void Inspector::VisitIdent(const Expr* expr, const std::string& path) {
  const Ident& ident = expr->As<Ident>();
  if (ident.absolute) {
    result_.unknown.push_back({"." + std::string(ident.name), expr->span});
    return;
  }
  auto holds = [&](const auto& names) {
    return std::find(names.begin(), names.end(), ident.name) != names.end();
  };
  if (holds(loop_variables_)) return;
  if (holds(ids_)) {
    std::string id(ident.name);
    result_.references.push_back({id, id + path, expr->span});
  } else if (!IsInternal(ident.name)) {
    result_.unknown.push_back({std::string(ident.name), expr->span});
  }
}

// Arguments come before the receiver.
void Inspector::VisitCall(const Expr* expr, const std::string& path) {
  const Call& call = expr->As<Call>();
  if (!call.target && call.function == op::kOptSelect) return Visit(call.args[0], "");
  for (const Expr* arg : call.args) Visit(arg, "");
  if (!call.target) {
    if (call.function == "omit") result_.uses_omit = true;
    bool internal = call.function == op::kNotStrictlyFalse;
    if (!internal && !environment_.FindFunction(call.function)) {
      result_.unknown_functions.push_back({std::string(call.function), expr->span});
    }
    return;
  }
  std::string full = fmt::format("{}.{}", TargetText(call.target), call.function);
  if (environment_.FindFunction(full)) return;
  Visit(call.target, path);
}

// What is selected from the result counts for the range, as for the target of a method.
void Inspector::VisitComprehension(const Comprehension& fold, const std::string& path) {
  std::size_t scope = loop_variables_.size();
  for (std::string_view name : {fold.var, fold.var2, fold.accu_var}) {
    if (!name.empty()) loop_variables_.push_back(name);
  }
  Visit(fold.range, path);
  for (const Expr* part : {fold.init, fold.condition, fold.step, fold.result}) Visit(part, "");
  loop_variables_.resize(scope);
}

std::string TargetText(const Expr* expr) {
  if (const Ident* ident = expr->If<Ident>()) return std::string(ident->name);
  const Select* select = expr->If<Select>();
  if (!select) return {};
  return fmt::format("{}.{}", TargetText(select->operand), select->field);
}

}  // namespace
}  // namespace kro::cel
