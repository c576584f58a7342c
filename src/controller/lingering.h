// Lingering: what is being deleted and does not end, in words for a condition.
//
// A deletion that goes as it should is over before anybody reads of it, so upstream's words stand alone
// for as long as Waits is silent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runtime/member.h"

namespace kro::controller {

struct Lingering {
  // What to put behind the message: `; configmaps default/a is being deleted since 2026-01-02T03:04:05Z,
  // held by finalizers example.com/hold`. Empty if there is nothing to tell yet.
  std::string text;
  // How long until there is more to tell; nothing: only a change makes more.
  std::optional<Duration> next;
};
Lingering TellOfLingering(std::vector<runtime::Departure> departures, WallTime now);

}  // namespace kro::controller
