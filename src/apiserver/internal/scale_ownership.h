// Who owns the replicas of an object, in the managedFields of its Scale as in its own (spec kube-server
// section 4.5).
#pragma once

#include "apiserver/answer.h"
#include "apiserver/internal/registry.h"
#include "json/value.h"

namespace kro::apiserver {

// Gives `scale` the entries of `object` that own its replicas.
Answer<void> ShowReplicaOwners(const Registry& registry, const Resource& resource,
                               const json::Value& object, json::Value& scale);

// Gives `object` what a write made of the entries of its scale. An entry that comes from there has no
// time.
Answer<void> TakeReplicaOwners(const Registry& registry, const Resource& resource,
                               const json::Value& scale, json::Value& object);

}  // namespace kro::apiserver
