// The life of definitions, each row of controllers spec section 8 that concerns them, on a whole
// operator in simulated time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kWeb = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec: {text: string | default="hello", size: 'integer | default=1 minimum=1'}
    status: {copy: "${first.data.text}"}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-first"}
      data: {text: "${schema.spec.text}"}
  - id: second
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-second"}
      data: {text: "${first.data.text}"}
)";

constexpr std::string_view kInstance = R"(
apiVersion: kro.run/v1alpha1
kind: Web
metadata: {name: a, namespace: default}
spec: {text: hi}
)";

const api::Gvr kWebs{"kro.run", "v1alpha1", "webs"};

std::string Replace(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) result.replace(at, from.size(), to);
  return result;
}

class Definitions : public testing::Test {
 protected:
  // What a definition and everything made from it look like when all is well.
  void ExpectActive(std::string name, std::int64_t revision) {
    const json::Value rgd = c.Get(kRgds, name);
    EXPECT_EQ(json::FindString(rgd, {"status", "state"}), "Active");
    EXPECT_EQ(c.Condition(rgd, "Ready"), "True/Ready/");
    EXPECT_EQ(c.Condition(rgd, "GraphRevisionsResolved"),
              fmt::format("True/Resolved/revision {} compiled and active", revision));
    EXPECT_EQ(c.Condition(rgd, "GraphAccepted"), "True/Valid/resource graph and schema are valid");
    EXPECT_EQ(c.Condition(rgd, "ControllerReady"), "True/Running/controller is running");
    EXPECT_EQ(c.Integer(rgd, {"status", "lastIssuedRevision"}), revision);
  }

  SimulatedCluster c;
};

TEST_F(Definitions, Row01And71_BecomeAnApi) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);

  ExpectActive("web", 1);
  const json::Value rgd = c.Get(kRgds, "web");
  EXPECT_EQ(c.Condition(rgd, "KindReady"), "True/Ready/kind Web has been accepted and ready");
  EXPECT_EQ(json::Serialize(*json::Find(rgd, {"metadata", "finalizers"})),
            R"(["kro.run/finalizer"])");
  EXPECT_EQ(json::Serialize(*json::Find(rgd, {"status", "topologicalOrder"})),
            R"(["first","second"])");
  EXPECT_EQ(json::Canonical(*json::Find(rgd, {"status", "resources"})),
            R"([{"dependencies":[{"id":"first"}],"id":"second"}])");
  EXPECT_EQ(c.Integer(rgd, {"metadata", "generation"}), 1);

  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  const json::Value revision = c.Get(kRevisions, "web-r00001");
  EXPECT_EQ(c.Condition(revision, "GraphVerified"),
            "True/Verified/graph revision compiled and verified");
  EXPECT_EQ(json::FindString(revision, {"metadata", "labels", "kro.run/owned"}), "true");

  // The CRD was made by one request, in its final form.
  const json::Value crd = c.Get(kCrds, "webs.kro.run");
  EXPECT_EQ(c.Integer(crd, {"metadata", "generation"}), 1);
  EXPECT_EQ(json::FindString(crd, {"metadata", "labels", "kro.run/resource-graph-definition-name"}),
            "web");
}

TEST(OperatorStart, WaitsForAServerThatHasTrouble) {
  SimulatedCluster cluster;
  // Given an operator that starts while nothing gets through
  Replica replica(cluster.executor, cluster.network,
                  OperatorOptions{.settings = {.version = "test"}});
  replica.transport.cut = true;
  cluster.Advance(10s);
  EXPECT_FALSE(replica.ended);
  // When the network is back
  replica.transport.cut = false;
  cluster.Advance(10s);
  // Then it works
  EXPECT_FALSE(replica.ended);
  EXPECT_TRUE(replica.op.Readiness().back().ok);
}

TEST_F(Definitions, AreServedWithinMilliseconds) {
  auto replica = c.Start();
  c.Apply(kWeb);
  c.Advance(150ms);  // every request takes 4 ms here
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Definitions, Row07_InstancesFollowTheGraph) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-second", "default"), {"data", "text"}), "hi");

  c.ApplyAndSettle(Replace(kWeb, "data: {text: \"${first.data.text}\"}",
                           "data: {text: \"${first.data.text}!\"}"));
  ExpectActive("web", 2);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-second", "default"), {"data", "text"}), "hi!");
}

TEST_F(Definitions, Row02And75_ARestartWritesNothing) {
  c.Start().reset();
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica.reset();
  replica = c.Start();
  ExpectActive("web", 1);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  EXPECT_EQ(replica->transport.Writes(), 0) << [&] {
    std::string text;
    for (const auto& r : replica->transport.requests) {
      if (r.method != "GET") text += r.method + " " + r.target + " " + r.body + "\n";
    }
    return text;
  }();
  // Nor does it read what its watches bring.
  EXPECT_EQ(replica->transport.Count("GET", "/graphrevisions/"), 0);
  EXPECT_EQ(replica->transport.Count("GET", "/v1alpha1/webs"), 0);
}

// A definition that makes an object of a kind of another operator and a ConfigMap, the kind, and an instance.
std::string Fleet(int number) {
  return fmt::format(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: bulks.c{0}.foreign.io}}
spec:
  group: c{0}.foreign.io
  names: {{kind: Bulk, listKind: BulkList, plural: bulks, singular: bulk}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{text: {{type: string}}}}}}}}
---
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {{name: fleet{0}}}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Fleet{0}
    shortNames: [f{0}]
    spec:
      text: string | default=one
      size: 'integer | default=1 minimum=1 maximum=9'
      ratio: float | default=0.5
      mode: string | enum="a,b" default=a
      tags: 'map[string]string | default={{}}'
      list: '[]integer'
    status: {{leaf: "${{settings.data.v}}", count: "${{size(settings.data)}}"}}
  resources:
  - id: bulk
    template:
      apiVersion: c{0}.foreign.io/v1
      kind: Bulk
      metadata: {{name: "${{schema.metadata.name}}"}}
      spec: {{text: "${{schema.spec.text}}"}}
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: "${{schema.metadata.name}}"}}
      data: {{v: "${{bulk.spec.text}}"}}
)",
                     number);
}

