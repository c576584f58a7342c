#include "cel/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace kro::cel {
namespace {

constexpr const char* kPath = KRO_SOURCE_DIR "/docs/cel.md";

TEST(Reference, StandsInTheDocumentation) {
  const std::string reference = FunctionReference();
  if (std::getenv("KRO_UPDATE") != nullptr) std::ofstream(kPath) << reference;
  std::ifstream file(kPath);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(written == reference)
      << "docs/cel.md is not current: KRO_UPDATE=1 cel_test --gtest_filter='Reference.*'";
}

TEST(Reference, NamesFunctionsAndOperatorsAsTheyAreCalled) {
  const std::string reference = FunctionReference();
  for (const char* line : {"- `int + int -> int`", "- `string.charAt(int) -> string`",
                           "- `-int -> int`", "- `T in list(T) -> bool`"}) {
    EXPECT_NE(reference.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(reference.find("@map"), std::string::npos);
}

}  // namespace
}  // namespace kro::cel
