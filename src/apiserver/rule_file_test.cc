#include "apiserver/rule_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHead = "apiVersion: dev.kro.run/v1alpha1\nkind: Rules\nrules:\n";

std::string FaultOf(std::string_view rules) {
  auto read = ReadRuleFile(std::string(kHead) + std::string(rules), "r.yaml");
  if (read) return "no fault";
  return Render(read.error().front());
}

TEST(RuleFile, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string_view rules, fault;
  };
  const Case kCases[] = {
      {"- {for: {apiVersion: v1, kind: Pod}, stauts: {a: 1}}",
       "r.yaml:4:38: rules[0].stauts: unknown field 'stauts' [KRO104]\n  did you mean 'status'?"},
      {"- {status: {a: 1}}", "r.yaml:4:3: rules[0]: the rule does not say for which kind"},
      {"- {for: {apiVersion: v1, kind: Pod}}", "r.yaml:4:3: rules[0]: the rule does nothing"},
      {"- {for: {apiVersion: v1, kind: Pod}, when: [creatd], status: {}}",
       "r.yaml:4:45: rules[0].when[0]: expected created, updated or deleted [KRO103]\n"
       "  did you mean 'created'?"},
      {"- {for: {apiVersion: v1, kind: Pod}, after: soon, status: {}}",
       "r.yaml:4:45: rules[0].after: expected a duration, at most a year"},
      {"- {for: {apiVersion: v1, kind: Pod}, status: 3}",
       "r.yaml:4:46: rules[0].status: a value of another type is expected here [KRO103]\n"
       "  expected a map, found integer"},
      {"- for: {apiVersion: v1, kind: Pod}\n  status:\n    a: ${objct.x}",
       "r.yaml:6:10: rules[0].status.a: undeclared reference to 'objct' [KRO402]\n"
       "  ${objct.x}\n    ^~~~~ did you mean 'object'?"},
      {"- for: {apiVersion: v1, kind: Pod}\n  if: object.metadata.name + 1 +\n  status: {}",
       "r.yaml:5:"},
      {"- {for: {apiVersion: v1, kind: Pod}, if: '\"a\"', status: {}}",
       "a condition is true or false [KRO404]\n  expected bool, found string"},
      {"- {for: {apiVersion: v1, kind: Pod}, when: [deleted], status: {a: 1}}",
       "what is deleted cannot be changed any more"},
      {"- {for: {apiVersion: v1, kind: Pod}, create: [{kind: Pod}]}",
       "rules[0].create[0]: an object has apiVersion, kind and metadata.name"},
      {"- [", "r.yaml:"},
  };
  for (const Case& c : kCases)
    EXPECT_THAT(FaultOf(c.rules), HasSubstr(std::string(c.fault))) << c.rules;
}

TEST(RuleFile, KnowsItsKind) {
  EXPECT_THAT(Render(ReadRuleFile("kind: ConfigMap\n", "r.yaml").error().front()),
              HasSubstr("a rule file has the kind Rules"));
}

struct RuleWorld : ServerWorld {
  explicit RuleWorld(std::string_view rules) {
    auto read = ReadRuleFile(std::string(kHead) + std::string(rules), "r.yaml");
    EXPECT_TRUE(read) << Render(read.error().front());
    if (read) server.Play(std::move(*read), [this](std::string what) { reports.push_back(what); });
  }
  void CreateConfigMap(std::string_view yaml) {
    Create("/api/v1/namespaces/default/configmaps",
           fmt::format("{{apiVersion: v1, kind: ConfigMap, {}}}", yaml));
  }
  std::string Map(std::string_view name, std::string_view path) {
    return At(fmt::format("/api/v1/namespaces/default/configmaps/{}", name), path);
  }
  std::vector<std::string> reports;
};

