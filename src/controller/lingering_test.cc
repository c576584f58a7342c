#include "controller/lingering.h"

#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using namespace std::chrono_literals;

const api::Timestamp kBegin = *api::ParseTimestamp("2026-01-02T03:04:05Z");

runtime::Departure ConfigMap(std::string name, api::Timestamp since,
                             std::vector<std::string> finalizers = {}) {
  return {.gvr = {"", "v1", "configmaps"},
          .ns = "default",
          .name = std::move(name),
          .since = since,
          .finalizers = std::move(finalizers)};
}

TEST(Lingering, IsSilentAboutADeletionThatHasJustBegun) {
  const Lingering lingering = TellOfLingering({ConfigMap("a", kBegin)}, kBegin + 5s);
  EXPECT_EQ(lingering.text, "");
  EXPECT_EQ(lingering.next, Duration(15s));
}

TEST(Lingering, NamesObjectsAndWhatHoldsThemInAFixedOrder) {
  const runtime::Departure crd{.gvr = {"example.test", "v1", "gadgets"},
                               .ns = {},
                               .name = "g",
                               .since = kBegin,
                               .finalizers = {}};
  const Lingering lingering =
      TellOfLingering({crd, ConfigMap("b", kBegin + 10s, {"example.com/b"}),
                       ConfigMap("a", kBegin, {"example.com/a", "kro.run/finalizer"})},
                      kBegin + 20s);
  EXPECT_EQ(
      lingering.text,
      "; configmaps default/a is being deleted since 2026-01-02T03:04:05Z, held by finalizers "
      "example.com/a, kro.run/finalizer; gadgets.example.test g is being deleted since "
      "2026-01-02T03:04:05Z");
  EXPECT_EQ(lingering.next, Duration(10s));
}

TEST(Lingering, CountsWhatIsTooMuchToTell) {
  std::vector<runtime::Departure> many;
  for (int i = 0; i < 12; ++i) many.push_back(ConfigMap(std::to_string(i), kBegin));
  const Lingering lingering = TellOfLingering(many, kBegin + 1min);
  EXPECT_TRUE(lingering.text.ends_with("; and 2 more")) << lingering.text;
  EXPECT_FALSE(lingering.next);
}

}  // namespace
}  // namespace kro::controller
