#include "apiserver/internal/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cel/cel.h"

namespace kro::apiserver::internal {
namespace {

// One evaluation may take this many steps: some tens of milliseconds.
constexpr std::int64_t kStepBudget = 10'000'000;
constexpr std::size_t kMaxMessage = 5 * 1024;

struct Rule {
  std::shared_ptr<const cel::Program> program;
  std::shared_ptr<const cel::Program> message_program;
  std::string rule;
  std::string message;
  std::string reason;
  std::string field_path;  // normalized
  bool uses_old_self = false;
  bool optional_old_self = false;

  // What stands for the rule in messages.
  const std::string& name() const { return message.empty() ? rule : message; }
};

const cel::Environment& BaseEnvironment();
std::string Trim(std::string_view text);
// `schema` with what an object as a whole has besides.
json::Value AsObject(const json::Value& schema);
FieldError ErrorFor(const Rule& rule, std::string field, const json::Value& self,
                    std::string_view type, const std::string& detail);
// A value that no message shows.
FieldError WithoutValue(FieldErrorType type, std::string_view word, std::string field,
                        std::string_view detail);

class Compiler {
 public:
  Compiler(const json::Value& schema, cel::SchemaTypes& types);

  // Reports faults and compiles what has none.
  Rule Compile(const json::Value& rule, std::size_t index, std::vector<RuleFault>& faults);

 private:
  std::expected<std::shared_ptr<const cel::Program>, std::string> Program(
      std::string_view expression, bool optional_old_self, cel::TypeKind result,
      std::string_view mismatch, std::string_view failure);

