// What a definition may hold. That each of these is refused at once, and what the largest ones that are not
// cost, is measured by graph_bench.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "graph/compile.h"

namespace kro::graph {
namespace {

json::Value ConfigMap(std::string id, json::Value data = json::Object()) {
  return json::Object{{"id", std::move(id)},
                      {"template",
                       {{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", {{"name", "a"}}},
                        {"data", std::move(data)}}}};
}

// The message of the only fault.
std::string Refusal(json::Array resources, json::Value status = json::Object()) {
  const json::Value spec = json::Object{
      {"schema", {{"apiVersion", "v1"}, {"kind", "App"}, {"status", std::move(status)}}},
      {"resources", std::move(resources)}};
  const auto graph = Compile("r", api::DecodeRgdSpec(spec).value(), Kinds());
  if (graph || graph.error().size() != 1 || graph.error()[0].code != "KRO209") return "";
  return graph.error()[0].message;
}

TEST(Limits, OfResources) {
  json::Array resources;
  for (int i = 0; i <= 10'000; ++i) resources.push_back(ConfigMap(fmt::format("r{}", i)));
  EXPECT_EQ(Refusal(std::move(resources)), "a definition has at most 10000 resources, not 10001");
}

TEST(Limits, OfExpressions) {
  json::Object data;
  for (int i = 0; i <= 20'000; ++i) data[fmt::format("k{}", i)] = "${'a'}";
  EXPECT_EQ(Refusal({ConfigMap("a", std::move(data))}),
            "a definition has at most 20000 strings with expressions, not 20001");
}

TEST(Limits, OfConditions) {
  json::Value resource = ConfigMap("a");
  json::Array conditions;
  for (int i = 0; i < 20'000; ++i) conditions.emplace_back("x");
  resource.as_object()["readyWhen"] = conditions;
  EXPECT_EQ(Refusal({resource}, json::Object{{"conditions", json::Array{1}}}),
            "a definition has at most 20000 conditions, not 20001");
}

TEST(Limits, OfNames) {
  EXPECT_EQ(Refusal({ConfigMap(std::string(1001, 'a'))}), "an id has at most 1000 bytes");
  json::Value resource = ConfigMap("a");
  resource.as_object()["forEach"] = json::Array{json::Object{{std::string(1001, 'a'), "${[1]}"}}};
  EXPECT_EQ(Refusal({resource}), "the name of an iterator has at most 1000 bytes");
}

TEST(Limits, OfDepthTimesWidth) {
  constexpr const char* kText = "the definition has too many values that are nested too deep";
  json::Object far_down;
  for (int i = 0; i < 5'000; ++i) far_down[fmt::format("k{}", i)] = "${'a'}";
  json::Value deep = std::move(far_down);
  for (int i = 0; i < 200; ++i) deep = json::Object{{"d", std::move(deep)}};
  EXPECT_EQ(Refusal({ConfigMap("a", std::move(deep))}), kText);
  json::Object below;
  for (int i = 0; i < 1'000; ++i) below[fmt::format("k{}", i)] = 1;
  EXPECT_EQ(Refusal({ConfigMap("a", json::Object{{std::string(50'000, 'x'), std::move(below)}})}),
            kText);
}

}  // namespace
}  // namespace kro::graph
