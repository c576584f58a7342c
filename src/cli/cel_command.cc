#include "cli/cel_command.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/diagnostic.h"
#include "cel/cel.h"
#include "cel/convert.h"
#include "cli/read_file.h"
#include "json/yaml.h"

namespace kro::cli {
namespace {

// About a tenth of a second of work.
constexpr std::int64_t kBudget = 10'000'000;

// The data of the variables, and how it is read.
struct Data {
  json::Value vars = json::Object();
  std::map<std::string, json::Value, std::less<>> schemas;
  std::map<std::string, std::shared_ptr<const cel::SchemaTree>, std::less<>> trees;
};

// A value as it is printed.
struct Shown {
  std::string text;  // JSON, "omit()", or an expression if it has no JSON form
  std::string note;  // why it has none
};

std::optional<Output> Load(const CelOptions& options, Data& data);
std::expected<json::Value, Output> LoadYaml(const std::string& path);
Output Refused(ExitCode code, std::string_view text);
Output Rejected(const Diagnostics& diagnostics);
Output Report(const CelOptions& options, const cel::Program& program,
              const std::optional<Shown>& value, std::int64_t cost);

}  // namespace

Output RunCel(const CelOptions& options) {
  Data data;
  if (auto refused = Load(options, data)) return *std::move(refused);

  cel::Environment environment = cel::Environment::Kro();
  cel::SchemaTypes types;
  for (const auto& [name, schema] : data.schemas) {
    environment.AddVariable(name, types.Declare(name, schema));
  }
  for (const auto& member : data.vars.as_object()) {
    if (!data.schemas.contains(std::string_view(member.key()))) {
      environment.AddVariable(member.key(), cel::Dyn());
    }
  }

  auto ast = cel::Compile(environment, options.expression);
  if (!ast) return Rejected(ast.error());
  auto program = cel::Plan(*std::move(ast), environment);
  if (!program) return Refused(ExitCode::kNo, program.error().message());
  if (options.check_only) return Report(options, **program, std::nullopt, 0);

  cel::Arena arena;
  cel::Context context(arena, kBudget);
  std::vector<cel::Binding> bindings;
  for (const auto& member : data.vars.as_object()) {
    const auto tree = data.trees.find(std::string_view(member.key()));
    bindings.push_back(
        {member.key(), cel::FromJson(context, member.value(),
                                     tree == data.trees.end() ? nullptr : tree->second->root())});
  }
  const cel::Value value = (*program)->Evaluate(context, bindings);
  if (value.IsError()) {
    const Error error = cel::ToError(value);
    return Refused(ExitCode::kNo, error.code() == ErrorCode::kPending
                                      ? error.message() + " (data pending)"
                                      : error.message());
  }
  const auto json = cel::ToJson(context, value);
  Shown shown;
  if (!json) {
    shown = {.text = cel::ToExpression(context, value), .note = json.error().message()};
  } else {
    shown.text = *json ? json::Serialize(**json) : "omit()";
  }
  return Report(options, **program, shown, kBudget - context.budget());
}

namespace {

std::optional<Output> Load(const CelOptions& options, Data& data) {
  if (!options.vars.empty()) {
    auto vars = LoadYaml(options.vars);
    if (!vars) return std::move(vars.error());
    if (!vars->is_object()) {
      return Refused(ExitCode::kNoInput,
                     fmt::format("{}: expected a map of variable names to values, found {}",
                                 options.vars, json::TypeName(*vars)));
    }
    data.vars = *std::move(vars);
  }
  for (const std::string& argument : options.schemas) {
    const std::size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Refused(ExitCode::kUsage,
                     fmt::format("--schema {}: expected NAME=FILE", argument));
    }
    auto schema = LoadYaml(argument.substr(equals + 1));
    if (!schema) return std::move(schema.error());
    auto tree = cel::SchemaTree::Read(*schema);
    if (!tree) return Refused(ExitCode::kNoInput, argument + ": " + tree.error().message());
    const std::string name = argument.substr(0, equals);
    data.trees.insert_or_assign(name, *std::move(tree));
    data.schemas.insert_or_assign(name, *std::move(schema));
  }
  return std::nullopt;
}

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
