// The scenarios of spec kube-server section 13, as requests and what their answers hold.
#include "apiserver/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "apiserver/world_test_util.h"
#include "base/base64.h"
#include "json/path.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

using testing::HasSubstr;
using testing::Not;

struct World : ServerWorld {
  using ServerWorld::ServerWorld;

  http::Response Send(std::string method, std::string target, std::string body = {},
                      http::Headers headers = {}) {
    if (headers.Find("Content-Type") == nullptr) {
      headers.Add("Content-Type",
                  method == "PATCH" ? "application/merge-patch+json" : "application/json");
    }
    headers.Add("User-Agent", "tester/1");
    Server::Reply reply = server.Handle({.method = std::move(method),
                                         .target = std::move(target),
                                         .headers = std::move(headers),
                                         .body = std::move(body)});
    auto* response = std::get_if<http::Response>(&reply);
    return response != nullptr ? std::move(*response) : http::Response{0, {}, "no answer"};
  }
  http::Response Apply(std::string target, std::string manager, std::string body,
                       std::string more = {}) {
    return Send("PATCH", fmt::format("{}?fieldManager={}{}", target, manager, more),
                std::move(body), {{"Content-Type", "application/apply-patch+yaml"}});
  }
  std::shared_ptr<Watch> Open(std::string target) {
    Server::Reply reply = server.Handle({.method = "GET", .target = std::move(target)});
    auto* watch = std::get_if<std::shared_ptr<Watch>>(&reply);
    return watch == nullptr ? nullptr : *watch;
  }
};

const std::string kConfigMaps = "/api/v1/namespaces/default/configmaps";
const std::string kWidgets = "/apis/ex.io/v1/namespaces/default/widgets";
const std::string kDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

std::string ConfigMap(std::string_view name, std::string_view more = "") {
  return fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}}{}}})",
                     name, more);
}

