// Recorded cases: where they are, how they are read, and which of them are met. For tests only.
//
//   Tally tally("compat", "src/schema/conformance_unmet.txt");
//   for (const json::Value& test : ReadCases("conformance/compat.json")) {
//     tally.Run(Id(test), [&] { EXPECT_EQ(Compare(test), …); });
//   }
//
// The data are those of test/data, or of the folder that the environment variable
// KRO_CONFORMANCE_DATA names, which has the same layout and may hold other cases of the same kinds.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace kro::conformance {

// Whether the cases are not those of this checkout.
bool IsForeignData();

// The place of a file or folder: DataPath("conformance/crds").
std::string DataPath(std::string_view name);

// The content of a file; the test fails if it cannot be read.
std::string ReadData(std::string_view name);

// The whole of a JSON file; the test fails if it is none, and the answer is null.
json::Value ReadJson(std::string_view name);

// The cases of a file {"cases": […]} with one case a line. One that is no JSON for us (numbers out of range,
// lone surrogates) becomes {"unreadable": reason}. Data of this checkout without cases fail the test.
json::Array ReadCases(std::string_view name);

// The same value with every number that is integral as an integer, for comparing what was recorded
// as 1.0 with 1.
json::Value PlainNumbers(json::Value value);

// Counts the cases of one kind. At its end it prints "conformance KIND: N passed, N unmet, N failed", which
// scripts/conformance adds up.
class Tally {
 public:
  // `unmet_file`, relative to the checkout, lists cases that are known to be unmet, one id a line, then
  // white space and the reason; # starts a comment. A listed case that passes fails the test, and so does
  // an unlisted one that does not.
  explicit Tally(std::string kind, std::string_view unmet_file = {});
  ~Tally();
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  // `problem` says what is wrong; empty if the case is met. The second case of one id becomes "id#2".
  void Count(std::string id, const std::string& problem);

  // A case whose expectations are googletest's; ASSERT_ ends only this case.
  void Run(std::string id, const std::function<void()>& check);

 private:
  std::string kind_;
  std::string unmet_file_;
  std::set<std::string, std::less<>> listed_;
  std::map<std::string, int> seen_;
  int passed_ = 0;
  int unmet_ = 0;
  int failed_ = 0;
};

}  // namespace kro::conformance
