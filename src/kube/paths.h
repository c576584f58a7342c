// URL paths and queries of the API (spec kube-client section 13).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/object_key.h"

namespace kro::kube {

// "/api/v1", "/apis/apps/v1".
std::string GroupVersionPath(const GroupVersion& group_version);

// The collection in one namespace; with an empty namespace the whole of it. kInvalid for a namespace
// that no path can hold.
Result<std::string> CollectionPath(const Gvr& gvr, std::string_view name_space);

// One object, or a subresource of it ("status"). kInvalid for a name that is empty, "." or "..", or
// holds '/' or '%'.
Result<std::string> ObjectPath(const Gvr& gvr, const ObjectKey& key,
                               std::string_view subresource = {});

// Percent-encodes everything but RFC 3986 unreserved characters.
std::string PercentEncode(std::string_view text);

// Builds "?a=1&b=2"; values are encoded here, never by the caller.
class Query {
 public:
  void Add(std::string_view name, std::string_view value);
  // Leaves out an empty value.
  void AddUnlessEmpty(std::string_view name, std::string_view value);

  // With its leading '?'; empty if nothing was added.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace kro::kube
