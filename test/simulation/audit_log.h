// AuditLog: what the operator asked of the server, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/local_transport.h"
#include "base/clock.h"
#include "json/value.h"

namespace kro::simulation {

// What a request addresses.
struct Target {
  std::string group;
  std::string version;
  std::string name_space;
  std::string resource;
  std::string name;  // empty: the collection
  std::string subresource;

  std::string Resource() const { return group.empty() ? resource : resource + "." + group; }
};
// nullopt outside /api and /apis, and for discovery.
std::optional<Target> ParseTarget(std::string_view target);

struct Call {
  std::string verb;      // get, list, create, update, patch, delete
  std::string resource;  // "deployments.apps", "deployments.apps/status"
  std::string object;    // "namespace/name"
  int code = 0;
  bool write = false;
  bool stored = false;  // something changed
  std::string note;     // of a status: state and conditions
};

// Counts of one object's writes.
struct WriteCount {
  int effective = 0;
  int total = 0;
  int failed = 0;
};

class AuditLog {
 public:
  // How much is read from answers.
  enum class Detail { kCounts, kNotes };
  // `clock` outlives the log.
  AuditLog(const Clock& clock, Detail detail) : clock_(clock), detail_(detail) {}

  void Add(const apiserver::LocalTransport::Answered& answered);

  // Since the last Forget. Leases, events and access reviews are left out.
  const std::vector<Call>& calls() const { return calls_; }
  void Forget() { calls_.clear(); }
  // Of each object, or its status, since the beginning: how often it was made, changed and deleted. A DELETE of what
  // is being deleted already counts no more, though the server may note something of it.
  struct Lives {
    int creates = 0;
    int updates = 0;
    int deletes = 0;
    friend bool operator==(const Lives&, const Lives&) = default;
  };
  const std::map<std::string, Lives>& lives() const { return lives_; }
  MonotonicTime last_change() const { return last_change_; }

 private:
  const Clock& clock_;
  Detail detail_;
  std::vector<Call> calls_;
  std::map<std::string, Lives> lives_;
  std::set<std::string> deleted_;  // uids
  MonotonicTime last_change_{};
};

std::map<std::string, WriteCount> CountWrites(const std::vector<Call>& calls);

}  // namespace kro::simulation
