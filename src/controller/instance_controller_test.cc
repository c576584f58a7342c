// Whole behaviours of the instance controller, against the API server in memory, in simulated time.
#include "controller/instance_controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/constants.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/simulated_executor.h"
#include "controller/instance_world_test_util.h"

namespace kro::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const api::Gvr kChains{"kro.run", "v1alpha1", "chains"};
const api::Gvr kApps{"kro.run", "v1alpha1", "apps"};
const api::Gvr kSecrets{"", "v1", "secrets"};

struct SimulatedWorld {
  explicit SimulatedWorld(std::uint64_t seed = 0)
      : sim(seed),
        server(sim.clock(), apiserver::IdSource(seed + 1),
               {.controllers = apiserver::Controllers::kEssential}),
        transport(server, sim),
        world({.executor = sim,
               .run = [this](async::Task<void> task) { sim.Run(std::move(task)); },
               .moment = [this] { sim.Advance(10ms); },
               .patience = 12000},
              transport) {}

  async::SimulatedExecutor sim;
  apiserver::Server server;
  apiserver::LocalTransport transport;
  InstanceWorld world;
};

struct InstanceControllerTest : testing::Test {
  SimulatedWorld simulated;
  async::SimulatedExecutor& sim = simulated.sim;
  InstanceWorld& world = simulated.world;

  // The text of a condition.
  std::string Message(const api::Gvr& gvr, std::string_view name,
                      std::string_view condition = "ResourcesReady") {
    return std::string(json::FindString(
        InstanceWorld::Condition(world.Get(gvr, "default", name), condition), {"message"}));
  }
  std::string Text(const api::Gvr& gvr, std::string_view name,
                   std::initializer_list<std::string_view> path) {
    return std::string(json::FindString(world.Get(gvr, "default", name), path));
  }
  bool Exists(const api::Gvr& gvr, std::string_view name) {
    return !world.Get(gvr, "default", name).is_null();
  }
  std::string Kinds(const api::Gvr& gvr, std::string_view name) {
    return Text(gvr, name,
                {"metadata", "annotations", "applyset.kubernetes.io/contains-group-kinds"});
  }
  // Lets it run, then says what was asked.
  std::vector<std::string>& CallsDuring(Duration duration) {
    world.ResetCalls();
    sim.Advance(duration);
    return world.calls().requests;
  }
};

// Three links and one that stands alone.
std::string ChainOfConfigMaps() {
  return R"(
schema:
  apiVersion: v1alpha1
  kind: Chain
  spec: {text: string | default=one, other: string | default=x}
  status:
    last: ${last.data.copy}
resources:
- id: last
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-last"}
    data: {copy: "${middle.data.copy}"}
- id: middle
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-middle"}
    data: {copy: "${first.data.text}"}
- id: first
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-first"}
    data: {text: "${schema.spec.text}"}
- id: free
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-free"}
    data: {other: "${schema.spec.other}"}
)";
}

constexpr std::string_view kChainInstance =
    "{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {name: c, namespace: default}}";
constexpr std::string_view kAppInstance =
    "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}}";

// --- how many requests --------------------------------------------------------------------------

TEST_F(InstanceControllerTest, BringsAnInstanceUpInOneRequestAChildAndTwoMore) {
  world.Define("chain", ChainOfConfigMaps());
  world.ResetCalls();
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  EXPECT_EQ(world.calls().requests.size(), 4u + 2u)
      << testing::PrintToString(world.calls().requests);
  EXPECT_EQ(Text(kChains, "c", {"status", "last"}), "one");
}

// By default a server reads what is written a second time, to warn of what an apply refuses anyway.
TEST_F(InstanceControllerTest, NoWriteHasTheServerCheckItsFieldsTwice) {
  world.Define("chain", ChainOfConfigMaps());
  int writes = 0;
  int unchecked = 0;
  world.calls().fault = [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.method == "PATCH") {
      ++writes;
      if (request.target.find("fieldValidation=Ignore") != std::string::npos) ++unchecked;
    }
    return std::nullopt;
  };
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  EXPECT_EQ(writes, 4 + 2);
  EXPECT_EQ(unchecked, writes);
}

TEST_F(InstanceControllerTest, AsksNothingAtRest) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  EXPECT_THAT(CallsDuring(10min), ElementsAre());
}

TEST_F(InstanceControllerTest, AsksNothingMoreAfterARestart) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.StopController();
  world.StartController();
  sim.Advance(10s);
  EXPECT_THAT(world.calls().requests, ElementsAre());
}

TEST_F(InstanceControllerTest, AnEditThatChangesOneChildTakesTwoRequests) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{spec: {other: z}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "c-free", {"data", "other"}, "z"));
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  EXPECT_THAT(world.calls().requests,
              ElementsAre("PATCH /api/v1/namespaces/default/configmaps/c-free",
                          "PATCH /apis/kro.run/v1alpha1/namespaces/default/chains/c/status"));
}

TEST_F(InstanceControllerTest, DeletesInReverseOrderWithOneRequestAChildAndTwoMore) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  world.ResetCalls();
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  const std::string maps = "DELETE /api/v1/namespaces/default/configmaps/";
  const std::string chain = "PATCH /apis/kro.run/v1alpha1/namespaces/default/chains/c";
  EXPECT_THAT(world.calls().requests,
              ElementsAre(testing::AnyOf(maps + "c-last", maps + "c-free"),
                          testing::AnyOf(maps + "c-last", maps + "c-free"), chain + "/status",
                          maps + "c-middle", maps + "c-first", chain));
}

// --- waiting ------------------------------------------------------------------------------------

constexpr std::string_view kGated = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {replicas: integer | default=1}
  status: {available: "${app.status.availableReplicas}"}
resources:
- id: app
  readyWhen: ["${app.status.availableReplicas == app.spec.replicas}"]
  template:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${schema.metadata.name}"}
    spec:
      replicas: ${schema.spec.replicas}
      selector: {matchLabels: {app: x}}
      template:
        metadata: {labels: {app: x}}
        spec: {containers: [{name: main, image: nginx}]}
- id: info
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-info"}
    data: {name: "${app.metadata.name}"}
)";

TEST_F(InstanceControllerTest, ADependantWaitsForReadinessAndIsWokenByIt) {
  world.Define("app", kGated);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilIs(kApps, "default", "a", {"status", "state"}, "IN_PROGRESS"));
  EXPECT_FALSE(Exists(kConfigMaps, "a-info"));
  EXPECT_THAT(Message(kApps, "a"), HasSubstr("waiting for node \"app\""));
  EXPECT_THAT(Message(kApps, "a"), testing::Not(HasSubstr(" since ")));
  EXPECT_THAT(CallsDuring(5min), testing::SizeIs(1)) << "a wait that lasts is told of, once";
  EXPECT_THAT(Message(kApps, "a"),
              HasSubstr("; node \"app\" waits for deployments.apps default/a since "));
  EXPECT_THAT(CallsDuring(5min), ElementsAre());

  world.Patch(kDeployments, "default", "a", "{status: {replicas: 1, availableReplicas: 1}}",
              "status");
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_TRUE(Exists(kConfigMaps, "a-info"));
  world.Settle();
  // The inventory names the new kind, the child is made, the status says so.
  EXPECT_EQ(world.calls().requests.size(), 3u) << testing::PrintToString(world.calls().requests);
}

