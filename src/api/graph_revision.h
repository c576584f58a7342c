// GraphRevision: one issued version of an RGD, immutable but for its status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/rgd.h"

namespace kro::api {

// The RGD as it was when the revision was issued.
struct Snapshot {
  std::string name;  // of the RGD; what revisions are grouped by
  std::int64_t generation = 0;
  RgdSpec spec;
};

struct GraphRevision {
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  Labels labels;
  std::vector<std::string> finalizers;
  std::optional<Timestamp> created;
  bool deleting = false;
  std::int64_t revision = 0;
  Snapshot snapshot;
  std::vector<std::string> topological_order;
  std::vector<Condition> conditions;
};

// KRO103 for members of the wrong type and for a missing revision or snapshot.
json::Parsed<GraphRevision> DecodeGraphRevision(const json::Value& object,
                                                std::string_view source = {});

// The revision to create for `rgd`: labels, owner reference and snapshot set.
json::Value NewGraphRevision(const Rgd& rgd, std::int64_t revision, std::string_view spec_hash,
                             std::string_view version);

}  // namespace kro::api
