#include "cel/format_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace kro::cel {
namespace {

constexpr int kMaxPrecision = 100;

void Walk(const Expr* expr, Issues& issues);
void CheckFormat(const Expr* call, std::string_view format, std::span<const ListElement> args,
                 Issues& issues);
std::string_view ReadPrecision(std::string_view& rest, std::string& problem);
std::string Refusal(char clause, Type type);
void Report(const Expr* at, std::string message, Issues& issues);

}  // namespace

void CheckFormats(const Ast& ast, Issues& issues) { Walk(ast.root, issues); }

namespace {

void Walk(const Expr* expr, Issues& issues) {
  switch (expr->kind()) {
    case ExprKind::kSelect:
      return Walk(expr->As<Select>().operand, issues);
    case ExprKind::kCall: {
      const Call& call = expr->As<Call>();
      if (call.target) Walk(call.target, issues);
      for (const Expr* arg : call.args) Walk(arg, issues);
      if (call.function != "format" || !call.target || call.args.size() != 1) return;
      const Literal* format = call.target->If<Literal>();
      const List* list = call.args[0]->If<List>();
      if (!format || !format->value.Is(Kind::kString) || !list) return;
      return CheckFormat(expr, format->value.AsString(), list->elements, issues);
    }
    case ExprKind::kList:
      for (const ListElement& element : expr->As<List>().elements) Walk(element.value, issues);
      return;
    case ExprKind::kMap:
      for (const MapEntry& entry : expr->As<MapLiteral>().entries) {
        Walk(entry.key, issues);
        Walk(entry.value, issues);
      }
      return;
    case ExprKind::kComprehension: {
      const Comprehension& fold = expr->As<Comprehension>();
      for (const Expr* part : {fold.range, fold.init, fold.condition, fold.step, fold.result}) {
        Walk(part, issues);
      }
      return;
    }
    default:
      return;
  }
}

void CheckFormat(const Expr* call, std::string_view format, std::span<const ListElement> args,
                 Issues& issues) {
  std::size_t used = 0;
  while (true) {
    std::size_t percent = format.find('%');
    if (percent == std::string_view::npos) break;
    format.remove_prefix(percent + 1);
    if (format.empty()) return Report(call, "unexpected end of string", issues);
    if (format[0] == '%') {
      format.remove_prefix(1);
      continue;
    }
    if (used >= args.size())
      return Report(call, fmt::format("index {} out of range", used), issues);
    std::string problem;
    if (format[0] == '.') ReadPrecision(format, problem);
    if (problem.empty() && std::string_view("sdfebxXo").find(format[0]) == std::string_view::npos) {
      problem = fmt::format("unrecognized formatting clause \"{}\"", format[0]);
    }
    if (!problem.empty()) {
      return Report(call, "could not parse formatting clause: " + problem, issues);
    }
    const Expr* arg = args[used++].value;
    if (std::string refusal = Refusal(format[0], arg->type); !refusal.empty()) {
      return Report(arg, "error during formatting: " + refusal, issues);
    }
    format.remove_prefix(1);
  }
  if (used < args.size()) {
    Report(call,
           fmt::format("too many arguments supplied to string.format (expected {}, got {})", used,
                       args.size()),
           issues);
  }
}

std::string_view ReadPrecision(std::string_view& rest, std::string& problem) {
  rest.remove_prefix(1);
  std::size_t end = rest.find_first_not_of("0123456789");
  std::string_view digits = rest.substr(0, end);
  if (digits.empty() || end == std::string_view::npos) {
    problem = "error while parsing precision: could not find end of precision specifier";
    return digits;
  }
  int precision = kMaxPrecision + 1;
  std::from_chars(digits.data(), digits.data() + digits.size(), precision);
  if (precision > kMaxPrecision) {
    problem = fmt::format(
        "error while parsing precision: precision {} exceeds maximum allowed "
        "precision {}",
        digits, kMaxPrecision);
  }
  rest.remove_prefix(end);
  return digits;
}

// Why the clause does not take the type; empty if it does.
std::string Refusal(char clause, Type type) {
  auto is = [&](std::initializer_list<TypeKind> kinds) {
    return std::find(kinds.begin(), kinds.end(), type.kind()) != kinds.end();
  };
  if (is({TypeKind::kDyn, TypeKind::kAny, TypeKind::kError, TypeKind::kParam})) return {};
  bool number = is({TypeKind::kInt, TypeKind::kUint, TypeKind::kDouble});
  std::string_view takes;
  switch (clause) {
    case 's':
      if (number || is({TypeKind::kString, TypeKind::kBool, TypeKind::kBytes, TypeKind::kNull,
                        TypeKind::kList, TypeKind::kMap, TypeKind::kType, TypeKind::kTimestamp,
                        TypeKind::kDuration})) {
        return {};
      }
      takes =
          "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, "
          "types, durations, and timestamps";
      break;
    case 'd':
      if (number) return {};
      takes = "decimal clause can only be used on ints, uints, and doubles";
      break;
    case 'f':
      if (number) return {};
      takes = "fixed-point clause can only be used on ints, uints, and doubles";
      break;
    case 'e':
      if (number) return {};
      takes = "scientific clause can only be used on ints, uints, and doubles";
      break;
    case 'b':
      if (is({TypeKind::kInt, TypeKind::kUint, TypeKind::kBool})) return {};
      takes = "only ints, uints, and bools can be formatted as binary";
      break;
    case 'o':
      if (is({TypeKind::kInt, TypeKind::kUint})) return {};
      takes = "octal clause can only be used on ints and uints";
      break;
    default:
      if (is({TypeKind::kInt, TypeKind::kUint, TypeKind::kString, TypeKind::kBytes})) return {};
      takes = "only ints, uints, bytes, and strings can be formatted as hex";
      break;
  }
  return fmt::format("{}, was given {}", takes, type.name());
}

void Report(const Expr* at, std::string message, Issues& issues) {
  issues.push_back({.span = Span{at->offset, std::max(at->offset + 1, at->span.end)},
                    .message = std::move(message),
                    .code = "KRO403"});
}

}  // namespace
}  // namespace kro::cel
