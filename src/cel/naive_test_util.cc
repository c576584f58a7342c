#include "cel/naive_test_util.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

namespace kro::cel {
namespace {

using NaiveKind = Naive::Kind;

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

Naive Nothing() { return {}; }
Naive Bool(bool b) { return {.kind = NaiveKind::kBool, .boolean = b}; }
Naive Int(std::int64_t i) { return {.kind = NaiveKind::kInt, .integer = i}; }
Naive Uint(std::uint64_t u) { return {.kind = NaiveKind::kUint, .natural = u}; }
Naive Double(double d) { return {.kind = NaiveKind::kDouble, .number = d}; }
Naive String(std::string text) { return {.kind = NaiveKind::kString, .text = std::move(text)}; }
Naive Items(std::vector<Naive> items) {
  return {.kind = NaiveKind::kList, .items = std::move(items)};
}
Naive Optional(std::vector<Naive> content) {
  return {.kind = NaiveKind::kOptional, .items = std::move(content)};
}
Naive Error(std::string what) { return {.kind = NaiveKind::kError, .text = std::move(what)}; }
Naive NoOverload() { return Error("no such overload"); }

// Wide enough for every int and uint; C++ has no other type in which both compare exactly.
__extension__ typedef __int128 Wide;

bool IsInteger(const Naive& v) { return v.Is(NaiveKind::kInt) || v.Is(NaiveKind::kUint); }
bool IsNumber(const Naive& v) { return IsInteger(v) || v.Is(NaiveKind::kDouble); }
Wide ToWide(const Naive& v) { return v.Is(NaiveKind::kInt) ? Wide{v.integer} : Wide{v.natural}; }
// -1, 0, 1; nothing if one of them is NaN.
std::optional<int> CompareNumbers(const Naive& a, const Naive& b);
// Nothing if `==` has no overload: what a schema describes compares with its kind and null only.
std::optional<bool> Equal(const Naive& a, const Naive& b);
const Naive* FindKey(const Naive& map, const Naive& key);
void Insert(Naive& map, const Naive& key, const Naive& value);

class Walker {
 public:
  explicit Walker(const NaiveVariables& variables) : variables_(variables) {}

  Naive Eval(const Expr& expr);
  // Whether the value depends on what this evaluator does not know.
  bool unknown() const { return unknown_; }

 private:
  Naive Variable(std::string_view name) const;
  Naive Member(const Select& select);
  Naive Operation(const Call& call);
  Naive Logic(const Call& call, bool absorbing);
  Naive Function(const Call& call);
  Naive MakeList(const cel::List& list);
  Naive MakeMap(const MapLiteral& map);
  Naive Fold(const Comprehension& c);

  NaiveVariables variables_;
  bool unknown_ = false;
};

Naive Binary(std::string_view name, const Naive& a, const Naive& b);
Naive Arithmetic(char sign, const Naive& a, const Naive& b);
Naive Ordered(std::string_view name, const Naive& a, const Naive& b);
Naive Contains(const Naive& element, const Naive& container);
// The element, or an optional of it if `optional`.
Naive Lookup(const Naive& container, const Naive& key, bool optional);
Naive Convert(std::string_view type, const Naive& v);
std::string Shortest(double d);
Naive ConvertText(std::string_view type, const std::string& text);
std::string Name(const Expr& expr);

}  // namespace

Naive NaiveFromJson(const json::Value& json, bool typed) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return Nothing();
    case boost::json::kind::bool_:
      return Bool(json.get_bool());
    case boost::json::kind::int64:
      return Int(json.get_int64());
    case boost::json::kind::uint64:
      return Uint(json.get_uint64());
    case boost::json::kind::double_:
      return Double(json.get_double());
    case boost::json::kind::string:
      return String(std::string(json.get_string()));
    case boost::json::kind::array: {
      Naive list = Items({});
      list.typed = typed;
      for (const auto& item : json.get_array()) list.items.push_back(NaiveFromJson(item, typed));
      return list;
    }
    case boost::json::kind::object: {
      Naive map{.kind = NaiveKind::kMap, .typed = typed};
      for (const auto& member : json.get_object()) {
        if (typed && member.value().is_null()) continue;
        map.entries.push_back(
            {String(std::string(member.key())), NaiveFromJson(member.value(), typed)});
      }
      return map;
    }
  }
  return {};
}

