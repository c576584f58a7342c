// What does it cost to compile a definition, and to keep what was compiled?
//
// Compile: a definition of five resources, as an author writes it, over the recorded cluster; then N
// resources with ten expressions each, every one reading the one before it. `us_a_resource` shows whether
// that grows in step with them. `bytes_kept` is what one graph holds, schemas apart.
//
// Crds: 200 CRDs of 100 KiB of schema each, half of it descriptions, as they come from an API server, each
// used by a graph.
//
// The label says what each must be.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "api/rgd.h"
#include "graph/compile.h"
#include "json/yaml.h"
#include "schema/openapi.h"

namespace kro::graph {
namespace {

json::Value ReadRecord(const std::string& name) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/test/data/conformance/" + name,
                     std::ios::binary);
  return json::Parse(std::string{std::istreambuf_iterator<char>(file), {}}).value();
}

api::Gvk GvkOf(const json::Value& value) {
  return {std::string(json::FindString(value, {"group"})),
          std::string(json::FindString(value, {"version"})),
          std::string(json::FindString(value, {"kind"}))};
}

// The mappings of the recorded cluster, and the schemas of what the definitions below use.
const Kinds& Cluster() {
  static const Kinds& cluster = [] -> const Kinds& {
    auto& kinds = *new Kinds;
    const api::Gvk used[] = {{"", "v1", "ConfigMap"},
                             {"", "v1", "Service"},
                             {"", "v1", "ServiceAccount"},
                             {"apps", "v1", "Deployment"},
                             {"networking.k8s.io", "v1", "Ingress"}};
    const json::Value documents = ReadRecord("fixtures/openapi.json");
    for (const auto& document : documents.at("cases").as_array()) {
      const auto set = std::make_shared<schema::SchemaSet>();
      const std::string_view path = json::FindString(document, {"path"});
      for (const api::Gvk& gvk : used) {
        if (path.substr(path.find('/') + 1) == gvk.ApiVersion()) (void)set->AddKind(document, gvk);
      }
      kinds.AddSchemas(set);
    }
    for (const auto& entry : ReadRecord("fixtures/kinds.json").at("cases").as_array()) {
      const api::Gvk gvk = GvkOf(entry);
      kinds.AddMapping(
          gvk, {{gvk.group, gvk.version, std::string(json::FindString(entry, {"resource"}))},
                entry.at("namespaced").as_bool()});
    }
    return kinds;
  }();
  return cluster;
}

api::RgdSpec Decode(const std::string& yaml) {
  return api::DecodeRgdSpec(json::ParseYamlDocument(yaml).value().value).value();
}

api::RgdSpec FiveResources() {
  return Decode(R"(
schema:
  apiVersion: v1alpha1
  kind: Web
  spec:
    name: string
    image: string | default=nginx
    replicas: integer | default=2
    host: string
    expose: boolean | default=false
    settings: "map[string]string"
  status:
    ready: ${deployment.status.readyReplicas}
    address: ${service.spec.clusterIP}
    rule: ${ingress.metadata.name}
resources:
- id: account
  template:
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: "${schema.spec.name}"}
- id: config
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.spec.name}-config"}
    data: "${schema.spec.settings}"
- id: deployment
  readyWhen: ["${deployment.status.readyReplicas == deployment.spec.replicas}"]
  template:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${schema.spec.name}", labels: {app: "${schema.spec.name}"}}
    spec:
      replicas: ${schema.spec.replicas}
      selector: {matchLabels: {app: "${schema.spec.name}"}}
      template:
        metadata: {labels: {app: "${schema.spec.name}"}}
        spec:
          serviceAccountName: ${account.metadata.name}
          containers:
          - name: web
            image: ${schema.spec.image}
            ports: [{containerPort: 80}]
            envFrom: [{configMapRef: {name: "${config.metadata.name}"}}]
- id: service
  template:
    apiVersion: v1
    kind: Service
    metadata: {name: "${schema.spec.name}"}
    spec:
      selector: "${deployment.spec.selector.matchLabels}"
      ports: [{port: 80, targetPort: 80}]
- id: ingress
  includeWhen: ["${schema.spec.expose}"]
  template:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: "${schema.spec.name}"}
    spec:
      rules:
      - host: ${schema.spec.host}
        http:
          paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: "${service.metadata.name}", port: {number: "${service.spec.ports[0].port}"}}}
)");
}

// Ten expressions each; all but the first resource read the one before.
api::RgdSpec ManyResources(std::int64_t count) {
  std::string yaml =
      "schema: {apiVersion: v1alpha1, kind: Many, spec: {name: string, count: integer, flag: "
      "boolean}}\n"
      "resources:\n";
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string before = i == 0 ? "schema.spec.name" : fmt::format("r{}.data.k0", i - 1);
    yaml += fmt::format(
        "- id: r{}\n  includeWhen: ['${{schema.spec.flag}}']\n  template:\n    apiVersion: v1\n"
        "    kind: ConfigMap\n    metadata: {{name: '${{schema.spec.name}}-{}'}}\n    data:\n",
        i, i);
    for (int k = 0; k < 8; ++k) {
      yaml += k % 2 == 0
                  ? fmt::format("      k{}: '${{{}}}'\n", k, before)
                  : fmt::format("      k{}: 'n-${{string(schema.spec.count + {})}}'\n", k, k);
    }
  }
  return Decode(yaml);
}

