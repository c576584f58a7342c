#include "graph/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/go_quote.h"
#include "cel/environment.h"
#include "graph/internal/advice.h"
#include "graph/internal/confidential.h"
#include "graph/internal/instance_programs.h"
#include "graph/internal/limits.h"
#include "graph/internal/node_programs.h"
#include "graph/internal/program_builder.h"
#include "graph/internal/report.h"
#include "graph/resource_shape.h"
#include "schema/cel_schema.h"
#include "schema/crd_synthesis.h"
#include "schema/objectmeta.h"
#include "schema/simpleschema.h"

namespace kro::graph {
namespace {

// What a graph points at.
struct Parts {
  std::vector<KindSchema> kinds;
  schema::SchemaSet instance;
  schema::CelTypes types;
  schema::CelReadings readings;
};

class Compiler {
 public:
  Compiler(std::string_view name, const api::RgdSpec& spec, const Kinds& kinds,
           const CompileOptions& options)
      : name_(name), spec_(spec), kinds_(kinds), options_(options) {}

  std::expected<std::shared_ptr<const Graph>, Diagnostics> Run();

 private:
  std::unexpected<Diagnostics> Refuse();
  void BuildInstanceSchema();
  void BuildPrograms();
  void BuildNodes();
  void BuildInstance(InstancePrograms programs, const ProgramBuilder& builder);
  void AttachReadings(const ProgramBuilder& builder);
  void Locate(Diagnostic& fault) const;
  api::Scope scope() const { return spec_.schema ? spec_.schema->scope : api::Scope::kNamespaced; }

  std::string_view name_;
  const api::RgdSpec& spec_;
  const Kinds& kinds_;
  const CompileOptions& options_;
  std::shared_ptr<Parts> parts_ = std::make_shared<Parts>();
  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>();
  json::Value spec_schema_;                   // of the instance's spec
  const schema::Schema* instance_ = nullptr;  // of the variable `schema`; nullptr: not known
  std::vector<ResourceNode> resources_;
  Dependencies dependencies_{{}, Dag({}), {}};
  Diagnostics faults_;
};

const cel::Environment& KroEnvironment();
json::Value InstanceSchema(const json::Value& spec, api::Scope scope);
std::vector<json::FieldPath> WithoutMetadata(std::vector<json::FieldPath> paths);

}  // namespace

std::vector<api::Gvk> KindsIn(const api::RgdSpec& spec) {
  std::vector<api::Gvk> kinds;
  std::set<api::Gvk> known;
  for (const api::Resource& resource : spec.resources) {
    if (!CheckFields(resource).empty()) continue;
    auto gvk = IdentifyObject(resource, ObjectOf(resource));
    if (gvk && known.insert(*gvk).second) kinds.push_back(std::move(*gvk));
  }
  return kinds;
}

std::expected<std::shared_ptr<const Graph>, Diagnostics> Compile(std::string_view name,
                                                                 const api::RgdSpec& spec,
                                                                 const Kinds& kinds,
                                                                 const CompileOptions& options) {
  return Compiler(name, spec, kinds, options).Run();
}

namespace {

std::expected<std::shared_ptr<const Graph>, Diagnostics> Compiler::Run() {
  if (auto fault = CheckLimits(spec_)) {
    faults_.push_back(*std::move(fault));
    return Refuse();
  }
  faults_ = CheckNames(spec_, options_.max_dimensions);
  const bool too_many = std::ranges::any_of(spec_.resources, [&](const api::Resource& resource) {
    return resource.for_each.size() > options_.max_dimensions;
  });
  if (too_many) return Refuse();
  BuildInstanceSchema();

  Resources resources = ReadResources(spec_, kinds_);
  resources_ = std::move(resources.nodes);
  Append(faults_, std::move(resources.faults));

  dependencies_ = InferDependencies(resources_, KroEnvironment(), options_.omit);
  Append(faults_, std::move(dependencies_.faults));
  Append(faults_, CheckOmit(resources_, dependencies_, scope()));

  BuildNodes();
  BuildPrograms();
  if (!faults_.empty()) return Refuse();
  graph_->owner = std::move(parts_);
  return std::move(graph_);
}

std::unexpected<Diagnostics> Compiler::Refuse() {
  Advisor advisor(spec_);
  for (Diagnostic& fault : faults_) {
    Locate(fault);
    advisor.Advise(fault);
  }
  return std::unexpected(std::move(faults_));
}

void Compiler::BuildInstanceSchema() {
  if (!spec_.schema) return;
  const auto section = [](const std::optional<json::Value>& value) {
    return value ? &*value : nullptr;
  };
  auto built =
      schema::BuildFaultySpecSchema(section(spec_.schema->spec), section(spec_.schema->types),
                                    {.name = std::string(options_.source), .map = options_.map});
  Append(faults_,
         Enclose(std::move(built.faults), {},
                 fmt::format("failed to build resourcegraphdefinition {}: failed to build OpenAPI "
                             "schema for instance: ",
                             GoQuote(name_))));
  if (built.schema.is_null()) return;
  spec_schema_ = std::move(built.schema);
  instance_ = parts_->instance.Add(InstanceSchema(spec_schema_, scope()));
}

// What does not depend on programs.
void Compiler::BuildNodes() {
  graph_->name = name_;
  graph_->nodes.resize(resources_.size());
  const std::vector<int> apply_orders =
      faults_.empty() ? dependencies_.dag.ApplyOrders() : std::vector<int>(resources_.size(), 1);
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    const ResourceNode& resource = resources_[i];
    Node& node = graph_->nodes[i];
    node.id = resource.id;
    node.type = resource.type;
    node.gvk = resource.gvk;
    node.mapping = resource.mapping;
    node.object = resource.object;
    const auto dependencies = dependencies_.dag.DependenciesOf(i);
    node.dependencies.assign(dependencies.begin(), dependencies.end());
    node.apply_order = apply_orders[i];
  }
  if (auto order = dependencies_.dag.TopologicalOrder()) graph_->order = std::move(*order);
}

void Compiler::BuildPrograms() {
  ProgramBuilder builder(resources_, instance_, KroEnvironment(), parts_->types);
  Append(faults_, BuildNodePrograms(resources_, dependencies_, builder, graph_->nodes));
  if (!spec_.schema) return;
  InstancePrograms programs = BuildInstancePrograms(*spec_.schema, builder);
  Append(faults_, std::move(programs.faults));
  if (!faults_.empty()) return;
  BuildInstance(std::move(programs), builder);
  AttachReadings(builder);
  MarkConfidential(*graph_);
}

void Compiler::BuildInstance(InstancePrograms programs, const ProgramBuilder& builder) {
  Graph& graph = *graph_;
  graph.gvk = schema::InstanceGvk(*spec_.schema);
  graph.gvr = schema::InstanceGvr(*spec_.schema);
  graph.namespaced = scope() == api::Scope::kNamespaced;
  graph.crd = schema::SynthesizeCrd(
      *spec_.schema, spec_schema_,
      schema::StatusSchema(programs.status_schema.is_null() ? nullptr : &programs.status_schema));
  graph.status = std::move(programs.status);
  graph.conditions = std::move(programs.conditions);
  std::vector<bool> noted(graph.nodes.size());
  const auto note = [&](const Expression& expression) {
    for (const std::string& name : expression.references) {
      if (!builder.IsNode(name)) continue;  // schema, runtime
      const std::size_t index = builder.NodeOf(name);
      if (!noted[index]) graph.status_dependencies.push_back(index);
      noted[index] = true;
    }
  };
  for (const Field& field : graph.status) note(field.expression);
  for (const Expression& condition : graph.conditions) note(condition);
}

void Compiler::AttachReadings(const ProgramBuilder& builder) {
  schema::CelReadings& readings = parts_->readings;
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    Node& node = graph_->nodes[i];
    const std::vector<json::FieldPath> reads = builder.ReadsOf(i);
    node.reading = readings.Of(*resources_[i].schema, reads);
    node.list_reading = readings.ListOf(node.reading);
    node.reads = WithoutMetadata(reads);
    parts_->kinds.push_back(resources_[i].schema);
  }
  graph_->schema_reading = readings.Of(*instance_, builder.ReadsOf(resources_.size()));
}

