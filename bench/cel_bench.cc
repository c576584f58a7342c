// What do expressions cost: their evaluation on typed JSON, their compilation, their memory?
//
//   cel_bench                  the table: the least of 16 passes, budgets beside
//   cel_bench --names          the names of the expressions, one a line
//   cel_bench --count NAME     1,000 evaluations of one in CountedEvaluations, for callgrind
//
// scripts/bench adds the instructions of one evaluation, which do not depend on the neighbours. The
// input is a Deployment as an API server keeps it, an instance with its schema and a list; the
// budgets are a fifth to a fiftieth of what cel-go takes for the same (docs/performance.md). No
// evaluation asks the heap for anything.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <malloc.h>

#include "cel/cel.h"

namespace {
std::atomic<std::uint64_t> allocations = 0;
std::atomic<std::int64_t> live_bytes = 0;

void Free(void* memory) noexcept {
  live_bytes.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (!memory) std::abort();
  live_bytes.fetch_add(static_cast<std::int64_t>(malloc_usable_size(memory)),
                       std::memory_order_relaxed);
  return memory;
}
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }

namespace kro::cel {
namespace {

constexpr int kPasses = 16;

struct Expression {
  const char* name;
  const char* text;
  double evaluation;   // budget in ns
  double compilation;  // budget in µs
};

constexpr Expression kExpressions[] = {
    {"int", "schema.spec.replicas > 3", 20, 3.2},
    {"fields", "deployment.status.availableReplicas == deployment.spec.replicas", 30, 3.9},
    {"concatenation", "schema.spec.name + '-db'", 50, 3.5},
    {"logic", "schema.spec.ingress.enabled && schema.spec.env == 'prod'", 35, 5.2},
    {"exists",
     "deployment.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')", 120, 9},
    {"filter_map", "items.filter(i, i.enabled).map(i, i.name + '-' + string(i.port))", 6'000, 15},
    {"all", "many.all(i, i.port > 0)", 12'000, 5.5},
    {"strings", "schema.spec.name.lowerAscii().replace('_', '-').substring(0, 5)", 120, 6.2},
    {"matches", "schema.spec.name.matches('^[a-z][a-z0-9-]*$')", 150, 3.4},
};
constexpr double kProgramBytes = 1024;
constexpr double kTypesMicroseconds = 100;
constexpr double kTypesBytes = 40 * 1024;

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "apiVersion": {"type": "string"}, "kind": {"type": "string"},
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"}, "image": {"type": "string"},
    "env": {"type": "string"}, "port": {"type": "integer"},
    "ingress": {"type": "object", "properties": {
      "enabled": {"type": "boolean"}, "host": {"type": "string"}}}}}}})";
constexpr const char* kInstance = R"({"apiVersion": "kro.run/v1", "kind": "App",
  "metadata": {"name": "shop", "namespace": "prod", "uid": "1", "labels": {"app": "shop"}},
  "spec": {"name": "My_Shop_Frontend", "replicas": 5, "image": "nginx", "env": "prod",
    "ingress": {"enabled": true, "host": "shop.example.com"}}})";
constexpr const char* kItem = R"({"type": "object", "properties": {
  "name": {"type": "string"}, "port": {"type": "integer"}, "enabled": {"type": "boolean"}}})";
constexpr const char* kDeployment = R"({"apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "shop", "namespace": "prod", "generation": 3, "labels": {"app": "shop"}},
  "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "shop"}}, "template": {"metadata": {},
    "spec": {"containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}]}}},
  "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3,
    "availableReplicas": 3, "conditions": [
      {"type": "ReplicaFailure", "status": "False", "reason": "a", "message": "b"},
      {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "c"},
      {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "d"}]}})";

json::Value Items(int count);
json::Value ReadType(std::string_view name);
int PropertiesOf(const json::Value& schema);

// A variable: its schema, its data, what both mean.
struct Variable {
  std::string name;
  json::Value schema;
  json::Value data;
  std::shared_ptr<const SchemaTree> tree;

  Variable(std::string variable, json::Value openapi, json::Value value)
      : name(std::move(variable)),
        schema(std::move(openapi)),
        data(std::move(value)),
        tree(*SchemaTree::Read(schema)) {}

  Value Bind(Context& context) const {
    return FromJson(context, data, data.is_array() ? tree->list_of_root() : tree->root());
  }
};

struct Fixture {
  std::vector<Variable> variables;

