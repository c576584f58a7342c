#include "controller/applied_fields.h"

#include <gtest/gtest.h>

#include <string>

#include "json/yaml.h"

namespace kro::controller {
namespace {

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value());
  return document->value;
}

const json::Value kDesired = Yaml("{metadata: {name: c}, data: {a: x, b: y}}");

json::Value Live(std::string_view fields) {
  return Yaml(
      "{metadata: {name: c, uid: u, managedFields: [{manager: kro.run/applyset, operation: "
      "Apply, fieldsV1: " +
      std::string(fields) + "}]}}");
}

TEST(AppliedFields, StandWhileAllOfThemAreOwned) {
  AppliedFields fields;
  EXPECT_TRUE(fields.Stand(Live("{'f:data': {'f:a': {}, 'f:b': {}}}"), kDesired, "h"));
}

TEST(AppliedFields, FallWhenSomebodyTakesOne) {
  AppliedFields fields;
  EXPECT_FALSE(fields.Stand(Live("{'f:data': {'f:a': {}}}"), kDesired, "h"));
}

TEST(AppliedFields, OfAnObjectThatIsNeverExactTheAnswerToTheApplyIsTheMeasure) {
  AppliedFields fields;
  const json::Value pruned = Live("{'f:data': {'f:a': {}}}");
  fields.Remember(pruned, kDesired, "h");
  EXPECT_TRUE(fields.Stand(pruned, kDesired, "h"));
  EXPECT_FALSE(fields.Stand(Live("{'f:data': {}}"), kDesired, "h"));
  EXPECT_FALSE(fields.Stand(pruned, kDesired, "edited"));
  fields.Forget("u");
  EXPECT_FALSE(fields.Stand(pruned, kDesired, "h"));
}

TEST(AppliedFields, OfASecretTheValuesOfItsStringsAreCompared) {
  AppliedFields fields;
  const json::Value desired = Yaml(
      "{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {a: hello, b: '', c: hi}}");
  const auto live = [](std::string_view data) {
    json::Value object = Live("{'f:stringData': {'f:a': {}, 'f:b': {}, 'f:c': {}}}");
    object.as_object()["data"] = Yaml(data);
    return object;
  };
  EXPECT_TRUE(fields.Stand(live("{a: aGVsbG8=, b: '', c: aGk=, more: eA==}"), desired, "h"));
  EXPECT_FALSE(fields.Stand(live("{a: Zm9yZWlnbg==, b: '', c: aGk=}"), desired, "h"));
  EXPECT_FALSE(fields.Stand(live("{a: aGVsbG8=, b: ''}"), desired, "h"));
}

}  // namespace
}  // namespace kro::controller
