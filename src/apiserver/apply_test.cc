#include "apiserver/apply.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "apiserver/internal/typed.h"
#include "json/yaml.h"

namespace kro::apiserver {
namespace {

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value()) << text;
  return document ? document->value : json::Value();
}

const json::Value& ThgSchema() {
  static const json::Value& schema = *new json::Value(Yaml(R"(
type: object
properties:
  spec:
    type: object
    properties:
      a: {type: string}
      b: {type: string}
      'n': {type: integer}
      d: {type: string, default: dd}
      obj: {type: object, properties: {x: {type: integer}, 'y': {type: integer}}}
      atom:
        type: object
        x-kubernetes-map-type: atomic
        properties: {x: {type: integer}, 'y': {type: integer}}
      mp: {type: object, additionalProperties: {type: string}}
      lset: {type: array, items: {type: string}, x-kubernetes-list-type: set}
      lmap:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [name]
        items: {type: object, required: [name], properties: {name: {type: string}, v: {type: integer}, w: {type: integer}}}
      lmap2:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [port, protocol]
        items:
          type: object
          required: [port]
          properties: {port: {type: integer}, protocol: {type: string, default: TCP}, v: {type: integer}}
      latom: {type: array, items: {type: object, properties: {name: {type: string}}}}
      free: {type: object, x-kubernetes-preserve-unknown-fields: true}
)"));
  return schema;
}

// What an API server does around Apply and TrackUpdate for one object.
class Server {
 public:
  Server() : ownership_{.api_version = "ex.io/v1", .kind = "Thg"} {
    auto schema = ObjectSchema::OfCustomResource(ThgSchema());
    EXPECT_TRUE(schema.has_value());
    if (schema) ownership_.schema = *schema;
  }

  // "created", "changed", "same", "409 .spec.a .spec.b", "500 text".
  std::string Apply(std::string_view manager, std::string_view spec, bool force = false) {
    return ApplyObject(manager, Config(spec), force);
  }
  std::string Force(std::string_view manager, std::string_view spec) {
    return Apply(manager, spec, true);
  }
  std::string ApplyObject(std::string_view manager, const json::Value& config, bool force = false) {
    Tick();
    auto applied = kro::apiserver::Apply(ownership_, live_ ? &*live_ : nullptr, config,
                                         {.manager = manager, .force = force, .now = now_});
    if (!applied) {
      last_ = applied.error();
      std::string text = std::to_string(applied.error().code);
      if (applied.error().code != 409) return text + " " + applied.error().message;
      for (const kube::StatusCause& cause : applied.error().causes) text += " " + cause.field;
      return text;
    }
    return Store(std::move(applied->object));
  }

  std::string Put(std::string_view manager, std::string_view spec) {
    Tick();
    json::Value object = live_ ? *live_ : Config("{}");
    object.get_object()["spec"] = Yaml(spec);
    Default(object);
    TrackUpdate(ownership_, live_ ? &*live_ : nullptr, object, {.manager = manager, .now = now_});
    return Store(std::move(object));
  }

  std::string spec() const {
    const json::Value* spec = json::Find(std::as_const(*live_), "spec");
    return spec == nullptr ? "none" : json::Canonical(*spec);
  }
  // "A:{...}" per entry, below f:spec; "A-" is an entry without time, "U(up):" an updater.
  std::vector<std::string> entries() const {
    std::vector<std::string> shown;
    const json::Value* list = json::Find(*live_, {"metadata", "managedFields"});
    if (list == nullptr) return shown;
    for (const json::Value& entry : list->get_array()) {
      std::string text(json::FindString(entry, {"manager"}));
      if (json::FindString(entry, {"operation"}) == "Update") text += "(up)";
      if (json::FindString(entry, {"time"}).empty()) text += "-";
      const json::Value* fields = json::Find(entry, {"fieldsV1", "f:spec"});
      shown.push_back(text + ":" + (fields == nullptr ? "none" : json::Canonical(*fields)));
    }
    return shown;
  }
  std::string time_of(std::string_view manager) const {
    for (const json::Value& entry :
         json::Find(*live_, {"metadata", "managedFields"})->get_array()) {
      if (json::FindString(entry, {"manager"}) == manager) {
        return std::string(json::FindString(entry, {"time"}));
      }
    }
    return "none";
  }
  const json::Value& live() const { return *live_; }
  void set_live(json::Value live) { live_ = std::move(live); }
  const kube::Status& last() const { return last_; }
  Ownership& ownership() { return ownership_; }

  json::Value Config(std::string_view spec) const {
    json::Object object{{"apiVersion", ownership_.api_version},
                        {"kind", ownership_.kind},
                        {"metadata", json::Object{{"name", "x"}}}};
    if (!spec.empty()) object["spec"] = Yaml(spec);
    return object;
  }

 private:
  void Tick() { now_ = fmt::format("2026-11-21T16:00:{:02}Z", ++seconds_); }

  void Default(json::Value& object) {
    json::Value* spec = json::Find(object, "spec");
    if (spec == nullptr || !spec->is_object()) return;
    json::Value& d = spec->get_object()["d"];
    if (d.is_null()) d = "dd";
  }

  std::string Store(json::Value object) {
    Default(object);
    if (!live_) {
      live_ = std::move(object);
      return "created";
    }
    if (KeepTimesIfUnchanged(*live_, object)) return "same";
    live_ = std::move(object);
    return "changed";
  }

  Ownership ownership_;
  std::optional<json::Value> live_;
  kube::Status last_;
  std::string now_;
  int seconds_ = 0;
};

using testing::ElementsAre;

// The rows of the specification's worked examples; several share a history.

TEST(Apply, OwnsWhatItSetsAndLeavesDefaultsUnowned) {
  Server s;
  EXPECT_EQ(s.Apply("A", "{a: '1', obj: {x: 1}}"), "created");
  EXPECT_EQ(s.spec(), R"({"a":"1","d":"dd","obj":{"x":1}})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:a":{},"f:obj":{"f:x":{}}})"));
  // Again
  const std::string time = s.time_of("A");
  EXPECT_EQ(s.Apply("A", "{a: '1', obj: {x: 1}}"), "same");
  EXPECT_EQ(s.time_of("A"), time);
  // The same value is shared
  EXPECT_EQ(s.Apply("B", "{a: '1'}"), "changed");
  EXPECT_THAT(s.entries(), ElementsAre(R"(B-:{"f:a":{}})", R"(A:{"f:a":{},"f:obj":{"f:x":{}}})"));
  EXPECT_EQ(s.Apply("B", "{a: '1'}"), "same");
  // Another value conflicts
  EXPECT_EQ(s.Apply("B", "{a: '2', obj: {x: 2}}"), "409 .spec.a .spec.obj.x");
  EXPECT_EQ(s.last().message,
            "Apply failed with 2 conflicts: conflicts with \"A\":\n- .spec.a\n- .spec.obj.x");
  // unless forced
  EXPECT_EQ(s.Force("B", "{a: '2'}"), "changed");
  EXPECT_EQ(s.spec(), R"({"a":"2","d":"dd","obj":{"x":1}})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:obj":{"f:x":{}}})", R"(B:{"f:a":{}})"));
  EXPECT_EQ(s.Apply("A", "{obj: {x: 1}}"), "same");
  // An empty map is a leaf
  EXPECT_EQ(s.Apply("B", "{}"), "changed");
  EXPECT_EQ(s.spec(), R"({"d":"dd","obj":{"x":1}})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:obj":{"f:x":{}}})", "B:{}"));
  EXPECT_EQ(s.Apply("B", ""), "changed");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:obj":{"f:x":{}}})"));
  // A struct goes with its last owned field
  EXPECT_EQ(s.Apply("A", "{b: '1'}"), "changed");
  EXPECT_EQ(s.spec(), R"({"b":"1","d":"dd"})");
}

