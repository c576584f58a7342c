// Compatibility: what changed between two versions of a schema, and whether it breaks objects that
// exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::schema {

// One difference. Codes are upstream's: PROPERTY_REMOVED, TYPE_CHANGED, MINIMUM_INCREASED ...
struct SchemaChange {
  std::string path;  // ".properties.spec.properties.replicas.type"
  std::string code;
  std::string before;
  std::string after;

  // The sentence for people: "Type changed from string to integer".
  std::string Text() const;

  friend bool operator==(const SchemaChange&, const SchemaChange&) = default;
};

// Both lists are in the order of the schema: a node before its properties, those by name.
struct CompatibilityReport {
  std::vector<SchemaChange> breaking;
  std::vector<SchemaChange> harmless;

  bool compatible() const { return breaking.empty(); }

  // "no breaking changes", or the first three sentences and how many more there are.
  std::string Summary() const;
};

// Compares two OpenAPI schemas. Values are compared, not their bytes: 1 and 1.0 are equal.
CompatibilityReport CompareSchemas(const json::Value& before, const json::Value& after);

// Compares two CRDs (objects with spec.versions), as is done before one replaces the other. kInvalid
// if either has not exactly one version, or one without schema.
Result<CompatibilityReport> CompareCrds(const json::Value& before, const json::Value& after);

}  // namespace kro::schema