std::string Definition(std::string_view plural = "widgets", std::string_view kind = "Widget") {
  return fmt::format(
      R"({{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
"metadata":{{"name":"{0}.ex.io"}},"spec":{{"group":"ex.io","scope":"Namespaced",
"names":{{"plural":"{0}","kind":"{1}"}},"versions":[{{"name":"v1","served":true,"storage":true,
"subresources":{{"status":{{}}}},"schema":{{"openAPIV3Schema":{{"type":"object","properties":{{
"spec":{{"type":"object","properties":{{"a":{{"type":"string"}},
"n":{{"type":"integer","minimum":1,"default":3}}}}}},
"status":{{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}}}}}}]}}}})",
      plural, kind);
}

std::string Widget(std::string_view name, std::string_view spec) {
  return fmt::format(
      R"({{"apiVersion":"ex.io/v1","kind":"Widget","metadata":{{"name":"{}"}},"spec":{}}})", name,
      spec);
}

std::string At(const http::Response& response, std::string_view path) {
  auto value = json::Parse(response.body);
  if (!value) return "unreadable: " + response.body;
  auto parsed = json::FieldPath::Parse(path);
  const json::Value* found = parsed ? json::Get(*value, *parsed) : nullptr;
  if (found == nullptr) return "";
  return found->is_string() ? std::string(found->get_string()) : json::Serialize(*found);
}

struct Case {
  std::string_view name;
  std::string method;
  std::string target;
  std::string body;
  int status;
  std::string_view holds;
  std::string accept = {};
};

// Each on a fresh server with ConfigMap `a` and the definition of widgets.
class Request : public testing::TestWithParam<Case> {};

TEST_P(Request, IsAnsweredAsByTheRealServer) {
  World world;
  ASSERT_EQ(world.Send("POST", kConfigMaps, ConfigMap("a", R"(,"data":{"k":"v"})")).status, 201);
  ASSERT_EQ(world.Send("POST", kDefinitions, Definition()).status, 201);
  world.Advance(1s);
  ASSERT_EQ(world.Send("POST", kWidgets, Widget("w", R"({"a":"x"})")).status, 201);
  const Case& test = GetParam();
  http::Headers headers;
  if (!test.accept.empty()) headers.Add("Accept", test.accept);
  http::Response response = world.Send(test.method, test.target, test.body, headers);
  EXPECT_EQ(response.status, test.status) << response.body;
  EXPECT_THAT(response.body, HasSubstr(std::string(test.holds)));
}

const Case kCases[] = {
    // Paths
    {"RootPath", "GET", "/foo", "", 404, "404 page not found"},
    {"UnknownGroup", "GET", "/apis/no.such/v1/foos", "", 404, "404 page not found"},
    {"UnknownBuiltin", "GET", "/apis/apps/v1/foos", "", 404,
     "the server could not find the requested resource"},
    {"UnknownCustom", "GET", "/apis/ex.io/v1/nosuch", "", 404, "404 page not found"},
    {"ClusterKindInNamespace", "GET", "/api/v1/namespaces/default/nodes", "", 404,
     "the server could not find the requested resource"},
    {"CreateEverywhere", "POST", "/api/v1/configmaps", ConfigMap("b"), 405,
     "the server does not allow this method"},
    {"PutCollection", "PUT", kConfigMaps, ConfigMap("b"), 405, "MethodNotAllowed"},
    {"PutCustomCollection", "PUT", kWidgets, Widget("b", "{}"), 400, "name must be provided"},
    {"MissingObject", "GET", kConfigMaps + "/x", "", 404,
     R"("details":{"name":"x","kind":"configmaps"})"},
    {"MissingNamespaceList", "GET", "/api/v1/namespaces/nosuch/configmaps", "", 200,
     R"("items":[])"},
    {"UndefinedSubresource", "GET", kWidgets + "/w/scale", "", 404,
     R"(widgets.ex.io \"w\" not found)"},
    {"Options", "OPTIONS", kConfigMaps, "", 405, "MethodNotAllowed"},
    {"BadTimeout", "GET", kConfigMaps + "?timeout=abc", "", 400, "invalid duration"},
    // Forms
    {"Html", "GET", kConfigMaps, "", 406, "Available representations", "text/html"},
    {"ProtobufThenJson", "GET", kConfigMaps, "", 200, "ConfigMapList",
     "application/vnd.kubernetes.protobuf,application/json"},
    {"Yaml", "GET", kConfigMaps + "/a", "", 200, "kind: ConfigMap", "application/yaml"},
    {"Table", "GET", kWidgets, "", 200, R"("cells":["w",)",
     "application/json;as=Table;g=meta.k8s.io;v=v1"},
    {"Partial", "GET", kConfigMaps + "/a", "", 200, R"("kind":"PartialObjectMetadata")",
     "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"},
    {"PartialListOfObject", "GET", kConfigMaps + "/a", "", 406,
     "you requested PartialObjectMetadataList",
     "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"},
    // Discovery
    {"Versions", "GET", "/api", "", 200, R"("versions":["v1"])"},
    {"Resources", "GET", "/apis/apps/v1", "", 200, R"("name":"deployments/scale")"},
    {"CustomGroup", "GET", "/apis/ex.io", "", 200, R"("groupVersion":"ex.io/v1")"},
    {"Aggregated", "GET", "/apis", "", 200, "APIGroupDiscoveryList",
     "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"},
    {"OpenApiIndex", "GET", "/openapi/v3", "", 200, "/openapi/v3/apis/ex.io/v1?hash="},
    {"OpenApiBuiltin", "GET", "/openapi/v3/apis/apps/v1", "", 200, "io.k8s.api.apps.v1.Deployment"},
    {"OpenApiCustom", "GET", "/openapi/v3/apis/ex.io/v1", "", 200, "io.ex.v1.Widget"},
    {"Version", "GET", "/version", "", 200, "gitVersion"},
    {"Ready", "GET", "/readyz?verbose", "", 200, "readyz check passed"},
    // Creation
    {"Twice", "POST", kConfigMaps, ConfigMap("a"), 409, R"(configmaps \"a\" already exists)"},
    {"WithVersion", "POST", kConfigMaps,
     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","resourceVersion":"5"}})", 500,
     "resourceVersion should not be set on objects to be created"},
    {"WithVersionZero", "POST", kConfigMaps,
     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","resourceVersion":"0"}})", 201,
     R"("name":"b")"},
    {"Nameless", "POST", kConfigMaps, R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{}})",
     422, "metadata.name: Required value: name or generateName is required"},
    {"OtherNamespace", "POST", kConfigMaps,
     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"x"}})", 400,
     "the namespace of the provided object does not match"},
    {"MissingNamespace", "POST", "/api/v1/namespaces/nosuch/configmaps", ConfigMap("b"), 404,
     R"(namespaces \"nosuch\" not found)"},
    {"WrongType", "POST", kConfigMaps, ConfigMap("b", R"(,"data":{"k":1})"), 400,
     "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
    {"WrongTypeOfKind", "POST", kConfigMaps, R"({"apiVersion":"v1","kind":5})", 400,
     "json parse error: json: cannot unmarshal number into Go struct field .kind of type string"},
    {"WrongTypePatched", "PATCH", kConfigMaps + "/a", R"({"data":{"k":1}})", 422,
     "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
    {"WrongTypeBeforeName", "PUT", kConfigMaps + "/a", R"({"metadata":{"name":5}})", 400,
     "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string"},
    {"UnknownStrict", "POST", kConfigMaps + "?fieldValidation=Strict",
     ConfigMap("b", R"(,"foo":1)"), 400, R"(strict decoding error: unknown field \"foo\")"},
    {"UnknownIgnored", "POST", kConfigMaps + "?fieldValidation=Ignore",
     ConfigMap("b", R"(,"foo":1)"), 201, R"("name":"b")"},
    {"BadValidation", "POST", kConfigMaps + "?fieldValidation=Nope", ConfigMap("b"), 422,
     "fieldValidation: Unsupported value"},
    {"BadDryRun", "POST", kConfigMaps + "?dryRun=Some", ConfigMap("b"), 422,
     R"(dryRun: Unsupported value: [\"Some\"]: supported values: \"All\")"},
    {"OtherKind", "POST", kConfigMaps,
     R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}})", 400,
     "cannot be handled as a ConfigMap"},
    {"CustomWithoutKind", "POST", kWidgets, R"({"metadata":{"name":"b"}})", 400,
     "Object 'Kind' is missing"},
    {"CustomOtherVersion", "POST", kWidgets,
     R"({"apiVersion":"ex.io/v2","kind":"Widget","metadata":{"name":"b"}})", 400,
     "does not match the expected API version"},
    {"CustomDefaults", "POST", kWidgets, Widget("b", R"({"a":"x"})"), 201, R"("n":3)"},
    {"CustomTooSmall", "POST", kWidgets, Widget("b", R"({"n":0})"), 422,
     "spec.n in body should be greater than or equal to 1"},
    // Updates
    {"WithoutVersion", "PUT", kConfigMaps + "/a", ConfigMap("a"), 200, R"("name":"a")"},
    {"CustomWithoutVersion", "PUT", kWidgets + "/w", Widget("w", "{}"), 422,
     "metadata.resourceVersion: Invalid value: 0: must be specified for an update"},
    {"OtherName", "PUT", kConfigMaps + "/a", ConfigMap("zz"), 400,
     "the name of the object (zz) does not match the name on the URL (a)"},
    {"OtherUid", "PUT", kConfigMaps + "/a",
     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","uid":"xx"}})", 409,
     "Precondition failed: UID in precondition: xx"},
    {"OldVersion", "PUT", kConfigMaps + "/a",
     R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","resourceVersion":"1"}})", 409,
     "the object has been modified"},
    {"PatchUid", "PATCH", kConfigMaps + "/a", R"({"metadata":{"uid":"xx"}})", 422,
     R"(metadata.uid: Invalid value: \"xx\": field is immutable)"},
    {"PatchMissing", "PATCH", kConfigMaps + "/x", "{}", 404, "not found"},
    {"PatchForce", "PATCH", kConfigMaps + "/a?force=true", "{}", 422,
     "force: Forbidden: may not be specified for non-apply patch"},
    // Lists
    {"BadLimit", "GET", kConfigMaps + "?limit=x", "", 400, "strconv.ParseInt"},
    {"MatchWithoutVersion", "GET", kConfigMaps + "?resourceVersionMatch=Exact", "", 422,
     "resourceVersionMatch is forbidden unless resourceVersion is provided"},
    {"BadContinue", "GET", kConfigMaps + "?continue=!!", "", 400, "continue key is not valid"},
    {"BadVersion", "GET", kConfigMaps + "?resourceVersion=abc", "", 400,
     "invalid resource version"},
    {"UnknownField", "GET", kConfigMaps + "?fieldSelector=foo%3Dbar", "", 400,
     R"(\"foo\" is not a known field selector)"},
    {"FieldSyntax", "GET", kConfigMaps + "?fieldSelector=foo", "", 400,
     "invalid selector: 'foo'; can't understand 'foo'"},
    {"ByName", "GET", kConfigMaps + "?fieldSelector=metadata.name%3Dnone", "", 200,
     R"("items":[])"},
    // Deletion
    {"Deleted", "DELETE", kConfigMaps + "/a", "", 200, R"("status":"Success")"},
    {"DeletedOtherUid", "DELETE", kConfigMaps + "/a", R"({"preconditions":{"uid":"x"}})", 409,
     R"(Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (x))"},
    {"BadPropagation", "DELETE", kConfigMaps + "/a?propagationPolicy=Foo", "", 422,
     R"(Unsupported value: \"Foo\": supported values: \"Foreground\")"},
    {"ProtectedNamespace", "DELETE", "/api/v1/namespaces/default", "", 403,
     "this namespace may not be deleted"},
    // Reviews
    {"CanI", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
     R"({"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}})", 201,
     R"("allowed":true)"},
};

INSTANTIATE_TEST_SUITE_P(Scenarios, Request, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Server, AnUnknownFieldIsDroppedWithAWarning) {
  World world;
  auto created = world.Send("POST", kConfigMaps, ConfigMap("b", R"(,"foo":1)"));
  EXPECT_EQ(created.status, 201);
  ASSERT_NE(created.headers.Find("Warning"), nullptr);
  EXPECT_EQ(*created.headers.Find("Warning"), R"(299 - "unknown field \"foo\"")");
  EXPECT_THAT(created.body, Not(HasSubstr("foo")));
}

