#include "node_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

TEST(NodeRules, AreReadInWhatTheExpressionsOfADefinitionName) {
  const NodeRules rules = RulesOf(json::ParseYamlDocument(R"(
resources:
- id: conf
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: conf}}
- id: cm
  template:
    metadata: {name: "${conf.data.name}-cm"}
    data: {literal: "db of app", text: "${schema.spec.text}", more: "${schema.spec.more}"}
- id: app
  readyWhen: ["${app.status.phase == 'Up'}"]
  template:
    metadata: {name: "${schema.metadata.name + '-db'}"}
    spec: {from: "prefix-${ {'a': cm.data.text}.a }-cm"}
- id: db
  includeWhen: ["${schema.spec.db}"]
  template: {spec: {of: "${schema.spec.cm.size}", seen: "${app.?db}"}}
- id: parts
  forEach: [{part: "${db.spec.parts}"}]
  template: {spec: {text: "${schema.spec.text}"}}
)")
                                      .value()
                                      .value);

  EXPECT_THAT(rules, ElementsAre(Key("app"), Key("cm"), Key("db"), Key("parts")));
  const NodeRule& cm = rules.at("cm");
  EXPECT_THAT(cm.after, IsEmpty());
  EXPECT_EQ(cm.copies_to, "data.text");
  EXPECT_EQ(cm.copied_from, "spec.text");
  EXPECT_FALSE(cm.optional);
  const NodeRule& app = rules.at("app");
  EXPECT_THAT(app.after, ElementsAre("cm"));
  EXPECT_THAT(app.ready_when, ElementsAre("app.status.phase == 'Up'"));
  const NodeRule& db = rules.at("db");
  EXPECT_THAT(db.after, ElementsAre("app"));
  EXPECT_TRUE(db.optional);
  // … and with it what needs it.
  const NodeRule& parts = rules.at("parts");
  EXPECT_TRUE(parts.optional && parts.several);
  EXPECT_EQ(parts.copies_to, "");
}

}  // namespace
}  // namespace kro::simulation
