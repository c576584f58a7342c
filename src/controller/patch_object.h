// The small patches that both controllers make.
#pragma once

#include <optional>
#include <string>

#include "api/rgd.h"
#include "json/value.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/stored_object.h"

namespace kro::controller {

bool HasFinalizer(const kube::StoredObject& object);

// Adds or removes kro's finalizer, leaving those of others alone: a change by somebody else since
// `object` was seen makes it kConflict. What the server answers goes into the store.
enum class FinalizerChange { kAdd, kRemove };
async::Task<Result<void>> PatchFinalizer(kube::Client& client, kube::Informer& informer,
                                         kube::ObjectPtr object, FinalizerChange change,
                                         async::CancelToken cancel);

// The merge patch by which the status of `object` becomes `wanted`; nullopt if it is that already. The server
// refuses it with a conflict once the object has changed or is another one.
std::optional<json::Value> MakeStatusPatch(const kube::StoredObject& object,
                                           const json::Value& wanted);

// Makes the status what `status` says, which was computed from `seen`; no request if it is so already. Nothing is
// written if the object is gone or another one by now, or if its spec or its deletion has moved on: then another
// look at it is due anyway. A conflict is settled by reading again, up to five times; kConflict if the status is
// another one by now. A request that arrives late, after those of another process, changes nothing.
async::Task<Result<void>> PatchStatus(kube::Client& client, kube::Informer& informer,
                                      kube::ObjectPtr seen, json::Value status,
                                      async::CancelToken cancel);

// Now, as conditions carry it.
api::Timestamp TimestampOf(const Clock& clock);

}  // namespace kro::controller
