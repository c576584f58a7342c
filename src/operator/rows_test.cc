// Rows of controllers spec section 8 and traps of section 9: a whole operator in simulated time. Names begin
// with what they show. The others are in definitions_test.cc, leadership_test.cc (57 to 60, trap 24),
// observability_test.cc (traps 22, 25), rbac_test.cc (traps 23, 28), watch_fleet_test.cc (trap 18) and
// controller_command_test.cc (62, traps 26, 27, 32). Trap 11, errors told apart by their concrete type, has no
// counterpart: a result says what it wants by its value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "operator/endpoints.h"
#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kWeb = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec: {text: string | default="hello", items: "[]string"}
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

// A CRD of somebody else.
constexpr std::string_view kTableCrd = R"(
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
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {text: {type: string}}}
          status: {type: object, properties: {url: {type: string}}}
)";

constexpr std::string_view kTableUser = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: app}
spec:
  schema: {apiVersion: v1alpha1, kind: App, spec: {text: string}}
  resources:
  - id: table
    template:
      apiVersion: ex.io/v1
      kind: Table
      metadata: {name: "${schema.metadata.name}"}
      spec: {text: "${schema.spec.text}"}
)";

const api::Gvr kWebs{"kro.run", "v1alpha1", "webs"};
const api::Gvr kApps{"kro.run", "v1alpha1", "apps"};
const api::Gvr kTables{"ex.io", "v1", "tables"};
const api::Gvr kNamespaces{"", "v1", "namespaces"};
const api::Gvr kSecrets{"", "v1", "secrets"};

std::string Replace(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) result.replace(at, from.size(), to);
  return result;
}

// The value of a series of /metrics; -1: there is none.
double Counted(const Replica& replica, const std::string& series) {
  const std::string text = AnswerMetrics(replica.op, {.target = "/metrics"}, Debug::kOff).body;
  const std::size_t at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

http::Response Refusal(int code, std::string_view reason, std::string_view message) {
  json::Object status;
  status["kind"] = "Status";
  status["apiVersion"] = "v1";
  status["status"] = "Failure";
  status["code"] = code;
  status["reason"] = reason;
  status["message"] = message;
  return {.status = code, .headers = {}, .body = json::Serialize(status)};
}

class Rows : public testing::Test {
 protected:
  std::string Data(std::string name, std::string_view key = "text") {
    const json::Value object = c.Get(kConfigMaps, std::move(name), "default");
    return std::string(json::FindString(object, {"data", key}));
  }
  std::string Message(const api::Gvr& gvr, std::string name) {
    return c.Condition(c.Get(gvr, std::move(name), "default"), "ResourcesReady");
  }
  std::string StateOf(const api::Gvr& gvr, std::string name) {
    const json::Value object = c.Get(gvr, std::move(name), "default");
    return std::string(json::FindString(object, {"status", "state"}));
  }

  SimulatedCluster c;
};

// Refuses the first child of instance a for as long as `away` says.
auto DeniesFirstWhile(const bool& away) {
  return [&away](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (away && request.method == "PATCH" &&
        request.target.find("configmaps/a-first") != std::string::npos) {
      answer = Refusal(403, "Forbidden", "denied");
    }
    return answer;
  };
}

TEST_F(Rows, Row03_NumbersAreContiguousAcrossRestarts) {
  for (int i = 0; i < 4; ++i) {
    auto replica = c.Start();
    c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
    replica.reset();
    replica = c.Start();
  }
  EXPECT_THAT(c.Names(kRevisions),
              ElementsAre("web-r00001", "web-r00002", "web-r00003", "web-r00004"));
}

TEST_F(Rows, Row05_ReorderedResourcesMakeNoRevision) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  json::Value rgd = c.Get(kRgds, "web");
  auto& resources = rgd.as_object()["spec"].as_object()["resources"].as_array();
  std::swap(resources[0], resources[1]);
  ASSERT_TRUE(*c.executor.Run(c.client.Update(kRgds, rgd, {}, {})));
  c.Advance(2s);
  EXPECT_EQ(c.Integer(c.Get(kRgds, "web"), {"metadata", "generation"}), 2);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001"));
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Rows, Row15_WithALimitOfOneWhatFailsDeletesNothing) {
  OperatorOptions options;
  options.settings.max_graph_revisions = 1;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  ASSERT_THAT(c.Names(kRevisions), ElementsAre("app-r00001"));
  // The second revision comes while nobody serves, and its kind goes before it is compiled.
  replica.reset();
  json::Value revision = c.Get(kRevisions, "app-r00001");
  json::Object& metadata = revision.as_object()["metadata"].as_object();
  for (const char* key :
       {"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"}) {
    metadata.erase(key);
  }
  metadata["name"] = "app-r00002";
  revision.as_object().erase("status");
  revision.as_object()["spec"].as_object()["revision"] = 2;
  ASSERT_TRUE(*c.executor.Run(c.client.Create(kRevisions, "", revision, {}, {})));
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(2s);
  replica = c.Start(options);
  c.Advance(5s);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("app-r00001", "app-r00002"));
  EXPECT_EQ(c.State("app"), "Inactive");
  // Once it serves again, only the latest is kept.
  c.ApplyAndSettle(kTableCrd);
  c.Advance(2s);
  EXPECT_EQ(c.State("app"), "Active");
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("app-r00002"));
}

TEST_F(Rows, Row20_ASnapshotCannotBeEdited) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  auto reply = *c.executor.Run(
      c.client.Patch(kRevisions, {"", "web-r00001"}, kube::PatchType::kMerge,
                     json::ParseYamlDocument("spec: {revision: 9}")->value, {}, {}));
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message(), HasSubstr("spec is immutable"));
}

TEST_F(Rows, Row23_ADefinitionMadeAgainAtOnceIsServed) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.Delete(kRgds, "web");
  c.Advance(20ms);
  while (!c.Get(kRgds, "web").is_null()) c.Advance(1ms);
  c.Apply(kWeb);
  c.Advance(10s);
  EXPECT_EQ(c.State("web"), "Active");
  // Whether the old revisions were still there decides between starting over and going on.
  EXPECT_EQ(c.Names(kRevisions).size(), 1U);
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(Data("a-second"), "hi");
}