TEST(Server, ADryRunStoresNothing) {
  World world;
  auto created = world.Send("POST", kConfigMaps + "?dryRun=All", ConfigMap("b"));
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(At(created, "metadata.resourceVersion"), "");
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/b").status, 404);
}

TEST(Server, AnUpdateThatChangesNothingWritesNothing) {
  World world;
  auto created = world.Send("POST", kConfigMaps, ConfigMap("a", R"(,"data":{"k":"v"})"));
  auto again = world.Send("PUT", kConfigMaps + "/a", ConfigMap("a", R"(,"data":{"k":"v"})"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(At(again, "metadata.resourceVersion"), At(created, "metadata.resourceVersion"));
}

TEST(Server, GenerationFollowsTheSpecOfCustomResources) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  auto created = world.Send("POST", kWidgets, Widget("w", R"({"a":"x"})"));
  EXPECT_EQ(At(created, "metadata.generation"), "1");
  auto labelled = world.Send("PATCH", kWidgets + "/w", R"({"metadata":{"labels":{"l":"1"}}})");
  EXPECT_EQ(At(labelled, "metadata.generation"), "1");
  auto changed = world.Send("PATCH", kWidgets + "/w", R"({"spec":{"a":"y"}})");
  EXPECT_EQ(At(changed, "metadata.generation"), "2");
  auto ignored = world.Send("PATCH", kWidgets + "/w", R"({"status":{"s":1}})");
  EXPECT_EQ(At(ignored, "metadata.resourceVersion"), At(changed, "metadata.resourceVersion"));
}

TEST(Server, TheStatusEndpointWritesTheStatusAlone) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  world.Send("POST", kWidgets, Widget("w", R"({"a":"x"})"));
  auto written = world.Send("PATCH", kWidgets + "/w/status",
                            R"({"metadata":{"labels":{"l":"1"},"finalizers":["a.b/c"]},)"
                            R"("spec":{"a":"y"},"status":{"s":1}})");
  EXPECT_EQ(written.status, 200) << written.body;
  EXPECT_EQ(At(written, "status"), R"({"s":1})");
  EXPECT_EQ(At(written, "spec.a"), "x");
  EXPECT_EQ(At(written, "metadata.labels"), "");
  EXPECT_EQ(At(written, "metadata.finalizers"), "");
}

TEST(Server, ACertificateIsAskedForInTheNameOfTheWriterAndApproved) {
  World world;
  const std::string requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const auto request = [](std::string_view name, std::string_view spec) {
    return fmt::format(
        R"({{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest",)"
        R"("metadata":{{"name":"{}"}},"spec":{}}})",
        name, spec);
  };
  const std::string pem = EncodeBase64(
      "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n");
  auto created =
      world.Send("POST", requests,
                 request("alice", fmt::format(R"({{"request":"{}","signerName":"ex.io/s","usages":)"
                                              R"(["client auth"],"expirationSeconds":86400,)"
                                              R"("username":"mallory"}})",
                                              pem)));
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(At(created, "spec.username"), "kubernetes-admin");
  EXPECT_EQ(At(created, "status"), "{}");

  auto approved = world.Send("PATCH", requests + "/alice/approval",
                             R"({"spec":{"username":"mallory"},"status":{"conditions":[)"
                             R"({"type":"Approved","status":"True","reason":"r"}]}})");
  ASSERT_EQ(approved.status, 200) << approved.body;
  EXPECT_EQ(At(approved, "spec.username"), "kubernetes-admin");
  EXPECT_NE(At(approved, "status.conditions[0].lastUpdateTime"), "");
  EXPECT_NE(At(approved, "status.conditions[0].lastTransitionTime"), "");
  auto table =
      world.Send("GET", requests, "", {{"Accept", "application/json;as=Table;g=meta.k8s.io;v=v1"}});
  EXPECT_EQ(At(table, "rows[0].cells"),
            R"(["alice","0s","ex.io/s","kubernetes-admin","24h","Approved"])");

  auto refused =
      world.Send("POST", requests,
                 request("b", R"({"request":"eA==","signerName":"s","expirationSeconds":1})"));
  EXPECT_EQ(refused.status, 422);
  for (std::string_view field :
       {"spec.request", "spec.usages", "spec.signerName", "spec.expirationSeconds"}) {
    EXPECT_THAT(refused.body, HasSubstr(field));
  }
}

TEST(Server, ListsPagesOfOneState) {
  World world;
  for (char c = 'a'; c < 'f'; ++c) {
    world.Send("POST", kConfigMaps, ConfigMap(std::string(1, c), "").insert(0, ""));
  }
  world.Send("DELETE", kConfigMaps + "/kube-root-ca.crt");
  auto page = world.Send("GET", kConfigMaps + "?limit=2");
  EXPECT_EQ(At(page, "metadata.remainingItemCount"), "3");
  world.Send("DELETE", kConfigMaps + "/c");
  auto next = world.Send("GET", kConfigMaps + "?limit=2&continue=" + At(page, "metadata.continue"));
  EXPECT_EQ(At(next, "items[0].metadata.name"), "c");
  EXPECT_EQ(At(next, "metadata.resourceVersion"), At(page, "metadata.resourceVersion"));
  world.server.CompactHistory();
  auto expired =
      world.Send("GET", kConfigMaps + "?limit=2&continue=" + At(page, "metadata.continue"));
  EXPECT_EQ(expired.status, 410);
  EXPECT_NE(At(expired, "metadata.continue"), "");
}

TEST(Server, AListOfTheFutureWaitsThenFails) {
  World world;
  http::Request request{.method = "GET", .target = kConfigMaps + "?resourceVersion=99999999"};
  EXPECT_TRUE(std::holds_alternative<Server::Hold>(world.server.Handle(request)));
  auto reply = world.server.Handle(request, Server::Attempt::kResumed);
  auto& response = std::get<http::Response>(reply);
  EXPECT_EQ(response.status, 504);
  EXPECT_THAT(response.body, HasSubstr("Too large resource version: 99999999"));
}

TEST(Server, AWatchTellsWhatEntersAndLeavesItsSelection) {
  World world;
  auto watch = world.Open(fmt::format("{}?watch=1&resourceVersion={}&labelSelector=l%3D1",
                                      kConfigMaps, world.server.revision()));
  ASSERT_NE(watch, nullptr);
  world.Send("POST", kConfigMaps, ConfigMap("a"));
  EXPECT_EQ(watch->Take(), "");
  world.Send("PATCH", kConfigMaps + "/a", R"({"metadata":{"labels":{"l":"1"}}})");
  EXPECT_THAT(watch->Take(), HasSubstr(R"("type":"ADDED")"));
  auto left = world.Send("PATCH", kConfigMaps + "/a", R"({"metadata":{"labels":{"l":"2"}}})");
  std::string deleted = watch->Take();
  EXPECT_THAT(deleted, HasSubstr(R"("type":"DELETED")"));
  EXPECT_THAT(deleted, HasSubstr(R"("l":"1")"));
  EXPECT_THAT(deleted, HasSubstr(fmt::format(R"("resourceVersion":"{}")",
                                             At(left, "metadata.resourceVersion"))));
}