// --- what leaves the graph ----------------------------------------------------------------------

constexpr std::string_view kOptional = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {extra: boolean | default=true}
resources:
- id: base
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {k: v}
- id: extra
  includeWhen: ["${schema.spec.extra}"]
  template:
    apiVersion: v1
    kind: Secret
    metadata: {name: "${schema.metadata.name}-extra"}
    stringData: {k: v}
)";

// On the loop its expression would be over the budget.
TEST_F(InstanceControllerTest, WhatTakesLongToEvaluateIsEvaluatedElsewhere) {
  world.Define("pairs", R"(
schema:
  apiVersion: v1alpha1
  kind: Pairs
  spec: {a: "[]string"}
  status: {v: "${cm.data.v}"}
resources:
- id: cm
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {v: "${string(schema.spec.a.filter(x, schema.spec.a.exists(y, y == x + '!')).size())}"}
)");
  std::string texts;
  for (int i = 0; i < 1500; ++i) texts += fmt::format("a{},", i);
  for (const std::string_view name : {"a", "b"}) {
    world.Apply(
        fmt::format("{{apiVersion: kro.run/v1alpha1, kind: Pairs, metadata: {{name: {}, "
                    "namespace: default}}, spec: {{a: [{}]}}}}",
                    name, texts));
  }
  sim.Advance(10s);
  const api::Gvr pairs{"kro.run", "v1alpha1", "pairs"};
  for (const std::string_view name : {"a", "b"}) {
    EXPECT_EQ(Text(pairs, name, {"status", "v"}), "0");
    EXPECT_EQ(Text(pairs, name, {"status", "state"}), "ACTIVE");
  }
}

TEST_F(InstanceControllerTest, WhatIsSwitchedOffIsPrunedAndTheInventoryShrinks) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_EQ(Kinds(kApps, "a"), "ConfigMap,Secret");
  world.Settle();
  world.ResetCalls();
  world.Patch(kApps, "default", "a", "{spec: {extra: false}}");
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "a-extra"));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Settle();
  EXPECT_EQ(Kinds(kApps, "a"), "ConfigMap");
  EXPECT_EQ(world.calls().requests.size(), 3u) << testing::PrintToString(world.calls().requests);

  world.Patch(kApps, "default", "a", "{spec: {extra: true}}");
  ASSERT_TRUE(world.Until([&] { return Exists(kSecrets, "a-extra"); }));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_EQ(Kinds(kApps, "a"), "ConfigMap,Secret");
}

TEST_F(InstanceControllerTest, WhatWasPrunedAMomentAgoIsMadeAgain) {
  // Given a child whose end is known from the answer to our own request only
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.calls().late = [](std::string_view frames) {
    return frames.find("\"DELETED\"") != std::string_view::npos;
  };
  world.Patch(kApps, "default", "a", "{spec: {extra: false}}");
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "a-extra"));
  world.Settle();

  // When it is wanted again
  world.Patch(kApps, "default", "a", "{spec: {extra: true}}");

  // Then it is not taken for one that still is there
  ASSERT_TRUE(world.Until([&] { return Exists(kSecrets, "a-extra"); }));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
}

TEST_F(InstanceControllerTest, ANewRevisionThatDropsAKindPrunesIt) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Define("app", R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {extra: boolean | default=true}}
resources:
- id: base
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {k: new}
)");
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "a-extra"));
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "a", {"data", "k"}, "new"));
  world.Settle();
  EXPECT_EQ(Kinds(kApps, "a"), "ConfigMap");
}

TEST_F(InstanceControllerTest, AKindThatWasDroppedWhileTheControllerWasAwayIsStillPruned) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.StopController();
  world.Redefine("app", R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {extra: boolean | default=true}}
resources:
- id: base
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {k: v}
)");
  world.StartController();
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "a-extra"));
}

constexpr std::string_view kCollection = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {names: "[]string"}
  status: {count: "${size(maps)}"}
resources:
- id: maps
  forEach: [{name: "${schema.spec.names}"}]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-${name}"}
    data: {k: "${name}"}
)";

TEST_F(InstanceControllerTest, ACollectionGrowsAndShrinks) {
  world.Define("app", kCollection);
  world.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: a, namespace: default}, "
      "spec: {names: [p, q]}}");
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  const std::string uid = Text(kConfigMaps, "a-q", {"metadata", "uid"});
  world.Patch(kApps, "default", "a", "{spec: {names: [q, r]}}");
  ASSERT_TRUE(world.UntilGone(kConfigMaps, "default", "a-p"));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_TRUE(Exists(kConfigMaps, "a-r"));
  EXPECT_EQ(Text(kConfigMaps, "a-q", {"metadata", "uid"}), uid);
  world.Settle();
  EXPECT_THAT(CallsDuring(1min), ElementsAre());
}

// --- references ---------------------------------------------------------------------------------

constexpr std::string_view kReferring = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {}
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}}
- id: copy
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-copy"}
    data: {k: "${conf.data.k}"}
)";

TEST_F(InstanceControllerTest, AReferenceIsWaitedForAndFollowed) {
  world.Define("app", kReferring);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilIs(kApps, "default", "a", {"status", "state"}, "IN_PROGRESS"));
  EXPECT_THAT(Message(kApps, "a"), HasSubstr("waiting for external reference \"conf\": not found"));
  world.Apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}, "
      "data: {k: one}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "a-copy", {"data", "k"}, "one"));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Patch(kConfigMaps, "default", "conf", "{data: {k: two}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "a-copy", {"data", "k"}, "two"));
  world.Delete(kConfigMaps, "default", "conf");
  ASSERT_TRUE(world.UntilIs(kApps, "default", "a", {"status", "state"}, "IN_PROGRESS"));
  EXPECT_TRUE(Exists(kConfigMaps, "a-copy"));
  world.Delete(kApps, "default", "a");
  ASSERT_TRUE(world.UntilGone(kApps, "default", "a"));
}