TEST_F(Rows, Row28Trap03_WhileAChangeIsRefusedInstancesAreServedByTheNewGraph) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  std::string breaking =
      Replace(kWeb, "text: string | default=\"hello\"", "text: string | required=true");
  breaking = Replace(breaking, "data: {text: \"${first.data.text}\"}",
                     "data: {text: \"${first.data.text}!\"}");
  c.ApplyAndSettle(breaking);
  EXPECT_THAT(c.ConditionOf("web", "KindReady"), HasSubstr("breaking changes detected"));
  c.Patch(kWebs, "a", "spec: {text: new}", "default");
  c.Advance(2s);
  EXPECT_EQ(Data("a-second"), "new!");
}

TEST_F(Rows, Row39Trap10_ADefinitionDeletedWhileNobodyServesItGoes) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica.reset();
  c.Delete(kRgds, "web");
  EXPECT_FALSE(c.Get(kRgds, "web").is_null());
  replica = c.Start();
  c.Advance(3s);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  EXPECT_FALSE(c.Get(kCrds, "webs.kro.run").is_null());
}

TEST_F(Rows, Row40And41_ARevisionThatDoesNotCompileAfterARestartHealsWithItsKind) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  ASSERT_EQ(StateOf(kApps, "a"), "ACTIVE");
  replica.reset();
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(2s);
  replica = c.Start();
  c.Advance(5s);
  EXPECT_THAT(c.Condition(c.Get(kRevisions, "app-r00001"), "GraphVerified"),
              StartsWith("False/InvalidGraph/failed to compile graph revision \"app-r00001\": "));
  for (const char* type : {"GraphRevisionsResolved", "GraphAccepted"}) {
    EXPECT_THAT(c.ConditionOf("app", type), HasSubstr("latest graph revision 1 failed compilation"))
        << type;
  }
  c.Advance(10min);
  c.ApplyAndSettle(kTableCrd);
  EXPECT_EQ(c.State("app"), "Active");
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
  EXPECT_FALSE(c.Get(kTables, "a", "default").is_null());
}

TEST_F(Rows, Row42_AStatusThatCannotBeWrittenIsTriedAgain) {
  auto replica = c.Start();
  int refused = 0;
  replica->transport.fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.method == "PATCH" &&
        request.target.find("graphrevisions/web-r00001/status") != std::string::npos &&
        refused++ == 0) {
      answer = Refusal(500, "InternalError", "etcd is away");
    }
    return answer;
  };
  c.ApplyAndSettle(kWeb);
  c.Advance(3s);
  EXPECT_GE(refused, 2);
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_THAT(c.Condition(c.Get(kRevisions, "web-r00001"), "GraphVerified"), StartsWith("True/"));
  const std::string metrics = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
  EXPECT_THAT(metrics, HasSubstr("graph_revision_activation_deferred_total 1"));
  // Compiled once: it was handed over (trap 1).
  EXPECT_THAT(metrics, HasSubstr("rgd_graph_build_total{name=\"web\"} 1"));
  EXPECT_THAT(metrics, Not(HasSubstr("graph_revision_compile_total{")));
}

TEST_F(Rows, Row43_AnInstanceMadeWhileNobodyServesIsPickedUpByTheFirstList) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica.reset();
  c.ApplyAndSettle(kInstance);
  replica = c.Start();
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

TEST_F(Rows, Row44_WhileTheLatestRevisionIsPendingInstancesSaySoAndFollowItLater) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  bool away = true;
  replica->transport.fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (away && request.method == "PATCH" &&
        request.target.find("graphrevisions/web-r00002/status") != std::string::npos) {
      answer = Refusal(500, "InternalError", "etcd is away");
    }
    return answer;
  };
  c.ApplyAndSettle(Replace(kWeb, "data: {text: \"${first.data.text}\"}",
                           "data: {text: \"${first.data.text}!\"}"));
  c.Patch(kWebs, "a", "spec: {text: new}", "default");
  c.Advance(15s);
  EXPECT_THAT(json::Serialize(c.Get(kWebs, "a", "default")),
              HasSubstr("latest issued graph revision 2 is pending"));
  EXPECT_EQ(Data("a-second"), "hi");
  EXPECT_LT(replica->transport.Count("PATCH", "web-r00002/status"), 10)
      << "it is tried again and again";
  EXPECT_THAT(
      AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body,
      HasSubstr(
          "instance_graph_resolution_pending_total{gvr=\"kro.run/v1alpha1, Resource=webs\"} "));
  away = false;
  c.Advance(30s);
  EXPECT_EQ(Data("a-second"), "new!");
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

TEST_F(Rows, Row45_AStatusEditedByHandIsPutRightWithoutTouchingChildren) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica->transport.requests.clear();
  auto patched = *c.executor.Run(c.client.Patch(
      kWebs, {"default", "a"}, kube::PatchType::kMerge,
      json::ParseYamlDocument("status: {state: BROKEN}")->value, {.subresource = "status"}, {}));
  ASSERT_TRUE(patched);
  c.Advance(5s);
  EXPECT_EQ(replica->transport.Count("PATCH", "configmaps"), 0);
  EXPECT_LE(replica->transport.Writes(), 1);
}

TEST_F(Rows, Row46_SuspendingAndResumingTakeOnePassEach) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica->transport.requests.clear();
  for (const char* value : {"Suspended", "null", "DISABLED", "null"}) {
    c.Patch(kWebs, "a", fmt::format("metadata: {{annotations: {{kro.run/reconcile: {}}}}}", value),
            "default");
    c.Advance(5s);
    const bool suspended = std::string_view(value) != "null";
    EXPECT_THAT(Message(kWebs, "a"),
                suspended ? HasSubstr("ReconciliationSuspended") : HasSubstr("AllResourcesReady"));
  }
  EXPECT_EQ(replica->transport.Writes(), 4);  // a status each
}

TEST_F(Rows, Row47_AnEditedSecretIsRevertedWithinSeconds) {
  auto replica = c.Start();
  std::string text = Replace(kWeb, "kind: ConfigMap", "kind: Secret");
  text = Replace(text, "data: {text: \"${schema.spec.text}\"}",
                 "stringData: {text: \"${schema.spec.text}\"}");
  c.ApplyAndSettle(Replace(text, "data: {text: \"${first.data.text}\"}",
                           "data: {text: \"${first.metadata.name}\"}"));
  ASSERT_EQ(c.State("web"), "Active") << c.ConditionOf("web", "GraphAccepted");
  c.ApplyAndSettle(kInstance);
  c.Patch(kSecrets, "a-first", "data: {text: Zm9yZWlnbg==}", "default");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kSecrets, "a-first", "default"), {"data", "text"}), "aGk=");
}