std::optional<Naive> NaiveEvaluate(const Expr& expr, const NaiveVariables& variables) {
  Walker walker(variables);
  Naive value = walker.Eval(expr);
  return walker.unknown() ? std::nullopt : std::optional(std::move(value));
}

bool Agree(Context& context, const Value& value, const Naive& naive) {
  switch (naive.kind) {
    case NaiveKind::kNull:
      return value.IsNull();
    case NaiveKind::kBool:
      return naive.boolean ? value.IsTrue() : value.IsFalse();
    case NaiveKind::kInt:
      return value.Is(cel::Kind::kInt) && value.AsInt() == naive.integer;
    case NaiveKind::kUint:
      return value.Is(cel::Kind::kUint) && value.AsUint() == naive.natural;
    case NaiveKind::kDouble:
      return value.Is(cel::Kind::kDouble) &&
             (value.AsDouble() == naive.number ||
              (std::isnan(value.AsDouble()) && std::isnan(naive.number)));
    case NaiveKind::kString:
      return value.Is(cel::Kind::kString) && value.AsString() == naive.text;
    case NaiveKind::kList: {
      if (!value.Is(cel::Kind::kList) || value.ListSize() != naive.items.size()) return false;
      for (std::size_t i = 0; i < naive.items.size(); ++i) {
        if (!Agree(context, value.ListAt(context, i), naive.items[i])) return false;
      }
      return true;
    }
    case NaiveKind::kMap: {
      if (!value.Is(cel::Kind::kMap)) return false;
      std::size_t i = 0;
      for (MapIterator it(context, value); it.Next();) {
        // Null members of typed objects are walked over but not found.
        if (!value.MapFind(context, it.key())) continue;
        if (i == naive.entries.size() || !Agree(context, it.key(), naive.entries[i].first) ||
            !Agree(context, it.value(), naive.entries[i].second)) {
          return false;
        }
        ++i;
      }
      return i == naive.entries.size();
    }
    case NaiveKind::kOptional:
      if (!value.Is(cel::Kind::kOptional) || value.HasContent() == naive.items.empty())
        return false;
      return naive.items.empty() || Agree(context, value.Content(), naive.items[0]);
    case NaiveKind::kError: {
      if (!value.IsError() || value.IsUnknown() != naive.IsUnknown()) return false;
      if (naive.IsUnknown()) {
        return std::ranges::equal(value.UnknownNames(), naive.unknown);
      }
      const std::string_view text = value.AsError();
      return naive.text.empty() || text.substr(0, text.find(':')) == naive.text;
    }
  }
  return false;
}

Naive NaiveUnknown(std::string name) {
  Naive naive;
  naive.kind = NaiveKind::kError;
  naive.unknown.insert(std::move(name));
  return naive;
}

std::string Show(const Naive& naive) {
  std::string out;
  switch (naive.kind) {
    case NaiveKind::kNull:
      return "null";
    case NaiveKind::kBool:
      return naive.boolean ? "true" : "false";
    case NaiveKind::kInt:
      return fmt::format("{}", naive.integer);
    case NaiveKind::kUint:
      return fmt::format("{}u", naive.natural);
    case NaiveKind::kDouble:
      return fmt::format("double {}", naive.number);
    case NaiveKind::kString:
      return fmt::format("'{}'", naive.text);
    case NaiveKind::kList:
      for (const Naive& item : naive.items) out += Show(item) + ", ";
      return "[" + out + "]";
    case NaiveKind::kMap:
      for (const auto& [key, value] : naive.entries) out += Show(key) + ": " + Show(value) + ", ";
      return "{" + out + "}";
    case NaiveKind::kOptional:
      return naive.items.empty() ? "none" : fmt::format("optional({})", Show(naive.items[0]));
    case NaiveKind::kError:
      return "error " + naive.text;
  }
  return out;
}

