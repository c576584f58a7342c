// Whatever ParseYaml accepts is written by ToYaml so that it reads back equal, and every place it
// names lies inside the text.
#include <cstdint>
#include <cstdlib>

#include "json/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto documents = ParseYaml(text);
  if (!documents) {
    if (documents.error().empty()) std::abort();
    return 0;
  }
  for (const Document& document : *documents) {
    if (IsTooDeep(document.value)) std::abort();
    auto again = ParseYamlDocument(ToYaml(document.value));
    if (!again || Canonical(again->value) != Canonical(document.value)) std::abort();
    FieldPath path;
    if (const Object* object = document.value.if_object(); object && !object->empty()) {
      path.Push(std::string_view(object->begin()->key().data(), object->begin()->key().size()));
    }
    for (std::size_t offset : {0, 1, 7, 100}) {
      if (document.map.Within(path, offset).line > size + 1) std::abort();
    }
  }
  return 0;
}
