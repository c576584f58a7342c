// The checker and the planner take whatever the parser accepts.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cel/cel.h"

namespace {

using namespace kro;

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"}, "ratio": {"type": "number"},
    "enabled": {"type": "boolean"}, "at": {"type": "string", "format": "date-time"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "items": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "port": {"x-kubernetes-int-or-string": true}}}}}}}})";

struct Fixture {
  json::Value openapi = *json::Parse(kSchema);
  cel::SchemaTypes types;
  cel::Environment environment = cel::Environment::Kro();

  Fixture() { environment.AddVariable("schema", types.Declare("schema", openapi)); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  auto ast = cel::Compile(fixture.environment, {reinterpret_cast<const char*>(data), size});
  if (!ast) {
    if (ast.error().empty()) std::abort();
    return 0;
  }
  (void)ast->type().ToString();
  (void)cel::Plan(std::move(*ast), fixture.environment, cel::TypeNames::kUndefined);
  return 0;
}