constexpr std::string_view kGathering = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string}}
  resources:
  - id: one
    externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: default}}
  - id: all
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata: {selector: {matchLabels: {of: web}}}
  - id: sum
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-sum"}
      data: {count: "${string(all.size())}", one: "${one.data.k}"}
)";

TEST_F(Rows, Row48And49_ExternalObjectsAreFollowed) {
  auto replica = c.Start();
  c.Apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: default}, data: {k: "
      "v1}}");
  c.ApplyAndSettle(kGathering);
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(Data("a-sum", "count"), "0");
  c.Patch(kConfigMaps, "one", "data: {k: v2}", "default");
  c.Apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: default, labels: {of: "
      "web}}}");
  c.Advance(500ms);
  EXPECT_EQ(Data("a-sum", "one"), "v2");
  EXPECT_EQ(Data("a-sum", "count"), "1");
  // One that loses the label is no member any more.
  c.Patch(kConfigMaps, "m", "metadata: {labels: {of: other}}", "default");
  c.Advance(500ms);
  EXPECT_EQ(Data("a-sum", "count"), "0");
}

TEST_F(Rows, Row50_WhatACollectionDroppedTriggersNothing) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kWeb, "  - id: second", R"(  - id: many
    forEach: [{entry: "${schema.spec.items}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${entry}"}
      data: {k: "${entry}"}
  - id: second)"));
  ASSERT_EQ(c.State("web"), "Active") << c.ConditionOf("web", "GraphAccepted");
  c.ApplyAndSettle(Replace(kInstance, "{text: hi}", "{text: hi, items: [p, q]}"));
  ASSERT_EQ(Data("a-q", "k"), "q");
  c.Patch(kWebs, "a", "spec: {items: [p]}", "default");
  c.Advance(2s);
  EXPECT_TRUE(c.Get(kConfigMaps, "a-q", "default").is_null());
  replica->transport.requests.clear();
  c.Apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: a-q, namespace: default}, data: {k: "
      "mine}}");
  c.Advance(1min);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

TEST_F(Rows, Row51And52Trap16_AConsumerAndAProducerDoNotEndEachOthersWatches) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const std::string pair = R"(
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
      metadata: {name: "${schema.metadata.name}-web"}
      spec: {text: "${schema.spec.text}"}
)";
  c.ApplyAndSettle(pair);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: Pair, metadata: {name: p, namespace: default}, spec: "
      "{text: one}}");
  ASSERT_EQ(Data("p-web-first"), "one");
  // The consumer goes; the producer goes on.
  c.Delete({"kro.run", "v1alpha1", "pairs"}, "p", "default");
  c.Delete(kRgds, "pair");
  c.Advance(90s);
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(Data("a-second"), "hi");
  // The producer goes; the consumer still sees its objects.
  c.ApplyAndSettle(pair);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: Pair, metadata: {name: q, namespace: default}, spec: "
      "{text: two}}");
  ASSERT_EQ(Data("q-web-first"), "two");
  c.Delete(kWebs, "a", "default");
  c.Delete(kRgds, "web");
  c.Advance(90s);
  c.Patch({"kro.run", "v1alpha1", "pairs"}, "q", "spec: {text: three}", "default");
  c.Advance(2s);
  EXPECT_EQ(json::FindString(c.Get(kWebs, "q-web", "default"), {"spec", "text"}), "three");
}

TEST_F(Rows, Row54_WhatThrowsIsTriedAgainAndStopsNobodyElse) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  int thrown = 0;
  replica->transport.fault =
      [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.target.find("configmaps/bad-first") != std::string::npos && thrown < 3) {
      ++thrown;
      throw std::runtime_error("boom");
    }
    return std::nullopt;
  };
  c.Apply(Replace(kInstance, "name: a,", "name: bad,"));
  c.ApplyAndSettle(kInstance);
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  c.Advance(30s);
  EXPECT_EQ(thrown, 3);
  EXPECT_EQ(StateOf(kWebs, "bad"), "ACTIVE");
  EXPECT_EQ(Counted(*replica,
                    "dynamic_controller_reconcile_panics_total{gvr=\"kro.run/v1alpha1/"
                    "webs\"}"),
            3);
}

TEST_F(Rows, Row54_APassThatThrowsIsCounted) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const auto count = [&] {
    std::vector<double> counted;
    for (const char* series :
         {"dynamic_controller_reconcile_panics_total{gvr=\"kro.run/v1alpha1/webs\"}",
          "dynamic_controller_handler_errors_total{gvr=\"kro.run/v1alpha1/webs\"}",
          "dynamic_controller_requeue_total{gvr=\"kro.run/v1alpha1/webs\",type=\"rate_limited\"}",
          "instance_reconcile_errors_total{gvr=\"kro.run/v1alpha1, Resource=webs\"}",
          "workqueue_retries_total{controller=\"dynamic-controller-queue\",name=\"dynamic-"
          "controller-queue\"}",
          "controller_runtime_reconcile_panics_total{controller=\"ResourceGraphDefinition\"}",
          "controller_runtime_reconcile_errors_total{controller=\"ResourceGraphDefinition\"}",
          "controller_runtime_reconcile_total{controller=\"ResourceGraphDefinition\",result="
          "\"error\"}"}) {
      counted.push_back(Counted(*replica, series));
    }
    return counted;
  };
  EXPECT_THAT(count(), Each(0));
  std::set<std::string> thrown;
  replica->transport.fault =
      [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    for (const char* part : {"/webs/a", "/resourcegraphdefinitions/other"}) {
      if (request.method == "PATCH" && request.target.find(part) != std::string::npos &&
          thrown.insert(part).second) {
        throw std::runtime_error("boom");
      }
    }
    return std::nullopt;
  };
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(
      Replace(Replace(kWeb, "{name: web}", "{name: other}"), "kind: Web", "kind: Other"));
  EXPECT_EQ(thrown.size(), 2U);
  EXPECT_THAT(count(), Each(1));
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  EXPECT_EQ(c.State("other"), "Active");
}

