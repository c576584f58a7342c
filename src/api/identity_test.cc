#include "api/identity.h"

#include <gmock/gmock.h>

#include "support/conformance.h"

namespace kro::api {
namespace {

Labels ReadLabels(const json::Value* value) {
  Labels labels;
  if (value == nullptr || !value->is_object()) return labels;
  for (const auto& [key, text] : value->as_object()) {
    labels.emplace(std::string(key), std::string(text.as_string()));
  }
  return labels;
}

std::string Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  return std::string(json::FindString(value, path));
}

ApplySetParent ReadParent(const json::Value& value) {
  return {Text(value, {"name"}), Text(value, {"namespace"}), Text(value, {"kind"}),
          Text(value, {"group"})};
}

// Runs `check` on every recorded case of an area: (input, case).
template <typename Check>
void ForArea(std::string_view area, Check check) {
  conformance::Tally tally("identity/" + std::string(area),
                           "test/conformance/definition_differences.txt");
  for (const auto& entry : conformance::ReadCases("conformance/identity.json")) {
    if (json::FindString(entry, {"area"}) != area) continue;
    tally.Run(Text(entry, {"id"}), [&] { check(*json::Find(entry, "input"), entry); });
  }
}

TEST(IdentityConformance, ApplySetIdsAreUpstreams) {
  ForArea("applyset-id", [](const json::Value& input, const json::Value& entry) {
    EXPECT_EQ(ApplySetId(ReadParent(input)), Text(entry, {"value"}));
  });
}

TEST(IdentityConformance, InventoriesAreUpstreams) {
  ForArea("inventory", [](const json::Value& input, const json::Value& entry) {
    std::vector<GroupKind> kinds;
    for (const auto& kind : input.at("groupKinds").as_array()) {
      kinds.push_back({Text(kind, {"group"}), Text(kind, {"kind"})});
    }
    std::vector<std::string> namespaces;
    for (const auto& ns : input.at("namespaces").as_array())
      namespaces.emplace_back(ns.as_string());
    const auto inventory = MakeInventory(ReadParent(input.at("parent")), kinds, namespaces);
    EXPECT_EQ(inventory.labels, ReadLabels(json::Find(entry, {"value", "labels"})));
    EXPECT_EQ(inventory.annotations, ReadLabels(json::Find(entry, {"value", "annotations"})));
  });
}

TEST(IdentityConformance, BrokenInventoriesAreRefusedInUpstreamsWords) {
  ForArea("inventory-check", [](const json::Value& input, const json::Value& entry) {
    const auto checked =
        CheckInventory(ReadParent(input.at("parent")), ReadLabels(json::Find(input, "labels")),
                       ReadLabels(json::Find(input, "annotations")));
    EXPECT_EQ(checked ? "" : checked.error().message(), Text(entry, {"error"}));
  });
}

TEST(IdentityConformance, RevisionNamesFitAnObjectName) {
  ForArea("revision-name", [](const json::Value& input, const json::Value& entry) {
    EXPECT_EQ(RevisionName(Text(input, {"rgd"}), input.at("revision").as_int64()),
              Text(entry, {"value"}));
  });
}

TEST(IdentityConformance, RetentionKeepsTheNewestRevisions) {
  ForArea("retention-floor", [](const json::Value& input, const json::Value& entry) {
    std::vector<std::int64_t> revisions;
    for (const auto& number : input.at("revisions").as_array()) {
      revisions.push_back(number.as_int64());
    }
    const auto floor = RetentionFloor(revisions, input.at("keep").as_int64());
    const auto& expected = entry.at("value");
    EXPECT_EQ(floor, expected.is_null() ? std::nullopt : std::optional(expected.as_int64()));
  });
}

TEST(IdentityConformance, LabelsAreUpstreams) {
  ForArea("labels-rgd", [](const json::Value& input, const json::Value& entry) {
    EXPECT_EQ(RgdLabels(Text(input, {"name"}), Text(input, {"uid"})),
              ReadLabels(json::Find(entry, "value")));
  });
  ForArea("labels-instance", [](const json::Value& input, const json::Value& entry) {
    const auto& object = input.at("object");
    const auto gvk = ParseGvk(Text(object, {"apiVersion"}), Text(object, {"kind"}));
    ASSERT_TRUE(gvk);
    EXPECT_EQ(InstanceLabels({*gvk, Text(object, {"metadata", "name"}),
                              Text(object, {"metadata", "namespace"}),
                              Text(object, {"metadata", "uid"}), input.at("namespaced").as_bool()}),
              ReadLabels(json::Find(entry, "value")));
  });
  ForArea("labels-item", [](const json::Value& input, const json::Value& entry) {
    EXPECT_EQ(NodeLabels(Text(input, {"node"}), input.at("index").as_int64(),
                         input.at("size").as_int64()),
              ReadLabels(json::Find(entry, "value")));
  });
  ForArea("label-version", [](const json::Value& input, const json::Value& entry) {
    EXPECT_EQ(VersionLabel(Text(input, {"version"})), Text(entry, {"value"}));
  });
}

TEST(IdentityConformance, OwnershipOfACrdFollowsItsLabels) {
  ForArea("ownership", [](const json::Value& input, const json::Value& entry) {
    const auto& value = entry.at("value");
    const Ownership expected{value.at("owned").as_bool(), value.at("nameMatches").as_bool(),
                             value.at("idMatches").as_bool()};
    EXPECT_EQ(CheckOwnership(ReadLabels(json::Find(input, "existing")),
                             Text(input, {"rgd", "name"}), Text(input, {"rgd", "uid"})),
              expected);
  });
}

TEST(Identity, MergingRefusesACommonKey) {
  EXPECT_EQ(MergeLabels({{"a", "1"}}, {{"a", "1"}}).error().message(),
            "duplicate labels: found key 'a' in both maps");
  EXPECT_EQ(MergeLabels({{"a", "1"}}, {{"b", "2"}})->size(), 2U);
}

}  // namespace
}  // namespace kro::api
