// Rule files: how a user plays the operators that a laptop does not have. "When a Table is created, half
// a second later its status says ACTIVE."
//
//   apiVersion: dev.kro.run/v1alpha1
//   kind: Rules
//   rules:
//   - for: {apiVersion: cloud.example.com/v1, kind: Table}
//     when: [created, updated]
//     if: ${object.spec.capacity < 1000}
//     after: 500ms
//     status:
//       state: ACTIVE
//       endpoint: ${object.metadata.name}.tables.example.com
//
// docs/dev.md describes every field. Expressions are those of a definition, over two variables: `object`
// as it is when the rule acts, and `old` as it was before the change, null if it was not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/clock.h"
#include "base/error.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro::apiserver {

inline constexpr std::string_view kRulesApiVersion = "dev.kro.run/v1alpha1";
inline constexpr std::string_view kRulesKind = "Rules";

// A value with expressions in its strings, ready to be filled in.
class ValueTemplate {
 public:
  struct Field;

  ValueTemplate() = default;
  ValueTemplate(json::Value value, std::vector<Field> fields);

  // The value with every expression replaced by what it gives for `object` and `old`, which may be
  // null. An error names the field and says why.
  Result<json::Value> Fill(const json::Value& object, const json::Value& old) const;

 private:
  json::Value value_;
  std::shared_ptr<const std::vector<Field>> fields_;
};

struct Rule {
  std::string source;  // "rules.yaml:4", for messages
  std::string name;    // empty: none was given
  api::Gvk kind;
  bool created = true;
  bool updated = true;
  bool deleted = false;
  std::optional<ValueTemplate> condition;  // gives a bool
  Duration after{0};
  std::optional<ValueTemplate> status;  // merged into the status
  std::optional<ValueTemplate> patch;   // merged into the rest of the object
  std::vector<ValueTemplate> create;    // objects, made or brought up to date
  bool remove = false;                  // deletes the object
};

struct RuleSet {
  std::vector<Rule> rules;
};

// Whether a document is a rule file, by its kind.
bool IsRuleFile(const json::Value& document);

// Every fault has its place in `source`. Expressions are checked but for types of `object`.
json::Parsed<RuleSet> ReadRules(const json::Document& document, std::string_view source);
// Of a whole file: the rules of all its documents, each of which must be a rule file.
json::Parsed<RuleSet> ReadRuleFile(std::string_view text, std::string_view source);

}  // namespace kro::apiserver
