// Tests of the pure parts: names, paths, versions, selectors, field sets, errors, frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/api_error.h"
#include "kube/backoff.h"
#include "kube/field_set.h"
#include "kube/label_selector.h"
#include "kube/object_key.h"
#include "kube/paths.h"
#include "kube/resource_version.h"
#include "kube/store.h"
#include "kube/watch_decoder.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json::Value Json(std::string_view text) { return *json::Parse(text); }

TEST(ObjectKey, PrintsAsGoDoes) {
  EXPECT_EQ(fmt::format("{}", ObjectKey{"ns", "web"}), "ns/web");
  EXPECT_EQ(fmt::format("{}", ObjectKey{"", "node"}), "/node");
  EXPECT_EQ((ObjectKey{"", "node"}).CacheKey(), "node");
}

TEST(Paths, FollowScopeAndGroup) {
  Gvr deployments{"apps", "v1", "deployments"};
  EXPECT_EQ(CollectionPath({"", "v1", "pods"}, "a"), "/api/v1/namespaces/a/pods");
  EXPECT_EQ(CollectionPath(deployments, ""), "/apis/apps/v1/deployments");
  EXPECT_EQ(ObjectPath(deployments, {"a", "b"}, "status"),
            "/apis/apps/v1/namespaces/a/deployments/b/status");
  EXPECT_EQ(ObjectPath({"", "v1", "nodes"}, {"", "a b:c"}), "/api/v1/nodes/a%20b%3Ac");
}

TEST(ResourceVersion, ComparesAsNumbersOfAnyLength) {
  EXPECT_TRUE(CompareResourceVersions("9", "10") < 0);
  EXPECT_TRUE(CompareResourceVersions("99999999999999999999", "100000000000000000000") < 0);
  EXPECT_TRUE(CompareResourceVersions("007", "7") == 0);
  EXPECT_TRUE(CompareResourceVersions("a", "a") == 0);
  EXPECT_EQ(CompareResourceVersions("a", "1"), std::partial_ordering::unordered);
  EXPECT_EQ(CompareResourceVersions("", "1"), std::partial_ordering::unordered);
}

struct SelectorCase {
  std::string text;
  std::string labels;
  bool matches;
};

TEST(LabelSelector, MatchesAsTheServerDoes) {
  const SelectorCase kCases[] = {
      {"", "{}", true},
      {"a=b", R"({"a":"b"})", true},
      {"a==b", R"({"a":"c"})", false},
      {"a!=b", "{}", true},
      {"a in (b, c)", R"({"a":"c"})", true},
      {"a notin (b)", "{}", true},
      {"a notin (b)", R"({"a":"b"})", false},
      {"a", R"({"a":""})", true},
      {"!a", R"({"a":""})", false},
      {"kro.run/owned=true,!x", R"({"kro.run/owned":"true"})", true},
  };
  for (const SelectorCase& c : kCases) {
    auto selector = LabelSelector::Parse(c.text);
    ASSERT_TRUE(selector) << c.text;
    json::Value object = Json(R"({"metadata":{"labels":)" + c.labels + "}}");
    EXPECT_EQ(selector->MatchesObject(object), c.matches) << c.text;
  }
  for (std::string bad : {"a in b", "=b", "a=b c", "a in (b", "a b", ","}) {
    EXPECT_FALSE(LabelSelector::Parse(bad)) << bad;
  }
}

TEST(LabelSelector, ConvertsObjectsDeterministically) {
  auto selector = LabelSelector::FromObject(Json(
      R"({"matchLabels":{"b":"1","a":"2"},"matchExpressions":[{"key":"c","operator":"In","values":["y","x"]}]})"));
  ASSERT_TRUE(selector);
  EXPECT_EQ(selector->ToString(), "a=2,b=1,c in (x,y)");
  EXPECT_TRUE(LabelSelector::FromObject(nullptr)->SelectsNothing());
  EXPECT_TRUE(LabelSelector::FromObject(json::Object())->SelectsEverything());
  EXPECT_FALSE(
      LabelSelector::FromObject(Json(R"({"matchExpressions":[{"key":"c","operator":"In"}]})")));
}