TEST_F(Rows, Row55Trap12_NothingIsEverDropped) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  bool away = true;
  replica->transport.fault = DeniesFirstWhile(away);
  c.ApplyAndSettle(kInstance);
  c.Advance(4h);
  const int tries = replica->transport.Count("PATCH", "configmaps/a-first");
  EXPECT_GT(tries, 40);
  EXPECT_LT(tries, 80);
  // It says when it will be tried again.
  EXPECT_THAT(Message(kWebs, "a"), HasSubstr("is tried again at "));
  away = false;
  c.Advance(6min);
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

TEST_F(Rows, Row56_ManyMissingNamespacesTakeFewWatches) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kWeb, "metadata: {name: \"${schema.metadata.name}-second\"}",
                           "metadata: {name: \"${schema.metadata.name}-second\", namespace: "
                           "\"of-${schema.metadata.name}\"}"));
  for (int i = 0; i < 60; ++i) {
    c.Apply(Replace(kInstance, "name: a,", fmt::format("name: a{},", i)));
  }
  c.Advance(5s);
  const auto watches = [&] {
    return std::ranges::count_if(replica->transport.streams, [](const http::Request& request) {
      return request.target.starts_with("/api/v1/namespaces?");
    });
  };
  EXPECT_LE(watches(), 16 + 1);
  EXPECT_GT(watches(), 16);
  // Each is still waited for, and its appearance concerns nobody else.
  replica->transport.requests.clear();
  for (const char* name : {"a2", "a59"}) {
    c.Apply(fmt::format("{{apiVersion: v1, kind: Namespace, metadata: {{name: of-{}}}}}", name));
    c.Advance(1s);
    EXPECT_EQ(StateOf(kWebs, name), "ACTIVE");
  }
  EXPECT_NE(StateOf(kWebs, "a58"), "ACTIVE");
  EXPECT_EQ(watches(), 17);
}

TEST_F(Rows, Row56Trap13_AMissingNamespaceIsWaitedForAndItsAppearanceNoticedAtOnce) {
  auto replica = c.Start();
  c.ApplyAndSettle(
      Replace(kWeb, "metadata: {name: \"${schema.metadata.name}-second\"}",
              "metadata: {name: \"${schema.metadata.name}-second\", namespace: later}"));
  c.ApplyAndSettle(kInstance);
  EXPECT_THAT(Message(kWebs, "a"), HasSubstr("namespaces \"later\" not found"));
  c.Advance(1h);  // the back-off has grown
  c.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: later}}");
  c.Advance(500ms);
  EXPECT_EQ(json::FindString(c.Get(kConfigMaps, "a-second", "later"), {"data", "text"}), "hi");
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

TEST_F(Rows, Row59_AnApiServerThatIsAwayForLongIsOutlived) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  replica->transport.cut = true;
  c.server.EndWatches(apiserver::Server::WatchEnd::kBroken);
  c.Apply(Replace(kWeb, "default=\"hello\"", "default=\"bye\""));
  c.Apply(kInstance);
  c.Advance(10min);
  replica->transport.cut = false;
  c.Advance(35s);  // the longest pause of a watch
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001", "web-r00002"));
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

TEST_F(Rows, Row61_TwoThatBothLeadDoNoHarm) {
  auto one = c.Start();
  auto two = c.Start();
  for (int i = 0; i < 5; ++i) {
    c.ApplyAndSettle(Replace(kWeb, "default=\"hello\"", fmt::format("default=\"text-{}\"", i)));
  }
  c.ApplyAndSettle(kInstance);
  c.Advance(10s);
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  EXPECT_EQ(c.Integer(c.Get(kRgds, "web"), {"status", "lastIssuedRevision"}), 5);
  const int before = one->transport.Writes() + two->transport.Writes();
  c.Advance(10min);
  EXPECT_EQ(one->transport.Writes() + two->transport.Writes(), before)
      << "they undo each other's work";
}

TEST_F(Rows, Row63Trap17_AKindThatMayNotBeReadStopsItsOwnNodesOnly) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  bool forbidden = true;
  replica->transport.refuse_watch = [&](const http::Request& request) {
    return forbidden && request.target.find("/tables") != std::string::npos;
  };
  replica->transport.fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (forbidden && request.target.find("/tables") != std::string::npos) {
      answer = Refusal(403, "Forbidden", "tables.ex.io is forbidden: User \"kro\" cannot list");
    }
    return answer;
  };
  c.ApplyAndSettle(Replace(kTableUser, "  resources:\n", R"(  resources:
  - id: other
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-other"}
      data: {k: v}
)"));
  c.ApplyAndSettle(kWeb);
  c.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  c.Apply(Replace(kInstance, "name: a,", "name: w,"));
  c.Advance(1s);
  // Another definition's instance is not held up.
  EXPECT_EQ(StateOf(kWebs, "w"), "ACTIVE");
  c.Advance(10s);
  EXPECT_EQ(Data("a-other", "k"), "v");
  EXPECT_THAT(Message(kApps, "a"), HasSubstr("tables.ex.io is forbidden"));
  replica->transport.requests.clear();
  c.Advance(10min);
  EXPECT_LT(replica->transport.requests.size(), 600U);
  forbidden = false;
  c.Advance(2min);
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
}

TEST_F(Rows, Row64_AnEditOfACrowdedDefinitionDoesNotDelayAnother) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(
      Replace(Replace(kWeb, "name: web}", "name: small}"), "kind: Web\n", "kind: Small\n"));
  std::string crowd;
  for (int i = 0; i < 300; ++i) {
    crowd += Replace(kInstance, "name: a,", fmt::format("name: i{},", i)) + "---\n";
  }
  c.ApplyAndSettle(crowd);
  c.Advance(10s);
  c.Apply(Replace(kWeb, "data: {text: \"${first.data.text}\"}",
                  "data: {text: \"${first.data.text}!\"}"));
  c.Advance(30ms);
  c.Apply(Replace(Replace(kInstance, "kind: Web", "kind: Small"), "name: a,", "name: s,"));
  c.Advance(300ms);
  EXPECT_EQ(Data("s-second"), "hi");
  c.Advance(30s);
  EXPECT_EQ(Data("i299-second"), "hi!");
}

TEST_F(Rows, Row67Trap09_WhatADefinitionIsCalledCannotBeEdited) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  for (const char* patch :
       {"{kind: Other}", "{apiVersion: v2}", "{group: x.io}", "{scope: Cluster}"}) {
    auto reply = *c.executor.Run(c.client.Patch(
        kRgds, {"", "web"}, kube::PatchType::kMerge,
        json::ParseYamlDocument(fmt::format("spec: {{schema: {}}}", patch))->value, {}, {}));
    ASSERT_FALSE(reply) << patch;
    EXPECT_THAT(reply.error().message(), HasSubstr("is immutable")) << patch;
  }
}

