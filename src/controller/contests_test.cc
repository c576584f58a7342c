#include "controller/contests.h"

#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using namespace std::chrono_literals;

struct Fight : testing::Test {
  // Asks for a repair each `pace`, and makes those that may be made.
  int RepairsIn(Duration time, Duration pace) {
    int repairs = 0;
    for (const MonotonicTime end = now + time; now < end; now += pace) {
      if (contests.Ask("cm", 1, now) == Contests::Repair::kNow) {
        ++repairs;
      } else if (contests.Told("cm", now) == nullptr) {
        contests.Tell("cm", Error(ErrorCode::kConflict, "they fight"));
      }
    }
    return repairs;
  }

  Contests contests;
  MonotonicTime now{1h};
};

TEST_F(Fight, IsAnsweredAtOnceAtFirstAndTenTimesAMinuteThen) {
  EXPECT_EQ(RepairsIn(30s, 500ms), 60);
  EXPECT_EQ(contests.Told("cm", now), nullptr) << "so far it is put right each time";
  EXPECT_LE(RepairsIn(1min, 100ms), 16) << "those of the first half minute have rested";
  EXPECT_NE(contests.Told("cm", now), nullptr);
  const int repairs = RepairsIn(10min, 100ms);
  EXPECT_GE(repairs, 99);
  EXPECT_LE(repairs, 101);
}

TEST_F(Fight, IsToldOfUntilTheOtherOneHasRested) {
  RepairsIn(1min, 100ms);
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(contests.Told("cm", now), nullptr) << i;
    RepairsIn(10s, 10s);
  }
  now += Contests::kRest - 10s - 1ms;
  EXPECT_NE(contests.Told("cm", now), nullptr);
  now += 1ms;
  EXPECT_EQ(contests.Told("cm", now), nullptr);
}

TEST_F(Fight, IsLookedAtWhenARepairMayBeMadeAndWhenItIsOver) {
  RepairsIn(1min, 100ms);
  while (contests.Ask("cm", 1, now) == Contests::Repair::kNow) now += 100ms;
  const auto repair = contests.Next(now);
  ASSERT_TRUE(repair.has_value());
  EXPECT_EQ(contests.Ask("cm", 1, *repair - 100ms), Contests::Repair::kLater);
  now = *contests.Next(now) + 1ms;
  EXPECT_EQ(contests.Ask("cm", 1, now), Contests::Repair::kNow);
  EXPECT_EQ(contests.Next(now), now + Contests::kRest);
  now += Contests::kRest;
  contests.DropRested(now);
  EXPECT_EQ(contests.Next(now), std::nullopt);
  EXPECT_EQ(contests.Told("cm", now), nullptr);
}

TEST_F(Fight, ANewWishIsFulfilledAtOnce) {
  RepairsIn(1min, 100ms);
  while (contests.Ask("cm", 1, now) == Contests::Repair::kNow) {
  }
  EXPECT_EQ(contests.Ask("cm", 2, now), Contests::Repair::kNow);
  EXPECT_EQ(contests.Ask("cm", 2, now), Contests::Repair::kLater);
}

TEST_F(Fight, ALossCountsUntilARepairIsGranted) {
  EXPECT_FALSE(contests.WasLost("cm"));
  contests.NoteLoss("cm", now);
  EXPECT_TRUE(contests.WasLost("cm"));
  EXPECT_EQ(contests.Ask("cm", 1, now), Contests::Repair::kNow);
  EXPECT_FALSE(contests.WasLost("cm"));
}

TEST_F(Fight, WhatHasRestedIsForgotten) {
  RepairsIn(1min, 100ms);
  now += 6min;
  contests.DropRested(now);
  EXPECT_TRUE(contests.empty());
}

}  // namespace
}  // namespace kro::controller