// The inventory names the second namespace before the child goes there; the answer to that write is the first to show
// an edit of the instance.
TEST_F(InstanceControllerTest, WhatWasComputedBeforeAnEditIsNotReportedForIt) {
  world.Apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}, "
      "data: {ns: default}}");
  world.Define("app", R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {text: string | default=one}
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf, namespace: default}}
- id: far
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-far", namespace: "${conf.data.ns}"}
    data: {text: "${schema.spec.text}"}
)");
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Settle();

  world.calls().late = [](std::string_view frames) {
    return frames.find("edited") != std::string_view::npos;
  };
  bool applied = false;
  bool reported = false;
  world.calls().fault = [&](const http::Request& request) {
    if (request.body.find("edited") != std::string::npos) applied = true;
    if (request.body.find(R"("observedGeneration":2)") != std::string::npos && !applied) {
      reported = true;
    }
    return std::nullopt;
  };
  world.Patch(kApps, "default", "a", "{spec: {text: edited}}");
  world.Patch(kConfigMaps, "default", "conf", "{data: {ns: kube-public}}");
  EXPECT_TRUE(world.Until([&] {
    return json::FindString(world.Get(kConfigMaps, "kube-public", "a-far"), {"data", "text"}) ==
           "edited";
  }));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_TRUE(applied);
  EXPECT_FALSE(reported) << "generation 2, for children of generation 1";
}

// --- drift and ownership ------------------------------------------------------------------------

TEST_F(InstanceControllerTest, DriftIsRepairedInOneRequest) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  world.ResetCalls();
  world.Patch(kConfigMaps, "default", "c-free", "{data: {other: drift, mine: stays}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "c-free", {"data", "other"}, "x"));
  world.Settle();
  EXPECT_EQ(world.calls().requests.size(), 1u);
  EXPECT_EQ(Text(kConfigMaps, "c-free", {"data", "mine"}), "stays");
}

TEST_F(InstanceControllerTest, AChildThatLosesItsLabelsGetsThemBack) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kConfigMaps, "default", "c-free", "{metadata: {labels: {kro.run/owned: null}}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "c-free",
                            {"metadata", "labels", "kro.run/owned"}, "true"));
}

TEST_F(InstanceControllerTest, TheFinalizerAndLabelsOfAnInstanceComeBack) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kChains, "default", "c",
              "{metadata: {finalizers: null, labels: {kro.run/owned: null}}}");
  sim.Advance(10s);
  EXPECT_EQ(Text(kChains, "c", {"metadata", "labels", "kro.run/owned"}), "") << "a hand gets time";
  sim.Advance(30s);
  ASSERT_TRUE(
      world.UntilIs(kChains, "default", "c", {"metadata", "labels", "kro.run/owned"}, "true"));
  EXPECT_NE(json::Find(world.Get(kChains, "default", "c"), {"metadata", "finalizers"}), nullptr);
}

constexpr std::string_view kShared = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {}
resources:
- id: shared
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: shared}
    data: {by: "${schema.metadata.name}"}
)";

TEST_F(InstanceControllerTest, AnObjectOfAnotherInstanceIsLeftAloneUntilItIsFree) {
  world.Define("app", kShared);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Apply("{apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: b, namespace: default}}");
  ASSERT_TRUE(world.UntilIs(kApps, "default", "b", {"status", "state"}, "ERROR"));
  EXPECT_THAT(Message(kApps, "b"), HasSubstr("resource belongs to a different ApplySet"));
  EXPECT_EQ(Text(kConfigMaps, "shared", {"data", "by"}), "a");
  world.Settle();
  EXPECT_THAT(CallsDuring(1min), ElementsAre());

  world.Delete(kApps, "default", "a");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "shared", {"data", "by"}, "b"));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "b"));
}

TEST_F(InstanceControllerTest, AFightOverAFieldIsBoundedAndReported) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.ResetCalls();
  for (int i = 0; i < 1000; ++i) {
    if (Text(kConfigMaps, "c-free", {"data", "other"}) != "theirs") {
      world.Patch(kConfigMaps, "default", "c-free", "{data: {other: theirs}}");
    }
    sim.Advance(60ms);
  }
  EXPECT_LE(world.calls().Count("PATCH", "c-free"), 75);
  EXPECT_THAT(Message(kChains, "c"), HasSubstr("another field manager keeps taking fields"));
  EXPECT_THAT(Message(kChains, "c"), HasSubstr("configmaps default/c-free: .data.other (hand)"));
}

TEST_F(InstanceControllerTest, ACrowdThatFailsDelaysNoFirstRetryOfAnotherApi) {
  world.Define("chain", ChainOfConfigMaps());
  world.Define("app", kShared);
  bool refused = false;
  world.calls().fault = [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.method != "PATCH") return std::nullopt;
    const bool first = request.target.find("/apps/a") != std::string::npos && !refused;
    if (!first && request.target.find("/chains/") == std::string::npos) return std::nullopt;
    refused = refused || first;
    return http::Response{.status = 403, .headers = {}, .body = {}};
  };
  // Given many instances of one API that may not be written
  for (int i = 0; i < 300; ++i) {
    world.Apply(
        fmt::format("{{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {{name: c{}, "
                    "namespace: default}}}}",
                    i));
  }
  sim.Advance(2s);
  // When one of another is refused once
  world.Apply(kAppInstance);
  sim.Advance(1s);
  // Then it is tried again in its own time.
  EXPECT_TRUE(refused);
  EXPECT_EQ(Text(kApps, "a", {"status", "state"}), "ACTIVE");
}

// --- deletion -----------------------------------------------------------------------------------

TEST_F(InstanceControllerTest, AChildsFinalizerHoldsTheWavesBelow) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kConfigMaps, "default", "c-last", "{metadata: {finalizers: [example.com/hold]}}");
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "state"}, "DELETING"));
  EXPECT_EQ(Message(kChains, "c"), "deleting resources");
  sim.Advance(1min);
  EXPECT_TRUE(Exists(kConfigMaps, "c-middle"));
  EXPECT_EQ(Message(kChains, "c"),
            "deleting resources; configmaps default/c-last is being deleted since " +
                Text(kConfigMaps, "c-last", {"metadata", "deletionTimestamp"}) +
                ", held by finalizers example.com/hold");
  EXPECT_THAT(CallsDuring(1min), ElementsAre());
  world.Patch(kConfigMaps, "default", "c-last", "{metadata: {finalizers: null}}");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
}

TEST_F(InstanceControllerTest, AnInstanceThatSomebodyElseHoldsSaysSoWhenItsChildrenAreGone) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {name: c, namespace: default, "
      "finalizers: [example.com/hold]}}");
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kConfigMaps, "default", "c-first"));
  sim.Advance(5s);
  EXPECT_EQ(Message(kChains, "c"), "deleting resources");
  sim.Advance(1min);
  constexpr const char* kHeld =
      "deleting resources; none is left, and the instance is held by finalizers example.com/hold";
  EXPECT_EQ(Message(kChains, "c"), kHeld);
  // Once, by whichever process.
  EXPECT_THAT(CallsDuring(1h), ElementsAre());
  world.StopController();
  world.StartController();
  sim.Advance(1min);
  EXPECT_EQ(world.calls().Count("PATCH"), 0);
}