namespace {

Naive Walker::Eval(const Expr& expr) {
  switch (expr.kind()) {
    case ExprKind::kLiteral: {
      const Value& value = expr.As<Literal>().value;
      switch (value.kind()) {
        case cel::Kind::kBool:
          return Bool(value.AsBool());
        case cel::Kind::kInt:
          return Int(value.AsInt());
        case cel::Kind::kUint:
          return Uint(value.AsUint());
        case cel::Kind::kDouble:
          return Double(value.AsDouble());
        case cel::Kind::kString:
          return String(std::string(value.AsString()));
        default:
          return Nothing();
      }
    }
    case ExprKind::kIdent:
      return Variable(expr.As<Ident>().name);
    case ExprKind::kSelect:
      return Member(expr.As<Select>());
    case ExprKind::kCall:
      return Operation(expr.As<Call>());
    case ExprKind::kList:
      return MakeList(expr.As<cel::List>());
    case ExprKind::kMap:
      return MakeMap(expr.As<MapLiteral>());
    case ExprKind::kComprehension:
      return Fold(expr.As<Comprehension>());
    case ExprKind::kStruct:
      break;
  }
  return Error("");
}

Naive Walker::Variable(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? Error("no such attribute(s)") : found->second;
}

Naive Walker::Member(const Select& select) {
  const Naive operand = Eval(*select.operand);
  if (operand.IsError()) return operand;
  const Naive key = String(std::string(select.field));
  const Naive* found = operand.Is(NaiveKind::kMap) ? FindKey(operand, key) : nullptr;
  if (operand.Is(NaiveKind::kOptional)) {
    const Naive inner = Lookup(operand, key, true);
    return select.test_only ? Bool(!inner.items.empty()) : inner;
  }
  if (select.test_only) return operand.Is(NaiveKind::kMap) ? Bool(found != nullptr) : Error("");
  if (found) return *found;
  return Error(operand.Is(NaiveKind::kMap) ? "no such key" : "");
}

Naive Walker::Operation(const Call& call) {
  if (call.function == op::kAnd) return Logic(call, false);
  if (call.function == op::kOr) return Logic(call, true);
  if (call.function == op::kConditional) {
    const Naive condition = Eval(*call.args[0]);
    if (condition.IsError()) return condition;
    if (!condition.Is(NaiveKind::kBool)) return NoOverload();
    return Eval(*call.args[condition.boolean ? 1 : 2]);
  }
  if (call.function == op::kNotStrictlyFalse) {
    const Naive operand = Eval(*call.args[0]);
    return Bool(!operand.Is(NaiveKind::kBool) || operand.boolean);
  }
  return Function(call);
}

// Both sides are looked at before an error counts (language definition, "Logical Operators").
Naive Walker::Logic(const Call& call, bool absorbing) {
  const Naive left = Eval(*call.args[0]);
  if (left.Is(NaiveKind::kBool) && left.boolean == absorbing) return left;
  const Naive right = Eval(*call.args[1]);
  if (right.Is(NaiveKind::kBool) && right.boolean == absorbing) return right;
  if (left.IsUnknown() || right.IsUnknown()) {
    Naive both;
    both.kind = NaiveKind::kError;
    for (const Naive* side : {&left, &right}) {
      if (side->IsUnknown()) both.unknown.insert(side->unknown.begin(), side->unknown.end());
    }
    return both;
  }
  if (!left.Is(NaiveKind::kBool)) return left.IsError() ? left : NoOverload();
  if (!right.Is(NaiveKind::kBool)) return right.IsError() ? right : NoOverload();
  return Bool(!absorbing);
}

Naive Walker::Function(const Call& call) {
  std::string name(call.function);
  std::vector<Naive> args;
  if (call.target) {
    const std::string space = Name(*call.target);
    if (space == "optional") {
      name = "optional." + name;
    } else {
      args.push_back(Eval(*call.target));
      if ((name == "or" || name == "orValue") && args[0].Is(NaiveKind::kOptional)) {
        if (args[0].items.empty()) return Eval(*call.args[0]);
        return name == "or" ? args[0] : args[0].items[0];
      }
    }
  }
  for (const Expr* arg : call.args) args.push_back(Eval(*arg));
  for (const Naive& arg : args) {
    if (arg.IsError()) return arg;
  }
  if (name == "optional.none") return Optional({});
  if (args.empty()) return NoOverload();
  const Naive& a = args[0];
  if (name == "dyn") return a;
  if (name == "!_") return a.Is(NaiveKind::kBool) ? Bool(!a.boolean) : NoOverload();
  if (name == "-_") {
    if (a.Is(NaiveKind::kDouble)) return Double(-a.number);
    return a.Is(NaiveKind::kInt) ? Arithmetic('-', Int(0), a) : NoOverload();
  }
  if (name == "size") {
    if (a.Is(NaiveKind::kList)) return Int(static_cast<std::int64_t>(a.items.size()));
    if (a.Is(NaiveKind::kMap)) return Int(static_cast<std::int64_t>(a.entries.size()));
    if (!a.Is(NaiveKind::kString)) return NoOverload();
    return Int(
        std::count_if(a.text.begin(), a.text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  }
  if (name == "int" || name == "uint" || name == "double" || name == "string" || name == "bool") {
    return Convert(name, a);
  }
  if (name == "optional.of") return Optional({a});
  if (name == "hasValue") return a.Is(NaiveKind::kOptional) ? Bool(!a.items.empty()) : NoOverload();
  if (name == "value") {
    if (!a.Is(NaiveKind::kOptional)) return NoOverload();
    return a.items.empty() ? Error("optional.none() dereference") : a.items[0];
  }
  if (name == "cel.@mapInsert" && args.size() == 3) {
    Naive map = a;
    Insert(map, args[1], args[2]);
    return map;
  }
  if (args.size() != 2) return NoOverload();
  if (name == "_+_" && a.typed && args[1].Is(NaiveKind::kList)) {
    // Without an element of its own the schema's is not known.
    for (const Naive& added : args[1].items) {
      unknown_ |= a.items.empty() || added.kind != a.items[0].kind;
    }
  }
  return Binary(name, a, args[1]);
}

Naive Walker::MakeList(const cel::List& list) {
  Naive made = Items({});
  for (const ListElement& element : list.elements) {
    Naive value = Eval(*element.value);
    if (value.IsError()) return value;
    if (!element.optional) {
      made.items.push_back(std::move(value));
    } else if (!value.Is(NaiveKind::kOptional)) {
      return Error("");
    } else if (!value.items.empty()) {
      made.items.push_back(value.items[0]);
    }
  }
  return made;
}

Naive Walker::MakeMap(const MapLiteral& map) {
  Naive made{.kind = NaiveKind::kMap};
  for (const MapEntry& entry : map.entries) {
    const Naive key = Eval(*entry.key);
    if (key.IsError()) return key;
    const Naive value = Eval(*entry.value);
    if (value.IsError()) return value;
    Insert(made, key, value);
  }
  return made;
}

Naive Walker::Fold(const Comprehension& c) {
  const Naive range = Eval(*c.range);
  if (range.IsError()) return range;
  if (!range.Is(NaiveKind::kList) && !range.Is(NaiveKind::kMap)) return Error("");
  Naive init = Eval(*c.init);
  std::vector<std::string> names{std::string(c.var)};
  if (!c.var2.empty()) names.emplace_back(c.var2);
  names.emplace_back(c.accu_var);
  NaiveVariables hidden;  // what has these names outside
  for (const std::string& name : names) {
    if (auto node = variables_.extract(name)) hidden.insert(std::move(node));
  }
  const auto restore = [&](const std::string& name) {
    variables_.erase(name);
    if (auto node = hidden.extract(name)) variables_.insert(std::move(node));
  };
  const std::string& accu = names.back();
  variables_[accu] = std::move(init);
  const bool list = range.Is(NaiveKind::kList);
  const std::size_t size = list ? range.items.size() : range.entries.size();
  for (std::size_t i = 0; i < size; ++i) {
    const Naive first = list ? Int(static_cast<std::int64_t>(i)) : range.entries[i].first;
    const Naive second = list ? range.items[i] : range.entries[i].second;
    variables_[names[0]] = !c.var2.empty() || !list ? first : second;
    if (!c.var2.empty()) variables_[names[1]] = second;
    const Naive more = Eval(*c.condition);
    if (more.Is(NaiveKind::kBool) && !more.boolean) break;
    Naive next = Eval(*c.step);
    variables_[accu] = std::move(next);
  }
  // The result sees the accumulator, not the elements.
  for (const std::string& name : names) {
    if (name != accu) restore(name);
  }
  Naive result = Eval(*c.result);
  restore(accu);
  return result;
}

Naive Binary(std::string_view name, const Naive& a, const Naive& b) {
  if (name == "_==_") {
    const auto equal = Equal(a, b);
    return equal ? Bool(*equal) : NoOverload();
  }
  if (name == "_!=_") return Bool(Equal(a, b) != true);
  if (name == "@in") return Contains(a, b);
  if (name == "_[_]") return Lookup(a, b, false);
  if (name == "_[?_]" || name == "_?._") return Lookup(a, b, true);
  if (name.size() == 3 && std::string_view("+-*/%").find(name[1]) != std::string_view::npos) {
    return Arithmetic(name[1], a, b);
  }
  if (name.starts_with("_<") || name.starts_with("_>")) return Ordered(name, a, b);
  if (!a.Is(NaiveKind::kString) || !b.Is(NaiveKind::kString)) return NoOverload();
  if (name == "contains") return Bool(a.text.find(b.text) != std::string::npos);
  if (name == "startsWith") return Bool(a.text.starts_with(b.text));
  if (name == "endsWith") return Bool(a.text.ends_with(b.text));
  return NoOverload();
}

Naive Arithmetic(char sign, const Naive& a, const Naive& b) {
  if (a.kind != b.kind) return NoOverload();
  if (sign == '+' && a.Is(NaiveKind::kString)) return String(a.text + b.text);
  if (sign == '+' && a.Is(NaiveKind::kList)) {
    Naive joined = a;
    joined.items.insert(joined.items.end(), b.items.begin(), b.items.end());
    return joined;
  }
  if (a.Is(NaiveKind::kDouble)) {
    switch (sign) {
      case '+':
        return Double(a.number + b.number);
      case '-':
        return Double(a.number - b.number);
      case '*':
        return Double(a.number * b.number);
      case '/':
        return Double(a.number / b.number);
      default:
        return NoOverload();
    }
  }
  if (!IsInteger(a)) return NoOverload();
  const Wide x = ToWide(a), y = ToWide(b);
  if (y == 0 && sign == '/') return Error("division by zero");
  if (y == 0 && sign == '%') return Error("modulus by zero");
  const bool is_signed = a.Is(NaiveKind::kInt);
  const Naive overflow = Error(is_signed ? "integer overflow" : "unsigned integer overflow");
  Wide result = 0;
  switch (sign) {
    case '+':
      result = x + y;
      break;
    case '-':
      result = x - y;
      break;
    case '*':
      if (__builtin_mul_overflow(x, y, &result)) return overflow;
      break;
    case '/':
      result = x / y;
      break;
    default:
      // The least int has no remainder by -1: its quotient is no int.
      if (is_signed && x == std::numeric_limits<std::int64_t>::min() && y == -1) return overflow;
      result = x % y;
  }
  const Wide least = is_signed ? Wide{std::numeric_limits<std::int64_t>::min()} : 0;
  const Wide most = is_signed ? Wide{std::numeric_limits<std::int64_t>::max()}
                              : Wide{std::numeric_limits<std::uint64_t>::max()};
  if (result < least || result > most) return overflow;
  return is_signed ? Int(static_cast<std::int64_t>(result))
                   : Uint(static_cast<std::uint64_t>(result));
}

Naive Ordered(std::string_view name, const Naive& a, const Naive& b) {
  int order = 0;
  if (IsNumber(a) && IsNumber(b)) {
    const auto compared = CompareNumbers(a, b);
    if (!compared) return Bool(false);
    order = *compared;
  } else if (a.Is(NaiveKind::kString) && b.Is(NaiveKind::kString)) {
    order = a.text.compare(b.text);
  } else if (a.Is(NaiveKind::kBool) && b.Is(NaiveKind::kBool)) {
    order = int{a.boolean} - int{b.boolean};
  } else {
    // Nothing is less than NaN, or greater, not even a text: so the engines at large.
    const auto is_nan = [](const Naive& v) {
      return v.Is(NaiveKind::kDouble) && std::isnan(v.number);
    };
    const bool ordered = IsNumber(a) || a.Is(NaiveKind::kString) || a.Is(NaiveKind::kBool);
    if (ordered && (is_nan(a) || is_nan(b))) return Bool(false);
    return NoOverload();
  }
  if (name == "_<_") return Bool(order < 0);
  if (name == "_<=_") return Bool(order <= 0);
  return Bool(name == "_>_" ? order > 0 : order >= 0);
}

Naive Contains(const Naive& element, const Naive& container) {
  if (container.Is(NaiveKind::kMap)) return Bool(FindKey(container, element) != nullptr);
  if (!container.Is(NaiveKind::kList)) return NoOverload();
  bool failed = false;
  for (const Naive& item : container.items) {
    const auto equal = container.typed ? Equal(item, element) : Equal(element, item);
    if (equal == true) return Bool(true);
    failed |= !equal;
  }
  return failed && container.typed ? NoOverload() : Bool(false);
}

Naive Lookup(const Naive& container, const Naive& key, bool optional) {
  if (container.Is(NaiveKind::kOptional)) {
    if (container.items.empty()) return container;
    return Lookup(container.items[0], key, true);
  }
  const bool scalar = IsNumber(key) || key.Is(NaiveKind::kString) || key.Is(NaiveKind::kBool);
  if (!scalar) return Error("");
  const auto found = [&](const Naive& value) { return optional ? Optional({value}) : value; };
  if (container.Is(NaiveKind::kMap)) {
    if (const Naive* value = FindKey(container, key)) return found(*value);
    return optional ? Optional({}) : Error("no such key");
  }
  // What has no elements at all has none at the key.
  if (!container.Is(NaiveKind::kList)) return optional ? Optional({}) : Error("");
  if (!IsNumber(key)) return Error("");
  if (container.typed && !key.Is(NaiveKind::kInt)) return Error("");
  if (key.Is(NaiveKind::kDouble) && key.number != std::floor(key.number)) return Error("");
  if (key.Is(NaiveKind::kDouble) && std::abs(key.number) >= kTwoTo63) return Error("");
  const Wide index = key.Is(NaiveKind::kDouble) ? static_cast<Wide>(key.number) : ToWide(key);
  if (index >= 0 && index < static_cast<Wide>(container.items.size())) {
    return found(container.items[static_cast<std::size_t>(index)]);
  }
  return optional ? Optional({}) : Error("index out of bounds");
}

Naive Convert(std::string_view type, const Naive& v) {
  if (type == "bool") {
    if (v.Is(NaiveKind::kBool)) return v;
    if (!v.Is(NaiveKind::kString)) return NoOverload();
    for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
      if (v.text == yes) return Bool(true);
    }
    for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
      if (v.text == no) return Bool(false);
    }
    return Error("type conversion error from 'string' to 'bool'");
  }
  if (type == "string") {
    switch (v.kind) {
      case NaiveKind::kString:
        return v;
      case NaiveKind::kBool:
        return String(v.boolean ? "true" : "false");
      case NaiveKind::kInt:
        return String(std::to_string(v.integer));
      case NaiveKind::kUint:
        return String(std::to_string(v.natural));
      case NaiveKind::kDouble:
        return String(Shortest(v.number));
      default:
        return NoOverload();
    }
  }
  if (v.Is(NaiveKind::kString)) return ConvertText(type, v.text);
  if (!IsNumber(v)) return NoOverload();
  if (type == "double") {
    return v.Is(NaiveKind::kDouble) ? v : Double(static_cast<double>(ToWide(v)));
  }
  const bool to_int = type == "int";
  const Naive overflow = Error(to_int ? "integer overflow" : "unsigned integer overflow");
  Wide whole = 0;
  if (v.Is(NaiveKind::kDouble)) {
    // Towards zero; the ends of the range of int are out of it.
    const bool fits =
        to_int ? v.number > -kTwoTo63 && v.number < kTwoTo63 : v.number >= 0 && v.number < kTwoTo64;
    if (!fits) return overflow;
    whole = static_cast<Wide>(v.number);
  } else {
    whole = ToWide(v);
  }
  if (to_int && whole > std::numeric_limits<std::int64_t>::max()) return overflow;
  if (!to_int && whole < 0) return overflow;
  return to_int ? Int(static_cast<std::int64_t>(whole)) : Uint(static_cast<std::uint64_t>(whole));
}

// The shortest digits that read back equal, with an exponent where Go's %g has one.
std::string Shortest(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  const double size = std::abs(d);
  const bool exponent = d != 0 && (size < 1e-4 || size >= 1e6);
  std::array<char, 400> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), d,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  return {buffer.data(), end.ptr};
}

