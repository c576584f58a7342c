// Router: which instance an event belongs to, and whether it matters.
//
// Pure; the controller calls it from the listeners of its watches.
#pragma once

#include <cstdint>
#include <optional>

#include "api/gvk.h"
#include "kube/stored_object.h"
#include "kube/workqueue.h"

namespace kro::controller {

// Whether what happened to an instance calls for a look at it: it appeared, vanished or is another of
// the same name; its spec changed, its deletion began, it was suspended or resumed, or got another
// annotation of kro.run. A change of its status is none of these.
bool InstanceNeedsLook(const kube::ObjectPtr& before, const kube::ObjectPtr& after);

// Whether somebody took or changed the finalizer, a label or the inventory by which an instance is known as
// kro's. Both are the same instance.
bool MarksWereTouched(const kube::StoredObject& before, const kube::StoredObject& after);

// Whether the status reads differently. Both are the same instance.
bool StatusDiffers(const kube::StoredObject& before, const kube::StoredObject& after);

// Whether it is another object of that name by now, its deletion began, or its spec changed: what was computed from
// `before` is no longer of use.
bool MovedOn(const kube::StoredObject& before, const kube::StoredObject& after);

// Suspended by annotation::kReconcile: "suspended" or "disabled", in any case.
bool IsSuspended(const json::Value& instance);

// What a user asks of an instance: another one for each edit of its spec, and of its annotations of kro.run. What was
// put off is done at once for a new one.
std::uint64_t WishOf(const json::Value& instance);

// Whether anything that is kept of a child or of what a reference names is different.
bool ObjectDiffers(const kube::ObjectPtr& before, const kube::ObjectPtr& after);

// The instance that a child was made for, by its labels; nullopt if that is of another kind.
std::optional<kube::ObjectKey> InstanceOf(const kube::StoredObject& child,
                                          const api::GroupKind& kind);

}  // namespace kro::controller
