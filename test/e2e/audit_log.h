// What the API server of a devcluster was asked, and by whom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kro::e2e {

// A request that has ended, or a watch that has started.
struct AuditedRequest {
  std::string verb;      // "create", "patch", "list", "watch", …
  std::string resource;  // "deployments.apps", "configmaps"
  std::string subresource;
  std::string name_space;
  std::string name;  // empty for a collection
  std::string user_agent;
  int code = 0;

  bool IsWrite() const;
  // "patch webapps.kro.run/status default/shop".
  std::string ToString() const;
};

// Reads the log forward. A server writes a line when the handler returns, which a client that reads fast may
// precede by a moment: who counts waits until the count stands still.
class AuditLog {
 public:
  explicit AuditLog(std::string path) : path_(std::move(path)) {}

  // What was added since the last call, of clients whose user agent begins with `user_agent`.
  std::vector<AuditedRequest> Next(const std::string& user_agent);

 private:
  std::string path_;
  std::uint64_t offset_ = 0;
};

}  // namespace kro::e2e