TEST(Server, AWatchListEndsItsBeginningWithABookmark) {
  World world;
  world.Send("POST", kConfigMaps, ConfigMap("a"));
  auto watch = world.Open(kConfigMaps +
                          "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                          "&allowWatchBookmarks=true");
  ASSERT_NE(watch, nullptr);
  std::string events = watch->Take();
  EXPECT_THAT(events, HasSubstr(R"("type":"ADDED")"));
  EXPECT_THAT(events, HasSubstr(R"("k8s.io/initial-events-end":"true")"));
}

TEST(Server, AWatchOfForgottenHistoryGetsAnErrorFrame) {
  World world;
  world.Send("POST", kConfigMaps, ConfigMap("a"));
  world.server.CompactHistory();
  auto watch = world.Open(kConfigMaps + "?watch=1&resourceVersion=2");
  ASSERT_NE(watch, nullptr);
  EXPECT_THAT(watch->Take(), HasSubstr("too old resource version: 2 ("));
  EXPECT_TRUE(watch->ended());
}

TEST(Server, AWatchEndsAtItsTimeAfterABookmark) {
  World world;
  auto watch = world.Open(
      fmt::format("{}?watch=1&resourceVersion={}&allowWatchBookmarks=true&timeoutSeconds=3",
                  kConfigMaps, world.server.revision()));
  ASSERT_NE(watch, nullptr);
  world.Send("POST", "/api/v1/namespaces/default/secrets",
             R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}})");
  world.Advance(1s);
  EXPECT_THAT(watch->Take(), HasSubstr("BOOKMARK"));
  EXPECT_FALSE(watch->ended());
  world.Advance(2s);
  EXPECT_TRUE(watch->ended());
}

TEST(Server, FinalizersHoldADeletedObject) {
  World world;
  world.Send(
      "POST", kConfigMaps,
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","finalizers":["a.b/c"]}})");
  auto deleted = world.Send("DELETE", kConfigMaps + "/a");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_NE(At(deleted, "metadata.deletionTimestamp"), "");
  auto added =
      world.Send("PATCH", kConfigMaps + "/a", R"({"metadata":{"finalizers":["a.b/c","d.e/f"]}})");
  EXPECT_EQ(added.status, 422);
  EXPECT_THAT(added.body, HasSubstr("no new finalizers can be added"));
  auto released = world.Send("PATCH", kConfigMaps + "/a", R"({"metadata":{"finalizers":null}})");
  EXPECT_EQ(released.status, 200);
  EXPECT_EQ(At(released, "metadata.resourceVersion"), At(deleted, "metadata.resourceVersion"));
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/a").status, 404);
}

TEST(Server, OwnersGoneTakeTheirDependentsWithThem) {
  World world;
  auto owner = world.Send("POST", kConfigMaps, ConfigMap("owner"));
  std::string uid = At(owner, "metadata.uid");
  const auto dependent = [&](std::string_view name, std::string_view owner_uid) {
    return fmt::format(
        R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}","ownerReferences":[)"
        R"({{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{}"}}]}}}})",
        name, owner_uid);
  };
  world.Send("POST", kConfigMaps, dependent("child", uid));
  world.Send("POST", kConfigMaps, dependent("stray", "another"));
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/child").status, 200);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/stray").status, 404);
  world.Send("DELETE", kConfigMaps + "/owner");
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/child").status, 404);
}

TEST(Server, ForegroundDeletionWaitsForBlockingDependents) {
  World world;
  auto owner = world.Send("POST", kConfigMaps, ConfigMap("owner"));
  world.Send("POST", kConfigMaps,
             fmt::format(
                 R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"child",)"
                 R"("finalizers":["a.b/c"],"ownerReferences":[{{"apiVersion":"v1",)"
                 R"("kind":"ConfigMap","name":"owner","uid":"{}","blockOwnerDeletion":true}}]}}}})",
                 At(owner, "metadata.uid")));
  world.Send("DELETE", kConfigMaps + "/owner?propagationPolicy=Foreground");
  world.Advance(10s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/owner").status, 200);
  EXPECT_NE(At(world.Send("GET", kConfigMaps + "/child"), "metadata.deletionTimestamp"), "");
  world.Send("PATCH", kConfigMaps + "/child", R"({"metadata":{"finalizers":null}})");
  world.Advance(10s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/owner").status, 404);
}

TEST(Server, OrphaningLeavesDependentsWithoutTheirOwner) {
  World world;
  auto owner = world.Send("POST", kConfigMaps, ConfigMap("owner"));
  world.Send(
      "POST", kConfigMaps,
      fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"child",)"
                  R"("ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap","name":"owner",)"
                  R"("uid":"{}"}}]}}}})",
                  At(owner, "metadata.uid")));
  world.Send("DELETE", kConfigMaps + "/owner?propagationPolicy=Orphan");
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/owner").status, 404);
  auto child = world.Send("GET", kConfigMaps + "/child");
  EXPECT_EQ(child.status, 200);
  EXPECT_EQ(At(child, "metadata.ownerReferences"), "");
}

TEST(Server, ADeletedNamespaceIsEmptiedFirst) {
  World world;
  world.Send("POST", "/api/v1/namespaces",
             R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}})");
  world.Advance(1s);
  world.Send(
      "POST", "/api/v1/namespaces/n/configmaps",
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","finalizers":["a.b/c"]}})");
  world.Send("DELETE", "/api/v1/namespaces/n");
  auto refused = world.Send("POST", "/api/v1/namespaces/n/configmaps", ConfigMap("b"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("because it is being terminated"));
  world.Advance(10s);
  auto stuck = world.Send("GET", "/api/v1/namespaces/n");
  EXPECT_THAT(stuck.body, HasSubstr("configmaps. has 1 resource instances"));
  world.Send("PATCH", "/api/v1/namespaces/n/configmaps/a", R"({"metadata":{"finalizers":null}})");
  world.Advance(20s);
  EXPECT_EQ(world.Send("GET", "/api/v1/namespaces/n").status, 404);
}

TEST(Server, DefinitionsOfTheSameKindWaitForEachOther) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  world.Send("POST", kDefinitions, Definition("gadgets", "Widget"));
  world.Advance(1s);
  auto loser = world.Send("GET", kDefinitions + "/gadgets.ex.io");
  EXPECT_THAT(loser.body, HasSubstr("KindConflict"));
  EXPECT_EQ(world.Send("GET", "/apis/ex.io/v1/namespaces/default/gadgets").status, 404);
  world.Send("DELETE", kDefinitions + "/widgets.ex.io");
  world.Advance(10s);
  EXPECT_EQ(world.Send("GET", "/apis/ex.io/v1/namespaces/default/gadgets").status, 200);
}

TEST(Server, ADeletedDefinitionTakesItsInstancesWithIt) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  world.Send("POST", kWidgets, Widget("w", "{}"));
  auto watch =
      world.Open(fmt::format("{}?watch=1&resourceVersion={}", kWidgets, world.server.revision()));
  auto deleted = world.Send("DELETE", kDefinitions + "/widgets.ex.io");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(world.Send("POST", kWidgets, Widget("x", "{}")).status, 403);
  world.Advance(1s);
  EXPECT_THAT(watch->Take(), HasSubstr(R"("type":"DELETED")"));
  EXPECT_TRUE(watch->ended());
  auto gone = world.Send("GET", kDefinitions + "/widgets.ex.io");
  EXPECT_EQ(gone.status, 404) << gone.body;
  EXPECT_EQ(world.Send("GET", kWidgets).body, "404 page not found\n");
}