TEST_F(InstanceControllerTest, AnInstanceFreedByHandDoesNotSayThatItsChildrenAreGone) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {name: c, namespace: default, "
      "finalizers: [example.com/hold]}}");
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kConfigMaps, "default", "c-last", "{metadata: {finalizers: [example.com/hold]}}");
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "state"}, "DELETING"));
  world.Patch(kChains, "default", "c", "{metadata: {finalizers: [example.com/hold]}}");
  sim.Advance(1h);
  EXPECT_TRUE(Exists(kConfigMaps, "c-first"));
  EXPECT_THAT(Message(kChains, "c"), Not(HasSubstr("none is left")));
}

// What a process before this one sent late makes a child again.
TEST_F(InstanceControllerTest, AChildMadeAgainDuringDeletionGoesToo) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  // The watch is late to tell that somebody put another in its place.
  world.calls().late = [](std::string_view frames) {
    return frames.find("c-last") != std::string_view::npos;
  };
  json::Value again = world.Get(kConfigMaps, "default", "c-last");
  for (const char* kept_by_server :
       {"uid", "resourceVersion", "creationTimestamp", "managedFields"}) {
    again.as_object()["metadata"].as_object().erase(kept_by_server);
  }
  world.Delete(kConfigMaps, "default", "c-last");
  world.Apply(json::Serialize(again), std::string(api::field_manager::kApplySet));
  world.ResetCalls();
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-last"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
  // The first was for an object that is not there any more, and hurt nobody.
  EXPECT_EQ(world.calls().Count("DELETE", "c-last"), 2);
}

// Trap 54: labels are copied with an object, and say nothing of who made it.
TEST_F(InstanceControllerTest, AUsersCopyOfAChildSurvivesPruningAndDeletion) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  json::Value copy = world.Get(kSecrets, "default", "a-extra");
  json::Object& metadata = copy.as_object()["metadata"].as_object();
  for (const char* kept_by_server :
       {"uid", "resourceVersion", "creationTimestamp", "managedFields"}) {
    metadata.erase(kept_by_server);
  }
  metadata["name"] = "copy";
  world.Apply(json::Serialize(copy), "kubectl-create");
  world.Patch(kApps, "default", "a", "{spec: {extra: false}}");
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "a-extra"));
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_TRUE(Exists(kSecrets, "copy"));
  // Also where the server itself is asked.
  world.Patch(kApps, "default", "a", "{spec: {extra: true}}");
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.StopController();
  world.Delete(kApps, "default", "a");
  world.StartController();
  ASSERT_TRUE(world.UntilGone(kApps, "default", "a"));
  EXPECT_FALSE(Exists(kSecrets, "a-extra"));
  EXPECT_TRUE(Exists(kSecrets, "copy"));
}

// As a user does who finds managedFields too long. While an instance is deleted, nobody applies its children again.
TEST_F(InstanceControllerTest, AChildWhoseManagedFieldsWereEmptiedGoesWithItsInstance) {
  for (const bool watched : {true, false}) {
    world.Define("chain", ChainOfConfigMaps());
    world.Apply(kChainInstance);
    ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
    world.Settle();
    world.StopController();
    world.Delete(kChains, "default", "c");
    if (watched) {
      world.Patch(kConfigMaps, "default", "c-last", "{metadata: {finalizers: [example.com/hold]}}");
      world.StartController();
      sim.Advance(1s);
    }
    world.Patch(kConfigMaps, "default", "c-first", "{metadata: {managedFields: [{}]}}");
    EXPECT_EQ(
        json::Find(world.Get(kConfigMaps, "default", "c-first"), {"metadata", "managedFields"}),
        nullptr);
    if (watched) {
      world.Patch(kConfigMaps, "default", "c-last", "{metadata: {finalizers: null}}");
    } else {
      world.StartController();
    }
    ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
    EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
  }
}

// A real API server decides that a DELETE needs not wait for finalizers, and then removes whatever is there.
TEST_F(InstanceControllerTest, AnInstanceRemovedInSpiteOfItsFinalizerLeavesNothing) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  world.calls().retell = [](std::string frames) -> std::string {
    if (frames.find(R"("kind":"Chain")") == frames.npos) return frames;
    if (frames.find(R"("DELETED")") == frames.npos) return {};
    static constexpr std::string_view kMetadata = R"("metadata":{)";
    const std::size_t place = frames.find(kMetadata) + kMetadata.size();
    return frames.insert(place, R"("finalizers":["kro.run/finalizer"],)");
  };
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{metadata: {finalizers: null}}");
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kConfigMaps, "default", "c-first"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-last"));
  EXPECT_EQ(world.calls().Count("DELETE", "configmaps"), 4);
  EXPECT_EQ(world.calls().Count("PATCH"), 0);
  EXPECT_THAT(CallsDuring(1min), ElementsAre());
}

TEST_F(InstanceControllerTest, WhatAUserFreedOfItsFinalizerKeepsItsChildren) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{metadata: {finalizers: null}}");
  world.Delete(kChains, "default", "c");
  sim.Advance(10min);
  EXPECT_TRUE(Exists(kConfigMaps, "c-first"));
  EXPECT_THAT(world.calls().requests, ElementsAre());
}

TEST_F(InstanceControllerTest, WhatWasPrunedAndStillStandsIsNamed) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Patch(kSecrets, "default", "a-extra", "{metadata: {finalizers: [example.com/hold]}}");
  world.Patch(kApps, "default", "a", "{spec: {extra: false}}");
  // Spec section 5.1: all nodes are synced, so the state is ACTIVE; Ready waits for what was pruned.
  const std::string pruning = "resource reconciliation failed: cluster mutated";
  ASSERT_TRUE(world.Until([&] { return Message(kApps, "a") == pruning; }));
  const json::Value ready = InstanceWorld::Condition(world.Get(kApps, "default", "a"), "Ready");
  EXPECT_EQ(json::FindString(ready, {"status"}), "False");
  EXPECT_EQ(json::FindString(ready, {"reason"}), "NotReady");
  EXPECT_EQ(Text(kApps, "a", {"status", "state"}), "ACTIVE");
  sim.Advance(1min);
  EXPECT_EQ(Message(kApps, "a"), pruning + "; secrets default/a-extra is being deleted since " +
                                     Text(kSecrets, "a-extra", {"metadata", "deletionTimestamp"}) +
                                     ", held by finalizers example.com/hold");
  EXPECT_THAT(CallsDuring(5min), ElementsAre());
  world.Patch(kSecrets, "default", "a-extra", "{metadata: {finalizers: null}}");
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  EXPECT_EQ(Kinds(kApps, "a"), "ConfigMap");
}

TEST_F(InstanceControllerTest, AChildThatIsBeingDeletedIsNamedWithItsFinalizers) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kConfigMaps, "default", "c-free", "{metadata: {finalizers: [example.com/hold]}}");
  world.Delete(kConfigMaps, "default", "c-free");
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "state"}, "IN_PROGRESS"));
  sim.Advance(1min);
  EXPECT_THAT(Message(kChains, "c"),
              HasSubstr("waits for the end of configmaps default/c-free since "));
  EXPECT_THAT(Message(kChains, "c"), HasSubstr(", held by finalizers example.com/hold"));
  world.Patch(kConfigMaps, "default", "c-free", "{metadata: {finalizers: null}}");
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
}