std::size_t HeapInUse() { return mallinfo2().uordblks; }

void Run(benchmark::State& state, const api::RgdSpec& spec) {
  const Kinds& kinds = Cluster();
  (void)Compile("bench", spec, kinds);
  for (auto _ : state) {
    auto graph = Compile("bench", spec, kinds);
    if (!graph) return state.SkipWithError(graph.error()[0].compatible.c_str());
    benchmark::DoNotOptimize(graph);
  }
  std::vector<std::shared_ptr<const Graph>> kept;
  const std::size_t before = HeapInUse();
  for (int i = 0; i < 8; ++i) kept.push_back(*Compile("bench", spec, kinds));
  state.counters["bytes_kept"] = static_cast<double>(HeapInUse() - before) / 8;
}

void CompileFive(benchmark::State& state) {
  Run(state, FiveResources());
  state.SetLabel("must be <= 1000 us, <= 65536 bytes_kept");
}
BENCHMARK(CompileFive)->Unit(benchmark::kMicrosecond);

void CompileMany(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  Run(state, ManyResources(count));
  state.SetComplexityN(count);
  state.counters["us_a_resource"] = benchmark::Counter(
      static_cast<double>(count) * 1e-6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetLabel(count == 100 ? "must be <= 20000 us" : "must be linear");
}
BENCHMARK(CompileMany)
    ->RangeMultiplier(10)
    ->Range(10, 1000)
    ->Unit(benchmark::kMicrosecond)
    ->Complexity(benchmark::oN);

// Schema text as controller-gen writes it: nested structs, lists of structs, maps, enums, and a
// sentence or two on each.
class CrdWriter {
 public:
  explicit CrdWriter(unsigned seed) : random_(seed) {}

  std::string Write(unsigned number, std::size_t bytes) {
    std::string spec = R"("image":{"type":"string"})";
    while (spec.size() < bytes) spec += fmt::format(",\"{}\":{}", Name(), Field(0));
    return fmt::format(
        R"({{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",)"
        R"("metadata":{{"name":"k{0}s.bench.example"}},"spec":{{"group":"bench.example",)"
        R"("names":{{"kind":"K{0}","plural":"k{0}s"}},"scope":"Namespaced","versions":[{{"name":"v1",)"
        R"("served":true,"storage":true,"schema":{{"openAPIV3Schema":{{"type":"object","properties":)"
        R"({{"spec":{{"type":"object","properties":{{{1}}}}},"status":{{"type":"object","properties":)"
        R"({{"phase":{{"type":"string"}}}}}}}}}}}}}}]}}}})",
        number, spec);
  }

 private:
  std::string Field(int depth) {
    const unsigned kind = random_() % 10;
    const std::string about = Description();
    if (depth < 5 && kind < 3) {
      return fmt::format(R"({{"description":"{}","type":"object","properties":{{{}}}}})", about,
                         Fields(depth));
    }
    if (depth < 5 && kind == 3) {
      return fmt::format(
          R"({{"description":"{}","type":"array","items":{{"type":"object","required":["name"],"properties":{{{}}}}}}})",
          about, Fields(depth));
    }
    switch (kind) {
      case 4:
        return fmt::format(R"({{"description":"{}","type":"integer","format":"int32"}})", about);
      case 5:
        return fmt::format(R"({{"description":"{}","type":"boolean"}})", about);
      case 6:
        return fmt::format(
            R"({{"description":"{}","type":"object","additionalProperties":{{"type":"string"}}}})",
            about);
      case 7:
        return fmt::format(R"({{"description":"{}","type":"string","enum":["Always","Never"]}})",
                           about);
      default:
        return fmt::format(R"({{"description":"{}","type":"string"}})", about);
    }
  }

  std::string Fields(int depth) {
    std::string fields = R"("name":{"type":"string"})";
    const unsigned count = 2 + random_() % 6;
    for (unsigned i = 0; i < count; ++i)
      fields += fmt::format(",\"{}\":{}", Name(), Field(depth + 1));
    return fields;
  }

  std::string Name() {
    static constexpr const char* kWords[] = {"max",    "pod",    "config", "secret",
                                             "policy", "source", "target", "timeout",
                                             "retry",  "name",   "ref",    "key"};
    return fmt::format("{}{}{}", kWords[random_() % 12], kWords[random_() % 12],
                       random_() % 10'000);
  }

  std::string Description() { return std::string(20 + random_() % 80, 'd'); }

  std::minstd_rand random_;
};

void Crds(benchmark::State& state) {
  for (auto _ : state) {
    Kinds kinds;
    std::vector<std::shared_ptr<const Graph>> graphs;
    std::size_t text = 0;
    const std::size_t before = HeapInUse();
    for (unsigned i = 0; i < 200; ++i) {
      const std::string crd =
          CrdWriter(i + 1).Write(i, 91'000);  // the last field ends about 100 KiB
      text += crd.size();
      const auto set = std::make_shared<schema::SchemaSet>();
      if (!set->AddCrd(json::Parse(crd).value())) return state.SkipWithError("no CRD");
      kinds.AddSchemas(set);
      const api::Gvk gvk{"bench.example", "v1", fmt::format("K{}", i)};
      kinds.AddMapping(gvk, {{gvk.group, gvk.version, fmt::format("k{}s", i)}, true});
    }
    const std::size_t with_schemas = HeapInUse();
    for (unsigned i = 0; i < 200; ++i) {
      const api::RgdSpec spec =
          Decode(fmt::format("schema: {{apiVersion: v1alpha1, kind: Use, spec: {{image: string}}, "
                             "status: {{phase: '${{k.status.phase}}'}}}}\n"
                             "resources:\n- id: k\n  template: {{apiVersion: bench.example/v1, "
                             "kind: K{}, metadata: {{name: a}},"
                             " spec: {{image: '${{schema.spec.image}}'}}}}\n",
                             i));
      const auto graph = Compile("bench", spec, kinds);
      if (!graph) return state.SkipWithError(graph.error()[0].compatible.c_str());
      graphs.push_back(*graph);
    }
    state.counters["text_bytes"] = static_cast<double>(text);
    state.counters["schema_bytes"] = static_cast<double>(with_schemas - before);
    state.counters["graph_bytes"] = static_cast<double>(HeapInUse() - with_schemas);
  }
  state.SetLabel("must be <= 15728640 schema_bytes of 20480000 text_bytes");
}
BENCHMARK(Crds)->Iterations(1)->Unit(benchmark::kMillisecond);

// Definitions of at most 1 MiB that mean harm, as a file with the place of everything in it: each must be
// accepted or refused within one second and 100 MiB. `text_bytes` is their size as JSON, `peak_mib` what the
// process had in memory at most while it compiled one, beyond what it had before.
struct Hostile {
  const char* name;
  std::string (*write)();  // the resources of a definition; `schema2`: sections of its schema
};

std::string Repeat(std::size_t count, std::string (*part)(std::size_t)) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part(i);
  return text;
}

const Hostile kHostile[] = {
    {"a_giant_enum",
     [] {
       return "resources: []\nschema2:\n  spec:\n    f: 'string | enum=\"v0" +
              Repeat(140'000, [](std::size_t i) { return fmt::format(",v{}", i); }) + "\"'\n";
     }},
    {"many_keys_of_one_list",
     [] {
       return "resources: []\nschema2:\n  spec:\n    f: '[]object | listType=map" +
              Repeat(55'000, [](std::size_t i) { return fmt::format(" listMapKey=k{}", i); }) +
              "'\n";
     }},
    {"a_cycle_of_all",
     [] {
       return "resources:\n" + Repeat(9'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "'x-${{r{}.metadata.name}}'}}}}}}\n",
                    i, (i + 1) % 9'000);
              });
     }},
    {"cycles_everywhere",
     [] {
       return "resources:\n" + Repeat(330, [](std::size_t i) {
                std::string text = fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "'x",
                    i);
                for (std::size_t k = 0; k < 330; k += i % 2 + 1)
                  text += fmt::format("${{r{}.kind}}", k);
                return text + "'}}}\n";
              });
     }},
    {"one_template_of_all",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: apps/v1\n    kind: Deployment\n   "
              " metadata: {name: a}\n"
              "    spec:\n      template:\n        spec:\n          containers:\n" +
              Repeat(4'500, [](std::size_t i) {
                return fmt::format(
                    "          - {{name: c{0}, image: 'i-${{schema.spec.n}}', env: [{{name: A, "
                    "value: '${{schema.spec.n}}'}}, {{name: B, value: '${{schema.spec.xs[0] + "
                    "\"{0}\"}}'}}]}}\n",
                    i);
              });
     }},
    {"structs_in_structs",
     [] {
       return "resources: []\nschema2:\n  spec:\n" + Repeat(300, [](std::size_t i) {
                std::string text = fmt::format("    f{}: ", i);
                for (int k = 0; k < 99; ++k) text += fmt::format("{{s{}: ", k);
                return text + "string | default=x" + std::string(99, '}') + "\n";
              });
     }},
    {"many_projections",
     [] {
       return "resources:\n- {id: d, template: {apiVersion: apps/v1, kind: Deployment, metadata: "
              "{name: d}}}\n"
              "schema2:\n  status:\n" +
              Repeat(19'000, [](std::size_t i) {
                return fmt::format("    s{}: '${{d.status.replicas}}'\n", i);
              });
     }},
    {"a_reader_of_all",
     [] {
       return "resources:\n" +
              Repeat(8'000,
                     [](std::size_t i) {
                       return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: a}}}}}}\n",
                           i);
                     }) +
              "- {id: all, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: '" +
              Repeat(8'000, [](std::size_t i) { return fmt::format("${{r{}.kind}}", i); }) +
              "'}}}\n";
     }},
    {"keys_that_yaml_takes_for_booleans",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: v1\n    kind: ConfigMap\n    "
              "metadata: {name: a}\n    data:\n" +
              Repeat(9'000,
                     [](std::size_t i) {
                       return fmt::format("      a{}: '${{schema.spec.y}}'\n", i);
                     }) +
              "schema2:\n  spec:\n" +
              Repeat(30'000, [](std::size_t i) { return fmt::format("    f{}: string\n", i); });
     }},
    {"names_of_one_letter_off",
     [] {
       return "resources:\n" + Repeat(6'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: resource{0}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                    "{{name: '${{resourc{0}}}'}}, dta: {{a: b}}}}}}\n",
                    i);
              });
     }},
    {"unknown_names",
     [] {
       return "resources:\n" + Repeat(12'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{0}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "'${{s{0}}}'}}}}}}\n",
                    i);
              });
     }},
    {"unknown_fields",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: apps/v1\n    kind: Deployment\n   "
              " metadata: {name: a}\n    spec:\n" +
              Repeat(50'000, [](std::size_t i) { return fmt::format("      replica{}: 1\n", i); });
     }},
    {"whole_pods",
     [] {
       return "resources:\n- {id: d, template: {apiVersion: apps/v1, kind: Deployment, metadata: "
              "{name: d}}}\n" +
              Repeat(8'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: apps/v1, kind: Deployment, metadata: "
                    "{{name: a}}, spec: {{template: '${{d.spec.template}}'}}}}}}\n",
                    i);
              });
     }},
    {"whole_status",
     [] {
       return "resources:\n- {id: d, template: {apiVersion: apps/v1, kind: Deployment, metadata: "
              "{name: d}}}\n"
              "schema2:\n  status:\n" +
              Repeat(50'000, [](std::size_t i) { return fmt::format("    s{}: '${{d}}'\n", i); });
     }},
    {"plain_status",
     [] {
       return "resources: []\nschema2:\n  status:\n" +
              Repeat(80'000, [](std::size_t i) { return fmt::format("    s{}: 1\n", i); });
     }},
    {"one_long_string",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'" +
              Repeat(200'000, [](std::size_t) { return std::string("${a}-"); }) + "'}}}\n";
     }},
    {"unterminated",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'" +
              std::string(500'000, '$') +
              Repeat(250'000, [](std::size_t) { return std::string("${"); }) + "'}}}\n";
     }},
    {"long_chain",
     [] {
       return "resources:\n" +
              Repeat(9'000,
                     [](std::size_t i) {
                       return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: 'x-${{r{}.metadata.name}}'}}}}}}\n",
                           i, i + 1);
                     }) +
              "- {id: r9000, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: r}}}\n";
     }},
    {"every_one_of_every_other",
     [] {
       return "resources:\n" + Repeat(330, [](std::size_t i) {
                std::string text = fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "'x",
                    i);
                for (std::size_t k = 0; k < i; ++k) text += fmt::format("${{r{}.kind}}", k);
                return text + "'}}}\n";
              });
     }},
    {"a_sum_of_60000",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'${schema.spec.n" +
              Repeat(60'000, [](std::size_t) { return std::string("+schema.spec.n"); }) + "}'}}}\n";
     }},
    {"parentheses",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'${" +
              std::string(90'000, '(') + "1" + std::string(9'000, ')') + "}'}}}\n";
     }},
    {"a_list_of_90000",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'${[1" +
              Repeat(45'000, [](std::size_t) { return std::string(",1"); }) +
              "].sum() + \"\"}'}}}\n";
     }},
    {"loops_in_loops",
     [] {
       return "resources:\n" + Repeat(700, [](std::size_t i) {
                std::string text = "schema.spec.xs";
                for (int k = 0; k < 12; ++k)
                  text =
                      fmt::format("{}.map(v{}, schema.spec.xs.filter(w, w == v{}))[0]", text, k, k);
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "'${{{}[0]}}'}}}}}}\n",
                    i, text);
              });
     }},
    {"types_of_types",
     [] {
       return "resources: []\nschema2:\n  spec: {f: T5000}\n  types:\n    T0: {a: string}\n" +
              Repeat(5'000, [](std::size_t i) {
                return fmt::format("    T{}: {{a: T{}, b: 'T{} | description=\"{}\"'}}\n", i + 1, i,
                                   i, i);
              });
     }},
    {"chain_of_types",
     [] {
       return "resources: []\nschema2:\n  spec: {f: T30000}\n  types:\n    T0: {a: string}\n" +
              Repeat(30'000,
                     [](std::size_t i) { return fmt::format("    T{}: '[]T{}'\n", i + 1, i); });
     }},
    {"fields_of_one_type",
     [] {
       return "resources: []\nschema2:\n  types:\n    T: {" +
              Repeat(5'000,
                     [](std::size_t i) { return fmt::format("a{}: 'string | default=x', ", i); }) +
              "}\n  spec:\n" +
              Repeat(40'000, [](std::size_t i) { return fmt::format("    f{}: T\n", i); });
     }},
    {"unknown_types",
     [] {
       return "resources: []\nschema2:\n  spec:\n" +
              Repeat(50'000, [](std::size_t i) { return fmt::format("    f{}: strin{}\n", i, i); });
     }},
    {"markers",
     [] {
       return "resources: []\nschema2:\n  spec:\n" + Repeat(9'000, [](std::size_t i) {
                return fmt::format(
                    "    f{}: 'string | pattern=\"(a{{1,50}}){{1,20}}{}\" enum=\"a,b\" "
                    "validation=\"self != 1\"'\n",
                    i, i);
              });
     }},
    {"many_conditions",
     [] {
       return "resources: []\nschema2:\n  status:\n    conditions:\n" +
              Repeat(9'000, [](std::size_t i) {
                return fmt::format(
                    "    - \"${{runtime.newCondition({{type: 'T{}', status: 'True', message: "
                    "schema.spec.n}})}}\"\n",
                    i);
              });
     }},
    {"many_collections",
     [] {
       return "resources:\n" + Repeat(6'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{0}, forEach: [{{x: '${{schema.spec.xs}}'}}], readyWhen: "
                    "['${{each.kind == \"a\"}}'], template: {{apiVersion: v1, kind: ConfigMap, "
                    "metadata: {{name: 'r{0}-${{x}}'}}}}}}\n",
                    i);
              });
     }},
    {"type_mismatches",
     [] {
       return "resources:\n" + Repeat(9'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: apps/v1, kind: Deployment, metadata: "
                    "{{name: a}}, spec: {{replicas: '${{schema.spec.n}}'}}}}}}\n",
                    i);
              });
     }},
    {"short_expressions",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: v1\n    kind: ConfigMap\n    "
              "metadata: {name: a}\n    data:\n" +
              Repeat(19'990, [](std::size_t i) {
                return fmt::format("      a{}: '${{schema.spec.n + \"{}\"}}'\n", i, i);
              });
     }},
    {"too_many_expressions",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: v1\n    kind: ConfigMap\n    "
              "metadata: {name: a}\n    data:\n" +
              Repeat(60'000,
                     [](std::size_t i) { return fmt::format("      a{}: \"${{''}}\"\n", i); });
     }},
    {"expressions_far_down",
     [] {
       std::string text =
           "resources:\n- {id: e, externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
           "a}}}\nschema2:\n  status: {";
       for (int i = 0; i < 500; ++i) text += "d: {";
       text += Repeat(19'000, [](std::size_t i) { return fmt::format("a{}: '${{e.kind}}', ", i); });
       return text + std::string(501, '}') + "\n";
     }},
    {"expressions_as_far_down_as_may_be",
     [] {
       std::string text =
           "resources:\n- {id: e, externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
           "a}}}\nschema2:\n  status: {";
       for (int i = 0; i < 24; ++i) text += "d: {";
       text += Repeat(19'000, [](std::size_t i) { return fmt::format("a{}: '${{e.kind}}', ", i); });
       return text + std::string(25, '}') + "\n";
     }},
    {"faults_below_a_long_name",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: apps/v1\n    kind: Deployment\n   "
              " metadata: {name: a, " +
              std::string(500'000, 'x') + ": {" +
              Repeat(20'000, [](std::size_t i) { return fmt::format("a{}: 1, ", i); }) + "}}\n";
     }},
    {"fields_below_a_long_name",
     [] {
       return "resources: []\nschema2:\n  spec:\n    " + std::string(500'000, 'x') + ": {" +
              Repeat(30'000, [](std::size_t i) { return fmt::format("a{}: x, ", i); }) + "}\n";
     }},
    {"an_id_of_half_a_mebibyte",
     [] {
       return "resources:\n- id: " + std::string(500'000, 'x') +
              "\n  template: {apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {" +
              Repeat(30'000, [](std::size_t i) { return fmt::format("a{}: 1, ", i); }) + "}}\n";
     }},
    {"faults_in_one_expression",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'${[1" +
              Repeat(6'000, [](std::size_t) { return std::string(", 1 + \"a\""); }) +
              "][0]}'}}}\n" + Repeat(12, [](std::size_t i) {
                return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: '${{[1",
                           i) +
                       Repeat(6'000, [](std::size_t) { return std::string(", 1 + \"a\""); }) +
                       "][0]}'}}}\n";
              });
     }},
    {"empty_resources",
     [] {
       return "resources:\n" +
              Repeat(9'999, [](std::size_t i) { return fmt::format("- {{id: a{}}}\n", i); });
     }},
    {"too_many_resources",
     [] {
       return "resources:\n" +
              Repeat(80'000, [](std::size_t i) { return fmt::format("- {{id: a{}}}\n", i); });
     }},
    {"empty_conditions",
     [] {
       return "resources:\n- id: a\n  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "a}}\n  readyWhen: [" +
              Repeat(240'000, [](std::size_t) { return std::string("x, "); }) + "]\n";
     }},
    {"a_list_of_numbers",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "a}, data: {k: [" +
              Repeat(400'000, [](std::size_t) { return std::string("1, "); }) +
              "]}}}\nschema2:\n  status: {x: [" +
              Repeat(100'000, [](std::size_t) { return std::string("1, "); }) + "]}\n";
     }},
    {"a_type_with_a_long_description",
     [] {
       return "resources: []\nschema2:\n  types: {T: 'string | description=\"" +
              std::string(500'000, 'x') + "\"'}\n  spec:\n" +
              Repeat(25'000, [](std::size_t i) { return fmt::format("    f{}: T\n", i); });
     }},
    {"as_many_fields_as_may_be",
     [] {
       return "resources: []\nschema2:\n  spec:\n" +
              Repeat(49'000, [](std::size_t i) { return fmt::format("    f{}: float\n", i); });
     }},
    {"deep_values",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "a}, data: " +
              std::string(900, '[') + std::string(900, ']') + "}}\n" +
              Repeat(900, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: "
                    "a}}, data: {}{}}}}}\n",
                    i, std::string(450, '['), std::string(450, ']'));
              });
     }},
    {"many_dimensions",
     [] {
       return "resources:\n- id: a\n  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "a}}\n  forEach:\n" +
              Repeat(30'000, [](std::size_t i) {
                return fmt::format("  - {{i{}: '${{schema.spec.xs}}'}}\n", i);
              });
     }},
    {"the_same_id",
     [] {
       return "resources:\n" + Repeat(9'999, [](std::size_t) {
                return std::string(
                    "- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
                    "a}}}\n");
              });
     }},
    {"misspelt_fields_in_one_expression",
     [] {
       return "resources:\n" +
              Repeat(7,
                     [](std::size_t i) {
                       return fmt::format(
                                  "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, "
                                  "metadata: {{name: '${{[1",
                                  i) +
                              Repeat(4'000,
                                     [](std::size_t k) {
                                       return fmt::format(", schema.spec.f{}a", k);
                                     }) +
                              "][0]}'}}}\n";
                     }) +
              "schema2:\n  spec:\n" +
              Repeat(30'000, [](std::size_t i) { return fmt::format("    f{}: string\n", i); });
     }},
    {"long_misspelt_names",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "'${schema.spec." +
              std::string(90'000, 'x') +
              "a}'}}}\nschema2:\n  spec: {f: " + std::string(300'000, 'y') + "a, " +
              std::string(90'000, 'x') + ": string}\n  types: {" + std::string(300'000, 'y') +
              ": string}\n";
     }},
    {"unknown_types_beside_many",
     [] {
       return "resources: []\nschema2:\n  types:\n" +
              Repeat(18'000, [](std::size_t i) { return fmt::format("    T{}: string\n", i); }) +
              "  spec:\n" +
              Repeat(18'000, [](std::size_t i) { return fmt::format("    f{}: X{}\n", i, i); });
     }},
    {"types_that_use_unknown_types",
     [] {
       return "resources: []\nschema2:\n  types:\n" +
              Repeat(40'000, [](std::size_t i) { return fmt::format("    T{}: X{}\n", i, i); });
     }},
    {"a_cycle_of_types",
     [] {
       return "resources: []\nschema2:\n  types:\n" + Repeat(40'000, [](std::size_t i) {
                return fmt::format("    T{}: T{}\n", i, (i + 1) % 40'000);
              });
     }},
    {"cycles_of_types_everywhere",
     [] {
       return "resources: []\nschema2:\n  types:\n" + Repeat(900, [](std::size_t i) {
                std::string text = fmt::format("    T{}: {{", i);
                for (std::size_t k = 0; k < 100; ++k)
                  text += fmt::format("a{}: T{}, ", k, (i + k * 7 + 1) % 900);
                return text + "}\n";
              });
     }},
    {"unknown_kinds",
     [] {
       return "resources:\n" + Repeat(9'999, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMa{}, metadata: {{name: "
                    "a}}}}}}\n",
                    i, i);
              });
     }},
    {"unknown_groups",
     [] {
       return "resources:\n" + Repeat(9'999, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, template: {{apiVersion: g{}.io/v1, kind: A, metadata: {{name: "
                    "a}}}}}}\n",
                    i, i);
              });
     }},
    {"a_kind_of_a_mebibyte",
     [] {
       return "resources:\n- {id: a, template: {apiVersion: v1, kind: " +
              std::string(500'000, 'x') + ", metadata: {name: a, " + std::string(500'000, 'y') +
              ": b}}}\n";
     }},
    {"long_patterns",
     [] {
       return "resources:\n" + Repeat(11, [](std::size_t i) {
                return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: \"${{schema.spec.n.matches('a",
                           i) +
                       Repeat(9'000, [](std::size_t k) { return fmt::format("|[a-z]{}", k); }) +
                       "') ? 'a' : 'b'}\"}}}\n";
              });
     }},
    {"patterns_that_repeat",
     [] {
       return "resources:\n- id: a\n  template:\n    apiVersion: v1\n    kind: ConfigMap\n    "
              "metadata: {name: a}\n    data:\n" +
              Repeat(10'000, [](std::size_t i) {
                return fmt::format(
                    "      a{}: "
                    "\"${{string(schema.spec.n.matches('((([a-z]{{1,9}}){{1,10}}){{1,10}}){}'))}}"
                    "\"\n",
                    i, i);
              });
     }},
    {"patterns_of_fields",
     [] {
       return "resources: []\nschema2:\n  spec:\n    f: 'string | pattern=\"a" +
              Repeat(120'000, [](std::size_t k) { return fmt::format("|{}", k); }) + "\"'\n";
     }},
    {"long_literals",
     [] {
       return "resources:\n" + Repeat(11, [](std::size_t i) {
                return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: \"${{'",
                           i) +
                       Repeat(22'000, [](std::size_t) { return std::string("\\\\n"); }) +
                       "'}\"}}}\n";
              });
     }},
    {"ternaries_in_ternaries",
     [] {
       return "resources:\n" + Repeat(60, [](std::size_t i) {
                return fmt::format(
                           "- {{id: r{}, template: {{apiVersion: v1, kind: ConfigMap, metadata: "
                           "{{name: \"${{",
                           i) +
                       Repeat(600,
                              [](std::size_t) {
                                return std::string("schema.spec.n == 'a' ? 'b' : ");
                              }) +
                       "'c'}\"}}}\n";
              });
     }},
    {"maps_of_maps",
     [] {
       return "resources:\n- {id: d, template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "d}}}\nschema2:\n  status:\n" +
              Repeat(1'500, [](std::size_t i) {
                std::string text = fmt::format("    s{}: \"${{", i);
                for (int k = 0; k < 40; ++k) text += "{'a': [";
                text += "d.kind";
                for (int k = 0; k < 40; ++k) text += "]}";
                return text + "}\"\n";
              });
     }},
    {"loops_over_all",
     [] {
       return "resources:\n" + Repeat(1'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, forEach: [{{x: '${{{}}}'}}], template: {{apiVersion: v1, kind: "
                    "ConfigMap, metadata: {{name: 'r-${{x.metadata.name}}'}}, "
                    "data: {{a: \"${{string(schema.spec.xs.all(a, schema.spec.xs.exists(b, b == a "
                    "&& schema.spec.xs.exists_one(c, c == b))))}}\"}}}}}}\n",
                    i, i == 0 ? std::string("[schema]") : fmt::format("r{}", i - 1));
              });
     }},
    {"columns",
     [] {
       return "resources: []\nschema2:\n  additionalPrinterColumns:\n" +
              Repeat(18'000, [](std::size_t i) {
                return fmt::format("  - {{name: c{}, type: string, jsonPath: .spec.n}}\n", i);
              });
     }},
    {"selectors",
     [] {
       return "resources:\n" + Repeat(5'000, [](std::size_t i) {
                return fmt::format(
                    "- {{id: r{}, externalRef: {{apiVersion: v1, kind: ConfigMap, metadata: "
                    "{{selector: {{matchLabels: {{a: '${{schema.spec.n}}', b: "
                    "'${{schema.spec.xs[0]}}'}}}}}}}}}}\n",
                    i);
              });
     }},
    {"descriptions",
     [] {
       return "resources: []\nschema2:\n  spec:\n" + Repeat(20'000, [](std::size_t i) {
                return fmt::format(
                    "    f{}: 'string | default=\"a b\" description=\"\\\"{}\\\"\"'\n", i, i);
              });
     }},
    {"defaults_that_nest",
     [] {
       return "resources: []\nschema2:\n  spec:\n" + Repeat(500, [](std::size_t i) {
                return fmt::format("    f{}: 'object | default={}{}'\n", i, std::string(900, '['),
                                   std::string(900, ']'));
              });
     }},
    {"types_of_great_width",
     [] {
       std::string text = "resources: []\nschema2:\n  spec: {f: T15}\n  types:\n    T0: string\n";
       for (int i = 1; i < 16; ++i) {
         text += fmt::format("    T{}: {{", i);
         for (int k = 0; k < 4'000; ++k) text += fmt::format("a{}: T{}, ", k, i - 1);
         text += "}\n";
       }
       return text;
     }},
};