  const json::Value& schema_;
  cel::Arena arena_;
  cel::TypeArena types_{arena_};
  cel::Environment plain_;
  cel::Environment optional_;
};

}  // namespace

struct Rules::State {
  json::Value schema;  // types refer to it
  std::string type;
  cel::SchemaTypes types;
  std::shared_ptr<const cel::SchemaTree> tree;
  std::vector<Rule> rules;
};

Rules::Rules(std::unique_ptr<State> state) : state_(std::move(state)) {}
Rules::~Rules() = default;

Result<std::unique_ptr<Rules>> Rules::Compile(const json::Value& schema, bool is_root) {
  auto state = std::make_unique<State>();
  state->schema = is_root ? AsObject(schema) : schema;
  state->type = json::FindString(schema, {"type"});
  auto tree = cel::SchemaTree::Read(state->schema);
  if (!tree) return std::unexpected(tree.error());
  state->tree = *std::move(tree);
  Compiler compiler(state->schema, state->types);
  std::vector<RuleFault> faults;
  const json::Value* rules = json::Find(schema, "x-kubernetes-validations");
  if (rules != nullptr && rules->is_array()) {
    for (const json::Value& rule : rules->get_array()) {
      state->rules.push_back(compiler.Compile(rule, state->rules.size(), faults));
    }
  }
  if (!faults.empty()) return Fail(ErrorCode::kInvalid, "{}", faults.front().text);
  return std::unique_ptr<Rules>(new Rules(std::move(state)));
}

std::vector<RuleFault> Rules::FindFaults(const json::Value& schema, bool is_root,
                                         std::vector<bool>& uses_old_self) {
  std::vector<RuleFault> faults;
  const json::Value whole = is_root ? AsObject(schema) : schema;
  cel::SchemaTypes types;
  Compiler compiler(whole, types);
  const json::Value* rules = json::Find(schema, "x-kubernetes-validations");
  if (rules == nullptr || !rules->is_array()) return faults;
  for (const json::Value& rule : rules->get_array()) {
    uses_old_self.push_back(compiler.Compile(rule, uses_old_self.size(), faults).uses_old_self);
  }
  return faults;
}

std::vector<Rules::Violation> Rules::Check(const std::string& path, const json::Value& self,
                                           const json::Value* old) const {
  std::vector<Violation> violations;
  if (old != nullptr && old->is_null()) old = nullptr;
  const std::string field = path.empty() ? "<nil>" : path;
  cel::Arena arena;
  for (const Rule& rule : state_->rules) {
    if (rule.program == nullptr) continue;
    if (rule.uses_old_self && old == nullptr && !rule.optional_old_self) continue;
    arena.Reset();
    cel::Context context(arena, kStepBudget);
    const cel::Value now = cel::FromJson(context, self, state_->tree->root());
    cel::Value before = cel::Value::Error("no such attribute(s): oldSelf");
    if (old != nullptr) before = cel::FromJson(context, *old, state_->tree->root());
    if (rule.optional_old_self) {
      before = old == nullptr ? cel::Value::None() : cel::MakeOptional(context, before);
    }
    const cel::Binding bindings[] = {{"self", now}, {"oldSelf", before}};
    const cel::Value verdict = rule.program->Evaluate(context, bindings);
    if (verdict.IsTrue()) continue;
    const json::Value type(state_->type);
    if (verdict.IsError()) {
      const std::string_view text = verdict.AsError();
      std::string detail;
      if (text == cel::kBudgetExceeded) {
        detail = fmt::format(
            "'operation cancelled: actual cost limit exceeded': no further validation rules will "
            "be "
            "run due to call cost exceeds limit for rule: {}",
            rule.name());
        violations.push_back({Invalid(field, type, detail), true});
        break;
      }
      if (text.starts_with("no such overload")) {
        detail = fmt::format(
            "'{}': call arguments did not match a supported operator, function or macro signature "
            "for rule: {}",
            text, rule.name());
      } else {
        detail = fmt::format("{} evaluating rule: {}", text, rule.name());
      }
      // Errors are never forgiven.
      violations.push_back({Invalid(field, type, detail), true});
      continue;
    }
    std::string where = field;
    if (!rule.field_path.empty()) {
      where = path.empty() ? rule.field_path : path + "." + rule.field_path;
    }
    std::string detail = rule.message.empty() ? "failed rule: " + rule.rule : rule.message;
    if (rule.message_program != nullptr) {
      const cel::Value message = rule.message_program->Evaluate(context, bindings);
      if (message.Is(cel::Kind::kString)) {
        const std::string text = Trim(message.AsString());
        if (!text.empty() && text.size() <= kMaxMessage && !text.contains('\n')) detail = text;
      }
    }
    violations.push_back(
        {ErrorFor(rule, std::move(where), self, state_->type, detail), rule.uses_old_self});
  }
  return violations;
}

Result<std::string> NormalizeFieldPath(std::string_view path, const json::Value& schema) {
  std::string normalized;
  const json::Value* at = &schema;
  auto step = [&](std::string_view name) -> Result<void> {
    const json::Value* properties = json::Find(*at, "properties");
    if (properties != nullptr && properties->is_object()) {
      at = json::Find(*properties, name);
      if (at == nullptr) return Fail(ErrorCode::kInvalid, "does not refer to a valid field");
      if (!normalized.empty()) normalized += '.';
      normalized += name;
      return {};
    }
    at = json::Find(*at, "additionalProperties");
    if (at == nullptr || !at->is_object()) {
      return Fail(ErrorCode::kInvalid, "does not refer to a valid field");
    }
    normalized += fmt::format("[{}]", name);
    return {};
  };
  while (!path.empty()) {
    if (path[0] == '.') {
      path.remove_prefix(1);
      if (path.empty()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON path");
      const std::size_t end = std::min(path.find_first_of(".[]"), path.size());
      if (auto taken = step(path.substr(0, end)); !taken) return std::unexpected(taken.error());
      path.remove_prefix(end);
    } else if (path[0] == '[') {
      path.remove_prefix(1);
      if (path.empty()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON path");
      if (path[0] != '\'') {
        const std::size_t end = std::min(path.find_first_of(".[]"), path.size());
        return Fail(ErrorCode::kInvalid, "expected single quoted string but got {}",
                    path.substr(0, end));
      }
      std::string name;
      std::size_t i = 1;
      for (; i < path.size() && path[i] != '\''; ++i) {
        if (path[i] == '\\' && i + 1 < path.size()) ++i;
        name += path[i];
      }
      if (i == path.size()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON path");
      if (auto taken = step(name); !taken) return std::unexpected(taken.error());
      path.remove_prefix(i + 1);
      if (path.empty()) return Fail(ErrorCode::kInvalid, "unexpected end of JSON path");
      if (path[0] != ']') {
        return Fail(ErrorCode::kInvalid, "expected ] but got {}", path.substr(0, 1));
      }
      path.remove_prefix(1);
    } else {
      return Fail(ErrorCode::kInvalid, "expected [ or . but got: {}",
                  path.substr(0, std::min(path.find_first_of(".[]"), path.size())));
    }
  }
  return normalized;
}

std::string CompileErrorText(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += diagnostic.compatible.empty() ? diagnostic.message : diagnostic.compatible;
  }
  return text;
}

namespace {

const cel::Environment& BaseEnvironment() {
  static const cel::Environment& environment =
      *new cel::Environment(cel::Environment::Kubernetes());
  return environment;
}

std::string Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

json::Value AsObject(const json::Value& schema) {
  json::Value whole = schema;
  if (json::Object* object = whole.if_object()) {
    (*object)["x-kubernetes-embedded-resource"] = true;
  }
  return whole;
}

FieldError ErrorFor(const Rule& rule, std::string field, const json::Value& self,
                    std::string_view type, const std::string& detail) {
  const bool hidden = type == "object" || type == "array";
  if (rule.reason == "FieldValueForbidden") return Forbidden(std::move(field), detail);
  if (rule.reason == "FieldValueRequired") return Required(std::move(field), detail);
  if (rule.reason == "FieldValueDuplicate") {
    if (!hidden) return Duplicate(std::move(field), self);
    return WithoutValue(FieldErrorType::kDuplicate, "Duplicate value", std::move(field), "");
  }
  if (!hidden) return Invalid(std::move(field), self, detail);
  return WithoutValue(FieldErrorType::kInvalid, "Invalid value", std::move(field), detail);
}

FieldError WithoutValue(FieldErrorType type, std::string_view word, std::string field,
                        std::string_view detail) {
  std::string body(word);
  if (!detail.empty()) body += fmt::format(": {}", detail);
  return {type, std::move(field), std::move(body)};
}

Compiler::Compiler(const json::Value& schema, cel::SchemaTypes& types)
    : schema_(schema), plain_(BaseEnvironment()), optional_(BaseEnvironment()) {
  const cel::Type self = types.Declare("self", schema);
  plain_.AddVariable("self", self);
  plain_.AddVariable("oldSelf", self);
  optional_.AddVariable("self", self);
  optional_.AddVariable("oldSelf", types_.OptionalOf(self));
}

Rule Compiler::Compile(const json::Value& value, std::size_t index,
                       std::vector<RuleFault>& faults) {
  Rule rule;
  rule.rule = Trim(json::FindString(value, {"rule"}));
  rule.message = Trim(json::FindString(value, {"message"}));
  rule.reason = json::FindString(value, {"reason"});
  const json::Value* optional = json::Find(value, "optionalOldSelf");
  rule.optional_old_self = optional != nullptr && optional->is_bool() && optional->get_bool();
  if (rule.rule.empty()) return rule;
  auto program =
      Program(json::FindString(value, {"rule"}), rule.optional_old_self, cel::TypeKind::kBool,
              "cel expression must evaluate to a bool", "compilation failed: ");
  if (!program) {
    faults.push_back({RuleFault::Part::kRule, index, program.error()});
    return rule;
  }
  rule.program = *std::move(program);
  rule.uses_old_self =
      std::ranges::find(rule.program->variables(), "oldSelf") != rule.program->variables().end();
  const std::string_view message = json::FindString(value, {"messageExpression"});
  if (!Trim(message).empty()) {
    auto compiled = Program(message, rule.optional_old_self, cel::TypeKind::kString,
                            "messageExpression must evaluate to a string",
                            "messageExpression compilation failed: ");
    if (!compiled) {
      faults.push_back({RuleFault::Part::kMessageExpression, index, compiled.error()});
    } else {
      rule.message_program = *std::move(compiled);
    }
  }
  const std::string_view path = json::FindString(value, {"fieldPath"});
  if (!path.empty()) {
    auto normalized = NormalizeFieldPath(path, schema_);
    if (normalized) rule.field_path = *std::move(normalized);
  }
  return rule;
}

std::expected<std::shared_ptr<const cel::Program>, std::string> Compiler::Program(
    std::string_view expression, bool optional_old_self, cel::TypeKind result,
    std::string_view mismatch, std::string_view failure) {
  const cel::Environment& environment = optional_old_self ? optional_ : plain_;
  auto ast = cel::Compile(environment, expression);
  if (!ast) return std::unexpected(std::string(failure) + CompileErrorText(ast.error()));
  // dyn is no bool.
  if (!ast->type().Is(result)) return std::unexpected(std::string(mismatch));
  auto program = cel::Plan(*std::move(ast), environment);
  if (!program) {
    return std::unexpected("program instantiation failed: " + program.error().message());
  }
  return *std::move(program);
}

}  // namespace
}  // namespace kro::apiserver::internal
