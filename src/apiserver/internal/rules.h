// Rules: the x-kubernetes-validations of one schema node, compiled. Spec kube-server section 8.5.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/field_error.h"
#include "base/diagnostic.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// What is wrong with a rule where the CRD is written: `compilation failed: ERROR: …`.
struct RuleFault {
  enum class Part { kRule, kMessageExpression, kFieldPath } part;
  std::size_t index;
  std::string text;
};

class Rules {
 public:
  ~Rules();

  // `schema` is the node with its rules; `is_root` adds apiVersion, kind and metadata to `self`.
  // kInvalid names the first fault.
  static Result<std::unique_ptr<Rules>> Compile(const json::Value& schema, bool is_root);

  // All faults; `uses_old_self` tells of each rule whether it compares with the former value.
  static std::vector<RuleFault> FindFaults(const json::Value& schema, bool is_root,
                                           std::vector<bool>& uses_old_self);

  struct Violation {
    FieldError error;
    bool is_transition;  // the rule looks at the former value
  };

  // `path` is the node's; empty: the object. `old` is the former value, nullptr if there is none or it
  // cannot be told which it is.
  std::vector<Violation> Check(const std::string& path, const json::Value& self,
                               const json::Value* old) const;

 private:
  struct State;
  explicit Rules(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// `.a.b` or `['x']` below a schema, as messages show it: "a.b". The error in the server's words.
Result<std::string> NormalizeFieldPath(std::string_view path, const json::Value& schema);

// What is wrong with an expression, in the server's words where they are known.
std::string CompileErrorText(const Diagnostics& diagnostics);

}  // namespace kro::apiserver::internal