TEST_F(InstanceControllerTest, WhatWasPrunedAndStillStandsIsWaitedForAtDeletion) {
  world.Define("app", kOptional);
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Patch(kSecrets, "default", "a-extra", "{metadata: {finalizers: [example.com/hold]}}");
  world.Patch(kApps, "default", "a", "{spec: {extra: false}}");
  ASSERT_TRUE(world.Until([&] {
    return json::Find(world.Get(kSecrets, "default", "a-extra"),
                      {"metadata", "deletionTimestamp"}) != nullptr;
  }));
  sim.Advance(1min);
  world.Delete(kApps, "default", "a");
  sim.Advance(1min);
  EXPECT_TRUE(Exists(kApps, "a"));
  world.Patch(kSecrets, "default", "a-extra", "{metadata: {finalizers: null}}");
  ASSERT_TRUE(world.UntilGone(kApps, "default", "a"));
  EXPECT_FALSE(Exists(kSecrets, "a-extra"));
}

// By default the server leaves the pods of a Job behind.
TEST_F(InstanceControllerTest, WhatDependsOnAChildGoesWithIt) {
  std::vector<std::string> bodies;
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.calls().fault = [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.method == "DELETE") bodies.push_back(request.body);
    return std::nullopt;
  };
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_THAT(bodies,
              testing::AllOf(testing::SizeIs(4),
                             testing::Each(HasSubstr(R"("propagationPolicy":"Background")"))));
}

TEST_F(InstanceControllerTest, AChildThatShowsTheVersionOfItsInstanceSettles) {
  world.Define("app", R"(
schema: {apiVersion: v1alpha1, kind: App}
resources:
- id: base
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {version: "${schema.metadata.resourceVersion}"}
)");
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Settle();
  EXPECT_THAT(CallsDuring(5min), ElementsAre());
}

TEST_F(InstanceControllerTest, DeletionNeedsNoGraph) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.StopController();
  world.FailRevision("chain");
  world.StartController();
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "state"}, "ERROR"));
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-last"));
}

TEST_F(InstanceControllerTest, ATamperedInventoryBlocksDeletionUntilItIsRepaired) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  const std::string hash =
      Text(kChains, "c", {"metadata", "annotations", "internal.kro.run/applyset-inventory-hash"});
  world.StopController();
  world.Patch(kChains, "default", "c",
              "{metadata: {annotations: {internal.kro.run/applyset-inventory-hash: bad}}}");
  world.Delete(kChains, "default", "c");
  world.StartController();
  ASSERT_TRUE(world.Until([&] {
    return Message(kChains, "c").starts_with("deletion blocked: validate deletion inventory");
  }));
  EXPECT_TRUE(Exists(kConfigMaps, "c-first"));
  world.Patch(
      kChains, "default", "c",
      "{metadata: {annotations: {internal.kro.run/applyset-inventory-hash: '" + hash + "'}}}");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
}

TEST_F(InstanceControllerTest, AnInstanceThatIsDeletedAtOnceDoesNotComeBack) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  // The controller has seen the instance; its first write arrives too late.
  bool deleted = false;
  world.calls().fault = [&](const http::Request& request) {
    if (request.method == "PATCH" && !deleted) deleted = true;
    return std::optional<Result<http::Response>>();
  };
  world.Delete(kChains, "default", "c");
  sim.Advance(1min);
  EXPECT_FALSE(Exists(kChains, "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
}

TEST_F(InstanceControllerTest, ASuspendedInstanceIsLeftAloneButDeletes) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Patch(kChains, "default", "c",
              "{metadata: {annotations: {kro.run/reconcile: suspended}}, spec: {other: z}}");
  ASSERT_TRUE(world.Until([&] {
    return json::FindString(InstanceWorld::Condition(world.Get(kChains, "default", "c"), "Ready"),
                            {"reason"}) == "ReconciliationSuspended";
  }));
  EXPECT_EQ(Text(kConfigMaps, "c-free", {"data", "other"}), "x");
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-first"));
}

TEST_F(InstanceControllerTest, AStatusWhoseWriteWasNotAnsweredIsPutRightWhenItShows) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  // Given a status of a failure that goes out and is not answered
  bool works = false;
  std::string sent;
  world.calls().fault = [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    if (request.method != "PATCH") return std::nullopt;
    const bool of_status = request.target.find("/chains/c/status") != std::string::npos;
    if (of_status && sent.empty()) sent = request.body;
    if (works && !of_status) return std::nullopt;
    return Fail(ErrorCode::kUnavailable, "connection reset");
  };
  world.Delete(kConfigMaps, "default", "c-free");
  ASSERT_TRUE(world.Until([&] { return !sent.empty(); }));
  // When it is carried out all the same, which the watch tells only after all is well and nothing is to be written
  bool silent = true;
  world.calls().late = [&](std::string_view frames) {
    return silent && frames.find(R"("kind":"Chain")") != frames.npos;
  };
  world.Patch(kChains, "default", "c", sent, "status");
  works = true;
  ASSERT_TRUE(world.Until([&] { return Exists(kConfigMaps, "c-free"); }));
  sim.Advance(1min);
  world.calls().fault = nullptr;
  EXPECT_THAT(CallsDuring(1min), ElementsAre());
  EXPECT_EQ(Text(kChains, "c", {"status", "state"}), "ERROR");
  silent = false;
  world.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {name: d, namespace: default}}");
  // Then it is put right
  EXPECT_TRUE(world.UntilActive(kChains, "default", "c"));
}

TEST_F(InstanceControllerTest, AStatusThatSomebodyElseWroteIsPutRightAtOurOwnPace) {
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  world.Settle();
  // As by a process before this one, of which the first list knew nothing yet
  world.Patch(kChains, "default", "c", R"({"status":{"state":"ERROR"}})", "status");
  EXPECT_THAT(CallsDuring(3s), ElementsAre());
  EXPECT_TRUE(world.UntilActive(kChains, "default", "c"));
  EXPECT_THAT(CallsDuring(1min), ElementsAre());
}

// What somebody else did to an instance while its status is written comes with the answer to a conflict, before its
// event.
struct MetByAStatusWrite : InstanceControllerTest {
  void Play(std::string_view word, std::string_view edit) {
    world.Define("app", kGated);
    world.Apply(kAppInstance);
    ASSERT_TRUE(world.Until([&] { return Exists(kDeployments, "a"); }));
    world.Patch(kDeployments, "default", "a", "{status: {replicas: 1, availableReplicas: 1}}",
                "status");
    ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
    world.Settle();
    world.calls().late = [word](std::string_view frames) {
      return frames.find(word) != std::string_view::npos;
    };
    world.Patch(kApps, "default", "a", edit);
    world.Patch(kDeployments, "default", "a", "{status: {replicas: 2, availableReplicas: 2}}",
                "status");
  }
};