TEST(Server, ANewSchemaEndsWatchesAndShapesOldObjects) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  world.Send("POST", kWidgets, Widget("w", R"({"a":"x"})"));
  auto watch =
      world.Open(fmt::format("{}?watch=1&resourceVersion={}", kWidgets, world.server.revision()));
  auto changed = world.Send(
      "PATCH", kDefinitions + "/widgets.ex.io",
      R"([{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties",)"
      R"("value":{"b":{"type":"string","default":"new"}}}])",
      {{"Content-Type", "application/json-patch+json"}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  world.Advance(1s);
  EXPECT_TRUE(watch->ended());
  EXPECT_EQ(At(world.Send("GET", kWidgets + "/w"), "spec"), R"({"b":"new"})");
}

TEST(Server, ApplyReportsConflictsAndTakesOverByForce) {
  World world;
  const auto body = [](std::string_view value) {
    return ConfigMap("a", fmt::format(R"(,"data":{{"k":"{}"}})", value));
  };
  EXPECT_EQ(world.Apply(kConfigMaps + "/a", "A", body("1")).status, 201);
  EXPECT_EQ(world.Apply(kConfigMaps + "/a", "A", body("1")).status, 200);
  auto conflict = world.Apply(kConfigMaps + "/a", "B", body("2"));
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(At(conflict, "message"), R"(Apply failed with 1 conflict: conflict with "A": .data.k)");
  auto forced = world.Apply(kConfigMaps + "/a", "B", body("2"), "&force=true");
  EXPECT_EQ(forced.status, 200);
  EXPECT_EQ(At(forced, "data.k"), "2");
  EXPECT_EQ(world.Apply(kConfigMaps + "/a", "", body("2")).status, 422);
}

TEST(Server, ServicesGetAddressesThatStay) {
  World world;
  const std::string services = "/api/v1/namespaces/default/services";
  auto created = world.Send("POST", services,
                            R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},)"
                            R"("spec":{"ports":[{"port":80}]}})");
  ASSERT_EQ(created.status, 201) << created.body;
  std::string address = At(created, "spec.clusterIP");
  EXPECT_THAT(address, HasSubstr("10.96."));
  EXPECT_EQ(At(created, "spec.ports[0].targetPort"), "80");
  auto replaced = world.Send("PUT", services + "/s",
                             R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},)"
                             R"("spec":{"ports":[{"port":81}]}})");
  EXPECT_EQ(At(replaced, "spec.clusterIP"), address);
  auto moved = world.Send("PATCH", services + "/s", R"({"spec":{"clusterIP":"10.96.9.9"}})");
  EXPECT_EQ(moved.status, 422);
  EXPECT_THAT(moved.body, HasSubstr("may not change once set"));
}

TEST(Server, JobsComplete) {
  World world;
  const std::string jobs = "/apis/batch/v1/namespaces/default/jobs";
  auto created = world.Send(
      "POST", jobs,
      R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"},"spec":{"template":{"spec":)"
      R"({"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}}}})");
  ASSERT_EQ(created.status, 201) << created.body;
  world.Advance(5s);
  auto done = world.Send("GET", jobs + "/j");
  EXPECT_EQ(At(done, "status.succeeded"), "1") << done.body;
  EXPECT_THAT(done.body, HasSubstr(R"("type":"Complete")"));
}

TEST(Server, StatefulSetsStartTheirPodsInOrder) {
  World world;
  const std::string sets = "/apis/apps/v1/namespaces/default/statefulsets";
  auto created = world.Send(
      "POST", sets,
      R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db"},"spec":{"replicas":2,)"
      R"("serviceName":"db","selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
      R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}})");
  ASSERT_EQ(created.status, 201) << created.body;
  world.Advance(5s);
  EXPECT_EQ(At(world.Send("GET", sets + "/db"), "status.readyReplicas"), "2");
  EXPECT_EQ(world.Send("GET", "/api/v1/namespaces/default/pods/db-1").status, 200);
}

TEST(Server, ScalesThroughTheSubresource) {
  World world;
  const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  world.Send("POST", deployments,
             R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{)"
             R"("selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},)"
             R"("spec":{"containers":[{"name":"c","image":"i:1"}]}}}})");
  world.Advance(1s);
  auto scaled = world.Send("PATCH", deployments + "/d/scale", R"({"spec":{"replicas":3}})");
  ASSERT_EQ(scaled.status, 200) << scaled.body;
  EXPECT_EQ(At(scaled, "kind"), "Scale");
  world.Advance(1s);
  EXPECT_EQ(At(world.Send("GET", deployments + "/d"), "status.availableReplicas"), "3");
}

TEST(Server, RollsADeploymentToItsNewTemplate) {
  World world;
  const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  world.Send("POST", deployments,
             R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{)"
             R"("replicas":3,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
             R"({"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}})");
  world.Advance(1s);
  auto patched = world.Send("PATCH", deployments + "/d",
                            R"({"spec":{"template":{"spec":{"containers":[{"name":"c",)"
                            R"("image":"i:2"}]}}}})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  world.Advance(90s);
  auto rolled = world.Send("GET", deployments + "/d");
  EXPECT_EQ(At(rolled, "status.updatedReplicas"), "3") << rolled.body;
  EXPECT_EQ(At(rolled, "status.replicas"), "3");
  EXPECT_THAT(rolled.body, HasSubstr("NewReplicaSetAvailable"));
}

