// Two configs from the input are applied in turn by two managers, under a schema from the input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/apply.h"
#include "json/value.h"

using namespace kro;

namespace {

json::Value Config(const json::Value& spec) {
  return json::Object{{"apiVersion", "ex.io/v1"},
                      {"kind", "T"},
                      {"metadata", json::Object{{"name", "x"}}},
                      {"spec", spec}};
}

}  // namespace

// The input is [schema of spec, first spec, second spec].
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = json::Parse({reinterpret_cast<const char*>(data), size});
  if (!input || !input->is_array() || input->get_array().size() != 3) return 0;
  const json::Array& parts = input->get_array();
  auto schema = apiserver::ObjectSchema::OfCustomResource(
      json::Object{{"type", "object"}, {"properties", json::Object{{"spec", parts[0]}}}});
  if (!schema) return 0;
  const apiserver::Ownership ownership{.api_version = "ex.io/v1", .kind = "T", .schema = *schema};
  auto first = apiserver::Apply(ownership, nullptr, Config(parts[1]),
                                {.manager = "A", .now = "2026-01-01T00:00:01Z"});
  if (!first) return 0;
  auto second = apiserver::Apply(ownership, &first->object, Config(parts[2]),
                                 {.manager = "B", .force = true, .now = "2026-01-01T00:00:02Z"});
  if (!second) return 0;
  // What was just applied changes nothing when it is applied again.
  auto again = apiserver::Apply(ownership, &second->object, Config(parts[2]),
                                {.manager = "B", .now = "2026-01-01T00:00:03Z"});
  if (again && !apiserver::KeepTimesIfUnchanged(second->object, again->object)) std::abort();
  json::Value updated = first->object;
  apiserver::TrackUpdate(ownership, &second->object, updated,
                         {.manager = "U", .now = "2026-01-01T00:00:04Z"});
  return 0;
}