TEST_F(MetByAStatusWrite, APauseIsNoticed) {
  Play("reconcile", "{metadata: {annotations: {kro.run/reconcile: suspended}}}");
  EXPECT_TRUE(world.Until([&] {
    return json::FindString(InstanceWorld::Condition(world.Get(kApps, "default", "a"), "Ready"),
                            {"reason"}) == "ReconciliationSuspended";
  }));
}

TEST_F(MetByAStatusWrite, ALabelOfOthersKeepsNothingFromBeingWritten) {
  Play("team", "{metadata: {labels: {team: blue}}}");
  EXPECT_TRUE(world.Until([&] {
    const json::Value app = world.Get(kApps, "default", "a");
    const json::Value* available = json::Find(app, {"status", "available"});
    return available != nullptr && *available == json::Value(2);
  }));
}

TEST_F(MetByAStatusWrite, AFinalizerThatWasTakenComesBack) {
  Play("team", "{metadata: {labels: {team: blue}, finalizers: []}}");
  EXPECT_TRUE(world.Until([&] {
    const json::Value app = world.Get(kApps, "default", "a");
    return json::Serialize(app).find("kro.run/finalizer") != std::string::npos;
  }));
}

// --- faults -------------------------------------------------------------------------------------

http::Response Refusal(int code, std::string_view reason, std::string_view message,
                       http::Headers headers = {}) {
  json::Object status;
  status["kind"] = "Status";
  status["apiVersion"] = "v1";
  status["status"] = "Failure";
  status["code"] = code;
  status["reason"] = reason;
  status["message"] = message;
  return {code, std::move(headers), json::Serialize(status)};
}

TEST_F(InstanceControllerTest, ARefusedChildStopsItsDependantsOnlyAndIsTriedLessAndLess) {
  world.Define("chain", ChainOfConfigMaps());
  bool deny = true;
  world.calls().fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (deny && request.method == "PATCH" && request.target.find("c-middle") != std::string::npos) {
      answer = Refusal(403, "Forbidden", "configmaps \"c-middle\" is forbidden: denied");
    }
    return answer;
  };
  world.ResetCalls();
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "state"}, "ERROR"));
  EXPECT_TRUE(Exists(kConfigMaps, "c-free"));
  EXPECT_TRUE(Exists(kConfigMaps, "c-first"));
  EXPECT_FALSE(Exists(kConfigMaps, "c-last"));
  EXPECT_EQ(Message(kChains, "c"),
            "resource reconciliation failed: apply results contain errors: configmaps \"c-middle\" "
            "is forbidden: denied");
  world.ResetCalls();
  sim.Advance(1h);
  const int tries = world.calls().Count("PATCH", "c-middle");
  EXPECT_GE(tries, 12);
  EXPECT_LE(tries, 30);
  EXPECT_LE(static_cast<int>(world.calls().requests.size()), 2 * tries)
      << "the status says when the next try is, where that is far away";

  // An edit starts over; so nobody waits for five minutes.
  deny = false;
  world.Patch(kChains, "default", "c", "{spec: {text: two}}");
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
}

// What is refused as a whole, and not of one child, is told of like a child.
struct RefusedLook {
  const char* name;
  // What the user does, after which the server refuses `method` of what `part` is in.
  void (*act)(InstanceWorld& world);
  const char* method;
  const char* part;
  const char* message;
  const char* condition = "ResourcesReady";
};
constexpr const char* kSecretInstead = R"(
schema: {apiVersion: v1alpha1, kind: Chain, spec: {text: string}}
resources:
- id: other
  template: {apiVersion: v1, kind: Secret, metadata: {name: c-other}}
)";
const RefusedLook kRefusedLooks[] = {
    {"Deletion", [](InstanceWorld& world) { world.Delete(kChains, "default", "c"); }, "DELETE",
     "/configmaps/", "deletion blocked: "},
    {"RemovalOfTheFinalizer", [](InstanceWorld& world) { world.Delete(kChains, "default", "c"); },
     "PATCH", "/chains/c", "failed removing finalizer: ", "InstanceManaged"},
    {"Prune", [](InstanceWorld& world) { world.Define("chain", kSecretInstead); }, "DELETE",
     "/configmaps/", "resource reconciliation failed: prune failed: "},
    {"Inventory", [](InstanceWorld& world) { world.Define("chain", kSecretInstead); }, "PATCH",
     "/chains/c",
     "resource reconciliation failed: failed to patch instance with applyset labels: "},
};

class InstanceControllerRefused : public InstanceControllerTest,
                                  public ::testing::WithParamInterface<RefusedLook> {};

TEST_P(InstanceControllerRefused, SaysWhenTheNextAttemptIs) {
  const RefusedLook& refused = GetParam();
  world.Define("chain", ChainOfConfigMaps());
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  bool deny = true;
  int tries = 0;
  int statuses = 0;
  world.calls().fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    const bool status = request.target.find("/status") != std::string::npos;
    if (status) ++statuses;
    if (deny && !status && request.method == refused.method &&
        request.target.find(refused.part) != std::string::npos) {
      ++tries;
      answer = Refusal(403, "Forbidden", "denied");
    }
    return answer;
  };
  refused.act(world);
  const auto message = [&] { return Message(kChains, "c", refused.condition); };
  ASSERT_TRUE(world.Until([&] { return message().find("tried again at ") != std::string::npos; }))
      << message();
  EXPECT_THAT(message(), StartsWith(refused.message));
  EXPECT_THAT(message(), MatchesRegex(".*; tried again at [0-9TZ:-]+ [(]attempt [0-9]+[)]"));

  // What it says is so, and each is told of once.
  for (int i = 0; i < 3; ++i) {
    const std::string told = message();
    const auto at = told.find(" at ") + 4;
    const WallTime due = *api::ParseTimestamp(told.substr(at, 20));
    const int before = tries;
    statuses = 0;
    sim.Advance(due - sim.clock().Now() - 1s);
    EXPECT_EQ(tries, before) << told;
    EXPECT_EQ(message(), told);
    EXPECT_EQ(statuses, 0);
    sim.Advance(1s + 100ms);
    EXPECT_GT(tries, before) << told;
    EXPECT_EQ(statuses, 1);
    EXPECT_NE(message(), told);
  }

  deny = false;
  sim.Advance(1h);
  EXPECT_THAT(message(), Not(HasSubstr("tried again")));
}
INSTANTIATE_TEST_SUITE_P(Each, InstanceControllerRefused, ::testing::ValuesIn(kRefusedLooks),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(InstanceControllerTest, AnAuthorsConditionMayRepeatWhatIsWaitedForAndWhenTheNextAttemptIs) {
  world.Define("app", R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {}
  status:
    conditions:
    - "${runtime.newCondition({type: 'Ready', status: runtime.condition(schema, 'ResourcesReady').status, reason: 'Resources', message: runtime.condition(schema, 'ResourcesReady').message})}"
resources:
- id: gate
  readyWhen: ["${gate.data.open == 'yes'}"]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-gate"}
    data: {open: "no"}
- id: refused
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.metadata.name}-refused"}}
)");
  world.calls().fault = [](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.target.find("a-refused") != std::string::npos) {
      answer = Refusal(403, "Forbidden", "denied");
    }
    return answer;
  };
  world.Apply(kAppInstance);
  sim.Advance(5min);
  const auto message = [&] { return Message(kApps, "a", "Ready"); };
  EXPECT_THAT(message(), HasSubstr("; node \"gate\" waits for configmaps default/a-gate since "));
  EXPECT_THAT(message(), HasSubstr(": gate.data.open == 'yes', gate.data.open is \"no\""));
  EXPECT_THAT(message(), HasSubstr("; configmaps default/a-refused is tried again at "));
  EXPECT_EQ(Message(kApps, "a"), "") << "the author's conditions stand alone";

  // Another process goes on from there.
  const std::size_t at = message().find(" since ");
  const std::string since = message().substr(at, std::string(" since 2026-01-02T03:04:05Z").size());
  world.StopController();
  world.StartController();
  sim.Advance(5min);
  EXPECT_THAT(message(), HasSubstr(since));
}

