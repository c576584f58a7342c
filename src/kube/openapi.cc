#include "kube/openapi.h"

#include "kube/paths.h"

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

http::Request Ask(std::string target);
std::string PathKey(const GroupVersion& group_version);
std::string HashIn(std::string_view url);

}  // namespace

Task<Reply<OpenApi::Document>> OpenApi::Read(GroupVersion group_version, CancelToken cancel) {
  std::string key = PathKey(group_version);
  if (auto index = co_await RefreshIndex(cancel); !index) {
    // What was read before is better than nothing while the server is away.
    auto old = documents_.find(key);
    if (old != documents_.end() && index.error().code() == ErrorCode::kUnavailable) {
      co_return old->second.document;
    }
    co_return std::unexpected(index.error());
  }
  auto url = urls_.find(key);
  if (url == urls_.end()) {
    documents_.erase(key);
    co_return Document();
  }
  std::string hash = HashIn(url->second);
  if (auto cached = documents_.find(key);
      cached != documents_.end() && !hash.empty() && cached->second.hash == hash) {
    co_return cached->second.document;
  }
  auto response = co_await client_.Send(Ask(url->second), {"GET", {}, {}, {}}, cancel);
  if (!response && IsNotFound(response.error())) co_return Document();
  if (!response) co_return AnnotateReply(response.error(), "OpenAPI of {}", group_version);
  if (response->body.empty()) co_return Document();
  auto parsed = json::Parse(response->body);
  if (!parsed) {
    co_return AnnotateReply(ApiError(Error(ErrorCode::kUnavailable, parsed.error().message())),
                            "OpenAPI of {}", group_version);
  }
  Document document = std::make_shared<const json::Value>(std::move(*parsed));
  documents_.insert_or_assign(key, Entry{std::move(hash), document});
  co_return document;
}

std::string OpenApi::HashOf(const GroupVersion& group_version) const {
  auto entry = documents_.find(PathKey(group_version));
  return entry == documents_.end() ? "" : entry->second.hash;
}

Task<Reply<void>> OpenApi::RefreshIndex(CancelToken cancel) {
  MonotonicTime now = client_.executor().clock().Monotonic();
  if (index_read_ && now - *index_read_ < kSpacing) co_return Reply<void>{};
  http::Request request = Ask("/openapi/v3");
  if (!index_etag_.empty()) request.headers.Set("If-None-Match", index_etag_);
  auto response = co_await client_.Send(std::move(request), {"GET", {}, {}, {}}, cancel);
  if (!response) co_return AnnotateReply(response.error(), "OpenAPI index");
  index_read_ = now;
  if (response->status == 304) co_return Reply<void>{};
  auto index = json::Parse(response->body);
  const json::Value* paths = index ? json::Find(*index, "paths") : nullptr;
  if (paths == nullptr || !paths->is_object()) {
    co_return std::unexpected(
        ApiError(Error(ErrorCode::kUnavailable, "OpenAPI index: unreadable answer")));
  }
  const std::string* etag = response->headers.Find("ETag");
  index_etag_ = etag == nullptr ? "" : *etag;
  urls_.clear();
  for (const auto& [path, entry] : paths->get_object()) {
    urls_.emplace(path, json::FindString(entry, {"serverRelativeURL"}));
  }
  co_return Reply<void>{};
}

const json::Value* FindKindSchema(const json::Value& document, const Gvk& gvk) {
  const json::Value* schemas = json::Find(document, {"components", "schemas"});
  if (schemas == nullptr || !schemas->is_object()) return nullptr;
  const json::Value* shared = nullptr;
  for (const auto& [name, schema] : schemas->get_object()) {
    const json::Value* kinds = json::Find(schema, "x-kubernetes-group-version-kind");
    if (kinds == nullptr || !kinds->is_array()) continue;
    for (const json::Value& kind : kinds->get_array()) {
      if (json::FindString(kind, {"group"}) != gvk.group ||
          json::FindString(kind, {"version"}) != gvk.version ||
          json::FindString(kind, {"kind"}) != gvk.kind) {
        continue;
      }
      if (kinds->get_array().size() == 1) return &schema;
      shared = &schema;
    }
  }
  return shared;
}

namespace {

http::Request Ask(std::string target) {
  http::Request request;
  request.target = std::move(target);
  request.headers.Set("Accept", "application/json");
  return request;
}

std::string PathKey(const GroupVersion& group_version) {
  return GroupVersionPath(group_version).substr(1);
}

std::string HashIn(std::string_view url) {
  std::size_t at = url.find("hash=");
  return at == std::string_view::npos ? "" : std::string(url.substr(at + 5));
}

}  // namespace
}  // namespace kro::kube
