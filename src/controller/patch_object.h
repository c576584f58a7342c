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

// Makes the status what `status` says; no request if it is so already. `stored` is the status as last
// seen, null for none.
async::Task<Result<void>> PatchStatus(kube::Client& client, kube::Informer& informer,
                                      kube::ObjectKey key, json::Value stored, json::Value status,
                                      async::CancelToken cancel);

// Now, as conditions carry it.
api::Timestamp TimestampOf(const Clock& clock);

}  // namespace kro::controller