TEST_F(InstanceControllerTest, AnImmutableFieldIsNamedAndNotTriedForeverUntilTheObjectIsReplaced) {
  world.Define("app", R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {text: string | default=one}}
resources:
- id: frozen
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    immutable: true
    data: {text: "${schema.spec.text}"}
)");
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilActive(kApps, "default", "a"));
  world.Patch(kApps, "default", "a", "{spec: {text: two}}");
  ASSERT_TRUE(world.UntilIs(kApps, "default", "a", {"status", "state"}, "ERROR"));
  EXPECT_THAT(Message(kApps, "a"),
              testing::StartsWith(
                  "resource reconciliation failed: apply results contain errors: ConfigMap "
                  "\"a\" is invalid: data: Forbidden: field is immutable when `immutable` "
                  "is set; immutable fields of configmaps default/a (data) would change, "
                  "for which it would have to be deleted and made anew: kro does not delete "
                  "it by itself; configmaps default/a is tried again at "));
  world.ResetCalls();
  sim.Advance(1h);
  EXPECT_LE(world.calls().Count("PATCH", "configmaps"), 16);
  EXPECT_EQ(Text(kConfigMaps, "a", {"data", "text"}), "one");
  world.Delete(kConfigMaps, "default", "a");
  sim.Advance(1s);
  EXPECT_EQ(Text(kConfigMaps, "a", {"data", "text"}), "two");
  EXPECT_TRUE(world.UntilActive(kApps, "default", "a"));
}

struct AWish : InstanceControllerTest {
  // A child was refused so often that it is not tried for minutes.
  void SetUp() override {
    world.Define("chain", ChainOfConfigMaps());
    world.calls().fault = [](const http::Request& request) {
      std::optional<Result<http::Response>> answer;
      if (request.method == "PATCH" && request.target.find("c-middle") != std::string::npos) {
        answer = Refusal(403, "Forbidden", "configmaps \"c-middle\" is forbidden: denied");
      }
      return answer;
    };
    world.Apply(kChainInstance);
    sim.Advance(1h);
    while (TriesIn(1s) == 0) {
    }
    sim.Advance(10s);
  }
  int TriesIn(Duration duration) {
    CallsDuring(duration);
    return world.calls().Count("PATCH", "c-middle");
  }
};

TEST_F(AWish, ForATryIsFulfilledOnceAndAtOnce) {
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{metadata: {annotations: {kro.run/force: now}}}");
  EXPECT_EQ(TriesIn(500ms), 1);
  world.Patch(kChains, "default", "c", "{metadata: {annotations: {kro.run/force: again}}}");
  EXPECT_EQ(TriesIn(500ms), 1);
  world.Patch(kChains, "default", "c", "{metadata: {labels: {team: blue}}}");
  EXPECT_EQ(TriesIn(500ms), 0);
}

TEST_F(AWish, IsAnEditThatDoesNotConcernTheChild) {
  world.Patch(kChains, "default", "c", "{spec: {other: edited}}");
  EXPECT_EQ(TriesIn(500ms), 1);
}

TEST_F(InstanceControllerTest, ServerErrorsAndThrottlingAreOutlived) {
  world.Define("chain", ChainOfConfigMaps());
  int n = 0;
  world.calls().fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.method != "PATCH" || ++n > 40 || n % 2 == 0) return answer;
    switch (n % 4) {
      case 1:
        answer = Refusal(500, "InternalError", "etcd is away");
        break;
      case 3:
        answer = Refusal(429, "TooManyRequests", "slow down", {{"Retry-After", "1"}});
        break;
    }
    return answer;
  };
  world.Apply(kChainInstance);
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
}

TEST_F(InstanceControllerTest, AChildWhoseNamespaceIsMissingIsMadeWhenItIsThere) {
  world.Define("app", R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {}}
resources:
- id: far
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: far, namespace: elsewhere}
    data: {k: v}
)");
  world.Apply(kAppInstance);
  ASSERT_TRUE(world.UntilIs(kApps, "default", "a", {"status", "state"}, "ERROR"));
  sim.Advance(1h);
  world.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: elsewhere}}");
  sim.Advance(500ms);
  EXPECT_EQ(Text(kApps, "a", {"status", "state"}), "ACTIVE") << "its appearance wakes who waits";
  EXPECT_EQ(
      Text(kApps, "a", {"metadata", "annotations", "applyset.kubernetes.io/additional-namespaces"}),
      "elsewhere");
  world.Delete(kApps, "default", "a");
  ASSERT_TRUE(world.UntilGone(kApps, "default", "a"));
  EXPECT_TRUE(world.Get(kConfigMaps, "elsewhere", "far").is_null());
}

// The process ends after `calls` requests, the last of which may still be carried out; then it starts
// again. What comes of it must be as if nothing had happened.
enum class LastCall { kLost, kCarriedOut };

struct CrashCase {
  std::string_view about;
  std::function<void(InstanceWorld&)> act;
  std::function<bool(InstanceWorld&)> done;
};

const CrashCase kCrashes[] = {
    {"create", [](InstanceWorld& world) { world.Apply(kChainInstance); },
     [](InstanceWorld& world) {
       return InstanceWorld::IsReady(world.Get(kChains, "default", "c"));
     }},
    {"edit",
     [](InstanceWorld& world) {
       world.Patch(kChains, "default", "c", "{spec: {text: two, other: z}}");
     },
     [](InstanceWorld& world) {
       const json::Value chain = world.Get(kChains, "default", "c");
       return InstanceWorld::IsReady(chain) && json::FindString(chain, {"status", "last"}) == "two";
     }},
    {"delete", [](InstanceWorld& world) { world.Delete(kChains, "default", "c"); },
     [](InstanceWorld& world) { return world.Get(kChains, "default", "c").is_null(); }},
};

