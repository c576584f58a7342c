// Reads the recorded cases of test/data/conformance; for tests only.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include "json/value.h"

namespace kro {

inline std::string ReadTestFile(std::string_view path) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/test/data/conformance/" + std::string(path),
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The cases of one file, one case a line. A case that is no JSON for us (numbers out of range, lone
// surrogates) becomes {"unreadable": reason}. An empty list fails the test that asks.
inline json::Array ReadCases(std::string_view path) {
  json::Array cases;
  std::istringstream lines(ReadTestFile(path));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('{') || line.starts_with("{\"cases\"")) continue;
    if (line.ends_with(',')) line.pop_back();
    auto parsed = json::Parse(line);
    cases.push_back(parsed ? *parsed
                           : json::Value(json::Object{{"unreadable", parsed.error().message()}}));
  }
  if (cases.empty()) ADD_FAILURE() << path << " has no cases";
  return cases;
}

// The same value with every number that is integral as an integer, for comparing what was recorded
// as 1.0 with 1.
inline json::Value PlainNumbers(json::Value value) {
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

}  // namespace kro
