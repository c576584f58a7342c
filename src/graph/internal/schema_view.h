// SchemaView: the questions that the template walk asks of a schema.
//
// A handle on one node of an OpenAPI v3 document with its references inlined; copy it freely, the
// document outlives it. Members of the wrong type read as absent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace kro::graph {

class SchemaView {
 public:
  // nullptr: no schema.
  explicit SchemaView(const json::Value* node) : node_(node) {}

  bool exists() const { return node_ != nullptr; }
  bool preserves_unknown() const { return Flag("x-kubernetes-preserve-unknown-fields"); }

  // Has something to check values against: a type, oneOf, anyOf or additionalProperties.
  bool usable() const;

  // The words for what is accepted, in order: "string", "integer", …; "any". Empty if nothing says
  // it. oneOf and anyOf come before the type (graph spec section 6.2).
  std::vector<std::string_view> ExpectedTypes() const;

  // The declared property, or a view without a schema.
  SchemaView Property(std::string_view name) const;
  std::vector<std::string> PropertyNames() const;

  // additionalProperties is `true` or a schema.
  bool allows_additional() const;
  // An empty schema where any value is allowed.
  SchemaView Additional() const;

  SchemaView Items() const;

 private:
  bool Flag(std::string_view name) const;

  const json::Value* node_;
};

}  // namespace kro::graph
