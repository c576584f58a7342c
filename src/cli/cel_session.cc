#include "cli/cel_session.h"

#include <fmt/format.h>

#include <optional>

#include "base/diagnostic.h"
#include "cel/convert.h"
#include "cel/library/runtime.h"
#include "cli/read_file.h"
#include "json/yaml.h"

namespace kro::cli {
namespace {

// About a tenth of a second of work.
constexpr std::int64_t kBudget = 10'000'000;

// A value as it is printed.
struct Shown {
  std::string text;  // JSON, "omit()", or an expression if it has no JSON form
  std::string note;  // why it has none
};

std::expected<json::Value, Output> LoadYaml(const std::string& path);
Output Refused(ExitCode code, std::string_view text);
Output Rejected(const Diagnostics& diagnostics);
Shown Show(cel::Context& context, const cel::Value& value);
Output Report(const CelOptions& options, const cel::Program& program,
              const std::optional<Shown>& value, std::int64_t cost);

}  // namespace

std::expected<std::unique_ptr<const CelSession>, Output> CelSession::Open(
    const CelOptions& options) {
  std::unique_ptr<CelSession> session(new CelSession(options));
  if (!options.vars.empty()) {
    auto vars = LoadYaml(options.vars);
    if (!vars) return std::unexpected(std::move(vars.error()));
    if (!vars->is_object()) {
      return std::unexpected(
          Refused(ExitCode::kNoInput,
                  fmt::format("{}: expected a map of variable names to values, found {}",
                              options.vars, json::TypeName(*vars))));
    }
    session->vars_ = *std::move(vars);
  }
  for (const std::string& argument : options.schemas) {
    const std::size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return std::unexpected(
          Refused(ExitCode::kUsage, fmt::format("--schema {}: expected NAME=FILE", argument)));
    }
    auto schema = LoadYaml(argument.substr(equals + 1));
    if (!schema) return std::unexpected(std::move(schema.error()));
    auto tree = cel::SchemaTree::Read(*schema);
    if (!tree)
      return std::unexpected(Refused(ExitCode::kNoInput, argument + ": " + tree.error().message()));
    const std::string name = argument.substr(0, equals);
    session->trees_.insert_or_assign(name, *std::move(tree));
    session->schemas_.insert_or_assign(name, *std::move(schema));
  }
  for (const auto& [name, schema] : session->schemas_) {
    session->environment_.AddVariable(name, session->types_.Declare(name, schema));
  }
  for (const auto& member : session->vars_.as_object()) {
    if (!session->schemas_.contains(std::string_view(member.key()))) {
      session->environment_.AddVariable(member.key(), cel::Dyn());
    }
  }
  return session;
}

Output CelSession::Explain(std::string_view expression) const {
  auto ast = cel::Compile(environment_, expression);
  if (!ast) return Rejected(ast.error());
  auto program = cel::Plan(*std::move(ast), environment_);
  if (!program) return Refused(ExitCode::kNo, program.error().message());
  if (options_.check_only) return Report(options_, **program, std::nullopt, 0);

  cel::Arena arena;
  cel::Context context(arena, kBudget);
  const cel::Value value = (*program)->Evaluate(context, Bind(context));
  if (value.IsError()) {
    const Error error = cel::ToError(value);
    return Refused(ExitCode::kNo, error.code() == ErrorCode::kPending
                                      ? error.message() + " (data pending)"
                                      : error.message());
  }
  const Shown shown = Show(context, value);
  return Report(options_, **program, shown, kBudget - context.budget());
}

std::string CelSession::TypeOf(std::string_view expression) const {
  const auto ast = cel::Compile(environment_, expression);
  return ast ? ast->type().ToAuthor() : std::string();
}

std::vector<std::string> CelSession::KeysOf(std::string_view expression) const {
  auto ast = cel::Compile(environment_, expression);
  if (!ast) return {};
  auto program = cel::Plan(*std::move(ast), environment_);
  if (!program) return {};
  cel::Arena arena;
  cel::Context context(arena, kBudget);
  const cel::Value value = (*program)->Evaluate(context, Bind(context));
  std::vector<std::string> keys;
  if (!value.Is(cel::Kind::kMap)) return keys;
  for (cel::MapIterator it(context, value); it.Next();) {
    if (it.key().Is(cel::Kind::kString)) keys.emplace_back(it.key().AsString());
  }
  return keys;
}

std::string CelSession::ShowVariables() const {
  std::string text;
  for (const cel::Variable& variable : environment_.variables()) {
    text += fmt::format("{}: {}\n", variable.name, variable.type.ToAuthor());
  }
  return text;
}

std::vector<cel::Binding> CelSession::Bind(cel::Context& context) const {
  std::vector<cel::Binding> bindings{{"runtime", cel::RuntimeValue()}};
  for (const auto& member : vars_.as_object()) {
    const auto tree = trees_.find(std::string_view(member.key()));
    const cel::Schema* schema = tree == trees_.end() ? nullptr : tree->second->root();
    bindings.push_back({member.key(), cel::FromJson(context, member.value(), schema)});
  }
  return bindings;
}

namespace {

std::expected<json::Value, Output> LoadYaml(const std::string& path) {
  auto text = ReadFile(path);
  if (!text) return std::unexpected(Refused(ExitCode::kNoInput, text.error().message()));
  auto document = json::ParseYamlDocument(*text, path);
  if (!document) {
    Output rejected = Rejected(document.error());
    rejected.code = ExitCode::kNoInput;
    return std::unexpected(std::move(rejected));
  }
  return std::move(document->value);
}

Output Refused(ExitCode code, std::string_view text) {
  return {.out = {}, .err = fmt::format("kro: {}\n", text), .code = code};
}

Output Rejected(const Diagnostics& diagnostics) {
  Output output{.out = {}, .err = {}, .code = ExitCode::kNo};
  for (const Diagnostic& diagnostic : diagnostics) output.err += Render(diagnostic) + "\n";
  return output;
}

Shown Show(cel::Context& context, const cel::Value& value) {
  const auto json = cel::ToJson(context, value);
  if (!json) return {.text = cel::ToExpression(context, value), .note = json.error().message()};
  return {.text = *json ? json::Serialize(**json) : "omit()", .note = {}};
}

Output Report(const CelOptions& options, const cel::Program& program,
              const std::optional<Shown>& value, std::int64_t cost) {
  std::string reads;
  json::Array names;
  for (const std::string& name : program.variables()) {
    reads += (reads.empty() ? "" : ", ") + name;
    names.emplace_back(name);
  }
  const std::string type = program.type().ToAuthor();
  Output output;
  if (options.json) {
    json::Object report{{"type", type}, {"variables", std::move(names)}};
    if (value) {
      // omit() is no JSON: it takes its field away.
      if (!value->note.empty()) {
        report.emplace("expression", value->text);
        report.emplace("note", value->note);
      } else if (auto parsed = json::Parse(value->text)) {
        report.emplace("value", *std::move(parsed));
      } else {
        report.emplace("omit", true);
      }
      report.emplace("cost", cost);
    }
    output.out = json::Serialize(report) + "\n";
    return output;
  }
  if (value) output.out += fmt::format("value  {}\n", value->text);
  output.out += fmt::format("type   {}\n", type);
  if (value) output.out += fmt::format("cost   {}\n", cost);
  output.out += fmt::format("reads  {}\n", reads.empty() ? "nothing" : reads);
  if (value && !value->note.empty()) output.out += fmt::format("note   {}\n", value->note);
  return output;
}

}  // namespace
}  // namespace kro::cli