std::string ChildrenOf(InstanceWorld& world) {
  std::string all;
  for (const char* name : {"c-first", "c-middle", "c-last", "c-free"}) {
    const json::Value child = world.Get(kConfigMaps, "default", name);
    const json::Value* data = json::Find(child, "data");
    all += fmt::format("{}={};", name, data == nullptr ? "" : json::Serialize(*data));
  }
  return all;
}

TEST(InstanceControllerCrash, AtAnyRequestTheEndIsTheSame) {
  for (std::size_t scenario = 0; scenario < std::size(kCrashes); ++scenario) {
    for (const LastCall last : {LastCall::kLost, LastCall::kCarriedOut}) {
      for (int calls = 0; calls <= 7; ++calls) {
        SCOPED_TRACE(fmt::format("{} after {} requests, the last {}", kCrashes[scenario].about,
                                 calls, last == LastCall::kLost ? "lost" : "carried out"));
        SimulatedWorld simulated(static_cast<std::uint64_t>(calls + 1));
        InstanceWorld& world = simulated.world;
        world.Define("chain", ChainOfConfigMaps());
        for (std::size_t before = 0; before < scenario; ++before) {
          kCrashes[before].act(world);
          ASSERT_TRUE(world.Until([&] { return kCrashes[before].done(world); }));
        }
        world.Settle();
        int left = calls;
        world.calls().fault = [&](const http::Request&) {
          std::optional<Result<http::Response>> answer;
          const int is = left--;
          if (is < 0 || (is == 0 && last == LastCall::kLost)) {
            answer = Fail(ErrorCode::kUnavailable, "the process is dead");
          }
          return answer;
        };
        kCrashes[scenario].act(world);
        simulated.sim.Advance(1s);
        world.StopController();
        world.StartController();
        ASSERT_TRUE(world.Until([&] { return kCrashes[scenario].done(world); }));
        simulated.sim.Advance(10s);
        const std::string want[] = {
            R"(c-first={"text":"one"};c-middle={"copy":"one"};c-last={"copy":"one"};c-free={"other":"x"};)",
            R"(c-first={"text":"two"};c-middle={"copy":"two"};c-last={"copy":"two"};c-free={"other":"z"};)",
            "c-first=;c-middle=;c-last=;c-free=;"};
        EXPECT_EQ(ChildrenOf(world), want[scenario]);
        world.ResetCalls();
        simulated.sim.Advance(1min);
        EXPECT_THAT(world.calls().requests, ElementsAre());
      }
    }
  }
}

// Why the server refuses what a crowd asks for.
struct Refused {
  std::string_view about;
  int code;
  std::string_view reason;
  std::string_view message;
  int after_a_minute;  // tries of the whole crowd in a minute by then, at least
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.about; }

struct RefusedCrowd : InstanceControllerTest, testing::WithParamInterface<Refused> {
  static constexpr int kCrowd = 300;

  void SetUp() override {
    world.Define("app", R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {}}
resources:
- id: child
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-child"}
    data: {k: v}
)");
    world.Define("chain", ChainOfConfigMaps());
    world.calls().fault = [this](const http::Request& request) {
      std::optional<Result<http::Response>> answer;
      if (refuse && request.method == "PATCH" &&
          request.target.find("-child") != std::string::npos) {
        answer = Refusal(GetParam().code, GetParam().reason, GetParam().message);
      }
      return answer;
    };
    for (int i = 0; i < kCrowd; ++i) {
      world.Apply(
          fmt::format("{{apiVersion: kro.run/v1alpha1, kind: App, metadata: {{name: a{}, "
                      "namespace: default}}}}",
                      i));
    }
  }
  int TriesDuring(Duration duration) {
    CallsDuring(duration);
    return world.calls().Count("PATCH", "-child");
  }
  int Active() {
    int active = 0;
    for (int i = 0; i < kCrowd; ++i) {
      active += Text(kApps, fmt::format("a{}", i), {"status", "state"}) == "ACTIVE";
    }
    return active;
  }

  bool refuse = true;
};

TEST_P(RefusedCrowd, IsTriedAtASteadyPaceBesideWhichOthersGoOn) {
  world.Apply(kChainInstance);
  sim.Advance(100ms);
  EXPECT_TRUE(InstanceWorld::IsReady(world.Get(kChains, "default", "c")));
  sim.Advance(1min);
  for (int minute = 0; minute < 12; ++minute) {
    const int tries = TriesDuring(1min);
    EXPECT_GE(tries, GetParam().after_a_minute) << minute;
    EXPECT_LE(tries, 300) << minute;
    EXPECT_LE(static_cast<int>(world.calls().requests.size()), 2 * tries + 5) << minute;
  }
  // Each in its turn, and none is forgotten.
  std::set<std::string> tried;
  CallsDuring(5min);
  for (const std::string& request : world.calls().requests) {
    if (request.find("-child") != std::string::npos) tried.insert(request);
  }
  EXPECT_EQ(tried.size(), static_cast<std::size_t>(kCrowd));
}

TEST_P(RefusedCrowd, IsWellSoonAfterItsCauseIsMended) {
  sim.Advance(10min);
  refuse = false;
  sim.Advance(15s);
  EXPECT_EQ(Active(), kCrowd);
}

TEST_P(RefusedCrowd, IsNotSetOffByASingleSuccess) {
  sim.Advance(10min);
  const int before = TriesDuring(1min);
  world.calls().fault = [&, left = 1](const http::Request& request) mutable {
    std::optional<Result<http::Response>> answer;
    if (request.method == "PATCH" && request.target.find("-child") != std::string::npos &&
        left-- <= 0) {
      answer = Refusal(GetParam().code, GetParam().reason, GetParam().message);
    }
    return answer;
  };
  EXPECT_LE(TriesDuring(1min), before + 20);
}

INSTANTIATE_TEST_SUITE_P(
    Causes, RefusedCrowd,
    testing::Values(
        Refused{"Admission", 403, "Forbidden",
                "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'no' denied request", 40},
        Refused{"Quota", 403, "Forbidden",
                "configmaps \"x\" is forbidden: exceeded quota: few, requested: count/configmaps=1",
                40},
        Refused{"Invalid", 422, "Invalid", "ConfigMap \"x\" is invalid: data: Invalid value", 40},
        // Each waits for half a minute at most, so that all of them are ten a second.
        Refused{"Conflict", 409, "Conflict", "the object has been modified", 250}),
    [](const auto& tested) { return std::string(tested.param.about); });

}  // namespace
}  // namespace kro::controller