std::size_t ResidentBytes(std::string_view what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what)) return 1024 * std::stoul(line.substr(what.size()));
  }
  return 0;
}

void CompileHostile(benchmark::State& state) {
  const Hostile& hostile = kHostile[static_cast<std::size_t>(state.range(0))];
  const json::Document document = json::ParseYamlDocument(hostile.write()).value();
  const api::RgdSpec decoded = [&] {
    json::Value spec = document.value;
    json::Object schema{
        {"apiVersion", "v1"}, {"kind", "App"}, {"spec", {{"n", "string"}, {"xs", "[]string"}}}};
    if (const auto* sections = json::Find(spec, "schema2")) {
      for (const auto& section : sections->as_object()) schema[section.key()] = section.value();
      spec.as_object().erase("schema2");
    }
    spec.as_object()["schema"] = std::move(schema);
    state.counters["text_bytes"] = static_cast<double>(json::Serialize(spec).size());
    return api::DecodeRgdSpec(spec).value();
  }();
  const Kinds& kinds = Cluster();
  CompileOptions options;
  options.source = "hostile.yaml";
  options.map = &document.map;
  std::size_t peak = 0;
  for (auto _ : state) {
    state.PauseTiming();
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak is counted anew
    const std::size_t before = ResidentBytes("VmRSS:");
    state.ResumeTiming();
    {
      const auto compiled = Compile("bench", decoded, kinds, options);
      benchmark::DoNotOptimize(compiled);
      state.PauseTiming();
      peak = std::max(peak, ResidentBytes("VmHWM:") - before);
      state.counters["accepted"] = compiled ? 1 : 0;
      state.counters["faults"] = compiled ? 0 : static_cast<double>(compiled.error().size());
    }
    state.ResumeTiming();
  }
  state.counters["peak_mib"] = static_cast<double>(peak) / (1 << 20);
  state.SetLabel(fmt::format("{}: must be <= 1000 ms, <= 100 peak_mib", hostile.name));
}
BENCHMARK(CompileHostile)
    ->DenseRange(0, std::ssize(kHostile) - 1)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Texts of at most 1 MiB that are hard to read as YAML.