TEST(Apply, LosesFieldsToUpdatesAndFindsConflictsWithThem) {
  Server s;
  s.Apply("A", "{b: '1'}");
  EXPECT_EQ(s.Put("U", "{b: '2', 'n': 5}"), "changed");
  EXPECT_THAT(s.entries(), ElementsAre(R"(U(up):{"f:b":{},"f:n":{}})"));
  EXPECT_EQ(s.Apply("A", "{b: '1'}"), "409 .spec.b");
  EXPECT_EQ(s.last().message,
            "Apply failed with 1 conflict: conflict with \"U\" using ex.io/v1: .spec.b");
  EXPECT_EQ(s.last().causes[0].reason, "FieldManagerConflict");
  EXPECT_EQ(s.last().causes[0].message, "conflict with \"U\" using ex.io/v1");
  EXPECT_EQ(s.Apply("A", "{b: '2'}"), "changed");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A-:{"f:b":{}})", R"(U(up):{"f:b":{},"f:n":{}})"));
  EXPECT_EQ(s.Apply("A", "{obj: {'y': 1}}"), "changed");
  EXPECT_EQ(s.spec(), R"({"b":"2","d":"dd","n":5,"obj":{"y":1}})");
  EXPECT_EQ(s.Put("U", "{b: '2', obj: {'y': 1}}"), "changed");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:obj":{"f:y":{}}})", R"(U(up):{"f:b":{}})"));
}

