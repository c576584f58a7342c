#include "api/plural.h"

#include <gtest/gtest.h>

#include "support/conformance.h"

namespace kro::api {
namespace {

TEST(PluralConformance, AgreesWithUpstream) {
  conformance::Tally tally("identity/plural", "test/conformance/definition_differences.txt");
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

// The examples of spec api-and-simpleschema, section 3.2; DNS and HTTPS as it says to do instead.
TEST(Plural, FormsTheExamplesOfTheSpec) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"WebApplication", "webapplications"},
      {"Database", "databases"},
      {"DataBase", "databases"},
      {"CONFIG", "configs"},
      {"ClusterPolicy", "clusterpolicies"},
      {"Gateway", "gateways"},
      {"Proxy", "proxies"},
      {"Key", "keys"},
      {"Guy", "guys"},
      {"Soliloquy", "soliloquies"},
      {"Bucket", "buckets"},
      {"Cache", "caches"},
      {"Batch", "batches"},
      {"Mesh", "meshes"},
      {"Ingress", "ingresses"},
      {"Process", "processes"},
      {"Box", "boxes"},
      {"Index", "indices"},
      {"Vertex", "vertices"},
      {"Matrix", "matrices"},
      {"Quiz", "quizzes"},
      {"Fez", "fezzes"},
      {"Waltz", "waltzes"},
      {"Fizz", "fizzes"},
      {"Status", "statuses"},
      {"Virus", "viruses"},
      {"Bus", "buses"},
      {"Focus", "foci"},
      {"Cactus", "cacti"},
      {"Octopus", "octupuses"},
      {"Corpus", "corpora"},
      {"Analysis", "analyses"},
      {"Synopsis", "synopses"},
      {"Diagnosis", "diagnoses"},
      {"Crisis", "crises"},
      {"Basis", "bases"},
      {"Axis", "axes"},
      {"Alias", "aliases"},
      {"Canvas", "canvas"},
      {"Atlas", "atlas"},
      {"Lens", "lens"},
      {"Redis", "redis"},
      {"Postgres", "postgres"},
      {"Kubernetes", "kubernetes"},
      {"EKS", "eks"},
      {"Networks", "networks"},
      {"TestNames", "testnames"},
      {"Data", "data"},
      {"Metadata", "metadata"},
      {"Datum", "data"},
      {"Media", "media"},
      {"Medium", "media"},
      {"Schema", "schemas"},
      {"Lambda", "lambda"},
      {"Area", "area"},
      {"Zebra", "zebra"},
      {"Beta", "beta"},
      {"Villa", "villa"},
      {"Person", "people"},
      {"SalesPerson", "salespeople"},
      {"Man", "men"},
      {"Shaman", "shamen"},
      {"Human", "humans"},
      {"Specimen", "specimen"},
      {"Child", "children"},
      {"Mouse", "mice"},
      {"Die", "dice"},
      {"Ox", "oxen"},
      {"Leaf", "leaves"},
      {"Shelf", "shelves"},
      {"Safe", "saves"},
      {"Surf", "surves"},
      {"Giraffe", "girafves"},
      {"Proof", "proofs"},
      {"Chief", "chiefs"},
      {"Dwarf", "dwarfs"},
      {"Archive", "archives"},
      {"Directive", "directives"},
      {"Move", "moves"},
      {"Photo", "photos"},
      {"Repo", "repoes"},
      {"Video", "videoes"},
      {"Logo", "logoes"},
      {"Piano", "pianos"},
      {"Studio", "studios"},
      {"Zoo", "zoos"},
      {"Halo", "halos"},
      {"Potato", "potatoes"},
      {"News", "news"},
      {"Equipment", "equipment"},
      {"Information", "information"},
      {"Price", "price"},
      {"Series", "series"},
      {"Fish", "fish"},
      {"Criterion", "criteria"},
      {"Medula", "mebulae"},
      {"Chateau", "chateaux"},
      {"Bureau", "bureaus"},
      {"Museum", "museums"},
      {"Stadium", "stadiums"},
      {"Premium", "premia"},
      {"Curriculum", "curriculums"},
      {"Formula", "formulas"},
      {"Spectrum", "spectra"},
      {"Minimum", "minima"},
      {"Forum", "forums"},
      {"API", "apis"},
      {"URL", "urls"},
      {"UUID", "uuids"},
      {"SSH", "sshs"},
      {"TIA", "tias"},
      {"DNS", "dns"},
      {"HTTPS", "https"},
      {"MyDNS", "mydns"},
      {"S3", "s3s"},
      {"V1", "v1s"},
      {"X", "xes"},
      {"Y", "ies"},
      {"S", "s"},
  };
  for (const auto& [kind, plural] : cases) EXPECT_EQ(Plural(kind), plural) << kind;
}

}  // namespace
}  // namespace kro::api
