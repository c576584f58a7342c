// Scenario: what a user and other controllers do, step by step. The format is that of the recorded
// scenarios (test/data/conformance/scenarios/README.md), which devcluster/scenarios plays on a real
// API server.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "json/value.h"
#include "node_rules.h"

namespace kro::simulation {

// "apiVersion Kind [namespace/]name".
struct ObjectName {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
};

struct ApplyStep {
  enum class How { kApply, kCreate };
  How how = How::kApply;
  std::vector<json::Value> objects;
};
struct PatchStep {
  ObjectName object;
  std::string content_type;
  std::string body;
  std::string manager;
  std::string subresource;
};
struct DeleteStep {
  ObjectName object;
  std::string cascade;
};
struct WaitStep {
  struct Present {};
  struct Absent {};
  struct Ready {};
  struct Set {};
  struct Unset {};
  struct Is {
    json::Value value;
  };
  struct Not {
    json::Value value;
  };
  struct Contains {
    std::string text;
  };
  ObjectName object;
  std::string path;
  std::variant<Present, Absent, Ready, Set, Unset, Is, Not, Contains> until;
  std::optional<Duration> limit;
};
struct SettleStep {
  Duration quiet;
};
struct SleepStep {
  Duration duration;
};
struct StopStep {
  enum class How { kOrderly, kKill };
  How how = How::kOrderly;
};
struct StartStep {};
struct OrderStep {
  std::vector<std::string> order;
  std::vector<std::string> never;
};
struct RecordStep {
  std::string name;
  bool settled = true;
};

struct Step {
  std::variant<ApplyStep, PatchStep, DeleteStep, WaitStep, SettleStep, SleepStep, StopStep,
               StartStep, OrderStep, RecordStep>
      action;
  std::string error;  // the request must fail with this text
  std::string text;   // as written, shortened, for messages
};

struct Scenario {
  std::string name;
  std::string about;
  std::string upstream_defect;
  std::vector<std::string> flags;
  std::vector<std::string> controllers;
  std::vector<Step> steps;
  std::map<std::string, NodeRules> nodes;  // by definition
};

// kInvalid names the step that cannot be understood.
Result<Scenario> ReadScenario(std::string name, std::string_view yaml);

// Follows status.conditions[Ready].status or spec.ports[0]; an element of a list is named by index, type
// or name. Null pointer: it leads nowhere.
const json::Value* Lookup(const json::Value& value, std::string_view path);

// As the recorder, a Go program, shows a value.
std::string Shown(const json::Value& value);

}  // namespace kro::simulation
