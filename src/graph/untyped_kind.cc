#include "graph/untyped_kind.h"

#include <memory>

#include "api/plural.h"
#include "json/value.h"
#include "schema/objectmeta.h"
#include "schema/openapi.h"

namespace kro::graph {

void AddUntyped(const api::Gvk& gvk, Kinds& kinds) {
  const json::Value text = json::Object{{"type", "string"}};
  const auto set = std::make_shared<schema::SchemaSet>();
  const schema::Schema* schema = set->Add(json::Object{
      {"type", "object"},
      {"properties",
       {{"apiVersion", text}, {"kind", text}, {"metadata", schema::ObjectMetaSchema()}}},
      {"x-kubernetes-preserve-unknown-fields", true}});
  kinds.AddSchema(gvk, KindSchema(set, schema));
  kinds.AddMapping(gvk, {{gvk.group, gvk.version, api::Plural(gvk.kind)}, true});
}

}  // namespace kro::graph
