// Any definition compiles or is refused with faults, the same when asked twice.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "api/rgd.h"
#include "graph/compile.h"
#include "json/yaml.h"
#include "schema/openapi.h"

namespace {

using namespace kro;

// One kind with a field of every type.
const graph::Kinds& Cluster() {
  static const graph::Kinds& cluster = [] -> const graph::Kinds& {
    auto& kinds = *new graph::Kinds;
    const auto set = std::make_shared<schema::SchemaSet>();
    const auto crd = json::Parse(R"({"spec": {"group": "x.y", "names": {"kind": "K"}, "versions": [
      {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"s": {"type": "string"}, "i": {"type": "integer"},
          "n": {"type": "number"}, "b": {"type": "boolean"}, "l": {"type": "array", "items": {"type": "string"}},
          "m": {"type": "object", "additionalProperties": {"type": "string"}},
          "o": {"type": "object", "properties": {"s": {"type": "string"}}},
          "p": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
          "x": {"x-kubernetes-int-or-string": true}, "t": {"type": "string", "format": "date-time"}}},
        "status": {"type": "object", "properties": {"b": {"type": "boolean"}, "s": {"type": "string"}}}}}}}]}})");
    if (!crd || !set->AddCrd(*crd)) std::abort();
    kinds.AddSchemas(set);
    kinds.AddMapping({"x.y", "v1", "K"}, {{"x.y", "v1", "ks"}, true});
    return kinds;
  }();
  return cluster;
}

std::string Outcome(const api::RgdSpec& spec, const graph::CompileOptions& options) {
  const auto compiled = graph::Compile("fuzz", spec, Cluster(), options);
  if (compiled) {
    if ((*compiled)->order.size() != (*compiled)->nodes.size()) std::abort();
    return Dump(**compiled);
  }
  if (compiled.error().empty()) std::abort();
  std::string text;
  for (const Diagnostic& fault : compiled.error()) {
    if (fault.code.empty() || fault.message.empty() || fault.compatible.empty()) std::abort();
    text += Render(fault);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::ParseYamlDocument(text, "fuzz.yaml");
  if (!document) return 0;
  const auto spec = api::DecodeRgdSpec(document->value, "fuzz.yaml");
  if (!spec) return 0;
  graph::CompileOptions options;
  options.source = "fuzz.yaml";
  options.map = &document->map;
  if (size % 2 == 0) options.omit = graph::OmitFunction::kEnabled;
  if (Outcome(*spec, options) != Outcome(*spec, options)) std::abort();
  return 0;
}
