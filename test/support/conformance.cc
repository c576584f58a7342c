#include "support/conformance.h"

#include <fmt/core.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace kro::conformance {
namespace {

const char* ForeignFolder() { return std::getenv("KRO_CONFORMANCE_DATA"); }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " cannot be read";
  return {std::istreambuf_iterator<char>(file), {}};
}

// What stands before the first case.
std::size_t HeadSize(std::string_view text) {
  const std::size_t cases = text.find("\"cases\":");
  const std::size_t list = cases == text.npos ? text.npos : text.find('[', cases);
  return list == text.npos ? 0 : list + 1;
}

// The first word of a line, without comments.
std::string_view IdOf(std::string_view line) {
  if (line.starts_with('#')) return {};
  return line.substr(0, line.find_first_of(" \t"));
}

}  // namespace

bool IsForeignData() { return ForeignFolder() != nullptr; }

std::string DataPath(std::string_view name) {
  const std::string root = IsForeignData() ? ForeignFolder() : KRO_SOURCE_DIR "/test/data";
  return fmt::format("{}/{}", root, name);
}

std::string ReadData(std::string_view name) { return ReadFile(DataPath(name)); }

json::Value ReadJson(std::string_view name) {
  auto value = json::Parse(ReadData(name));
  if (value) return *std::move(value);
  ADD_FAILURE() << name << ": " << value.error().message();
  return nullptr;
}

json::Array ReadCases(std::string_view name) {
  json::Array cases;
  const std::string text = ReadData(name);
  std::istringstream lines(text.substr(HeadSize(text)));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('{')) continue;
    if (line.ends_with(',')) line.pop_back();
    auto parsed = json::Parse(line);
    if (parsed) {
      cases.push_back(*std::move(parsed));
      continue;
    }
    constexpr std::string_view kId = "\"id\":\"";
    const std::size_t id = line.find(kId);
    const std::size_t begin = id == line.npos ? line.size() : id + kId.size();
    cases.push_back(json::Object{{"id", line.substr(begin, line.find('"', begin) - begin)},
                                 {"unreadable", parsed.error().message()}});
  }
  if (cases.empty()) {
    // Not one a line.
    if (auto whole = json::Parse(text); whole) {
      if (auto* list = json::Find(*whole, "cases"); list != nullptr && list->is_array())
        cases = list->as_array();
    }
  }
  if (cases.empty() && !IsForeignData()) ADD_FAILURE() << name << " has no cases";
  return cases;
}

json::Value PlainNumbers(json::Value value) {
  if (auto* number = value.if_double();
      number != nullptr && *number >= -9.2e18 && *number <= 9.2e18 &&
      *number == static_cast<double>(static_cast<std::int64_t>(*number))) {
    return static_cast<std::int64_t>(*number);
  }
  if (auto* array = value.if_array()) {
    for (auto& item : *array) item = PlainNumbers(std::move(item));
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) member.value() = PlainNumbers(std::move(member.value()));
  }
  return value;
}

Tally::Tally(std::string kind, std::string_view unmet_file)
    : kind_(std::move(kind)), unmet_file_(unmet_file) {
  if (unmet_file_.empty()) return;
  std::istringstream lines(ReadFile(fmt::format("{}/{}", KRO_SOURCE_DIR, unmet_file_)));
  for (std::string line; std::getline(lines, line);) {
    if (const auto id = IdOf(line); !id.empty()) listed_.emplace(id);
  }
}

Tally::~Tally() {
  std::printf("conformance %s: %d passed, %d unmet, %d failed\n", kind_.c_str(), passed_, unmet_,
              failed_);
  if (passed_ + unmet_ + failed_ == 0 && !IsForeignData())
    ADD_FAILURE() << kind_ << ": no case ran";
}

void Tally::Count(std::string id, const std::string& problem) {
  if (const int times = ++seen_[id]; times > 1) id += "#" + std::to_string(times);
  std::string qualified = fmt::format("{}/{}", kind_, id);
  std::ranges::replace(qualified, ' ', '-');
  const bool listed = listed_.contains(id) || listed_.contains(qualified);
  if (problem.empty()) {
    ++passed_;
    if (listed) ADD_FAILURE() << id << " passes: take it off " << unmet_file_;
  } else if (listed) {
    ++unmet_;
  } else {
    ++failed_;
    ADD_FAILURE() << kind_ << ": " << id << ": " << problem;
  }
}

void Tally::Run(std::string id, const std::function<void()>& check) {
  ::testing::TestPartResultArray results;
  std::string problem;
  {
    const ::testing::ScopedFakeTestPartResultReporter catcher(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    // Data of others may lack a member that ours have; the case fails, not the rest with it.
    try {
      check();
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  for (int i = 0; i < results.size(); ++i) {
    const auto& result = results.GetTestPartResult(i);
    if (result.failed()) problem += fmt::format("\n  {}", result.message());
  }
  Count(std::move(id), problem);
}

}  // namespace kro::conformance