TEST(Server, AggregatedDiscoveryIsNotSentAgain) {
  World world;
  const std::string accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  auto first = world.Send("GET", "/api", "", {{"Accept", accept}});
  ASSERT_NE(first.headers.Find("ETag"), nullptr);
  auto again = world.Send("GET", "/api", "",
                          {{"Accept", accept}, {"If-None-Match", *first.headers.Find("ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
}

TEST(Server, NamesAreGeneratedFromAnAlphabetThatSpellsNoWords) {
  World world;
  auto created =
      world.Send("POST", kConfigMaps,
                 R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"g-"}})");
  const std::string name = At(created, "metadata.name");
  ASSERT_EQ(name.size(), 7U);
  EXPECT_EQ(name.find_first_not_of("bcdfghjklmnpqrstvwxz2456789", 2), std::string::npos) << name;
  EXPECT_EQ(At(created, "metadata.generateName"), "g-");
}

TEST(Server, BodiesAndObjectsHaveLimits) {
  World world;
  world.Send("POST", kDefinitions, Definition());
  world.Advance(1s);
  const auto with = [](std::size_t bytes) {
    return Widget("w", fmt::format(R"({{"a":"{}"}})", std::string(bytes, 'x')));
  };
  auto stored = world.Send("POST", kWidgets, with(1'600'000));
  EXPECT_EQ(stored.status, 500);
  EXPECT_EQ(At(stored, "message"), "etcdserver: request is too large");
  EXPECT_EQ(world.Send("POST", kWidgets, with(3'200'000)).status, 413);
}

TEST(Server, WhatIsTooLargeWithManagedFieldsGoesWithoutThem) {
  World world;
  const auto with = [](std::size_t bytes) {
    std::string data;
    for (int i = 0; i < 40'000; ++i) data += fmt::format(R"("{:08}":"",)", i);
    data += fmt::format(R"("x":"{}")", std::string(bytes, 'x'));
    return ConfigMap("a", fmt::format(R"(,"data":{{{}}})", data));
  };
  EXPECT_THAT(world.Send("POST", kConfigMaps, with(1'000)).body, HasSubstr("managedFields"));
  const auto large = world.Send("PUT", kConfigMaps + "/a", with(600'000));
  EXPECT_EQ(large.status, 200);
  EXPECT_THAT(large.body, Not(HasSubstr("managedFields")));
  const auto applied = world.Apply(kConfigMaps + "/a", "m", with(600'001), "&force=true");
  EXPECT_EQ(At(applied, "message"), "etcdserver: request is too large");
}

TEST(Server, AGetOfNoVersionFails) {
  World world;
  world.Send("POST", kConfigMaps, ConfigMap("a"));
  for (std::string_view version : {"abc", "-1", "1x", "99999999999999999999"}) {
    const auto refused =
        world.Send("GET", fmt::format("{}/a?resourceVersion={}", kConfigMaps, version));
    EXPECT_EQ(refused.status, 500) << version;
    EXPECT_THAT(refused.body, HasSubstr("strconv.ParseUint")) << version;
  }
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/a?resourceVersion=0").status, 200);
}

TEST(Server, IndentsForPeople) {
  World world;
  world.Send("POST", kConfigMaps, ConfigMap("a"));
  const std::string line = "{\n  \"";
  const auto of_curl = [&](std::string_view more) {
    Server::Reply reply = world.server.Handle({.method = "GET",
                                               .target = fmt::format("{}{}", kConfigMaps, more),
                                               .headers = {{"User-Agent", "curl/8.5.0"}}});
    return std::get<http::Response>(reply).body;
  };
  EXPECT_TRUE(of_curl("").starts_with(line));
  EXPECT_TRUE(of_curl("/a").starts_with(line));
  EXPECT_TRUE(of_curl("/none").starts_with(line));
  EXPECT_FALSE(of_curl("?pretty=false").starts_with(line));
  EXPECT_TRUE(world.Send("GET", kConfigMaps + "?pretty=true").body.starts_with(line));
  EXPECT_FALSE(world.Send("GET", kConfigMaps).body.starts_with(line));
}

TEST(Server, NamesEveryRequest) {
  World world;
  const auto answer = world.Send("GET", kConfigMaps, "", {{"Audit-ID", "mine"}});
  EXPECT_EQ(*answer.headers.Find("Audit-Id"), "mine");
  auto watch = world.Open(kConfigMaps + "?watch=1");
  ASSERT_NE(watch, nullptr);
  EXPECT_NE(watch->headers().Find("Audit-Id"), nullptr);
}

TEST(Server, AnApplyIsReadAsYaml) {
  World world;
  const auto apply = [&](std::string_view value) {
    return world.Apply(kConfigMaps + "/a", "m",
                       fmt::format("{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{"
                                   "\"name\":\"a\"}},\n\"data\":{{\"a\":\"{}\"}}}}",
                                   value));
  };
  const std::string begin = "error decoding YAML: error converting YAML to JSON: yaml: line 2: ";
  EXPECT_EQ(At(apply(R"(\ud83d\ude00)"), "message"),
            begin + "found invalid Unicode character escape code");
  EXPECT_EQ(At(apply(R"(\/)"), "message"), begin + "found unknown escape character");
  EXPECT_EQ(At(apply(R"(\u00e9\\ud83d)"), "data.a"), "\u00e9\\ud83d");
}

TEST(Server, TellsWhetherAProtectedGroupIsApproved) {
  World world;
  const auto create = [&](std::string_view annotation) {
    std::string definition = Definition();
    for (std::size_t at; (at = definition.find("ex.io")) != std::string::npos;) {
      definition.replace(at, 5, "ex.k8s.io");
      if (definition.find("ex.io") == std::string::npos) break;
    }
    const std::string name = R"("metadata":{)";
    definition.replace(
        definition.find(name), name.size(),
        fmt::format(R"({}"annotations":{{"api-approved.kubernetes.io":"{}"}},)", name, annotation));
    auto answer = world.Send("POST", kDefinitions, definition);
    world.Advance(1s);
    return answer.status;
  };
  EXPECT_EQ(create("yes"), 422);
  EXPECT_EQ(create(""), 422);
  EXPECT_EQ(create("https://github.com/kubernetes/kubernetes/pull/1"), 201);
  const std::string path = kDefinitions + "/widgets.ex.k8s.io";
  EXPECT_THAT(world.Send("GET", path).body,
              HasSubstr("approved in https://github.com/kubernetes/kubernetes/pull/1"));
  world.Send(
      "PATCH", path,
      R"({"metadata":{"annotations":{"api-approved.kubernetes.io":"unapproved, a trial"}}})");
  world.Advance(1s);
  EXPECT_THAT(world.Send("GET", path).body, HasSubstr(R"("reason":"UnapprovedAnnotation")"));
}

TEST(Server, CreationAfterADefinitionIsHeldIfAskedFor) {
  World world({.hold_after_established = 2s});
  world.Send("POST", kDefinitions, Definition());
  world.Advance(100ms);
  const http::Request create{.method = "POST",
                             .target = kWidgets,
                             .headers = {{"Content-Type", "application/json"}},
                             .body = Widget("w", "{}")};
  EXPECT_TRUE(std::holds_alternative<Server::Hold>(world.server.Handle(create)));
  // An apply is not.
  EXPECT_EQ(world.Apply(kWidgets + "/v", "A", Widget("v", "{}")).status, 201);
  auto reply = world.server.Handle(create, Server::Attempt::kResumed);
  EXPECT_EQ(std::get<http::Response>(reply).status, 201);
}

TEST(Server, ADefinitionStartsWithoutConditions) {
  World world;
  auto created = world.Send("POST", kDefinitions, Definition());
  EXPECT_EQ(At(created, "status.conditions"), "null");
  EXPECT_EQ(At(created, "spec.names.listKind"), "WidgetList");
  world.Advance(1s);
  auto served = world.Send("GET", kDefinitions + "/widgets.ex.io");
  EXPECT_THAT(served.body, HasSubstr("InitialNamesAccepted"));
}

TEST(Server, AnOwnerInAnotherNamespaceIsAbsent) {
  World world;
  world.Send("POST", "/api/v1/namespaces",
             R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"other"}})");
  auto owner = world.Send("POST", "/api/v1/namespaces/other/configmaps", ConfigMap("owner"));
  world.Send("POST", kConfigMaps,
             fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"d",)"
                         R"("ownerReferences":[{{"apiVersion":"v1","kind":"ConfigMap",)"
                         R"("name":"owner","uid":"{}"}}]}}}})",
                         At(owner, "metadata.uid")));
  world.Advance(5s);
  EXPECT_EQ(world.Send("GET", kConfigMaps + "/d").status, 404);
  EXPECT_EQ(world.Send("GET", "/api/v1/namespaces/other/configmaps/owner").status, 200);
}

TEST(Server, ADeletionHasARevisionAfterTheAnswerThatLetItHappen) {
  World world;
  world.Send(
      "POST", kConfigMaps,
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","finalizers":["a.b/c"]}})");
  auto deleted = world.Send("DELETE", kConfigMaps + "/a");
  auto watch = world.Open(
      fmt::format("{}?watch=1&resourceVersion={}", kConfigMaps, world.server.revision()));
  auto released = world.Send("PATCH", kConfigMaps + "/a", R"({"metadata":{"finalizers":null}})");
  EXPECT_EQ(At(released, "metadata.resourceVersion"), At(deleted, "metadata.resourceVersion"));
  const std::string event = watch->Take();
  EXPECT_THAT(event, HasSubstr(R"("type":"DELETED")"));
  EXPECT_THAT(event, HasSubstr(fmt::format(R"("resourceVersion":"{}")", world.server.revision())));
}

TEST(Server, KnowsItsUsersByTheirTokens) {
  World world({.default_user = std::nullopt,
               .tokens = {{"secret", {.name = "root", .groups = {"system:masters"}}},
                          {"alices", {.name = "alice", .groups = {}}}}});
  const auto ask = [&](std::string target, std::string token) {
    http::Headers headers;
    if (!token.empty()) headers.Add("Authorization", "Bearer " + token);
    return world.Send("GET", std::move(target), "", std::move(headers));
  };
  EXPECT_EQ(ask(kConfigMaps, "secret").status, 200);
  auto refused = ask(kConfigMaps, "alices");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(
      At(refused, "message"),
      R"(configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group )"
      R"("" in the namespace "default")");
  EXPECT_EQ(ask("/apis", "alices").status, 200);
  EXPECT_EQ(ask("/healthz", "").status, 200);
  EXPECT_EQ(ask("/apis", "").status, 403);
  EXPECT_EQ(ask("/healthz", "wrong").status, 401);
}

TEST(Server, ATokenOfAServiceAccountDiesWithIt) {
  World world;
  const std::string accounts = "/api/v1/namespaces/default/serviceaccounts";
  world.Send("POST", accounts,
             R"({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"bob"}})");
  const std::string token = At(world.Send("POST", accounts + "/bob/token", "{}"), "status.token");
  const auto whoami = [&] {
    return world.Send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}",
                      {{"Authorization", "Bearer " + token}});
  };
  EXPECT_EQ(At(whoami(), "status.userInfo.username"), "system:serviceaccount:default:bob");
  world.Advance(2h);
  EXPECT_EQ(whoami().status, 401);
  world.Send("DELETE", accounts + "/bob");
  EXPECT_EQ(whoami().status, 401);
}

TEST(Server, AggregatedRolesFollowTheRolesTheySelect) {
  World world;
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  world.Send(
      "POST", roles,
      R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{)"
      R"("name":"widgets-view","labels":{"rbac.authorization.k8s.io/aggregate-to-view":"true"}},)"
      R"("rules":[{"apiGroups":["ex.io"],"resources":["widgets"],"verbs":["get"]}]})");
  world.Advance(1s);
  EXPECT_THAT(world.Send("GET", roles + "/view").body, HasSubstr(R"("widgets")"));
  world.Send("DELETE", roles + "/widgets-view");
  world.Advance(1s);
  EXPECT_THAT(world.Send("GET", roles + "/view").body, Not(HasSubstr(R"("widgets")")));
}

TEST(Server, TheSameSeedGivesTheSameAnswers) {
  World one;
  World two;
  auto a = one.Send("POST", kConfigMaps, ConfigMap("a"));
  auto b = two.Send("POST", kConfigMaps, ConfigMap("a"));
  EXPECT_EQ(a.body, b.body);
}

constexpr std::string_view kAutoscalers = "/namespaces/default/horizontalpodautoscalers";

json::Value Body(const http::Response& response) {
  auto value = json::Parse(response.body);
  return value ? *value : json::Value(nullptr);
}

TEST(ServerVersions, AnAutoscalerIsTheSameObjectInBothVersions) {
  World world;
  const std::string v1 = fmt::format("/apis/autoscaling/v1{}", kAutoscalers);
  const std::string v2 = fmt::format("/apis/autoscaling/v2{}", kAutoscalers);
  auto created = world.Send("POST", v1, R"({"metadata":{"name":"web"},"spec":{"maxReplicas":5,
"targetCPUUtilizationPercentage":60,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}})");
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(world.At(v1 + "/web", "apiVersion"), "autoscaling/v1");
  EXPECT_EQ(world.At(v1 + "/web", "spec.targetCPUUtilizationPercentage"), "60");
  EXPECT_EQ(world.At(v2 + "/web", "apiVersion"), "autoscaling/v2");
  EXPECT_EQ(world.At(v2 + "/web", "spec.metrics[0].resource.target.averageUtilization"), "60");
  EXPECT_EQ(world.At(v2 + "/web", "spec.minReplicas"), "1");

  // What v1 has no field for goes along in annotations, there and back.
  auto patched =
      world.Send("PATCH", v2 + "/web", R"({"spec":{"behavior":{"scaleDown":{"selectPolicy":"Min"}},
"metrics":[{"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},
{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}}]}})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  const json::Value seen = world.Get(v1 + "/web");
  const json::Value* annotations = json::Find(seen, {"metadata", "annotations"});
  ASSERT_NE(annotations, nullptr);
  EXPECT_EQ(json::FindString(*annotations, {"autoscaling.alpha.kubernetes.io/metrics"}),
            R"([{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}])");
  EXPECT_EQ(
      json::FindString(*annotations, {"autoscaling.alpha.kubernetes.io/behavior"}),
      R"({"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,)"
      R"("PeriodSeconds":15},{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null},)"
      R"("ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Min","Policies":[{"Type":"Percent",)"
      R"("Value":100,"PeriodSeconds":15}],"Tolerance":null}})");
  EXPECT_EQ(world.At(v1 + "/web", "spec.targetCPUUtilizationPercentage"), "70");
  auto labelled = world.Send("PATCH", v1 + "/web", R"({"metadata":{"labels":{"a":"b"}}})");
  ASSERT_EQ(labelled.status, 200) << labelled.body;
  EXPECT_EQ(world.At(v2 + "/web", "spec.metrics[0].resource.target.averageValue"), "1Gi");
  EXPECT_EQ(world.At(v2 + "/web", "spec.behavior.scaleDown.selectPolicy"), "Min");
  EXPECT_EQ(world.At(v2 + "/web", "metadata.annotations"), "nothing");
  EXPECT_EQ(json::FindString(Body(world.Send("DELETE", v1 + "/web")), {"status"}), "Success");
  EXPECT_EQ(world.Send("GET", v2 + "/web").status, 404);
}

