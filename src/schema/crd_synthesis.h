// CRD synthesis: the CustomResourceDefinition that an RGD becomes.
#pragma once

#include <string>
#include <string_view>

#include "api/gvk.h"
#include "api/rgd.h"
#include "json/value.h"

namespace kro::schema {

// "<plural>.<group>", the name of the CRD.
std::string CrdName(const api::RgdSchema& schema);

// The collection of the instances. Named by the same rule as the CRD.
api::Gvr InstanceGvr(const api::RgdSchema& schema);

api::Gvk InstanceGvk(const api::RgdSchema& schema);

// The status schema that every instance has: what was inferred from the author's expressions
// (`inferred`, an object schema or nullptr) with `state` and `conditions` added where it has none.
json::Value StatusSchema(const json::Value* inferred);

// The CRD without system labels: `spec` is what BuildSpecSchema made, `status` what StatusSchema
// made. Members are ordered as Kubernetes writes them.
json::Value SynthesizeCrd(const api::RgdSchema& schema, const json::Value& spec,
                          const json::Value& status);

// Puts the labels of the system and the RGD on a CRD; they overwrite what the author gave.
void StampCrd(json::Value& crd, const api::Rgd& rgd, std::string_view version);

// The merge patch that turns `live` into `desired`, or an empty object if nothing needs to be
// written. Every part that the synthesis decides counts, also those that no compatibility report
// looks at: columns, validations, names, value types of maps. Labels and annotations of others stay.
json::Value MakeCrdPatch(const json::Value& live, const json::Value& desired);

// The CRD as an API server keeps it: with the defaults that it fills in where the synthesis says nothing.
json::Value WithServerDefaults(json::Value crd);

}  // namespace kro::schema
