#include "apiserver/admission/policy.h"

#include <fmt/format.h>

#include <expected>

#include "apiserver/admission/authorizer_library.h"
#include "apiserver/internal/names.h"
#include "apiserver/internal/rules.h"
#include "apiserver/kinds/values.h"
#include "cel/cel.h"
#include "cel/library.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kReasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge"};

const cel::Environment& BaseEnvironment();
std::string Trim(std::string_view text);
bool IsIdentifier(std::string_view name);
// Types that stand on nothing; dyn for all others.
cel::Type PlainType(cel::Type type);

}  // namespace

struct Policy::Expression {
  std::string text;
  std::shared_ptr<const cel::Program> program;  // nullptr: `fault` tells why
  std::string fault;

  // The value, an error value if it does not compile.
  cel::Value Evaluate(cel::Context& context, std::span<const cel::Binding> bindings) const {
    return program == nullptr ? cel::Value::Error(fault) : program->Evaluate(context, bindings);
  }
};

struct Policy::Variable {
  std::string name;  // "variables.x"
  Expression expression;
};

struct Policy::Validation {
  Expression expression;
  std::string message;
  std::optional<Expression> message_expression;
  std::string reason;
};

// Compiles the expressions of one policy, which see the variables declared before them.
class Policy::Compiler {
 public:
  Compiler() : environment_(BaseEnvironment()) {}

  Expression Compile(std::string_view text, std::string_view wanted) const {
    Expression expression{std::string(text), nullptr, ""};
    auto ast = cel::Compile(environment_, text);
    if (!ast) {
      expression.fault = "compilation failed: " + internal::CompileErrorText(ast.error());
      return expression;
    }
    const cel::Type type = ast->type();
    const bool fits = wanted.empty() || type.Is(cel::TypeKind::kDyn) || type.ToString() == wanted;
    if (!fits) {
      expression.fault = fmt::format("must evaluate to {} but got {}", wanted, type.ToString());
      return expression;
    }
    auto program = cel::Plan(*std::move(ast), environment_);
    if (program) {
      expression.program = *std::move(program);
    } else {
      expression.fault = program.error().message();
    }
    return expression;
  }

  void Declare(std::string_view name, const Expression& expression) {
    environment_.AddVariable(
        name, expression.program == nullptr ? cel::Dyn() : PlainType(expression.program->type()));
  }

 private:
  cel::Environment environment_;
};

Policy::Policy(const json::Value& object)
    : name_(StringAt(object, {"metadata", "name"})),
      spec_(json::Find(object, "spec") == nullptr ? json::Value(json::Object())
                                                  : *json::Find(object, "spec")),
      ignores_failures_(StringAt(spec_, {"failurePolicy"}) == "Ignore") {
  Compiler compiler;
  for (const json::Value& condition : ArrayAt(spec_, {"matchConditions"})) {
    conditions_.push_back(compiler.Compile(StringAt(condition, {"expression"}), "bool"));
  }
  for (const json::Value& variable : ArrayAt(spec_, {"variables"})) {
    const std::string name = fmt::format("variables.{}", StringAt(variable, {"name"}));
    variables_.push_back({name, compiler.Compile(StringAt(variable, {"expression"}), "")});
    compiler.Declare(name, variables_.back().expression);
  }
  for (const json::Value& validation : ArrayAt(spec_, {"validations"})) {
    Validation made{compiler.Compile(StringAt(validation, {"expression"}), "bool"),
                    std::string(StringAt(validation, {"message"})), std::nullopt,
                    std::string(StringAt(validation, {"reason"}))};
    if (const auto text = StringAt(validation, {"messageExpression"}); !text.empty()) {
      made.message_expression = compiler.Compile(text, "string");
    }
    validations_.push_back(std::move(made));
  }
}

Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;

