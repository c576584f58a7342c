// Taking over from the original: what its version 0.9.4 leaves in a cluster, and then our operator.
//
// What the original leaves is what ours leaves, as the recorded scenarios prove, but for the version, the annotations
// that are ours alone, and who wrote which part of an instance. So one world makes it, and another gets it
// laid down in this form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/constants.h"
#include "oracle.h"
#include "player.h"
#include "recorder.h"
#include "scenario.h"
#include "world.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kVersionBefore = "0.9.4";

// A chain, a collection, and an object that would start anew if its template changed.
constexpr std::string_view kScenario = R"(
steps:
- apply: |
    apiVersion: kro.run/v1alpha1
    kind: ResourceGraphDefinition
    metadata: {name: app}
    spec:
      schema:
        apiVersion: v1alpha1
        kind: App
        spec: {text: string, parts: "[]string"}
        status: {copy: "${last.data.copy}"}
      resources:
      - id: settings
        template:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: "${schema.metadata.name}-settings"}
          data: {text: "${schema.spec.text}"}
      - id: web
        template:
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: "${schema.metadata.name}"}
          spec:
            selector: {matchLabels: {app: "${schema.metadata.name}"}}
            template:
              metadata: {labels: {app: "${schema.metadata.name}"}}
              spec: {containers: [{name: main, image: "nginx:${settings.data.text}"}]}
      - id: part
        forEach: [{name: "${schema.spec.parts}"}]
        template:
          apiVersion: v1
          kind: Secret
          metadata: {name: "${schema.metadata.name}-${name}"}
          stringData: {name: "${name}"}
      - id: last
        template:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: "${schema.metadata.name}-last"}
          data: {copy: "${web.metadata.name}"}
- wait: {of: kro.run/v1alpha1 ResourceGraphDefinition app, ready: true}
- apply: |
    {apiVersion: kro.run/v1alpha1, kind: App, metadata: {name: x, namespace: default},
     spec: {text: one, parts: [a, b]}}
- wait: {of: kro.run/v1alpha1 App default/x, ready: true}
)";

const std::string kDefinition = "/apis/kro.run/v1alpha1/resourcegraphdefinitions/app";
const std::string kRevision = "/apis/internal.kro.run/v1alpha1/graphrevisions/app-r00001";
const std::string kCrd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/apps.kro.run";
const std::string kInstance = "/apis/kro.run/v1alpha1/namespaces/default/apps/x";

// An apply of a child.
struct ChildApply {
  std::string path;
  std::string body;
};

json::Value Without(json::Value object, std::initializer_list<std::string_view> metadata) {
  json::Object& fields = object.as_object()["metadata"].as_object();
  for (const std::string_view name : metadata) fields.erase(name);
  return object;
}

