// Faults recorded from the real engine (kro-errors.json), what it reads out of expressions (the
// `inspect` cases of kro.json) and the grammar (parse.json).
//
// conformance_errors_unmet.txt lists the cases that are not met, one name a line. A suite is called after the
// file whose cases it runs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cel/checker.h"
#include "cel/environment.h"
#include "cel/inspect.h"
#include "cel/parser.h"
#include "cel/schema_types.h"
#include "cel/source.h"
#include "support/conformance.h"

namespace kro::cel {
namespace {

constexpr std::string_view kUnmet = "src/cel/conformance_errors_unmet.txt";

json::Array ReadArray(const std::string& file) {
  json::Value value = conformance::ReadJson("cel-spec/" + file + ".json");
  return value.is_array() ? std::move(value.get_array()) : json::Array();
}

std::string Text(const json::Value& value) { return std::string(value.as_string()); }

// kro's environment with what one case declares.
struct Setting {
  Environment environment = Environment::Kro();
  SchemaTypes types;
  json::Value default_schema = boost::json::parse(
      R"({"type": "object", "properties": {
           "apiVersion": {"type": "string"}, "kind": {"type": "string"},
           "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
           "spec": {"type": "object", "properties": {"name": {"type": "string"}}}}})");

  Setting(const json::Object& header, const json::Object& item) {
    environment.AddVariable("schema", types.Declare("schema", default_schema));
    if (const json::Value* use = item.if_contains("use_variables")) {
      Declare(header.at("variables").at(use->as_string()).at("variables").as_object());
    }
    if (const json::Value* variables = item.if_contains("variables"))
      Declare(variables->as_object());
    if (const json::Value* objects = item.if_contains("objects")) {
      for (const auto& [name, object] : objects->as_object()) {
        DeclareObject(header, name, object);
      }
    }
  }

  void Declare(const json::Object& variables) {
    for (const auto& [name, type] : variables) {
      environment.AddVariable(name, ParseType(type.as_string()).value());
    }
  }

  void DeclareObject(const json::Object& header, std::string_view name, const json::Value& object) {
    const json::Object& definition = object.is_string()
                                         ? header.at("fixtures").at(object.as_string()).as_object()
                                         : object.as_object();
    const json::Value* schema = definition.if_contains("schema");
    Type type = Dyn();
    if (schema && definition.contains("collection")) {
      type = types.DeclareList(name, *schema);
    } else if (schema) {
      type = types.Declare(name, *schema);
    }
    environment.AddVariable(name, type);
  }
};

// The reason without what differs: quoted names and types stay, syntax errors are all one.
std::string ReasonOf(std::string_view message) {
  if (message.starts_with("Syntax error")) return "Syntax error";
  return std::string(message);
}

// "1:12 undefined field 'x'" out of upstream's display form.
std::string PlaceAndReason(const Diagnostic& diagnostic) {
  std::string_view text = diagnostic.compatible;
  text.remove_prefix(std::string_view("ERROR: <input>:").size());
  text = text.substr(0, text.find("\n | "));
  std::size_t end = text.find(": ");
  return fmt::format("{} {}", text.substr(0, end), ReasonOf(text.substr(end + 2)));
}

std::string ErrorProblem(const json::Object& header, const json::Object& item) {
  Setting setting(header, item);
  const json::Object& expect = item.at("expect").as_object();
  const json::Object& issue = expect.at("issues").at(0).as_object();
  std::string want =
      fmt::format("{} {}:{} {}", Text(expect.at("phase")), issue.at("line").as_int64(),
                  issue.at("column").as_int64(), ReasonOf(issue.at("message").as_string()));

  auto ast = Parse(item.at("expr").as_string(), setting.environment.dialect());
  std::string got;
  if (!ast) {
    got = "parse " + PlaceAndReason(ast.error()[0]);
  } else if (auto checked = Check(setting.environment, *ast); !checked) {
    got = "check " + PlaceAndReason(checked.error()[0]);
  } else {
    got = "no fault";
  }
  return got == want ? "" : fmt::format("want {}, got {}", want, got);
}

