#include "graph/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/recorded_cluster_test_util.h"
#include "json/yaml.h"

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kinds& Cluster() {
  static const Kinds& kinds = *new Kinds(RecordedCluster());
  return kinds;
}

std::string TestData(std::string_view name) {
  return std::string(KRO_SOURCE_DIR) + "/src/graph/testdata/" + std::string(name);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

json::Document ReadYaml(std::string_view name) {
  auto document = json::ParseYamlDocument(ReadFile(TestData(name)), name);
  EXPECT_TRUE(document) << name;
  return document ? std::move(*document) : json::Document();
}

api::RgdSpec Decode(const json::Value& spec) {
  auto decoded = api::DecodeRgdSpec(spec);
  EXPECT_TRUE(decoded);
  return decoded ? std::move(*decoded) : api::RgdSpec();
}

// The spec of an RGD that has a schema of many types; `rest` is its resources and status.
api::RgdSpec Spec(std::string_view resources, std::string_view status = "{}") {
  auto document = json::ParseYamlDocument(R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {name: string, num: integer, flag: boolean, ratio: float, names: "[]string",
         labels: "map[string]string", raw: object, db: {host: string, port: integer}}
)");
  json::Value spec = document->value;
  const auto parse = [](std::string_view text) {
    auto value = json::ParseYamlDocument(text);
    EXPECT_TRUE(value) << text;
    return value ? value->value : json::Value();
  };
  spec.at("schema").as_object()["status"] = parse(status);
  spec.as_object()["resources"] = parse(resources);
  return Decode(spec);
}

std::shared_ptr<const Graph> Accepted(const api::RgdSpec& spec) {
  auto graph = Compile("r", spec, Cluster());
  if (graph) return *graph;
  ADD_FAILURE() << graph.error()[0].compatible;
  return nullptr;
}

// Every fault as "code path: message".
std::vector<std::string> Faults(const api::RgdSpec& spec, const Kinds& kinds = Cluster()) {
  std::vector<std::string> lines;
  const auto graph = Compile("r", spec, kinds);
  if (graph) return lines;
  for (const Diagnostic& fault : graph.error()) {
    lines.push_back(fault.code + " " + fault.where.path + ": " + fault.message);
  }
  return lines;
}

// Compares with the file, or writes it when KRO_UPDATE_GOLDEN is set.
void ExpectGolden(const std::string& name, const std::string& text) {
  if (std::getenv("KRO_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(TestData(name), std::ios::binary) << text;
  }
  EXPECT_EQ(text, ReadFile(TestData(name)))
      << name << "; to accept: KRO_UPDATE_GOLDEN=1 graph_test";
}

TEST(Compile, GivesTheGraphsOfTheGoldenFiles) {
  for (const std::string name : {"web", "fleet"}) {
    const json::Document document = ReadYaml(name + ".yaml");
    const auto graph = Compile(name, Decode(document.value.at("spec")), Cluster());
    ASSERT_TRUE(graph) << graph.error()[0].compatible;
    ExpectGolden(name + ".graph", Dump(**graph));
  }
}

TEST(Compile, ReportsAllFaultsWithTheirPlaces) {
  for (const std::string name : {"broken", "faulty_schema"}) {
    const json::Document document = ReadYaml(name + ".yaml");
    CompileOptions options;
    const std::string source = name + ".yaml";
    options.source = source;
    options.map = &document.map;
    const auto graph = Compile(name, Decode(document.value.at("spec")), Cluster(), options);
    ASSERT_FALSE(graph);
    std::string text;
    for (const Diagnostic& fault : graph.error()) text += Render(fault) + "\n";
    ExpectGolden(name + ".errors", text);
  }
}

// Orders the members of all objects anew.
json::Value Shuffled(const json::Value& value, std::minstd_rand& random) {
  if (const auto* array = value.if_array()) {
    json::Array copy;
    for (const auto& element : *array) copy.push_back(Shuffled(element, random));
    return copy;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  std::vector<const json::Object::value_type*> members;
  for (const auto& member : *object) members.push_back(&member);
  std::ranges::shuffle(members, random);
  json::Object copy;
  for (const auto* member : members) copy[member->key()] = Shuffled(member->value(), random);
  return copy;
}

// What these definitions need of the cluster, its documents, their members and its kinds met in another
// order.
Kinds ShuffledCluster(const std::set<api::Gvk>& wanted, std::minstd_rand& random) {
  static const json::Value& documents =
      *new json::Value(conformance::ReadJson("conformance/fixtures/openapi.json"));
  static const json::Value& mappings =
      *new json::Value(conformance::ReadJson("conformance/fixtures/kinds.json"));
  const auto in_some_order = [&](const json::Value& file) {
    std::vector<const json::Value*> order;
    for (const auto& entry : file.at("cases").as_array()) order.push_back(&entry);
    std::ranges::shuffle(order, random);
    return order;
  };
  std::vector<api::Gvk> gvks(wanted.begin(), wanted.end());
  std::ranges::shuffle(gvks, random);
  Kinds kinds;
  for (const auto* document : in_some_order(documents)) {
    std::string_view api_version = json::FindString(*document, {"path"});
    api_version.remove_prefix(api_version.find('/') + 1);
    const auto set = std::make_shared<schema::SchemaSet>();
    std::optional<json::Value> shuffled;
    for (const api::Gvk& gvk : gvks) {
      if (gvk.ApiVersion() != api_version) continue;
      if (!shuffled) shuffled = Shuffled(*document, random);
      (void)set->AddKind(*shuffled, gvk);
    }
    kinds.AddGroupVersion(api_version);
    kinds.AddSchemas(set);
  }
  for (const auto* entry : in_some_order(mappings)) {
    const api::Gvk gvk = GvkOf(*entry);
    kinds.AddMapping(gvk,
                     {{gvk.group, gvk.version, std::string(json::FindString(*entry, {"resource"}))},
                      entry->at("namespaced").as_bool()});
  }
  return kinds;
}

std::string Outcome(const json::Value& spec, const Kinds& kinds) {
  const auto graph = Compile("r", Decode(spec), kinds);
  if (graph) return Dump(**graph);
  std::string text;
  for (const Diagnostic& fault : graph.error()) text += Render(fault) + fault.compatible + "\n";
  return text;
}

// Clusters take their time to read, above all without optimisation.
#ifdef NDEBUG
constexpr int kClusters = 1000;
#else
constexpr int kClusters = 20;
#endif

TEST(Compile, GivesTheSameOverAThousandShufflesOfAllThatHasNoOrder) {
  std::minstd_rand random(1);
  std::vector<json::Value> specs;
  std::set<api::Gvk> wanted;
  for (const std::string_view name :
       {"web.yaml", "fleet.yaml", "broken.yaml", "faulty_schema.yaml"}) {
    specs.push_back(ReadYaml(name).value.at("spec"));
    for (api::Gvk& gvk : KindsIn(Decode(specs.back()))) wanted.insert(std::move(gvk));
  }
  std::vector<std::string> expected;
  for (const json::Value& spec : specs) expected.push_back(Outcome(spec, Cluster()));
  Kinds cluster;
  for (int i = 0; i < 1000; ++i) {
    if (i % (1000 / kClusters) == 0) cluster = ShuffledCluster(wanted, random);
    const std::size_t which = static_cast<std::size_t>(i) % specs.size();
    ASSERT_EQ(Outcome(Shuffled(specs[which], random), cluster), expected[which]) << i;
  }
}

TEST(Compile, KnowsWhatIsReadOfEveryNode) {
  const struct {
    std::string_view expression;  // an element of a status list
    std::string_view reads;       // of `w`, a Gadget; of `c`, a collection of ConfigMaps
  } cases[] = {
      {"w.status.phase == 'Up'", "w status.phase"},
      {"w.metadata.name", ""},
      {"has(w.status.ready) ? 1 : 2", "w status.ready"},
      {"w.?status.?phase", "w status.phase"},
      {"w", "w "},
      {"[w.spec, w.status.phase]", "w spec, w status.phase"},
      {"w.spec.size + w.spec.size", "w spec.size"},
      {"string(w.spec.ports[0].port)", "w spec.ports"},
      {"size(w.spec.tags)", "w spec.tags"},
      {"w.spec.tags.map(t, t + w.status.phase)", "w spec.tags, w status.phase"},
      {"cel.bind(s, w.status, s.phase)", "w status.phase"},
      // elements of a collection
      {"c[0].data.k", "c data.k"},
      {"c[int(schema.spec.num)].data['k']", "c data.k"},
      {"size(c)", ""},
      {"c.size() + size(w.spec.tags)", "w spec.tags"},
      {"c.all(x, x.data.k == w.status.phase)", "c data.k, w status.phase"},
      {"c.filter(x, x.data.k == 'a')", "c "},
      {"c.map(x, c.exists(y, y.data.j == x.data.k))", "c data.j, c data.k"},
      {"c.map(x, x.metadata.name)", ""},
      {"c.filter(x, x.data.k == 'a').map(x, x.metadata.name)", "c data.k"},
      {"size(c.filter(x, x.data.k == 'a'))", "c data.k"},
      {"w.spec.tags.filter(t, t == w.status.phase)", "w spec.tags, w status.phase"},
      {"c", "c "},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.expression);
    const auto graph = Accepted(
        Spec(R"(
      - {id: w, template: {apiVersion: lab.example/v1, kind: Gadget, metadata: {name: w}, spec: {size: s}}}
      - {id: c, forEach: [{i: "${schema.spec.names}"}],
         template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${i}"}}}
    )",
             json::Serialize(json::Object{{"x", "${" + std::string(test.expression) + "}"}})));
    if (graph == nullptr) continue;
    std::string reads;
    for (const std::string_view id : {"c", "w"}) {
      for (const json::FieldPath& path : graph->Find(id)->reads) {
        reads += (reads.empty() ? "" : ", ") + std::string(id) + " " + path.ToString();
      }
    }
    EXPECT_EQ(reads, test.reads);
  }
}

TEST(Compile, ReadsOfAnIteratorAreThoseOfTheCollection) {
  const auto graph = Accepted(Spec(R"(
    - {id: c, forEach: [{i: "${schema.spec.names}"}], readyWhen: ["${each.data.ready == 'yes'}"],
       template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${i}"}}}
    - {id: d, forEach: [{x: "${c}"}],
       template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${x.metadata.name}-d"}, data: {k: "${x.data.k}"}}}
  )"));
  ASSERT_NE(graph, nullptr);
  const Node& node = *graph->Find("c");
  ASSERT_EQ(node.reads.size(), 2U);
  EXPECT_EQ(node.reads[0].ToString(), "data.k");
  EXPECT_EQ(node.reads[1].ToString(), "data.ready");
}

TEST(Compile, AConditionReadsTheConditionsOfItsSubject) {
  const auto graph = Accepted(Spec(
      R"(
    - {id: w, template: {apiVersion: lab.example/v1, kind: Gadget, metadata: {name: w}, spec: {size: s}}}
  )",
      R"({conditions: ["${runtime.newCondition({type: 'A', status: runtime.condition(w, 'Ready').status})}"]})"));
  ASSERT_NE(graph, nullptr);
  ASSERT_EQ(graph->nodes[0].reads.size(), 1U);
  EXPECT_EQ(graph->nodes[0].reads[0].ToString(), "status.conditions");
  EXPECT_THAT(graph->status_dependencies, ElementsAre(0U));
}

TEST(Compile, KnowsWhatComesFromASecret) {
  const auto graph = Accepted(Spec(R"(
    - {id: given, externalRef: {apiVersion: v1, kind: Secret, metadata: {name: given}}}
    - {id: copy, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${given.metadata.name}"},
       data: {hidden: "${string(given.data.a)}", open: "${schema.spec.name}"}},
       readyWhen: ["${copy.data.open == 'x'}", "${copy.data.hidden == 'x'}"]}
    - {id: far, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${copy.data.open}"},
       data: {hidden: "${copy.data.hidden}", all: "${string(size(copy.data))}"}}}
    - {id: parts, forEach: [{i: "${[string(given.data.a)]}"}], template: {apiVersion: v1,
       kind: ConfigMap, metadata: {name: "${i}"}}}
    - {id: made, template: {apiVersion: v1, kind: Secret, metadata: {name: "${schema.spec.name}"},
       stringData: {a: "${schema.spec.name}"}}}
  )",
                                   "{open: '${copy.data.open}', hidden: '${far.data.hidden}'}"));
  ASSERT_NE(graph, nullptr);
  std::vector<std::string> hidden;
  std::vector<std::string> open;
  const auto note = [&](const Expression& expression) {
    (expression.confidential ? hidden : open).push_back(expression.text);
  };
  for (const Node& node : graph->nodes) {
    for (const Dimension& dimension : node.dimensions) note(dimension.list);
    for (const Field& field : node.fields) note(field.expression);
    for (const Expression& condition : node.ready_when) note(condition);
  }
  for (const Field& field : graph->status) note(field.expression);
  EXPECT_THAT(hidden, testing::UnorderedElementsAre(
                          "string(given.data.a)", "copy.data.hidden == 'x'", "copy.data.hidden",
                          "string(size(copy.data))", "[string(given.data.a)]", "i",
                          "schema.spec.name", "far.data.hidden"));
  EXPECT_THAT(open, testing::UnorderedElementsAre("given.metadata.name", "schema.spec.name",
                                                  "copy.data.open == 'x'", "copy.data.open",
                                                  "schema.spec.name", "copy.data.open"));
}

TEST(Compile, SaysWhereVariablesComeFrom) {
  const auto graph = Accepted(Spec(R"(
    - {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}
    - {id: c, forEach: [{i: "${schema.spec.names}"}, {m: "${schema.spec.names}"}],
       readyWhen: ["${each.data.k == 'x'}"],
       template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${m}-${i}-${schema.spec.name}-${a.data.k}"}}}
  )"));
  ASSERT_NE(graph, nullptr);
  const Node& node = graph->nodes[1];
  const Expression& name = node.fields[0].expression;
  ASSERT_EQ(name.inputs.size(), name.program->variables().size());
  std::vector<std::string> found;
  for (std::size_t i = 0; i < name.inputs.size(); ++i) {
    found.push_back(name.program->variables()[i] + " " +
                    std::to_string(static_cast<int>(name.inputs[i].source)) + " " +
                    std::to_string(name.inputs[i].index));
  }
  EXPECT_THAT(found, ElementsAre("m 2 1", "i 2 0", "schema 0 0", "a 1 0"));
  EXPECT_EQ(node.ready_when[0].inputs[0].source, Input::Source::kEach);
  EXPECT_THAT(node.dependencies, ElementsAre(0U));
}

TEST(Compile, NamesTheKindsThatItNeeds) {
  const auto kinds = KindsIn(Spec(R"(
    - {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}
    - {id: b, externalRef: {apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}}
    - {id: c, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}}
    - {id: d, template: {apiVersion: v1, metadata: {name: d}}}
    - {id: e}
  )"));
  EXPECT_THAT(kinds,
              ElementsAre(api::Gvk{"", "v1", "ConfigMap"}, api::Gvk{"apps", "v1", "Deployment"}));
}

TEST(Compile, AKindThatIsNotServedYetIsTheOnlyFault) {
  const api::RgdSpec spec = Spec(R"(
    - {id: a, template: {apiVersion: new.example/v1, kind: Thing, metadata: {name: a}, spec: {size: "${schema.spec.num}"}}}
    - {id: b, includeWhen: ["${a.status.ok}"], forEach: [{x: "${a.status.list}"}],
       template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${x}"}, data: {k: "${a.status.word}"}}}
  )",
                                 R"({v: "${a.status.word}"})");
  EXPECT_THAT(Faults(spec), ElementsAre(HasSubstr("KRO601 spec.resources[0].template.kind: ")));

  Kinds kinds = Cluster();
  const auto set = std::make_shared<schema::SchemaSet>();
  ASSERT_TRUE(
      set->AddCrd(*json::Parse(R"({"spec": {"group": "new.example", "names": {"kind": "Thing"},
    "versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
      "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
      "status": {"type": "object", "properties": {"ok": {"type": "boolean"}, "word": {"type": "string"},
        "list": {"type": "array", "items": {"type": "string"}}}}}}}}]}})")));
  kinds.AddSchemas(set);
  kinds.AddMapping({"new.example", "v1", "Thing"}, {{"new.example", "v1", "things"}, true});
  EXPECT_THAT(Faults(spec, kinds), IsEmpty());
}

