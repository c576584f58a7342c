// Fixed strings of the kro.run API: what clusters already hold, so none may change.
#pragma once

#include <string_view>

namespace kro::api {

inline constexpr std::string_view kGroup = "kro.run";
inline constexpr std::string_view kInternalGroup = "internal.kro.run";
inline constexpr std::string_view kVersion = "v1alpha1";

// Keys under these prefixes belong to the system; a template may not set them.
inline constexpr std::string_view kLabelPrefix = "kro.run/";
inline constexpr std::string_view kInternalLabelPrefix = "internal.kro.run/";

namespace label {
inline constexpr std::string_view kOwned = "kro.run/owned";
inline constexpr std::string_view kVersion = "kro.run/kro-version";
inline constexpr std::string_view kRgdId = "kro.run/resource-graph-definition-id";
inline constexpr std::string_view kRgdName = "kro.run/resource-graph-definition-name";
inline constexpr std::string_view kRevisionHash = "kro.run/graph-revision-hash";
inline constexpr std::string_view kInstanceId = "kro.run/instance-id";
inline constexpr std::string_view kInstanceName = "kro.run/instance-name";
inline constexpr std::string_view kInstanceNamespace = "kro.run/instance-namespace";
inline constexpr std::string_view kInstanceGroup = "kro.run/instance-group";
inline constexpr std::string_view kInstanceVersion = "kro.run/instance-version";
inline constexpr std::string_view kInstanceKind = "kro.run/instance-kind";
inline constexpr std::string_view kNodeId = "kro.run/node-id";
inline constexpr std::string_view kCollectionIndex = "kro.run/collection-index";
inline constexpr std::string_view kCollectionSize = "kro.run/collection-size";
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kPartOf = "applyset.kubernetes.io/part-of";
inline constexpr std::string_view kApplySetId = "applyset.kubernetes.io/id";
}  // namespace label

// The value of label::kManagedBy on CRDs and children.
inline constexpr std::string_view kManagedByKro = "kro";

namespace annotation {
inline constexpr std::string_view kAllowBreakingChanges = "kro.run/allow-breaking-changes";
inline constexpr std::string_view kReconcile = "kro.run/reconcile";
inline constexpr std::string_view kApplyOrder = "internal.kro.run/apply-order";
// Of what was applied: runtime/object_hash.h. Ours alone; upstream neither writes nor reads it.
inline constexpr std::string_view kDesiredHash = "internal.kro.run/desired-hash";
inline constexpr std::string_view kTooling = "applyset.kubernetes.io/tooling";
inline constexpr std::string_view kContainsGroupKinds =
    "applyset.kubernetes.io/contains-group-kinds";
inline constexpr std::string_view kAdditionalNamespaces =
    "applyset.kubernetes.io/additional-namespaces";
inline constexpr std::string_view kInventoryHash = "internal.kro.run/applyset-inventory-hash";
inline constexpr std::string_view kCliVersion = "kro.run/cli-version";
}  // namespace annotation

// The one finalizer, on RGDs, graph revisions and instances.
inline constexpr std::string_view kFinalizer = "kro.run/finalizer";

namespace field_manager {
inline constexpr std::string_view kApplySet = "kro.run/applyset";               // children
inline constexpr std::string_view kApplySetParent = "kro.run/applyset-parent";  // inventory
inline constexpr std::string_view kLabeller = "kro.run/labeller";  // finalizer and labels
}  // namespace field_manager

inline constexpr std::string_view kLeaseName = "controller.kro.run";

namespace condition {
inline constexpr std::string_view kReady = "Ready";
// Of an RGD, in this order.
inline constexpr std::string_view kGraphRevisionsResolved = "GraphRevisionsResolved";
inline constexpr std::string_view kGraphAccepted = "GraphAccepted";
inline constexpr std::string_view kKindReady = "KindReady";
inline constexpr std::string_view kControllerReady = "ControllerReady";
// The name of v0.4 to v0.8, removed when found.
inline constexpr std::string_view kResourceGraphAccepted = "ResourceGraphAccepted";
// Of a graph revision.
inline constexpr std::string_view kGraphVerified = "GraphVerified";
// Of an instance, in this order.
inline constexpr std::string_view kInstanceManaged = "InstanceManaged";
inline constexpr std::string_view kGraphResolved = "GraphResolved";
inline constexpr std::string_view kResourcesReady = "ResourcesReady";
}  // namespace condition

namespace reason {
inline constexpr std::string_view kAwaitingReconciliation = "AwaitingReconciliation";
inline constexpr std::string_view kResolved = "Resolved";
inline constexpr std::string_view kFailed = "Failed";
inline constexpr std::string_view kValid = "Valid";
inline constexpr std::string_view kInvalidResourceGraph = "InvalidResourceGraph";
inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kRunning = "Running";
inline constexpr std::string_view kFailedToStart = "FailedToStart";
inline constexpr std::string_view kFailedLabelerSetup = "FailedLabelerSetup";
inline constexpr std::string_view kWaitingForSettlement = "WaitingForGraphRevisionSettlement";
inline constexpr std::string_view kWaitingForWarmup = "WaitingForGraphRevisionWarmup";
inline constexpr std::string_view kWaitingForCompilation = "WaitingForGraphRevisionCompilation";
inline constexpr std::string_view kVerified = "Verified";
inline constexpr std::string_view kInvalidGraph = "InvalidGraph";
inline constexpr std::string_view kManaged = "Managed";
inline constexpr std::string_view kManagementFailed = "ManagementFailed";
inline constexpr std::string_view kResolutionFailed = "ResolutionFailed";
inline constexpr std::string_view kAllResourcesReady = "AllResourcesReady";
inline constexpr std::string_view kNotReady = "NotReady";
inline constexpr std::string_view kResourceDeleting = "ResourceDeleting";
inline constexpr std::string_view kReconciliationSuspended = "ReconciliationSuspended";
inline constexpr std::string_view kUnderDeletion = "UnderDeletion";
}  // namespace reason

namespace state {
inline constexpr std::string_view kRgdActive = "Active";
inline constexpr std::string_view kRgdInactive = "Inactive";
inline constexpr std::string_view kInProgress = "IN_PROGRESS";
inline constexpr std::string_view kActive = "ACTIVE";
inline constexpr std::string_view kDeleting = "DELETING";
inline constexpr std::string_view kError = "ERROR";
}  // namespace state

}  // namespace kro::api
