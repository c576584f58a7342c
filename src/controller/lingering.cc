#include "controller/lingering.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/waits.h"

namespace kro::controller {
namespace {

std::string Describe(const runtime::Departure& departure);

}  // namespace

Lingering TellOfLingering(std::vector<runtime::Departure> departures, WallTime now) {
  std::ranges::sort(departures, {}, [](const runtime::Departure& departure) {
    return std::tie(departure.gvr, departure.ns, departure.name);
  });
  Lingering lingering;
  std::size_t told = 0;
  std::size_t more = 0;
  for (const runtime::Departure& departure : departures) {
    const Duration age = departure.since ? now - *departure.since : Waits::kPatience;
    if (age < Waits::kPatience) {
      const Duration left = Waits::kPatience - age;
      lingering.next = std::min(lingering.next.value_or(left), left);
    } else if (told < Waits::kTold) {
      lingering.text += Describe(departure);
      ++told;
    } else {
      ++more;
    }
  }
  if (more > 0) lingering.text += fmt::format("; and {} more", more);
  return lingering;
}

namespace {

std::string Describe(const runtime::Departure& departure) {
  const api::Gvr& gvr = departure.gvr;
  std::string text =
      fmt::format("; {}{}{} {}{}{} is being deleted", gvr.resource, gvr.group.empty() ? "" : ".",
                  gvr.group, departure.ns, departure.ns.empty() ? "" : "/", departure.name);
  if (departure.since) text += " since " + api::FormatTimestamp(*departure.since);
  if (!departure.finalizers.empty()) {
    text += fmt::format(", held by finalizers {}", fmt::join(departure.finalizers, ", "));
  }
  return text;
}

}  // namespace
}  // namespace kro::controller
