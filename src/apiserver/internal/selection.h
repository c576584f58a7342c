// Selection: which objects of a collection a list, watch or deletecollection is about (spec
// kube-server section 6.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/label_query.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/resource.h"
#include "apiserver/internal/stored_object.h"

namespace kro::apiserver {

struct FieldRequirement {
  std::string path;  // "status.phase"
  bool equal = true;
  std::string value;
};

class Selection {
 public:
  // Everything.
  Selection() = default;
  // Reads labelSelector and fieldSelector. 400 if they cannot be read or name a field that this kind
  // does not select by.
  static Answer<Selection> Read(const Resource& resource, std::string_view name_space,
                                const QueryParameters& query);

  bool Matches(const Resource& resource, const StoredObject& object) const;
  // Whether all objects of the namespace are meant.
  bool IsWhole() const { return labels_.MatchesAll() && fields_.empty(); }
  const std::string& name_space() const { return name_space_; }

 private:
  std::string name_space_;  // empty: all
  LabelQuery labels_;
  std::vector<FieldRequirement> fields_;
};

// Reads `a=b,c!=d`. 400 for bad syntax.
Answer<std::vector<FieldRequirement>> ParseFieldSelector(std::string_view text);

}  // namespace kro::apiserver