constexpr std::string_view kDeployment = R"({
  "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"a": "b"}},
  "spec": {"replicas": 2, "ports": [{"port": 80, "name": "http"}], "args": ["x", "y"]}})";

constexpr std::string_view kFields = R"({
  "f:metadata": {"f:labels": {"f:a": {}}},
  "f:spec": {"f:replicas": {}, "f:args": {},
    "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}}}}})";

TEST(FieldSet, CoversWhatWasApplied) {
  auto set = FieldSet::Parse(Json(kFields));
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->IsExactly(Json(kDeployment)));
}

TEST(FieldSet, NamesWhatAnotherWriterTook) {
  json::Value fields = Json(kFields);
  fields.as_object()["f:spec"].as_object().erase("f:replicas");
  auto set = FieldSet::Parse(fields);
  EXPECT_THAT(set->Missing(Json(kDeployment)), ElementsAre(".spec.replicas"));
}

TEST(FieldSet, SeesWhatIsNoLongerDesired) {
  json::Value desired = Json(kDeployment);
  desired.as_object()["spec"].as_object().erase("replicas");
  auto set = FieldSet::Parse(Json(kFields));
  EXPECT_TRUE(set->Missing(desired).empty());
  EXPECT_FALSE(set->IsExactly(desired));
}

TEST(FieldSet, FindsTheEntryOfAManager) {
  json::Value object = Json(R"({"metadata":{"managedFields":[
    {"manager":"kro","operation":"Update","fieldsV1":{"f:x":{}}},
    {"manager":"kro","operation":"Apply","subresource":"status","fieldsV1":{"f:y":{}}},
    {"manager":"kro","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:z":{}}}]}})");
  auto entry = FindApplyEntry(object, "kro");
  ASSERT_TRUE(entry && *entry);
  EXPECT_THAT((*entry)->fields.Paths(), ElementsAre(".z"));
  EXPECT_FALSE(FindApplyEntry(object, "other")->has_value());
}

TEST(FieldSet, NamesWhoTookAField) {
  const json::Value object = *json::Parse(R"({"metadata":{"managedFields":[
    {"manager":"kro.run/applyset","operation":"Apply","fieldsV1":{"f:spec":{"f:size":{}}}},
    {"manager":"autoscaler","operation":"Update","fieldsV1":{"f:spec":{"f:replicas":{}}}},
    {"manager":"odd","fieldsV1":{"x:what":{}}},
    {"manager":"autoscaler","operation":"Apply","fieldsV1":{"f:spec":{"f:replicas":{}}}}]}})");
  const json::Value desired = *json::Parse(R"({"spec":{"replicas":1,"size":2,"name":"n"}})");
  EXPECT_THAT(OwnersOf(object, desired, ".spec.replicas"), ElementsAre("autoscaler"));
  EXPECT_THAT(OwnersOf(object, desired, ".spec.name"), ElementsAre());
  EXPECT_THAT(OwnersOf(json::Object(), desired, ".spec.name"), ElementsAre());
}

