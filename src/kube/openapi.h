// OpenApi: the schemas of a server's types, a document for each group-version (spec kube-client
// section 12).
//
// The index names a hash for each document; a document is read again only when its hash changed, and the
// index at most every two seconds. A document that is missing may appear a moment later.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kube/client.h"

namespace kro::kube {

class OpenApi {
 public:
  static constexpr Duration kSpacing = std::chrono::seconds(2);
  using Document = std::shared_ptr<const json::Value>;

  // `client` outlives this. Used from the loop only.
  explicit OpenApi(Client& client) : client_(client) {}

  // The document that describes a group-version; null if the server has none.
  async::Task<Reply<Document>> Read(GroupVersion group_version, async::CancelToken cancel);

  // The next Read asks for the index even if it is fresh.
  void Expire() { index_read_.reset(); }

  // The hash of what Read last gave; empty if there was none.
  std::string HashOf(const GroupVersion& group_version) const;

 private:
  struct Entry {
    std::string hash;
    Document document;
  };

  async::Task<Reply<void>> RefreshIndex(async::CancelToken cancel);

  Client& client_;
  std::optional<MonotonicTime> index_read_;
  std::string index_etag_;
  std::map<std::string, std::string> urls_;  // "apis/apps/v1" -> "/openapi/v3/apis/apps/v1?hash=…"
  std::map<std::string, Entry> documents_;
};

// The schema of one kind inside a document's components.schemas, or nullptr. Of several that name the
// kind, the one that names nothing else.
const json::Value* FindKindSchema(const json::Value& document, const Gvk& gvk);

}  // namespace kro::kube
