// An object and a patch from the input, as each kind of patch.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "apiserver/decode.h"
#include "apiserver/patch.h"
#include "json/value.h"

using namespace kro;

// The input is an object, a line break, and the patch.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  (void)apiserver::DecodeYaml(text);
  auto object = apiserver::DecodeJson(text.substr(0, end));
  if (!object) return 0;
  const std::string_view body = text.substr(end + 1);
  static const auto schema = apiserver::ObjectSchema::OfCustomResource(*json::Parse(R"({
      "type": "object", "properties": {
        "l": {"type": "array", "x-kubernetes-patch-strategy": "merge",
              "x-kubernetes-patch-merge-key": "k", "items": {"type": "object",
              "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
        "s": {"type": "array", "x-kubernetes-patch-strategy": "merge",
              "items": {"type": "string"}}}})"));
  (void)apiserver::ApplyJsonPatch(object->value, body);
  (void)apiserver::ApplyMergePatch(object->value, body);
  if (schema) (void)apiserver::ApplyStrategicMergePatch(object->value, body, *schema);
  return 0;
}
