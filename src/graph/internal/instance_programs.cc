#include "graph/internal/instance_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/go_quote.h"
#include "graph/internal/conditions.h"
#include "graph/internal/report.h"
#include "graph/template_walk.h"
#include "json/go_type.h"
#include "schema/status_inference.h"

namespace kro::graph {
namespace {

class InstanceBuilder {
 public:
  InstanceBuilder(const json::Object& block, ProgramBuilder& builder)
      : block_(block), builder_(builder) {}

  InstancePrograms Run();

 private:
  std::vector<TemplateString> TakeConditions();
  void BuildStatus();
  void BuildField(const FieldExpression& field);
  void InferSchema();

  const json::Object& block_;
  ProgramBuilder& builder_;
  InstancePrograms built_;
  std::vector<schema::StatusField> types_;
  Diagnostics bad_conditions_;     // entries that hold no expression
  Diagnostics without_reference_;  // fields that refer to nothing
};

json::FieldPath StatusPath();

}  // namespace

InstancePrograms BuildInstancePrograms(const api::RgdSchema& schema, ProgramBuilder& builder) {
  if (!schema.status || schema.status->is_null()) return {};
  if (const auto* block = schema.status->if_object()) return InstanceBuilder(*block, builder).Run();
  InstancePrograms failed;
  Diagnostic fault =
      Problem("KRO103", StatusPath(),
              fmt::format("expected an object, got {}", json::TypeName(*schema.status)));
  fault.compatible = fmt::format(
      "failed to unmarshal status schema: error unmarshaling JSON: while decoding JSON: "
      "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
      json::TypeName(*schema.status));
  failed.faults.push_back(std::move(fault));
  return failed;
}

namespace {

InstancePrograms InstanceBuilder::Run() {
  const std::vector<TemplateString> conditions = TakeConditions();
  BuildStatus();
  InferSchema();
  built_.faults = Enclose(std::move(built_.faults), {}, "failed to build instance status schema: ");
  Append(built_.faults, std::move(bad_conditions_));
  auto [programs, faults] = BuildConditions(conditions, builder_);
  built_.conditions = std::move(programs);
  Append(built_.faults, std::move(faults));
  Append(built_.faults,
         Enclose(std::move(without_reference_), {}, "failed to create instance node: "));
  return std::move(built_);
}

// The entries of `conditions`, empty ones where an entry is no text.
std::vector<TemplateString> InstanceBuilder::TakeConditions() {
  std::vector<TemplateString> entries;
  const json::Value* conditions = block_.if_contains("conditions");
  if (conditions == nullptr) return entries;
  const json::FieldPath path = StatusPath().Child("conditions");
  const auto refuse = [&](const json::FieldPath& where, std::string text, std::string message) {
    Diagnostic fault = Problem("KRO103", where, std::move(text));
    fault.compatible.insert(0, "failed to extract conditions block: ");
    fault.message = std::move(message);
    built_.faults.push_back(std::move(fault));
  };
  if (!conditions->is_array()) {
    refuse(path, fmt::format("status.conditions must be a list, got {}", json::GoType(*conditions)),
           fmt::format("conditions must be a list, not {}", json::TypeName(*conditions)));
    return entries;
  }
  const json::Array& list = conditions->get_array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    TemplateString& entry = entries.emplace_back();
    if (const auto* text = list[i].if_string()) {
      auto scanned = ScanTemplate(*text);
      if (scanned && scanned->standalone()) {
        entry = std::move(*scanned);
        continue;
      }
      Diagnostic fault =
          Problem("KRO401", path.Child(i),
                  scanned ? "only standalone expressions are allowed" : scanned.error().message());
      fault.compatible.insert(0, "failed to build instance conditions: invalid conditions block: ");
      if (scanned && !scanned->has_expressions())
        fault.hint = fmt::format("write '${{{}}}'", std::string_view(*text));
      bad_conditions_.push_back(std::move(fault));
      continue;
    }
    refuse(path.Child(i),
           fmt::format("status.conditions[{}] must be a CEL expression string, got {}", i,
                       json::GoType(list[i])),
           fmt::format("a condition is an expression, not {}", json::TypeName(list[i])));
  }
  return entries;
}

void InstanceBuilder::BuildStatus() {
  json::Object fields = block_;
  fields.erase("conditions");
  const Walked walked = WalkUntyped(fields);
  Append(built_.faults,
         Enclose(walked.faults, StatusPath(), "failed to extract CEL expressions from status: "));
  if (!walked.plain.empty()) {
    std::string list;
    for (const json::FieldPath& path : walked.plain) {
      list += fmt::format("{}{}", list.empty() ? "" : " ", path.ToString());
    }
    const std::string text =
        fmt::format("status fields without expressions are not supported: [{}]", list);
    // The first one names all; of very many only some are shown on their own.
    constexpr std::size_t kMaxShown = 1000;
    const std::size_t shown = std::min(walked.plain.size(), kMaxShown);
    for (const json::FieldPath& path : std::span(walked.plain).first(shown)) {
      constexpr std::string_view kMessage = "a status field is an expression";
      Diagnostic fault = Problem("KRO305", Join(StatusPath(), path), std::string(kMessage));
      if (&path == walked.plain.data()) fault.compatible = text;  // names all of them
      fault.hint = "write '${…}'";
      built_.faults.push_back(std::move(fault));
    }
  }
  for (const FieldExpression& field : walked.fields) BuildField(field);
}

void InstanceBuilder::BuildField(const FieldExpression& field) {
  const Place place{field.text, Join(StatusPath(), field.path)};
  const std::string path = field.path.ToString();
  const std::string shown = GoQuote(place.Shown());
  auto named = builder_.Parse(
      place, fmt::format("status field {} expression {}: ", GoQuote(path), shown),
      [&](std::string_view name) { return name == "schema" || builder_.IsNode(name); },
      built_.faults);
  if (!named) return;
  const std::string prefix =
      fmt::format("failed to type-check status expression {} at path {}: ", shown, GoQuote(path));
  const auto type = builder_.Check(named->ast, place, prefix, built_.faults);
  if (!type) return;
  if (named->references.empty()) {
    const std::string text =
        fmt::format("instance status field must refer to a resource or schema: status.{}", path);
    Diagnostic fault =
        place.Fault("KRO305", text, "a status field refers to a resource or to schema");
    without_reference_.push_back(std::move(fault));
  }
  if (builder_.DependsOnFault(named->ast, named->references)) return;
  builder_.NoteReads(named->ast);
  // Upstream writes values by the text of the path.
  auto written = json::FieldPath::Parse(path);
  if (!written) {
    Diagnostic fault = Problem("KRO604", place.path, written.error().message());
    fault.compatible.insert(
        0, fmt::format("failed to generate status schema from CEL types: failed to parse path {}: ",
                       path));
    fault.message = fmt::format("the name of a status field: {}", fault.message);
    built_.faults.push_back(std::move(fault));
    return;
  }
  auto built = builder_.Build(std::move(named->ast), ExpressionKind::kDynamic,
                              std::move(named->references), place, prefix, built_.faults);
  if (!built) return;
  types_.push_back({*written, built->program->type()});
  built_.status.push_back({std::move(*written), std::move(*built)});
}

void InstanceBuilder::InferSchema() {
  if (types_.empty()) return;
  auto inferred = schema::InferStatusSchema(types_);
  if (inferred) {
    built_.status_schema = std::move(*inferred);
    return;
  }
  Diagnostic fault = Problem("KRO604", StatusPath(), inferred.error().message());
  fault.compatible.insert(0, "failed to generate status schema from CEL types: ");
  built_.faults.push_back(std::move(fault));
}

json::FieldPath StatusPath() {
  return json::FieldPath({std::string("spec"), std::string("schema"), std::string("status")});
}

}  // namespace
}  // namespace kro::graph
