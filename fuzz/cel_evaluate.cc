// Evaluation under a budget ends, and gives a value of the same kind twice. The input is an expression; one
// that does not check is planned as it was parsed, so that values of every kind meet every function.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cel/cel.h"

namespace {

using namespace kro;

constexpr std::int64_t kSteps = 20'000;
constexpr std::int64_t kMemory = 4 << 20;

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"}, "ratio": {"type": "number"},
    "enabled": {"type": "boolean"}, "at": {"type": "string", "format": "date-time"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "items": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "port": {"x-kubernetes-int-or-string": true}}}}}}}})";

constexpr const char* kData = R"({"spec": {"name": "shop", "replicas": 3, "ratio": 0.5,
  "enabled": true, "at": "2024-02-29T12:00:00Z", "labels": {"app": "shop", "tier": "web"},
  "items": [{"name": "a", "port": 80}, {"name": "b", "port": "http"}, {"name": "c"}]}})";

struct Fixture {
  json::Value openapi = *json::Parse(kSchema);
  json::Value data = *json::Parse(kData);
  std::shared_ptr<const cel::SchemaTree> tree = *cel::SchemaTree::Read(openapi);
  cel::SchemaTypes types;
  cel::Environment environment = cel::Environment::Kro();

  Fixture() { environment.AddVariable("schema", types.Declare("schema", openapi)); }
};

cel::Kind Evaluate(const Fixture& fixture, const cel::Program& program) {
  cel::Arena arena;
  cel::Context context(arena, kSteps, kMemory);
  auto schema = cel::FromJson(context, fixture.data, fixture.tree->root());
  cel::Value result = program.Evaluate(context, {{"schema", schema}});
  if (result.IsError() && result.AsError().empty()) std::abort();
  return result.kind();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto ast = cel::Compile(fixture.environment, text);
  if (!ast) ast = cel::Parse(text, fixture.environment.dialect());
  if (!ast) return 0;
  auto program = cel::Plan(std::move(*ast), fixture.environment);
  if (!program) return 0;
  if (Evaluate(fixture, **program) != Evaluate(fixture, **program)) std::abort();
  return 0;
}
