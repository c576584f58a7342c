// spec_coverage.txt: every row of the specification's tables has a test, and that exists.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "json/value.h"
#include "support/test_names.h"

namespace kro::cel {
namespace {

using Names = std::set<std::string, std::less<>>;

struct Section {
  std::string_view name;
  int rows;
};

// Rows of the tables of each section together, headings left out.
constexpr Section kSections[] = {
    {"0.2", 11},  {"1.2", 9},  {"1.5", 6},   {"2.1", 12}, {"2.3", 17},  {"2.4", 8},  {"2.5", 37},
    {"3.1", 6},   {"3.3", 11}, {"3.6", 11},  {"3.7", 22}, {"3.8", 4},   {"3.9", 16}, {"4.1", 10},
    {"4.3", 6},   {"4.4", 15}, {"4.5", 13},  {"4.6", 19}, {"4.7", 8},   {"4.8", 3},  {"4.9", 4},
    {"4.10", 10}, {"4.11", 8}, {"4.12", 14}, {"4.13", 4}, {"4.14", 11}, {"4.15", 6}, {"5.1", 9},
    {"5.2", 4},   {"5.3", 25}, {"5.4", 12},  {"5.5", 9},  {"6", 25},    {"7", 8},    {"8", 15},
    {"9", 6},     {"10", 75},  {"A", 1},
};

std::string Read(const std::filesystem::path& path);
std::string_view Trim(std::string_view text);
// What follows `{"` in a table of cases, up to the end of that text, as it is written.
Names Cases(std::string_view source);
Names Recorded();

class Evidence {
 public:
  // Why `line` shows nothing; empty if it does.
  std::string Problem(std::string_view line) const {
    if (Skip(line, "cannot arise: ")) return "";
    if (Skip(line, "test ")) return tests_.contains(line) ? "" : "there is no such test";
    if (Skip(line, "recorded ")) return recorded_.contains(line) ? "" : "this was not recorded";
    if (line.starts_with("src/") || line.starts_with("test/")) {
      const std::size_t end = line.find(": ");
      if (end == line.npos) return "no text is given";
      const std::string_view path = line.substr(0, end);
      const bool tested = path.ends_with("_test.cc") || path.find("/testdata/") != path.npos ||
                          path.starts_with("test/data/");
      if (!tested) return "the file is neither a test nor data of one";
      return Read(fmt::format("{}/{}", KRO_SOURCE_DIR, path)).find(line.substr(end + 2)) !=
                     std::string::npos
                 ? ""
                 : "the file does not say so";
    }
    return cases_.contains(line) ? "" : "there is no such case";
  }

 private:
  static bool Skip(std::string_view& line, std::string_view word) {
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  }

  Names tests_ = TestNames({"src"});
  Names recorded_ = Recorded();
  Names cases_ = Cases(Read(KRO_SOURCE_DIR "/src/cel/spec_test.cc") +
                       Read(KRO_SOURCE_DIR "/src/cel/inspect_test.cc"));
};

TEST(SpecCoverage, EveryRowHasATestThatExists) {
  const Evidence evidence;
  Names missing;
  for (const Section& section : kSections) {
    for (int row = 1; row <= section.rows; ++row)
      missing.insert(fmt::format("{} row {}", section.name, row));
  }
  std::ifstream file(KRO_SOURCE_DIR "/src/cel/spec_coverage.txt");
  std::string row;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] != ' ') {
      row = line.substr(0, line.find(": "));
      continue;
    }
    const std::string problem = evidence.Problem(Trim(line));
    EXPECT_EQ(problem, "") << row << ":" << line;
    if (problem.empty()) missing.erase(row);
  }
  for (const std::string& item : missing) ADD_FAILURE() << "nothing shows " << item;
}

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Names Cases(std::string_view source) {
  Names cases;
  for (std::size_t at = source.find('{'); at != source.npos; at = source.find('{', at + 1)) {
    const std::size_t quote = source.find_first_not_of(" \n", at + 1);
    if (quote == source.npos || source[quote] != '"') continue;
    std::size_t end = quote + 1;
    while (end < source.size() && source[end] != '"') end += source[end] == '\\' ? 2 : 1;
    cases.emplace(Trim(source.substr(quote + 1, end - quote - 1)));
  }
  return cases;
}

Names Recorded() {
  Names expressions;
  for (const char* file : {"kro.json", "kro-errors.json"}) {
    const auto recorded =
        json::Parse(Read(fmt::format("{}/test/data/cel-spec/{}", KRO_SOURCE_DIR, file)));
    if (!recorded) continue;
    for (const json::Value& entry : recorded->get_array()) {
      if (const json::Value* expression = json::Find(entry, "expr")) {
        expressions.emplace(expression->get_string());
      }
    }
  }
  return expressions;
}

}  // namespace
}  // namespace kro::cel