TEST_F(Definitions, AStartAsksOnceForWhatItsWatchesDoNotBring) {
  constexpr int kDefinitions = 40;  // more than are worked on at once
  c.Start().reset();
  auto replica = c.Start();
  for (int i = 0; i < kDefinitions; ++i) c.Apply(Fleet(i));
  c.Advance(10s);
  for (int i = 0; i < kDefinitions; ++i) {
    c.Apply(
        fmt::format("apiVersion: kro.run/v1alpha1\nkind: Fleet{0}\n"
                    "metadata: {{name: a{0}, namespace: default}}\n",
                    i));
  }
  c.Advance(10s);
  replica.reset();

  replica = c.Start();
  for (int i = 0; i < kDefinitions; ++i) ExpectActive(fmt::format("fleet{}", i), 1);
  EXPECT_EQ(replica->transport.Writes(), 0);
  // The kinds of others, and the three of kro itself: none of those that definitions became.
  EXPECT_EQ(replica->transport.Count("GET", "/customresourcedefinitions/bulks."), kDefinitions);
  EXPECT_EQ(replica->transport.Count("GET", "/customresourcedefinitions/"), kDefinitions + 3);
  // They come from the server's memory.
  EXPECT_EQ(replica->transport.Count("GET", ".foreign.io?resourceVersion="), kDefinitions);
  // Of built-in kinds: what there is, twice (of the core group, of the others), and one document.
  EXPECT_EQ(replica->transport.Count("GET", "/openapi/v3"), 1);
  const auto all = static_cast<int>(replica->transport.requests.size());
  EXPECT_LE(all, kDefinitions + 3 + 1 + 3) << [&] {
    std::string text;
    for (const auto& r : replica->transport.requests) text += r.method + " " + r.target + "\n";
    return text;
  }();
  // Each collection is followed by one watch: the instances of a definition, the kind that it makes, ConfigMaps,
  // and the five of which definitions are read.
  EXPECT_EQ(replica->transport.opened, 2 * kDefinitions + 1 + 5);
}

TEST_F(Definitions, Row04_NothingChangedNothingAsked) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica->transport.requests.clear();
  c.Patch(kRgds, "web", "metadata: {labels: {team: a}, annotations: {note: b}}");
  c.Advance(1min);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

TEST_F(Definitions, Row06_DefaultsWrittenOutMakeNoRevision) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(
      Replace(kWeb, "kind: Web\n", "kind: Web\n    group: kro.run\n    scope: Namespaced\n"));
  ExpectActive("web", 1);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
}

TEST_F(Definitions, Row08_GoingBackIsANewRevisionWithTheOldHash) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", "default=\"bye\""));
  c.ApplyAndSettle(kWeb);
  ExpectActive("web", 3);
  const auto hash = [&](std::string name) {
    return std::string(json::FindString(c.Get(kRevisions, std::move(name)),
                                        {"metadata", "labels", "kro.run/graph-revision-hash"}));
  };
  EXPECT_EQ(hash("web-r00001"), hash("web-r00003"));
  EXPECT_NE(hash("web-r00001"), hash("web-r00002"));
}

TEST_F(Definitions, Row09And10And73_AnInvalidEditKeepsTheOldGraphServing) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(Replace(kWeb, "${schema.spec.text}", "${schema.spec.txt}"));

  const json::Value rgd = c.Get(kRgds, "web");
  EXPECT_EQ(json::FindString(rgd, {"status", "state"}), "Inactive");
  EXPECT_THAT(c.Condition(rgd, "GraphAccepted"), StartsWith("False/InvalidResourceGraph/"));
  EXPECT_THAT(c.Condition(rgd, "GraphAccepted"), HasSubstr("did you mean 'text'?"));
  EXPECT_THAT(c.Condition(rgd, "Ready"), StartsWith("False/InvalidResourceGraph/"));
  EXPECT_EQ(c.Condition(rgd, "GraphRevisionsResolved"),
            "True/Resolved/revision 1 compiled and active");
  EXPECT_THAT(c.Condition(rgd, "KindReady"), StartsWith("True/"));
  EXPECT_THAT(c.Condition(rgd, "ControllerReady"), StartsWith("True/"));
  EXPECT_EQ(json::Find(rgd, {"status", "topologicalOrder"}), nullptr);
  EXPECT_EQ(c.Integer(rgd, {"status", "lastIssuedRevision"}), 1);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  EXPECT_TRUE(replica->sink.Has("undefined field 'txt'"));

  // Instances still follow the old graph, and a mended definition is served again as it was.
  c.Patch(kWebs, "a", "spec: {text: later}", "default");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-first", "default"), {"data", "text"}), "later");
  c.ApplyAndSettle(kWeb);
  ExpectActive("web", 1);
}

TEST_F(Definitions, Row11And74_AnInvalidFirstVersionMakesNothing) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kWeb, "${schema.spec.text}", "${nobody.x}"));
  const json::Value rgd = c.Get(kRgds, "web");
  EXPECT_EQ(json::FindString(rgd, {"status", "state"}), "Inactive");
  EXPECT_THAT(c.Condition(rgd, "GraphAccepted"), HasSubstr("nobody"));
  EXPECT_THAT(c.Condition(rgd, "KindReady"), StartsWith("Unknown/AwaitingReconciliation/"));
  EXPECT_THAT(c.Names(kRevisions), IsEmpty());
  EXPECT_TRUE(c.Get(kCrds, "webs.kro.run").is_null());

  // It is not compiled again and again, and goes at once.
  replica->transport.requests.clear();
  c.Advance(1h);
  EXPECT_EQ(replica->transport.Writes(), 0);
  c.Delete(kRgds, "web");
  c.Advance(1s);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
}

TEST_F(Definitions, Row12_AKindThatAppearsLaterWakesWhoWaitsForIt) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kWeb, "apiVersion: v1\n      kind: ConfigMap",
                           "apiVersion: ex.io/v1\n      kind: Table"));
  EXPECT_THAT(c.ConditionOf("web", "GraphAccepted"), HasSubstr("ex.io/v1"));
  c.Advance(10min);  // the back-off has grown

  c.Apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tables.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: tables, singular: table, kind: Table, listKind: TableList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          data: {type: object, additionalProperties: {type: string}}
)");
  c.Advance(500ms);
  ExpectActive("web", 1);
}

