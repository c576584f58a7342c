#include "controller/graph_registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kro::controller {

std::string_view ToString(RevisionState state) {
  switch (state) {
    case RevisionState::kPending:
      return "Pending";
    case RevisionState::kActive:
      return "Active";
    case RevisionState::kFailed:
      return "Failed";
  }
  return "";
}

void GraphRegistry::Put(RevisionEntry entry) {
  const std::scoped_lock lock(mutex_);
  auto& revisions = owners_[entry.owner];
  const std::int64_t number = entry.revision;
  if (const auto before = revisions.find(number);
      before != revisions.end() && before->second.state != entry.state) {
    ++transitions_[{before->second.state, entry.state}];
  }
  revisions.insert_or_assign(number, std::move(entry));
}

std::optional<RevisionEntry> GraphRegistry::Get(std::string_view owner,
                                                std::int64_t revision) const {
  const std::scoped_lock lock(mutex_);
  const auto revisions = owners_.find(owner);
  if (revisions == owners_.end()) return std::nullopt;
  const auto entry = revisions->second.find(revision);
  if (entry == revisions->second.end()) return std::nullopt;
  return entry->second;
}

std::optional<RevisionEntry> GraphRegistry::Latest(std::string_view owner) const {
  const std::scoped_lock lock(mutex_);
  const auto revisions = owners_.find(owner);
  if (revisions == owners_.end()) return std::nullopt;
  return revisions->second.rbegin()->second;
}

bool GraphRegistry::HasAll(std::string_view owner, std::span<const std::int64_t> revisions) const {
  const std::scoped_lock lock(mutex_);
  if (revisions.empty()) return true;
  const auto known = owners_.find(owner);
  if (known == owners_.end()) return false;
  return std::ranges::all_of(revisions,
                             [&](std::int64_t number) { return known->second.contains(number); });
}

void GraphRegistry::Delete(std::string_view owner, std::int64_t revision) {
  const std::scoped_lock lock(mutex_);
  const auto revisions = owners_.find(owner);
  if (revisions == owners_.end()) return;
  const auto [from, to] = revisions->second.equal_range(revision);
  Erase(revisions, from, to);
}

void GraphRegistry::DeleteAll(std::string_view owner) {
  const std::scoped_lock lock(mutex_);
  const auto revisions = owners_.find(owner);
  if (revisions == owners_.end()) return;
  Erase(revisions, revisions->second.begin(), revisions->second.end());
}

void GraphRegistry::DeleteBefore(std::string_view owner, std::int64_t revision) {
  const std::scoped_lock lock(mutex_);
  const auto revisions = owners_.find(owner);
  if (revisions == owners_.end()) return;
  Erase(revisions, revisions->second.begin(), revisions->second.lower_bound(revision));
}

std::vector<RevisionEntry> GraphRegistry::List() const {
  const std::scoped_lock lock(mutex_);
  std::vector<RevisionEntry> entries;
  for (const auto& [owner, revisions] : owners_) {
    for (const auto& [number, entry] : revisions) entries.push_back(entry);
  }
  return entries;
}

std::size_t GraphRegistry::Count(RevisionState state) const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [owner, revisions] : owners_) {
    count += static_cast<std::size_t>(std::ranges::count_if(
        revisions, [&](const auto& entry) { return entry.second.state == state; }));
  }
  return count;
}

GraphRegistry::Transitions GraphRegistry::transitions() const {
  const std::scoped_lock lock(mutex_);
  return transitions_;
}

std::uint64_t GraphRegistry::evictions() const {
  const std::scoped_lock lock(mutex_);
  return evictions_;
}

void GraphRegistry::Erase(Owners::iterator owner, Revisions::iterator from,
                          Revisions::iterator to) {
  evictions_ += static_cast<std::uint64_t>(std::distance(from, to));
  owner->second.erase(from, to);
  if (owner->second.empty()) owners_.erase(owner);
}

}  // namespace kro::controller
