// The cluster that the cases of test/data/conformance were recorded with, and how its errors compare.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "graph/kinds.h"
#include "json/value.h"
#include "schema/openapi.h"
#include "support/conformance.h"

namespace kro::graph {

inline api::Gvk GvkOf(const json::Value& value) {
  return {std::string(json::FindString(value, {"group"})),
          std::string(json::FindString(value, {"version"})),
          std::string(json::FindString(value, {"kind"}))};
}

// The cluster that the cases were recorded with.
inline Kinds RecordedCluster() {
  Kinds kinds;
  const json::Value documents = conformance::ReadJson("conformance/fixtures/openapi.json");
  for (const auto& document : documents.at("cases").as_array()) {
    std::string_view api_version = json::FindString(document, {"path"});
    api_version.remove_prefix(api_version.find('/') + 1);
    kinds.AddGroupVersion(api_version);
    const auto set = std::make_shared<schema::SchemaSet>();
    for (const auto& component : document.at("components").at("schemas").as_object()) {
      const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
      if (gvks == nullptr) continue;
      for (const auto& entry : gvks->get_array()) {
        const api::Gvk gvk = GvkOf(entry);
        if (gvk.ApiVersion() == api_version) {
          EXPECT_TRUE(set->AddKind(document, gvk));
        }
      }
    }
    kinds.AddSchemas(set);
  }
  const json::Value mappings = conformance::ReadJson("conformance/fixtures/kinds.json");
  for (const auto& entry : mappings.at("cases").as_array()) {
    const api::Gvk gvk = GvkOf(entry);
    kinds.AddMapping(gvk,
                     {{gvk.group, gvk.version, std::string(json::FindString(entry, {"resource"}))},
                      entry.at("namespaced").as_bool()});
  }
  return kinds;
}

// Of a CEL text the place and the reason count, of a syntax error the place (cel spec).
inline std::string_view Comparable(std::string_view error) {
  const std::size_t cel = error.find("ERROR: <input>:");
  if (cel == std::string_view::npos) return error;
  constexpr std::string_view kSyntax = "Syntax error";
  error =
      error.substr(0, error.find("\n | ", cel));  // upstream may list more faults after this one
  const std::size_t syntax = error.find(kSyntax, cel);
  return syntax == std::string_view::npos ? error : error.substr(0, syntax + kSyntax.size());
}

}  // namespace kro::graph