TEST_F(Definitions, DefinitionsMayUseEachOther) {
  auto replica = c.Start();
  // The user comes first, and waits for the one that it uses.
  c.Apply(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: pair}
spec:
  schema: {apiVersion: v1alpha1, kind: Pair, spec: {text: string}}
  resources:
  - id: web
    template:
      apiVersion: kro.run/v1alpha1
      kind: Web
      metadata: {name: "${schema.metadata.name}"}
      spec: {text: "${schema.spec.text}"}
)");
  c.Advance(1s);
  c.Apply(kWeb);
  c.Advance(1s);
  ExpectActive("web", 1);
  ExpectActive("pair", 1);
}

TEST_F(Definitions, Row13_AHundredEditsInTenSecondsSettleOnTheLastWithBoundedRevisions) {
  auto replica = c.Start();
  for (int i = 0; i < 100; ++i) {
    c.Apply(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
    c.Advance(100ms - 4ms);                     // an apply takes the rest
    EXPECT_LE(c.Names(kRevisions).size(), 7U);  // five, one that goes and one that comes
  }
  c.Advance(2s);
  EXPECT_LE(c.Names(kRevisions).size(), 5U);
  const json::Value rgd = c.Get(kRgds, "web");
  const std::int64_t last = c.Integer(rgd, {"status", "lastIssuedRevision"});
  EXPECT_LE(last, 100);
  ExpectActive("web", last);
  EXPECT_THAT(json::Serialize(c.Get(kCrds, "webs.kro.run")), HasSubstr("text-99"));
  const json::Value revision = c.Get(kRevisions, fmt::format("web-r{:05}", last));
  EXPECT_THAT(json::Serialize(*json::Find(revision, {"spec", "snapshot"})), HasSubstr("text-99"));
  // And rests.
  replica->transport.requests.clear();
  c.Advance(10min);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

TEST_F(Definitions, Row13_EditsFasterThanPassesAreSkippedNotQueued) {
  auto replica = c.Start();
  for (int i = 0; i < 30; ++i) {
    c.Apply(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
    c.Advance(3ms);
  }
  c.Advance(5s);
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_LT(c.Integer(c.Get(kRgds, "web"), {"status", "lastIssuedRevision"}), 30);
  EXPECT_THAT(json::Serialize(c.Get(kCrds, "webs.kro.run")), HasSubstr("text-29"));
}

TEST_F(Definitions, Row14_RetentionKeepsTheNewest) {
  auto replica = c.Start();
  for (int i = 0; i < 8; ++i) {
    c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
  }
  EXPECT_THAT(c.Names(kRevisions),
              ElementsAre("web-r00004", "web-r00005", "web-r00006", "web-r00007", "web-r00008"));
  ExpectActive("web", 8);
}

TEST_F(Definitions, Row16_RetentionCanBeOff) {
  OperatorOptions options;
  options.settings.max_graph_revisions = 0;
  auto replica = c.Start(options);
  for (int i = 0; i < 7; ++i) {
    c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
  }
  EXPECT_EQ(c.Names(kRevisions).size(), 7U);
}

TEST_F(Definitions, Row17And18_RevisionsDeletedByHandAreIssuedAnew) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", "default=\"bye\""));

  // An old one is nobody's concern.
  c.Delete(kRevisions, "web-r00001");
  c.Advance(5s);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00002"));
  ExpectActive("web", 2);

  c.Delete(kRevisions, "web-r00002");
  c.Advance(5s);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00003"));
  ExpectActive("web", 3);
}

TEST_F(Definitions, Row19_WhenTheLatestRevisionIsDeletedTheOlderOneIsCompared) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", "default=\"bye\""));
  c.Delete(kRevisions, "web-r00002");
  c.Advance(5s);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001", "web-r00003"));
  ExpectActive("web", 3);
}

TEST_F(Definitions, Row21_DisownedRevisionsAreAdopted) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.Patch(kRevisions, "web-r00001", "metadata: {ownerReferences: null}");
  c.Advance(2s);
  const json::Value revision = c.Get(kRevisions, "web-r00001");
  EXPECT_THAT(json::Serialize(*json::Find(revision, {"metadata", "ownerReferences"})),
              HasSubstr("\"controller\":true"));
}

TEST_F(Definitions, Row22And27Trap29_ARecreatedDefinitionContinuesTheNumbers) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.Delete(kRgds, "web", "", kube::Propagation::kOrphan);
  c.Advance(5s);
  ASSERT_TRUE(c.Get(kRgds, "web").is_null());
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));

  c.ApplyAndSettle(kWeb);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  ExpectActive("web", 1);
  // The CRD was adopted, its labels brought up to date.
  EXPECT_EQ(json::FindString(c.Get(kCrds, "webs.kro.run"),
                             {"metadata", "labels", "kro.run/resource-graph-definition-id"}),
            json::FindString(c.Get(kRgds, "web"), {"metadata", "uid"}));
}

TEST_F(Definitions, Row24And25_OneOfTwoThatClaimAKindOwnsIt) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(Replace(kWeb, "name: web}", "name: rival}"));
  EXPECT_EQ(c.ConditionOf("rival", "KindReady"),
            "False/Failed/failed to update CRD webs.kro.run: CRD is owned by another "
            "ResourceGraphDefinition web");
  EXPECT_EQ(c.State("rival"), "Inactive");
  ExpectActive("web", 1);

  // The loser goes without harm.
  c.Delete(kRgds, "rival");
  c.Advance(3s);
  EXPECT_TRUE(c.Get(kRgds, "rival").is_null());
  c.Patch(kWebs, "a", "spec: {text: still}", "default");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-first", "default"), {"data", "text"}), "still");
}

TEST_F(Definitions, Row26_AForeignCrdIsNeverTouched) {
  auto replica = c.Start();
  c.Apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: webs.kro.run}
