// What a person with kubectl does to a cluster, for tests: every call blocks, and one that fails where it
// should not fails the test.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "async/task.h"
#include "base/clock.h"
#include "json/value.h"
#include "kube/client.h"
#include "kube/connection.h"
#include "kube/rest_mapper.h"

namespace kro::e2e {

class ClusterUser {
 public:
  // An unreachable cluster shows with the first request.
  explicit ClusterUser(const std::string& kubeconfig);
  ~ClusterUser();

  // Server-side apply of each document of a YAML text, forced, as field manager "user". A kind that was just
  // defined is waited for.
  void Apply(std::string_view yaml);
  // The same of a file, relative to the checkout.
  void ApplyFile(const std::string& file);

  // An object is named as "kro.run/v1alpha1 WebApp default/shop", without namespace where there is none.
  std::optional<json::Value> Get(std::string_view object);
  // A merge patch, as JSON or YAML.
  void Patch(std::string_view object, std::string_view patch);
  // No error if it is gone. Children are not deleted with it but by whoever sees to them.
  void Delete(std::string_view object);
  // All objects of a kind in all namespaces, those with a label if `selector` is given.
  std::vector<json::Value> List(std::string_view kind, std::string selector = {});

  // Looks every few milliseconds until `holds`; fails the test after `limit`. Returns the time that it took.
  Duration WaitUntil(std::string_view what, const std::function<bool()>& holds,
                     Duration limit = std::chrono::seconds(60));

  // Waits until the object is there and the text at `path` is `value`, or until it is gone.
  Duration WaitFor(std::string_view object, std::initializer_list<std::string_view> path,
                   std::string_view value, Duration limit = std::chrono::seconds(60));
  Duration WaitUntilGone(std::string_view object, Duration limit = std::chrono::seconds(60));

  // For what is not here.
  template <typename T>
  T Await(async::Task<T> task) {
    return async::RunBlocking(executor_, std::move(task));
  }
  async::RealExecutor& executor() { return executor_; }
  kube::Client& client() { return *client_; }
  kube::RestMapper& mapper() { return *mapper_; }

 private:
  std::optional<kube::RestMapping> Map(const kube::Gvk& gvk, Duration limit);

  async::RealExecutor executor_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<kube::RestMapper> mapper_;
};

}  // namespace kro::e2e
