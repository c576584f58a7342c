#include "runtime/reconciliation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "api/constants.h"
#include "api/identity.h"
#include "runtime/pass_test_util.h"

namespace kro::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A resource that is a ConfigMap; `more` are further members of the resource.
std::string ConfigMap(std::string_view id, std::string_view data, std::string_view more = "") {
  return fmt::format(
      "- id: {0}\n  template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: {0}}}, data: "
      "{1}}}\n{2}",
      id, data, more);
}

std::string Deployment(std::string_view id, std::string_view more = "") {
  return fmt::format(
      "- id: {0}\n  template: {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {0}}}, "
      "spec: {{replicas: 1}}}}\n{1}",
      id, more);
}

std::string Resources(std::initializer_list<std::string> resources) {
  std::string text = "resources:\n";
  for (const std::string& resource : resources) text += resource;
  return text;
}

std::string_view DataOf(const FakeCluster& cluster, std::string_view key, std::string_view member) {
  const LiveObject object = cluster.Find(key);
  return object == nullptr ? "gone" : json::FindString(*object, {"data", member});
}

std::string Inner(const Outcome& outcome) {
  const std::string_view prefix = "resource reconciliation failed: ";
  return outcome.message.starts_with(prefix) ? outcome.message.substr(prefix.size())
                                             : outcome.message;
}

// ---- What a child looks like -------------------------------------------------------------------

TEST(Reconciliation, GivesAChildItsLabelsOrderAndNamespace) {
  const auto graph = GraphOf(AppSchema("{name: string}") +
                             Resources({ConfigMap("cm", "{name: \"${schema.spec.name}\"}")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{name: web}"), cluster);

  ASSERT_EQ(ran.desired.size(), 1u);
  json::Value desired = ran.desired[0];
  auto& annotations = json::Find(desired, "metadata")->get_object()["annotations"].get_object();
  EXPECT_EQ(annotations[api::annotation::kDesiredHash].as_string().size(), 16u);
  annotations.erase(api::annotation::kDesiredHash);
  EXPECT_EQ(desired, Yaml(R"(
apiVersion: v1
kind: ConfigMap
metadata:
  name: cm
  namespace: default
  labels:
    app.kubernetes.io/managed-by: kro
    applyset.kubernetes.io/part-of: )" +
                          api::ApplySetId({"web", "default", "App", "kro.run"}) + R"(
    kro.run/instance-group: kro.run
    kro.run/instance-id: app-uid
    kro.run/instance-kind: App
    kro.run/instance-name: web
    kro.run/instance-namespace: default
    kro.run/instance-version: v1alpha1
    kro.run/kro-version: 1.2.3
    kro.run/node-id: cm
    kro.run/owned: "true"
  annotations:
    internal.kro.run/apply-order: "1"
data: {name: web}
)"));
}

TEST(Reconciliation, KeepsLabelsOfTheTemplateButNotKrosOwnKeys) {
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: cm
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: cm, labels: "${{'mine': 'yes', 'kro.run/node-id': 'forged'}}", annotations: {note: hi}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_EQ(LabelOf(ran.desired[0], "mine"), "yes");
  EXPECT_EQ(LabelOf(ran.desired[0], api::label::kNodeId), "cm");
  EXPECT_EQ(AnnotationOf(ran.desired[0], "note"), "hi");
}

TEST(Reconciliation, LeavesTheNamespaceLabelOutForAClusterScopedInstance) {
  const auto graph = GraphOf(AppSchema("{}", "{}", "Cluster") + R"(
resources:
- id: cm
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: far}}
- id: ns
  template: {apiVersion: v1, kind: Namespace, metadata: {name: ns}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{}", ""), cluster);
  EXPECT_EQ(LabelOf(*cluster.Find("ConfigMap far/cm"), api::label::kInstanceNamespace), "");
  EXPECT_NE(cluster.Find("Namespace ns"), nullptr);
  EXPECT_THAT(ran.outcome.content.namespaces, ElementsAre("far"));
  EXPECT_THAT(ran.outcome.content.group_kinds,
              ElementsAre(api::GroupKind{"", "ConfigMap"}, api::GroupKind{"", "Namespace"}));
}

TEST(Reconciliation, RefusesAChildWithoutNamespaceOfAClusterScopedInstance) {
  const auto graph = GraphOf(AppSchema("{ns: string}", "{}", "Cluster") + R"(
resources:
- id: cm
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: "${schema.spec.ns}"}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{ns: \"\"}", ""), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kError);
  EXPECT_EQ(Inner(ran.outcome),
            "node \"cm\" is namespaced and must resolve metadata.namespace when the instance is "
            "cluster-scoped");
}

TEST(Reconciliation, CarriesTextThatLooksLikeAnExpression) {
  const auto graph =
      GraphOf(AppSchema("{v: string}") + Resources({ConfigMap("cm", "{v: \"${schema.spec.v}\"}")}));
  FakeCluster cluster;
  RunPass(graph, App("{v: \"${cm.data.v}\"}"), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/cm", "v"), "${cm.data.v}");
}

TEST(Reconciliation, EncodesBytesWhereTheSchemaHasBytes) {
  const auto graph = GraphOf(AppSchema("{word: string}") + R"(
resources:
- id: secret
  template:
    apiVersion: v1
    kind: Secret
    metadata: {name: secret}
    data: {word: "${bytes(schema.spec.word)}"}
- id: map
  template:
    apiVersion: v1
    kind: Secret
    metadata: {name: map}
    data: "${{'word': bytes(schema.spec.word)}}"
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{word: hello}"), cluster);
  EXPECT_EQ(DataOf(cluster, "Secret default/secret", "word"), "aGVsbG8=");
  EXPECT_EQ(DataOf(cluster, "Secret default/map", "word"), "aGVsbG8=");
  EXPECT_TRUE(ran.outcome.ready) << ran.outcome.message;
}

TEST(Reconciliation, RefusesBytesElsewhere) {
  const auto graph = GraphOf(AppSchema("{word: string}") + R"(
resources:
- id: w
  template: {apiVersion: test.dev/v1, kind: Widget, metadata: {name: w}, spec: {v: "${bytes(schema.spec.word)}"}}
)");
  FakeCluster cluster;
  EXPECT_THAT(
      Inner(RunPass(graph, App("{word: hello}"), cluster).outcome),
      HasSubstr("node \"w\": convert \"bytes(schema.spec.word)\": unsupported type: bytes"));
}

TEST(Reconciliation, LeavesOutWhatIsOmitted) {
  const auto graph = GraphOf(AppSchema("{flag: boolean}") + R"(
resources:
- id: w
  template:
    apiVersion: test.dev/v1
    kind: Widget
    metadata: {name: w}
    spec:
      key: "${schema.spec.flag ? 'x' : omit()}"
      list: ["${schema.spec.flag ? 'a' : omit()}", b, "${schema.spec.flag ? 'c' : omit()}", "${'d'}"]
)");
  FakeCluster cluster;
  ASSERT_TRUE(RunPass(graph, App("{flag: true}"), cluster).outcome.ready);
  EXPECT_EQ(*json::Find(*cluster.Find("Widget default/w"), "spec"),
            Yaml("{key: x, list: [a, b, c, d]}"));
  RunPass(graph, App("{flag: false}"), cluster);
  EXPECT_EQ(*json::Find(*cluster.Find("Widget default/w"), "spec"), Yaml("{list: [b, d]}"));
}

// Spec section 1.6: upstream fails to read it, and so ends the pass; of an item the apply fails.
TEST(Reconciliation, RefusesAnObjectWithoutAName) {
  const std::string_view one = R"(
resources:
- id: w
  template:
    apiVersion: test.dev/v1
    kind: Widget
    metadata: {name: "${schema.spec.text}"}
)";
  const std::string_view many = R"(
resources:
- id: w
  forEach: [{word: "${[schema.spec.text]}"}]
  template:
    apiVersion: test.dev/v1
    kind: Widget
    metadata: {name: "${word}"}
)";
  FakeCluster cluster;
  for (const auto& [resources, text] :
       {std::pair(one, "resource reconciliation failed: name is required"),
        std::pair(
            many,
            "resource reconciliation failed: apply results contain errors: collection item 0: "
            "name is required")}) {
    const auto graph = GraphOf(AppSchema("{text: string}") + std::string(resources));
    const Outcome outcome = RunPass(graph, App("{text: ''}"), cluster).outcome;
    EXPECT_EQ(outcome.state, "ERROR");
    EXPECT_EQ(outcome.message, text);
  }
}

// ---- Knowing that nothing changed --------------------------------------------------------------

TEST(Reconciliation, KnowsWhatItAppliedBefore) {
  const auto graph =
      GraphOf(AppSchema("{v: string}") +
              Resources({ConfigMap("a", "{v: \"${schema.spec.v}\"}"),
                         ConfigMap("b", "{v: \"${a.data.v}\"}"), ConfigMap("c", "{v: x}")}));
  FakeCluster cluster;
  EXPECT_THAT(RunPass(graph, App("{v: one}"), cluster).waves,
              ElementsAre(ElementsAre("ConfigMap default/a", "ConfigMap default/c"),
                          ElementsAre("ConfigMap default/b")));
  EXPECT_THAT(RunPass(graph, App("{v: one}"), cluster).waves, IsEmpty());

  // An edit reaches its dependents in the same pass, and nothing else.
  const Ran edited = RunPass(graph, App("{v: two}"), cluster);
  EXPECT_THAT(edited.waves,
              ElementsAre(ElementsAre("ConfigMap default/a"), ElementsAre("ConfigMap default/b")));
  EXPECT_THAT(edited.unchanged, ElementsAre("ConfigMap default/c"));
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/b", "v"), "two");
}

TEST(Reconciliation, ChangesNoAnnotationWhereOnlyItsLabelsChange) {
  // A Deployment counts a new generation for every change of an annotation.
  const auto graph = GraphOf(AppSchema("{names: \"[]string\"}") + R"(
resources:
- id: apps
  forEach: [{it: "${schema.spec.names}"}]
  template: {apiVersion: apps/v1, kind: Deployment, metadata: {name: "${it}"}}
)");
  FakeCluster cluster;
  RunPass(graph, App("{names: [a]}"), cluster);
  const json::Value before =
      *json::Find(*cluster.Find("Deployment default/a"), {"metadata", "annotations"});
  const Ran grown = RunPass(graph, App("{names: [a, b]}"), cluster);
  EXPECT_EQ(grown.waves[0].size(), 2u);
  const json::Value& after = *cluster.Find("Deployment default/a");
  EXPECT_EQ(LabelOf(after, api::label::kCollectionSize), "2");
  EXPECT_EQ(*json::Find(after, {"metadata", "annotations"}), before);
  EXPECT_THAT(RunPass(graph, App("{names: [a, b]}"), cluster).waves, IsEmpty());
}

TEST(Reconciliation, AppliesAgainWhatWasTakenOverWithoutItsHash) {
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("cm", "{v: x}")}));
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: default}, data: {v: x}}");
  EXPECT_THAT(RunPass(graph, App(), cluster).waves,
              ElementsAre(ElementsAre("ConfigMap default/cm")));
}

