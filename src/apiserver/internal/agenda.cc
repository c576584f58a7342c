#include "apiserver/internal/agenda.h"

namespace kro::apiserver {

Agenda::Entry Agenda::At(MonotonicTime when, std::function<void()> work) {
  Entry entry{when, ++entered_};
  work_.emplace(entry, std::move(work));
  return entry;
}

bool Agenda::RunDue(MonotonicTime now, int limit) {
  while (!work_.empty() && work_.begin()->first.first <= now) {
    if (limit-- == 0) return false;
    auto work = std::move(work_.begin()->second);
    work_.erase(work_.begin());
    work();
  }
  return true;
}

std::optional<MonotonicTime> Agenda::Next() const {
  if (work_.empty()) return std::nullopt;
  return work_.begin()->first.first;
}

}  // namespace kro::apiserver