// Adds to the places in a diagnostic where they stand in the file.
void Compiler::Locate(Diagnostic& fault) const {
  const auto locate = [&](Location& where) {
    if (where.source.empty()) where.source = options_.source;
    if (options_.map == nullptr || where.position != Position{}) return;
    const auto path = json::FieldPath::Parse(where.path);
    if (!path || path->empty()) return;
    if (!where.span) {
      where.position = options_.map->Of(*path);
      return;
    }
    // The span counts from behind a "${" of the string there.
    std::size_t offset = where.span->begin;
    const json::FieldPath below({path->segments().begin() + 1, path->segments().end()});
    const json::Value* written = json::Get(spec_.raw, below);
    if (written != nullptr && written->is_string()) {
      const std::size_t found =
          std::string_view(written->get_string()).find("${" + where.expression + "}");
      if (found != std::string_view::npos) offset += found + 2;
    }
    where.position = options_.map->Within(*path, offset);
  };
  locate(fault.where);
  for (Related& related : fault.related) locate(related.where);
}

const cel::Environment& KroEnvironment() {
  static const cel::Environment& environment = *new cel::Environment(cel::Environment::Kro());
  return environment;
}

// What expressions see of the instance: no status (section 7.4).
json::Value InstanceSchema(const json::Value& spec, api::Scope scope) {
  const json::Value text = json::Object{{"type", "string"}};
  json::Object properties{{"apiVersion", text}, {"kind", text}};
  properties["metadata"] = scope == api::Scope::kCluster ? schema::ClusterObjectMetaSchema()
                                                         : schema::ObjectMetaSchema();
  properties["spec"] = spec;
  return json::Object{{"type", "object"}, {"properties", std::move(properties)}};
}

std::vector<json::FieldPath> WithoutMetadata(std::vector<json::FieldPath> paths) {
  std::erase_if(paths, [](const json::FieldPath& path) {
    return !path.empty() && path.segments()[0] == json::PathSegment(std::string("metadata"));
  });
  return paths;
}

}  // namespace
}  // namespace kro::graph