TEST(ServerVersions, OwnershipIsKeptByVersionAndConflictsAcrossThem) {
  World world;
  const std::string v1 = fmt::format("/apis/autoscaling/v1{}/web", kAutoscalers);
  const std::string v2 = fmt::format("/apis/autoscaling/v2{}/web", kAutoscalers);
  const auto config = [](std::string_view version, std::string_view more) {
    return fmt::format(
        R"({{"apiVersion":"autoscaling/{}","kind":"HorizontalPodAutoscaler","metadata":
{{"name":"web"}},"spec":{{"maxReplicas":5,{}"scaleTargetRef":{{"apiVersion":"apps/v1","kind":"Deployment",
"name":"web"}}}}}})",
        version, more);
  };
  ASSERT_EQ(world.Apply(v1, "a", config("v1", R"("targetCPUUtilizationPercentage":60,)")).status,
            201);
  auto refused = world.Apply(v2, "b", config("v2", R"("metrics":[{"type":"Resource","resource":
{"name":"cpu","target":{"type":"Utilization","averageUtilization":90}}}],)"));
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body,
              HasSubstr("conflict with \\\"a\\\": .spec.targetCPUUtilizationPercentage"));
  // The same applier at the other version gives up what it does not name any more.
  ASSERT_EQ(world.Apply(v2, "a", config("v2", "")).status, 200);
  EXPECT_EQ(world.At(v2, "metadata.managedFields[0].apiVersion"), "autoscaling/v2");
  EXPECT_EQ(world.At(v1, "spec.targetCPUUtilizationPercentage"), "80") << "the default";
}

