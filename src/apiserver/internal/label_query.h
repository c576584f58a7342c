// LabelQuery: the labelSelector parameter of a request, with the server's own words for what is wrong
// with it (spec kube-server section 6.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/answer.h"
#include "json/value.h"

namespace kro::apiserver {

class LabelQuery {
 public:
  // Everything.
  LabelQuery() = default;
  static Answer<LabelQuery> Parse(std::string_view text);
  // A LabelSelector of an object: matchLabels and matchExpressions.
  static LabelQuery OfSelector(const json::Value& selector);

  bool Matches(const std::vector<std::pair<std::string, std::string>>& labels) const;
  bool MatchesAll() const { return requirements_.empty(); }

 private:
  friend class LabelQueryParser;
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;
  };
  static bool Satisfies(const Requirement& requirement, std::optional<std::string_view> value);

  std::vector<Requirement> requirements_;
};

}  // namespace kro::apiserver
