#include "differential/writes.h"

#include <fmt/format.h>

#include "differential/drawn_value.h"

namespace kro::differential {
namespace {

constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kStrategicMergePatch = "application/strategic-merge-patch+json";

class Writer {
 public:
  Writer(std::uint64_t seed, const WrittenKind& kind) : draws_(seed), kind_(kind) {}

  Step Create() {
    return {"POST", kind_.collection + Query("U"), Object(Version::kNone), "application/json"};
  }

  Step Apply() {
    std::string target = Target("");
    if (Chance(draws_, 50)) target += "&force=true";
    return {"PATCH", target, Object(Version::kNone), "application/apply-patch+yaml"};
  }

  Step Draw() {
    switch (draws_.Draw(20)) {
      case 0:
        return {"DELETE", kind_.collection + "/t", Options(), "application/json"};
      case 1:
        return Create();
      case 2:
      case 3:
      case 4:
        return {"PUT", Target("U"), Object(Version::kDrawn), "application/json"};
      case 5:
      case 6:
      case 7:
      case 8:
        return {"PATCH", Target("U"), Patch(), kind_.patch};
      case 9:
      case 10:
        return {"PATCH", Target("U"), JsonPatch(), "application/json-patch+json"};
      case 11:
        return {"PATCH", Target("U"), MetadataPatch(), std::string(kMergePatch)};
      default:
        return Apply();
    }
  }

 private:
  enum class Version { kNone, kDrawn };

  // Of the object or of its status, by one of three managers: updates and applies have names of their own.
  std::string Target(std::string_view prefix) {
    const bool status = kind_.status == Status::kSubresource && Chance(draws_, 20);
    return kind_.collection + (status ? "/t/status" : "/t") + Query(prefix);
  }

  std::string Query(std::string_view prefix) {
    std::string query =
        fmt::format("?fieldManager={}{}", prefix, static_cast<char>('A' + draws_.Draw(3)));
    if (Chance(draws_, 12)) query += "&fieldValidation=Strict";
    if (Chance(draws_, 5)) query += "&fieldValidation=Ignore";
    if (Chance(draws_, 4)) query += "&dryRun=All";
    return query;
  }

  json::Object Metadata() {
    json::Object metadata;
    if (Chance(draws_, 25)) metadata["labels"] = json::Object{{"l", Letter()}};
    if (Chance(draws_, 15)) metadata["annotations"] = json::Object{{"n", Letter()}};
    if (Chance(draws_, 15)) metadata["finalizers"] = json::Array{"ex.io/" + Letter()};
    return metadata;
  }

  std::string Object(Version version) {
    json::Value object = DrawValue(draws_, kind_.schema, DrawFaults());
    json::Object metadata = Metadata();
    metadata["name"] = "t";
    if (version == Version::kDrawn && Chance(draws_, 90)) metadata["resourceVersion"] = "%RV%";
    if (version == Version::kDrawn && Chance(draws_, 5)) metadata["resourceVersion"] = "1";
    if (Chance(draws_, 5)) metadata["uid"] = "%UID%";
    object.as_object()["apiVersion"] = kind_.api_version;
    object.as_object()["kind"] = kind_.kind;
    object.as_object()["metadata"] = std::move(metadata);
    return json::Serialize(object);
  }

  std::string Patch() {
    json::Value patch = kind_.patch == kStrategicMergePatch
                            ? DrawStrategicPatch(draws_, kind_.schema, DrawFaults())
                            : DrawValue(draws_, kind_.schema, DrawFaults());
    return json::Serialize(patch);
  }

  std::string MetadataPatch() {
    json::Object metadata = Metadata();
    if (Chance(draws_, 50)) metadata["finalizers"] = nullptr;
    if (Chance(draws_, 20)) metadata["labels"] = nullptr;
    if (Chance(draws_, 20)) metadata["resourceVersion"] = "%RV%";
    return json::Serialize(json::Object{{"metadata", std::move(metadata)}});
  }

  std::string JsonPatch() {
    static constexpr std::string_view kOperations[] = {"add", "add", "replace", "remove", "test"};
    json::Array operations;
    for (std::uint64_t left = 1 + draws_.Draw(2); left > 0; --left) {
      auto [path, value] = Place();
      json::Object operation{{"op", kOperations[draws_.Draw(std::size(kOperations))]},
                             {"path", path}};
      if (operation["op"] != "remove") operation["value"] = std::move(value);
      operations.push_back(std::move(operation));
    }
    return json::Serialize(operations);
  }

  // One field, at most three deep, and a value for it.
  std::pair<std::string, json::Value> Place() {
    std::string path;
    const json::Value* schema = &kind_.schema;
    for (int depth = 0; depth < 3; ++depth) {
      const json::Value* properties = json::Find(*schema, "properties");
      if (properties == nullptr || (depth > 1 && Chance(draws_, 50))) break;
      const json::Object& fields = properties->get_object();
      const auto& [name, below] = *(fields.begin() + draws_.Draw(fields.size()));
      path += "/" + std::string(name);
      schema = &below;
    }
    return {path, DrawValue(draws_, *schema, DrawFaults())};
  }

  std::string Options() {
    json::Object options;
    json::Object preconditions;
    if (Chance(draws_, 30)) preconditions["uid"] = Chance(draws_, 70) ? "%UID%" : "other";
    if (Chance(draws_, 30)) preconditions["resourceVersion"] = Chance(draws_, 70) ? "%RV%" : "1";
    if (!preconditions.empty()) options["preconditions"] = std::move(preconditions);
    if (Chance(draws_, 30)) options["propagationPolicy"] = "Background";
    if (Chance(draws_, 20)) options["gracePeriodSeconds"] = 0;
    return options.empty() ? "" : json::Serialize(options);
  }

  Faults DrawFaults() { return Chance(draws_, 50) ? Faults::kBadValues : Faults::kUnknownField; }

  std::string Letter() { return std::string(1, static_cast<char>('a' + draws_.Draw(3))); }

  Draws draws_;
  const WrittenKind& kind_;
};

}  // namespace

std::vector<Step> DrawWrites(std::uint64_t seed, const WrittenKind& kind) {
  Writer writer(seed, kind);
  std::vector<Step> steps;
  Draws draws(seed);
  steps.push_back(writer.Create());
  steps.push_back(writer.Apply());
  for (std::uint64_t left = 3 + draws.Draw(7); left > 0; --left) steps.push_back(writer.Draw());
  steps.push_back({"GET", kind.collection + "/t"});
  steps.push_back({"DELETE", kind.collection + "/t"});
  return steps;
}

}  // namespace kro::differential
