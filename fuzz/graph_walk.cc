// Any value is walked against any schema: {"schema": …, "value": …}. Every expression that is found is a
// string of the value, and lowers to a text whose places lead back into it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "graph/template_walk.h"
#include "json/path.h"
#include "json/value.h"
#include "schema/openapi.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro;
  const auto input = json::Parse({reinterpret_cast<const char*>(data), size});
  if (!input) return 0;
  const auto* value = json::Find(*input, "value");
  const auto* schema = json::Find(*input, "schema");
  if (value == nullptr) return 0;
  const auto check = [&](const graph::Walked& walked) {
    for (const graph::FieldExpression& field : walked.fields) {
      const auto* found = json::Get(*value, field.path);
      if (found == nullptr || *found != json::Value(field.text.source)) std::abort();
      const std::size_t end = field.text.Lowered().size();
      if (field.text.SourceOffset(end) > field.text.source.size()) std::abort();
      if (field.text.SourceOffset(end / 2) > field.text.source.size()) std::abort();
    }
  };
  check(graph::WalkUntyped(*value));
  if (schema == nullptr) return 0;
  schema::SchemaSet set;
  check(graph::WalkTyped(*value, *set.Add(*schema)));
  return 0;
}