spec:
  group: kro.run
  scope: Namespaced
  names: {plural: webs, singular: web, kind: Web, listKind: WebList}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
)");
  const std::string before(json::FindString(c.Get(kCrds, "webs.kro.run"), {"metadata", "uid"}));
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(
      c.ConditionOf("web", "KindReady"),
      "False/Failed/failed to update CRD webs.kro.run: CRD already exists and is not owned by "
      "KRO");
  const json::Value crd = c.Get(kCrds, "webs.kro.run");
  EXPECT_EQ(json::FindString(crd, {"metadata", "uid"}), before);
  EXPECT_EQ(c.Integer(crd, {"metadata", "generation"}), 1);

  // Once it is gone, ours is made.
  c.Delete(kCrds, "webs.kro.run");
  c.Advance(3s);
  ExpectActive("web", 1);
}

TEST_F(Definitions, Row28And29And30_BreakingChangesWaitForConsent) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const std::string breaking =
      Replace(kWeb, "text: string | default=\"hello\"", "text: string | required=true");
  c.ApplyAndSettle(breaking);
  EXPECT_THAT(
      c.ConditionOf("web", "KindReady"),
      StartsWith("False/Failed/cannot update CRD webs.kro.run: breaking changes detected: "));
  EXPECT_TRUE(replica->sink.Has("set the annotation kro.run/allow-breaking-changes"));
  EXPECT_THAT(c.ConditionOf("web", "ControllerReady"), StartsWith("True/"));
  EXPECT_EQ(c.State("web"), "Inactive");

  // Consent is the word "true", and needs no other edit.
  replica->transport.requests.clear();
  c.Patch(kRgds, "web", "metadata: {annotations: {kro.run/allow-breaking-changes: 'false'}}");
  c.Advance(3s);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
  c.Patch(kRgds, "web", "metadata: {annotations: {kro.run/allow-breaking-changes: 'true'}}");
  c.Advance(3s);
  ExpectActive("web", 2);
}

TEST_F(Definitions, Row31And33_HandEditsOfTheCrdAreUndone) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const json::Value good = c.Get(kCrds, "webs.kro.run");
  const auto schema_of = [](const json::Value& crd) {
    return json::Canonical(*json::Find(crd, {"spec", "versions"}));
  };
  const auto edit = [&](auto change) {
    json::Value crd = c.Get(kCrds, "webs.kro.run");
    json::Object& version =
        json::Find(crd, "spec")->as_object()["versions"].as_array()[0].as_object();
    change(version);
    auto reply = *c.executor.Run(c.client.Update(kCrds, crd, {}, {}));
    ASSERT_TRUE(reply) << reply.error().message();
    c.Advance(2s);
    EXPECT_EQ(schema_of(c.Get(kCrds, "webs.kro.run")), schema_of(good));
    ExpectActive("web", 1);
  };
  const auto spec = [](json::Object& version) -> json::Object& {
    return version["schema"]
        .as_object()["openAPIV3Schema"]
        .as_object()["properties"]
        .as_object()["spec"]
        .as_object()["properties"]
        .as_object();
  };
  edit([&](json::Object& version) { spec(version).erase("size"); });
  edit([&](json::Object& version) { version["additionalPrinterColumns"].as_array().pop_back(); });

  // Labels of others stay, and cost nothing.
  c.Patch(kCrds, "webs.kro.run", "metadata: {labels: {mine: 'yes', kro.run/kro-version: changed}}");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kCrds, "webs.kro.run"), {"metadata", "labels", "mine"}), "yes");
  EXPECT_EQ(
      json::FindString(c.Get(kCrds, "webs.kro.run"), {"metadata", "labels", "kro.run/kro-version"}),
      "changed");
  ExpectActive("web", 1);
}

// The watch tells of it before the answer to our own write comes, which is older then.
TEST_F(Definitions, AHandEditWhileTheCrdIsWrittenIsUndoneToo) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica->transport.hold_answer = [&](const http::Request& request) -> async::Task<void> {
    if (request.method != "PATCH" ||
        request.target.find("customresourcedefinitions/") == std::string::npos) {
      co_return;
    }
    const auto held = co_await async::Sleep(c.executor, 500ms, {});
    EXPECT_TRUE(held);
  };
  c.Patch(kRgds, "web", "spec: {schema: {spec: {note: string}}}");
  const auto columns = [&] {
    return json::Find(c.Get(kCrds, "webs.kro.run"), {"spec", "versions"})
        ->as_array()[0]
        .as_object()
        .contains("additionalPrinterColumns");
  };
  c.Advance(200ms);
  json::Value crd = c.Get(kCrds, "webs.kro.run");
  ASSERT_NE(json::Canonical(crd).find("note"), std::string::npos) << "written, but not answered";
  json::Find(crd, "spec")
      ->as_object()["versions"]
      .as_array()[0]
      .as_object()
      .erase("additionalPrinterColumns");
  auto damaged = *c.executor.Run(c.client.Update(kCrds, crd, {}, {}));
  ASSERT_TRUE(damaged) << damaged.error().message();
  ASSERT_FALSE(columns());
  c.Advance(5s);
  EXPECT_TRUE(columns());
  ExpectActive("web", 2);
}

TEST_F(Definitions, Row32_APropertyAddedToTheCrdByHandIsNotThrownAway) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  json::Value crd = c.Get(kCrds, "webs.kro.run");
  json::Find(crd, "spec")
      ->as_object()["versions"]
      .as_array()[0]
      .as_object()["schema"]
      .as_object()["openAPIV3Schema"]
      .as_object()["properties"]
      .as_object()["spec"]
      .as_object()["properties"]
      .as_object()["mine"] = json::Object{{"type", "string"}};
  ASSERT_TRUE(*c.executor.Run(c.client.Update(kCrds, crd, {}, {})));
  c.Advance(2s);
  EXPECT_EQ(
      c.ConditionOf("web", "KindReady"),
      "False/Failed/cannot update CRD webs.kro.run: breaking changes detected: Property mine was "
      "removed");
  c.Patch(kRgds, "web", "metadata: {annotations: {kro.run/allow-breaking-changes: 'true'}}");
  c.Advance(2s);
  ExpectActive("web", 1);
}

