// What to do about a fault, for the mistakes that authors make most.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/rgd.h"
#include "base/diagnostic.h"

namespace kro::graph {

class Advisor {
 public:
  // `spec` outlives the advisor.
  explicit Advisor(const api::RgdSpec& spec) : spec_(spec) {}

  // Gives the fault a hint if it has none and one is known. Its path begins at the RGD.
  void Advise(Diagnostic& fault);

 private:
  std::string HintFor(const Diagnostic& fault);
  std::string HintForField(const Diagnostic& fault, std::string_view field);
  std::string HintForName(std::string_view name) const;
  std::string HintForFunction(std::string_view name);
  std::string HintForType(const Diagnostic& fault) const;
  // Whether the schema has a field that YAML called "true" or "false".
  bool DeclaresBoolean(bool word);

  const api::RgdSpec& spec_;
  int searches_left_ = 100;                  // for functions of a similar name
  std::optional<bool> declares_boolean_[2];  // once it was looked for
};

}  // namespace kro::graph
