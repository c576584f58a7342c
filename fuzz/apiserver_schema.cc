// A definition's schema from the input is checked; an object from the input is pruned, defaulted and
// validated by it, accepted or not.
#include <cstddef>
#include <cstdint>

#include "apiserver/crd_validation.h"
#include "apiserver/structural_schema.h"
#include "json/value.h"

using namespace kro;

// The input is [schema, object, former object].
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = json::Parse({reinterpret_cast<const char*>(data), size});
  if (!input || !input->is_array() || input->get_array().size() != 3) return 0;
  const json::Array& parts = input->get_array();
  const json::Value version = json::Object{{"name", "v1"},
                                           {"served", true},
                                           {"storage", true},
                                           {"schema", json::Object{{"openAPIV3Schema", parts[0]}}}};
  const json::Value crd =
      json::Object{{"metadata", json::Object{{"name", "foos.ex.io"}}},
                   {"spec", json::Object{{"group", "ex.io"},
                                         {"scope", "Namespaced"},
                                         {"names", json::Object{{"plural", "foos"},
                                                                {"singular", "foo"},
                                                                {"kind", "Foo"},
                                                                {"listKind", "FooList"}}},
                                         {"versions", json::Array{version}}}}};
  (void)apiserver::ValidateCrd(crd, nullptr);
  auto schema = apiserver::StructuralSchema::Read(parts[0]);
  if (!schema) return 0;
  json::Value object = parts[1];
  json::Value old = parts[2];
  (*schema)->Prune(object);
  (*schema)->DropNulls(object);
  (void)(*schema)->CoerceMetadata(object);
  (*schema)->Default(object);
  (void)(*schema)->Validate(object, nullptr);
  (void)(*schema)->Validate(object, &old);
  return 0;
}