// ---- Dependencies, readiness, pending data (spec 10.2)
// -------------------------------------------

TEST(Reconciliation, BringsUpAChainInOnePass) {
  const auto graph = GraphOf(AppSchema("{v: string}", "{last: \"${d.data.v}\"}") +
                             Resources({ConfigMap("d", "{v: \"${c.data.v + 'd'}\"}"),
                                        ConfigMap("c", "{v: \"${b.data.v + 'c'}\"}"),
                                        ConfigMap("b", "{v: \"${a.data.v + 'b'}\"}"),
                                        ConfigMap("a", "{v: \"${schema.spec.v}\"}")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{v: x}"), cluster);
  EXPECT_EQ(ran.waves.size(), 4u);
  EXPECT_TRUE(ran.outcome.ready);
  EXPECT_EQ(ran.outcome.state, api::state::kActive);
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{last: xbcd}"));
}

TEST(Reconciliation, AppliesWhatIsIndependentOfMissingData) {
  // Row 19 and 21: B reads a status that A has not yet.
  const auto graph =
      GraphOf(AppSchema("{}") +
              Resources({Deployment("a"),
                         ConfigMap("b", "{num: \"${string(a.status.availableReplicas)}\"}"),
                         ConfigMap("c", "{v: x}")}));
  FakeCluster cluster;
  const Ran first = RunPass(graph, App(), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/c", "Deployment default/a"));
  EXPECT_EQ(first.outcome.state, api::state::kInProgress);
  EXPECT_FALSE(first.outcome.may_prune);
  EXPECT_EQ(
      Inner(first.outcome),
      "waiting for unresolved resource: gvr \"/v1, Resource=configmaps\": node \"b\": failed to "
      "evaluate expression: eval \"string(a.status.availableReplicas)\": no such key: status "
      "(data pending)");
  const NodeReport& b = first.Of(*graph, "b");
  EXPECT_EQ(b.state, NodeState::kPending);
  ASSERT_TRUE(b.wait);
  EXPECT_EQ(b.wait->name, "a");
  EXPECT_EQ(b.wait->gvr.resource, "deployments");
  EXPECT_THAT(b.wait->seen, ElementsAre(SeenValue{"a.status.availableReplicas", "absent"}));

  // Row 20
  cluster.Patch("Deployment default/a", "{status: {availableReplicas: 3}}");
  const Ran second = RunPass(graph, App(), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/b", "num"), "3");
  EXPECT_TRUE(second.outcome.ready);
  EXPECT_TRUE(second.outcome.may_prune);
}

TEST(Reconciliation, HoldsDependentsUntilReady) {
  // Rows 22, 23, 25, 26
  const auto graph =
      GraphOf(AppSchema("{}") +
              Resources({Deployment("a", "  readyWhen: [\"${a.status.availableReplicas == 1}\"]\n"),
                         ConfigMap("b", "{num: \"${a.metadata.name}\"}")}));
  FakeCluster cluster;
  const Ran missing = RunPass(graph, App(), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("Deployment default/a"));
  EXPECT_EQ(missing.outcome.state, api::state::kInProgress);
  EXPECT_EQ(Inner(missing.outcome),
            "apply results contain errors: waiting for node \"a\": node \"a\": failed to evaluate "
            "readyWhen expression: \"a.status.availableReplicas == 1\" (waiting for readiness)");

  cluster.Patch("Deployment default/a", "{status: {availableReplicas: 0}}");
  const Ran unready = RunPass(graph, App(), cluster);
  EXPECT_EQ(
      Inner(unready.outcome),
      "apply results contain errors: waiting for node \"a\": readyWhen condition evaluated to "
      "false: \"a.status.availableReplicas == 1\" (waiting for readiness)");
  const NodeReport& a = unready.Of(*graph, "a");
  EXPECT_EQ(a.state, NodeState::kWaiting);
  EXPECT_THAT(a.wait->seen, ElementsAre(SeenValue{"a.status.availableReplicas", "0"}));
  EXPECT_EQ(unready.Of(*graph, "b").cause->message(),
            "node \"b\": dependent node \"a\" not ready: readyWhen condition evaluated to false: "
            "\"a.status.availableReplicas == 1\" (waiting for readiness) (data pending)");
  EXPECT_FALSE(unready.outcome.may_prune);

  cluster.Patch("Deployment default/a", "{status: {availableReplicas: 1}}");
  EXPECT_TRUE(RunPass(graph, App(), cluster).outcome.ready);
  EXPECT_NE(cluster.Find("ConfigMap default/b"), nullptr);
}

TEST(Reconciliation, JudgesReadinessOnTheAnswerToTheApply) {
  const auto graph = GraphOf(AppSchema("{v: string}") +
                             Resources({ConfigMap("a", "{v: \"${schema.spec.v}\"}",
                                                  "  readyWhen: [\"${a.data.v == 'good'}\"]\n"),
                                        ConfigMap("b", "{v: \"${a.data.v}\"}")}));
  FakeCluster cluster;
  EXPECT_FALSE(RunPass(graph, App("{v: bad}"), cluster).outcome.ready);
  EXPECT_TRUE(RunPass(graph, App("{v: good}"), cluster).outcome.ready);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/b", "v"), "good");
}

TEST(Reconciliation, AppliesTheCureOfAFatalReadinessError) {
  // Upstream's defect: the pass ends before the edit reaches the object.
  const auto graph = GraphOf(
      AppSchema("{word: string}") +
      Resources({ConfigMap("num", "{word: \"${schema.spec.word}\"}",
                           "  readyWhen: [\"${int(num.data.word) > 1}\"]\n"),
                 ConfigMap("dep", "{v: \"${num.data.word}\"}"), ConfigMap("free", "{v: x}")}));
  FakeCluster cluster;
  const Ran broken = RunPass(graph, App("{word: x}"), cluster);
  EXPECT_EQ(broken.outcome.state, api::state::kError);
  EXPECT_EQ(
      Inner(broken.outcome),
      "apply results contain errors: node \"num\": failed to evaluate readyWhen expression: "
      "\"int(num.data.word) > 1\" (eval \"int(num.data.word) > 1\": type conversion error from "
      "'string' to 'int')");
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free", "ConfigMap default/num"));
  EXPECT_TRUE(RunPass(graph, App("{word: \"2\"}"), cluster).outcome.ready);
}

TEST(Reconciliation, TakesNullAsAbsentInReadyWhen) {
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: w
  template: {apiVersion: test.dev/v1, kind: Widget, metadata: {name: w}}
  readyWhen: ["${w.status.conditions.exists(c, c.type == 'Up')}"]
)");
  FakeCluster cluster;
  cluster.on_apply = [](json::Value& object) {
    object.get_object()["status"] = Yaml("{conditions: null}");
  };
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_EQ(ran.Of(*graph, "w").state, NodeState::kWaiting);
}

TEST(Reconciliation, ADependentWaitsForAllItNeeds) {
  // Row 24
  const auto gated = [](std::string_view id) {
    return Deployment(
        id, fmt::format("  readyWhen: [\"${{{}.status.availableReplicas == 1}}\"]\n", id));
  };
  const auto graph = GraphOf(
      AppSchema("{}") +
      Resources(
          {gated("a"), gated("b"), gated("c"),
           ConfigMap("d", "{v: \"${a.metadata.name + b.metadata.name + c.metadata.name}\"}")}));
  FakeCluster cluster;
  RunPass(graph, App(), cluster);
  for (const std::string_view id : {"a", "b", "c"}) {
    EXPECT_EQ(cluster.Find("ConfigMap default/d"), nullptr);
    cluster.Patch(fmt::format("Deployment default/{}", id), "{status: {availableReplicas: 1}}");
    RunPass(graph, App(), cluster);
  }
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/d", "v"), "abc");
}

TEST(Reconciliation, AFatalReadyWhenDoesNotKeepLeftoversAlive) {
  // Row 27: everything stands, so what is left over may go.
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: w
  template: {apiVersion: test.dev/v1, kind: Widget, metadata: {name: w}, spec: {a: 1}}
  readyWhen: ["${w.spec.a > 'x'}"]
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kError);
  EXPECT_THAT(ran.outcome.message, HasSubstr("no such overload"));
  EXPECT_TRUE(ran.outcome.may_prune);
}

TEST(Reconciliation, AFatalExpressionStopsItsDependentsOnly) {
  // Row 28, and upstream's defect: there it freezes the whole instance.
  const auto graph =
      GraphOf(AppSchema("{by: integer}") +
              Resources({ConfigMap("bad", "{v: \"${string(10 / schema.spec.by)}\"}"),
                         ConfigMap("dep", "{v: \"${bad.data.v}\"}"), ConfigMap("free", "{v: x}")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{by: 0}"), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
  EXPECT_EQ(ran.outcome.state, api::state::kError);
  EXPECT_EQ(Inner(ran.outcome),
            "node \"bad\": eval \"string(10 / schema.spec.by)\": division by zero");
  EXPECT_EQ(ran.Of(*graph, "dep").state, NodeState::kPending);
  EXPECT_FALSE(ran.outcome.may_prune);
}

TEST(Reconciliation, WaitsForAnUnsetFieldOfTheInstance) {
  // Row 29
  const auto graph = GraphOf(AppSchema("{a: string}") +
                             Resources({ConfigMap("needs", "{v: \"${schema.spec.a}\"}")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{}"), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_EQ(
      Inner(ran.outcome),
      "waiting for unresolved resource: gvr \"/v1, Resource=configmaps\": node \"needs\": failed "
      "to evaluate expression: eval \"schema.spec.a\": no such key: a (data pending)");
  const NodeReport& needs = ran.Of(*graph, "needs");
  EXPECT_EQ(needs.wait->node, std::nullopt);
  EXPECT_EQ(needs.wait->name, "web");
  EXPECT_EQ(ran.outcome.content, ApplySetContent());
}

TEST(Reconciliation, DoesNotShowTheStatusOfTheInstanceToTemplates) {
  const auto graph =
      GraphOf(AppSchema("{}") +
              Resources({ConfigMap("cm", "{v: \"${has(dyn(schema).status) ? 'yes' : 'no'}\"}")}));
  FakeCluster cluster;
  RunPass(graph, App("{}", "default", "{status: {state: ACTIVE}}"), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/cm", "v"), "no");
}

TEST(Reconciliation, RendersWhatTheServerMadeOfADependency) {
  // A webhook changes what is applied: dependents follow the answer in the same pass.
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("a", "{v: raw}"),
                                                          ConfigMap("b", "{v: \"${a.data.v}\"}")}));
  FakeCluster cluster;
  cluster.on_apply = [](json::Value& object) {
    if (NameOf(object) == "a") object.get_object()["data"].get_object()["v"] = "cooked";
  };
  RunPass(graph, App(), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/b", "v"), "cooked");
}

TEST(Reconciliation, KeepsDependentsOfWhatBecomesUnready) {
  // Row 32: kept, not updated, and nothing is pruned meanwhile.
  const auto graph = GraphOf(AppSchema("{v: string}") + R"(
resources:
- id: app
  template: {apiVersion: apps/v1, kind: Deployment, metadata: {name: app}, spec: {replicas: 1}}
  readyWhen: ["${app.status.availableReplicas == 1}"]
- id: dep
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: dep}
    data: {v: "${app.metadata.name + schema.spec.v}"}
)");
  FakeCluster cluster;
  RunPass(graph, App("{v: one}"), cluster);
  cluster.Patch("Deployment default/app", "{status: {availableReplicas: 1}}");
  EXPECT_TRUE(RunPass(graph, App("{v: one}"), cluster).outcome.ready);

  cluster.Patch("Deployment default/app", "{status: {availableReplicas: 0}}");
  const Ran ran = RunPass(graph, App("{v: two}"), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_FALSE(ran.outcome.may_prune);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/dep", "v"), "appone");
}

TEST(Reconciliation, AppliesEverythingOnceForANewVersionOfKro) {
  // Row 105
  const auto graph =
      GraphOf(AppSchema("{}") + Resources({ConfigMap("a", "{v: x}"), ConfigMap("b", "{v: x}")}));
  FakeCluster cluster;
  RunPass(graph, App(), cluster);
  const Ran upgraded = RunPass(graph, App(), cluster, {.version = "1.2.4"});
  EXPECT_EQ(upgraded.waves.size(), 1u);
  EXPECT_TRUE(upgraded.outcome.ready);
  EXPECT_THAT(RunPass(graph, App(), cluster, {.version = "1.2.4"}).waves, IsEmpty());
}

TEST(Reconciliation, ShowsTheStateAfterTheApplyInTheStatus) {
  // Traps 4 and 5: the same expression in a template and in the status never shows an older value.
  const auto graph = GraphOf(AppSchema("{v: string}", "{v: \"${a.data.v}\"}") +
                             Resources({ConfigMap("a", "{v: \"${schema.spec.v}\"}"),
                                        ConfigMap("b", "{v: \"${a.data.v}\"}")}));
  FakeCluster cluster;
  RunPass(graph, App("{v: one}"), cluster);
  const Ran ran = RunPass(graph, App("{v: two}"), cluster);
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{v: two}"));
}

TEST(Reconciliation, ReadsTypedValuesOfChildren) {
  // Row 114; trap 6 is mended: readyWhen reads values as it was type-checked.
  const auto graph =
      GraphOf(AppSchema("{}", "{made: \"${secret.metadata.creationTimestamp}\"}") + R"(
resources:
- id: secret
  template: {apiVersion: v1, kind: Secret, metadata: {name: secret}, stringData: {word: hello}}
  readyWhen: ["${secret.data.word == b'hello'}"]
- id: cm
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: cm}
    data: {word: "${string(secret.data.word)}"}
)");
  FakeCluster cluster;
  cluster.on_apply = [](json::Value& object) {
    if (NameOf(object) != "secret") return;
    object.get_object()["data"] = Yaml("{word: aGVsbG8=}");
    object.get_object()["metadata"].get_object()["creationTimestamp"] = "2026-08-01T12:00:00Z";
  };
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_TRUE(ran.outcome.ready) << ran.outcome.message;
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/cm", "word"), "hello");
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{made: \"2026-08-01T12:00:00Z\"}"));
}

// Traps 28 and 29 of expressions are mended: upstream makes JSON of elements first, where a name has no
// escapes and an instant is text.
TEST(Reconciliation, IteratorsKeepTheirTypes) {
  const auto graph = GraphOf(R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {parts: "[]Part"}
  types: {Part: {my-field: string}}
resources:
- id: parts
  forEach: [{part: "${schema.spec.parts}"}, {at: "${[timestamp('2024-03-04T00:00:00Z')]}"}]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${part.my__dash__field}-${string(at.getFullYear())}"}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{parts: [{my-field: a}, {my-field: b}]}"), cluster);
  EXPECT_TRUE(ran.outcome.ready) << ran.outcome.message;
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/a-2024", "ConfigMap default/b-2024"));
}

// Trap 64 of expressions is mended: upstream keeps one value a text for all of a pass, whoever asks. A
// readyWhen takes null for absent, a template does not.
TEST(Reconciliation, GivesEveryUseOfATextItsOwnValue) {
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: w
  template: {apiVersion: test.dev/v1, kind: Widget, metadata: {name: w}}
  readyWhen: ["${!has(w.status.x)}"]
- id: v
  template: {apiVersion: test.dev/v1, kind: Widget, metadata: {name: v}, spec: {absent: "${!has(w.status.x)}"}}
)");
  FakeCluster cluster;
  cluster.on_apply = [](json::Value& object) {
    if (NameOf(object) == "w") object.get_object()["status"] = Yaml("{x: null}");
  };
  const Ran ran = RunPass(graph, App(), cluster);
  ASSERT_NE(cluster.Find("Widget default/v"), nullptr) << ran.outcome.message;
  EXPECT_EQ(*json::Find(*cluster.Find("Widget default/v"), "spec"), Yaml("{absent: false}"));
}

TEST(Reconciliation, CountsUnansweredActionsAsInProgress) {
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("a", "{v: x}"),
                                                          ConfigMap("b", "{v: \"${a.data.v}\"}")}));
  Reconciliation pass(graph, App(), {});
  EXPECT_EQ(pass.Advance().size(), 1u);
  EXPECT_THAT(pass.Advance(), IsEmpty());
  EXPECT_FALSE(pass.IsDone());
  const Outcome outcome = pass.Finish();
  EXPECT_EQ(outcome.state, api::state::kInProgress);
  EXPECT_FALSE(outcome.ready);
  EXPECT_FALSE(outcome.may_prune);
}