TEST(Rules, PlayTheCloudOfTheExample) {
  std::ifstream rules(KRO_SOURCE_DIR "/examples/webapp-with-db/rules.yaml");
  auto read = ReadRuleFile(std::string(std::istreambuf_iterator<char>(rules), {}), "rules.yaml");
  ASSERT_TRUE(read) << Render(read.error().front());
  ServerWorld world;
  std::ifstream definition(KRO_SOURCE_DIR "/examples/webapp-with-db/table-crd.yaml");
  world.Create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
               std::string(std::istreambuf_iterator<char>(definition), {}));
  world.Advance(1s);
  world.server.Play(std::move(*read), [](std::string what) { ADD_FAILURE() << what; });
  world.Create("/apis/cloud.example.com/v1/namespaces/default/tables",
               "{apiVersion: cloud.example.com/v1, kind: Table, metadata: {name: a}, "
               "spec: {partitionKey: id}}");
  constexpr const char* kTable = "/apis/cloud.example.com/v1/namespaces/default/tables/a";
  world.Advance(100ms);
  EXPECT_EQ(world.At(kTable, "status.state"), "CREATING");
  world.Advance(1s);
  EXPECT_EQ(world.At(kTable, "status.state"), "ACTIVE");
  EXPECT_EQ(world.At(kTable, "status.endpoint"), "a.default.tables.cloud.example.com");
}

TEST(Rules, ActWhenTheConditionHoldsAndTheTimeHasCome) {
  RuleWorld world(R"(
- for: {apiVersion: v1, kind: ConfigMap}
  if: object.data.wanted == "yes"
  after: 2s
  patch: {data: {seen: "${object.metadata.name}", was: "${old == null ? omit() : 'known'}"}}
)");
  world.CreateConfigMap("metadata: {name: a}, data: {wanted: 'yes'}");
  world.CreateConfigMap("metadata: {name: b}, data: {wanted: 'no'}");
  world.CreateConfigMap("metadata: {name: c}");  // nothing to judge by yet
  world.Advance(1900ms);
  EXPECT_EQ(world.Map("a", "data.seen"), "nothing");
  world.Advance(200ms);
  EXPECT_EQ(world.Map("a", "data.seen"), "a");
  EXPECT_EQ(world.Map("b", "data.seen"), "nothing");
  world.Send("PATCH", "/api/v1/namespaces/default/configmaps/c", R"({"data":{"wanted":"yes"}})",
             "application/merge-patch+json");
  world.Advance(3s);
  EXPECT_EQ(world.Map("c", "data.was"), "known");
  EXPECT_THAT(world.reports, testing::IsEmpty());
}

TEST(Rules, MakeAndRemoveObjects) {
  RuleWorld world(R"(
- for: {apiVersion: v1, kind: ConfigMap}
  if: object.metadata.name == "order"
  create:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${object.metadata.name}-bill"}
    data: {total: "${string(size(object.data) * 10)}"}
- for: {apiVersion: v1, kind: ConfigMap}
  when: [deleted]
  if: object.metadata.name == "order"
  create: [{apiVersion: v1, kind: ConfigMap, metadata: {name: farewell}}]
- for: {apiVersion: v1, kind: ConfigMap}
  if: object.metadata.name == "farewell"
  after: 10s
  delete: true
)");
  world.CreateConfigMap("metadata: {name: order}, data: {a: '1', b: '2'}");
  world.Advance(1s);
  EXPECT_EQ(world.Map("order-bill", "data.total"), "20");
  world.Send("DELETE", "/api/v1/namespaces/default/configmaps/order");
  world.Advance(1s);
  EXPECT_EQ(world.Map("farewell", "metadata.name"), "farewell");
  world.Advance(10s);
  EXPECT_EQ(world.Map("farewell", "reason"), "NotFound");
}

TEST(Rules, SayWhatTheyCouldNotDo) {
  RuleWorld world(
      "- for: {apiVersion: v1, kind: ConfigMap}\n  if: object.metadata.name == 'a'\n"
      "  patch: {data: {k: '${object.metadata.uid.size()}'}}\n");
  world.CreateConfigMap("metadata: {name: a}");
  world.Advance(1s);
  ASSERT_EQ(world.reports.size(), 1u);
  EXPECT_THAT(world.reports[0], HasSubstr("r.yaml:4: ConfigMap default/a: patch: "));
}

TEST(Rules, HoldForWhatWasThereBeforeThem) {
  ServerWorld world;
  world.Create("/api/v1/namespaces/default/configmaps",
               "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
  auto read = ReadRuleFile(
      std::string(kHead) + "- for: {apiVersion: v1, kind: ConfigMap}\n  patch: {data: {k: v}}\n",
      "r.yaml");
  world.server.Play(std::move(*read), [](std::string) {});
  world.Advance(1s);
  EXPECT_EQ(world.At("/api/v1/namespaces/default/configmaps/a", "data.k"), "v");
}

}  // namespace
}  // namespace kro::apiserver