TEST_F(Rows, Row68_AForeignRevisionThatDiffersIsFollowedByANewOne) {
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
  json::Object& spec = revision.as_object()["spec"].as_object();
  spec["revision"] = 7;
  spec["snapshot"]
      .as_object()["spec"]
      .as_object()["schema"]
      .as_object()["spec"]
      .as_object()["text"] = "string | default=\"foreign\"";
  ASSERT_TRUE(*c.executor.Run(c.client.Create(kRevisions, "", revision, {}, {})));
  c.Advance(5s);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("web-r00001", "web-r00007", "web-r00008"));
  EXPECT_EQ(c.ConditionOf("web", "GraphRevisionsResolved"),
            "True/Resolved/revision 8 compiled and active");
  EXPECT_THAT(json::Serialize(c.Get(kCrds, "webs.kro.run")), HasSubstr("hello"));
}

TEST_F(Rows, Row69_ConsentThatStaysCoversEveryLaterChange) {
  auto replica = c.Start();
  std::string text = Replace(kWeb, "name: web}",
                             "name: web, annotations: {kro.run/allow-breaking-changes: 'true'}}");
  c.ApplyAndSettle(text);
  text = Replace(text, "items: \"[]string\"", "other: string");
  c.ApplyAndSettle(text);
  EXPECT_EQ(c.State("web"), "Active");
  c.ApplyAndSettle(Replace(text, "other: string", "other: integer"));
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_TRUE(replica->sink.Has("breaking"));
}

TEST_F(Rows, Row70_AHotInstanceIsInOneWorkersHandsAndItsEventsCollapse) {
  OperatorOptions options;
  options.settings.instance_workers = 10;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica->transport.requests.clear();
  replica->transport.most_at_once = 0;
  // A hundred changes of it and of its child, faster than a pass.
  for (int i = 0; i < 50; ++i) {
    c.Patch(kWebs, "a", fmt::format("spec: {{text: text-{}}}", i), "default");
    c.Patch(kConfigMaps, "a-first", "data: {text: drift}", "default");
  }
  c.Advance(5s);
  EXPECT_EQ(Data("a-second"), "text-49");
  // Children depend on each other, so two writes at once would be those of two workers.
  EXPECT_EQ(replica->transport.most_at_once, 1);
  EXPECT_LE(replica->transport.Count("PATCH", "configmaps/a-second"), 50);
  replica->transport.requests.clear();
  c.Advance(1min);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

TEST_F(Rows, Row78_TooManyDimensionsAreRefusedLongListsAreNot) {
  OperatorOptions options;
  options.settings.max_dimensions = 1;
  auto replica = c.Start(options);
  const std::string many = R"(  - id: many
    forEach: [{entry: "${schema.spec.items}"}, {other: "${schema.spec.items}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${entry}-${other}"}
  - id: second)";
  c.ApplyAndSettle(Replace(kWeb, "  - id: second", many));
  EXPECT_THAT(c.ConditionOf("web", "GraphAccepted"), StartsWith("False/InvalidResourceGraph/"));
  EXPECT_THAT(c.Names(kRevisions), IsEmpty());
  c.ApplyAndSettle(
      Replace(kWeb, "  - id: second",
              Replace(Replace(many, ", {other: \"${schema.spec.items}\"}", ""), "-${other}", "")));
  ASSERT_EQ(c.State("web"), "Active") << c.ConditionOf("web", "GraphAccepted");
  c.ApplyAndSettle(
      Replace(kInstance, "{text: hi}", "{text: hi, items: [a, b, c, d, e, f, g, h, i, j, k, l]}"));
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

// --- kinds that change ----------------------------------------------------------------------------

TEST_F(Rows, AKindThatChangesIsCompiledAgain) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  const auto builds = [&] {
    const std::string text = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
    const std::size_t at = text.find("rgd_graph_build_total{name=\"app\"} ");
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + 34));
  };
  EXPECT_EQ(builds(), 1);
  replica->transport.requests.clear();

  // What is no change of the schema costs nothing.
  c.Patch(kCrds, "tables.ex.io", "metadata: {labels: {a: b}}");
  c.Advance(2s);
  EXPECT_EQ(builds(), 1);

  // The same revision is compiled once more, and what it made is not written again.
  c.ApplyAndSettle(
      Replace(kTableCrd, "{url: {type: string}}", "{url: {type: string}, port: {type: integer}}"));
  EXPECT_EQ(builds(), 2);
  EXPECT_EQ(replica->transport.Writes(), 0);
  EXPECT_THAT(c.Names(kRevisions), ElementsAre("app-r00001"));
  EXPECT_EQ(c.State("app"), "Active");

  // A template that does not fit any more is said, and what stood goes on.
  c.ApplyAndSettle(Replace(kTableCrd, "text: {type: string}", "text: {type: integer}"));
  EXPECT_THAT(c.ConditionOf("app", "GraphAccepted"), StartsWith("False/InvalidResourceGraph/"));
  EXPECT_EQ(c.State("app"), "Inactive");
  EXPECT_THAT(c.ConditionOf("app", "ControllerReady"), StartsWith("True/"));
  c.Advance(1h);
  EXPECT_LE(builds(), 4) << "only a change makes another try";

  c.ApplyAndSettle(kTableCrd);
  EXPECT_EQ(c.State("app"), "Active");
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
}

TEST_F(Rows, Row53_AKindThatGoesAndComesBackIsServedAgain) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  c.ApplyAndSettle(kWeb);
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(10min);
  EXPECT_EQ(c.State("app"), "Active") << "it goes on with what is known of the kind";
  // Instance spec row 18.
  EXPECT_EQ(StateOf(kApps, "a"), "IN_PROGRESS");
  EXPECT_THAT(
      c.Get(kApps, "a", "default"),
      testing::ResultOf([](const auto& app) { return json::Serialize(app); },
                        HasSubstr("resource reconciliation failed: project failed: RESTMapping "
                                  "failed for ex.io/v1, Kind=Table: no matches for kind")));
  // That its watch cannot be opened holds up nobody else.
  c.Apply(kInstance);
  c.Advance(1s);
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  c.ApplyAndSettle(kTableCrd);
  EXPECT_EQ(c.State("app"), "Active");
  c.Advance(2s);
  EXPECT_FALSE(c.Get(kTables, "a", "default").is_null());
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
}

