#include "controller/setbacks.h"

#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using std::chrono::seconds;

const kube::Random kNoJitter = [] { return 1.0; };
const MonotonicTime kNow{std::chrono::hours(1)};

const Setback& Refuse(Setbacks& setbacks, MonotonicTime now, std::string_view hash = "h") {
  return setbacks.Record("cm", hash, "uid", SetbackCause::kForbidden,
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
  EXPECT_NE(setbacks.Holds("cm", "h", "uid", kNow), nullptr);
  EXPECT_EQ(setbacks.Holds("cm", "h", "uid", kNow + seconds(1)), nullptr);
  EXPECT_EQ(setbacks.Holds("other", "h", "uid", kNow), nullptr);
}

TEST(Setbacks, AChangeOfWhatIsWantedOrOfWhatStandsThereStartsOver) {
  Setbacks setbacks;
  Refuse(setbacks, kNow);
  Refuse(setbacks, kNow);
  EXPECT_EQ(setbacks.Holds("cm", "edited", "uid", kNow), nullptr);
  EXPECT_EQ(setbacks.Holds("cm", "h", "another", kNow), nullptr);
  EXPECT_EQ(Refuse(setbacks, kNow, "edited").attempts, 1);
}

TEST(Setbacks, WaitsAtLeastAsLongAsTheServerAsks) {
  Setbacks setbacks;
  const Setback& setback =
      setbacks.Record("cm", "h", "", SetbackCause::kThrottled, Error(ErrorCode::kThrottled, "slow"),
                      seconds(30), kNow, kNoJitter);
  EXPECT_EQ(setback.next, kNow + seconds(30));
}

TEST(Setbacks, WhatIsWantedNoMoreIsForgotten) {
  Setbacks setbacks;
  Refuse(setbacks, kNow);
  setbacks.DropUnused();
  EXPECT_EQ(setbacks.Next()->next, kNow + seconds(1));
  setbacks.DropUnused();
  EXPECT_TRUE(setbacks.empty());
}

TEST(RetryPace, SpreadsACrowdAndLeavesTheFewAlone) {
  RetryPace pace(5);
  const MonotonicTime now(std::chrono::seconds(100));
  const MonotonicTime soon = now + std::chrono::milliseconds(2300);
  EXPECT_EQ(pace.Reserve(soon, now), soon);
  MonotonicTime last = soon;
  for (int i = 1; i < 1000; ++i) {
    const MonotonicTime at = pace.Reserve(soon, now);
    EXPECT_GE(at, last);
    last = at;
  }
  EXPECT_GE(last - now, std::chrono::seconds(200));
  EXPECT_LE(last - now, std::chrono::seconds(203));
  // Before the crowd and behind it there is room.
  EXPECT_EQ(pace.Reserve(now, now), now);
  const MonotonicTime later = now + std::chrono::minutes(10);
  EXPECT_EQ(pace.Reserve(later, now), later);
}

}  // namespace
}  // namespace kro::controller