// ---- includeWhen (spec 10.3)
// ---------------------------------------------------------------------

TEST(Reconciliation, SkipsANodeWithAllThatNeedsIt) {
  // Rows 33, 37, 43
  const auto graph = GraphOf(
      AppSchema("{flag: boolean}", "{v: \"${maybe.data.v}\", name: \"${schema.metadata.name}\"}") +
      Resources({ConfigMap("maybe", "{v: x}", "  includeWhen: [\"${schema.spec.flag}\"]\n"),
                 ConfigMap("child", "{v: \"${maybe.data.v}\"}"),
                 ConfigMap("grandchild", "{v: \"${child.data.v}\"}"),
                 ConfigMap("free", "{v: x}")}));
  FakeCluster cluster;
  const Ran off = RunPass(graph, App("{flag: false}"), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
  EXPECT_TRUE(off.outcome.ready);
  EXPECT_EQ(off.outcome.state, api::state::kActive);
  EXPECT_TRUE(off.outcome.may_prune);
  EXPECT_EQ(json::Value(off.outcome.fields), Yaml("{name: web}"));
  EXPECT_EQ(off.outcome.desired.size(), 1u);

  // Row 36
  RunPass(graph, App("{flag: true}"), cluster);
  EXPECT_EQ(cluster.Keys().size(), 4u);
}

struct IncludeCase {
  std::string_view conditions;
  std::string_view spec;
  NodeState state;
  std::string_view cause = "";
};

TEST(Reconciliation, DecidesInclusion) {
  const IncludeCase kCases[] = {
      {"[\"${schema.spec.a}\", \"${schema.spec.b}\"]", "{a: true, b: true}", NodeState::kSynced},
      // Row 34: all must hold; the first that does not decides
      {"[\"${schema.spec.a}\", \"${schema.spec.b}\"]", "{a: true, b: false}", NodeState::kSkipped},
      {"[\"${schema.spec.a}\", \"${schema.spec.b}\"]", "{a: false}", NodeState::kSkipped},
      // nothing is false
      {"[\"${schema.spec.?a}\"]", "{}", NodeState::kSkipped},
      {"[\"${schema.spec.?a}\"]", "{a: true}", NodeState::kSynced},
      // Row 42: the instance is all there, so what is missing stays missing
      {"[\"${schema.spec.a}\"]", "{}", NodeState::kError,
       "includeWhen \"schema.spec.a\": eval \"schema.spec.a\": no such key: a"},
      {"[\"${schema.spec.a}\"]", "{a: word}", NodeState::kError,
       "includeWhen \"schema.spec.a\": eval \"schema.spec.a\": invalid data, expected bool, got "
       "string"},
  };
  for (const IncludeCase& c : kCases) {
    SCOPED_TRACE(fmt::format("{} with {}", c.conditions, c.spec));
    const auto graph = GraphOf(
        AppSchema("{a: boolean, b: boolean}") +
        Resources({ConfigMap("cm", "{v: x}", fmt::format("  includeWhen: {}\n", c.conditions)),
                   ConfigMap("free", "{v: x}")}));
    FakeCluster cluster;
    const Ran ran = RunPass(graph, App(c.spec), cluster);
    EXPECT_EQ(ToString(ran.Of(*graph, "cm").state), ToString(c.state));
    if (!c.cause.empty()) {
      EXPECT_EQ(ran.Of(*graph, "cm").cause->message(), c.cause);
    }
    EXPECT_NE(cluster.Find("ConfigMap default/free"), nullptr);
  }
}

TEST(Reconciliation, WaitsForTheDataThatDecidesInclusion) {
  // Rows 38 to 41, 45, and trap 9: a schema term that is false already does not end the wait.
  const auto graph = GraphOf(AppSchema("{flag: boolean}") +
                             Resources({Deployment("app"),
                                        ConfigMap("more", "{v: x}",
                                                  "  includeWhen: [\"${schema.spec.flag}\", "
                                                  "\"${app.status.availableReplicas > 1}\"]\n"),
                                        ConfigMap("after", "{v: \"${more.data.v}\"}")}));
  FakeCluster cluster;
  const Ran pending = RunPass(graph, App("{flag: true}"), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("Deployment default/app"));
  EXPECT_EQ(
      Inner(pending.outcome),
      "waiting for unresolved resource: gvr \"/v1, Resource=configmaps\": includeWhen "
      "\"app.status.availableReplicas > 1\": eval \"app.status.availableReplicas > 1\": no such "
      "key: status (data pending)");
  EXPECT_FALSE(pending.outcome.may_prune);

  cluster.Patch("Deployment default/app", "{status: {availableReplicas: 2}}");
  EXPECT_TRUE(RunPass(graph, App("{flag: true}"), cluster).outcome.ready);
  EXPECT_EQ(cluster.Keys().size(), 3u);

  cluster.Patch("Deployment default/app", "{status: {availableReplicas: 1}}");
  const Ran excluded = RunPass(graph, App("{flag: true}"), cluster);
  EXPECT_TRUE(excluded.outcome.ready);
  EXPECT_TRUE(excluded.outcome.may_prune);
  EXPECT_THAT(excluded.outcome.desired,
              ElementsAre(ObjectIdentity{{"apps", "Deployment"}, "default", "app"}));
}

TEST(Reconciliation, InclusionWaitsForTheReadinessOfWhatItReads) {
  const auto graph = GraphOf(
      AppSchema("{flag: boolean}") +
      Resources(
          {Deployment("app", "  readyWhen: [\"${app.status.availableReplicas == 1}\"]\n"),
           ConfigMap(
               "more", "{v: x}",
               "  includeWhen: [\"${schema.spec.flag}\", \"${app.metadata.name == 'x'}\"]\n")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{flag: false}"), cluster);
  EXPECT_EQ(
      ran.Of(*graph, "more").cause->message(),
      "includeWhen dependency \"app\" not ready: node \"app\": failed to evaluate readyWhen "
      "expression: \"app.status.availableReplicas == 1\" (waiting for readiness) (data pending)");
}

// ---- Collections (spec 10.4)
// ---------------------------------------------------------------------

std::string Collection(std::string_view id, std::string_view name, std::string_view for_each,
                       std::string_view more = "") {
  return fmt::format(
      "- id: {}\n  forEach: {}\n  template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
      "\"{}\"}}, data: {{v: x}}}}\n{}",
      id, for_each, name, more);
}

TEST(Reconciliation, ExpandsACollection) {
  // Rows 46, 48, 57, 115b
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\"}", "{count: \"${size(parts)}\"}") +
              Resources({Collection("parts", "p-${it}", "[{it: \"${schema.spec.names}\"}]"),
                         ConfigMap("sum", "{num: \"${string(size(parts))}\"}")}));
  FakeCluster cluster;
  const Ran two = RunPass(graph, App("{names: [b, a]}"), cluster);
  const json::Value& second = *cluster.Find("ConfigMap default/p-a");
  EXPECT_EQ(LabelOf(second, api::label::kCollectionIndex), "1");
  EXPECT_EQ(LabelOf(second, api::label::kCollectionSize), "2");
  EXPECT_EQ(LabelOf(second, api::label::kNodeId), "parts");
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/sum", "num"), "2");
  EXPECT_EQ(json::Value(two.outcome.fields), Yaml("{count: 2}"));

  const Ran none = RunPass(graph, App("{names: []}"), cluster);
  EXPECT_TRUE(none.outcome.ready);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/sum", "num"), "0");
  EXPECT_EQ(json::Value(none.outcome.fields), Yaml("{count: 0}"));
  EXPECT_THAT(none.outcome.desired,
              ElementsAre(ObjectIdentity{{"", "ConfigMap"}, "default", "sum"}));
}

TEST(Reconciliation, LeavesOutAWholeCollection) {
  // Row 44
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\", flag: boolean}") +
              Resources({Collection("parts", "p-${it}", "[{it: \"${schema.spec.names}\"}]",
                                    "  includeWhen: [\"${schema.spec.flag}\"]\n")}));
  FakeCluster cluster;
  const Ran off = RunPass(graph, App("{names: [a, b], flag: false}"), cluster);
  EXPECT_TRUE(off.outcome.ready);
  EXPECT_THAT(cluster.Keys(), ElementsAre());
  RunPass(graph, App("{names: [a, b], flag: true}"), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/p-a", "ConfigMap default/p-b"));
  const Ran off_again = RunPass(graph, App("{names: [a, b], flag: false}"), cluster);
  EXPECT_TRUE(off_again.outcome.may_prune);
  EXPECT_THAT(off_again.outcome.desired, ElementsAre());
}

TEST(Reconciliation, AnEmptyCollectionWaitsForWhatItsItemsWouldRead) {
  // Trap 64, as upstream: what stands in a template is known before its items are counted.
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\"}") +
              Resources({Deployment("app"),
                         "- id: parts\n  forEach: [{it: \"${schema.spec.names}\"}]\n  template: "
                         "{apiVersion: v1, kind: "
                         "ConfigMap, metadata: {name: \"p-${it}\"}, data: {n: "
                         "\"${string(app.status.replicas)}\"}}\n"}));
  FakeCluster cluster;
  EXPECT_FALSE(RunPass(graph, App("{names: []}"), cluster).outcome.ready);
  cluster.Patch("Deployment default/app", "{status: {replicas: 1}}");
  EXPECT_TRUE(RunPass(graph, App("{names: []}"), cluster).outcome.ready);
}

