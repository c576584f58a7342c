#include "graph/kinds.h"

#include <utility>

#include "base/diagnostic.h"
#include "base/go_quote.h"
#include "graph/internal/report.h"

namespace kro::graph {

void Kinds::AddGroupVersion(std::string_view api_version) { api_versions_.emplace(api_version); }

void Kinds::AddSchemas(const std::shared_ptr<const schema::SchemaSet>& set) {
  for (const auto& [gvk, schema] : set->kinds()) AddSchema(gvk, KindSchema(set, schema));
}

void Kinds::AddSchema(const api::Gvk& gvk, KindSchema schema) {
  api_versions_.insert(gvk.ApiVersion());
  schemas_.insert_or_assign(gvk, std::move(schema));
}

void Kinds::AddMapping(const api::Gvk& gvk, Mapping mapping) {
  mappings_.insert_or_assign(gvk, std::move(mapping));
}

Result<KindSchema> Kinds::SchemaOf(const api::Gvk& gvk) const {
  const auto found = schemas_.find(gvk);
  if (found != schemas_.end()) return found->second;
  if (!api_versions_.contains(gvk.ApiVersion())) {
    return Fail(ErrorCode::kNotFound, "cannot resolve group version {}: schema not found",
                GoQuote(gvk.ApiVersion()));
  }
  return Fail(ErrorCode::kNotFound, "cannot resolve group version kind {}: schema not found",
              GoQuote(gvk.ToString()));
}

Result<Mapping> Kinds::MappingOf(const api::Gvk& gvk) const {
  if (const auto found = mappings_.find(gvk); found != mappings_.end()) return found->second;
  if (gvk.kind.ends_with("List")) {
    const api::Gvk item{gvk.group, gvk.version, gvk.kind.substr(0, gvk.kind.size() - 4)};
    if (const auto found = mappings_.find(item); found != mappings_.end()) return found->second;
  }
  return Fail(ErrorCode::kNotFound, "no matches for kind {} in version {}", GoQuote(gvk.kind),
              GoQuote(gvk.ApiVersion()));
}

std::string Kinds::Suggest(const api::Gvk& gvk) const {
  std::vector<std::string> kinds;
  for (const auto& [known, mapping] : mappings_) {
    if (known.kind == gvk.kind) {
      return "did you mean '" + known.ApiVersion() + "' of kind '" + known.kind + "'?";
    }
    if (known.group == gvk.group && known.version == gvk.version) kinds.push_back(known.kind);
  }
  if (!kinds.empty()) return Suggestion(gvk.kind, kinds);
  return Suggestion(gvk.ApiVersion(), {api_versions_.begin(), api_versions_.end()});
}

}  // namespace kro::graph
