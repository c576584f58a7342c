// coverage.txt: every item of the specification has a sequence or a test, and those exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "differential/play.h"
#include "support/test_names.h"

namespace kro::differential {
namespace {

constexpr int kScenarios = 84;
constexpr int kTraps = 25;

}  // namespace

void CheckCoverage(const Suite& suite) {
  const auto tests = TestNames({"src/apiserver", "test/differential"});
  std::set<std::string> missing;
  for (int i = 1; i <= kScenarios; ++i) missing.insert(fmt::format("scenario {}", i));
  for (int i = 1; i <= kTraps; ++i) missing.insert(fmt::format("trap {}", i));
  std::ifstream file(KRO_SOURCE_DIR "/test/differential/coverage.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string kind;
    std::string number;
    words >> kind >> number;
    std::string word;
    bool any = false;
    while (words >> word) {
      any = true;
      const bool known =
          word.find('.') != std::string::npos
              ? tests.contains(word)
              : std::ranges::find(suite.sequences, word, &Sequence::id) != suite.sequences.end();
      EXPECT_TRUE(known) << line << ": there is no " << word;
    }
    if (any) missing.erase(kind + " " + number);
  }
  for (const std::string& item : missing) ADD_FAILURE() << "coverage.txt: nothing shows " << item;
}

}  // namespace kro::differential