TEST(Reconciliation, RunsOverTheProductOfDimensions) {
  // Row 47
  const auto graph = GraphOf(
      AppSchema("{a: \"[]string\", b: \"[]string\"}") +
      Resources({Collection("parts", "${left}-${right}",
                            "[{left: \"${schema.spec.a}\"}, {right: \"${schema.spec.b}\"}]")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{a: [k, l], b: [m, p]}"), cluster);
  std::vector<std::string_view> names;
  for (const std::string_view key : {"k-m", "k-p", "l-m", "l-p"}) {
    const LiveObject object = cluster.Find(fmt::format("ConfigMap default/{}", key));
    ASSERT_NE(object, nullptr) << key;
    EXPECT_EQ(LabelOf(*object, api::label::kCollectionIndex), fmt::to_string(names.size()));
    names.push_back(key);
  }
  EXPECT_EQ(ran.Of(*graph, "parts").desired, 4u);
}

TEST(Reconciliation, OneGraphServesManyInstances) {
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\", more: boolean}") +
              Resources({Collection("parts", "${it}", "[{it: \"${schema.spec.names}\"}]",
                                    "  includeWhen: [\"${schema.spec.more}\"]\n"
                                    "  readyWhen: [\"${each.data.v == 'x'}\"]\n")}));
  std::vector<const graph::Expression*> expressions;
  for (const graph::Node& node : graph->nodes) {
    for (const graph::Field& field : node.fields) expressions.push_back(&field.expression);
    for (const graph::Expression& condition : node.include_when) expressions.push_back(&condition);
    for (const graph::Expression& condition : node.ready_when) expressions.push_back(&condition);
    for (const graph::Dimension& dimension : node.dimensions)
      expressions.push_back(&dimension.list);
  }
  ASSERT_EQ(expressions.size(), 4u);
  std::vector<std::shared_ptr<const cel::Program>> planned;
  for (const graph::Expression* expression : expressions) planned.push_back(expression->program);
  EXPECT_THAT(planned, ::testing::Each(::testing::NotNull()));

  FakeCluster first;
  FakeCluster second;
  EXPECT_TRUE(RunPass(graph, App("{names: [a], more: true}"), first).outcome.ready);
  EXPECT_TRUE(RunPass(graph, App("{names: [b, c], more: true}"), second).outcome.ready);
  EXPECT_THAT(first.Keys(), ElementsAre("ConfigMap default/a"));
  EXPECT_THAT(second.Keys(), ElementsAre("ConfigMap default/b", "ConfigMap default/c"));
  for (std::size_t i = 0; i < planned.size(); ++i) EXPECT_EQ(expressions[i]->program, planned[i]);
}

TEST(Reconciliation, ChainsCollections) {
  // Rows 50, 52, 53
  const auto graph = GraphOf(
      AppSchema("{names: \"[]string\"}") +
      Resources({Collection("first", "a-${it}", "[{it: \"${schema.spec.names}\"}]"),
                 Collection("second", "b-${f.metadata.name}", "[{f: \"${first}\"}]"),
                 ConfigMap("list", "{v: \"${second.map(s, s.metadata.name).join(',')}\"}")}));
  FakeCluster cluster;
  RunPass(graph, App("{names: [x, yy]}"), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/list", "v"), "b-a-x,b-a-yy");
  RunPass(graph, App("{names: [x, yy, z]}"), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/list", "v"), "b-a-x,b-a-yy,b-a-z");
  const Ran shrunk = RunPass(graph, App("{names: [yy]}"), cluster);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/list", "v"), "b-a-yy");
  EXPECT_EQ(shrunk.outcome.desired.size(), 3u);
}

TEST(Reconciliation, WaitsForEveryItemOfACollection) {
  // Rows 54 to 56
  const auto graph = GraphOf(AppSchema("{names: \"[]string\"}") + R"(
resources:
- id: apps
  forEach: [{it: "${schema.spec.names}"}]
  template: {apiVersion: apps/v1, kind: Deployment, metadata: {name: "${it}"}}
  readyWhen: ["${each.status.availableReplicas > 0}"]
- id: after
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: after}, data: {num: "${string(size(apps))}"}}
)");
  FakeCluster cluster;
  const LiveObject app = App("{names: [a, b]}");
  EXPECT_EQ(
      Inner(RunPass(graph, app, cluster).outcome),
      "apply results contain errors: waiting for node \"apps\": node \"apps\": failed to evaluate "
      "readyWhen \"each.status.availableReplicas > 0\" (item 0) (waiting for readiness)");
  cluster.Patch("Deployment default/a", "{status: {availableReplicas: 1}}");
  cluster.Patch("Deployment default/b", "{status: {availableReplicas: 0}}");
  const Ran half = RunPass(graph, app, cluster);
  EXPECT_EQ(
      Inner(half.outcome),
      "apply results contain errors: waiting for node \"apps\": readyWhen condition evaluated to "
      "false: \"each.status.availableReplicas > 0\" (waiting for readiness)");
  EXPECT_EQ(half.Of(*graph, "apps").wait->name, "b");
  EXPECT_THAT(half.Of(*graph, "apps").wait->seen,
              ElementsAre(SeenValue{"each.status.availableReplicas", "0"}));
  EXPECT_EQ(cluster.Find("ConfigMap default/after"), nullptr);
  cluster.Patch("Deployment default/b", "{status: {availableReplicas: 1}}");
  EXPECT_TRUE(RunPass(graph, app, cluster).outcome.ready);
  EXPECT_NE(cluster.Find("ConfigMap default/after"), nullptr);
}

struct CollectionFault {
  std::string_view name;
  std::string_view for_each;
  std::string_view spec;
  NodeState state;
  std::string_view message;
};

TEST(Reconciliation, RefusesCollectionsThatCannotBe) {
  const CollectionFault kCases[] = {
      // Row 61, trap 66
      {"${it}", "[{it: \"${schema.spec.a}\"}]", "{a: [a, b, c, d]}", NodeState::kError,
       "collection size of 4 is over the maximum collection size of 3"},
      {"${it}-${m}", "[{it: \"${schema.spec.a}\"}, {m: \"${schema.spec.b}\"}]",
       "{a: [a, b], b: [a, b, c]}", NodeState::kError,
       "collection size of 6 is over the maximum collection size of 3"},
      // Row 62
      {"f-${it}", "[{it: \"${schema.spec.a}\"}]", "{a: [a, b, a]}", NodeState::kError,
       "node \"parts\" identity collision: duplicate identity: /v1/ConfigMap//f-a"},
      {"${it}", "[{it: \"${schema.spec.a}\"}]", "{a: word}", NodeState::kError,
       "node \"parts\": forEach \"it\": eval \"schema.spec.a\": invalid data, expected an array "
       "for the "
       "provided schema with type=array"},
      {"${it}", "[{it: \"${schema.spec.a}\"}]", "{}", NodeState::kPending,
       "node \"parts\": forEach \"it\": eval \"schema.spec.a\": no such key: a (data pending)"},
      {"${string(1 / int(it))}", "[{it: \"${schema.spec.a}\"}]", "{a: [\"0\"]}", NodeState::kError,
       "collection iteration eval \"string(1 / int(it))\": division by zero"},
  };
  for (const CollectionFault& c : kCases) {
    SCOPED_TRACE(c.message);
    const auto graph =
        GraphOf(AppSchema("{a: \"[]string\", b: \"[]string\"}") +
                Resources({Collection("parts", c.name, c.for_each), ConfigMap("free", "{v: x}")}));
    FakeCluster cluster;
    const Ran ran = RunPass(graph, App(c.spec), cluster, {.max_collection_size = 3});
    EXPECT_EQ(ToString(ran.Of(*graph, "parts").state), ToString(c.state));
    EXPECT_EQ(ran.Of(*graph, "parts").cause->message(), c.message);
    EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
    EXPECT_FALSE(ran.outcome.may_prune);
  }
}

// A spec with as many texts in its list `a`.
std::string StringsNamed(int n) {
  std::string spec = "{a: [";
  for (int i = 0; i < n; ++i) spec += fmt::format("a{},", i);
  return spec + "]}";
}

constexpr std::string_view kSlow =
    "${string(schema.spec.a.map(x, schema.spec.a.map(y, x == y ? 1 : 0)).size())}";

TEST(Reconciliation, AnExpressionOverItsBudgetStopsItsDependentsOnly) {
  const auto graph = GraphOf(
      AppSchema("{a: \"[]string\"}") +
      Resources({ConfigMap("slow", fmt::format("{{v: \"{}\"}}", kSlow)),
                 ConfigMap("after", "{v: \"${slow.data.v}\"}"), ConfigMap("free", "{v: x}")}));
  const std::string spec = StringsNamed(100);
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App(spec), cluster, {.budget = {.expression = 1000}});
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
  EXPECT_THAT(ran.Of(*graph, "slow").cause->message(), HasSubstr("exceeded its budget"));
  EXPECT_EQ(ran.Of(*graph, "after").state, NodeState::kPending);
  EXPECT_TRUE(ran.over_budget);

  FakeCluster enough;
  EXPECT_FALSE(RunPass(graph, App(spec), enough).over_budget);
  EXPECT_EQ(enough.Keys().size(), 3U);
}