const Hostile kHostileTexts[] = {
    {"aliases_of_aliases",
     [] {
       std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
       for (int i = 1; i < 30; ++i) {
         text += fmt::format("a{0}: &a{0} [", i);
         for (int k = 0; k < 10; ++k) text += fmt::format("*a{}, ", i - 1);
         text += "]\n";
       }
       return text;
     }},
    {"aliases_of_a_large_value",
     [] {
       return "a: &a {" + Repeat(20'000, [](std::size_t i) { return fmt::format("k{}: v, ", i); }) +
              "}\nb:\n" + Repeat(100'000, [](std::size_t) { return std::string("- *a\n"); });
     }},
    {"merges_of_merges",
     [] {
       std::string text = "a0: &a0 {x: 1}\n";
       for (int i = 1; i < 20'000; ++i)
         text += fmt::format("a{0}: &a{0} {{<<: *a{1}, k{0}: 1}}\n", i, i - 1);
       return text;
     }},
    {"brackets", [] { return std::string(1'000'000, '['); }},
    {"keys_of_keys",
     [] { return Repeat(300'000, [](std::size_t) { return std::string("? - "); }) + "\n"; }},
    {"documents",
     [] { return Repeat(200'000, [](std::size_t) { return std::string("---\na\n"); }); }},
    {"keys_of_one_map",
     [] { return Repeat(90'000, [](std::size_t i) { return fmt::format("k{}: {}\n", i, i); }); }},
    {"the_same_key",
     [] { return Repeat(170'000, [](std::size_t) { return std::string("a: 1\n"); }); }},
    {"one_block",
     [] { return "a: |\n" + Repeat(250'000, [](std::size_t) { return std::string("  x\n"); }); }},
    {"escapes",
     [] {
       return "a: \"" + Repeat(160'000, [](std::size_t) { return std::string("\\u00e9"); }) +
              "\"\n";
     }},
    {"a_folded_quote",
     [] {
       return "a: '" + Repeat(250'000, [](std::size_t) { return std::string("x\n  "); }) + "'\n";
     }},
    {"indentation",
     [] { return Repeat(990, [](std::size_t i) { return std::string(i, ' ') + "a:\n"; }); }},
    {"items_of_one_list",
     [] { return "a:\n" + Repeat(250'000, [](std::size_t) { return std::string("- 1\n"); }); }},
    {"comments",
     [] { return Repeat(500'000, [](std::size_t) { return std::string("#\n"); }) + "a: 1\n"; }},
    {"anchors",
     [] {
       return "a:\n" + Repeat(80'000, [](std::size_t i) { return fmt::format("- &a{} x\n", i); });
     }},
    {"zero_bytes", [] { return std::string(1'000'000, '\0'); }},
};

void ReadHostile(benchmark::State& state) {
  const Hostile& hostile = kHostileTexts[static_cast<std::size_t>(state.range(0))];
  const std::string text = hostile.write();
  state.counters["text_bytes"] = static_cast<double>(text.size());
  std::size_t peak = 0;
  for (auto _ : state) {
    state.PauseTiming();
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";
    const std::size_t before = ResidentBytes("VmRSS:");
    state.ResumeTiming();
    {
      const auto documents = json::ParseYaml(text);
      benchmark::DoNotOptimize(documents);
      state.PauseTiming();
      peak = std::max(peak, ResidentBytes("VmHWM:") - before);
      state.counters["accepted"] = documents ? 1 : 0;
    }
    state.ResumeTiming();
  }
  state.counters["peak_mib"] = static_cast<double>(peak) / (1 << 20);
  state.SetLabel(fmt::format("{}: must be <= 1000 ms, <= 100 peak_mib", hostile.name));
}
BENCHMARK(ReadHostile)
    ->DenseRange(0, std::ssize(kHostileTexts) - 1)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kro::graph
