// GraphRegistry: which revisions of which RGD there are, and the graphs of those that compiled.
//
// In memory; the GraphRevision objects in the cluster are the truth. Instances always run the latest
// revision: there is no way back to an older one while the latest is pending or failed (graph spec
// section 15).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace kro::controller {

enum class RevisionState { kPending, kActive, kFailed };

// "Pending".
std::string_view ToString(RevisionState state);

struct RevisionEntry {
  std::string owner;  // name of the RGD
  std::int64_t revision = 0;
  std::string spec_hash;
  RevisionState state = RevisionState::kPending;
  std::shared_ptr<const graph::Graph> graph;  // if active
};

// Thread-safe.
class GraphRegistry {
 public:
  // Inserts or replaces.
  void Put(RevisionEntry entry);

  std::optional<RevisionEntry> Get(std::string_view owner, std::int64_t revision) const;

  // The entry of the highest number, whatever its state.
  std::optional<RevisionEntry> Latest(std::string_view owner) const;

  // Whether all of them are there; true if none is asked for.
  bool HasAll(std::string_view owner, std::span<const std::int64_t> revisions) const;

  // Nothing happens if there is none.
  void Delete(std::string_view owner, std::int64_t revision);
  void DeleteAll(std::string_view owner);
  // Those with a lower number.
  void DeleteBefore(std::string_view owner, std::int64_t revision);

  // Everything, by owner and number, for /debug.
  std::vector<RevisionEntry> List() const;

  // How many entries are in a state, for metrics.
  std::size_t Count(RevisionState state) const;

  // How often an entry went from one state to another, and how many entries were deleted, for metrics.
  using Transitions = std::map<std::pair<RevisionState, RevisionState>, std::uint64_t>;
  Transitions transitions() const;
  std::uint64_t evictions() const;

 private:
  using Revisions = std::map<std::int64_t, RevisionEntry>;
  using Owners = std::map<std::string, Revisions, std::less<>>;

  // Expects mutex_ to be held.
  void Erase(Owners::iterator owner, Revisions::iterator from, Revisions::iterator to);

  mutable std::mutex mutex_;
  // All guarded by mutex_.
  Owners owners_;
  Transitions transitions_;
  std::uint64_t evictions_ = 0;
};

}  // namespace kro::controller
