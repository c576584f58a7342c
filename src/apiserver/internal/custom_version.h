// CustomVersion: what a CRD says about one of its versions, ready for use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/internal/json_path.h"
#include "apiserver/object_schema.h"
#include "apiserver/structural_schema.h"
#include "json/value.h"

namespace kro::apiserver {

struct PrinterColumn {
  std::string name;
  std::string type;
  std::string format;
  std::string description;
  std::int64_t priority = 0;
  JsonPath path;
};

struct ScalePaths {
  std::string replicas;  // ".spec.replicas"
  std::string status_replicas;
  std::string selector;  // empty: none
};

// Immutable.
struct CustomVersion {
  // Names the schema: objects written under an equal one need nothing done to them when read.
  std::uint64_t definition = 0;
  // Of the version in which objects are stored.
  std::uint64_t storage_definition = 0;
  std::shared_ptr<const StructuralSchema> schema;
  // The schema by which objects are completed before they are stored.
  std::shared_ptr<const StructuralSchema> storage_schema;
  std::string storage_version;
  ObjectSchema structure;
  json::Value openapi;  // openAPIV3Schema
  bool has_status = false;
  std::optional<ScalePaths> scale;
  std::vector<std::string> selectable_fields;  // ".spec.color"
  std::vector<PrinterColumn> columns;          // empty: Age alone
  std::string warning;                         // of a deprecated version
  std::string definition_name;                 // of the CRD
};

}  // namespace kro::apiserver
