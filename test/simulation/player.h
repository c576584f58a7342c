// Player: does the steps of a scenario in a world.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder.h"
#include "scenario.h"
#include "world.h"

namespace kro::simulation {

// The controller's flags as the recordings were made, with the scenario's own.
Result<operator_::OperatorOptions> OptionsOf(const Scenario& scenario);
// kInvalid: one that the embedded server does not have.
Result<apiserver::Controllers> ControllersOf(const Scenario& scenario);

class Player {
 public:
  struct Limits {
    Duration wait = std::chrono::seconds(60);
    Duration quiet = std::chrono::seconds(2);
  };
  // Both outlive the player.
  Player(World& world, Recorder& recorder, Limits limits)
      : world_(world), recorder_(recorder), limits_(limits) {}
  Player(World& world, Recorder& recorder) : Player(world, recorder, Limits()) {}

  // Why the scenario did not get to its end. `pause` lets time pass before each step.
  Result<void> Play(const Scenario& scenario, const std::function<Duration()>& pause = nullptr);
  Result<void> Do(const Step& step);
  // Lets time pass until the operator has changed nothing for so long.
  Result<void> Settle(Duration quiet);

 private:
  struct Place {
    std::string collection;  // path
    bool namespaced = false;
  };

  Result<void> Act(const ApplyStep& step, const std::string& error);
  Result<void> Act(const PatchStep& step, const std::string& error);
  Result<void> Act(const DeleteStep& step, const std::string& error);
  Result<void> Act(const WaitStep& step, const std::string& error);
  Result<void> Act(const SettleStep& step, const std::string& error);
  Result<void> Act(const SleepStep& step, const std::string& error);
  Result<void> Act(const StopStep& step, const std::string& error);
  Result<void> Act(const StartStep& step, const std::string& error);
  Result<void> Act(const OrderStep& step, const std::string& error);
  Result<void> Act(const RecordStep& step, const std::string& error);

  // Leaves in `last` what is there instead.
  bool IsMet(const WaitStep& step, std::string& last);
  Result<void> Advance(Duration duration);
  // kNotFound: no such kind.
  Result<Place> PlaceOf(std::string_view api_version, std::string_view kind);
  static std::string PathOf(const Place& place, std::string_view name_space);
  Result<void> Judge(const http::Response& response, const std::string& error);

  World& world_;
  Recorder& recorder_;
  Limits limits_;
};

}  // namespace kro::simulation
