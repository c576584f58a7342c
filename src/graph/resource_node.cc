#include "graph/resource_node.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/go_quote.h"
#include "graph/internal/report.h"
#include "graph/resource_shape.h"

namespace kro::graph {
namespace {

// Reads one resource; faults are collected until nothing more can be said.
class Reader {
 public:
  Reader(const api::Resource& resource, const Kinds& kinds, api::Scope instance_scope,
         int& hints_left)
      : resource_(resource),
        kinds_(kinds),
        instance_scope_(instance_scope),
        hints_left_(hints_left) {}

  void Read(ResourceNode& node);
  Diagnostics& faults() { return faults_; }

 private:
  bool FindKind(ResourceNode& node);
  void FindFields(ResourceNode& node);
  void FindConditions(std::string_view member, const std::vector<std::string>& texts,
                      std::vector<TemplateString>& conditions);
  void FindIterators(ResourceNode& node);
  std::optional<TemplateString> Standalone(std::string_view text, const json::FieldPath& path,
                                           std::string_view prefix);

  const api::Resource& resource_;
  const Kinds& kinds_;
  api::Scope instance_scope_;
  int& hints_left_;
  Diagnostics faults_;
};

NodeType TypeOf(const api::Resource& resource);
bool IsCrd(const api::Gvk& gvk);
void RefuseOutsideMetadata(const Walked& walked, std::string_view id, Diagnostics& faults);
std::string PrefixOf(const api::Resource& resource);

}  // namespace

std::string_view ToString(NodeType type) {
  switch (type) {
    case NodeType::kResource:
      return "Resource";
    case NodeType::kCollection:
      return "Collection";
    case NodeType::kExternal:
      return "External";
    case NodeType::kExternalCollection:
      return "ExternalCollection";
  }
  return "";
}

json::FieldPath SourcePath(const ResourceNode& node) {
  const bool external =
      node.type == NodeType::kExternal || node.type == NodeType::kExternalCollection;
  return ResourcePath(node.index).Child(external ? "externalRef" : "template");
}

Resources ReadResources(const api::RgdSpec& spec, const Kinds& kinds) {
  const api::Scope scope = spec.schema ? spec.schema->scope : api::Scope::kNamespaced;
  Resources read;
  std::vector<bool> usable;
  for (std::size_t i = 0; i < spec.resources.size(); ++i) {
    Diagnostics found = CheckFields(spec.resources[i]);
    usable.push_back(found.empty());
    Append(read.faults, Enclose(std::move(found), ResourcePath(i), PrefixOf(spec.resources[i])));
  }
  read.nodes.reserve(spec.resources.size());
  int hints_left = kMaxHints;
  for (std::size_t i = 0; i < spec.resources.size(); ++i) {
    ResourceNode& node = read.nodes.emplace_back();
    node.id = spec.resources[i].id;
    node.index = i;
    node.faulty = !usable[i];
    if (node.faulty) continue;
    Reader reader(spec.resources[i], kinds, scope, hints_left);
    reader.Read(node);
    node.faulty = !reader.faults().empty();
    Append(read.faults,
           Enclose(std::move(reader.faults()), ResourcePath(i), PrefixOf(spec.resources[i])));
  }
  return read;
}

namespace {

void Reader::Read(ResourceNode& node) {
  node.type = TypeOf(resource_);
  node.object = ObjectOf(resource_);
  if (FindKind(node)) {
    Append(faults_, CheckMetadata(resource_, node.object, node.mapping, instance_scope_));
  }
  FindFields(node);
  FindConditions("readyWhen", resource_.ready_when, node.ready_when);
  FindConditions("includeWhen", resource_.include_when, node.include_when);
  FindIterators(node);
}

bool Reader::FindKind(ResourceNode& node) {
  auto gvk = IdentifyObject(resource_, node.object);
  if (!gvk) {
    Append(faults_, std::move(gvk.error()));
    return false;
  }
  node.gvk = *gvk;
  const auto unknown = [&](const Error& error, std::string_view wrapper) {
    Diagnostic fault = Problem("KRO601", json::FieldPath().Child(SourceOf(resource_)).Child("kind"),
                               error.message());
    fault.compatible.insert(0, fmt::format("failed to get {} for resource {}: ", wrapper, node.id));
    fault.message = fmt::format("no kind '{}' in '{}'", gvk->kind, gvk->ApiVersion());
    if (hints_left_-- > 0) fault.hint = kinds_.Suggest(*gvk);
    faults_.push_back(std::move(fault));
    return false;
  };
  auto schema = kinds_.SchemaOf(*gvk);
  if (!schema) return unknown(schema.error(), "schema");
  auto mapping = kinds_.MappingOf(*gvk);
  if (!mapping) return unknown(mapping.error(), "REST mapping");
  node.schema = std::move(*schema);
  node.mapping = std::move(*mapping);
  return true;
}

void Reader::FindFields(ResourceNode& node) {
  const bool crd = resource_.manifest && IsCrd(node.gvk);
  const bool untyped = crd || resource_.external_ref || node.schema == nullptr;
  const std::string_view wrapper =
      resource_.external_ref ? "failed to parse external ref resource"
      : crd                  ? "failed to parse schemaless resource"
                             : "failed to extract CEL expressions from schema for resource";
  const json::FieldPath root = json::FieldPath().Child(SourceOf(resource_));
  auto walked = untyped ? WalkUntyped(node.object) : WalkTyped(node.object, *node.schema);
  Append(faults_,
         Enclose(std::move(walked.faults), root, fmt::format("{} {}: ", wrapper, node.id)));
  if (crd) {
    Diagnostics outside;
    RefuseOutsideMetadata(walked, node.id, outside);
    Append(faults_, Enclose(std::move(outside), root, ""));
  }
  node.fields = std::move(walked.fields);
}

void Reader::FindConditions(std::string_view member, const std::vector<std::string>& texts,
                            std::vector<TemplateString>& conditions) {
  const json::FieldPath path = json::FieldPath().Child(member);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto expression = Standalone(texts[i], path.Child(i),
                                 fmt::format("failed to parse {} expressions: ", member));
    conditions.push_back(expression ? std::move(*expression) : TemplateString());
  }
}

void Reader::FindIterators(ResourceNode& node) {
  const json::FieldPath path = json::FieldPath().Child("forEach");
  for (std::size_t i = 0; i < resource_.for_each.size(); ++i) {
    const api::ForEach& dimension = resource_.for_each[i];
    auto list = Standalone(
        dimension.expression, path.Child(i).Child(dimension.name),
        fmt::format(
            "failed to parse forEach dimensions: invalid forEach expression for dimension {}: ",
            GoQuote(dimension.name)));
    node.iterators.push_back({dimension.name, list ? std::move(*list) : TemplateString()});
  }
}

// The only expression of `text`; nothing, with a fault noted, if there is anything else.
std::optional<TemplateString> Reader::Standalone(std::string_view text, const json::FieldPath& path,
                                                 std::string_view prefix) {
  auto scanned = ScanTemplate(text);
  if (scanned && scanned->standalone()) return std::move(*scanned);
  Diagnostic fault =
      Problem("KRO401", path,
              scanned ? "only standalone expressions are allowed" : scanned.error().message());
  fault.compatible.insert(0, prefix);
  if (scanned && !scanned->has_expressions()) {
    fault.hint = fmt::format("write '${{{}}}'", text);
  } else if (scanned) {
    fault.hint = "nothing may stand before or after ${…}, not even a line break";
  }
  faults_.push_back(std::move(fault));
  return std::nullopt;
}

NodeType TypeOf(const api::Resource& resource) {
  if (!resource.external_ref) {
    return resource.for_each.empty() ? NodeType::kResource : NodeType::kCollection;
  }
  return resource.external_ref->selector ? NodeType::kExternalCollection : NodeType::kExternal;
}

bool IsCrd(const api::Gvk& gvk) {
  return gvk == api::Gvk{"apiextensions.k8s.io", "v1", "CustomResourceDefinition"};
}

// The API server's own schema of a CRD has no place for expressions outside metadata.
void RefuseOutsideMetadata(const Walked& walked, std::string_view id, Diagnostics& faults) {
  for (const FieldExpression& field : walked.fields) {
    const std::string path = field.path.ToString();
    if (path.starts_with("metadata.")) continue;
    Diagnostic fault = Problem(
        "KRO604", field.path,
        fmt::format("CEL expressions in CRDs are only supported for metadata fields, found in path "
                    "{}, resource {}",
                    GoQuote(path), id));
    fault.message = "CEL expressions in CRDs are only supported for metadata fields";
    faults.push_back(std::move(fault));
  }
}

std::string PrefixOf(const api::Resource& resource) {
  return fmt::format("failed to build resource {}: ", GoQuote(resource.id));
}

}  // namespace
}  // namespace kro::graph