TEST(Apply, OwnsEmptyMapsButNotEmptyLists) {
  Server s;
  s.Apply("A", "{obj: {}, lset: [], lmap: [], mp: {}}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lmap":[],"lset":[],"mp":{},"obj":{}})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:mp":{},"f:obj":{}})"));
}

TEST(Apply, OwnsNulls) {
  Server s;
  s.Apply("A", "{d: null, a: null, lset: null}");
  EXPECT_EQ(s.spec(), R"({"a":null,"d":"dd","lset":null})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:a":{},"f:d":{},"f:lset":{}})"));
}

TEST(Apply, MergesSetsInTheOrderOfTheConfig) {
  Server s;
  s.Apply("A", "{lset: [a, b]}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:lset":{"v:\"a\"":{},"v:\"b\"":{}}})"));
  s.Apply("B", "{lset: [c, b]}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lset":["a","c","b"]})");
  s.Apply("A", "{lset: [a]}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lset":["a","c","b"]})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:lset":{"v:\"a\"":{}}})",
                                       R"(B:{"f:lset":{"v:\"b\"":{},"v:\"c\"":{}}})"));
  s.Apply("B", "{lset: [b, c, z, a]}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lset":["b","c","z","a"]})");
}

TEST(Apply, MergesListItemsByTheirKeys) {
  Server s;
  s.Apply("A", "{lmap: [{name: p, v: 1}, {name: q, v: 2}]}");
  EXPECT_THAT(s.entries(),
              ElementsAre(R"(A:{"f:lmap":{"k:{\"name\":\"p\"}":{".":{},"f:name":{},"f:v":{}},)"
                          R"("k:{\"name\":\"q\"}":{".":{},"f:name":{},"f:v":{}}}})"));
  s.Apply("B", "{lmap: [{name: p, w: 1}, {name: r}]}");
  EXPECT_EQ(s.spec(),
            R"({"d":"dd","lmap":[{"name":"p","v":1,"w":1},{"name":"q","v":2},{"name":"r"}]})");
  s.Apply("A", "{lmap: [{name: q, v: 2}]}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lmap":[{"name":"p","w":1},{"name":"q","v":2},{"name":"r"}]})");
  s.Apply("B", "{}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lmap":[{"name":"q","v":2}]})");
}

TEST(Apply, KeepsAListItemOnlyForOwnersOfTheItem) {
  Server s;
  s.Apply("A", "{lmap: [{name: p, v: 1}]}");
  s.Put("U", "{lmap: [{name: p, v: 2}]}");
  EXPECT_THAT(s.entries(),
              ElementsAre(R"(A:{"f:lmap":{"k:{\"name\":\"p\"}":{".":{},"f:name":{}}}})",
                          R"(U(up):{"f:lmap":{"k:{\"name\":\"p\"}":{"f:v":{}}}})"));
  s.Apply("A", "{lmap: [{name: p, v: 2}]}");
  EXPECT_THAT(s.entries(),
              ElementsAre(R"(A:{"f:lmap":{"k:{\"name\":\"p\"}":{".":{},"f:name":{},"f:v":{}}}})",
                          R"(U(up):{"f:lmap":{"k:{\"name\":\"p\"}":{"f:v":{}}}})"));
  // The item goes though U owns a part of it. The list, in which U has its part, is left as null,
  // which validation refuses.
  s.Apply("A", "{lset: [b]}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","lmap":null,"lset":["b"]})");
}

