// A program keeps nothing of an evaluation but guesses where things are, which later data may refute.
#include "cel/program.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cel/cel.h"

namespace kro::cel {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "port": {"type": "integer"}, "on": {"type": "boolean"},
    "ratio": {"type": "number"}, "data": {"type": "string", "format": "byte"},
    "long-name": {"type": "string"}}}}})";
// The same names mean other things.
constexpr const char* kOtherSchema = R"({"type": "object", "properties": {
  "spec": {"type": "object", "properties": {
    "name": {"type": "integer"}, "port": {"type": "string"}, "on": {"type": "string"},
    "ratio": {"type": "integer"}, "data": {"type": "string"},
    "long-name": {"type": "boolean"}}}}})";

struct Typed {
  std::shared_ptr<const SchemaTree> tree;
  json::Value data;

  Typed(const char* schema, std::string_view text)
      : tree(*SchemaTree::Read(*json::Parse(schema))), data(*json::Parse(text)) {}
};

std::shared_ptr<const Program> Planned(std::string_view text) {
  const Environment environment = Environment::Kro();
  return *Plan(*Parse(text, environment.dialect()), environment);
}

std::string Show(const Program& program, const Typed& schema) {
  Arena arena;
  Context context(arena);
  const Value value =
      program.Evaluate(context, {{"schema", FromJson(context, schema.data, schema.tree->root())}});
  return std::string(TypeName(value)) + " " +
         (value.IsError() ? std::string(value.AsError()) : Display(context, value));
}

TEST(Program, ReadsEachObjectByItsOwnLayoutAndSchema) {
  struct Case {
    const char* expression;
    const char* schema;
    const char* data;
    const char* result;
  };
  // One program sees the rows of its expression in this order.
  const Case cases[] = {
      {"schema.spec.port", kSchema, R"({"spec": {"name": "a", "port": 1}})", "int 1"},
      {"schema.spec.port", kSchema, R"({"spec": {"port": 2, "name": "a"}})", "int 2"},
      {"schema.spec.port", kSchema, R"({"x": 0, "y": 0, "spec": {"port": 3}})", "int 3"},
      {"schema.spec.port", kSchema, R"({"spec": {"name": "a"}})", "error no such key: port"},
      {"schema.spec.port", kSchema, R"({"spec": {"port": null}})", "error no such key: port"},
      {"schema.spec.port", kSchema, R"({"spec": {}})", "error no such key: port"},
      {"schema.spec.port", kSchema, R"({})", "error no such key: spec"},
      {"schema.spec.port", kSchema, R"({"spec": null})", "error no such key: spec"},
      {"schema.spec.port", kSchema, R"({"spec": 1})",
       "error invalid data, expected a map for the provided schema with type=object"},
      {"schema.spec.port", kSchema, R"({"spec": {"port": "a"}})",
       "error invalid data, expected int, got string"},
      {"schema.spec.port", kSchema, R"({"spec": {"port": 4.0}})", "int 4"},
      {"schema.spec.port", kOtherSchema, R"({"spec": {"port": "a"}})", "string a"},
      {"schema.spec.port", kOtherSchema, R"({"spec": {"port": 1}})",
       "error invalid data, expected string, got int64"},
      {"schema.spec.port", kSchema, R"({"spec": {"port": 5}})", "int 5"},
      {"schema.spec.on", kSchema, R"({"spec": {"on": true}})", "bool true"},
      {"schema.spec.on", kOtherSchema, R"({"spec": {"on": "yes"}})", "string yes"},
      {"schema.spec.on", kOtherSchema, R"({"spec": {"on": true}})",
       "error invalid data, expected string, got bool"},
      {"schema.spec.ratio", kSchema, R"({"spec": {"ratio": 0.5}})", "double 0.5"},
      {"schema.spec.ratio", kSchema, R"({"spec": {"ratio": 2}})", "double 2"},
      {"schema.spec.ratio", kOtherSchema, R"({"spec": {"ratio": 2}})", "int 2"},
      {"schema.spec.data", kOtherSchema, R"({"spec": {"data": "YQ=="}})", "string YQ=="},
      {"schema.spec.data", kSchema, R"({"spec": {"data": "YQ=="}})", "bytes a"},
      {"schema.spec.long__dash__name", kSchema, R"({"spec": {"long-name": "a"}})", "string a"},
      {"schema.spec.long__dash__name", kSchema, R"({"spec": {"long-nama": "a"}})",
       "error no such key: long__dash__name"},
      {"schema.spec.long__dash__name", kSchema, R"({"spec": {"long-name": ""}})", "string "},
  };
  std::string_view last;
  std::shared_ptr<const Program> program;
  for (const Case& c : cases) {
    if (c.expression != last) program = Planned(c.expression);
    last = c.expression;
    const Typed typed(c.schema, c.data);
    for (int twice = 0; twice < 2; ++twice) EXPECT_EQ(Show(*program, typed), c.result) << c.data;
    EXPECT_EQ(Show(*Planned(c.expression), typed), c.result) << c.data << ", alone";
  }
}

TEST(Program, ServesManyThreadsAtOnce) {
  const auto program = Planned("schema.spec.name + ':' + string(schema.spec.port)");
  const Typed inputs[] = {
      {kSchema, R"({"spec": {"name": "a", "port": 1}})"},
      {kSchema, R"({"spec": {"port": 2, "on": true, "name": "b"}})"},
      {kOtherSchema, R"({"spec": {"on": "", "port": "c", "name": 3}})"},
  };
  const std::string expected[] = {"string a:1", "string b:2", "error no such overload"};
  std::vector<std::thread> threads;
  std::vector<std::string> wrong(std::size(inputs));
  for (std::size_t i = 0; i < std::size(inputs); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 2000; ++round) {
        if (std::string shown = Show(*program, inputs[i]); shown != expected[i]) wrong[i] = shown;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& shown : wrong) EXPECT_EQ(shown, "");
}

}  // namespace
}  // namespace kro::cel
