// The recorded cases of expressions whose type meets a schema: what may be written to a field, and
// what a status field becomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "cel/cel.h"
#include "schema/assignability.h"
#include "schema/cel_schema.h"
#include "schema/status_inference.h"
#include "support/conformance.h"

namespace kro::schema {
namespace {

// Compiles the recorded expressions over compact schemas.
class Cases {
 public:
  Cases() : rows_(conformance::ReadCases("cel-spec/kro.json")) {}

  // `check` says with googletest's expectations what is wrong with a case whose expression has a type.
  template <typename Check>
  void ForEach(std::string_view kind, Check check) {
    conformance::Tally tally("cel-spec/kro " + std::string(kind));
    for (const auto& row : rows_) {
      if (json::FindString(row, {"kind"}) != kind) continue;
      tally.Run(std::string(json::FindString(row, {"name"})), [&] {
        cel::Environment environment = cel::Environment::Kro();
        if (const auto* objects = json::Find(row, "objects")) {
          for (const auto& object : objects->get_object()) {
            const auto* schema =
                json::Find(rows_.at(0), {"fixtures", object.value().as_string(), "schema"});
            environment.AddVariable(object.key(), types_.Declare(object.key(), *set_.Add(*schema)));
          }
        }
        asts_.push_back(cel::Compile(environment, json::FindString(row, {"expr"})).value());
        const cel::Type type = asts_.back().type();
        EXPECT_EQ(type.ToString(), json::FindString(row, {"expect", "type"}));
        check(row, type);
      });
    }
  }

  SchemaSet& set() { return set_; }
  CelTypes& types() { return types_; }

 private:
  json::Array rows_;
  SchemaSet set_;
  CelTypes types_;
  std::deque<cel::Ast> asts_;
};

TEST(AssignabilityConformance, DecidesTheRecordedCases) {
  Cases cases;
  cases.ForEach("assign", [&](const json::Value& row, cel::Type output) {
    const cel::Type expected =
        cases.types().Declare("target", *cases.set().Add(*json::Find(row, "target")));
    EXPECT_EQ(expected.ToString(), json::FindString(row, {"expect", "target_type"}));
    const auto problem = WhyNotAssignable(output, expected);
    EXPECT_EQ(problem.value_or(""), json::FindString(row, {"expect", "detail"}));
    EXPECT_EQ(!problem, json::Find(row, {"expect", "assignable"})->as_bool());
  });
}

TEST(StatusInferenceConformance, GivesTheRecordedSchemas) {
  Cases cases;
  cases.ForEach("status_schema", [](const json::Value& row, cel::Type type) {
    EXPECT_EQ(json::Canonical(InferFieldSchema(type)),
              json::Canonical(*json::Find(row, {"expect", "schema"})));
  });
}

TEST(Assignability, NeverComparesObjectsOfACollection) {
  SchemaSet set;
  CelTypes types;
  const Schema* pod =
      set.Add(*json::Parse(R"({"type": "object", "properties": {"a": {"type": "string"}}})"));
  const Schema* target =
      set.Add(*json::Parse(R"({"type": "object", "properties": {"b": {"type": "string"}}})"));
  const cel::Type element = types.DeclareList("pods", *pod).element();
  const cel::Type expected = types.Declare("target", *target);
  EXPECT_EQ(WhyNotAssignable(element, expected, {"pods"}), std::nullopt);
  EXPECT_EQ(WhyNotAssignable(element, expected),
            "field \"a\" exists in output but not in expected type");
  EXPECT_EQ(json::Serialize(InferFieldSchema(element, {"pods"})),
            R"({"type":"object","additionalProperties":true})");
}

TEST(StatusInference, MakesTheParentsOfAField) {
  const auto path = [](std::string_view text) { return json::FieldPath::Parse(text).value(); };
  const StatusField fields[] = {
      {path("a.b"), cel::Int()},         {path("list[0].x"), cel::String()},
      {path("list[1].y"), cel::Bool()},  {path("list[2].x"), cel::Bool()},
      {path("mixed[0]"), cel::String()}, {path("mixed[1].x"), cel::Int()},
      {path("mixed[2]"), cel::String()}, {path("words[0]"), cel::Int()},
      {path("words[1]"), cel::String()}};
  EXPECT_EQ(json::Serialize(InferStatusSchema(fields).value()),
            R"({"type":"object","properties":{)"
            R"("a":{"type":"object","properties":{"b":{"type":"integer"}}},)"
            R"("list":{"type":"array","items":{"type":"object","properties":)"
            R"({"x":{"type":"boolean"},"y":{"type":"boolean"}}}},)"
            R"("mixed":{"type":"array","items":{"x-kubernetes-preserve-unknown-fields":true}},)"
            R"("words":{"type":"array","items":{"type":"string"}}}})");
}

TEST(StatusInference, RefusesAFieldBelowAFieldOfAnotherType) {
  const StatusField fields[] = {{json::FieldPath::Parse("a").value(), cel::Int()},
                                {json::FieldPath::Parse("a.b").value(), cel::Int()}};
  EXPECT_EQ(InferStatusSchema(fields).error().message(),
            "failed to infer schema from type at a.b: a field of another type stands above it");
}

}  // namespace
}  // namespace kro::schema