TEST(Reconciliation, ExpressionsShareTheBudgetOfThePass) {
  const auto graph =
      GraphOf(AppSchema("{a: \"[]string\"}") +
              Resources({fmt::format("- id: parts\n  forEach: [{{it: \"${{schema.spec.a}}\"}}]\n"
                                     "  template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                                     "{{name: \"${{it}}\"}}, data: {{v: \"{}${{it}}\"}}}}\n",
                                     kSlow)}));
  const Budget budget{.expression = 1'000'000, .steps = 1'000'000};
  FakeCluster cluster;
  const Ran one = RunPass(graph, App("{a: [a, b]}"), cluster, {.budget = budget});
  EXPECT_FALSE(one.over_budget);
  EXPECT_EQ(cluster.Keys().size(), 2U);
  const Ran all = RunPass(graph, App(StringsNamed(100)), cluster, {.budget = budget});
  EXPECT_TRUE(all.over_budget);
  EXPECT_THAT(all.Of(*graph, "parts").cause->message(), HasSubstr("exceeded its budget"));
}

TEST(Reconciliation, TheObjectsOfAPassHaveABudgetOfMemory) {
  const std::string text(100'000, 'x');
  const auto graph =
      GraphOf(AppSchema("{a: \"[]string\"}") +
              Resources({fmt::format(
                  "- id: parts\n  forEach: [{{it: \"${{schema.spec.a}}\"}}]\n  template: "
                  "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: \"p${{it}}\"}}, data: {{v: "
                  "\"{}\"}}}}\n",
                  text)}));
  FakeCluster cluster;
  const Ran ran =
      RunPass(graph, App(StringsNamed(50)), cluster, {.budget = {.memory = std::int64_t{2} << 20}});
  EXPECT_TRUE(ran.over_budget);
  EXPECT_THAT(ran.Of(*graph, "parts").cause->message(), HasSubstr("exceeded its budget"));
  EXPECT_THAT(cluster.Keys(), IsEmpty());
}

TEST(Reconciliation, StopsAtTheFirstEmptyDimension) {
  // Trap 65
  const auto graph = GraphOf(
      AppSchema("{a: \"[]string\", missing: \"[]string\"}") +
      Resources({Collection("parts", "${it}-${m}",
                            "[{it: \"${schema.spec.a}\"}, {m: \"${schema.spec.missing}\"}]")}));
  FakeCluster cluster;
  EXPECT_TRUE(RunPass(graph, App("{a: []}"), cluster).outcome.ready);
}

TEST(Reconciliation, RenamesNothingWhenACollectionIsReordered) {
  // Row 51
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\"}") +
              Resources({Collection("parts", "p-${it}", "[{it: \"${schema.spec.names}\"}]")}));
  FakeCluster cluster;
  RunPass(graph, App("{names: [a, b]}"), cluster);
  const std::string uid(UidOf(*cluster.Find("ConfigMap default/p-a")));
  RunPass(graph, App("{names: [b, a]}"), cluster);
  EXPECT_EQ(UidOf(*cluster.Find("ConfigMap default/p-a")), uid);
  EXPECT_EQ(LabelOf(*cluster.Find("ConfigMap default/p-a"), api::label::kCollectionIndex), "1");
}

TEST(Reconciliation, NamesTheItemThatWasRefused) {
  // Row 64
  const auto graph =
      GraphOf(AppSchema("{names: \"[]string\"}", "{count: \"${size(parts)}\"}") +
              Resources({Collection("parts", "p-${it}", "[{it: \"${schema.spec.names}\"}]")}));
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{names: [a, b, c]}"), cluster,
                          {.refuse = [](std::string_view key) -> std::optional<Error> {
                            if (!key.ends_with("p-b")) return std::nullopt;
                            return Error(ErrorCode::kForbidden, "b is not allowed");
                          }});
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/p-a", "ConfigMap default/p-c"));
  EXPECT_EQ(ran.outcome.state, api::state::kError);
  EXPECT_EQ(Inner(ran.outcome),
            "apply results contain errors: collection item 1: b is not allowed");
  EXPECT_EQ(ran.Of(*graph, "parts").cause->code(), ErrorCode::kForbidden);
  EXPECT_FALSE(ran.outcome.may_prune);
  EXPECT_EQ(ran.outcome.desired.size(), 3u);
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{count: 2}"));
}

