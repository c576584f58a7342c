// How long does it take to load what the API server publishes of apps/v1, and how much is kept?
//
// The recorded document of apps/v1, cut to Deployment and what it refers to, from text to schema. `bytes_kept` counts what the schemas hold once the document is gone, `readings_bytes`
// what the evaluator needs beside them.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <fstream>
#include <string>

#include "json/value.h"
#include "schema/cel_schema.h"
#include "schema/openapi.h"

namespace kro::schema {
namespace {

const api::Gvk kDeployment{"apps", "v1", "Deployment"};

// One document a line.
const std::string& AppsDocument() {
  static const std::string document = [] {
    std::ifstream file(std::string(KRO_SOURCE_DIR) +
                       "/test/data/conformance/fixtures/openapi.json");
    for (std::string line; std::getline(file, line);) {
      if (line.find("\"path\":\"apis/apps/v1\"") == std::string::npos) continue;
      if (line.ends_with(',')) line.pop_back();
      return line;
    }
    return std::string();
  }();
  return document;
}

std::size_t HeapInUse() { return mallinfo2().uordblks; }

void LoadApps(benchmark::State& state) {
  const std::string& text = AppsDocument();
  for (auto _ : state) {
    const auto document = json::Parse(text);
    SchemaSet set;
    if (!document || !set.AddKind(*document, kDeployment)) {
      return state.SkipWithError("does not load");
    }
    benchmark::DoNotOptimize(set);
  }
  SchemaSet set;
  const std::size_t before = HeapInUse();
  {
    const auto document = json::Parse(text);
    (void)set.AddKind(*document, kDeployment);
  }
  const std::size_t with_schemas = HeapInUse();
  CelReadings readings;
  benchmark::DoNotOptimize(readings.Of(*set.Find(kDeployment)));
  state.counters["document_bytes"] = static_cast<double>(text.size());
  state.counters["nodes"] = static_cast<double>(set.size());
  state.counters["bytes_kept"] = static_cast<double>(with_schemas - before);
  state.counters["readings_bytes"] = static_cast<double>(HeapInUse() - with_schemas);
  state.SetLabel("must be <= 10 ms");
}
BENCHMARK(LoadApps)->Unit(benchmark::kMillisecond);

// The type of a Deployment, looked into as far as `spec.template.spec.containers`.
void DeclareTypes(benchmark::State& state) {
  const auto document = json::Parse(AppsDocument());
  SchemaSet set;
  if (!document || !set.AddKind(*document, kDeployment)) {
    return state.SkipWithError("does not load");
  }
  for (auto _ : state) {
    CelTypes types;
    cel::Type type = types.Declare("deployment", *set.Find(kDeployment));
    for (const auto* field : {"spec", "template", "spec", "containers"}) {
      type = type.schema()->FindField(field)->type;
    }
    benchmark::DoNotOptimize(type);
  }
}
BENCHMARK(DeclareTypes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kro::schema
