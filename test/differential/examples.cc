// The examples of the repository: each of their objects is applied, applied again, taken over, changed and
// deleted.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/crd_manifests.h"
#include "api/gvk.h"
#include "differential/sequence.h"
#include "json/yaml.h"
#include "schema/crd_synthesis.h"
#include "schema/simpleschema.h"

namespace kro::differential {
namespace {

namespace fs = std::filesystem;

struct Example {
  std::string id;  // "example-webapp-rgd"
  json::Value object;
};

// In the order of their names; without what is for other programs.
std::vector<Example> ReadExamples();
// The definition of the kind that an RGD makes.
json::Value DefinitionOf(const json::Value& rgd);
// By kind: where its objects are.
std::string CollectionOf(const std::vector<std::string>& definitions, const json::Value& object);

}  // namespace

std::vector<std::string> ExampleDefinitions() {
  std::vector<std::string> definitions;
  for (const json::Value& crd : api::AllCrds()) definitions.push_back(json::Serialize(crd));
  for (const Example& example : ReadExamples()) {
    const std::string_view kind = json::FindString(example.object, {"kind"});
    if (kind == "CustomResourceDefinition") definitions.push_back(json::Serialize(example.object));
    if (kind == "ResourceGraphDefinition") {
      definitions.push_back(json::Serialize(DefinitionOf(example.object)));
    }
  }
  return definitions;
}

std::vector<Sequence> ExampleSequences() {
  const std::vector<std::string> definitions = ExampleDefinitions();
  std::vector<Sequence> sequences;
  for (const Example& example : ReadExamples()) {
    const std::string collection = CollectionOf(definitions, example.object);
    if (collection.empty()) continue;
    const std::string body = json::Serialize(example.object);
    const std::string one =
        fmt::format("{}/{}", collection, json::FindString(example.object, {"metadata", "name"}));
    const auto apply = [&](std::string_view query) {
      return Step{"PATCH", fmt::format("{}?fieldManager={}", one, query), body,
                  "application/apply-patch+yaml", ""};
    };
    sequences.push_back({example.id,
                         {apply("A"),
                          apply("A"),
                          apply("B&force=true"),
                          {"PATCH", one, R"({"metadata":{"labels":{"seen":"yes"}}})",
                           "application/merge-patch+json", ""},
                          {"GET", one, "", "", ""},
                          {"DELETE", one, "", "", ""}}});
  }
  return sequences;
}

namespace {

std::vector<Example> ReadExamples() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(KRO_SOURCE_DIR "/examples")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<Example> examples;
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    auto documents = json::ParseYaml(text, file.string());
    EXPECT_TRUE(documents) << file;
    if (!documents) continue;
    for (json::Document& document : *documents) {
      json::Value* metadata = json::Find(document.value, "metadata");
      if (metadata == nullptr) continue;
      // Each sequence has a namespace of its own.
      metadata->as_object().erase("namespace");
      examples.push_back({fmt::format("example-{}-{}", file.parent_path().filename().string(),
                                      file.stem().string()),
                          std::move(document.value)});
    }
  }
  return examples;
}

json::Value DefinitionOf(const json::Value& rgd) {
  const json::Value* schema = json::Find(rgd, {"spec", "schema"});
  api::RgdSchema names;
  names.kind = json::FindString(*schema, {"kind"});
  names.api_version = json::FindString(*schema, {"apiVersion"});
  auto spec = schema::BuildSpecSchema(json::Find(*schema, "spec"), json::Find(*schema, "types"));
  EXPECT_TRUE(spec);
  return schema::SynthesizeCrd(names, spec ? *spec : json::Value(json::Object()),
                               schema::StatusSchema(nullptr));
}

std::string CollectionOf(const std::vector<std::string>& definitions, const json::Value& object) {
  auto gvk =
      api::ParseGvk(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
  if (!gvk) return "";
  for (const std::string& text : definitions) {
    const auto definition = json::Parse(text);
    if (!definition || json::FindString(*definition, {"spec", "group"}) != gvk->group ||
        json::FindString(*definition, {"spec", "names", "kind"}) != gvk->kind) {
      continue;
    }
    const bool namespaced = json::FindString(*definition, {"spec", "scope"}) == "Namespaced";
    return fmt::format("/apis/{}/{}{}/{}", gvk->group, gvk->version,
                       namespaced ? "/namespaces/$N" : "",
                       json::FindString(*definition, {"spec", "names", "plural"}));
  }
  return "";
}

}  // namespace
}  // namespace kro::differential
