#include "cli/validate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "api/crd_manifests.h"
#include "api/rgd.h"
#include "apiserver/structural_schema.h"
#include "base/diagnostic.h"
#include "cli/offline_kinds.h"
#include "cli/read_file.h"
#include "cli/source_block.h"
#include "graph/compile.h"
#include "graph/suspicions.h"
#include "json/kubectl_yaml.h"

namespace kro::cli {
namespace {

constexpr std::string_view kAboutKinds =
    "kinds that are not built in: give their CRDs or OpenAPI documents with --crds, or take them "
    "untyped with "
    "--unknown-kinds=warn\n";

struct File {
  std::string name;
  std::string text;
  std::vector<json::Document> documents;
  Diagnostics warnings;
  Diagnostics faults;  // of reading it
};

// One definition, and what is to be said of it.
struct Definition {
  const File* file = nullptr;
  const json::Document* document = nullptr;
  std::size_t number = 0;  // of the document in its file
  std::optional<api::Rgd> rgd;
  std::shared_ptr<const graph::Graph> graph;
  bool is_refused = false;  // by the API server
  Diagnostics found;        // faults and warnings
};

class Validation {
 public:
  explicit Validation(const ValidateOptions& options) : options_(options) {}

  Output Run();

 private:
  // Each gives the output that ends the command, if something cannot be read.
  std::optional<Output> ReadFiles();
  std::optional<Output> ReadSchemas();
  void FindDefinitions();
  void CompileAll();
  bool Compile(Definition& definition, bool is_last_try);
  static void Admit(Definition& definition);
  void Warn(std::string_view file, std::string_view text);
  void Count(const Diagnostics& diagnostics);
  Output Text() const;
  Output Json() const;
  std::string Summary() const;

