// The shape of one resource, as far as it shows without looking at fields and expressions.
//
// Paths in diagnostics begin at the resource, `compatible` is upstream's text without
// `failed to build resource "<id>": `; resource_node.cc puts both into the whole.
#pragma once

#include <expected>

#include "api/gvk.h"
#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/kinds.h"
#include "json/value.h"

namespace kro::graph {

// Exactly one of template and externalRef, and forEach only with a template (graph spec section 3.1).
// KRO205, KRO208.
Diagnostics CheckFields(const api::Resource& resource);

// The member of the resource that describes its object: "template" or "externalRef".
std::string_view SourceOf(const api::Resource& resource);

// The object that the resource describes: its template, or what the externalRef says in the form of
// an object: apiVersion, kind and metadata with name, namespace and selector. CheckFields passed.
json::Value ObjectOf(const api::Resource& resource);

// What kind of object it is. KRO604 unless it has apiVersion, kind and metadata of the right type
// and form (sections 3.2, 3.3).
std::expected<api::Gvk, Diagnostics> IdentifyObject(const api::Resource& resource,
                                                    const json::Value& object);

// Rules for metadata that depend on scope (KRO504), and labels and annotations that belong to kro
// (KRO604; section 3.4).
Diagnostics CheckMetadata(const api::Resource& resource, const json::Value& object,
                          const Mapping& mapping, api::Scope instance_scope);

}  // namespace kro::graph
