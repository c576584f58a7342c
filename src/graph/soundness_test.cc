// What the compiler accepts cannot fail at run time but for absent data.
//
// Random kinds, random expressions over them (most of them well-typed, some not), random objects of
// these kinds: for a field, for includeWhen, readyWhen and forEach, for a status field. An accepted expression
// is evaluated: on complete objects it gives a value, and one that fits the place it is for; on
// incomplete ones it gives a value or waits for data. Both on the object and on what is left of it
// when only the paths are kept that the graph says it reads.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cel/arena.h"
#include "cel/convert.h"
#include "graph/compile.h"
#include "schema/openapi.h"

namespace kro::graph {
namespace {

const api::Gvk kThing{"gen.example", "v1", "Thing"};

// What a random schema has at one place.
struct Leaf {
  std::string path;  // "spec.f1.f2", objects only on the way
  // string, integer, number, boolean, list (of strings), ints (a list), map; time and bytes are strings
  // of these formats
  std::string type;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) { spec_ = Object("spec", 0); }

  // The CRD of the kind.
  json::Value Crd() {
    return json::Object{
        {"spec",
         {{"group", kThing.group},
          {"names", {{"kind", kThing.kind}}},
          {"versions",
           json::Array{{{"name", kThing.version},
                        {"served", true},
                        {"schema",
                         {{"openAPIV3Schema",
                           {{"type", "object"}, {"properties", {{"spec", spec_}}}}}}}}}}}}};
  }

  // An object of the kind; each field is left out with this probability.
  json::Value Thing(double absent) {
    return json::Object{{"apiVersion", kThing.ApiVersion()},
                        {"kind", kThing.kind},
                        {"metadata", {{"name", "thing"}}},
                        {"spec", Data(spec_, absent)}};
  }

  const std::vector<Leaf>& leaves() const { return leaves_; }
  const Leaf& AnyLeaf() { return leaves_[Below(leaves_.size())]; }

  // One that an expression of this type can be for.
  const Leaf& AnyTarget() {
    for (;;) {
      const Leaf& leaf = AnyLeaf();
      if (leaf.type != "time" && leaf.type != "bytes") return leaf;
    }
  }

  // While it is set, expressions read nothing but this.
  void ReadOnly(std::string variable) { only_ = std::move(variable); }

  // An expression that mostly has the type. Elements of list literals always have it: a mixed list is
  // one of dyn, which is accepted everywhere.
  enum class Typing { kMostly, kAlways };
  std::string Expression(std::string_view type, int depth, Typing typing = Typing::kMostly) {
    if (typing == Typing::kMostly && Below(40) == 0) type = AnyTarget().type;
    if (depth <= 0 || Below(4) == 0) return Simple(type);
    const auto some = [&](std::string_view of) { return Expression(of, depth - 1); };
    if (Below(6) == 0)
      return fmt::format("({} ? {} : {})", some("boolean"), some(type), some(type));
    if (Below(12) == 0) return fmt::format("cel.bind(b, {}, {})", some("integer"), some(type));
    if (type == "string") {
      switch (Below(5)) {
        case 0:
          return fmt::format("({} + {})", some(type), some(type));
        case 1:
          return fmt::format("string({})", some("integer"));
        case 2:
          return fmt::format("{}.join('-')", some("list"));
        case 3:
          return fmt::format("json.marshal({})", some("map"));
        default:
          return fmt::format("{}.lowerAscii()", some(type));
      }
    }
    if (type == "integer") {
      switch (Below(6)) {
        case 4:
          return fmt::format("{}.getFullYear()", Simple("time"));
        case 5:
          return fmt::format("size({})", Simple("bytes"));
        case 0:
          return fmt::format("({} + {})", some(type), some(type));
        case 1:
          return fmt::format("size({})", some(Below(2) == 0 ? "list" : "map"));
        case 2:
          return fmt::format("size({})", some("string"));
        default:
          return fmt::format("{}.map(i, i + 1).sum()", some("ints"));
      }
    }
    if (type == "number") {
      return Below(2) == 0 ? fmt::format("double({})", some("integer"))
                           : fmt::format("({} * {})", some(type), some(type));
    }
    if (type == "boolean") {
      switch (Below(7)) {
        case 6:
          return fmt::format("{} < {}", Simple("time"), Simple("time"));
        case 0:
          return fmt::format("{} == {}", some("string"), some("string"));
        case 1:
          return fmt::format("({} < {})", some("integer"), some("integer"));
        case 2:
          return fmt::format("({} && {})", some(type), some(type));
        case 3:
          return fmt::format("{}.exists(s, s == {})", some("list"), some("string"));
        case 4:
          return fmt::format("({} in {})", some("string"), some("map"));
        default:
          return fmt::format("has({}.{})", Variable(), AnyLeaf().path);
      }
    }
    if (type == "list") {
      switch (Below(4)) {
        case 0:
          return fmt::format("[{}, {}]", Expression("string", depth - 1, Typing::kAlways),
                             Expression("string", depth - 1, Typing::kAlways));
        case 1:
          return fmt::format("{}.map(s, s + {})", some(type), some("string"));
        case 2:
          return fmt::format("{}.filter(s, s != {})", some(type), some("string"));
        default:
          return fmt::format("({} + {})", some(type), some(type));
      }
    }
    if (type == "ints") return fmt::format("{}.filter(i, i > {})", some(type), some("integer"));
    return fmt::format("{{'k': {}}}", some("string"));
  }