TEST(Compile, AFaultIsNotReportedAgainByWhatDependsOnIt) {
  // Of a field whose declaration cannot be read nothing is known.
  json::Value spec = *json::Parse(R"({
    "schema": {"apiVersion": "v1", "kind": "App", "spec": {"n": "strin"}},
    "resources": [{"id": "a", "includeWhen": ["${schema.spec.n.x}"],
      "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${schema.spec.n}"}}}]})");
  EXPECT_THAT(Faults(Decode(spec)), ElementsAre(HasSubstr("KRO301")));
  // An iterator whose list is wrong may be used as anything.
  EXPECT_THAT(Faults(Spec(R"(
    - {id: c, forEach: [{i: "${schema.spec.num}"}],
       template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${i}-${i.a.b}"}}}
  )")),
              ElementsAre(HasSubstr("KRO403 spec.resources[0].forEach[0].i: ")));
}

TEST(Compile, APatternThatIsNoneIsRefusedWhenItIsPlanned) {
  const auto graph = Compile("r", Spec(R"(
    - {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.spec.name.find('(')}"}}}
  )"),
                             Cluster());
  ASSERT_FALSE(graph);
  EXPECT_THAT(graph.error()[0].compatible,
              HasSubstr("compile: error parsing regexp: missing closing ): `(`"));
}

TEST(Compile, AnRgdWithoutSpecIsRefused) {
  const auto graph = Compile("r", api::RgdSpec(), Cluster());
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error()[0].code, "KRO201");
}