TEST_F(Definitions, Row34And77Trap30_ADeletedCrdIsMadeAgain) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  const std::string before(json::FindString(c.Get(kCrds, "webs.kro.run"), {"metadata", "uid"}));
  c.Delete(kCrds, "webs.kro.run");
  c.Advance(10s);
  const json::Value crd = c.Get(kCrds, "webs.kro.run");
  ASSERT_TRUE(crd.is_object());
  EXPECT_NE(json::FindString(crd, {"metadata", "uid"}), before);
  EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
  ExpectActive("web", 1);

  // And its instances are served at once.
  c.Apply(kInstance);
  c.Advance(500ms);
  EXPECT_FALSE(c.Get(kConfigMaps, "a-second", "default").is_null());
}

TEST_F(Definitions, Row35_ShortNamesComeAndGo) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kWeb, "kind: Web\n", "kind: Web\n    shortNames: [wb]\n"));
  EXPECT_EQ(
      json::Serialize(*json::Find(c.Get(kCrds, "webs.kro.run"), {"spec", "names", "shortNames"})),
      R"(["wb"])");
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(json::Find(c.Get(kCrds, "webs.kro.run"), {"spec", "names", "shortNames"}), nullptr);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Definitions, Row36And72Trap08_DeletionWaitsForInstances) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.Delete(kRgds, "web");
  c.Advance(5s);
  EXPECT_EQ(
      c.ConditionOf("web", "Ready"),
      "False/InstancesExist/deletion waits for 1 instance of Web, such as default/a: delete them "
      "first");
  // They are still served, across a restart too.
  replica.reset();
  replica = c.Start();
  c.Patch(kWebs, "a", "spec: {text: still}", "default");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-first", "default"), {"data", "text"}), "still");

  c.Delete(kWebs, "a", "default");
  c.Advance(5s);
  EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  // The CRD stays unless it may be deleted, untouched.
  EXPECT_EQ(c.Integer(c.Get(kCrds, "webs.kro.run"), {"metadata", "generation"}), 1);
  EXPECT_THAT(c.Names(kRevisions), IsEmpty());
}

// What somebody may do to the labels that say whose the CRD is.
constexpr std::string_view kNotOwned = "metadata: {labels: {kro.run/owned: null}}";
constexpr std::string_view kNameless =
    "metadata: {labels: {kro.run/resource-graph-definition-name: null}}";
constexpr std::string_view kRenamed =
    "metadata: {labels: {kro.run/resource-graph-definition-name: other}}";
constexpr std::string_view kBare =
    "metadata: {labels: {kro.run/owned: null, kro.run/resource-graph-definition-name: null, "
    "kro.run/resource-graph-definition-id: null}}";

TEST_F(Definitions, TheLabelsOfItsCrdArePutBack) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const auto labels = [&] {
    return json::Canonical(*json::Find(c.Get(kCrds, "webs.kro.run"), {"metadata", "labels"}));
  };
  const std::string good = labels();
  for (const std::string_view damage : {kNotOwned, kNameless, kRenamed, kBare}) {
    SCOPED_TRACE(damage);
    c.Patch(kCrds, "webs.kro.run", damage);
    c.Advance(2s);
    EXPECT_EQ(labels(), good);
    ExpectActive("web", 1);
    // And while nobody looks.
    replica.reset();
    c.Patch(kCrds, "webs.kro.run", damage);
    replica = c.Start();
    EXPECT_EQ(labels(), good);
    ExpectActive("web", 1);
  }
}

TEST_F(Definitions, ACrdThatWasGivenAwayIsNotTakenBack) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  for (const std::string_view gift :
       {"metadata: {labels: {kro.run/owned: 'false'}}",
        "metadata: {labels: {kro.run/resource-graph-definition-name: other, "
        "kro.run/resource-graph-definition-id: other}}"}) {
    SCOPED_TRACE(gift);
    c.Patch(kCrds, "webs.kro.run", gift);
    const std::int64_t writes = replica->transport.Count("PATCH", "customresourcedefinitions");
    c.Advance(5s);
    EXPECT_EQ(replica->transport.Count("PATCH", "customresourcedefinitions"), writes);
    EXPECT_THAT(c.ConditionOf("web", "KindReady"), StartsWith("False/Failed/"));
    c.Patch(kCrds, "webs.kro.run",
            "metadata: {labels: {kro.run/owned: 'true', kro.run/resource-graph-definition-name: "
            "web, kro.run/resource-graph-definition-id: null}}");
    c.Advance(2s);
    ExpectActive("web", 1);
  }
}

// Its name is the same, and a time tells seconds only.
TEST_F(Definitions, AForeignCrdInThePlaceOfTheOwnIsNotTaken) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  json::Value foreign = c.Get(kCrds, "webs.kro.run");
  json::Object& metadata = json::Find(foreign, "metadata")->get_object();
  for (const char* member :
       {"labels", "uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"}) {
    metadata.erase(member);
  }
  foreign.get_object().erase("status");
  replica.reset();
  c.Delete(kCrds, "webs.kro.run");
  ASSERT_TRUE(*c.executor.Run(c.client.Create(kCrds, {}, foreign, {}, {})));
  replica = c.Start();
  EXPECT_EQ(json::Find(c.Get(kCrds, "webs.kro.run"), {"metadata", "labels"}), nullptr);
  EXPECT_THAT(c.ConditionOf("web", "KindReady"), HasSubstr("is not owned by KRO"));
}

TEST_F(Definitions, DeletionFindsTheInstancesOfACrdThatLostItsLabels) {
  for (const std::string_view damage : {kNotOwned, kNameless, kBare}) {
    SCOPED_TRACE(damage);
    auto replica = c.Start();
    c.ApplyAndSettle(kWeb);
    c.ApplyAndSettle(kInstance);
    replica.reset();
    c.Patch(kCrds, "webs.kro.run", damage);
    c.Delete(kRgds, "web");
    replica = c.Start();
    c.Advance(3s);
    EXPECT_THAT(c.ConditionOf("web", "Ready"), StartsWith("False/InstancesExist/"));
    c.Delete(kWebs, "a", "default");
    c.Advance(5s);
    EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
    EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  }
}

