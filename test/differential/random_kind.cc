#include <fmt/format.h>

#include "apiserver/ids.h"
#include "differential/sequence.h"
#include "json/value.h"

namespace kro::differential {
namespace {

using Draws = apiserver::IdSource;

constexpr int kDepth = 3;

bool Chance(Draws& draws, std::uint64_t percent) { return draws.Draw(100) < percent; }

json::Object Typed(std::string_view type) { return {{"type", type}}; }

json::Object ScalarSchema(Draws& draws) {
  switch (draws.Draw(4)) {
    case 0:
      return Typed("integer");
    case 1:
      return Typed("boolean");
    case 2:
      return {{"type", "string"}, {"enum", json::Array{"a", "b", "c"}}};
    default:
      return Typed("string");
  }
}

json::Object ObjectSchema(Draws& draws, int depth);

json::Object AnySchema(Draws& draws, int depth) {
  if (depth == 0) return ScalarSchema(draws);
  switch (draws.Draw(8)) {
    case 0:
      return ObjectSchema(draws, depth - 1);
    case 1: {
      json::Object schema = ObjectSchema(draws, depth - 1);
      schema["x-kubernetes-map-type"] = "atomic";
      return schema;
    }
    case 2: {
      json::Object schema = Typed("object");
      schema["additionalProperties"] = AnySchema(draws, depth - 1);
      return schema;
    }
    case 3: {
      json::Object schema = Typed("array");
      schema["items"] = Typed("string");
      schema["x-kubernetes-list-type"] = "set";
      return schema;
    }
    case 4: {
      json::Object schema = Typed("array");
      json::Object items = ObjectSchema(draws, depth - 1);
      items["properties"].as_object()["k"] = Typed("string");
      items["required"] = json::Array{"k"};
      schema["items"] = std::move(items);
      schema["x-kubernetes-list-type"] = "map";
      schema["x-kubernetes-list-map-keys"] = json::Array{"k"};
      return schema;
    }
    case 5: {
      json::Object schema = Typed("array");
      schema["items"] = AnySchema(draws, depth - 1);
      return schema;
    }
    case 6: {
      json::Object schema = Typed("object");
      schema["x-kubernetes-preserve-unknown-fields"] = true;
      return schema;
    }
    default: {
      json::Object schema = ScalarSchema(draws);
      if (schema["type"] == "integer") schema["default"] = 7;
      return schema;
    }
  }
}

json::Object ObjectSchema(Draws& draws, int depth) {
  json::Object properties;
  const std::uint64_t count = 1 + draws.Draw(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    properties[std::string(1, static_cast<char>('a' + i))] = AnySchema(draws, depth);
  }
  json::Object schema = Typed("object");
  schema["properties"] = std::move(properties);
  return schema;
}

json::Object SpecSchema(std::uint64_t kind) {
  Draws draws(kind + 1000);
  json::Object schema = ObjectSchema(draws, kDepth);
  for (char c = 'p'; c < 'u'; ++c) {
    schema["properties"].as_object()[std::string(1, c)] = AnySchema(draws, kDepth);
  }
  return schema;
}

std::string Letter(Draws& draws) { return std::string(1, static_cast<char>('a' + draws.Draw(3))); }

// A value that mostly fits.
json::Value Drawn(Draws& draws, const json::Value& schema) {
  const std::string_view type = json::FindString(schema, {"type"});
  if (type == "integer") return json::Value(draws.Draw(3));
  if (type == "boolean") return json::Value(Chance(draws, 50));
  if (type == "string") return json::Value(Letter(draws));
  if (type == "array") {
    json::Array items;
    const std::string_view relation = json::FindString(schema, {"x-kubernetes-list-type"});
    for (char c = 'a'; c < 'd'; ++c) {
      if (!Chance(draws, 45)) continue;
      json::Value item = Drawn(draws, *json::Find(schema, "items"));
      if (relation == "set") item = std::string(1, c);
      if (relation == "map") item.as_object()["k"] = std::string(1, c);
      const auto at = static_cast<std::ptrdiff_t>(draws.Draw(items.size() + 1));
      items.insert(items.begin() + at, std::move(item));
    }
    return items;
  }
  json::Object object;
  if (const json::Value* properties = json::Find(schema, "properties")) {
    for (const auto& [name, below] : properties->get_object()) {
      if (Chance(draws, 50)) object[name] = Drawn(draws, below);
    }
    return object;
  }
  const json::Value* element = json::Find(schema, "additionalProperties");
  for (char c = 'a'; c < 'd'; ++c) {
    if (!Chance(draws, 45)) continue;
    object[std::string(1, c)] = element != nullptr  ? Drawn(draws, *element)
                                : Chance(draws, 50) ? json::Value(Letter(draws))
                                : Chance(draws, 50)
                                    ? json::Value(json::Object{{"x", Letter(draws)}})
                                    : json::Value(json::Array{Letter(draws)});
  }
  return object;
}

}  // namespace

std::string RandomDefinition(std::uint64_t kind) {
  json::Object root = Typed("object");
  root["properties"] = json::Object{{"spec", SpecSchema(kind)}};
  json::Object version{{"name", "v1"},
                       {"served", true},
                       {"storage", true},
                       {"schema", json::Object{{"openAPIV3Schema", std::move(root)}}}};
  json::Object names{{"plural", fmt::format("rnd{}s", kind)}, {"kind", fmt::format("Rnd{}", kind)}};
  json::Object definition{{"apiVersion", "apiextensions.k8s.io/v1"},
                          {"kind", "CustomResourceDefinition"},
                          {"metadata", json::Object{{"name", fmt::format("rnd{}s.ex.io", kind)}}},
                          {"spec", json::Object{{"group", "ex.io"},
                                                {"scope", "Namespaced"},
                                                {"names", std::move(names)},
                                                {"versions", json::Array{std::move(version)}}}}};
  return json::Serialize(definition);
}

Sequence RandomKindSequence(std::uint64_t seed) {
  Draws draws(seed + 1'000'000);
  const std::uint64_t kind = seed % kRandomKinds;
  const json::Value schema = SpecSchema(kind);
  const std::string collection = fmt::format("/apis/ex.io/v1/namespaces/$N/rnd{}s", kind);
  const auto object = [&] {
    json::Object made{{"apiVersion", "ex.io/v1"},
                      {"kind", fmt::format("Rnd{}", kind)},
                      {"metadata", json::Object{{"name", "t"}}},
                      {"spec", Drawn(draws, schema)}};
    return json::Serialize(made);
  };
  Sequence sequence{fmt::format("random-kind-{}", seed), {}};
  const std::uint64_t length = 3 + draws.Draw(6);
  for (std::uint64_t i = 0; i < length; ++i) {
    const char manager = static_cast<char>('A' + draws.Draw(3));
    switch (draws.Draw(8)) {
      case 0:
        sequence.steps.push_back({"PATCH",
                                  fmt::format("{}/t?fieldManager=U{}", collection, manager),
                                  json::Serialize(json::Object{{"spec", Drawn(draws, schema)}}),
                                  "application/merge-patch+json", ""});
        break;
      case 1:
        sequence.steps.push_back({"POST", fmt::format("{}?fieldManager=U{}", collection, manager),
                                  object(), "application/json", ""});
        break;
      default:
        sequence.steps.push_back({"PATCH",
                                  fmt::format("{}/t?fieldManager={}{}", collection, manager,
                                              Chance(draws, 50) ? "&force=true" : ""),
                                  object(), "application/apply-patch+yaml", ""});
    }
  }
  sequence.steps.push_back({"GET", collection + "/t", "", "", ""});
  return sequence;
}

}  // namespace kro::differential
