// How long does an expression take to evaluate on typed JSON, and does it ask the heap for anything?
//
// Baselines (ns): field comparison 30, concatenation 50, exists over 3 conditions 120, filter and map
// over 100 items 6,000, all over 1,000 items 12,000; no allocation in any of them.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "cel/checker.h"
#include "cel/parser.h"
#include "cel/planner.h"
#include "cel/schema.h"
#include "cel/schema_types.h"

namespace {
std::atomic<std::uint64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (!memory) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace kro::cel {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "apiVersion": {"type": "string"}, "kind": {"type": "string"},
  "metadata": {"type": "object", "properties": {
    "name": {"type": "string"}, "namespace": {"type": "string"}, "uid": {"type": "string"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"},
    "items": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "port": {"type": "integer"}}}},
    "numbers": {"type": "array", "items": {"type": "integer"}}}},
  "status": {"type": "object", "properties": {
    "conditions": {"type": "array", "items": {"type": "object", "properties": {
      "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"}}}}}}}})";

std::string Data() {
  std::string items, numbers;
  for (int i = 0; i < 100; ++i) {
    items += (i ? "," : "") + std::string(R"({"name": "item-)") + std::to_string(i) + R"(", "port": )" +
             std::to_string(i) + "}";
  }
  for (int i = 0; i < 1000; ++i) numbers += (i ? "," : "") + std::to_string(i + 1);
  return R"({"apiVersion": "v1", "kind": "App", "metadata": {"name": "shop", "namespace": "prod"},
    "spec": {"name": "shop", "replicas": 3, "items": [)" + items + R"(], "numbers": [)" + numbers + R"(]},
    "status": {"conditions": [
      {"type": "Progressing", "status": "True", "reason": "x"},
      {"type": "Degraded", "status": "False", "reason": "x"},
      {"type": "Available", "status": "True", "reason": "x"}]}})";
}

void Evaluate(benchmark::State& state, const char* expression) {
  auto openapi = json::Parse(kSchema);
  auto data = json::Parse(Data());
  auto tree = SchemaTree::Read(*openapi);
  SchemaTypes types;
  Environment environment = Environment::Kro();
  environment.AddVariable("schema", types.Declare("schema", *openapi));
  auto ast = Parse(expression, environment.dialect());
  if (!ast || !Check(environment, *ast)) return state.SkipWithError("does not check");
  auto program = Plan(std::move(*ast), environment, TypeNames::kUndefined);
  if (!program) return state.SkipWithError("is not planned");

  Arena arena;
  Context context(arena);
  Value slots[] = {FromJson(context, *data, (*tree)->root())};
  if ((*program)->EvaluateSlots(context, slots).IsError()) return state.SkipWithError("fails");
  std::uint64_t before = allocations;
  for (auto _ : state) {
    arena.Reset();
    benchmark::DoNotOptimize((*program)->EvaluateSlots(context, slots));
  }
  state.counters["allocations"] =
      static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

BENCHMARK_CAPTURE(Evaluate, field_comparison, "schema.spec.replicas == 3");
BENCHMARK_CAPTURE(Evaluate, concatenation, "schema.spec.name + '-db'");
BENCHMARK_CAPTURE(Evaluate, ternary, "schema.spec.replicas > 1 ? 'ha' : 'single'");
BENCHMARK_CAPTURE(Evaluate, optional_or_value, "schema.metadata.?labels.orValue({}).size()");
BENCHMARK_CAPTURE(Evaluate, exists_over_conditions,
                  "schema.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')");
BENCHMARK_CAPTURE(Evaluate, filter_map_100,
                  "schema.spec.items.filter(i, i.port > 50).map(i, i.name + '-x')");
BENCHMARK_CAPTURE(Evaluate, all_1000, "schema.spec.numbers.all(n, n > 0)");

// Parse, check and plan.
void Compile(benchmark::State& state) {
  auto openapi = json::Parse(kSchema);
  SchemaTypes types;
  Environment environment = Environment::Kro();
  environment.AddVariable("schema", types.Declare("schema", *openapi));
  for (auto _ : state) {
    auto ast = Parse("schema.spec.replicas > 1 ? schema.spec.name + '-ha' : schema.spec.name",
                     environment.dialect());
    if (!ast || !Check(environment, *ast)) return state.SkipWithError("does not check");
    benchmark::DoNotOptimize(Plan(std::move(*ast), environment, TypeNames::kUndefined));
  }
}
BENCHMARK(Compile);

}  // namespace
}  // namespace kro::cel