TEST(ServerVersions, EventsHaveTwoGroups) {
  World world;
  const std::string old_form = "/api/v1/namespaces/default/events";
  const std::string new_form = "/apis/events.k8s.io/v1/namespaces/default/events";
  auto watch = world.Open(new_form + "?watch=1&fieldSelector=regarding.name%3Dw");
  ASSERT_NE(watch, nullptr);
  ASSERT_EQ(
      world
          .Send("POST", old_form, R"({"metadata":{"name":"one"},"message":"red","reason":"Painted",
"type":"Normal","count":2,"source":{"component":"painter"},"involvedObject":{"kind":"Widget","name":"w",
"namespace":"default"}})")
          .status,
      201);
  EXPECT_EQ(world.At(new_form + "/one", "note"), "red");
  EXPECT_EQ(world.At(new_form + "/one", "regarding.name"), "w");
  EXPECT_EQ(world.At(new_form + "/one", "deprecatedCount"), "2");
  EXPECT_EQ(world.At(new_form + "/one", "deprecatedSource.component"), "painter");
  EXPECT_THAT(watch->Take(), HasSubstr("\"note\":\"red\""));

  auto refused = world.Send("POST", new_form, R"({"metadata":{"name":"two"},"note":"x"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("eventTime: Required value"));
  ASSERT_EQ(world
                .Send("POST", new_form,
                      R"({"metadata":{"name":"two"},"note":"x","reason":"r","action":"a",
"type":"Normal","reportingController":"c.io/x","reportingInstance":"x-1","eventTime":
"2026-01-01T00:00:00.000000Z","regarding":{"kind":"Widget","name":"w","namespace":"default"}})")
                .status,
            201);
  EXPECT_EQ(world.At(old_form + "/two", "message"), "x");
  EXPECT_EQ(world.At(old_form + "/two", "reportingComponent"), "c.io/x");
  EXPECT_EQ(world.At(old_form + "/two", "involvedObject.name"), "w");
  ASSERT_EQ(world.Send("DELETE", new_form).status, 200);
  EXPECT_EQ(world.At(old_form, "items"), "[]");
}

TEST(Server, GenerationOfDeploymentsFollowsAnnotationsToo) {
  World world({.controllers = Controllers::kNone});
  const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  ASSERT_EQ(
      world
          .Send("POST", deployments, R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":
{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})")
          .status,
      201);
  world.Send("PATCH", deployments + "/d", R"({"metadata":{"labels":{"l":"1"}}})");
  EXPECT_EQ(world.At(deployments + "/d", "metadata.generation"), "1");
  world.Send("PATCH", deployments + "/d", R"({"metadata":{"annotations":{"n":"1"}}})");
  EXPECT_EQ(world.At(deployments + "/d", "metadata.generation"), "2");
}

TEST(Server, APageOfForgottenHistoryIsExpired) {
  World world;
  for (int i = 0; i < 5; ++i) world.Send("POST", kConfigMaps, ConfigMap(fmt::format("c{}", i)));
  const std::string token = world.At(kConfigMaps + "?limit=2", "metadata.continue");
  world.Send("POST", kConfigMaps, ConfigMap("later"));
  world.server.CompactHistory();
  auto expired = world.Send("GET", fmt::format("{}?limit=2&continue={}", kConfigMaps, token));
  EXPECT_EQ(expired.status, 410);
  EXPECT_THAT(expired.body, HasSubstr("too old to display a consistent list result"));
  const std::string rest(json::FindString(Body(expired), {"metadata", "continue"}));
  auto inconsistent = world.Send("GET", fmt::format("{}?limit=9&continue={}", kConfigMaps, rest));
  EXPECT_EQ(inconsistent.status, 200);
  EXPECT_THAT(inconsistent.body, HasSubstr("\"later\""));
}

TEST(Server, BeginsWithTheObjectsOfEveryCluster) {
  World world;
  EXPECT_EQ(world.At("/api/v1/namespaces/kube-system", "status.phase"), "Active");
  EXPECT_EQ(world.At("/api/v1/namespaces/default/services/kubernetes", "spec.clusterIP"),
            "10.96.0.1");
  EXPECT_EQ(world.At("/api/v1/namespaces/default/serviceaccounts/default", "metadata.name"),
            "default");
  EXPECT_EQ(world.At("/api/v1/nodes/node-1", "status.conditions[0].type"), "Ready");
  EXPECT_EQ(world.At("/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin",
                     "rules[0].verbs[0]"),
            "*");
}

TEST(ServerRefusals, SayThatNothingRunsInPods) {
  World world;
  for (std::string_view part : {"log", "exec", "portforward", "attach", "resize"}) {
    auto refused = world.Send("GET", fmt::format("/api/v1/namespaces/default/pods/p/{}", part));
    EXPECT_EQ(refused.status, 501) << part;
    EXPECT_THAT(refused.body, HasSubstr("nothing runs in its pods"));
  }
}

TEST(ServerRefusals, CarryTheWarningsToo) {
  World world;
  ASSERT_EQ(world.Send("POST", kDefinitions, Definition()).status, 201);
  world.Advance(1s);
  auto refused = world.Send("POST", kWidgets, Widget("w", R"({"n":0,"zz":1})"));
  EXPECT_EQ(refused.status, 422);
  ASSERT_NE(refused.headers.Find("Warning"), nullptr);
  EXPECT_THAT(*refused.headers.Find("Warning"), HasSubstr("unknown field"));
}

TEST(ServerIdentity, ACertifiedClientIsWhoItsCertificateNames) {
  World world;
  const User alice{"alice", {"dev", "system:authenticated"}};
  const http::Request request{.method = "GET", .target = "/api/v1/pods"};
  auto reply = world.server.Handle(request, Server::Attempt::kFirst, &alice);
  const auto& response = std::get<http::Response>(reply);
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("User \\\"alice\\\" cannot list"));
  const User master{"root", {"system:masters", "system:authenticated"}};
  EXPECT_EQ(std::get<http::Response>(world.server.Handle(request, Server::Attempt::kFirst, &master))
                .status,
            200);
}

}  // namespace
}  // namespace kro::apiserver
