// The lists of test/conformance/coverage_*.txt: every item of a specification has a test or a recorded scenario, and those
// exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/test_names.h"

namespace kro {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string, std::less<>>;

struct List {
  std::string_view file;
  std::vector<std::pair<std::string_view, int>> kinds;  // "row" and how many there are
  std::vector<std::string_view> more;                   // items between two numbers
};

Names ScenarioNames();

TEST(Coverage, EveryItemOfTheSpecificationsHasATestThatExists) {
  const List kLists[] = {
      {"coverage_instance.txt",
       {{"scenario", 137}, {"trap", 75}},
       {"scenario 18a", "scenario 18b", "scenario 18c", "scenario 66a", "scenario 100a",
        "scenario 115a", "scenario 115b"}},
      {"coverage_operator.txt", {{"row", 78}, {"trap", 33}}, {}},
  };
  const Names tests = TestNames();
  const Names scenarios = ScenarioNames();
  for (const List& list : kLists) {
    SCOPED_TRACE(list.file);
    Names missing(list.more.begin(), list.more.end());
    for (const auto& [kind, count] : list.kinds) {
      for (int i = 1; i <= count; ++i) missing.insert(fmt::format("{} {}", kind, i));
    }
    std::ifstream file(fmt::format("{}/test/conformance/{}", KRO_SOURCE_DIR, list.file));
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      std::string kind;
      std::string number;
      words >> kind >> number;
      bool shown = false;
      for (std::string word; words >> word;) {
        const bool exists =
            (word.find('.') != std::string::npos ? tests : scenarios).contains(word);
        EXPECT_TRUE(exists) << line << ": there is no " << word;
        shown = shown || exists;
      }
      if (shown) missing.erase(kind + " " + number);
    }
    for (const std::string& item : missing) ADD_FAILURE() << "nothing shows " << item;
  }
}

Names ScenarioNames() {
  Names names;
  for (const auto& entry :
       fs::directory_iterator(KRO_SOURCE_DIR "/test/data/conformance/scenarios")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".yaml") && !name.ends_with(".golden.yaml")) {
      names.insert(entry.path().stem().string());
    }
  }
  return names;
}

}  // namespace
}  // namespace kro
