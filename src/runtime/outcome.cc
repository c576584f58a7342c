#include "runtime/outcome.h"

namespace kro::runtime {

std::string_view ToString(NodeState state) {
  switch (state) {
    case NodeState::kInProgress:
      return "IN_PROGRESS";
    case NodeState::kSkipped:
      return "SKIPPED";
    case NodeState::kPending:
      return "PENDING";
    case NodeState::kConflicting:
      return "CONFLICTING";
    case NodeState::kTerminating:
      return "DELETING";
    case NodeState::kError:
      return "ERROR";
    case NodeState::kWaiting:
      return "WAITING_FOR_READINESS";
    case NodeState::kSynced:
      return "SYNCED";
  }
  return "";
}

}  // namespace kro::runtime