std::string TypeProblem(const json::Object& header, const json::Object& item) {
  const json::Value* type = item.at("expect").as_object().if_contains("type");
  if (!type) return "";
  Setting setting(header, item);
  auto ast = Parse(item.at("expr").as_string(), setting.environment.dialect());
  if (!ast) return ast.error()[0].compatible;
  if (auto checked = Check(setting.environment, *ast); !checked)
    return checked.error()[0].compatible;
  std::string got = ast->type().ToString();
  return got == type->as_string() ? "" : fmt::format("want {}, got {}", Text(*type), got);
}

std::string InspectProblem(const json::Object& item) {
  Environment kro = Environment::Kro();
  std::vector<std::string> ids;
  for (const json::Value& id : item.at("ids").as_array()) ids.push_back(Text(id));
  auto ast = Parse(item.at("expr").as_string(), kro.dialect());
  if (!ast) return ast.error()[0].compatible;
  Inspection found = Inspect(*ast, kro, ids);

  json::Array references;
  for (const Reference& r : found.references)
    references.push_back(json::Array{r.id.c_str(), r.path.c_str()});
  auto names = [](const std::vector<UnknownName>& unknown) {
    json::Array out;
    for (const UnknownName& u : unknown) out.emplace_back(u.name);
    return out;
  };
  json::Object got{{"references", references},
                   {"unknown", names(found.unknown)},
                   {"unknown_functions", names(found.unknown_functions)},
                   {"uses_omit", found.uses_omit}};
  return json::Value(got) == item.at("expect")
             ? ""
             : fmt::format("want {}, got {}", boost::json::serialize(item.at("expect")),
                           boost::json::serialize(got));
}

TEST(ConformanceOf_kro_errors, FaultsAreFoundWhereUpstreamFindsThem) {
  const json::Array cases = ReadArray("kro-errors");
  conformance::Tally tally("cel-spec/kro-errors", kUnmet);
  for (std::size_t i = 1; i < cases.size(); ++i) {
    const json::Object& item = cases[i].as_object();
    tally.Count(Text(item.at("suite")) + "/" + Text(item.at("name")),
                ErrorProblem(cases[0].as_object(), item));
  }
}

TEST(ConformanceOf_kro, TypesAreThoseOfUpstream) {
  const json::Array cases = ReadArray("kro");
  conformance::Tally tally("cel-spec/kro types", kUnmet);
  for (std::size_t i = 1; i < cases.size(); ++i) {
    const json::Object& item = cases[i].as_object();
    const json::Value* kind = item.if_contains("kind");
    if (kind && *kind != "assign" && *kind != "status_schema") continue;
    tally.Count("type/" + Text(item.at("name")), TypeProblem(cases[0].as_object(), item));
  }
}

TEST(ConformanceOf_kro, InspectionReadsWhatUpstreamReads) {
  const json::Array cases = ReadArray("kro");
  conformance::Tally tally("cel-spec/kro inspect", kUnmet);
  for (std::size_t i = 1; i < cases.size(); ++i) {
    const json::Object& item = cases[i].as_object();
    const json::Value* kind = item.if_contains("kind");
    if (!kind || *kind != "inspect") continue;
    tally.Count("inspect/" + Text(item.at("name")), InspectProblem(item));
  }
}

TEST(ConformanceOf_parse, TheGrammarOfTheSpecificationParses) {
  const json::Array cases = ReadArray("parse");
  conformance::Tally tally("cel-spec/parse grammar", kUnmet);
  for (const json::Value& entry : cases) {
    const json::Object& item = entry.as_object();
    auto ast = Parse(item.at("expr").as_string());
    tally.Count("parse/" + Text(item.at("section")) + "/" + Text(item.at("name")),
                ast ? "" : ast.error()[0].compatible);
  }
}

}  // namespace
}  // namespace kro::cel