TEST_F(Rows, InstanceRow17_FieldsThatNoSchemaKnowsAreApplied) {
  auto replica = c.Start();
  c.ApplyAndSettle(Replace(kTableCrd, "spec: {type: object,",
                           "spec: {type: object, x-kubernetes-preserve-unknown-fields: true,"));
  c.ApplyAndSettle(Replace(kTableUser, R"(spec: {text: "${schema.spec.text}"})",
                           R"(spec: {text: x, free: {deep: ["${schema.spec.text}"], number: 3}})"));
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: hi}}");
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
  const json::Value table = c.Get(kTables, "a", "default");
  EXPECT_EQ(json::Serialize(*json::Find(table, {"spec", "free"})), R"({"deep":["hi"],"number":3})");
  // An unknown field is a field like any other: nothing is written again for it.
  replica->transport.requests.clear();
  c.Advance(10min);
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
  EXPECT_EQ(c.Get(kTables, "a", "default"), table);
}

TEST_F(Rows, InstanceRow100a_APlainReapplyShowsNoOtherState) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  ASSERT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  c.Apply(Replace(kWeb, R"(data: {text: "${first.data.text}"})",
                  R"(data: {text: "${first.data.text} v2"})"));
  for (int i = 0; i < 10'000 && Data("a-second") != "hi v2"; ++i) {
    c.Advance(1ms);
    ASSERT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  }
  EXPECT_EQ(Data("a-second"), "hi v2");
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

// Of a kind that is not served any more nothing can be left.
TEST_F(Rows, AnInstanceWhoseKindsAreGoneCanBeDeleted) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  ASSERT_EQ(StateOf(kApps, "a"), "ACTIVE");
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(1min);
  c.Delete(kApps, "a", "default");
  c.Advance(30s);
  EXPECT_TRUE(c.Get(kApps, "a", "default").is_null());
}

TEST_F(Rows, AKindThatComesBackWithAnotherSchemaIsCompiledAgain) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kTableUser);
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(5s);
  c.ApplyAndSettle(Replace(kTableCrd, "text: {type: string}", "text: {type: integer}"));
  EXPECT_THAT(c.ConditionOf("app", "GraphAccepted"),
              AllOf(StartsWith("False/InvalidResourceGraph/"), HasSubstr("convert it: int(…)")));
  EXPECT_EQ(c.State("app"), "Inactive");

  // The rest of the cluster does not notice.
  EXPECT_EQ(c.State("web"), "Active");
  replica->transport.requests.clear();
  c.Patch(kWebs, "a", "spec: {text: still}", "default");
  c.Advance(2s);
  EXPECT_EQ(Data("a-first"), "still");

  c.ApplyAndSettle(kTableCrd);
  EXPECT_EQ(c.State("app"), "Active");
  c.Advance(5min);
  EXPECT_FALSE(c.Get(kTables, "a", "default").is_null());
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
}

// --- what is waited for ---------------------------------------------------------------------------

TEST_F(Rows, AWaitThatLastsSaysForWhatSinceWhenAndWhatWasSeen) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(std::string(kTableUser) + R"(    readyWhen: ["${table.status.url == 'up'}"]
  - id: after
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-after"}
      data: {url: "${table.status.url}"}
)");
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  const std::string first = Message(kApps, "a");
  EXPECT_THAT(first, Not(HasSubstr(" since ")));
  c.Advance(25s);
  const std::string told = Message(kApps, "a");
  EXPECT_THAT(told, StartsWith(first));
  EXPECT_THAT(told, HasSubstr("; node \"table\" waits for tables.ex.io default/a since "));
  EXPECT_THAT(told, HasSubstr("table.status.url == 'up', table.status.url is absent"));
  EXPECT_THAT(told, HasSubstr("; node \"after\" waits for tables.ex.io default/a since "));

  // It costs no further write, and a restart does not forget since when.
  replica->transport.requests.clear();
  c.Advance(10min);
  EXPECT_EQ(replica->transport.Writes(), 0);
  replica.reset();
  replica = c.Start();
  c.Advance(1min);
  EXPECT_EQ(Message(kApps, "a"), told);
  EXPECT_EQ(replica->transport.Writes(), 0);

  auto patched = *c.executor.Run(c.client.Patch(kTables, {"default", "a"}, kube::PatchType::kMerge,
                                                json::ParseYamlDocument("status: {url: up}")->value,
                                                {.subresource = "status"}, {}));
  ASSERT_TRUE(patched);
  c.Advance(2s);
  EXPECT_EQ(StateOf(kApps, "a"), "ACTIVE");
  EXPECT_EQ(Message(kApps, "a"), "True/AllResourcesReady/all resources are created and ready");
}

// What another controller does to the second child whenever kro has put it right.
struct Strike {
  std::string_view about;
  std::string_view told;   // of the fight
  std::string_view patch;  // a merge patch; empty: it deletes the child
  bool (*is_right)(const json::Value& child);
};

void PrintTo(const Strike& strike, std::ostream* out) { *out << strike.about; }

class Fight : public Rows, public testing::WithParamInterface<Strike> {
 protected:
  // Strikes once a second if there is a reason; says how often the instance was seen ACTIVE.
  int FightFor(Duration length) {
    const kube::ObjectKey key{"default", "a-second"};
    int active = 0;
    for (Duration fought{}; fought < length; fought += 1s) {
      const json::Value child = c.Get(kConfigMaps, key.name, key.name_space);
      if (!child.is_null() && GetParam().is_right(child)) {
        if (GetParam().patch.empty()) {
          EXPECT_TRUE(c.executor.Run(c.client.Delete(kConfigMaps, key, {}, {})).value());
        } else {
          EXPECT_TRUE(c.executor
                          .Run(c.client.Patch(kConfigMaps, key, kube::PatchType::kMerge,
                                              json::ParseYamlDocument(GetParam().patch)->value,
                                              {.field_manager = "autoscaler"}, {}))
                          .value());
        }
      }
      c.Advance(1s);
      active += StateOf(kWebs, "a") == "ACTIVE";
    }
    return active;
  }
};

