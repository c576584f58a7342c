#include "base/error.h"

#include <gtest/gtest.h>

namespace kro {
namespace {

TEST(Error, PrintsItsFramesOutermostFirst) {
  Result<int> inner = Fail(ErrorCode::kInvalid, "undeclared reference to '{}'", "deploymnt");
  Result<int> middle = Annotate(inner, "spec.replicas");
  Result<int> outer = Annotate(middle, "resource '{}'", "frontend");
  EXPECT_EQ(outer.error().message(),
            "resource 'frontend': spec.replicas: undeclared reference to 'deploymnt'");
}

TEST(Error, KeepsItsCodeThroughAnnotation) {
  Result<void> inner = Fail(ErrorCode::kPending, "no such key: status");
  Result<int> outer = Annotate(inner, "node 'db'");
  EXPECT_EQ(outer.error().code(), ErrorCode::kPending);
}

TEST(Error, EveryCodeHasAName) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    EXPECT_NE(ToString(static_cast<ErrorCode>(code)), "unknown");
  }
}

}  // namespace
}  // namespace kro
