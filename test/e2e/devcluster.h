// A real control plane for one test program (devcluster/README.md).
#pragma once

#include <string>

namespace kro::e2e {

// Starts a cluster of its own and ends it with this object, or with the process. The first start on a
// machine builds the program, which takes minutes.
class Devcluster {
 public:
  // `name` tells clusters of one machine apart; the process's number is added. `flags` are more of `up`.
  explicit Devcluster(const std::string& name, const std::string& flags = {});
  ~Devcluster();
  Devcluster(const Devcluster&) = delete;
  Devcluster& operator=(const Devcluster&) = delete;

  // Empty if it did not start; what devcluster printed is on stderr.
  const std::string& kubeconfig() const { return kubeconfig_; }

  // Where it notes every request (audit_log.h).
  const std::string& audit_log() const { return audit_log_; }

 private:
  std::string name_;
  std::string kubeconfig_;
  std::string audit_log_;
};

}  // namespace kro::e2e