std::string_view HashOf(const json::Value& child) {
  return json::FindString(child, {"metadata", "annotations", "internal.kro.run/desired-hash"});
}

TEST_P(Fight, SettlesIntoAConditionThatStaysAndFewWrites) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  FightFor(3min);
  const std::string told = Message(kWebs, "a");
  EXPECT_THAT(told, HasSubstr(GetParam().told));
  replica->transport.requests.clear();
  EXPECT_EQ(FightFor(5min), 0) << "nobody who waits for ACTIVE is told so in between";
  EXPECT_GE(replica->transport.Count("PATCH", "configmaps/a-second"), 40);
  EXPECT_LE(replica->transport.Count("PATCH", "configmaps/a-second"), 55);
  EXPECT_LE(replica->transport.Writes(), 60);
  EXPECT_EQ(Message(kWebs, "a"), told);
  // When the other one rests, so does this.
  c.Advance(2min);
  EXPECT_EQ(Data("a-second"), "hi");
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  replica->transport.requests.clear();
  c.Advance(10min);
  EXPECT_EQ(replica->transport.Writes(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, Fight,
    testing::Values(
        Strike{"AField",
               "another field manager keeps taking fields of configmaps default/a-second: "
               ".data.text (autoscaler)",
               "data: {text: theirs}",
               [](const json::Value& child) {
                 return json::FindString(child, {"data", "text"}) != "theirs";
               }},
        Strike{"ALabel",
               "another field manager keeps taking fields of configmaps default/a-second: "
               ".metadata.labels",
               "metadata: {labels: {app.kubernetes.io/managed-by: theirs}}",
               [](const json::Value& child) {
                 return json::FindString(child, {"metadata", "labels",
                                                 "app.kubernetes.io/managed-by"}) != "theirs";
               }},
        Strike{"AHashThatIsTaken",
               "another field manager keeps taking fields of configmaps default/a-second: "
               ".metadata.annotations",
               "metadata: {annotations: {internal.kro.run/desired-hash: null}}",
               [](const json::Value& child) { return !HashOf(child).empty(); }},
        Strike{"AHashThatIsReplaced",
               "another field manager keeps taking fields of configmaps default/a-second: "
               ".metadata.annotations",
               "metadata: {annotations: {internal.kro.run/desired-hash: theirs}}",
               [](const json::Value& child) { return HashOf(child) != "theirs"; }},
        Strike{"Ownership", "somebody keeps deleting configmaps default/a-second",
               "metadata: {labels: {kro.run/owned: null}}",
               [](const json::Value& child) {
                 return !json::FindString(child, {"metadata", "labels", "kro.run/owned"}).empty();
               }},
        Strike{"Existence", "somebody keeps deleting configmaps default/a-second", "",
               [](const json::Value&) { return true; }}),
    [](const auto& tested) { return std::string(tested.param.about); });

TEST_F(Rows, Row55_WhatFailsMoreOftenThanMayBeWaitsForAnEvent) {
  OperatorOptions options;
  options.settings.queue_max_retries = 3;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  bool away = true;
  replica->transport.fault = DeniesFirstWhile(away);
  c.ApplyAndSettle(kInstance);
  c.Advance(4h);
  EXPECT_LE(replica->transport.Count("PATCH", "configmaps/a-first"), 6);
  away = false;
  c.Advance(1h);
  EXPECT_NE(StateOf(kWebs, "a"), "ACTIVE");
  c.Patch(kWebs, "a", "spec: {text: again}", "default");
  c.Advance(5s);
  EXPECT_EQ(Data("a-second"), "again");
}

// --- traps ----------------------------------------------------------------------------------------

TEST_F(Rows, Trap02_ALatestRevisionThatFailsHaltsItsInstancesAndTheySaySo) {
  auto replica = c.Start();
  c.ApplyAndSettle(kTableCrd);
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(Replace(kWeb, "  - id: second", R"(  - id: table
    template:
      apiVersion: ex.io/v1
      kind: Table
      metadata: {name: "${schema.metadata.name}"}
      spec: {text: "${schema.spec.text}"}
  - id: second)"));
  ASSERT_EQ(StateOf(kWebs, "a"), "ACTIVE");
  replica.reset();
  c.Delete(kCrds, "tables.ex.io");
  c.Advance(2s);
  replica = c.Start();
  c.Patch(kWebs, "a", "spec: {text: new}", "default");
  c.Advance(1min);
  // The first revision would compile, and is not what the author wants any more.
  EXPECT_EQ(Data("a-first"), "hi");
  EXPECT_THAT(c.ConditionOf("web", "GraphRevisionsResolved"), StartsWith("False/Failed/"));
  c.ApplyAndSettle(kTableCrd);
  c.Advance(5s);
  EXPECT_EQ(Data("a-first"), "new");
}

TEST_F(Rows, Trap04_WaitsKeepTheOrderThatWasPublished) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const auto order = [&] {
    const json::Value rgd = c.Get(kRgds, "web");
    const json::Value* found = json::Find(rgd, {"status", "topologicalOrder"});
    return found == nullptr ? std::string() : json::Serialize(*found);
  };
  ASSERT_EQ(order(), R"(["first","second"])");
  replica->transport.fault = [](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.method != "GET" && request.target.find("graphrevisions") != std::string::npos) {
      answer = Refusal(500, "InternalError", "etcd is away");
    }
    return answer;
  };
  c.Delete(kRevisions, "web-r00001");  // waits for its finalizer, and its definition for it
  c.Advance(10s);
  EXPECT_THAT(c.ConditionOf("web", "GraphRevisionsResolved"), StartsWith("Unknown/"));
  EXPECT_EQ(order(), R"(["first","second"])");
  replica->transport.fault = nullptr;
  c.Advance(2min);
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_EQ(order(), R"(["first","second"])");
}

TEST_F(Rows, Trap15And19_AnInstanceThatVanishesLeavesNothingBehind) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  const auto watched = [&] {
    const std::string text = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
    const std::string name =
        "dynamic_controller_instance_watch_count{parent_gvr=\"kro.run/v1alpha1, Resource=webs\"} ";
    const std::size_t at = text.find(name);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + name.size()));
  };
  ASSERT_EQ(watched(), 1);
  // Its finalizer is torn off and it is deleted while nobody watches: no event ever tells of it.
  c.server.EndWatches(apiserver::Server::WatchEnd::kBroken);
  c.Patch(kWebs, "a", "metadata: {finalizers: null}", "default");
  c.Delete(kWebs, "a", "default");
  c.server.CompactHistory();
  c.Advance(2min);
  EXPECT_EQ(watched(), 0);
  replica->transport.requests.clear();
  c.Advance(1h);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
}

