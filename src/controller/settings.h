// Settings: what the flags of the operator say to the controllers. Upstream's names and meanings,
// controllers spec section 4.1.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "base/clock.h"

namespace kro::controller {

struct Settings {
  std::string version;  // of kro, as labels and tooling carry it

  // Longest time between two looks at an instance that waits; events wake it earlier. Zero: no timer.
  Duration instance_requeue_interval = std::chrono::seconds(3);
  // Reconciles at once; 0: as many as is useful and the API server bears.
  std::size_t instance_workers = 0;
  std::size_t rgd_workers = 0;
  std::size_t revision_workers = 0;
  // How often each watch is compared with what the server lists; zero: never.
  Duration resync_period = std::chrono::seconds(36000);
  // Failures in a row after which an instance waits for an event; 0: it is tried for ever.
  int queue_max_retries = 0;
  // Waits after failures of an instance: from the first to the longest, and how many retries the instances of
  // one API together make, on average and at once.
  Duration retry_min_delay = std::chrono::milliseconds(200);
  Duration retry_max_delay = std::chrono::minutes(5);
  double retries_per_second = 10;
  double retry_burst = 100;

  Duration rgd_progress_requeue_delay = std::chrono::seconds(3);
  std::size_t max_collection_size = 1000;
  std::size_t max_dimensions = 10;
  std::int64_t max_graph_revisions = 5;
  bool allow_crd_deletion = false;
  // Whose ResourceGroups are served; "*": of every namespace. Whoever may write one of these has the rights of an
  // author of definitions, and the cluster's role `edit` lets many write them.
  std::set<std::string> resource_group_namespaces = {"*"};

  // Feature gates.
  bool omit_function = false;
  bool condition_events = false;
  bool condition_metrics = false;
};

}  // namespace kro::controller
