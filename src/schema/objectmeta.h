// The schema of metadata.
#pragma once

#include "json/value.h"

namespace kro::schema {

// The whole ObjectMeta as the API server publishes it, timestamps with format date-time.
const json::Value& ObjectMetaSchema();

// Without `namespace`, for kinds that are cluster-scoped.
json::Value ClusterObjectMetaSchema();

}  // namespace kro::schema