TEST_F(Rows, Trap31And33_RevisionsAreFoundByTheirLabelAndKeepTheirHash) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  auto found = *c.executor.Run(c.client.List(
      kRevisions, "", {.label_selector = "kro.run/resource-graph-definition-name=web"}, {}));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->items.size(), 1U);
  // If this changes, an upgrade issues a new revision of every definition there is.
  EXPECT_EQ(
      json::FindString(found->items[0], {"metadata", "labels", "kro.run/graph-revision-hash"}),
      "e3eef5c6c89d44e7");
}

TEST_F(Rows, Trap05_AKindWhoseNamesAreNotAcceptedIsNotReady) {
  auto replica = c.Start();
  c.Apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: others.kro.run}
spec:
  group: kro.run
  scope: Namespaced
  names: {plural: others, singular: other, kind: Web, listKind: OtherList}
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
)");
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(c.State("web"), "Inactive");
  c.Delete(kCrds, "others.kro.run");
  c.Advance(5s);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Rows, Trap06_AnErrorAtDeletionIsNotTakenForDone) {
  OperatorOptions options;
  options.settings.allow_crd_deletion = true;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  bool away = true;
  replica->transport.fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (away && request.method == "DELETE" &&
        request.target.find("customresourcedefinitions") != std::string::npos) {
      answer = Refusal(500, "InternalError", "etcd is away");
    }
    return answer;
  };
  c.Delete(kRgds, "web");
  c.Advance(10s);
  EXPECT_FALSE(c.Get(kRgds, "web").is_null());
  away = false;
  c.Advance(1min);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  EXPECT_TRUE(c.Get(kCrds, "webs.kro.run").is_null());
}

TEST_F(Rows, Trap07_FinalizersOfOthersAreKept) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.Patch(kRgds, "web", "metadata: {finalizers: [kro.run/finalizer, ex.io/mine]}");
  c.Delete(kRgds, "web");
  c.Advance(3s);
  EXPECT_EQ(json::Serialize(*json::Find(c.Get(kRgds, "web"), {"metadata", "finalizers"})),
            R"(["ex.io/mine"])");
}

TEST_F(Rows, Trap14_ASuspendedInstanceIsStillWatchedWhenItResumes) {
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.Patch(kWebs, "a", "metadata: {annotations: {kro.run/reconcile: suspended}}", "default");
  c.Advance(2min);
  c.Patch(kConfigMaps, "a-first", "data: {text: drift}", "default");
  c.Advance(5s);
  EXPECT_EQ(Data("a-first"), "drift");
  c.Patch(kWebs, "a", "metadata: {annotations: {kro.run/reconcile: null}}", "default");
  c.Advance(2s);
  EXPECT_EQ(Data("a-first"), "hi");
  c.Patch(kConfigMaps, "a-first", "data: {text: drift}", "default");
  c.Advance(2s);
  EXPECT_EQ(Data("a-first"), "hi");
}

TEST_F(Rows, Trap20_AnIntervalOfZeroIsNoHotLoop) {
  OperatorOptions options;
  options.settings.instance_requeue_interval = Duration::zero();
  options.settings.rgd_progress_requeue_delay = Duration::zero();
  auto replica = c.Start(options);
  c.ApplyAndSettle(kGathering);
  c.ApplyAndSettle(kInstance);  // waits for an object
  c.Advance(1min);
  replica->transport.requests.clear();
  const std::string before = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
  c.Advance(1h);
  EXPECT_THAT(replica->transport.requests, IsEmpty());
  const auto looks = [](const std::string& text) {
    const std::size_t at = text.find("dynamic_controller_reconcile_total{");
    return std::stoi(text.substr(text.find("} ", at) + 2));
  };
  EXPECT_EQ(looks(AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body),
            looks(before));
}

TEST_F(Rows, Trap21_TheLengthOfTheQueueIsThatOfNow) {
  OperatorOptions options;
  options.settings.instance_workers = 1;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  std::string crowd;
  for (int i = 0; i < 20; ++i)
    crowd += Replace(kInstance, "name: a,", fmt::format("name: i{},", i)) + "---\n";
  c.Apply(crowd);
  const auto depth = [&] {
    const std::string text = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
    const std::size_t at = text.find("\ndynamic_controller_queue_length ");
    return std::stoi(text.substr(at + 33));
  };
  EXPECT_GT(depth(), 0);
  c.Advance(1min);
  EXPECT_EQ(depth(), 0);
}

TEST_F(Rows, ABrokenAggregatedApiConcernsOnlyWhoUsesIt) {
  auto replica = c.Start();
  replica->transport.fault = [](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.target.find("metrics.k8s.io") != std::string::npos) {
      answer = Refusal(503, "ServiceUnavailable",
                       "the server is currently unable to handle the request");
    }
    return answer;
  };
  c.ApplyAndSettle(Replace(Replace(kTableUser, "ex.io/v1", "metrics.k8s.io/v1beta1"), "kind: Table",
                           "kind: PodMetrics"));
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_NE(c.State("app"), "Active");
}

TEST_F(Rows, ForeignObjectsOfAKindCostNoMemory) {
  // A hundred thousand config maps of others, as a cluster has them.
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  for (const http::Request& stream : replica->transport.streams) {
    if (stream.target.find("configmaps") == std::string::npos) continue;
    EXPECT_THAT(stream.target, HasSubstr("labelSelector=kro.run%2Fowned%3Dtrue"));
  }
  json::Value object = json::ParseYamlDocument(
                           "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {k: v}}")
                           ->value;
  for (int i = 0; i < 2000; ++i) {
    object.as_object()["metadata"].as_object()["name"] = fmt::format("foreign-{}", i);
    ASSERT_TRUE(*c.executor.Run(c.client.Create(kConfigMaps, "default", object, {}, {})));
  }
  replica.reset();
  replica = c.Start();
  EXPECT_EQ(Counted(*replica, "kro_store_objects{gvr=\"/v1, Resource=configmaps\",part=\"owned\"}"),
            2);
  EXPECT_EQ(StateOf(kWebs, "a"), "ACTIVE");
}

}  // namespace
}  // namespace kro::operator_
