#include "controller/retry_pace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <queue>

namespace kro::controller {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

const RetryPace::Line kLine{SetbackCause::kForbidden, {"", "v1", "configmaps"}};
const MonotonicTime kNow{1h};

RetryPace::Waiter Waiter(int number) { return {{"default", std::to_string(number)}, "cm"}; }

TEST(RetryPace, LeavesTheFewAlone) {
  RetryPace pace(5);
  const auto first = pace.Reserve(kLine, Waiter(1), 2300ms, kNow);
  EXPECT_EQ(first.time(), kNow + 2300ms);
  const auto later = pace.Reserve(kLine, Waiter(2), 10min, kNow);
  EXPECT_EQ(later.time(), kNow + 10min);
}

// Tries that all fail. Each waits longer after each, up to five minutes.
struct Crowd {
  explicit Crowd(int size) : places(static_cast<std::size_t>(size)), backs_off(places.size(), 1s) {
    for (std::size_t i = 0; i < places.size(); ++i) Fail(i, kNow);
  }
  void Fail(std::size_t i, MonotonicTime now) {
    places[i] = pace.Reserve(kLine, Waiter(static_cast<int>(i)), backs_off[i] * 9 / 10, now);
    due.emplace(places[i].time(), i);
    longest = std::max(longest, places[i].time() - now);
    early += places[i].time() - now < backs_off[i] * 9 / 10;
    backs_off[i] = std::min<Duration>(backs_off[i] * 2, 5min);
  }
  // Lets time pass until `end`: how many tries each `unit` saw.
  std::vector<int> TriesIn(Duration unit, MonotonicTime end) {
    std::vector<int> tries(static_cast<std::size_t>((end - now) / unit));
    while (due.top().first < end) {
      const auto [at, i] = due.top();
      due.pop();
      ++tries[static_cast<std::size_t>((at - now) / unit)];
      Fail(i, at);
    }
    now = end;
    return tries;
  }

  RetryPace pace{5};
  std::vector<RetryPace::Place> places;
  std::vector<Duration> backs_off;
  using Due = std::pair<MonotonicTime, std::size_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  MonotonicTime now = kNow;
  Duration longest{};
  int early = 0;
};

TEST(RetryPace, ACrowdIsNeitherLoudNorSilent) {
  Crowd crowd(300);
  for (const int tries : crowd.TriesIn(1s, kNow + 10min)) EXPECT_LE(tries, 5);
  for (const int tries : crowd.TriesIn(10s, kNow + 1h)) {
    EXPECT_GE(tries, 5);
    EXPECT_LE(tries, 20);
  }
  EXPECT_LE(crowd.longest, 5min);
  EXPECT_EQ(crowd.early, 0);
}

TEST(RetryPace, ALargeCrowdUsesEachPlace) {
  Crowd crowd(3000);
  const auto all = crowd.TriesIn(1min, kNow + 2h);
  for (std::size_t minute = 1; minute < all.size(); ++minute) EXPECT_EQ(all[minute], 300) << minute;
  EXPECT_LE(crowd.longest, 10min + 5s);
}

TEST(RetryPace, WhoLeavesGivesItsPlaceBack) {
  RetryPace pace(1);
  auto first = pace.Reserve(kLine, Waiter(1), 1s, kNow);
  const MonotonicTime taken = first.time();
  EXPECT_NE(pace.Reserve(kLine, Waiter(2), 1s, kNow).time(), taken);
  first = {};
  EXPECT_EQ(pace.Reserve(kLine, Waiter(2), 1s, kNow).time(), taken);
}

TEST(RetryPace, ASuccessOpensTheWayForTwoOfTheSameLine) {
  RetryPace pace(5);
  std::vector<RetryPace::Place> places;
  for (int i = 0; i < 4; ++i) {
    places.push_back(pace.Reserve(kLine, Waiter(i), std::chrono::seconds(10 + 10 * i), kNow));
  }
  RetryPace::Line other = kLine;
  other.cause = SetbackCause::kInvalid;
  EXPECT_THAT(pace.Open(other), ElementsAre());
  EXPECT_THAT(pace.Open(kLine), ElementsAre(Waiter(0), Waiter(1)));
  places.pop_back();
  EXPECT_THAT(pace.Open(kLine), ElementsAre(Waiter(2))) << "the fourth is gone";
  EXPECT_THAT(pace.Open(kLine), ElementsAre());
}

}  // namespace
}  // namespace kro::controller