  Fixture() {
    json::Value schema = *json::Parse(kSchema);
    schema.at("properties").get_object()["metadata"] =
        ReadType("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    variables.emplace_back("schema", std::move(schema), *json::Parse(kInstance));
    variables.emplace_back("deployment", ReadType("io.k8s.api.apps.v1.Deployment"),
                           *json::Parse(kDeployment));
    variables.emplace_back("service", ReadType("io.k8s.api.core.v1.Service"), json::Object());
    variables.emplace_back("items", *json::Parse(kItem), Items(100));
    variables.emplace_back("many", *json::Parse(kItem), Items(1000));
  }

  void Declare(Environment& environment, SchemaTypes& types) const {
    for (const Variable& variable : variables) {
      environment.AddVariable(variable.name, variable.data.is_array()
                                                 ? types.DeclareList(variable.name, variable.schema)
                                                 : types.Declare(variable.name, variable.schema));
    }
  }

  std::vector<Value> Slots(Context& context, const Program& program) const {
    std::vector<Value> slots;
    for (const std::string& name : program.variables()) {
      slots.push_back(std::ranges::find(variables, name, &Variable::name)->Bind(context));
    }
    return slots;
  }
};

std::shared_ptr<const Program> CompileProgram(const Environment& environment, const char* text) {
  auto ast = Compile(environment, text);
  if (!ast) {
    fmt::print(stderr, "{}\n", Render(ast.error()[0]));
    std::exit(1);
  }
  return Plan(std::move(*ast), environment, TypeNames::kUndefined).value();
}

// One expression, ready to be evaluated again and again on an arena that has grown to its needs.
struct Evaluation {
  std::shared_ptr<const Program> program;
  Arena arena;
  Arena inputs;
  Context context{arena};
  Context input_context{inputs};
  std::vector<Value> slots;

  Evaluation(const Fixture& fixture, const Environment& environment, const char* text)
      : program(CompileProgram(environment, text)), slots(fixture.Slots(input_context, *program)) {
    const Value value = Run();
    if (!value.IsError()) return;
    fmt::print(stderr, "{}: {}\n", text, value.AsError());
    std::exit(1);
  }

  Value Run() {
    arena.Reset();
    return program->EvaluateSlots(context, slots);
  }
};

// How long one call of `work` takes, in ns: the least of so many calls that take about 2 ms.
class Timer {
 public:
  explicit Timer(std::function<void(int)> work) : work_(std::move(work)) {
    while (Measure(count_) < kSpan && count_ < (1 << 24)) count_ *= 2;
  }
  void Pass() { best_ = std::min(best_, Measure(count_) / count_); }
  double best() const { return best_; }

 private:
  static constexpr double kSpan = 2e6;

  double Measure(int count) const {
    const auto begin = std::chrono::steady_clock::now();
    work_(count);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin)
        .count();
  }

  std::function<void(int)> work_;
  int count_ = 1;
  double best_ = std::numeric_limits<double>::max();
};

template <typename T>
void Keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

std::string Against(double value, double budget, int digits) {
  std::string text = fmt::format("{:.{}f}", value, digits);
  return value <= budget ? text : "**" + text + "**";
}

// All that is measured, laid down anew for each pass and kept until the end: how fast an evaluation is depends on
// where things happen to be in memory, and one place must not stand for all passes.
struct Round {
  Fixture fixture;
  SchemaTypes types;
  Environment environment = Environment::Kro();
  std::vector<std::unique_ptr<Evaluation>> evaluations;

  Round() {
    fixture.Declare(environment, types);
    for (const Expression& e : kExpressions) {
      evaluations.push_back(std::make_unique<Evaluation>(fixture, environment, e.text));
    }
  }
};

int PrintTable() {
  std::vector<std::unique_ptr<Round>> rounds;
  rounds.push_back(std::make_unique<Round>());
  const Fixture& fixture = rounds[0]->fixture;
  const Environment& environment = rounds[0]->environment;

  std::vector<Timer> evaluation_timers;
  std::vector<Timer> compilation_timers;
  for (std::size_t i = 0; i < std::size(kExpressions); ++i) {
    evaluation_timers.emplace_back([&rounds, i](int count) {
      Evaluation& evaluation = *rounds.back()->evaluations[i];
      for (int n = 0; n < count; ++n) Keep(evaluation.Run());
    });
    compilation_timers.emplace_back([&environment, i](int count) {
      for (int n = 0; n < count; ++n) Keep(CompileProgram(environment, kExpressions[i].text));
    });
  }
  const Environment kro = Environment::Kro();
  Timer types_timer([&](int count) {
    for (int i = 0; i < count; ++i) {
      SchemaTypes made;
      Environment typed = kro;
      fixture.Declare(typed, made);
      for (const Expression& e : kExpressions) Keep(Compile(typed, e.text));
    }
  });
  Timer compile_only_timer([&](int count) {
    for (int i = 0; i < count; ++i) {
      for (const Expression& e : kExpressions) Keep(Compile(environment, e.text));
    }
  });
  for (int pass = 0; pass < kPasses; ++pass) {
    rounds.push_back(std::make_unique<Round>());
    for (Timer& timer : evaluation_timers) timer.Pass();
    for (Timer& timer : compilation_timers) timer.Pass();
    types_timer.Pass();
    compile_only_timer.Pass();
  }

  bool met = true;
  fmt::print(
      "| expression | evaluate, ns | budget | allocations | compile, µs | budget | kept, bytes |\n"
      "|---|---|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < std::size(kExpressions); ++i) {
    const Expression& e = kExpressions[i];
    const std::uint64_t before = allocations;
    constexpr int kRuns = 1000;
    for (int run = 0; run < kRuns; ++run) Keep(rounds[0]->evaluations[i]->Run());
    const double each = static_cast<double>(allocations - before) / kRuns;

    const std::int64_t bytes_before = live_bytes;
    const auto program = CompileProgram(environment, e.text);
    const auto bytes = static_cast<double>(live_bytes - bytes_before);

    const double evaluate = evaluation_timers[i].best();
    const double compile = compilation_timers[i].best() / 1000;
    met &=
        evaluate <= e.evaluation && compile <= e.compilation && each == 0 && bytes <= kProgramBytes;
    fmt::print("| `{}` | {} | {:.0f} | {} | {} | {:.1f} | {} |\n", e.name,
               Against(evaluate, e.evaluation, evaluate < 1000 ? 1 : 0), e.evaluation,
               Against(each, 0, 0), Against(compile, e.compilation, 2), e.compilation,
               Against(bytes, kProgramBytes, 0));
  }

  const std::int64_t before = live_bytes;
  SchemaTypes kept;
  Environment typed = kro;
  fixture.Declare(typed, kept);
  for (const Expression& e : kExpressions) (void)Compile(typed, e.text);
  const auto bytes = static_cast<double>(live_bytes - before);
  const double microseconds = (types_timer.best() - compile_only_timer.best()) / 1000;
  int properties = 0;
  for (const Variable& variable : fixture.variables) properties += PropertiesOf(variable.schema);
  met &= microseconds <= kTypesMicroseconds && bytes <= kTypesBytes;
  fmt::print(
      "\ntyped environment of {} properties, read by all of these: {} µs of {:.0f}, {} bytes of "
      "{:.0f} kept\n",
      properties, Against(microseconds, kTypesMicroseconds, 1), kTypesMicroseconds,
      Against(bytes, kTypesBytes, 0), kTypesBytes);
  fmt::print("the least of {} passes; {}\n", kPasses,
             met ? "all budgets are met" : "**bold** misses its budget");
  return 0;
}

}  // namespace

