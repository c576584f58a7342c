#include "controller/setbacks.h"

#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using std::chrono::seconds;

const kube::Random kNoJitter = [] { return 1.0; };
const MonotonicTime kNow{std::chrono::hours(1)};

const Setback& Refuse(Setbacks& setbacks, MonotonicTime now, std::string_view hash = "h") {
  return setbacks.Record("cm", {std::string(hash), "uid", 1}, SetbackCause::kForbidden,
                         Error(ErrorCode::kForbidden, "denied"), std::nullopt, now, kNoJitter);
}

TEST(Setbacks, TheSameRefusalWaitsLongerEachTime) {
  Setbacks setbacks;
  EXPECT_EQ(Refuse(setbacks, kNow).next, kNow + seconds(1));
  EXPECT_EQ(Refuse(setbacks, kNow).next, kNow + seconds(2));
  EXPECT_EQ(Refuse(setbacks, kNow).next, kNow + seconds(4));
  for (int i = 0; i < 100; ++i) Refuse(setbacks, kNow);
  EXPECT_EQ(Refuse(setbacks, kNow).next, kNow + std::chrono::minutes(5));
}

TEST(Setbacks, HoldsUntilItsTime) {
  Setbacks setbacks;
  Refuse(setbacks, kNow);
  EXPECT_NE(setbacks.Holds("cm", {"h", "uid", 1}, kNow), nullptr);
  EXPECT_EQ(setbacks.Holds("cm", {"h", "uid", 1}, kNow + seconds(1)), nullptr);
  EXPECT_EQ(setbacks.Holds("other", {"h", "uid", 1}, kNow), nullptr);
}

TEST(Setbacks, AChangeOfWhatIsWantedOrOfWhatStandsThereStartsOver) {
  Setbacks setbacks;
  Refuse(setbacks, kNow);
  Refuse(setbacks, kNow);
  EXPECT_EQ(setbacks.Holds("cm", {"edited", "uid", 1}, kNow), nullptr);
  EXPECT_EQ(setbacks.Holds("cm", {"h", "another", 1}, kNow), nullptr);
  EXPECT_EQ(setbacks.Holds("cm", {"h", "uid", 2}, kNow), nullptr) << "the user asks for it";
  EXPECT_EQ(Refuse(setbacks, kNow, "edited").attempts, 1);
}

TEST(Setbacks, WaitsAtLeastAsLongAsTheServerAsks) {
  Setbacks setbacks;
  const Setback& setback =
      setbacks.Record("cm", {"h", "", 1}, SetbackCause::kThrottled,
                      Error(ErrorCode::kThrottled, "slow"), seconds(30), kNow, kNoJitter);
  EXPECT_EQ(setback.next, kNow + seconds(30));
}

TEST(Setbacks, WhatIsHastenedStillWaitsAsLongAsTheServerAsks) {
  Setbacks setbacks;
  for (int i = 0; i < 10; ++i) Refuse(setbacks, kNow);
  setbacks.Hasten("cm", kNow);
  EXPECT_EQ(setbacks.Next()->next, kNow);
  setbacks.Record("cm", {"h", "", 1}, SetbackCause::kThrottled,
                  Error(ErrorCode::kThrottled, "slow"), seconds(30), kNow, kNoJitter);
  setbacks.Hasten("cm", kNow);
  EXPECT_EQ(setbacks.Next()->next, kNow + seconds(30));
}

TEST(Setbacks, WhatIsWantedNoMoreIsForgotten) {
  Setbacks setbacks;
  Refuse(setbacks, kNow);
  setbacks.DropUnused();
  EXPECT_EQ(setbacks.Next()->next, kNow + seconds(1));
  setbacks.DropUnused();
  EXPECT_TRUE(setbacks.empty());
}

}  // namespace
}  // namespace kro::controller
