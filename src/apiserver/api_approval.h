// The approval that definitions of kinds in the groups of the Kubernetes project need (spec kube-server
// section 8.1).
#pragma once

#include <optional>
#include <string>

#include "json/value.h"

namespace kro::apiserver {

inline constexpr std::string_view kApprovalAnnotation = "api-approved.kubernetes.io";

struct ApiApproval {
  enum class State { kMissing, kInvalid, kBypassed, kApproved } state;
  std::string message;
};

// What the annotations of a CustomResourceDefinition say; nullopt for a group that needs no approval.
std::optional<ApiApproval> ApprovalOf(const json::Value& definition);

}  // namespace kro::apiserver