TEST(ApiError, MakesUpAStatusForForeignBodies) {
  RequestSubject subject{"POST", "apps", "deployments", "web"};
  struct Case {
    int code;
    std::string reason;
    std::string text;
    ErrorCode action;
  };
  const Case kCases[] = {
      {400, "BadRequest", "the server rejected our request for an unknown reason",
       ErrorCode::kInvalid},
      {401, "Unauthorized", "asked for the client to provide credentials", ErrorCode::kForbidden},
      {403, "Forbidden", "<html>", ErrorCode::kForbidden},
      {404, "NotFound", "could not find the requested resource (post deployments.apps web)",
       ErrorCode::kNotFound},
      {405, "MethodNotAllowed", "does not allow this method", ErrorCode::kInvalid},
      {409, "AlreadyExists", "the server reported a conflict", ErrorCode::kConflict},
      {422, "Invalid", "due to an error in our request", ErrorCode::kInvalid},
      {429, "TooManyRequests", "too many requests", ErrorCode::kThrottled},
      {502, "InternalError", "an error on the server (\"<html>\") has prevented",
       ErrorCode::kUnavailable},
      {503, "ServiceUnavailable", "currently unable to handle", ErrorCode::kUnavailable},
      {504, "Timeout", "may still be processing", ErrorCode::kUnavailable},
      {418, "", "status code 418", ErrorCode::kInvalid},
  };
  for (const Case& c : kCases) {
    ApiError error = ErrorFromResponse(subject, {c.code, {}, "<html>"});
    EXPECT_EQ(error.status().reason, c.reason) << c.code;
    EXPECT_EQ(error.code(), c.action) << c.code;
    EXPECT_THAT(error.message(), HasSubstr(c.text));
  }
  ApiError large = ErrorFromResponse(subject, {500, {}, std::string(1 << 20, 'x')});
  EXPECT_LT(large.message().size(), 3000u);
}

TEST(ApiError, ReasonCountsBeforeCode) {
  Status status{.code = 400, .reason = "Expired"};
  EXPECT_TRUE(IsExpired(ApiError(status)));
  status.reason = "SomethingNew";
  status.code = 404;
  EXPECT_TRUE(IsNotFound(ApiError(status)));
  status.reason = "Conflict";
  EXPECT_FALSE(IsNotFound(ApiError(status)));
}

TEST(ApiError, TellsAMissingTypeFromAMissingObject) {
  RequestSubject subject{"GET", "kro.run", "webs", "a"};
  EXPECT_TRUE(IsTypeMissing(ErrorFromResponse(subject, {404, {}, "404 page not found"})));
  std::string body =
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"details":{"name":"a"}})";
  EXPECT_FALSE(IsTypeMissing(ErrorFromResponse(subject, {404, {}, body})));
}

TEST(ApiError, KeepsCausesOfAnApplyConflict) {
  std::string body = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict",
    "code":409,"message":"Apply failed","details":{"causes":[{"reason":"FieldManagerConflict",
    "message":"conflict with \"kubectl\"","field":".spec.replicas"}]}})";
  ApiError error = ErrorFromResponse({"PATCH", "", "x", "y"}, {409, {}, body});
  EXPECT_TRUE(IsApplyConflict(error));
  EXPECT_EQ(error.status().causes.at(0).field, ".spec.replicas");
}

TEST(FrameDecoder, ReadsTheSameEventsHoweverTheStreamIsSplit) {
  std::string stream = "{\"a\":\"}{\\\"\"}\n\n {\"b\":[{},{\"c\":\"]\"}]}{\"d\":1}\r\n";
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    FrameDecoder decoder;
    std::vector<std::string> frames;
    for (std::string_view part :
         {std::string_view(stream).substr(0, at), std::string_view(stream).substr(at)}) {
      decoder.Feed(part);
      while (true) {
        auto frame = decoder.Next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        frames.push_back(**frame);
      }
    }
    EXPECT_THAT(frames,
                ElementsAre("{\"a\":\"}{\\\"\"}", "{\"b\":[{},{\"c\":\"]\"}]}", "{\"d\":1}"));
    EXPECT_FALSE(decoder.InsideFrame());
  }
}

TEST(FrameDecoder, RefusesWhatIsTooLargeOrNoObject) {
  FrameDecoder large(8);
  large.Feed("{\"a\":\"0123456789");
  EXPECT_EQ(large.Next().error().code(), ErrorCode::kExhausted);
  FrameDecoder foreign;
  foreign.Feed("<html>");
  EXPECT_EQ(foreign.Next().error().code(), ErrorCode::kInvalid);
}

