#include "schema/compatibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support/conformance.h"

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
bool IsEqual(const json::Value& entry) {
  const auto* old_schema = json::Find(entry, "old");
  const auto* new_schema = json::Find(entry, "new");
  return old_schema != nullptr && new_schema != nullptr &&
         json::Canonical(conformance::PlainNumbers(*old_schema)) ==
             json::Canonical(conformance::PlainNumbers(*new_schema));
}

void ExpectRecorded(const json::Value& entry) {
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
  if (const auto* error = json::Find(entry, "error")) {
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().message(), std::string(error->as_string()));
    return;
  }
  ASSERT_TRUE(report);
  if (IsEqual(entry)) {
    EXPECT_TRUE(report->compatible());
    EXPECT_TRUE(report->harmless.empty());
    return;
  }
  EXPECT_EQ(report->compatible(), entry.at("compatible").as_bool());
  EXPECT_EQ(Lines(report->breaking), Lines(json::Find(entry, "breaking")));
  EXPECT_EQ(Lines(report->harmless), Lines(json::Find(entry, "nonBreaking")));
  const std::string summary(json::FindString(entry, {"summary"}));
  if (!summary.empty() && summary.find("Optional property") == std::string::npos) {
    EXPECT_EQ(report->Summary(), summary);
  }
}

TEST(CompatibilityConformance, AgreesWithUpstream) {
  conformance::Tally tally("compat", "test/conformance/definition_differences.txt");
  for (const auto& entry : conformance::ReadCases("conformance/compat.json")) {
    tally.Run(std::string(json::FindString(entry, {"id"})), [&] { ExpectRecorded(entry); });
  }
}

}  // namespace
}  // namespace kro::schema
