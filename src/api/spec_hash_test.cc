#include "api/spec_hash.h"

#include <gtest/gtest.h>

#include "support/conformance.h"

namespace kro::api {
namespace {

TEST(SpecHashConformance, AgreesWithUpstream) {
  conformance::Tally tally("identity/spec-hash", "test/conformance/definition_differences.txt");
  for (const auto& entry : conformance::ReadCases("conformance/identity.json")) {
    if (json::FindString(entry, {"area"}) != "spec-hash") continue;
    tally.Run(std::string(json::FindString(entry, {"id"})), [&] {
      const auto hash = SpecHash(*json::Find(entry, {"input", "spec"}));
      ASSERT_TRUE(hash);
      EXPECT_EQ(*hash, json::FindString(entry, {"value"})) << json::FindString(entry, {"note"});
    });
  }
}

TEST(SpecHash, TellsLargeIntegersApart) {
  const auto hash = [](std::string_view number) {
    const auto spec = json::Parse(R"({"schema":{"spec":{"n":)" + std::string(number) + "}}}");
    return *SpecHash(*spec);
  };
  EXPECT_NE(hash("9007199254740993"), hash("9007199254740994"));
  EXPECT_EQ(hash("9007199254740993"), hash("9007199254740993"));
}

}  // namespace
}  // namespace kro::api