TEST(Backoff, DoublesToItsCapAndStartsOverAfterAPause) {
  Backoff backoff({}, [] { return 0.5; });
  MonotonicTime now{};
  EXPECT_EQ(backoff.Next(now), 1200ms);
  EXPECT_EQ(backoff.Next(now), 2400ms);
  for (int i = 0; i < 10; ++i) backoff.Next(now);
  EXPECT_EQ(backoff.Next(now), 45s);
  EXPECT_EQ(backoff.Next(now + 3min), 1200ms);
}

ObjectPtr Stored(std::string name, std::string uid, std::string version, std::string app = "x") {
  json::Value object = Json(fmt::format(
      R"({{"metadata":{{"name":"{}","uid":"{}","resourceVersion":"{}","labels":{{"app":"{}"}}}}}})",
      name, uid, version, app));
  return Projection().Apply(object);
}

TEST(Store, NeverGoesBackInTime) {
  Store store;
  store.Put(Stored("a", "1", "10"), Store::From::kOwnWrite);
  EXPECT_EQ(store.Put(Stored("a", "1", "9"), Store::From::kWatch).after, nullptr);
  EXPECT_EQ(store.Put(Stored("a", "1", "10"), Store::From::kWatch).after, nullptr);
  EXPECT_EQ(store.Get({"", "a"})->resource_version(), "10");
  EXPECT_TRUE(store.Replace({}, "9", Store::Versions::kContinue).empty());
  EXPECT_EQ(store.Replace({}, "11", Store::Versions::kContinue).size(), 1u);
}

TEST(Store, AListShowsDefaultsThatTheKindHasGotSince) {
  Store store;
  store.Put(Stored("a", "1", "10", "old"), Store::From::kOwnWrite);
  EXPECT_EQ(store.Replace({Stored("a", "1", "10", "new")}, "11", Store::Versions::kContinue).size(),
            1u);
  EXPECT_EQ(store.Get({"", "a"})->Label("app"), "new");
}

TEST(Store, AnOwnWriteDoesNotBringBackWhatWasDeleted) {
  Store store;
  store.Put(Stored("a", "1", "10"), Store::From::kWatch);
  store.Remove(Stored("a", "1", "12"));
  EXPECT_EQ(store.Put(Stored("a", "1", "11"), Store::From::kOwnWrite).after, nullptr);
  EXPECT_EQ(store.size(), 0u);
}

TEST(Store, TheDeletionOfANamesakeLeavesItsSuccessor) {
  Store store;
  store.Put(Stored("a", "2", "20"), Store::From::kOwnWrite);
  EXPECT_EQ(store.Remove(Stored("a", "1", "15")).before, nullptr);
  EXPECT_EQ(store.size(), 1u);
}

TEST(Store, FindsByIndexAsObjectsChange) {
  Store store;
  store.AddIndex("app", [](const StoredObject& o) {
    return std::vector<std::string>{std::string(o.Label("app"))};
  });
  store.Put(Stored("a", "1", "1", "x"), Store::From::kWatch);
  store.Put(Stored("a", "1", "2", "y"), Store::From::kWatch);
  EXPECT_TRUE(store.Find("app", "x").empty());
  EXPECT_EQ(store.Find("app", "y").size(), 1u);
}

constexpr std::string_view kPod = R"({"apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"a","uid":"u","resourceVersion":"1","annotations":{"kro.run/x":"1","other":"2"},
    "managedFields":[{"manager":"kro"},{"manager":"kubelet"}]},
  "spec":{"node":"n","containers":[{"image":"i"}]},"status":{"phase":"Running","ip":"1.2.3.4"}})";

