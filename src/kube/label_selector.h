// LabelSelector: which objects are meant, by their labels.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::kube {

// The value of a label of some object.
using LabelLookup = std::function<std::optional<std::string_view>(std::string_view key)>;

class LabelSelector {
 public:
  enum class Operator { kEquals, kNotEquals, kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;  // sorted

    friend bool operator==(const Requirement&, const Requirement&) = default;
  };

  // Selects everything.
  LabelSelector() = default;
  static LabelSelector Nothing();
  // Selects objects whose `key` has this value.
  static LabelSelector Equals(std::string key, std::string value);

  // Reads "a=b,c!=d,e in (f,g),h notin (i),j,!k"; empty selects everything. kInvalid names the place.
  static Result<LabelSelector> Parse(std::string_view text);

  // Reads {matchLabels, matchExpressions}; null selects nothing, an empty object everything.
  static Result<LabelSelector> FromObject(const json::Value& selector);

  bool Matches(const LabelLookup& label) const;
  // Against metadata.labels of a whole object.
  bool MatchesObject(const json::Value& object) const;

  // The form of the query parameter, requirements sorted by key. Nothing() has none: check
  // SelectsNothing first.
  std::string ToString() const;
  bool SelectsNothing() const { return nothing_; }
  bool SelectsEverything() const { return !nothing_ && requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;

 private:
  void Add(Requirement requirement);

  bool nothing_ = false;
  std::vector<Requirement> requirements_;  // sorted by key
};

}  // namespace kro::kube
