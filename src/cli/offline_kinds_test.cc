#include "cli/offline_kinds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <variant>

#include "graph/compile.h"

namespace kro::cli {
namespace {

json::Value Get(apiserver::Server& server, const std::string& target) {
  http::Request request;
  request.method = "GET";
  request.target = target;
  const auto reply = server.Handle(request);
  const auto* response = std::get_if<http::Response>(&reply);
  EXPECT_TRUE(response != nullptr && response->status == 200) << target;
  auto parsed = json::Parse(response != nullptr ? response->body : "null");
  EXPECT_TRUE(parsed) << target;
  return parsed ? *std::move(parsed) : json::Value();
}

// Every kind that the API server's OpenAPI documents describe, used by a definition of its own.
TEST(OfflineKinds, EveryBuiltInKindLoadsAndIsCompiledWith) {
  SystemClock clock;
  apiserver::Server server(clock, apiserver::IdSource(1), {});
  int compiled = 0;
  for (const auto& path : Get(server, "/openapi/v3").at("paths").as_object()) {
    const std::string root = path.key();
    if (!root.starts_with("api/") && root.find('/') == root.rfind('/'))
      continue;  // a group, no version
    const json::Value document = Get(server, "/openapi/v3/" + root);
    const auto* components = json::Find(document, {"components", "schemas"});
    if (components == nullptr) continue;
    for (const auto& component : components->as_object()) {
      const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
      if (gvks == nullptr) continue;
      for (const auto& entry : gvks->as_array()) {
        const api::Gvk gvk{std::string(json::FindString(entry, {"group"})),
                           std::string(json::FindString(entry, {"version"})),
                           std::string(json::FindString(entry, {"kind"}))};
        if (!root.ends_with(gvk.ApiVersion()))
          continue;  // shared by all groups: DeleteOptions, WatchEvent
        SCOPED_TRACE(gvk.ToString());
        OfflineKinds kinds;
        EXPECT_TRUE(kinds.Load({gvk}).empty());
        if (!kinds.kinds().MappingOf(gvk))
          continue;  // no resource: lists, options, reviews of subresources
        const bool has_metadata =
            json::Find(component.value(), {"properties", "metadata"}) != nullptr;
        if (!has_metadata || gvk.kind.ends_with("List")) continue;
        const json::Value spec = json::Object{
            {"schema",
             {{"apiVersion", "v1"},
              {"kind", "App"},
              {"spec", {{"name", "string"}}},
              {"status",
               {{"name", "${a.metadata.name}"}, {"kind", "${a.kind}"}, {"all", "${a}"}}}}},
            {"resources",
             json::Array{json::Object{{"id", "a"},
                                      {"template",
                                       {{"apiVersion", gvk.ApiVersion()},
                                        {"kind", gvk.kind},
                                        {"metadata", {{"name", "${schema.spec.name}"}}}}}}}}};
        const auto graph = graph::Compile("r", api::DecodeRgdSpec(spec).value(), kinds.kinds());
        EXPECT_TRUE(graph) << Render(graph.error()[0]);
        compiled += graph ? 1 : 0;
      }
    }
  }
  std::printf("%d kinds\n", compiled);
  EXPECT_GT(compiled, 60);
}

TEST(OfflineKinds, SayWhatIsNotKnown) {
  OfflineKinds kinds;
  const api::Gvk table{"cloud.example.com", "v1", "Table"};
  const api::Gvk pods{"", "v1", "Pood"};
  EXPECT_EQ(kinds.Load({{"", "v1", "Pod"}, table, pods}), (std::vector<api::Gvk>{table, pods}));
  EXPECT_EQ(kinds.kinds().Suggest(pods), "did you mean 'Pod'?");
  kinds.AddUntyped(table);
  EXPECT_TRUE(kinds.Load({table}).empty());
}

}  // namespace
}  // namespace kro::cli
