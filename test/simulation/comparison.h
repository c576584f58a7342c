// Compares what was seen in a scenario with what was recorded of the original, as devcluster/scenarios
// does, and leaves out the differences that are meant (test/conformance/scenarios_expected.yaml).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "recorder.h"

namespace kro::simulation {

struct Expectations {
  struct Difference {
    std::string scenario;  // * for all
    std::string contains;
    std::string reason;
  };
  std::vector<std::string> annotations;
  std::vector<std::vector<std::string>> managers;
  std::vector<std::string> longer;
  std::vector<Difference> differences;
  std::map<std::string, std::string> unmet;  // by scenario: why
  // What is right where the original is wrong: by scenario, of its record points, of objects, of their paths.
  std::map<std::string, json::Value> outcomes;
};
Result<Expectations> ReadExpectations(std::string_view yaml);

struct Recording {
  struct Point {
    std::string name;
    bool compares_all = true;
    std::vector<std::string> stable;
    std::vector<std::string> varies;
    std::vector<std::string> answers;
    std::vector<std::string> events;
    std::map<std::string, json::Value> objects;
    std::map<std::string, WriteCount> writes;
  };
  bool failed = false;  // the original did not get to the end
  std::vector<Point> points;
};
Result<Recording> ReadRecording(std::string_view yaml);

// What differs where it must not, and where more was written.
std::vector<std::string> Compare(Recording recorded, std::vector<Point> seen,
                                 const Expectations& expected);
// What was seen otherwise than the outcome of a scenario has it.
std::vector<std::string> CompareOutcome(const json::Value& outcome, const std::vector<Point>& seen);
// The differences that are not meant. `met` gets the meant ones that were needed.
std::vector<std::string> Unexpected(std::string_view scenario, std::vector<std::string> differences,
                                    const Expectations& expected);

// What differs between two values, with the path of each place: "spec.replicas: 2 instead of 1".
std::vector<std::string> Differences(const json::Value& was, const json::Value& is);

}  // namespace kro::simulation