TEST(Projection, KeepsWhatIsReadAndHashesTheRest) {
  Projection projection;
  projection.KeepPath(*json::FieldPath::Parse("status.phase"));
  projection.KeepPath(*json::FieldPath::Parse("spec.containers[0].image"));
  projection.KeepAnnotations("kro.run/");
  projection.KeepManager("kro");
  ObjectPtr stored = projection.Apply(Json(kPod));
  EXPECT_EQ(
      json::Canonical(stored->value()),
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"kro.run/x":"1"},"managedFields":[{"manager":"kro"}],"name":"a","resourceVersion":"1","uid":"u"},"spec":{"containers":[{"image":"i"}]},"status":{"phase":"Running"}})");
  json::Value changed = Json(kPod);
  changed.as_object()["status"].as_object()["ip"] = "5.6.7.8";
  EXPECT_NE(projection.Apply(changed)->rest_hash(), stored->rest_hash());
  json::Value touched = Json(kPod);
  touched.as_object()["metadata"].as_object()["resourceVersion"] = "2";
  EXPECT_EQ(projection.Apply(touched)->rest_hash(), stored->rest_hash());
}

TEST(Projection, KeepsOfTheOwnersOfALabelThatTheyAre) {
  Projection projection;
  projection.KeepManager("kro");
  projection.KeepOwnersOfLabel("part-of");
  const json::Value object = Json(R"({"metadata":{"name":"a","managedFields":[
    {"manager":"kro","operation":"Apply","fieldsV1":{"f:data":{}}},
    {"manager":"copier","operation":"Update","time":"t","fieldsV1":{"f:data":{},"f:metadata":{"f:labels":{"f:part-of":{},"f:x":{}}}}},
    {"manager":"kubelet","operation":"Update","fieldsV1":{"f:metadata":{"f:labels":{"f:x":{}}}}}]}})");
  EXPECT_EQ(
      json::Canonical(
          *json::Find(projection.Apply(object)->value(), {"metadata", "managedFields"})),
      R"([{"fieldsV1":{"f:data":{}},"manager":"kro","operation":"Apply"},)"
      R"({"fieldsV1":{"f:metadata":{"f:labels":{"f:part-of":{}}}},"manager":"copier","operation":"Update"}])");
  Projection less;
  less.KeepManager("kro");
  EXPECT_TRUE(projection.Covers(less));
  EXPECT_FALSE(less.Covers(projection));
}

TEST(Projection, KeepsWhereAPathEnds) {
  // An expression must miss the same member as in the whole object: `status.?ready`, `no such key: ready`.
  Projection projection;
  projection.KeepPath(json::FieldPath({"status", "ready"}));
  projection.KeepPath(json::FieldPath({"status", "deep", "down"}));
  projection.KeepPath(json::FieldPath({"spec", "size"}));
  const json::Value bare{{"metadata", {{"name", "a"}}}, {"status", {{"other", 1}}}};
  EXPECT_EQ(json::Serialize(*json::Find(projection.Apply(bare)->value(), "status")), "{}");
  EXPECT_EQ(json::Find(projection.Apply(bare)->value(), "spec"), nullptr);

  const json::Value part{{"metadata", {{"name", "a"}}},
                         {"status", {{"ready", 1}, {"deep", nullptr}}}};
  EXPECT_EQ(json::Canonical(*json::Find(projection.Apply(part)->value(), "status")),
            R"({"deep":null,"ready":1})");
}

TEST(Projection, KnowsWhetherAnotherGraphNeedsMore) {
  Projection kept;
  kept.KeepPath(*json::FieldPath::Parse("status"));
  Projection wanted;
  wanted.KeepPath(*json::FieldPath::Parse("status.phase"));
  EXPECT_TRUE(kept.Covers(wanted));
  wanted.KeepPath(*json::FieldPath::Parse("spec"));
  EXPECT_FALSE(kept.Covers(wanted));
  EXPECT_TRUE(Projection::Everything().Covers(wanted));
}

}  // namespace
}  // namespace kro::kube
