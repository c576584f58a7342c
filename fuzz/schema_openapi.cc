// An OpenAPI schema, however odd, gives types, readings and a status schema of bounded size.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "json/value.h"
#include "schema/cel_schema.h"
#include "schema/openapi.h"
#include "schema/status_inference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro;
  const auto text = json::Parse({reinterpret_cast<const char*>(data), size});
  if (!text) return 0;
  schema::SchemaSet set;
  const schema::Schema* schema = set.Add(*text);
  schema::CelTypes types;
  const cel::Type type = types.Declare("fuzz", *schema);
  if (type.ToString().empty()) std::abort();
  if (schema::WhyNotAssignable(type, type)) std::abort();
  (void)schema::InferFieldSchema(type);
  schema::CelReadings readings;
  if (readings.Of(*schema) == nullptr) std::abort();
  return 0;
}
