// SimpleSchema: the short notation in which authors write the fields of their API.
//
//   name: string | required=true minLength=3
//   ports: "[]integer | default=[80, 443]"
//   db: {host: string, size: integer | default=10}
//
// becomes the OpenAPI schema of `spec` in the generated CRD. The notation, its oddities included, is
// upstream's (spec section 2); where upstream accepts what no API server can store, a default that
// is no JSON for instance, it is mended or refused here.
#pragma once

#include <string>
#include <string_view>

#include "json/path.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro::schema {

// Where the sections stand, for diagnostics.
struct SimpleSchemaSource {
  std::string name;                      // "web.yaml" or "rgd 'web'"
  const json::SourceMap* map = nullptr;  // positions in that file; nullptr: unknown
  json::FieldPath root = json::FieldPath().Child("spec").Child("schema");
};

// The OpenAPI v3 schema of `spec` with its custom `types` inlined; nullptr stands for an absent
// section. Members come in the order in which the API server writes them, properties by name.
//
// Every fault is reported, in the order of names; `compatible` is the whole text that upstream gives
// for it (without its outermost wrapper). Codes: KRO103 (neither string nor object), KRO301 (type),
// KRO302 (marker), KRO303 (default), KRO304 (cycle of types).
json::Parsed<json::Value> BuildSpecSchema(const json::Value* spec, const json::Value* types,
                                          const SimpleSchemaSource& source = {});

// The same for whoever goes on in spite of faults: a field whose declaration is faulty has kFaultyType. null if
// there is no telling what fields there are.
struct SpecSchema {
  json::Value schema;
  Diagnostics faults;
};
SpecSchema BuildFaultySpecSchema(const json::Value* spec, const json::Value* types,
                                 const SimpleSchemaSource& source = {});

// Orders the members of a schema as Kubernetes writes them, properties by name; the same at every
// level.
json::Value OrderSchema(const json::Value& schema);

}  // namespace kro::schema