TEST(Apply, FillsMissingKeysWithTheirDefaults) {
  Server s;
  s.Apply("A", "{lmap2: [{port: 80, v: 1}, {port: 80, protocol: UDP}]}");
  EXPECT_THAT(
      s.entries(),
      ElementsAre(
          R"(A:{"f:lmap2":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:v":{}},)"
          R"("k:{\"port\":80,\"protocol\":\"UDP\"}":{".":{},"f:port":{},"f:protocol":{}}}})"));
  EXPECT_EQ(s.Apply("B", "{lmap2: [{port: 80, protocol: TCP, v: 2}]}"),
            R"(409 .spec.lmap2[port=80,protocol="TCP"].v)");
}

TEST(Apply, ReplacesAtomicPartsAsAWhole) {
  Server s;
  s.Apply("A", "{atom: {x: 1}, latom: [{name: a}], mp: {k: '1'}}");
  EXPECT_EQ(s.Apply("B", "{atom: {'y': 1}, latom: [{name: b}], mp: {l: '1'}}"),
            "409 .spec.atom .spec.latom");
  s.Force("B", "{atom: {'y': 1}, latom: [{name: b}], mp: {l: '1'}}");
  EXPECT_EQ(s.spec(), R"({"atom":{"y":1},"d":"dd","latom":[{"name":"b"}],"mp":{"k":"1","l":"1"}})");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:mp":{"f:k":{}}})",
                                       R"(B:{"f:atom":{},"f:latom":{},"f:mp":{"f:l":{}}})"));
}

TEST(Apply, MergesFreeFormMaps) {
  Server s;
  s.Apply("A", "{free: {q: {r: 1, s: [1]}, e: {}}}");
  s.Apply("B", "{free: {q: {t: true}}}");
  EXPECT_THAT(s.entries(),
              ElementsAre(R"(A:{"f:free":{"f:e":{},"f:q":{".":{},"f:r":{},"f:s":{}}}})",
                          R"(B:{"f:free":{"f:q":{".":{},"f:t":{}}}})"));
  s.Apply("A", "{free: {e: {}}}");
  EXPECT_EQ(s.spec(), R"({"d":"dd","free":{"e":{},"q":{"t":true}}})");
  EXPECT_THAT(s.entries(),
              testing::UnorderedElementsAre(R"(A:{"f:free":{"f:e":{}}})",
                                            R"(B:{"f:free":{"f:q":{".":{},"f:t":{}}}})"));
}

TEST(Apply, LeavesNullWhereAStillNamedMapLosesEverything) {
  Server s;
  s.Apply("A", "{d: custom}");
  s.Apply("A", "{}");
  EXPECT_EQ(s.spec(), "null");
}

TEST(Apply, KeepsWhatTheCreatorOwns) {
  Server s;
  s.Put("C", "{obj: {x: 1, 'y': 2}, mp: {k: '1'}}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(C(up):{".":{},"f:d":{},"f:mp":{".":{},"f:k":{}},)"
                                       R"("f:obj":{".":{},"f:x":{},"f:y":{}}})"));
  s.Apply("A", "{obj: {x: 1}}");
  s.Apply("A", "{a: '1'}");
  EXPECT_EQ(s.spec(), R"({"a":"1","d":"dd","mp":{"k":"1"},"obj":{"x":1,"y":2}})");
}

TEST(Apply, ConflictsWithUpdatesUnderItsOwnName) {
  Server s;
  s.Apply("A", "{a: '1'}");
  s.Put("A", "{a: '2', b: '9'}");
  EXPECT_EQ(s.Apply("A", "{a: '1'}"), "409 .spec.a");
  EXPECT_EQ(s.last().causes[0].message, "conflict with \"A\" using ex.io/v1");
  s.Force("A", "{a: '1'}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:a":{}})", R"(A(up):{"f:b":{}})"));
}

