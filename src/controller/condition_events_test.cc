#include "controller/condition_events.h"

#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::controller {
namespace {

json::Value Yaml(std::string_view text) { return json::ParseYamlDocument(text)->value; }

TEST(ConditionEvents, TellOfChangesOfStatusOnly) {
  const InstanceApi api{.rgd_name = "web",
                        .rgd_uid = "u",
                        .gvk = {"kro.run", "v1alpha1", "Web"},
                        .gvr = {"kro.run", "v1alpha1", "webs"}};
  const auto events = ConditionEvents(
      api,
      Yaml("{metadata: {name: w, namespace: n, uid: i}, status: {conditions: ["
           "{type: Ready, status: 'False', reason: NotReady}, {type: Same, status: 'True', reason: "
           "A}]}}"),
      Yaml("{conditions: [{type: Ready, status: 'True', reason: Ready}, "
           "{type: Same, status: 'True', reason: B}, {type: New, status: 'False', reason: C}]}"));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].reason, "Ready");
  EXPECT_EQ(events[0].message, "False -> True: Ready");
  EXPECT_EQ(events[0].type, kube::EventType::kNormal);
  EXPECT_EQ(events[0].source, "kro/webs.kro.run-controller");
  EXPECT_EQ(json::FindString(events[0].regarding, {"uid"}), "i");
  EXPECT_EQ(json::FindString(events[0].regarding, {"kind"}), "Web");
  EXPECT_EQ(events[1].message, "none -> False: C");
  EXPECT_EQ(events[1].type, kube::EventType::kWarning);
}

}  // namespace
}  // namespace kro::controller
