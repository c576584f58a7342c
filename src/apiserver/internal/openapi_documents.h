// OpenApiDocuments: what /openapi/v3 answers (spec kube-server section 2.3).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/registry.h"

namespace kro::apiserver {

class OpenApiDocuments {
 public:
  // `registry` outlives it.
  explicit OpenApiDocuments(const Registry& registry) : registry_(registry) {}

  // The list of all documents.
  std::string Index();

  struct Document {
    std::string hash;
    std::string gzip;  // compressed
  };
  // `path` is "apis/apps/v1"; nullptr if there is none.
  const Document* Find(std::string_view path);

 private:
  // Made again when its resources change, compressed when it is asked for.
  struct Custom {
    std::vector<ResourcePtr> resources;
    std::string text;  // until it is compressed
    Document document;
  };

  void Refresh();

  const Registry& registry_;
  std::uint64_t generation_ = 0;
  std::map<std::string, Custom, std::less<>> custom_;
};

}  // namespace kro::apiserver