// Knows whole decimal numbers only, of which no test has more than fit.
Naive ConvertText(std::string_view type, const std::string& text) {
  const Naive refused = Error(fmt::format("type conversion error from 'string' to '{}'", type));
  std::size_t digits = 0;
  if (type != "uint" && (text.starts_with('-') || text.starts_with('+'))) digits = 1;
  if (digits == text.size()) return refused;
  if (text.find_first_not_of("0123456789", digits) != std::string::npos) return refused;
  if (type == "double") return Double(std::strtod(text.c_str(), nullptr));
  errno = 0;
  const Naive read = type == "int" ? Int(std::strtoll(text.c_str(), nullptr, 10))
                                   : Uint(std::strtoull(text.c_str(), nullptr, 10));
  return errno == 0 ? read : refused;
}

std::string Name(const Expr& expr) {
  const Ident* ident = expr.If<Ident>();
  return ident ? std::string(ident->name) : std::string();
}

std::optional<int> CompareNumbers(const Naive& a, const Naive& b) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (IsInteger(a) && IsInteger(b)) return sign(ToWide(a), ToWide(b));
  if (a.Is(NaiveKind::kDouble) && b.Is(NaiveKind::kDouble)) {
    if (std::isnan(a.number) || std::isnan(b.number)) return std::nullopt;
    return sign(a.number, b.number);
  }
  if (!a.Is(NaiveKind::kDouble)) {
    const auto reversed = CompareNumbers(b, a);
    return reversed ? std::optional(-*reversed) : std::nullopt;
  }
  // As doubles: 2^53 + 1 equals 2^53 + 0.0.
  if (std::isnan(a.number)) return std::nullopt;
  return sign(a.number, static_cast<double>(ToWide(b)));
}

