// A text, however odd, decodes to an RGD or to diagnostics, and an RGD tells which kinds it needs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/rgd.h"
#include "graph/compile.h"
#include "json/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::ParseYamlDocument(text, "fuzz.yaml");
  if (!document) return 0;
  const auto decoded = api::DecodeRgd(document->value, "fuzz.yaml", &document->map);
  if (!decoded) {
    if (decoded.error().empty()) std::abort();
    return 0;
  }
  if (graph::KindsIn(decoded->rgd.spec).size() > decoded->rgd.spec.resources.size()) std::abort();
  return 0;
}
