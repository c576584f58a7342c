// A text of two YAML maps, `spec` and `types`, becomes a schema or diagnostics, never anything else,
// and what it becomes can be loaded.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/yaml.h"
#include "schema/openapi.h"
#include "schema/simpleschema.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::ParseYamlDocument(text, "fuzz.yaml");
  if (!document) return 0;
  const auto schema = schema::BuildSpecSchema(json::Find(document->value, "spec"),
                                              json::Find(document->value, "types"));
  if (!schema) {
    if (schema.error().empty()) std::abort();
    return 0;
  }
  schema::SchemaSet set;
  if (set.Add(*schema) == nullptr) std::abort();
  return 0;
}
