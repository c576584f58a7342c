// The program: flags, and which command they name.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "cli/cel_command.h"
#include "cli/cel_prompt.h"
#include "cli/controller_command.h"
#include "cli/dev_command.h"
#include "cli/validate_command.h"
#include "cli/version.h"

namespace kro::cli {
namespace {

int Print(const Output& output) {
  std::fwrite(output.out.data(), 1, output.out.size(), stdout);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  return static_cast<int>(output.code);
}

// A first word that is no command: exit 2 with a suggestion. Flags are CLI11's.
std::optional<Output> RefuseUnknownCommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == argv[1]) return std::nullopt;
    names.push_back(command->get_name());
  }
  std::string text = fmt::format("kro: unknown command '{}'", argv[1]);
  if (const auto meant = DidYouMean(argv[1], names))
    text += fmt::format(", did you mean '{}'?", *meant);
  return Output{
      .out = {}, .err = text + "\nRun 'kro --help' for the list.\n", .code = ExitCode::kUsage};
}

int Refuse(const Error& error, ExitCode code) {
  return Print({.out = {}, .err = fmt::format("kro: {}\n", error.message()), .code = code});
}

// What stands first among the arguments that nothing takes.
Error UnknownArgument(const CLI::App& app) {
  const std::vector<std::string> left = app.remaining(true);
  const std::string argument = left.empty() ? "" : left.front().substr(0, left.front().find('='));
  std::string command = app.get_name();
  std::vector<std::string> flags;
  for (const CLI::App* parsed = &app; parsed != nullptr;) {
    for (const CLI::Option* option : parsed->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
    const auto below = parsed->get_subcommands();
    parsed = below.empty() ? nullptr : below.front();
    if (parsed != nullptr) command += " " + parsed->get_name();
  }
  const bool is_flag = argument.starts_with('-');
  std::string text =
      fmt::format("{} {} '{}'", command, is_flag ? "has no flag" : "does not take", argument);
  if (const auto meant = DidYouMean(argument, flags); is_flag && meant) {
    text += fmt::format(", did you mean '{}'?", *meant);
  }
  return Error(ErrorCode::kInvalid, text + fmt::format("\nRun '{} --help' for the list.", command));
}

EnvironmentValues EnvironmentOfProcess() {
  EnvironmentValues values;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) values[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return values;
}

int Main(int argc, char** argv) {
  CLI::App app("kro: a ResourceGraphDefinition becomes an API of your cluster", "kro");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string(kVersion));

  CelOptions cel;
  CLI::App* cel_command = app.add_subcommand(
      "cel", "Evaluate, check and explain an expression, in the environment of a definition");
  cel_command->add_option(
      "expression", cel.expression,
      "the expression, without ${ }; without one there is a prompt, or the lines of stdin "
      "are expressions");
  cel_command->footer(
      "Prints the value as JSON (as an expression where it has no JSON form), its type, the steps "
      "that it cost\n"
      "and the variables that it read. Exits with 1 for an expression that is refused or gives an "
      "error, with 2\n"
      "for wrong usage, with 3 for a file that cannot be read.\n\n"
      "  kro cel \"[1, 2].map(x, x * 2)\"\n"
      "  kro cel \"schema.spec.replicas > 3\" --vars vars.yaml --schema schema=schema.yaml\n"
      "  kro cel --vars vars.yaml        a prompt: the tabulator completes names, :help lists the "
      "rest\n\n"
      "docs/cel.md lists every function.");
  cel_command->add_option("--vars", cel.vars,
                          "YAML or JSON file: a map of variable names to values; - is stdin");
  cel_command->add_option("--schema", cel.schemas,
                          "NAME=FILE, repeatable: the OpenAPI v3 schema of a variable; one without "
                          "a schema is dyn");
  cel_command->add_flag("--check", cel.check_only, "check only: type and variables, no value");
  cel_command->add_flag("--json", cel.json, "print one JSON object");

  ValidateOptions validate;
  std::vector<std::string> validated;
  std::string unknown_kinds = "error";
  std::string format = "text";
  std::string show = "verdict";
  std::string gates;
  CLI::App* validate_command = app.add_subcommand(
      "validate",
      "Compile definitions without a cluster and say everything that is wrong with them");
  validate_command->add_option(
      "files", validated, "files or folders with definitions, and CRDs that they use; - is stdin");
  validate_command->add_option("-f,--filename,--file", validate.files, "the same, repeatable")
      ->allow_extra_args(false);
  validate_command
      ->add_option("--crds", validate.crds,
                   "repeatable: CRDs and OpenAPI v3 documents (kubectl get --raw "
                   "/openapi/v3/apis/GROUP/VERSION) of kinds that are not built in")
      ->allow_extra_args(false);
  validate_command
      ->add_option(
          "--unknown-kinds", unknown_kinds,
          "what to do where nothing is known of a kind; with warn and ignore its fields are dyn")
      ->check(CLI::IsMember({"error", "warn", "ignore"}));
  validate_command->add_flag("--strict", validate.strict, "warnings are errors");
  validate_command
      ->add_option("--show", show, "print the compiled graph or the CRD of each valid definition")
      ->check(CLI::IsMember({"verdict", "graph", "crd"}));
  validate_command->add_option("-o,--output", format, "a report for people or for programs")
      ->check(CLI::IsMember({"text", "json"}));
  validate_command->add_option("--feature-gates", gates, "as of the controller")
      ->check(CLI::IsMember({"CELOmitFunction=true", "CELOmitFunction=false"}));

  ControllerFlags controller;
  CLI::App* controller_command = app.add_subcommand(
      "controller", "Run the operator: definitions become APIs, instances converge");
  AddControllerFlags(*controller_command, controller);

  DevFlags dev;
  CLI::App* dev_command = app.add_subcommand(
      "dev", "Start a Kubernetes API and kro on this machine, and apply files as they are saved");
  AddDevFlags(*dev_command, dev);

  CLI::App* version = app.add_subcommand("version", "Print the version");

  if (const auto refused = RefuseUnknownCommand(app, argc, argv)) return Print(*refused);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "controller") {
    auto prepared = PrepareControllerArguments({arguments.begin() + 1, arguments.end()},
                                               EnvironmentOfProcess());
    if (!prepared) return Refuse(prepared.error(), ExitCode::kNoInput);
    if (auto checked = CheckControllerValues(prepared->given); !checked) {
      return Refuse(checked.error(), ExitCode::kUsage);
    }
    arguments = std::move(prepared->arguments);
    arguments.insert(arguments.begin(), "controller");
  }
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ExtrasError&) {
    return Refuse(UnknownArgument(app), ExitCode::kUsage);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  if (version->parsed()) {
    return Print({.out = fmt::format("kro {}\n", kVersion), .err = {}, .code = ExitCode::kOk});
  }
  if (validate_command->parsed()) {
    // As upstream is called: `kro validate rgd -f FILE`.
    validate.upstream = !validated.empty() && validated.front() == "rgd";
    if (validate.upstream) validated.erase(validated.begin());
    validate.files.insert(validate.files.begin(), validated.begin(), validated.end());
    if (validate.files.empty()) {
      return Refuse(Error(ErrorCode::kInvalid, "validate needs a file: kro validate web.yaml"),
                    ExitCode::kUsage);
    }
    validate.unknown_kinds = unknown_kinds == "error"  ? UnknownKinds::kError
                             : unknown_kinds == "warn" ? UnknownKinds::kWarn
                                                       : UnknownKinds::kIgnore;
    validate.json = format == "json";
    validate.omit = gates == "CELOmitFunction=true";
    using Show = ValidateOptions::Show;
    validate.show = show == "graph" ? Show::kGraph : show == "crd" ? Show::kCrd : Show::kVerdict;
    return Print(RunValidate(validate));
  }
  if (controller_command->parsed()) {
    auto options = ReadControllerFlags(controller);
    if (!options) return Refuse(options.error(), ExitCode::kUsage);
    return RunController(*options);
  }
  if (dev_command->parsed()) return RunDev(dev);
  if (cel_command->count("expression") > 0) return Print(RunCel(cel));
  auto session = CelSession::Open(cel);
  if (!session) return Print(session.error());
  return static_cast<int>(RunCelPrompt(**session));
}

}  // namespace
}  // namespace kro::cli

int main(int argc, char** argv) {
  try {
    return kro::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kro {}: internal error: {}\n", kro::cli::kVersion, error.what());
    return static_cast<int>(kro::cli::ExitCode::kInternal);
  }
}