TEST(TrackUpdate, PutsTheOldestUpdatersTogether) {
  Server s;
  std::string spec = "{mp: {";
  for (int i = 0; i < 13; ++i) {
    spec += fmt::format("{}k{:02}: '1'", i == 0 ? "" : ", ", i);
    s.Put(fmt::format("m{:02}", i), spec + "}}");
  }
  std::vector<std::string> entries = s.entries();
  ASSERT_EQ(entries.size(), 10u);
  EXPECT_EQ(entries[0], R"(ancient-changes(up):{".":{},"f:d":{},"f:mp":{".":{},"f:k00":{},)"
                        R"("f:k01":{},"f:k02":{},"f:k03":{}}})");
  EXPECT_EQ(entries[9], R"(m12(up):{"f:mp":{"f:k12":{}}})");
}

TEST(Apply, RecordsWhoWasThereBefore) {
  Server s;
  s.set_live(Yaml("{apiVersion: ex.io/v1, kind: Thg, metadata: {name: x}, spec: {a: '1', d: dd}}"));
  s.Apply("A", "{a: '1'}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A-:{"f:a":{}})",
                                       R"(before-first-apply(up):{".":{},"f:a":{},"f:d":{}})"));
}

TEST(TrackUpdate, StartsNoBooksOnAnObjectWithoutEntries) {
  Server s;
  s.set_live(Yaml("{apiVersion: ex.io/v1, kind: Thg, metadata: {name: x}, spec: {a: '1', d: dd}}"));
  s.Put("U", "{a: '2'}");
  EXPECT_TRUE(s.entries().empty());
}

TEST(TrackUpdate, LetsARequestForgetAllEntries) {
  Server s;
  s.Apply("A", "{a: '1'}");
  json::Value object = s.live();
  object.get_object()["metadata"].get_object()["managedFields"] = json::Array{json::Object()};
  TrackUpdate(s.ownership(), &s.live(), object, {.manager = "U", .now = "2026-11-21T16:00:59Z"});
  EXPECT_EQ(json::Find(std::as_const(object), {"metadata", "managedFields"}), nullptr);
}

TEST(TrackUpdate, NeverOwnsIdentity) {
  Server s;
  json::Value object = Yaml(
      "{apiVersion: ex.io/v1, kind: Thg, metadata: {name: x, namespace: ns, uid: u, labels: {l: "
      "m}}}");
  TrackUpdate(s.ownership(), nullptr, object, {.manager = "U", .now = "2026-11-21T16:00:59Z"});
  const json::Value* fields =
      &json::Find(std::as_const(object), {"metadata", "managedFields"})->get_array()[0];
  EXPECT_EQ(json::Canonical(*json::Find(*fields, "fieldsV1")),
            R"({"f:metadata":{"f:labels":{".":{},"f:l":{}}}})");
}

TEST(Apply, NeitherStoresNorOwnsResetFields) {
  Server s;
  s.ownership().reset_fields = {"spec.obj"};
  s.Apply("A", "{a: '1', obj: {x: 1}}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:a":{}})"));
  s.Put("U", "{a: '1', obj: {x: 2}, 'n': 1}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(A:{"f:a":{}})", R"(U(up):{"f:n":{}})"));
}

struct MisfitCase {
  std::string_view spec;
  std::string_view error;
};

TEST(Apply, RefusesWhatDoesNotFitTheSchema) {
  const MisfitCase kCases[] = {
      {"{zz: 1}", ".spec.zz: field not declared in schema"},
      {"{a: 1}", ".spec.a: expected string, got &value.valueUnstructured{Value:1}"},
      {"{a: [x]}",
       ".spec.a: expected string, got &value.valueUnstructured{Value:[]interface {}{\"x\"}}"},
      {"{obj: x}", ".spec.obj: expected map, got &{x}"},
      {"{lset: {a: 1}}", ".spec.lset: expected list, got &{map[a:1]}"},
      {"{'n': x}", ".spec.n: expected numeric (int or float), got string"},
      {"{lset: [a, a]}", ".spec.lset: duplicate entries for key [=\"a\"]"},
      {"{lmap: [{name: q}, {name: q}]}", ".spec.lmap: duplicate entries for key [name=\"q\"]"},
      {"{lmap: [{v: 1}]}",
       ".spec.lmap: element 0: associative list with keys has an element that omits all key fields "
       "[\"name\"] (and doesn't have default values for any key fields)"},
  };
  for (const MisfitCase& test : kCases) {
    Server s;
    EXPECT_EQ(s.Apply("A", test.spec),
              fmt::format("500 failed to create typed patch object (/x; ex.io/v1, Kind=Thg): {}",
                          test.error));
  }
}

