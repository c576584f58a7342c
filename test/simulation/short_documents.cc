#include "short_documents.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "json/value.h"

namespace kro::simulation {
namespace {

constexpr std::string_view kKinds[] = {"ConfigMap", "Secret",         "Service",
                                       "Namespace", "ServiceAccount", "Deployment"};
constexpr std::string_view kReference = "#/components/schemas/";

std::string Shorten(const std::string& document);
void CollectReferences(const json::Value& value, std::vector<std::string>& names, int depth = 0);

}  // namespace

async::Task<Result<http::Response>> ShortDocuments::Send(http::Request request,
                                                         async::CancelToken cancel) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool is_short = path == "/openapi/v3/api/v1" || path == "/openapi/v3/apis/apps/v1";
  if (!is_short || request.headers.Find("If-None-Match") != nullptr) {
    co_return co_await inner_.Send(std::move(request), std::move(cancel));
  }
  if (const auto known = cache_.find(path); known != cache_.end()) co_return known->second;
  auto response = co_await inner_.Send(std::move(request), std::move(cancel));
  if (!response || response->status != 200) co_return response;
  response->body = Shorten(response->body);
  cache_.emplace(path, *response);
  co_return response;
}

namespace {

std::string Shorten(const std::string& text) {
  auto document = json::Parse(text);
  if (!document) return text;
  json::Value* components = json::Find(*document, "components");
  json::Value* schemas = components == nullptr ? nullptr : json::Find(*components, "schemas");
  if (schemas == nullptr || !schemas->is_object()) return text;
  std::set<std::string> kept;
  std::vector<std::string> open;
  for (const auto& [name, schema] : schemas->get_object()) {
    const std::string_view kind =
        std::string_view(name).substr(std::string_view(name).rfind('.') + 1);
    if (std::ranges::find(kKinds, kind) != std::end(kKinds)) open.emplace_back(name);
  }
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!kept.insert(name).second) continue;
    if (const json::Value* schema = json::Find(*schemas, name)) CollectReferences(*schema, open);
  }
  json::Object some;
  for (const std::string& name : kept) {
    if (const json::Value* schema = json::Find(*schemas, name)) some[name] = *schema;
  }
  *schemas = std::move(some);
  document->get_object()["paths"] = json::Object();
  return json::Serialize(*document);
}

void CollectReferences(const json::Value& value, std::vector<std::string>& names, int depth) {
  if (depth > json::kMaxDepth) return;
  if (value.is_array()) {
    for (const json::Value& element : value.get_array()) {
      CollectReferences(element, names, depth + 1);
    }
  }
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "$ref" && member.is_string()) {
      const std::string_view reference(member.get_string());
      if (reference.starts_with(kReference))
        names.emplace_back(reference.substr(kReference.size()));
    } else {
      CollectReferences(member, names, depth + 1);
    }
  }
}

}  // namespace
}  // namespace kro::simulation