 private:
  std::size_t Below(std::size_t limit) { return random_() % limit; }

  std::string Variable() {
    if (!only_.empty()) return only_;
    return Below(2) == 0 ? "a" : "c[0]";
  }

  std::string Simple(std::string_view type) {
    std::vector<const Leaf*> fitting;
    for (const Leaf& leaf : leaves_) {
      if (leaf.type == type) fitting.push_back(&leaf);
    }
    if (!fitting.empty() && Below(4) != 0) {
      return fmt::format("{}.{}", Variable(), fitting[Below(fitting.size())]->path);
    }
    if (type == "string") return "'lit'";
    if (type == "integer") return std::to_string(Below(100));
    if (type == "number") return "1.5";
    if (type == "boolean") return "true";
    if (type == "list") return "['x']";
    if (type == "time") return "timestamp('2026-01-02T03:04:05Z')";
    if (type == "bytes") return "b'x'";
    if (type == "ints") return "[1, 2]";
    return "{'k': 'v'}";
  }

  json::Value Object(const std::string& path, int depth) {
    json::Object properties;
    const std::size_t count = 3 + Below(4);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = fmt::format("f{}", i);
      const std::string here = fmt::format("{}.{}", path, name);
      if (depth < 2 && Below(4) == 0) {
        properties[name] = Object(here, depth + 1);
        continue;
      }
      static constexpr std::string_view kTypes[] = {
          "string", "integer", "number", "boolean", "list", "ints", "map", "time", "bytes"};
      const std::string type(kTypes[Below(9)]);
      leaves_.push_back({here, type});
      if (type == "list" || type == "ints") {
        properties[name] = json::Object{
            {"type", "array"}, {"items", {{"type", type == "list" ? "string" : "integer"}}}};
      } else if (type == "map") {
        properties[name] =
            json::Object{{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
      } else if (type == "time" || type == "bytes") {
        properties[name] =
            json::Object{{"type", "string"}, {"format", type == "time" ? "date-time" : "byte"}};
      } else {
        properties[name] = json::Object{{"type", type}};
      }
    }
    return json::Object{{"type", "object"}, {"properties", std::move(properties)}};
  }

  json::Value Data(const json::Value& schema, double absent) {
    const std::string_view type = json::FindString(schema, {"type"});
    if (const std::string_view format = json::FindString(schema, {"format"}); !format.empty()) {
      return json::Value(format == "byte" ? "aGk=" : "2026-01-02T03:04:05Z");
    }
    if (type == "string") return json::Value(fmt::format("s{}", Below(5)));
    if (type == "integer") return static_cast<std::int64_t>(Below(1000));
    if (type == "number") return Below(2) == 0 ? json::Value(2) : json::Value(0.5);
    if (type == "boolean") return json::Value(Below(2) == 0);
    if (type == "array") {
      json::Array array;
      for (std::size_t i = Below(4); i > 0; --i) array.push_back(Data(schema.at("items"), absent));
      return array;
    }
    json::Object object;
    if (const auto* values = json::Find(schema, "additionalProperties")) {
      for (std::size_t i = Below(4); i > 0; --i)
        object[fmt::format("k{}", i)] = Data(*values, absent);
      return object;
    }
    for (const auto& property : schema.at("properties").as_object()) {
      if (std::uniform_real_distribution<>()(random_) < absent) continue;
      object[property.key()] = Data(property.value(), absent);
    }
    return object;
  }

  std::mt19937 random_;
  std::string only_;
  json::Value spec_;
  std::vector<Leaf> leaves_;
};

// What a store keeps of an object: metadata and the paths that are read, with the objects on the way
// to them.
json::Value Kept(const json::Value& object, const std::vector<json::FieldPath>& reads) {
  if (reads.size() == 1 && reads[0].empty()) return object;
  json::Value kept = json::Object{{"metadata", object.at("metadata")}};
  for (const json::FieldPath& path : reads) {
    json::FieldPath way;
    for (const json::PathSegment& segment : path.segments()) {
      way.Push(std::get<std::string>(segment));
      const auto* value = json::Get(object, way);
      if (value == nullptr) break;
      const bool ends = way.segments().size() == path.segments().size() || !value->is_object();
      const bool is_new = json::Get(kept, way) == nullptr;
      if (ends || is_new) {
        EXPECT_TRUE(json::Set(kept, way, ends ? *value : json::Object()));
      }
      if (ends) break;
    }
  }
  return kept;
}

// The result as text: JSON, "omitted", or the error's code and text.
std::string Evaluate(const Graph& graph, const Expression& expression, const json::Value& thing) {
  cel::Arena arena;
  cel::Context context(arena);
  const json::Value list = json::Array{thing};
  std::vector<cel::Value> slots;
  for (const Input& input : expression.inputs) {
    if (input.source == Input::Source::kEach) {
      slots.push_back(cel::FromJson(context, thing, graph.Find("c")->reading));
      continue;
    }
    const Node& node = graph.nodes[input.index];
    slots.push_back(node.IsList() ? cel::FromJson(context, list, node.list_reading)
                                  : cel::FromJson(context, thing, node.reading));
  }
  const cel::Value value = expression.program->EvaluateSlots(context, slots);
  if (value.IsError()) {
    const Error error = cel::ToError(value);
    return fmt::format("{}: {}", ToString(error.code()), error.message());
  }
  const auto result = cel::ToJson(context, value);
  if (!result) return "no JSON: " + result.error().message();
  return *result ? json::Canonical(**result) : "omitted";
}

bool Fits(std::string_view text, std::string_view type) {
  const auto value = json::Parse(text);
  if (!value) return false;
  if (type == "string") return value->is_string();
  if (type == "integer") return value->is_int64() || value->is_uint64();
  if (type == "number") return value->is_number();
  if (type == "boolean") return value->is_bool();
  if (type == "map") return value->is_object();
  return value->is_array();
}

// One RGD: `a`, the collection `c`, and what reads them.
json::Value Definition(std::string_view target, std::string_view field,
                       std::string_view include_when, std::string_view ready_when,
                       std::string_view each_ready, std::string_view list,
                       std::string_view status) {
  const auto resource = [](std::string_view id, std::string_view name) {
    return json::Object{{"id", id},
                        {"template",
                         {{"apiVersion", kThing.ApiVersion()},
                          {"kind", kThing.kind},
                          {"metadata", {{"name", name}}}}}};
  };
  const auto expression = [](std::string_view text) {
    return json::Value(fmt::format("${{{}}}", text));
  };
  json::Object a = resource("a", "a");
  a["readyWhen"] = json::Array{expression(ready_when)};
  json::Object c = resource("c", "${n}");
  c["forEach"] = json::Array{{{"n", "${schema.spec.names}"}}};
  c["readyWhen"] = json::Array{expression(each_ready)};
  json::Object b = resource("b", "b");
  EXPECT_TRUE(json::Set(b["template"], json::FieldPath::Parse(target).value(), expression(field)));
  b["includeWhen"] = json::Array{expression(include_when)};
  json::Object d = resource("d", "d-${string(i)}");
  d["forEach"] = json::Array{{{"i", expression(list)}}};
  return json::Object{
      {"schema",
       {{"apiVersion", "v1"},
        {"kind", "App"},
        {"spec", {{"names", "[]string"}}},
        {"status", {{"s", expression(status)}}}}},
      {"resources", json::Array{std::move(a), std::move(c), std::move(b), std::move(d)}}};
}

// The type that the CRD gives the status field.
std::string StatusType(const Graph& graph) {
  const auto& version = graph.crd.at("spec").at("versions").at(0);
  const auto* field =
      json::Find(version, {"schema", "openAPIV3Schema", "properties", "status", "properties", "s"});
  if (field == nullptr) return "";
  const std::string type(json::FindString(*field, {"type"}));
  return type == "object" ? "map" : type == "array" ? "list" : type;
}

struct Counts {
  int accepted = 0;
  int refused = 0;
  int waiting = 0;
};

// Evaluates an expression of an accepted graph; its value has to fit the type.
void ExpectSound(Generator& generator, const Graph& graph, const Expression& expression,
                 std::string_view type, Counts& counts) {
  SCOPED_TRACE(expression.text);
  for (const double absent : {0.0, 0.3}) {
    const json::Value thing = generator.Thing(absent);
    const std::string found = Evaluate(graph, expression, thing);
    if (absent == 0.0) {
      EXPECT_TRUE(Fits(found, type)) << found << " is no " << type;
    } else if (!Fits(found, type)) {
      ++counts.waiting;
      EXPECT_TRUE(found.starts_with(ToString(ErrorCode::kPending))) << found;
    }
    // Each node is read on its own, so each is cut to its own paths.
    if (expression.inputs.size() != 1) continue;
    const Input& input = expression.inputs[0];
    const Node& node =
        input.source == Input::Source::kEach ? *graph.Find("c") : graph.nodes[input.index];
    EXPECT_EQ(Evaluate(graph, expression, Kept(thing, node.reads)), found);
  }
}

TEST(Soundness, WhatIsAcceptedFailsForAbsentDataOnly) {
  Counts counts;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    Generator generator(seed);
    const auto set = std::make_shared<schema::SchemaSet>();
    ASSERT_TRUE(set->AddCrd(generator.Crd()));
    Kinds kinds;
    kinds.AddSchemas(set);
    kinds.AddMapping(kThing, {{"gen.example", "v1", "things"}, true});
    for (int i = 0; i < 25; ++i) {
      const Leaf& target = generator.AnyTarget();
      const std::string field = generator.Expression(target.type, 3);
      const std::string include_when = generator.Expression("boolean", 2);
      const std::string list = generator.Expression(i % 2 == 0 ? "list" : "ints", 2);
      const std::string status = generator.Expression(generator.AnyTarget().type, 3);
      generator.ReadOnly("a");
      const std::string ready_when = generator.Expression("boolean", 2);
      generator.ReadOnly("each");
      const std::string each_ready = generator.Expression("boolean", 2);
      generator.ReadOnly("");
      const json::Value spec =
          Definition(target.path, field, include_when, ready_when, each_ready, list, status);
      SCOPED_TRACE(fmt::format("seed {}: {}: {}", seed, i, json::Serialize(spec)));
      const auto graph = Compile("r", api::DecodeRgdSpec(spec).value(), kinds);
      if (!graph) {
        ++counts.refused;
        continue;
      }
      ++counts.accepted;
      const auto expect = [&](const Expression& expression, std::string_view type) {
        ExpectSound(generator, **graph, expression, type, counts);
      };
      const auto& nodes = (*graph)->nodes;
      expect(nodes[0].ready_when[0], "boolean");
      expect(nodes[1].ready_when[0], "boolean");
      expect(nodes[2].fields[0].expression, target.type);
      expect(nodes[2].include_when[0], "boolean");
      expect(nodes[3].dimensions[0].list, "list");
      const std::string type = StatusType(**graph);
      ASSERT_NE(type, "");
      for (const Field& written : (*graph)->status) expect(written.expression, type);
    }
  }
  std::printf("%d accepted, %d refused, %d expressions waited\n", counts.accepted, counts.refused,
              counts.waiting);
  EXPECT_GT(counts.accepted, 400);
  EXPECT_GT(counts.refused, 50);
  EXPECT_GT(counts.waiting, 300);
}

}  // namespace
}  // namespace kro::graph