TEST(Compile, ExplainsAFieldWhoseNameYamlReadAsABoolean) {
  const auto hint = [](std::string_view fields, std::string_view expression) {
    const json::Value spec = json::Object{
        {"schema", {{"apiVersion", "v1"}, {"kind", "App"}, {"spec", json::Parse(fields).value()}}},
        {"resources", json::Array{json::Object{{"id", "a"},
                                               {"template",
                                                {{"apiVersion", "v1"},
                                                 {"kind", "ConfigMap"},
                                                 {"metadata", {{"name", expression}}}}}}}}};
    const auto graph = Compile("r", Decode(spec), Cluster());
    return graph ? "" : graph.error()[0].hint;
  };
  EXPECT_EQ(hint(R"({"false": "string"})", "${schema.spec.n}"),
            "YAML reads an unquoted key n as false: quote it where it is declared, \"n\"");
  EXPECT_EQ(hint(R"({"db": {"true": "string"}})", "${schema.spec.db.on}"),
            "YAML reads an unquoted key on as true: quote it where it is declared, \"on\"");
  EXPECT_EQ(hint(R"({"m": "string"})", "${schema.spec.n}"), "did you mean 'm'?");
  EXPECT_THAT(Faults(Spec(R"(
    - {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a, on: b}}}
  )")),
              ElementsAre(HasSubstr(
                  "KRO602 spec.resources[0].template.metadata.true: unknown field 'true'")));
}

TEST(Compile, PointsIntoStringsOfSeveralParts) {
  const auto graph = Compile("r", Spec(R"(
    - {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: "x-${schema.spec.nam}-y"}}}
  )"),
                             Cluster());
  ASSERT_FALSE(graph);
  const Location& where = graph.error()[0].where;
  EXPECT_EQ(where.expression, "schema.spec.nam");
  EXPECT_EQ(where.span, (Span{11, 15}));
}

}  // namespace
}  // namespace kro::graph