// As a CRD of kro's that is older, or was edited, lets them through.
constexpr std::string_view kLooseSchema = R"(
spec:
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)";

TEST_F(Definitions, DeletionOfWhatCannotBeReadWaitsForInstancesToo) {
  OperatorOptions options;
  options.crds = CrdInstallation::kLeave;
  for (const std::string_view damage :
       {"spec: {resources: none}", "spec: {schema: none}", "spec: {schema: null}", "spec: none"}) {
    SCOPED_TRACE(damage);
    auto replica = c.Start();
    c.Patch(kCrds, "resourcegraphdefinitions.kro.run", kLooseSchema);
    c.ApplyAndSettle(kWeb);
    c.ApplyAndSettle(kInstance);
    ASSERT_FALSE(c.Get(kConfigMaps, "a-first", "default").is_null());
    replica.reset();
    c.Patch(kRgds, "web", damage);
    c.Delete(kRgds, "web");
    replica = c.Start(options);
    c.Advance(3s);
    EXPECT_EQ(c.ConditionOf("web", "Ready"),
              "False/InstancesExist/deletion waits for 1 instance of Web, such as default/a: "
              "delete them first");
    c.Delete(kWebs, "a", "default");
    c.Advance(5s);
    EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
    EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  }
}

TEST_F(Definitions, DeletionOfWhatNobodyKnowsAnyMoreSaysWhyItWaits) {
  OperatorOptions options;
  options.crds = CrdInstallation::kLeave;
  auto replica = c.Start();
  c.Patch(kCrds, "resourcegraphdefinitions.kro.run", kLooseSchema);
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica.reset();
  const json::Value schema = *json::Find(c.Get(kRgds, "web"), {"spec", "schema"});
  c.Patch(kRgds, "web", "spec: {schema: none}");
  for (const std::string& revision : c.Names(kRevisions)) {
    c.Patch(kRevisions, revision, "metadata: {finalizers: null}");
    c.Delete(kRevisions, revision);
  }
  c.Delete(kRgds, "web");
  replica = c.Start(options);
  c.Advance(3s);
  EXPECT_EQ(
      c.ConditionOf("web", "Ready"),
      "False/DeletionBlocked/deletion is blocked: whether there are instances is not known, as "
      "spec.schema cannot be read and no graph revision is left that tells what it was: put it "
      "back, or delete the instances and remove the finalizer kro.run/finalizer");
  c.Patch(kRgds, "web", json::Serialize(json::Object{{"spec", json::Object{{"schema", schema}}}}));
  c.Advance(2s);
  EXPECT_THAT(c.ConditionOf("web", "Ready"), StartsWith("False/InstancesExist/"));
  c.Delete(kWebs, "a", "default");
  c.Advance(5s);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
}

TEST_F(Definitions, DeletionWaitsForInstancesOfACrdThatWasGivenAway) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.Patch(kCrds, "webs.kro.run", "metadata: {labels: {kro.run/owned: 'false'}}");
  c.Advance(2s);
  c.Delete(kRgds, "web");
  c.Advance(5s);
  EXPECT_EQ(c.ConditionOf("web", "Ready"),
            "False/InstancesExist/deletion waits for 1 instance of Web, such as default/a, but its "
            "CRD webs.kro.run has not the labels of this definition any more: put back "
            "kro.run/owned=true and kro.run/resource-graph-definition-name=web");
  c.Patch(kCrds, "webs.kro.run", "metadata: {labels: {kro.run/owned: 'true'}}");
  c.Delete(kWebs, "a", "default");
  c.Advance(10s);
  EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
}

TEST_F(Definitions, DeletionSaysThatInstancesMayNotBeListed) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica->transport.forbid = [](const http::Request& request) {
    return request.method == "GET" && request.target.find("/webs?") != std::string::npos;
  };
  c.Delete(kRgds, "web");
  c.Advance(5s);
  EXPECT_EQ(c.ConditionOf("web", "Ready"),
            "False/DeletionBlocked/deletion is blocked: whether there are instances is not known: "
            "grant kro get, list, watch, update and patch of webs in API group kro.run: Forbidden");
  replica->transport.forbid = nullptr;
  c.Advance(5min);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
}

TEST_F(Definitions, Row37_TheCrdGoesTooWhereItMay) {
  OperatorOptions options;
  options.settings.allow_crd_deletion = true;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  c.Delete(kRgds, "web");
  c.Advance(3s);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  EXPECT_TRUE(c.Get(kCrds, "webs.kro.run").is_null());
  EXPECT_THAT(c.Names(kRevisions), IsEmpty());
}

TEST_F(Definitions, Row38_InstancesGoWithTheirCrdChildrenFirst) {
  OperatorOptions options;
  options.settings.allow_crd_deletion = true;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.Delete(kRgds, "web");
  c.Advance(10s);
  EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
  EXPECT_TRUE(c.Get(kConfigMaps, "a-second", "default").is_null());
  EXPECT_TRUE(c.Get(kCrds, "webs.kro.run").is_null());
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
}

TEST_F(Definitions, Row65_ANameTooLongForALabelIsRefusedWithTheServersWords) {
  auto replica = c.Start();
  const std::string name(70, 'w');
  c.ApplyAndSettle(Replace(kWeb, "name: web}", "name: " + name + "}"));
  EXPECT_THAT(
      c.ConditionOf(name, "GraphAccepted"),
      StartsWith("False/InvalidResourceGraph/creating graph revision \"" + name + "-r00001\": "));
  EXPECT_EQ(c.State(name), "Inactive");
}

TEST_F(Definitions, Row66_ScopeMayBeTheCluster) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(Replace(Replace(kWeb, "kind: Web\n", "kind: Web\n    scope: Cluster\n"),
                                   "name: \"${schema.metadata.name}-first\"",
                                   "name: \"${schema.metadata.name}-first\", namespace: default"),
                           "name: \"${schema.metadata.name}-second\"",
                           "name: \"${schema.metadata.name}-second\", namespace: default"));
  EXPECT_EQ(json::FindString(c.Get(kCrds, "webs.kro.run"), {"spec", "scope"}), "Cluster");
  c.ApplyAndSettle(Replace(kInstance, ", namespace: default", ""));
  EXPECT_FALSE(c.Get(kConfigMaps, "a-second", "default").is_null());
}

