// The parts of an expression, for walks that treat most kinds alike.
#pragma once

#include "cel/ast.h"

namespace kro::graph {

// Calls `visit` with every direct part of `expr`, in the order of evaluation.
template <typename Visit>
void ForEachChild(const cel::Expr& expr, Visit visit) {
  switch (expr.kind()) {
    case cel::ExprKind::kLiteral:
    case cel::ExprKind::kIdent:
      return;
    case cel::ExprKind::kSelect:
      return visit(*expr.As<cel::Select>().operand);
    case cel::ExprKind::kCall:
      if (const auto* target = expr.As<cel::Call>().target) visit(*target);
      for (const cel::Expr* arg : expr.As<cel::Call>().args) visit(*arg);
      return;
    case cel::ExprKind::kList:
      for (const cel::ListElement& element : expr.As<cel::List>().elements) visit(*element.value);
      return;
    case cel::ExprKind::kMap:
      for (const cel::MapEntry& entry : expr.As<cel::MapLiteral>().entries) {
        visit(*entry.key);
        visit(*entry.value);
      }
      return;
    case cel::ExprKind::kStruct:
      for (const cel::StructField& field : expr.As<cel::Struct>().fields) visit(*field.value);
      return;
    case cel::ExprKind::kComprehension: {
      const auto& fold = expr.As<cel::Comprehension>();
      for (const cel::Expr* part :
           {fold.range, fold.init, fold.condition, fold.step, fold.result}) {
        visit(*part);
      }
      return;
    }
  }
}

}  // namespace kro::graph
