// The cluster that test/data/conformance was recorded with; for tests only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "api/conformance_data.h"
#include "graph/kinds.h"
#include "json/value.h"
#include "schema/openapi.h"

namespace kro::graph {

inline json::Value ReadRecord(std::string_view name) {
  auto value = json::Parse(ReadTestFile(name));
  if (value) return *value;
  ADD_FAILURE() << name << ": " << value.error().message();
  return json::Object{{"cases", json::Array()}};
}

inline api::Gvk GvkOf(const json::Value& value) {
  return {std::string(json::FindString(value, {"group"})),
          std::string(json::FindString(value, {"version"})),
          std::string(json::FindString(value, {"kind"}))};
}

// All kinds of one OpenAPI document.
inline std::shared_ptr<const schema::SchemaSet> LoadDocument(const json::Value& document,
                                                             std::string_view api_version) {
  const auto set = std::make_shared<schema::SchemaSet>();
  for (const auto& component : document.at("components").at("schemas").as_object()) {
    const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
    if (gvks == nullptr) continue;
    for (const auto& entry : gvks->get_array()) {
      const api::Gvk gvk = GvkOf(entry);
      if (gvk.ApiVersion() == api_version) EXPECT_TRUE(set->AddKind(document, gvk));
    }
  }
  return set;
}

inline Kinds RecordedCluster() {
  Kinds kinds;
  const json::Value documents = ReadRecord("fixtures/openapi.json");
  for (const auto& document : documents.at("cases").as_array()) {
    std::string_view api_version = json::FindString(document, {"path"});
    api_version.remove_prefix(api_version.find('/') + 1);
    kinds.AddGroupVersion(api_version);
    kinds.AddSchemas(LoadDocument(document, api_version));
  }
  const json::Value mappings = ReadRecord("fixtures/kinds.json");
  for (const auto& entry : mappings.at("cases").as_array()) {
    const api::Gvk gvk = GvkOf(entry);
    kinds.AddMapping(gvk,
                     {{gvk.group, gvk.version, std::string(json::FindString(entry, {"resource"}))},
                      entry.at("namespaced").as_bool()});
  }
  return kinds;
}

}  // namespace kro::graph