TEST(Reconciliation, PutsItemsIntoTheirNamespaces) {
  const auto graph = GraphOf(AppSchema("{spaces: \"[]string\"}") + R"(
resources:
- id: parts
  forEach: [{ns: "${schema.spec.spaces}"}]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: same, namespace: "${ns}"}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{spaces: [red, blue, default]}"), cluster);
  EXPECT_THAT(cluster.Keys(),
              ElementsAre("ConfigMap blue/same", "ConfigMap default/same", "ConfigMap red/same"));
  EXPECT_THAT(ran.outcome.content.namespaces, ElementsAre("blue", "red"));
}

// ---- External references (spec 10.5)
// ---------------------------------------------------------------

constexpr std::string_view kExternal = R"(
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf}}
- id: user
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: user}, data: {v: "${conf.data.?v.orValue('none')}"}}
- id: free
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: free}}
)";

TEST(Reconciliation, WaitsForAnExternalObject) {
  // Rows 65 to 68, 66a
  const auto graph = GraphOf(AppSchema("{}") + std::string(kExternal));
  FakeCluster cluster;
  const Ran missing = RunPass(graph, App(), cluster);
  EXPECT_THAT(missing.reads, ElementsAre("ConfigMap default/conf"));
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
  EXPECT_EQ(missing.outcome.state, api::state::kInProgress);
  EXPECT_EQ(Inner(missing.outcome),
            "apply results contain errors: waiting for external reference \"conf\": not found");
  EXPECT_EQ(missing.Of(*graph, "user").cause->message(),
            "node \"user\": dependent node \"conf\" not ready: node \"conf\": no observed state: "
            "waiting for readiness (data pending)");
  EXPECT_EQ(missing.Of(*graph, "conf").wait->name, "conf");
  EXPECT_FALSE(missing.outcome.may_prune);

  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}, data: {v: "
      "x}}");
  const Ran found = RunPass(graph, App(), cluster);
  EXPECT_TRUE(found.outcome.ready);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/user", "v"), "x");
  EXPECT_EQ(LabelOf(*cluster.Find("ConfigMap default/conf"), api::label::kOwned), "");
  EXPECT_EQ(found.outcome.desired.size(), 2u);
}

TEST(Reconciliation, KeepsConsumersOfAnExternalObjectThatVanished) {
  // Row 76
  const auto graph = GraphOf(AppSchema("{}") + std::string(kExternal));
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}, data: {v: "
      "x}}");
  RunPass(graph, App(), cluster);
  cluster.Remove("ConfigMap default/conf");
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_FALSE(ran.outcome.may_prune);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/user", "v"), "x");
}

TEST(Reconciliation, PrunesWhileAnExternalObjectIsMissingThatNobodyNeeds) {
  // Trap 71
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_EQ(ran.Of(*graph, "conf").state, NodeState::kWaiting);
  EXPECT_TRUE(ran.outcome.may_prune);
}

TEST(Reconciliation, TellsWhyAnExternalObjectIsNotReady) {
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf}}
  readyWhen: ["${conf.data.ready == 'yes'}"]
)");
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}, data: {ready: "
      "never}}");
  EXPECT_EQ(
      Inner(RunPass(graph, App(), cluster).outcome),
      "apply results contain errors: waiting for external reference \"conf\": readyWhen condition "
      "evaluated to false: \"conf.data.ready == 'yes'\" (waiting for readiness)");
}

TEST(Reconciliation, ReadsAnExternalCollection) {
  // Rows 70, 73 to 75, and upstream's defect: its readyWhen never passes.
  const auto graph = GraphOf(AppSchema("{}") + R"(
resources:
- id: confs
  externalRef: {apiVersion: v1, kind: Secret, metadata: {namespace: default, selector: {matchLabels: {a: b}}}}
  readyWhen: ["${confs.all(c, has(c.data.a))}"]
- id: all
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: all}, data: {v: "${confs.map(c, c.metadata.name).join(',')}"}}
)");
  FakeCluster cluster;
  const Ran none = RunPass(graph, App(), cluster);
  EXPECT_TRUE(none.outcome.ready) << none.outcome.message;
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/all", "v"), "");

  cluster.Put(
      "{apiVersion: v1, kind: Secret, metadata: {name: z1, namespace: default}, data: {a: \"\"}}");
  cluster.Put(
      "{apiVersion: v1, kind: Secret, metadata: {name: y1, namespace: default}, data: {a: \"\"}}");
  EXPECT_TRUE(RunPass(graph, App(), cluster).outcome.ready);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/all", "v"), "y1,z1");
}

