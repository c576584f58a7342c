// testdata/coverage.txt: every item of the specifications of definitions has a test, and those exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "support/test_names.h"

namespace kro::graph {
namespace {

// How many of each there are; of sections, how many each chapter has.
constexpr int kRows = 146;
constexpr int kGraphTraps = 42;
constexpr int kApiTraps = 38;
constexpr int kSections[] = {8, 11, 8, 3, 4, 6, 6};

std::set<std::string> Items() {
  std::set<std::string> items;
  for (int i = 1; i <= kRows; ++i) items.insert(fmt::format("graph row {}", i));
  for (int i = 1; i <= kGraphTraps; ++i) items.insert(fmt::format("graph trap {}", i));
  for (int i = 1; i <= kApiTraps; ++i) items.insert(fmt::format("api trap {}", i));
  int chapter = 0;
  for (const int sections : kSections) {
    ++chapter;
    for (int i = 1; i <= sections; ++i) items.insert(fmt::format("api section {}.{}", chapter, i));
  }
  return items;
}

int Number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "4-6" and "2.3-2.5" stand for what lies between, too.
void Remove(const std::string& kind, std::string_view numbers, std::set<std::string>& items) {
  std::string chapter;
  if (const std::size_t dot = numbers.find('.'); dot != std::string_view::npos)
    chapter = numbers.substr(0, dot + 1);
  const auto last_part = [&](std::string_view text) { return Number(text.substr(chapter.size())); };
  const std::size_t dash = numbers.find('-');
  const int first = last_part(numbers.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : last_part(numbers.substr(dash + 1));
  for (int i = first; i <= last; ++i) {
    EXPECT_EQ(items.erase(fmt::format("{}{}{}", kind, chapter, i)), 1U)
        << kind << chapter << i << " is no item, or named twice";
  }
}

TEST(Coverage, EveryItemOfTheSpecificationsHasATestThatExists) {
  const auto tests = TestNames();
  std::set<std::string> missing = Items();
  std::ifstream file(KRO_SOURCE_DIR "/src/graph/testdata/coverage.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string specification;
    std::string kind;
    std::string numbers;
    words >> specification >> kind >> numbers;
    bool any = false;
    for (std::string name; words >> name; any = true) {
      EXPECT_TRUE(tests.contains(name)) << line << ": there is no " << name;
    }
    if (any) Remove(fmt::format("{} {} ", specification, kind), numbers, missing);
  }
  for (const std::string& item : missing) ADD_FAILURE() << "coverage.txt: nothing shows " << item;
}

}  // namespace
}  // namespace kro::graph
