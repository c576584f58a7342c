// What tests of a pass need: graphs from YAML, a cluster that applies, and a pass run to its end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "json/value.h"
#include "runtime/reconciliation.h"
#include "runtime/status.h"

namespace kro::runtime {

// A JSON value from YAML; ends the test if it is none.
json::Value Yaml(std::string_view text);

// The graph of an RGD's spec. Known kinds: ConfigMap, Secret, Deployment, Namespace
// (cluster-scoped) and test.dev/v1 Widget, of which nothing is known.
std::shared_ptr<const graph::Graph> GraphOf(std::string_view spec_yaml);

// `schema:` of an RGD that makes namespaced or cluster-scoped `App`s; `status` is YAML in one line.
std::string AppSchema(std::string_view spec, std::string_view status = "{}",
                      std::string_view scope = "Namespaced");

// An App as it stands in the cluster; `rest` is YAML of more members of the object.
LiveObject App(std::string_view spec = "{}", std::string_view ns = "default",
               std::string_view rest = "{}");

// Keeps what is applied to it as an API server does, with UIDs and versions.
class FakeCluster {
 public:
  // Adds or replaces an object; it gets a UID if it has none.
  LiveObject Put(std::string_view yaml);
  LiveObject PutObject(json::Value object);
  // Merges into an object that is there: members of `yaml`, also status.
  void Patch(std::string_view key, std::string_view yaml);
  void Remove(std::string_view key) { objects_.erase(std::string(key)); }
  // "ConfigMap default/web"; nullptr if there is none.
  LiveObject Find(std::string_view key) const;
  std::vector<LiveObject> List(std::string_view kind) const;
  std::vector<std::string> Keys() const;

  LiveObject Apply(const json::Value& desired);

  // Changes an object on its way in, as a controller or webhook would.
  std::function<void(json::Value&)> on_apply;

 private:
  std::map<std::string, LiveObject, std::less<>> objects_;
  int next_uid_ = 1;
  int next_version_ = 1;
};

std::string KeyOf(const json::Value& object);

struct Ran {
  Outcome outcome;
  // Keys of what was applied, wave by wave, sorted; only what changed something.
  std::vector<std::vector<std::string>> waves;
  std::vector<std::string> unchanged;  // answered with the live object
  std::vector<json::Value> desired;
  std::vector<std::string> reads;  // "ConfigMap default/conf"
  std::optional<AuthorConditions> author;
  ApplySetContent foreseen;  // after the first Advance
  bool over_budget = false;

  // Of the node with this id.
  const NodeReport& Of(const graph::Graph& graph, std::string_view id) const;
};

struct RunOptions {
  std::string_view version = "1.2.3";
  std::size_t max_collection_size = kMaxCollectionSize;
  Budget budget = {};
  // Refuses an apply: the error for this key, if any.
  std::function<std::optional<Error>(std::string_view key)> refuse;
  // Answers in an order drawn from this.
  std::mt19937* shuffle = nullptr;
};

// Runs a pass to its end, answering every action from the cluster.
Ran RunPass(const std::shared_ptr<const graph::Graph>& graph, const LiveObject& instance,
            FakeCluster& cluster, const RunOptions& options = {});

}  // namespace kro::runtime