TEST(Reconciliation, StopsOnlyDependentsWhenAReadIsRefused) {
  // Row 77; upstream applies nothing at all then.
  const auto graph = GraphOf(AppSchema("{}") + std::string(kExternal));
  Reconciliation pass(graph, App(), {});
  std::vector<Action> actions = pass.Advance();
  ASSERT_EQ(actions.size(), 2u);
  FakeCluster cluster;
  for (const Action& action : actions) {
    if (action.kind == Action::Kind::kRead) {
      pass.Failed(action, Error(ErrorCode::kForbidden, "external ref get conf: no"));
    } else {
      EXPECT_FALSE(pass.IsDone());
      pass.Applied(action, cluster.Apply(*action.desired));
    }
  }
  EXPECT_THAT(pass.Advance(), IsEmpty());
  EXPECT_TRUE(pass.IsDone());
  const Outcome outcome = pass.Finish();
  EXPECT_EQ(outcome.state, api::state::kError);
  EXPECT_EQ(Inner(outcome), "external ref get conf: no");
}

// ---- Ownership, failure (spec 10.6)
// ----------------------------------------------------------------

TEST(Reconciliation, LeavesAnObjectOfAnotherInstanceAlone) {
  // Row 82; the status follows the owner's data.
  const auto graph =
      GraphOf(AppSchema("{}", "{v: \"${cm.data.v}\"}") +
              Resources({ConfigMap("cm", "{v: mine}"), ConfigMap("dep", "{v: \"${cm.data.v}\"}"),
                         Collection("parts", "p-${it}", "[{it: \"${['a']}\"}]")}));
  FakeCluster cluster;
  for (const std::string_view name : {"cm", "p-a"}) {
    cluster.Put(
        fmt::format("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {}, namespace: default, "
                    "labels: {{applyset.kubernetes.io/part-of: theirs}}}}, data: {{v: their}}}}",
                    name));
  }
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_THAT(ran.waves, IsEmpty());
  EXPECT_EQ(ran.outcome.state, api::state::kError);
  const std::string ours = api::ApplySetId({"web", "default", "App", "kro.run"});
  EXPECT_EQ(ran.Of(*graph, "cm").cause->message(),
            "resource belongs to a different ApplySet: default/cm (/v1, Kind=ConfigMap) belongs to "
            "ApplySet \"theirs\", cannot reassign to \"" +
                ours + "\"");
  EXPECT_THAT(ran.Of(*graph, "parts").cause->message(),
              HasSubstr("collection item 0: resource belongs"));
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{v: their}"));
  EXPECT_FALSE(ran.outcome.may_prune);
}

TEST(Reconciliation, AdoptsAnObjectOfNobody) {
  // Row 85
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("cm", "{v: mine}")}));
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: default}, data: {v: "
      "old}}");
  EXPECT_TRUE(RunPass(graph, App(), cluster).outcome.ready);
  EXPECT_EQ(DataOf(cluster, "ConfigMap default/cm", "v"), "mine");
}

TEST(Reconciliation, WaitsForATerminatingChildAndAppliesTheRest) {
  // Row 89, trap 11: upstream freezes the whole instance.
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("cm", "{v: x}"),
                                                          ConfigMap("dep", "{v: \"${cm.data.v}\"}"),
                                                          ConfigMap("free", "{v: x}")}));
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: default, "
      "deletionTimestamp: \"2026-08-01T12:00:00Z\"}}");
  const Ran ran = RunPass(graph, App(), cluster);
  EXPECT_THAT(ran.waves, ElementsAre(ElementsAre("ConfigMap default/free")));
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_EQ(ran.outcome.reason, api::reason::kResourceDeleting);
  EXPECT_EQ(
      ran.outcome.message,
      "resource \"default/cm\" for node \"cm\" is currently being deleted; waiting for deletion to "
      "complete before continuing reconciliation");
  EXPECT_FALSE(ran.outcome.may_prune);
  EXPECT_EQ(ran.Of(*graph, "cm").wait->name, "cm");

  cluster.Remove("ConfigMap default/cm");
  EXPECT_TRUE(RunPass(graph, App(), cluster).outcome.ready);
}

TEST(Reconciliation, NoticesThatWhatItAppliedIsTerminating) {
  const auto graph = GraphOf(AppSchema("{}") + Resources({ConfigMap("cm", "{v: x}")}));
  FakeCluster cluster;
  cluster.on_apply = [](json::Value& object) {
    object.get_object()["metadata"].get_object()["deletionTimestamp"] = "2026-08-01T12:00:00Z";
  };
  EXPECT_EQ(RunPass(graph, App(), cluster).outcome.reason, api::reason::kResourceDeleting);
}

TEST(Reconciliation, JoinsTheErrorsOfApplies) {
  // Row 90, 92
  const auto graph =
      GraphOf(AppSchema("{}", "{v: \"${a.data.v}\"}") +
              Resources({ConfigMap("a", "{v: x}"), ConfigMap("b", "{v: x}"),
                         ConfigMap("dep", "{v: \"${a.data.v}\"}"), ConfigMap("c", "{v: x}")}));
  FakeCluster cluster;
  cluster.Put(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}, data: {v: old}}");
  const Ran ran =
      RunPass(graph, App(), cluster, {.refuse = [](std::string_view key) -> std::optional<Error> {
                if (key.ends_with("/c")) return std::nullopt;
                return Error(ErrorCode::kForbidden, fmt::format("{} denied", key));
              }});
  EXPECT_THAT(ran.waves, ElementsAre(ElementsAre("ConfigMap default/c")));
  EXPECT_EQ(Inner(ran.outcome),
            "apply results contain errors: ConfigMap default/a denied\nConfigMap default/b denied");
  // What stands there is still seen by the status, but nothing is built on it.
  EXPECT_EQ(json::Value(ran.outcome.fields), Yaml("{v: old}"));
  EXPECT_EQ(ran.Of(*graph, "dep").state, NodeState::kPending);
}

TEST(Reconciliation, AppliesNeitherOfTwoDescriptionsOfOneObject) {
  const auto graph = GraphOf(AppSchema("{a: string, b: string}") + R"(
resources:
- id: left
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.spec.a}"}}
- id: right
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.spec.b}", namespace: default}}
- id: free
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: free}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{a: two, b: two}"), cluster);
  EXPECT_THAT(cluster.Keys(), ElementsAre("ConfigMap default/free"));
  EXPECT_EQ(ran.outcome.state, api::state::kInProgress);
  EXPECT_EQ(Inner(ran.outcome),
            "found resources with conflicts: resourceID: right conflicts with resourceID: left");
  EXPECT_FALSE(ran.outcome.may_prune);
}

TEST(Reconciliation, PrunesWhileSomethingIsNotReady) {
  // Row 93, trap 22
  const auto graph =
      GraphOf(AppSchema("{}") +
              Resources({Deployment("a", "  readyWhen: [\"${a.status.replicas == 9}\"]\n")}));
  FakeCluster cluster;
  EXPECT_TRUE(RunPass(graph, App(), cluster).outcome.may_prune);
}

TEST(Reconciliation, NamesTheWholeInventoryBeforeTheFirstApply) {
  const auto graph = GraphOf(AppSchema("{flag: boolean}") + R"(
resources:
- id: cm
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}}
- id: app
  template: {apiVersion: apps/v1, kind: Deployment, metadata: {name: "${cm.metadata.name}", namespace: far}}
- id: secret
  includeWhen: ["${schema.spec.flag}"]
  template: {apiVersion: v1, kind: Secret, metadata: {name: secret}}
- id: conf
  externalRef: {apiVersion: v1, kind: Namespace, metadata: {name: conf}}
)");
  FakeCluster cluster;
  const Ran ran = RunPass(graph, App("{flag: false}"), cluster);
  EXPECT_THAT(ran.foreseen.group_kinds,
              ElementsAre(api::GroupKind{"", "ConfigMap"}, api::GroupKind{"apps", "Deployment"}));
  EXPECT_THAT(ran.foreseen.namespaces, ElementsAre("far"));
  EXPECT_EQ(ran.outcome.content, ran.foreseen);
}

// ---- Status fields and author conditions (spec 10.8)
// -------------------------------------------------

struct ProjectionCase {
  std::string_view about;
  std::string_view status;
  std::string_view spec;
  std::string_view fields;
  std::string_view problem = "";
};