TEST(Apply, RefusesOtherTypesAndManagedFields) {
  Server s;
  json::Value config = s.Config("{}");
  config.get_object()["apiVersion"] = "ex.io/v2";
  EXPECT_EQ(s.ApplyObject("A", config), "400 invalid object type: ex.io/v2, Kind=Thg");
  EXPECT_EQ(s.ApplyObject("A", json::Object()), "400 invalid object type: /, Kind=");
  config = s.Config("{}");
  config.get_object()["metadata"].get_object()["managedFields"] = json::Array();
  EXPECT_EQ(s.ApplyObject("A", config), "400 metadata.managedFields must be nil");
}

TEST(Apply, MakesOneOwnedPlaceOfWhatBecameAtomic) {
  Server s;
  s.Apply("A", "{obj: {x: 1}, lset: [a]}");
  json::Value schema = ThgSchema();
  json::Value& properties = *json::Find(
      *json::Find(*json::Find(*json::Find(schema, "properties"), "spec"), "properties"), "obj");
  properties.get_object()["x-kubernetes-map-type"] = "atomic";
  s.ownership().schema = *ObjectSchema::OfCustomResource(schema);
  s.Apply("B", "{a: '1'}");
  EXPECT_THAT(s.entries(),
              ElementsAre(R"(A:{"f:lset":{"v:\"a\"":{}},"f:obj":{}})", R"(B:{"f:a":{}})"));
}

TEST(Apply, DropsEntriesOfVersionsThatAreGone) {
  Server s;
  s.Apply("A", "{a: '1'}");
  s.ownership().api_version = "ex.io/v2";
  s.Apply("B", "{b: '1'}");
  EXPECT_THAT(s.entries(), ElementsAre(R"(B:{"f:b":{}})"));
}

TEST(Apply, FailsToPruneWhatTheFormerVersionDoesNotKnow) {
  Server s;
  const ObjectSchema v1 = s.ownership().schema;
  s.Apply("A", "{a: '1'}");
  json::Value schema = ThgSchema();
  json::Find(*json::Find(*json::Find(schema, "properties"), "spec"), "properties")
      ->get_object()["new"] = json::Object{{"type", "string"}};
  s.ownership().api_version = "ex.io/v2";
  s.ownership().schema = *ObjectSchema::OfCustomResource(schema);
  s.ownership().schema_at = [&](std::string_view version) -> std::optional<ObjectSchema> {
    if (version == "ex.io/v1") return v1;
    return std::nullopt;
  };
  EXPECT_EQ(s.Apply("A", "{new: x}"),
            "500 failed to prune fields: failed to convert merged object to last applied version: "
            ".spec.new: field not declared in schema");
}

TEST(Apply, TakesForKubectlWhatItsAnnotationHas) {
  Server s;
  s.set_live(Yaml(R"(
apiVersion: ex.io/v1
kind: Thg
metadata:
  name: x
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"ex.io/v1","kind":"Thg","metadata":{"name":"x"},"spec":{"a":"1"}}
  managedFields:
  - {manager: kubectl-client-side-apply, operation: Update, apiVersion: ex.io/v1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:a": {}, "f:b": {}}}}
spec: {a: '1', b: '1', d: dd}
)"));
  EXPECT_EQ(s.Apply("kubectl", "{b: '2'}"), "409 .spec.b");
  EXPECT_EQ(s.Apply("kubectl", "{a: '2'}"), "changed");
  EXPECT_EQ(json::FindString(s.live(), {"metadata", "annotations",
                                        "kubectl.kubernetes.io/last-applied-configuration"}),
            "{\"apiVersion\":\"ex.io/v1\",\"kind\":\"Thg\",\"metadata\":{\"name\":\"x\"},\"spec\":{"
            "\"a\":\"2\"}}\n");
}

}  // namespace
}  // namespace kro::apiserver