void Policy::FindFaults(const json::Value& object, FieldErrors& errors) {
  const json::Value* spec = json::Find(object, "spec");
  if (spec == nullptr) return;
  Compiler compiler;
  const auto check = [&](std::string field, std::string_view text, std::string_view wanted) {
    Expression expression = compiler.Compile(text, wanted);
    if (!expression.fault.empty()) {
      errors.push_back(Invalid(std::move(field), json::Value(text), expression.fault));
    }
    return expression;
  };
  std::size_t i = 0;
  for (const json::Value& condition : ArrayAt(*spec, {"matchConditions"})) {
    const std::string at = fmt::format("spec.matchConditions[{}]", i++);
    const auto text = StringAt(condition, {"expression"});
    if (Trim(text).empty()) {
      errors.push_back(Required(at + ".expression"));
    } else {
      check(at + ".expression", text, "bool");
    }
    const auto name = StringAt(condition, {"name"});
    if (name.empty()) errors.push_back(Required(at + ".name"));
    if (name.empty()) continue;
    for (const std::string& complaint : CheckQualifiedName(name)) {
      errors.push_back(Invalid(at + ".name", json::Value(name), complaint));
    }
  }
  i = 0;
  for (const json::Value& variable : ArrayAt(*spec, {"variables"})) {
    const std::string at = fmt::format("spec.variables[{}]", i++);
    const auto name = StringAt(variable, {"name"});
    const auto text = StringAt(variable, {"expression"});
    if (name.empty()) {
      errors.push_back(Required(at + ".name", "name is not specified"));
    } else if (!IsIdentifier(name)) {
      errors.push_back(Invalid(at + ".name", json::Value(name), "must be a valid CEL identifier"));
    }
    if (Trim(text).empty()) {
      errors.push_back(Required(at + ".expression", "expression is not specified"));
      continue;
    }
    const Expression expression = check(at + ".expression", text, "");
    if (IsIdentifier(name)) compiler.Declare(fmt::format("variables.{}", name), expression);
  }
  i = 0;
  for (const json::Value& validation : ArrayAt(*spec, {"validations"})) {
    const std::string at = fmt::format("spec.validations[{}]", i++);
    const auto text = StringAt(validation, {"expression"});
    const auto message = StringAt(validation, {"message"});
    const auto composed = StringAt(validation, {"messageExpression"});
    const auto reason = StringAt(validation, {"reason"});
    if (Trim(text).empty()) {
      errors.push_back(Required(at + ".expression", "expression is not specified"));
    } else {
      check(at + ".expression", text, "bool");
    }
    if (!composed.empty()) check(at + ".messageExpression", composed, "string");
    if (Trim(message).find('\n') != std::string::npos) {
      errors.push_back(
          Invalid(at + ".message", json::Value(message), "must not contain line breaks"));
    } else if (text.find('\n') != std::string_view::npos &&
               Trim(text).find('\n') != std::string::npos && message.empty()) {
      errors.push_back(Required(at + ".message",
                                "message must be specified if expression contains line breaks"));
    }
    if (!reason.empty() && std::ranges::find(kReasons, reason) == std::end(kReasons)) {
      errors.push_back(NotSupported(at + ".reason", json::Value(reason), kReasons));
    }
  }
}

Policy::Outcome Policy::Evaluate(cel::Context& context,
                                 std::span<const cel::Binding> bindings) const {
  const auto failure = [&](const Expression& expression, const cel::Value& value) {
    if (ignores_failures_) return Outcome{Verdict::kSkipped, "", ""};
    const std::string_view why = value.IsError() ? value.AsError() : "no boolean";
    return Outcome{Verdict::kRefuses,
                   fmt::format("expression '{}' resulted in error: {}", Trim(expression.text), why),
                   ""};
  };
  std::optional<Outcome> failed;
  for (const Expression& condition : conditions_) {
    const cel::Value value = condition.Evaluate(context, bindings);
    if (value.IsFalse()) return {Verdict::kSkipped, "", ""};
    if (!value.IsTrue() && !failed) failed = failure(condition, value);
  }
  if (failed) return *failed;

  std::vector<cel::Binding> all(bindings.begin(), bindings.end());
  all.reserve(all.size() + variables_.size());
  for (const Variable& variable : variables_) {
    all.push_back({variable.name, variable.expression.Evaluate(context, all)});
  }
  for (const Validation& validation : validations_) {
    const cel::Value value = validation.expression.Evaluate(context, all);
    if (value.IsTrue()) continue;
    if (!value.IsFalse()) {
      Outcome outcome = failure(validation.expression, value);
      if (outcome.verdict == Verdict::kSkipped) continue;
      return outcome;
    }
    Outcome outcome{Verdict::kRefuses, Trim(validation.message), validation.reason};
    if (outcome.message.empty()) {
      outcome.message = "failed expression: " + Trim(validation.expression.text);
    }
    if (validation.message_expression) {
      const cel::Value message = validation.message_expression->Evaluate(context, all);
      if (message.Is(cel::Kind::kString)) {
        const std::string text = Trim(message.AsString());
        if (!text.empty() && text.find('\n') == std::string::npos) outcome.message = text;
      }
    }
    return outcome;
  }
  return {};
}

namespace {

const cel::Environment& BaseEnvironment() {
  static const cel::Environment& environment = *[] {
    const cel::Library* libraries[] = {&cel::StandardLibrary(),
                                       &cel::OptionalLibrary(),
                                       &cel::StringsLibrary(),
                                       &cel::ListsLibrary(),
                                       &cel::KubernetesListsLibrary(),
                                       &cel::UrlLibrary(),
                                       &cel::RegexLibrary(),
                                       &cel::QuantityLibrary(),
                                       &cel::NetworkLibrary(),
                                       &cel::SemverLibrary(),
                                       &AuthorizerLibrary()};
    auto* made = new cel::Environment(libraries, {.bindings = false, .mixed_comparisons = true});
    for (std::string_view name : {"object", "oldObject", "request", "params", "namespaceObject"}) {
      made->AddVariable(name, cel::Dyn());
    }
    made->AddVariable("authorizer", AuthorizerType());
    made->AddVariable("authorizer.requestResource", ResourceCheckType());
    return made;
  }();
  return environment;
}

std::string Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

bool IsIdentifier(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

cel::Type PlainType(cel::Type type) {
  for (const cel::Type plain : {cel::Bool(), cel::Int(), cel::Uint(), cel::Double(), cel::String(),
                                cel::Bytes(), cel::Time(), cel::Duration()}) {
    if (type == plain) return plain;
  }
  return cel::Dyn();
}

}  // namespace
}  // namespace kro::apiserver