// What callgrind counts: scripts/bench switches it on here.
extern "C" [[gnu::noinline]] void CountedEvaluations(void* evaluation, int count) {
  for (int i = 0; i < count; ++i) Keep(static_cast<Evaluation*>(evaluation)->Run());
}

namespace {

int CountEvaluations(std::string_view name) {
  const Fixture fixture;
  SchemaTypes types;
  Environment environment = Environment::Kro();
  fixture.Declare(environment, types);
  for (const Expression& e : kExpressions) {
    if (e.name != name) continue;
    Evaluation evaluation(fixture, environment, e.text);
    CountedEvaluations(&evaluation, 1000);
    return 0;
  }
  fmt::print(stderr, "no expression is called {}\n", name);
  return 1;
}

json::Value Items(int count) {
  json::Array items;
  for (int i = 0; i < count; ++i) {
    items.push_back(json::Object{
        {"name", fmt::format("item-{}", i)}, {"port", 8000 + i}, {"enabled", i % 2 == 0}});
  }
  return items;
}

// The schema with the types that it names put in.
json::Value Inline(const json::Value& schema, const json::Object& types, int depth) {
  constexpr int kDeepest = 32;
  if (depth > kDeepest) return json::Object();
  if (schema.is_array()) {
    json::Array copy;
    for (const json::Value& element : schema.get_array())
      copy.push_back(Inline(element, types, depth + 1));
    return copy;
  }
  if (!schema.is_object()) return schema;
  const json::Object& object = schema.get_object();
  const json::Value* named = object.if_contains("$ref");
  if (const json::Value* all = object.if_contains("allOf"))
    named = all->at(0).get_object().if_contains("$ref");
  if (named) {
    const std::string_view path = named->get_string();
    return Inline(types.at(path.substr(path.rfind('/') + 1)), types, depth + 1);
  }
  json::Object copy;
  for (const auto& [key, value] : object) copy[key] = Inline(value, types, depth + 1);
  return copy;
}

json::Value ReadType(std::string_view name) {
  static const json::Value recorded = [] {
    std::ifstream file(KRO_SOURCE_DIR "/test/data/conformance/fixtures/openapi.json",
                       std::ios::binary);
    return json::Parse(std::string{std::istreambuf_iterator<char>(file), {}}).value();
  }();
  for (const json::Value& document : recorded.at("cases").get_array()) {
    const json::Object& types = document.at("components").at("schemas").get_object();
    if (const json::Value* type = types.if_contains(name)) return Inline(*type, types, 0);
  }
  fmt::print(stderr, "no schema of {}\n", name);
  std::exit(1);
}

int PropertiesOf(const json::Value& schema) {
  int count = 0;
  if (!schema.is_object()) return 0;
  for (const auto& [key, value] : schema.get_object()) {
    if (key == "properties") {
      for (const auto& [name, property] : value.get_object()) count += 1 + PropertiesOf(property);
    } else {
      count += PropertiesOf(value);
    }
  }
  return count;
}

}  // namespace
}  // namespace kro::cel

int main(int argc, char** argv) {
  using namespace kro::cel;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--names") {
    for (const Expression& e : kExpressions) fmt::print("{}\n", e.name);
    return 0;
  }
  if (mode == "--count") return CountEvaluations(argc > 2 ? argv[2] : "");
  return PrintTable();
}