TEST_F(Definitions, Row76_LoosenedLimitsArePatched) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Replace(kWeb, " minimum=1", ""));
  ExpectActive("web", 2);
  EXPECT_EQ(json::Serialize(c.Get(kCrds, "webs.kro.run")).find("minimum"), std::string::npos);
}

TEST_F(Definitions, Row68_AForeignRevisionOfTheNameCounts) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  json::Value revision = c.Get(kRevisions, "web-r00001");
  json::Object& metadata = revision.as_object()["metadata"].as_object();
  for (const char* key : {"uid", "resourceVersion", "ownerReferences", "creationTimestamp",
                          "finalizers", "managedFields", "generation"}) {
    metadata.erase(key);
  }
  metadata["name"] = "web-r00007";
  revision.as_object().erase("status");
  revision.as_object()["spec"].as_object()["revision"] = 7;
  ASSERT_TRUE(*c.executor.Run(c.client.Create(kRevisions, "", revision, {}, {})));
  c.Advance(3s);
  // Same hash: it is adopted and served.
  const json::Value rgd = c.Get(kRgds, "web");
  EXPECT_EQ(c.Condition(rgd, "GraphRevisionsResolved"),
            "True/Resolved/revision 7 compiled and active");
  EXPECT_EQ(c.Integer(rgd, {"status", "lastIssuedRevision"}), 7);
}

TEST_F(Definitions, LostWatchesLoseNoEdit) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.server.EndWatches(apiserver::Server::WatchEnd::kBroken);
  c.Apply(Replace(kWeb, "default=\"hello\"", "default=\"bye\""));
  c.server.CompactHistory();
  c.Advance(10s);
  ExpectActive("web", 2);
}

TEST_F(Definitions, RefusedStatusesAreTriedAgainWithPatience) {
  // Given admission that refuses every status of a definition and of its revision
  auto replica = c.Start();
  c.Advance(2s);
  replica->transport.fault =
      [](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.method != "PATCH" || request.target.find("/status") == std::string::npos) {
      return std::nullopt;
    }
    return http::Response{
        403,
        {{"Content-Type", "application/json"}},
        R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403})"};
  };
  replica->transport.requests.clear();

  // When that lasts for 20 s
  c.Apply(kWeb);
  c.Advance(20s);

  // Then the operator has not been asking all the time, and goes on when it is over
  EXPECT_LT(replica->transport.requests.size(), 200u);
  replica->transport.fault = nullptr;
  c.Advance(60s);
  ExpectActive("web", 1);
}

TEST_F(Definitions, AFloodOfForeignCrdsCostsNothing) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica->transport.requests.clear();
  for (int i = 0; i < 20; ++i) {
    c.Apply(fmt::format(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: others.ex{0}.io}}
spec:
  group: ex{0}.io
  scope: Namespaced
  names: {{plural: others, singular: other, kind: Other, listKind: OtherList}}
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
)",
                        i));
  }
  c.Advance(5s);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

OperatorOptions WithResourceGroups(const std::string& ns = "default") {
  OperatorOptions options;
  options.settings.resource_group_namespaces = {ns};
  return options;
}

std::string AsResourceGroup(std::string_view rgd) {
  return Replace(Replace(rgd, "ResourceGraphDefinition", "ResourceGroup"), "name: web}",
                 "name: web, namespace: default}");
}

TEST_F(Definitions, ResourceGroupsAreServedSideBySide) {
  auto replica = c.Start(WithResourceGroups());
  std::string group = AsResourceGroup(kWeb);
  group = Replace(group, "text: string | default=\"hello\"", "text: string | required=yes");
  c.ApplyAndSettle(group);
  const json::Value served = c.Get(kResourceGroups, "web", "default");
  EXPECT_EQ(json::FindString(served, {"status", "state"}), "Active");
  EXPECT_EQ(c.Condition(served, "Ready"), "True/Ready/");
  EXPECT_EQ(json::Serialize(*json::Find(served, {"metadata", "finalizers"})),
            R"(["kro.run/finalizer"])");
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-second", "default"), {"data", "text"}), "hi");

  c.Delete(kWebs, "a", "default");
  c.Delete(kResourceGroups, "web", "default");
  c.Advance(5s);
  EXPECT_TRUE(c.Get(kResourceGroups, "web", "default").is_null());
  EXPECT_THAT(c.Names(kRevisions), IsEmpty());
}

TEST_F(Definitions, AnRgdDoesNotTakeOverAResourceGroupByItsName) {
  auto replica = c.Start(WithResourceGroups());
  c.ApplyAndSettle(AsResourceGroup(kWeb));
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(
      c.ConditionOf("web", "GraphAccepted"),
      "False/InvalidResourceGraph/the ResourceGroup default/web has this name; delete one of the "
      "two");
  c.Delete(kResourceGroups, "web", "default");
  c.Advance(10s);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Definitions, ImpersonationIsRefusedNotIgnored) {
  auto replica = c.Start(WithResourceGroups());
  std::string group = AsResourceGroup(kWeb);
  group = Replace(group,
                  "spec:\n  schema:", "spec:\n  defaultServiceAccounts: {'*': robot}\n  schema:");
  c.ApplyAndSettle(group);
  EXPECT_THAT(c.Condition(c.Get(kResourceGroups, "web", "default"), "GraphAccepted"),
              StartsWith("False/InvalidResourceGraph/spec.defaultServiceAccounts: impersonation "
                         "has no successor"));
}