// Nothing is the error that the left operand raises; between elements it only means that they are not equal.
std::optional<bool> Equal(const Naive& a, const Naive& b) {
  if (IsNumber(a) && IsNumber(b)) return CompareNumbers(a, b) == 0;
  if (a.kind != b.kind) {
    return a.typed && !b.Is(NaiveKind::kNull) ? std::nullopt : std::optional(false);
  }
  switch (a.kind) {
    case NaiveKind::kNull:
      return true;
    case NaiveKind::kBool:
      return a.boolean == b.boolean;
    case NaiveKind::kString:
      return a.text == b.text;
    case NaiveKind::kOptional:
      if (a.items.empty() || b.items.empty()) return a.items.empty() == b.items.empty();
      return Equal(a.items[0], b.items[0]);
    case NaiveKind::kList: {
      if (a.items.size() != b.items.size()) return false;
      for (std::size_t i = 0; i < a.items.size(); ++i) {
        if (Equal(a.items[i], b.items[i]) != true) return false;
      }
      return true;
    }
    case NaiveKind::kMap: {
      if (a.entries.size() != b.entries.size()) return false;
      for (const auto& [key, value] : a.entries) {
        const Naive* other = FindKey(b, key);
        if (!other || Equal(value, *other) != true) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

const Naive* FindKey(const Naive& map, const Naive& key) {
  for (const auto& [name, value] : map.entries) {
    if (Equal(name, key) == true) return &value;
  }
  return nullptr;
}

void Insert(Naive& map, const Naive& key, const Naive& value) {
  for (auto& [name, old] : map.entries) {
    if (name.kind != key.kind || Equal(name, key) != true) continue;
    old = value;
    return;
  }
  map.entries.push_back({key, value});
}

}  // namespace
}  // namespace kro::cel