// What could be sent to make it.
json::Value Manifest(json::Value object) {
  object = Without(std::move(object),
                   {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"});
  object.as_object().erase("status");
  if (json::Value* annotations = json::Find(*json::Find(object, "metadata"), "annotations")) {
    annotations->as_object().erase(api::annotation::kDesiredHash);
    if (annotations->as_object().empty())
      json::Find(object, "metadata")->as_object().erase("annotations");
  }
  return object;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class TakeOver : public ::testing::Test {
 protected:
  // Plays the scenario in a world of its own, and lays down in this one what the original would have left.
  void SetUp() override {
    auto scenario = ReadScenario("take-over", kScenario);
    ASSERT_TRUE(scenario) << scenario.error().message();
    auto options = OptionsOf(*scenario);
    ASSERT_TRUE(options);
    std::vector<ChildApply> applies;
    World source(
        {.observe =
             [&](const auto& answered) {
               const std::string& target = answered.request.target;
               if (answered.request.method != "PATCH" || !answered.stored) return;
               if (target.find("applyset&") == std::string::npos) return;
               applies.push_back({target.substr(0, target.find('?')), answered.request.body});
             }},
        *options);
    Recorder recorder(source, {});
    Player player(source, recorder);
    ASSERT_TRUE(player.Play(*scenario));
    ASSERT_TRUE(player.Settle(5s));

    world_.emplace(WorldOptions{.observe = [this](const auto& call) { oracle_.See(call); }},
                   *options);
    const json::Value instance = source.Get(kInstance);
    version_ = json::FindString(instance, {"metadata", "labels", api::label::kVersion});
    LayDown(source, "user", kDefinition, "kro", {"finalizers"});
    LayDownWhole(source, kCrd);
    ASSERT_TRUE(world_->Advance(1s));
    LayDownWhole(source, kRevision);
    LayDownInstance(source);
    for (const ChildApply& apply : applies) {
      Send("PATCH", apply.path, "kro.run/applyset", Manifest(*json::Parse(apply.body)));
      Know(source, apply.path);
      children_.push_back(apply.path);
    }
    LayDownStatus(source, kInstance);
    for (const std::string& path : children_) before_[path] = world_->Get(path);
    for (const std::string& path : {kDefinition, kCrd, kRevision, kInstance}) {
      before_[path] = world_->Get(path);
    }
    for (const auto& [path, object] : before_) oracle_.Know(path, object);
  }

  void TearDown() override { EXPECT_THAT(oracle_.violations(), IsEmpty()); }

  void LayDownWhole(World& source, const std::string& path) {
    Send("POST", path.substr(0, path.rfind('/')), "kro", Manifest(source.Get(path)));
    Know(source, path);
    if (path != kCrd) LayDownStatus(source, path);
  }

  // By the first manager, but for these fields of its metadata, which the second one adds.
  void LayDown(World& source, std::string_view first, const std::string& path,
               std::string_view second, std::initializer_list<std::string_view> added) {
    const json::Value object = Manifest(source.Get(path));
    Send("PATCH", path, first, Without(object, added));
    json::Object metadata;
    for (const std::string_view name : added) metadata[name] = object.at("metadata").at(name);
    SendMerge(path, second, json::Object{{"metadata", std::move(metadata)}});
    Know(source, path);
    LayDownStatus(source, path);
  }

  // Three managers, as the recordings have them.
  void LayDownInstance(World& source) {
    const json::Value object = Manifest(source.Get(kInstance));
    const json::Value& metadata = object.at("metadata");
    Send("PATCH", kInstance, "user", Without(object, {"labels", "annotations", "finalizers"}));
    Know(source, kInstance);

    json::Object bare = {{"apiVersion", object.at("apiVersion")},
                         {"kind", object.at("kind")},
                         {"metadata", {{"name", "x"}, {"namespace", "default"}}}};
    json::Object labelled = bare;
    json::Object labels = metadata.at("labels").as_object();
    labels.erase(api::label::kApplySetId);
    labelled["metadata"].as_object()["labels"] = std::move(labels);
    labelled["metadata"].as_object()["finalizers"] = metadata.at("finalizers");
    Send("PATCH", kInstance, "kro.run/labeller", std::move(labelled));

    json::Object parent = bare;
    parent["metadata"].as_object()["annotations"] = metadata.at("annotations");
    parent["metadata"].as_object()["labels"] = {
        {api::label::kApplySetId, metadata.at("labels").at(api::label::kApplySetId)}};
    Send("PATCH", kInstance, "kro.run/applyset-parent", std::move(parent));
  }

  void LayDownStatus(World& source, const std::string& path) {
    const json::Value object = source.Get(path);
    const json::Value* status = json::Find(object, "status");
    if (status == nullptr) return;
    SendMerge(path + "/status", "kro", json::Object{{"status", *status}});
  }

  void SendMerge(const std::string& path, std::string_view manager, const json::Value& body) {
    SendAs("PATCH", path + fmt::format("?fieldManager={}", manager), "application/merge-patch+json",
           body);
  }
  void Send(std::string method, const std::string& path, std::string_view manager,
            const json::Value& body) {
    const bool apply = method == "PATCH";
    SendAs(std::move(method),
           fmt::format("{}?fieldManager={}{}", path, manager, apply ? "&force=true" : ""),
           apply ? "application/apply-patch+yaml" : "application/json", body);
  }
  void SendAs(std::string method, std::string target, std::string type, const json::Value& body) {
    std::string text = json::Serialize(body);
    for (const auto& [theirs, ours] : uids_) ReplaceAll(text, theirs, ours);
    ReplaceAll(text, fmt::format("\"kro.run/kro-version\":\"{}\"", version_),
               fmt::format("\"kro.run/kro-version\":\"{}\"", kVersionBefore));
    ReplaceAll(text, fmt::format("\"kro/{}\"", version_),
               fmt::format("\"kro/{}\"", kVersionBefore));
    const http::Response response = world_->Ask({.method = std::move(method),
                                                 .target = target,
                                                 .headers = {{"Content-Type", std::move(type)}},
                                                 .body = std::move(text)});
    EXPECT_LT(response.status, 300) << target << ": " << response.body;
  }

  // What the object is called by here.
  void Know(World& source, const std::string& path) {
    uids_.emplace_back(Uid(source.Get(path)), Uid(world_->Get(path)));
  }

  static std::string Uid(const json::Value& object) {
    return std::string(json::FindString(object, {"metadata", "uid"}));
  }
  std::vector<std::string> WritesOf(Duration time) {
    world_->audit.Forget();
    EXPECT_TRUE(world_->Advance(time));
    std::vector<std::string> writes;
    for (const Call& call : world_->audit.calls()) {
      if (call.write)
        writes.push_back(fmt::format("{} {} {}", call.verb, call.resource, call.object));
    }
    return writes;
  }

  Oracle oracle_{{}, [this](const std::string& path) { return world_->Get(path); }};
  std::optional<World> world_;
  std::string version_;
  std::vector<std::string> children_;                      // paths
  std::vector<std::pair<std::string, std::string>> uids_;  // there, here
  std::map<std::string, json::Value> before_;
};

TEST_F(TakeOver, NothingIsMadeAnewAndNoChildRestarts) {
  ASSERT_EQ(children_.size(), 5u);
  world_->StartOperator();
  const auto writes = WritesOf(1min);

  for (const auto& [path, was] : before_) {
    const json::Value is = world_->Get(path);
    EXPECT_EQ(Uid(is), Uid(was)) << path;
    EXPECT_EQ(is.at("metadata").at("creationTimestamp"),
              was.at("metadata").at("creationTimestamp"));
    if (path == kDefinition || path == kCrd || path == kRevision) continue;
    json::Value a = was;
    json::Value b = is;
    a.as_object().erase("metadata");
    b.as_object().erase("metadata");
    EXPECT_EQ(json::Canonical(b), json::Canonical(a)) << path;
  }
  for (const auto& [object, lives] : world_->audit.lives()) {
    EXPECT_EQ(lives.creates, 0) << object;
    EXPECT_EQ(lives.deletes, 0) << object;
    EXPECT_LE(lives.updates, 1) << object;
  }
  // The labels that name the version, once.
  EXPECT_THAT(writes, ::testing::SizeIs(::testing::Le(children_.size() + 5)));
}

TEST_F(TakeOver, IsOverAfterOnePass) {
  world_->StartOperator();
  WritesOf(1min);
  EXPECT_THAT(WritesOf(10min), IsEmpty());
  world_->StopOperator(World::Stop::kKill);
  world_->StartOperator();
  EXPECT_THAT(WritesOf(1min), IsEmpty());
}

TEST_F(TakeOver, WhatTheOriginalMadeIsDeletedWithItsInstance) {
  world_->StartOperator();
  WritesOf(1min);
  world_->Ask({.method = "DELETE", .target = kInstance});
  WritesOf(1min);
  EXPECT_TRUE(world_->Get(kInstance).is_null());
  for (const std::string& path : children_) EXPECT_TRUE(world_->Get(path).is_null()) << path;
}

}  // namespace
}  // namespace kro::simulation