TEST(Reconciliation, ProjectsStatusFieldByField) {
  const ProjectionCase kCases[] = {
      {"from the instance and from a child", "{a: \"${schema.spec.v}\", b: \"${cm.data.v}\"}",
       "{v: x}", "{a: x, b: x}"},
      {"text of several parts is there as a whole",
       "{a: \"${cm.data.v}-${cm.data.w}\", b: \"${cm.data.v}\"}", "{v: x}", "{b: x}"},
      {"nested", "{a: {b: \"${cm.data.v}\", c: \"${cm.data.w}\"}}", "{v: x}", "{a: {b: x}}"},
      {"arrays", "{a: [\"${schema.spec.v}\", \"${cm.data.v}\"], b: {c: [{d: \"${cm.data.v}\"}]}}",
       "{v: x}", "{a: [x, x], b: {c: [{d: x}]}}"},
      {"an array with a hole is left out",
       "{a: [\"${schema.spec.v}\", \"${cm.data.w}\"], b: \"${cm.data.v}\"}", "{v: x}", "{b: x}"},
      {"null is no value",
       "{a: \"${schema.spec.?w}\", b: \"${{'x': dyn(null), 'y': dyn(schema.spec.v)}}\"}", "{v: x}",
       "{b: {\"y\": x}}"},
      {"an error keeps the last value and hides nothing else",
       "{a: \"${string(1 / schema.spec.by)}\", b: \"${cm.data.v}\"}", "{v: x, by: 0}",
       "{a: last, b: x}", "status.a: eval \"string(1 / schema.spec.by)\": division by zero"},
      {"numbers", "{a: \"${size(cm.data)}\", b: \"${1.0 * double(schema.spec.by)}\"}",
       "{v: x, by: 2}", "{a: 1, b: 2}"},
  };
  for (const ProjectionCase& c : kCases) {
    SCOPED_TRACE(c.about);
    const auto graph = GraphOf(AppSchema("{v: string, w: string, by: integer}", c.status) +
                               Resources({ConfigMap("cm", "{v: \"${schema.spec.v}\"}")}));
    FakeCluster cluster;
    const Ran ran = RunPass(graph, App(c.spec, "default", "{status: {a: last}}"), cluster);
    const json::Value fields = ran.outcome.fields;
    EXPECT_TRUE(SameStatus(&fields, Yaml(c.fields))) << json::Serialize(fields);
    ASSERT_EQ(ran.outcome.problems.size(), c.problem.empty() ? 0u : 1u);
    if (!c.problem.empty()) {
      EXPECT_EQ(ran.outcome.problems[0].where + ": " + ran.outcome.problems[0].error.message(),
                c.problem);
    }
  }
}

TEST(Reconciliation, ProjectsOnlyTheInstanceWhileSuspended) {
  const auto graph =
      GraphOf(AppSchema("{v: string}", "{a: \"${schema.spec.v}\", b: \"${cm.data.v}\"}") +
              Resources({ConfigMap("cm", "{v: x}")}));
  Reconciliation pass(graph, App("{v: x}"), {});
  const Outcome outcome = pass.Finish();
  EXPECT_THAT(outcome.nodes, IsEmpty());
  EXPECT_EQ(outcome.state, api::state::kActive);
  EXPECT_FALSE(outcome.may_prune);
  EXPECT_EQ(json::Value(outcome.fields), Yaml("{a: x}"));
}

struct ConditionsCase {
  std::string_view about;
  std::string_view conditions;
  std::vector<std::string_view> produced;
  bool complete = true;
  std::size_t problems = 0;
};

TEST(Reconciliation, EvaluatesTheAuthorsConditions) {
  const ConditionsCase kCases[] = {
      {"one",
       "[\"${runtime.newCondition({type: 'A', status: 'True', reason: 'R', message: 'm'})}\"]",
       {"A=True/R/m"}},
      {"reads the built-in ones",
       "[\"${runtime.newCondition({type: 'A', status: runtime.condition(schema, "
       "'ResourcesReady').status})}\"]",
       {"A=True//"}},
      {"reads kro's own, whatever the author makes of it (row 121)",
       "[\"${runtime.newCondition({type: 'ResourcesReady', status: 'False', reason: 'Mine'})}\", "
       "\"${runtime.newCondition({type: 'A', status: runtime.condition(schema, "
       "'ResourcesReady').status})}\"]",
       {"ResourcesReady=False/Mine/", "A=True//"}},
      {"reads a child",
       "[\"${runtime.newCondition({type: 'A', status: cm.data.v == 'x' ? 'True' : 'False'})}\"]",
       {"A=True//"}},
      {"a list of them",
       "[\"${['B', 'C'].map(t, runtime.newCondition({type: t, status: 'False'}))}\"]",
       {"B=False//", "C=False//"}},
      {"missing data leaves one out",
       "[\"${runtime.newCondition({type: cm.data.missing, status: 'True'})}\"]",
       {},
       false,
       0},
      {"an error leaves one out and is a problem",
       "[\"${runtime.newCondition({type: 'A', status: string(1 / 0)})}\", "
       "\"${runtime.newCondition({type: 'B', status: 'True'})}\"]",
       {"B=True//"},
       false,
       1},
      {"two of one type: both go",
       "[\"${runtime.newCondition({type: 'A', status: 'True'})}\", "
       "\"${['A', 'B'].map(t, runtime.newCondition({type: t, status: 'True'}))}\"]",
       {"B=True//"},
       false,
       1},
      {"null",
       "[\"${cm.data.v == 'x' ? dyn(null) : dyn(runtime.newCondition({type: 'A', status: "
       "'True'}))}\"]",
       {},
       false,
       1},
  };
  for (const ConditionsCase& c : kCases) {
    SCOPED_TRACE(c.about);
    const auto graph = GraphOf(AppSchema("{}", fmt::format("{{conditions: {}}}", c.conditions)) +
                               Resources({ConfigMap("cm", "{v: x}")}));
    FakeCluster cluster;
    const Ran ran = RunPass(graph, App(), cluster);
    ASSERT_TRUE(ran.author);
    std::vector<std::string> produced;
    for (const api::Condition& condition : ran.author->produced) {
      produced.push_back(fmt::format("{}={}/{}/{}", condition.type, api::ToString(condition.status),
                                     condition.reason, condition.message));
    }
    EXPECT_THAT(produced, ::testing::ElementsAreArray(c.produced));
    EXPECT_EQ(ran.author->complete, c.complete);
    EXPECT_EQ(ran.author->problems.size(), c.problems);
  }
}

// ---- For any order of answers
// -----------------------------------------------------------------------

// A random graph of ConfigMaps, some of which wait, fail or are left out.
std::string RandomGraph(std::mt19937& random) {
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  std::string text = AppSchema("{v: string}", "{v: \"${n0.data.v}\"}") + "resources:\n";
  const unsigned count = 3 + random() % 10;
  for (unsigned i = 0; i < count; ++i) {
    std::string value = "schema.spec.v";
    for (unsigned k = 0; k < i; ++k) {
      if (chance(30)) value += fmt::format(" + n{}.data.v", k);
    }
    std::string more;
    if (chance(15)) more += fmt::format("  readyWhen: [\"${{n{}.data.v == 'never'}}\"]\n", i);
    if (chance(10)) more += "  includeWhen: [\"${schema.spec.v == 'never'}\"]\n";
    if (chance(10)) value += " + string(1 / 0)";
    text += ConfigMap(fmt::format("n{}", i), fmt::format("{{v: \"${{{}}}\"}}", value), more);
  }
  return text;
}

std::string Describe(const Outcome& outcome) {
  std::string text(outcome.state);
  text += outcome.message;
  for (const NodeReport& report : outcome.nodes) {
    text += fmt::format("\n{} {} {}", report.node, ToString(report.state),
                        report.cause ? report.cause->message() : "");
  }
  return text + json::Serialize(outcome.fields);
}

TEST(Reconciliation, ComesToTheSameWhateverTheOrderOfAnswers) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const auto graph = GraphOf(RandomGraph(random));
    FakeCluster calm;
    const Ran expected = RunPass(graph, App("{v: x}"), calm);
    FakeCluster wild;
    const Ran ran = RunPass(graph, App("{v: x}"), wild, {.shuffle = &random});
    EXPECT_EQ(Describe(ran.outcome), Describe(expected.outcome));
    EXPECT_EQ(wild.Keys(), calm.Keys());
    EXPECT_THAT(RunPass(graph, App("{v: x}"), wild).waves, IsEmpty());
  }
}

TEST(Reconciliation, NeverAppliesBeforeWhatItNeedsIsReady) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const auto graph = GraphOf(RandomGraph(random));
    FakeCluster cluster;
    Reconciliation pass(graph, App("{v: x}"), {});
    std::set<std::size_t> applied;
    std::vector<Action> open = pass.Advance();
    while (!open.empty()) {
      std::shuffle(open.begin(), open.end(), random);
      const Action action = open.back();
      open.pop_back();
      for (const std::size_t needed : graph->nodes[action.node].dependencies) {
        EXPECT_TRUE(applied.contains(needed));
        EXPECT_THAT(graph->nodes[needed].ready_when, IsEmpty());  // those here are never true
      }
      pass.Applied(action, cluster.Apply(*action.desired));
      applied.insert(action.node);
      for (Action& more : pass.Advance()) open.push_back(std::move(more));
    }
    EXPECT_TRUE(pass.IsDone());
  }
}

}  // namespace
}  // namespace kro::runtime
