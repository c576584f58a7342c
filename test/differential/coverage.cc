// coverage.txt: every item of the specification has a sequence or a test, and those exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "differential/play.h"

namespace kro::differential {
namespace {

constexpr int kScenarios = 84;
constexpr int kTraps = 25;

// "Server.ListsPages" for TEST(Server, ListsPages), of all sources of tests.
std::set<std::string> TestNames();

}  // namespace

void CheckCoverage(const Suite& suite) {
  const std::set<std::string> tests = TestNames();
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
      const bool known = word.find('.') != std::string::npos
                             ? tests.contains(word)
                             : std::ranges::find(suite.sequences, word, &Sequence::id) !=
                                   suite.sequences.end();
      EXPECT_TRUE(known) << line << ": there is no " << word;
    }
    if (any) missing.erase(kind + " " + number);
  }
  for (const std::string& item : missing) ADD_FAILURE() << "coverage.txt: nothing shows " << item;
}

namespace {

std::set<std::string> TestNames() {
  namespace fs = std::filesystem;
  std::set<std::string> names;
  for (const char* folder : {KRO_SOURCE_DIR "/src/apiserver", KRO_SOURCE_DIR "/test/differential"}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.path().string().ends_with("_test.cc")) continue;
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) {
        const std::size_t open = line.find('(');
        const std::size_t comma = line.find(", ");
        const std::size_t close = line.find(')');
        if (!line.starts_with("TEST") || close == std::string::npos || comma > close) continue;
        names.insert(line.substr(open + 1, comma - open - 1) + "." +
                     line.substr(comma + 2, close - comma - 2));
      }
    }
  }
  return names;
}

}  // namespace
}  // namespace kro::differential
