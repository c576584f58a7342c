#include "graph/internal/reads.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cel/schema.h"
#include "graph/internal/children.h"

namespace kro::graph {
namespace {

using cel::Expr;

class Walk {
 public:
  using Sink = std::function<void(const ObjectPlace&)>;

  Walk(const Reads::Variables& variables, Sink sink)
      : variables_(variables), sink_(std::move(sink)) {}

  void Visit(const Expr& expr);

  // The place that `expr` is. What else it takes to get there (an index) is visited.
  std::optional<ObjectPlace> Resolve(const Expr& expr);

 private:
  struct Local {
    std::string_view name;
    std::optional<ObjectPlace> place;
  };

  std::optional<ObjectPlace> ResolveCall(const cel::Call& call);
  std::optional<ObjectPlace> ResolveFilter(const cel::Comprehension& fold);
  void VisitComprehension(const cel::Comprehension& fold);
  void Note(const ObjectPlace& place) { sink_(place); }

  const Reads::Variables& variables_;
  const Sink sink_;
  std::vector<Local> locals_;
};

std::optional<std::string> ConstantText(const Expr& expr);
bool IsPrefix(const json::FieldPath& prefix, const json::FieldPath& path);
const Expr* Sized(const cel::Call& call);
const Expr* ConditionSubject(const cel::Call& call);

}  // namespace

void Reads::Add(const cel::Ast& ast, const Variables& variables) {
  Walk(variables, [this](const ObjectPlace& place) {
    paths_[place.node].insert(place.path);
  }).Visit(*ast.root);
}

// Paths are sorted, so what begins with a path follows it directly.
std::vector<json::FieldPath> Reads::Of(std::size_t node) const {
  std::vector<json::FieldPath> kept;
  for (const json::FieldPath& path : paths_[node]) {
    if (kept.empty() || !IsPrefix(kept.back(), path)) kept.push_back(path);
  }
  return kept;
}

std::vector<ObjectPlace> PlacesRead(const cel::Ast& ast, const Reads::Variables& variables) {
  std::vector<ObjectPlace> places;
  Walk(variables, [&](const ObjectPlace& place) { places.push_back(place); }).Visit(*ast.root);
  return places;
}

std::optional<ObjectPlace> PlaceOf(const cel::Ast& ast, const Reads::Variables& variables) {
  return Walk(variables, [](const ObjectPlace&) {}).Resolve(*ast.root);
}

namespace {

void Walk::Visit(const Expr& expr) {
  const auto* fold = expr.If<cel::Comprehension>();
  if (fold != nullptr && fold->macro != "filter") return VisitComprehension(*fold);
  const bool leads_on = fold != nullptr || expr.kind() == cel::ExprKind::kIdent ||
                        expr.kind() == cel::ExprKind::kSelect ||
                        expr.kind() == cel::ExprKind::kCall;
  if (leads_on) {
    // Resolving visits what is beside the way, so it happens once, whatever comes of it.
    const auto place = Resolve(expr);
    if (place) Note(*place);
    return;
  }
  ForEachChild(expr, [&](const Expr& child) { Visit(child); });
}

std::optional<ObjectPlace> Walk::Resolve(const Expr& expr) {
  if (const auto* ident = expr.If<cel::Ident>()) {
    if (ident->slot >= 0) return variables_(ident->name);
    for (auto local = locals_.rbegin(); local != locals_.rend(); ++local) {
      if (local->name == ident->name) return local->place;
    }
    return std::nullopt;
  }
  if (const auto* select = expr.If<cel::Select>()) {
    auto place = Resolve(*select->operand);
    if (!place) return std::nullopt;
    if (!select->key.empty()) {
      place->path.Push(select->key);
    } else if (cel::UnescapeProperty(select->field) == select->field) {
      place->path.Push(select->field);
    }  // else it may mean either name: all that is above counts
    return place;
  }
  if (const auto* call = expr.If<cel::Call>()) return ResolveCall(*call);
  if (const auto* fold = expr.If<cel::Comprehension>();
      fold != nullptr && fold->macro == "filter") {
    return ResolveFilter(*fold);
  }
  Visit(expr);
  return std::nullopt;
}

// What is left of a list of objects is a list of such objects.
std::optional<ObjectPlace> Walk::ResolveFilter(const cel::Comprehension& fold) {
  auto range = Resolve(*fold.range);
  if (range && range->is_list) {
    locals_.push_back({fold.var, ObjectPlace{.node = range->node}});
    Visit(*fold.step->As<cel::Call>().args[0]);
    locals_.pop_back();
    return range;
  }
  if (range) Note(*range);
  locals_.push_back({fold.accu_var, std::nullopt});
  locals_.push_back({fold.var, std::nullopt});
  Visit(*fold.step);
  locals_.resize(locals_.size() - 2);
  return std::nullopt;
}

std::optional<ObjectPlace> Walk::ResolveCall(const cel::Call& call) {
  const bool selects = call.function == cel::op::kOptSelect;
  const bool indexes = call.function == cel::op::kIndex || call.function == cel::op::kOptIndex;
  if ((!selects && !indexes) || call.target != nullptr || call.args.size() != 2) {
    if (const Expr* subject = ConditionSubject(call)) {
      if (auto place = Resolve(*subject); place && !place->is_list) {
        Note({place->node, place->path.Child("status").Child("conditions")});
        return std::nullopt;
      }
    }
    if (const Expr* sized = Sized(call)) {
      const auto place = Resolve(*sized);
      if (place && !place->is_list) Note(*place);
      return std::nullopt;
    }
    if (call.target != nullptr) Visit(*call.target);
    for (const Expr* arg : call.args) Visit(*arg);
    return std::nullopt;
  }
  auto place = Resolve(*call.args[0]);
  const auto name = ConstantText(*call.args[1]);
  if (!name) Visit(*call.args[1]);
  if (!place) return std::nullopt;
  if (place->is_list) {
    place->is_list = false;
    return place;
  }
  if (name && (indexes || cel::UnescapeProperty(*name) == *name)) {
    place->path.Push(*name);
    return place;
  }
  Note(*place);
  return std::nullopt;
}

void Walk::VisitComprehension(const cel::Comprehension& fold) {
  const std::size_t outer = locals_.size();
  std::optional<ObjectPlace> element;
  if (auto range = Resolve(*fold.range)) {
    if (range->is_list) {
      element = std::move(range);
      element->is_list = false;
    } else {
      Note(*range);
    }
  }
  std::optional<ObjectPlace> bound;
  if (fold.macro == "bind") {
    bound = Resolve(*fold.init);
  } else {
    Visit(*fold.init);
  }
  locals_.push_back({fold.accu_var, std::move(bound)});
  // Of two variables the first is the index.
  locals_.push_back({fold.var, fold.var2.empty() ? element : std::nullopt});
  if (!fold.var2.empty()) locals_.push_back({fold.var2, element});
  if (fold.macro != "bind") {
    Visit(*fold.condition);
    Visit(*fold.step);
  }
  Visit(*fold.result);
  locals_.resize(outer);
}

std::optional<std::string> ConstantText(const Expr& expr) {
  const auto* literal = expr.If<cel::Literal>();
  if (literal == nullptr || !literal->value.Is(cel::Kind::kString)) return std::nullopt;
  return std::string(literal->value.AsString());
}

bool IsPrefix(const json::FieldPath& prefix, const json::FieldPath& path) {
  const auto& begin = prefix.segments();
  const auto& all = path.segments();
  return begin.size() <= all.size() && std::equal(begin.begin(), begin.end(), all.begin());
}

// The x of size(x): of a list its elements are not looked at.
const Expr* Sized(const cel::Call& call) {
  if (call.function != "size" || (call.target != nullptr) == (call.args.size() == 1))
    return nullptr;
  return call.target != nullptr ? call.target : call.args[0];
}

// runtime.condition(subject, type) looks at the subject's conditions only.
const Expr* ConditionSubject(const cel::Call& call) {
  if (call.function != "condition" || call.target == nullptr || call.args.size() != 2)
    return nullptr;
  const auto* target = call.target->If<cel::Ident>();
  const bool is_name = call.args[0]->kind() == cel::ExprKind::kIdent;
  const bool is_runtime = target != nullptr && target->slot >= 0 && target->name == "runtime";
  return is_name && is_runtime ? call.args[0] : nullptr;
}

}  // namespace
}  // namespace kro::graph
