// What do expressions cost: their evaluation on typed JSON, their compilation, their memory?
//
// Baselines, evaluation in ns and compilation (parse, check, plan) in µs, one line an expression of
// kExpressions:
//
//   replicas        20   3.2
//   fields          30   3.9
//   concatenation   50   3.5
//   logic           35   5.2
//   exists         120   9
//   filter_map   6,000  15
//   all         12,000   5.5
//   strings        120   6.2
//   matches        150   3.4
//
// No evaluation asks the heap for anything; a program takes 1 KiB; a type for a schema of 1,315
// properties takes 100 µs and 40 KiB.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <malloc.h>

#include "cel/checker.h"
#include "cel/parser.h"
#include "cel/planner.h"
#include "cel/schema.h"
#include "cel/schema_types.h"

namespace {
std::atomic<std::uint64_t> allocations = 0;
std::atomic<std::int64_t> live_bytes = 0;

void Free(void* memory) noexcept {
  live_bytes.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (!memory) std::abort();
  live_bytes.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  return memory;
}
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }

namespace kro::cel {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "apiVersion": {"type": "string"}, "kind": {"type": "string"},
  "metadata": {"type": "object", "properties": {
    "name": {"type": "string"}, "namespace": {"type": "string"}, "uid": {"type": "string"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"}, "wanted": {"type": "integer"},
    "enabled": {"type": "boolean"}, "env": {"type": "string"}, "host": {"type": "string"},
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
    "spec": {"name": "shop", "replicas": 5, "wanted": 5, "enabled": true, "env": "prod",
      "host": "Shop.Example.COM", "items": [)" + items + R"(], "numbers": [)" + numbers + R"(]},
    "status": {"conditions": [
      {"type": "Progressing", "status": "True", "reason": "x"},
      {"type": "Degraded", "status": "False", "reason": "x"},
      {"type": "Available", "status": "True", "reason": "x"}]}})";
}

struct Expression {
  const char* name;
  const char* text;
};

constexpr Expression kExpressions[] = {
    {"replicas", "schema.spec.replicas > 3"},
    {"fields", "schema.spec.replicas == schema.spec.wanted"},
    {"concatenation", "schema.spec.name + '-db'"},
    {"logic", "schema.spec.enabled && schema.spec.env == 'prod'"},
    {"exists", "schema.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')"},
    {"filter_map", "schema.spec.items.filter(i, i.port > 50).map(i, i.name + '-x')"},
    {"all", "schema.spec.numbers.all(n, n > 0)"},
    {"strings", "schema.spec.host.lowerAscii().replace('.', '-').substring(0, 8)"},
    {"matches", "schema.spec.name.matches('^[a-z][a-z0-9-]*$')"},
};

// The schema, what it means, and an environment with it as the variable `schema`.
struct Fixture {
  json::Value openapi = *json::Parse(kSchema);
  json::Value data = *json::Parse(Data());
  std::shared_ptr<const SchemaTree> tree = *SchemaTree::Read(openapi);
  SchemaTypes types;
  Environment environment = Environment::Kro();

  Fixture() { environment.AddVariable("schema", types.Declare("schema", openapi)); }

  std::shared_ptr<const Program> Compile(const char* text) {
    auto ast = Parse(text, environment.dialect());
    if (!ast || !Check(environment, *ast)) return nullptr;
    auto program = Plan(std::move(*ast), environment, TypeNames::kUndefined);
    return program ? *program : nullptr;
  }
};

// How long does one evaluation take, on an arena that has grown to its needs?
void Evaluate(benchmark::State& state, const char* text) {
  Fixture fixture;
  auto program = fixture.Compile(text);
  if (!program) return state.SkipWithError("does not compile");
  Arena arena;
  Context context(arena);
  Value slots[] = {FromJson(context, fixture.data, fixture.tree->root())};
  if (program->EvaluateSlots(context, slots).IsError()) return state.SkipWithError("fails");
  std::uint64_t before = allocations;
  for (auto _ : state) {
    arena.Reset();
    benchmark::DoNotOptimize(program->EvaluateSlots(context, slots));
  }
  state.counters["allocations"] =
      static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

// How long do parse, check and plan take together, and how much does the program keep?
void Compile(benchmark::State& state, const char* text) {
  Fixture fixture;
  if (!fixture.Compile(text)) return state.SkipWithError("does not compile");
  for (auto _ : state) benchmark::DoNotOptimize(fixture.Compile(text));
  constexpr int kPrograms = 16;
  std::vector<std::shared_ptr<const Program>> programs;
  programs.reserve(kPrograms);
  std::int64_t before = live_bytes;
  for (int i = 0; i < kPrograms; ++i) programs.push_back(fixture.Compile(text));
  state.counters["bytes"] = static_cast<double>(live_bytes - before) / kPrograms;
}

// 1,315 properties: 35 objects of 36 strings each (1,295 with themselves), and 20 strings.
json::Value LargeSchema() {
  json::Object fields;
  for (int i = 0; i < 36; ++i) fields["field" + std::to_string(i)] = json::Object{{"type", "string"}};
  json::Object root;
  for (int i = 0; i < 35; ++i) {
    root["part" + std::to_string(i)] = json::Object{{"type", "object"}, {"properties", fields}};
  }
  for (int i = 0; i < 20; ++i) root["text" + std::to_string(i)] = json::Object{{"type", "string"}};
  return json::Object{{"type", "object"}, {"properties", std::move(root)}};
}

// What does it cost to make a large schema a variable and check an expression that reads two levels?
void DeclareLarge(benchmark::State& state) {
  json::Value openapi = LargeSchema();
  const Environment kro = Environment::Kro();
  std::int64_t bytes = 0;
  for (auto _ : state) {
    std::int64_t before = live_bytes;
    SchemaTypes types;
    Environment environment = kro;
    environment.AddVariable("schema", types.Declare("schema", openapi));
    auto ast = Parse("schema.part17.field20", environment.dialect());
    if (!ast || !Check(environment, *ast)) return state.SkipWithError("does not check");
    bytes = live_bytes - before;
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(DeclareLarge);

const bool kRegistered = [] {
  for (const Expression& e : kExpressions) {
    benchmark::RegisterBenchmark((std::string("Evaluate/") + e.name).c_str(), Evaluate, e.text);
  }
  for (const Expression& e : kExpressions) {
    benchmark::RegisterBenchmark((std::string("Compile/") + e.name).c_str(), Compile, e.text);
  }
  return true;
}();

}  // namespace
}  // namespace kro::cel
