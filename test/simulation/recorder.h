// Recorder: what is to be seen in a world, in the normalised form in which scenarios are recorded
// (test/data/conformance/scenarios/README.md, "Golden"): times, UIDs and versions replaced, conditions
// sorted, managed fields as paths.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "world.h"

namespace kro::simulation {

struct Point {
  std::string name;
  std::map<std::string, json::Value> objects;  // "Kind.group namespace/name"
  std::vector<std::string> answers;
  std::vector<std::string> events;  // of kro, in the order of their texts
  std::vector<std::string> log;     // effective writes
  std::map<std::string, WriteCount> writes;
  std::map<std::string, int> reads;

  // As the recordings write it.
  json::Value ToJson() const;
};

class Recorder {
 public:
  // What the world holds now is left out of every record. `own` are annotations that are left out too.
  // The world outlives the recorder.
  Recorder(World& world, std::vector<std::string> own);

  // The message of a request that had to fail.
  void Answer(std::string_view message);
  // Empty if `order` came since the last record, and nothing of `never` did.
  std::string CheckOrder(const std::vector<std::string>& order,
                         const std::vector<std::string>& never) const;
  void Record(std::string name);

  const std::vector<Point>& points() const { return points_; }
  std::string Text(std::string_view text) const;

 private:
  // What the server holds beyond what it held at first.
  std::vector<json::Value> List();
  // The path of a custom kind's collection in the version that is stored; empty if there is none.
  std::string CollectionOf(const std::string& crd);
  void NameUid(const json::Value& object);
  // Those that were written or counted again since the last call.
  std::vector<std::string> ListEvents();
  json::Value Normalise(const json::Value& object, const std::map<std::string, json::Value>& specs,
                        const std::set<std::string>& definitions) const;
  json::Value Plain(const json::Value& value) const;
  json::Object ReduceFields(const json::Value* entries) const;

  World& world_;
  const std::vector<std::string> own_;
  std::set<std::string, std::less<>> base_;  // uids
  std::map<std::string, std::string> uids_;
  std::map<std::string, int> numbers_;
  std::vector<std::string> answers_;
  std::set<std::string> seen_events_;  // by uid and version
  std::vector<Point> points_;
};

// Orders status.resources[].dependencies, which upstream leaves in map order.
void SortDependencies(json::Value& object);

}  // namespace kro::simulation
