// Policy: a ValidatingAdmissionPolicy, its expressions compiled (spec kube-server section 10.3).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apiserver/field_error.h"
#include "cel/program.h"
#include "json/value.h"

namespace kro::apiserver {

class Policy {
 public:
  // Reads the policy, as it is stored. Expressions that do not compile are errors when they are
  // evaluated.
  explicit Policy(const json::Value& object);
  ~Policy();
  Policy(Policy&&) noexcept;

  // What is wrong with the expressions of a policy that is about to be stored.
  static void FindFaults(const json::Value& object, FieldErrors& errors);

  enum class Verdict { kPasses, kSkipped, kRefuses };
  struct Outcome {
    Verdict verdict = Verdict::kPasses;
    std::string message;  // of a refusal
    std::string reason;   // of a refusal: "Invalid", "Forbidden", "RequestEntityTooLarge"
  };
  // The first validation that fails decides. `bindings` are object, oldObject, request, params,
  // namespaceObject, authorizer.
  Outcome Evaluate(cel::Context& context, std::span<const cel::Binding> bindings) const;

  const json::Value& spec() const { return spec_; }
  const std::string& name() const { return name_; }
  bool ignores_failures() const { return ignores_failures_; }

 private:
  struct Expression;
  struct Validation;
  struct Variable;
  class Compiler;

  std::string name_;
  json::Value spec_;
  bool ignores_failures_ = false;
  std::vector<Expression> conditions_;
  std::vector<Variable> variables_;
  std::vector<Validation> validations_;
};

}  // namespace kro::apiserver
