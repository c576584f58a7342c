#include "api/graph_revision.h"

#include "api/constants.h"

namespace kro::api {
namespace {

Diagnostics Missing(std::string_view source, std::string_view path);
std::vector<std::string> StringsAt(const json::Value* array);

}  // namespace

json::Parsed<GraphRevision> DecodeGraphRevision(const json::Value& object,
                                                std::string_view source) {
  // Metadata and status are those of an RGD, so its decoder reads them.
  json::Object head;
  if (const auto* metadata = json::Find(object, "metadata")) head["metadata"] = *metadata;
  if (const auto* status = json::Find(object, "status")) head["status"] = *status;
  auto decoded = DecodeRgd(head, source);
  if (!decoded) return std::unexpected(std::move(decoded.error()));

  const auto* revision = json::Find(object, {"spec", "revision"});
  if (revision == nullptr || !revision->is_int64()) {
    return std::unexpected(Missing(source, "spec.revision"));
  }
  const auto* spec = json::Find(object, {"spec", "snapshot", "spec"});
  if (spec == nullptr) return std::unexpected(Missing(source, "spec.snapshot.spec"));
  auto snapshot =
      DecodeRgdSpec(*spec, source, json::FieldPath().Child("spec").Child("snapshot").Child("spec"));
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));

  Rgd& rgd = decoded->rgd;
  GraphRevision result;
  result.name = std::move(rgd.name);
  result.uid = std::move(rgd.uid);
  result.resource_version = std::move(rgd.resource_version);
  result.generation = rgd.generation;
  result.labels = std::move(rgd.labels);
  result.finalizers = std::move(rgd.finalizers);
  result.created = rgd.created;
  result.deleting = rgd.deleting;
  result.revision = revision->get_int64();
  result.snapshot.name = json::FindString(object, {"spec", "snapshot", "name"});
  if (const auto* generation = json::Find(object, {"spec", "snapshot", "generation"});
      generation != nullptr && generation->is_int64()) {
    result.snapshot.generation = generation->get_int64();
  }
  result.snapshot.spec = std::move(*snapshot);
  result.topological_order = StringsAt(json::Find(object, {"status", "topologicalOrder"}));
  result.conditions = std::move(rgd.status.conditions);
  return result;
}

json::Value NewGraphRevision(const Rgd& rgd, std::int64_t revision, std::string_view spec_hash,
                             std::string_view version) {
  json::Object labels;
  for (const auto& [key, value] : SystemLabels(version)) labels[key] = value;
  labels[label::kRgdName] = rgd.name;
  labels[label::kRevisionHash] = spec_hash;
  const std::string api_version = std::string(kGroup) + "/" + std::string(kVersion);
  return {
      {"apiVersion", std::string(kInternalGroup) + "/" + std::string(kVersion)},
      {"kind", "GraphRevision"},
      {"metadata",
       {{"name", RevisionName(rgd.name, revision)},
        {"labels", std::move(labels)},
        {"ownerReferences", json::Array{{{"apiVersion", api_version},
                                         {"kind", "ResourceGraphDefinition"},
                                         {"name", rgd.name},
                                         {"uid", rgd.uid},
                                         {"controller", true}}}}}},
      {"spec",
       {{"revision", revision},
        {"snapshot",
         {{"name", rgd.name}, {"generation", rgd.generation}, {"spec", rgd.spec.raw}}}}},
  };
}

namespace {

Diagnostics Missing(std::string_view source, std::string_view path) {
  Diagnostic error{.code = "KRO103"};
  error.message = std::string(path) + " is missing or of the wrong type";
  error.where.source = source;
  error.where.path = path;
  return {error};
}

std::vector<std::string> StringsAt(const json::Value* array) {
  std::vector<std::string> strings;
  if (array == nullptr || !array->is_array()) return strings;
  for (const auto& item : array->get_array()) {
    if (item.is_string()) strings.emplace_back(item.get_string());
  }
  return strings;
}

}  // namespace
}  // namespace kro::api
