#include "differential/drawn_value.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "json/yaml.h"

namespace kro::differential {
namespace {

constexpr std::uint64_t kBadPercent = 4;

bool IsBad(Draws& draws, Faults faults) {
  return faults == Faults::kBadValues && Chance(draws, kBadPercent);
}

const json::Value& Pick(Draws& draws, const json::Value& pool) {
  const json::Array& values = pool.get_array();
  return values[draws.Draw(values.size())];
}

json::Value Unknown(Draws& draws) {
  if (Chance(draws, 50)) return json::Object{{"x", draws.Draw(3)}};
  return json::Array{"u", draws.Draw(3)};
}

const json::Value& Member(const json::Value& schema, std::string_view name) {
  const json::Value* member = json::Find(schema, name);
  EXPECT_NE(member, nullptr) << name << " is missing in " << json::Serialize(schema);
  return *member;
}

void InsertSomewhere(Draws& draws, json::Array& items, json::Value item) {
  const auto at = static_cast<std::ptrdiff_t>(draws.Draw(items.size() + 1));
  items.insert(items.begin() + at, std::move(item));
}

std::string FirstKey(const json::Value& list) {
  return std::string(Member(list, "x-kubernetes-list-map-keys").get_array().front().as_string());
}

const json::Value& KeysOf(const json::Value& items, const std::string& key) {
  return Member(Member(Member(items, "properties"), key), "good");
}

json::Value DrawAny(Draws& draws, const json::Value& schema, Faults faults);

json::Array DrawList(Draws& draws, const json::Value& schema, Faults faults) {
  const json::Value& items = Member(schema, "items");
  const std::string_view sort = json::FindString(schema, {"x-kubernetes-list-type"});
  json::Array list;
  if (sort == "map") {
    const std::string key = FirstKey(schema);
    for (const json::Value& name : KeysOf(items, key).get_array()) {
      if (!Chance(draws, 45)) continue;
      json::Value item = DrawAny(draws, items, faults);
      const bool bad = json::Find(items, "required") != nullptr && IsBad(draws, faults);
      if (item.is_object() && !bad) item.as_object()[key] = name;
      InsertSomewhere(draws, list, std::move(item));
    }
  } else if (sort == "set") {
    for (const json::Value& item : Member(items, "good").get_array()) {
      if (Chance(draws, 45)) InsertSomewhere(draws, list, item);
    }
    if (!list.empty() && IsBad(draws, faults)) list.push_back(list.front());
  } else {
    for (std::uint64_t left = draws.Draw(4); left > 0; --left) {
      list.push_back(DrawAny(draws, items, faults));
    }
  }
  return list;
}

json::Object DrawObject(Draws& draws, const json::Value& schema, Faults faults) {
  json::Object object;
  if (const json::Value* properties = json::Find(schema, "properties")) {
    const auto names = [&](std::string_view list, std::string_view name) {
      const json::Value* named = json::Find(schema, list);
      return named != nullptr && std::ranges::count(named->get_array(), json::Value(name)) > 0;
    };
    for (const auto& [name, below] : properties->get_object()) {
      const bool there = names("always", name)     ? true
                         : names("required", name) ? !IsBad(draws, faults)
                                                   : Chance(draws, 45);
      if (there) object[name] = DrawAny(draws, below, faults);
    }
  }
  if (const json::Value* element = json::Find(schema, "additionalProperties")) {
    for (char c = 'a'; c < 'd'; ++c) {
      if (Chance(draws, 45)) object[std::string(1, c)] = DrawAny(draws, *element, faults);
    }
  }
  const bool free = json::Find(schema, "x-kubernetes-preserve-unknown-fields") != nullptr;
  if (free && Chance(draws, 60)) object["zz"] = Unknown(draws);
  return object;
}

json::Value PatchOfList(Draws& draws, const json::Value& schema, Faults faults) {
  const json::Value& items = Member(schema, "items");
  const std::string key = FirstKey(schema);
  json::Array list;
  for (const json::Value& name : KeysOf(items, key).get_array()) {
    if (!Chance(draws, 45)) continue;
    json::Value item = Chance(draws, 20) ? json::Value(json::Object{{"$patch", "delete"}})
                                         : DrawStrategicPatch(draws, items, faults);
    if (!item.is_object()) continue;
    item.as_object()[key] = name;
    InsertSomewhere(draws, list, std::move(item));
  }
  if (Chance(draws, 8)) list.emplace_back(json::Object{{"$patch", "replace"}});
  return list;
}

json::Value DrawAny(Draws& draws, const json::Value& schema, Faults faults) {
  if (const json::Value* bad = json::Find(schema, "bad"); bad != nullptr && IsBad(draws, faults)) {
    return Pick(draws, *bad);
  }
  if (const json::Value* good = json::Find(schema, "good")) return Pick(draws, *good);
  if (json::FindString(schema, {"type"}) == "array") return DrawList(draws, schema, faults);
  return DrawObject(draws, schema, faults);
}

// One field, in the object itself or somewhere below.
void AddUnknownField(Draws& draws, json::Value& value, const json::Value& schema) {
  const json::Value* properties = json::Find(schema, "properties");
  if (properties == nullptr || !value.is_object()) return;
  for (auto& member : value.get_object()) {
    const json::Value* below = json::Find(*properties, std::string_view(member.key()));
    if (below == nullptr || json::Find(*below, "properties") == nullptr || Chance(draws, 50))
      continue;
    return AddUnknownField(draws, member.value(), *below);
  }
  value.get_object()["zz"] = Unknown(draws);
}

}  // namespace

bool Chance(Draws& draws, std::uint64_t percent) { return draws.Draw(100) < percent; }

json::Value ParsePooledSchema(std::string_view yaml) {
  auto document = json::ParseYamlDocument(std::string(yaml), "schema");
  EXPECT_TRUE(document) << Render(document.error().front());
  return document ? std::move(document->value) : json::Value(json::Object());
}

json::Value WithoutPools(json::Value schema) {
  if (json::Array* items = schema.if_array()) {
    for (json::Value& item : *items) item = WithoutPools(std::move(item));
  }
  if (json::Object* object = schema.if_object()) {
    object->erase("good");
    object->erase("bad");
    for (auto& member : *object) member.value() = WithoutPools(std::move(member.value()));
  }
  return schema;
}

json::Value DrawValue(Draws& draws, const json::Value& schema, Faults faults) {
  json::Value value = DrawAny(draws, schema, faults);
  if (faults == Faults::kUnknownField && Chance(draws, 15)) AddUnknownField(draws, value, schema);
  return value;
}

json::Value DrawStrategicPatch(Draws& draws, const json::Value& schema, Faults faults) {
  const json::Value* properties = json::Find(schema, "properties");
  if (json::Find(schema, "good") != nullptr || properties == nullptr) {
    return DrawAny(draws, schema, faults);
  }
  json::Object patch;
  for (const auto& [name, below] : properties->get_object()) {
    if (!Chance(draws, 40)) continue;
    if (Chance(draws, 12)) {
      patch[name] = nullptr;
      continue;
    }
    const std::string_view sort = json::FindString(below, {"x-kubernetes-list-type"});
    patch[name] = sort == "map" ? PatchOfList(draws, below, faults)
                                : DrawStrategicPatch(draws, below, faults);
    if (sort == "set" && Chance(draws, 20)) {
      patch.erase(name);
      patch["$deleteFromPrimitiveList/" + std::string(name)] = DrawList(draws, below, faults);
    }
    if (sort == "set" && Chance(draws, 20)) {
      patch["$setElementOrder/" + std::string(name)] = DrawList(draws, below, faults);
    }
  }
  if (Chance(draws, 5)) patch["$patch"] = Chance(draws, 70) ? "replace" : "merge";
  return patch;
}

}  // namespace kro::differential
