// Every sort of write to one object, drawn at random.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "differential/sequence.h"
#include "json/value.h"

namespace kro::differential {

enum class Status { kSubresource, kField };

struct WrittenKind {
  std::string api_version;
  std::string kind;
  std::string collection;
  json::Value schema;  // with pools (drawn_value.h), of what stands beside metadata
  Status status = Status::kField;
  std::string patch;  // the media type of patches that are drawn from the schema
};

// Creations, updates, patches, applies and deletions of an object by several managers, with finalizers and
// preconditions; what is there in the end is read and deleted.
std::vector<Step> DrawWrites(std::uint64_t seed, const WrittenKind& kind);

}  // namespace kro::differential