  const ValidateOptions& options_;
  OfflineKinds kinds_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<Definition> definitions_;
  std::string notes_;  // of files that were passed over
  int errors_ = 0;
  int warnings_ = 0;
};

Result<std::vector<std::string>> FilesOf(const std::string& path);
Output CannotRead(std::string_view text);
bool IsDefinition(const json::Value& object);
bool IsCrd(const json::Value& object);
bool IsError(const Diagnostic& diagnostic) { return diagnostic.severity == Severity::kError; }
const apiserver::StructuralSchema* SchemaOfDefinitions();
void ExplainYaml(Diagnostic& fault, std::string_view text);
std::string Plural(std::size_t count, std::string_view noun);
std::size_t LevelsOf(const graph::Graph& graph);
json::Value ToJson(const Diagnostic& diagnostic);

}  // namespace

Output RunValidate(const ValidateOptions& options) { return Validation(options).Run(); }

namespace {

Output Validation::Run() {
  if (auto ended = ReadFiles()) return *std::move(ended);
  if (auto ended = ReadSchemas()) return *std::move(ended);
  FindDefinitions();
  const bool unreadable =
      std::ranges::any_of(files_, [](const auto& file) { return !file->faults.empty(); });
  if (definitions_.empty() && !unreadable) {
    return CannotRead("no ResourceGraphDefinition found in the given files");
  }
  CompileAll();
  for (const auto& file : files_) {
    Count(file->faults);
    Count(file->warnings);
  }
  for (const Definition& definition : definitions_) Count(definition.found);
  Output output = options_.json ? Json() : Text();
  const bool failed = errors_ > 0 || (options_.strict && warnings_ > 0);
  output.code = failed ? ExitCode::kNo : ExitCode::kOk;
  return output;
}

std::optional<Output> Validation::ReadFiles() {
  for (const std::string& path : options_.files) {
    const auto names = FilesOf(path);
    if (!names) return CannotRead(names.error().message());
    for (const std::string& name : *names) {
      auto text = ReadFile(name);
      if (!text && name == path) return CannotRead(text.error().message());
      auto file = std::make_unique<File>();
      file->name = name == "-" ? "stdin" : name;
      if (!text) {
        // One of a folder says nothing about the others.
        file->faults.push_back({.code = "KRO101",
                                .message = text.error().message().substr(name.size() + 2),
                                .where = {.source = name}});
        files_.push_back(std::move(file));
        continue;
      }
      file->text = *std::move(text);
      auto read = json::ParseKubectlYaml(file->text, file->name);
      if (read) {
        file->documents = std::move(read->documents);
        file->warnings = std::move(read->warnings);
      } else {
        file->faults = std::move(read.error());
        for (Diagnostic& fault : file->faults) ExplainYaml(fault, file->text);
      }
      files_.push_back(std::move(file));
    }
  }
  return std::nullopt;
}

std::optional<Output> Validation::ReadSchemas() {
  for (const std::string& path : options_.crds) {
    const auto names = FilesOf(path);
    if (!names) return CannotRead(names.error().message());
    for (const std::string& name : *names) {
      const auto text = ReadFile(name);
      if (!text) return CannotRead(text.error().message());
      const auto read = json::ParseKubectlYaml(*text, name);
      if (!read) return CannotRead(Render(read.error().front()));
      for (const json::Document& document : read->documents) {
        const auto added = IsCrd(document.value) ? kinds_.AddCrd(document.value)
                                                 : kinds_.AddDocument(document.value);
        if (added) continue;
        if (names->size() == 1)
          return CannotRead(fmt::format("{}: {}", name, added.error().message()));
        Warn(name, added.error().message());
      }
    }
  }
  for (const auto& file : files_) {
    for (const json::Document& document : file->documents) {
      if (!IsCrd(document.value)) continue;
      if (auto added = kinds_.AddCrd(document.value); !added)
        Warn(file->name, added.error().message());
    }
  }
  return std::nullopt;
}

void Validation::FindDefinitions() {
  for (const auto& file : files_) {
    for (std::size_t i = 0; i < file->documents.size(); ++i) {
      const json::Document& document = file->documents[i];
      if (!IsDefinition(document.value)) continue;
      Definition& definition = definitions_.emplace_back();
      definition.file = file.get();
      definition.document = &document;
      definition.number = i;
      auto decoded = api::DecodeRgd(document.value, file->name, &document.map);
      if (!decoded) {
        definition.found = std::move(decoded.error());
        continue;
      }
      definition.rgd = std::move(decoded->rgd);
      definition.found = std::move(decoded->warnings);
    }
  }
}

// A definition may use the kinds that others define, in any order: what waits for such a kind is
// compiled again when there are more.
void Validation::CompileAll() {
  std::vector<Definition*> waiting;
  for (Definition& definition : definitions_) {
    if (definition.rgd) waiting.push_back(&definition);
  }
  for (bool progress = true; progress && !waiting.empty();) {
    const std::size_t before = waiting.size();
    std::erase_if(waiting, [&](Definition* definition) { return Compile(*definition, false); });
    progress = waiting.size() < before;
  }
  for (Definition* definition : waiting) Compile(*definition, true);
  for (Definition& definition : definitions_) Admit(definition);
}

// Adds what the API server would say to the definition, unless the compiler said so of the same place, and
// what is hardly meant.
void Validation::Admit(Definition& definition) {
  if (!definition.rgd) return;
  const json::Document& document = *definition.document;
  const auto* schema = definition.rgd->from_resource_group ? nullptr : SchemaOfDefinitions();
  if (schema != nullptr) {
    json::Value object = document.value;
    schema->Default(object);
    for (const apiserver::FieldError& error : schema->Validate(object, nullptr).errors) {
      // "<nil>" says that rules were not evaluated because of the errors before.
      const bool is_known = error.field == "<nil>" ||
                            std::ranges::any_of(definition.found, [&](const Diagnostic& fault) {
                              return IsError(fault) && fault.where.path.starts_with(error.field);
                            });
      if (is_known) continue;
      Diagnostic fault{.code = "KRO107",
                       .message = fmt::format("the API server would refuse this: {}", error.body)};
      fault.where = {.source = definition.file->name, .path = error.field};
      if (const auto path = json::FieldPath::Parse(error.field))
        fault.where.position = document.map.Of(*path);
      fault.compatible = error.Text();
      definition.found.push_back(std::move(fault));
      definition.is_refused = true;
    }
  }
  const Diagnostics suspicions =
      graph::FindSuspicions(definition.rgd->spec, definition.file->name, &document.map);
  definition.found.insert(definition.found.end(), suspicions.begin(), suspicions.end());
}

// False if it may compile once more kinds are known.
bool Validation::Compile(Definition& definition, bool is_last_try) {
  const api::Rgd& rgd = *definition.rgd;
  Diagnostics untyped;
  const std::vector<api::Gvk> unknown = kinds_.Load(graph::KindsIn(rgd.spec));
  graph::CompileOptions options;
  options.source = definition.file->name;
  options.map = &definition.document->map;
  if (options_.omit) options.omit = graph::OmitFunction::kEnabled;
  auto compiled = graph::Compile(rgd.name, rgd.spec, kinds_.kinds(), options);
  if (!compiled && !unknown.empty() && !is_last_try) return false;
  if (!compiled && !unknown.empty() && options_.unknown_kinds != UnknownKinds::kError) {
    for (Diagnostic& fault : compiled.error()) {
      if (fault.code != "KRO601") continue;
      fault.severity = Severity::kWarning;
      fault.message += "; what is read of it is dyn";
      if (options_.unknown_kinds == UnknownKinds::kWarn) untyped.push_back(std::move(fault));
    }
    for (const api::Gvk& gvk : unknown) kinds_.AddUntyped(gvk);
    compiled = graph::Compile(rgd.name, rgd.spec, kinds_.kinds(), options);
  }
  if (compiled) {
    definition.graph = *compiled;
    (void)kinds_.AddCrd(definition.graph->crd);
  } else {
    definition.found.insert(definition.found.begin(), compiled.error().begin(),
                            compiled.error().end());
    if (!unknown.empty() && !notes_.contains(kAboutKinds)) notes_ += kAboutKinds;
  }
  definition.found.insert(definition.found.end(), untyped.begin(), untyped.end());
  return true;
}

void Validation::Warn(std::string_view file, std::string_view text) {
  notes_ += fmt::format("{}: passed over: {}\n", file, text);
}

void Validation::Count(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) ++(IsError(diagnostic) ? errors_ : warnings_);
}

Output Validation::Text() const {
  Output output;
  for (const auto& file : files_) {
    for (const Diagnostic& fault : file->faults) output.err += SourceBlock(fault, file->text);
    for (const Diagnostic& warning : file->warnings) output.err += SourceBlock(warning, file->text);
    for (const Definition& definition : definitions_) {
      if (definition.file != file.get()) continue;
      for (const Diagnostic& fault : definition.found) output.err += SourceBlock(fault, file->text);
      if (definition.graph == nullptr) continue;
      const graph::Graph& graph = *definition.graph;
      switch (options_.show) {
        case ValidateOptions::Show::kGraph:
          output.out += Dump(graph);
          break;
        case ValidateOptions::Show::kCrd:
          output.out += "---\n" + json::ToYaml(graph.crd);
          break;
        case ValidateOptions::Show::kVerdict:
          if (options_.upstream || definition.is_refused) break;
          output.out +=
              fmt::format("{}: {} {}: valid ({}, {})\n", file->name,
                          json::FindString(definition.document->value, {"kind"}), graph.name,
                          Plural(graph.nodes.size(), "resource"), Plural(LevelsOf(graph), "level"));
      }
    }
  }
  output.err += notes_;
  const bool failed = errors_ > 0 || (options_.strict && warnings_ > 0);
  if (failed) {
    output.err += "validation failed: " + Summary();
  } else if (options_.upstream && definitions_.size() == 1 &&
             options_.show == ValidateOptions::Show::kVerdict) {
    output.out += "Validation successful! The ResourceGraphDefinition is valid.\n";
  } else if (options_.show == ValidateOptions::Show::kVerdict) {
    output.out += Summary();
  }
  return output;
}

std::string Validation::Summary() const {
  std::size_t documents = definitions_.size();
  for (const auto& file : files_) documents += file->faults.empty() ? 0 : 1;
  return fmt::format("{} checked, {}, {}\n", Plural(documents, "document"),
                     Plural(static_cast<std::size_t>(errors_), "error"),
                     Plural(static_cast<std::size_t>(warnings_), "warning"));
}

Output Validation::Json() const {
  json::Array results;
  const auto list = [](const Diagnostics& diagnostics, json::Array& into) {
    for (const Diagnostic& diagnostic : diagnostics) into.push_back(ToJson(diagnostic));
  };
  for (const auto& file : files_) {
    if (file->faults.empty() && file->warnings.empty()) continue;
    json::Array diagnostics;
    list(file->faults, diagnostics);
    list(file->warnings, diagnostics);
    results.push_back(json::Object{
        {"file", file->name}, {"document", 0}, {"diagnostics", std::move(diagnostics)}});
  }
  for (const Definition& definition : definitions_) {
    json::Array diagnostics;
    list(definition.found, diagnostics);
    const json::Value& object = definition.document->value;
    results.push_back(
        json::Object{{"file", definition.file->name},
                     {"document", static_cast<std::int64_t>(definition.number)},
                     {"object",
                      {{"apiVersion", json::FindString(object, {"apiVersion"})},
                       {"kind", json::FindString(object, {"kind"})},
                       {"name", json::FindString(object, {"metadata", "name"})},
                       {"namespace", json::FindString(object, {"metadata", "namespace"})}}},
                     {"diagnostics", std::move(diagnostics)}});
  }
  const json::Object report{{"apiVersion", "cli.kro.run/v1"},
                            {"kind", "ValidationReport"},
                            {"summary",
                             {{"files", static_cast<std::int64_t>(files_.size())},
                              {"documents", static_cast<std::int64_t>(definitions_.size())},
                              {"errors", errors_},
                              {"warnings", warnings_},
                              {"infos", 0}}},
                            {"results", std::move(results)}};
  return {.out = json::Serialize(report) + "\n", .err = notes_};
}

// The file itself, or those of a folder, in the order of their names.
Result<std::vector<std::string>> FilesOf(const std::string& path) {
  std::error_code error;
  if (path == "-" || !std::filesystem::is_directory(path, error))
    return std::vector<std::string>{path};
  std::vector<std::string> names;
  std::filesystem::directory_iterator entries(path, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string extension = entries->path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json")
      names.push_back(entries->path());
  }
  if (error) return Fail(ErrorCode::kInvalid, "{}: {}", path, error.message());
  std::ranges::sort(names);
  return names;
}

Output CannotRead(std::string_view text) {
  return {.out = {}, .err = fmt::format("kro: {}\n", text), .code = ExitCode::kNoInput};
}

bool IsDefinition(const json::Value& object) {
  const std::string_view kind = json::FindString(object, {"kind"});
  return json::FindString(object, {"apiVersion"}).starts_with("kro.run/") &&
         (kind == "ResourceGraphDefinition" || kind == "ResourceGroup");
}

bool IsCrd(const json::Value& object) {
  return json::FindString(object, {"kind"}) == "CustomResourceDefinition";
}

// nullptr if there is none, which a test of the manifest rules out.
const apiserver::StructuralSchema* SchemaOfDefinitions() {
  static const auto schema = apiserver::StructuralSchema::Read(
      *json::Find(api::RgdCrd().at("spec").at("versions").at(0), {"schema", "openAPIV3Schema"}));
  return schema ? schema->get() : nullptr;
}

// What to do about a text that is no YAML, where it is clear from the line.
void ExplainYaml(Diagnostic& fault, std::string_view text) {
  if (fault.where.position.line == 0) return;
  for (std::uint32_t line = 1; line < fault.where.position.line && !text.empty(); ++line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::size_t begin = line.find("${");
  if (const std::size_t list = line.find(": []"); list != line.npos && list + 4 < line.size()) {
    fault.hint = "quote it: \"[]…\"";
  } else if (begin != line.npos && line.find(": ", begin) != line.npos) {
    fault.hint = "an expression that holds ': ' must be quoted: '${…}'";
  }
}

std::string Plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// How many resources stand one upon another at most.
std::size_t LevelsOf(const graph::Graph& graph) {
  std::vector<std::size_t> levels(graph.nodes.size(), 1);
  std::size_t most = 0;
  for (const std::size_t node : graph.order) {
    for (const std::size_t below : graph.nodes[node].dependencies) {
      levels[node] = std::max(levels[node], levels[below] + 1);
    }
    most = std::max(most, levels[node]);
  }
  return most;
}

json::Value ToJson(const Diagnostic& diagnostic) {
  const Location& where = diagnostic.where;
  const std::uint32_t width = where.span ? where.span->end - where.span->begin : 0;
  json::Object object{
      {"code", diagnostic.code},
      {"severity", diagnostic.severity == Severity::kError ? "error" : "warning"},
      {"message", diagnostic.message},
      {"conditionText", diagnostic.compatible},
      {"path", where.path},
      {"range",
       {{"start", {{"line", where.position.line}, {"column", where.position.column}}},
        {"end", {{"line", where.position.line}, {"column", where.position.column + width}}}}}};
  if (!diagnostic.hint.empty()) object["hint"] = diagnostic.hint;
  json::Array related;
  for (const Related& other : diagnostic.related) {
    related.push_back(json::Object{{"message", other.message},
                                   {"path", other.where.path},
                                   {"line", other.where.position.line},
                                   {"column", other.where.position.column}});
  }
  if (!related.empty()) object["related"] = std::move(related);
  return object;
}

}  // namespace
}  // namespace kro::cli