// Whoever may edit a namespace may write one there, and would get all that kro may do.
TEST_F(Definitions, AResourceGroupOfANamespaceThatMayHaveNoneIsRefused) {
  auto replica = c.Start(WithResourceGroups("others"));
  c.ApplyAndSettle(AsResourceGroup(kWeb));
  EXPECT_EQ(
      c.Condition(c.Get(kResourceGroups, "web", "default"), "GraphAccepted"),
      "False/InvalidResourceGraph/ResourceGroups of namespace default are not served: whoever "
      "writes one acts with the rights of kro; allow it with "
      "--resource-group-namespaces=default");
  EXPECT_TRUE(c.Get(kCrds, "webs.kro.run").is_null());

  // It does not stand in the way of an RGD of its name, and takes nothing of it along.
  c.ApplyAndSettle(kWeb);
  ExpectActive("web", 1);
  c.ApplyAndSettle(kInstance);
  c.Delete(kResourceGroups, "web", "default");
  c.Advance(5s);
  EXPECT_TRUE(c.Get(kResourceGroups, "web", "default").is_null());
  ExpectActive("web", 1);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
}

TEST_F(Definitions, AResourceGroupThatMayNotBeServedAnyMoreStillWaitsForItsInstances) {
  auto replica = c.Start(WithResourceGroups());
  c.ApplyAndSettle(AsResourceGroup(kWeb));
  c.ApplyAndSettle(kInstance);
  replica.reset();
  replica = c.Start(WithResourceGroups("others"));
  c.Delete(kResourceGroups, "web", "default");
  c.Advance(5s);
  EXPECT_THAT(c.Condition(c.Get(kResourceGroups, "web", "default"), "Ready"),
              StartsWith("False/InstancesExist/"));
  c.Delete(kWebs, "a", "default");
  c.Advance(10s);
  EXPECT_TRUE(c.Get(kResourceGroups, "web", "default").is_null());
  EXPECT_TRUE(c.Get(kConfigMaps, "a-first", "default").is_null());
}

TEST_F(Definitions, WhatHasNoEffectIsSaid) {
  auto replica = c.Start(WithResourceGroups());
  c.ApplyAndSettle(
      Replace(AsResourceGroup(kWeb), "    spec: {text", "    validation: [a]\n    spec: {text"));
  const json::Value group = c.Get(kResourceGroups, "web", "default");
  EXPECT_EQ(json::FindString(group, {"status", "state"}), "Active");
  EXPECT_EQ(c.Condition(group, "GraphAccepted"),
            "True/Valid/resource graph and schema are valid; warning: spec.schema.validation: "
            "validation is ignored: it never had an effect; use validation markers in "
            "spec.schema.spec");
  EXPECT_TRUE(replica->sink.Has("definition has parts without effect"));
}

TEST_F(Definitions, AreServedWhereResourceGroupsCannotBeRead) {
  for (const bool forbidden : {true, false}) {
    SCOPED_TRACE(forbidden);
    SimulatedCluster cluster;
    OperatorOptions options = WithResourceGroups();
    options.settings.version = "test";
    auto first = cluster.Start(options);  // which makes the CRDs
    first.reset();
    options.crds = CrdInstallation::kLeave;
    if (!forbidden) cluster.Delete(kCrds, "resourcegroups.kro.run");
    auto replica = std::make_unique<Replica>(cluster.executor, cluster.network, options);
    if (forbidden) {
      replica->transport.forbid = [](const http::Request& request) {
        return request.target.find("resourcegroups") != std::string::npos;
      };
    }
    cluster.Advance(5s);
    cluster.ApplyAndSettle(kWeb);
    EXPECT_EQ(cluster.State("web"), "Active");
    EXPECT_TRUE(
        std::ranges::all_of(replica->op.Readiness(), [](const auto& check) { return check.ok; }));
    cluster.Advance(10min);
    EXPECT_LE(std::ranges::count_if(replica->sink.lines,
                                    [](const std::string& line) {
                                      return line.find("not listed") != std::string::npos;
                                    }),
              1);
    // They are found when that changes.
    if (!forbidden) continue;
    replica->transport.forbid = nullptr;
    cluster.Apply(Replace(Replace(AsResourceGroup(kWeb), "name: web,", "name: late,"), "kind: Web",
                          "kind: Late"));
    cluster.Advance(2min);
    EXPECT_EQ(
        json::FindString(cluster.Get(kResourceGroups, "late", "default"), {"status", "state"}),
        "Active");
  }
}

// The order in which ready work runs must not matter.
class AnyOrder : public testing::TestWithParam<std::uint64_t> {};

TEST_P(AnyOrder, ThreeDefinitionsAndEditsEndTheSame) {
  SimulatedCluster c(GetParam());
  auto replica = c.Start();
  for (const char* name : {"One", "Two", "Three"}) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](unsigned char ch) { return std::tolower(ch); });
    c.Apply(Replace(Replace(kWeb, "name: web}", "name: " + lower + "}"), "kind: Web\n",
                    std::string("kind: ") + name + "\n"));
  }
  c.Advance(20ms);
  replica.reset();  // in the middle of it
  replica = c.Start();
  c.Advance(5s);
  for (const char* name : {"one", "two", "three"}) EXPECT_EQ(c.State(name), "Active") << name;
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("one-r00001", "three-r00001", "two-r00001"));
}

TEST_P(AnyOrder, AStartLeavesTheStatusOfADefinitionAsItIs) {
  SimulatedCluster c(GetParam());
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const auto version = [&] {
    return std::string(json::FindString(c.Get(kRgds, "web"), {"metadata", "resourceVersion"}));
  };
  const std::string before = version();
  replica.reset();
  replica = c.Start();
  c.Advance(5s);
  EXPECT_EQ(version(), before);
}

TEST_P(AnyOrder, OfAnRgdAndAResourceGroupOfOneNameTheFirstIsServed) {
  SimulatedCluster c(GetParam());
  auto replica = c.Start(WithResourceGroups());
  c.Apply(AsResourceGroup(kWeb));
  c.Apply(kWeb);
  c.Advance(5s);
  const auto states = [&] {
    const json::Value group = c.Get(kResourceGroups, "web", "default");
    return std::string(json::FindString(group, {"status", "state"})) + " " + c.State("web");
  };
  const std::string before = states();
  EXPECT_THAT(before, testing::AnyOf("Active Inactive", "Inactive Active"));
  const auto revisions = c.Names(kRevisions);
  replica.reset();
  replica = c.Start(WithResourceGroups());
  c.Advance(5s);
  EXPECT_EQ(states(), before);
  EXPECT_EQ(c.Names(kRevisions), revisions);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrder, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace kro::operator_
