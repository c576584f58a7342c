// The cluster that a test program runs against: a real control plane, or the embedded server.
#pragma once

#include <memory>
#include <string>

namespace kro::e2e {

// Runs as long as the object, or the process.
class TestCluster {
 public:
  enum class Kind {
    kReal,      // a devcluster
    kEmbedded,  // kro dev --no-controller
  };
  // kEmbedded if the environment has KRO_TEST_SERVER=dev.
  static Kind KindOfEnvironment();

  // `name` tells clusters of one machine apart. nullptr if it did not start; why is on stderr.
  static std::unique_ptr<TestCluster> Start(const std::string& name,
                                            Kind kind = KindOfEnvironment());
  virtual ~TestCluster() = default;

  virtual const std::string& kubeconfig() const = 0;
  // Where it notes every request (audit_log.h).
  virtual const std::string& audit_log() const = 0;
  // From now on somebody does what the cloud's operator of examples/webapp-with-db would do.
  virtual void PlayCloud() = 0;
};

}  // namespace kro::e2e
