#include "experiment.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "comparison.h"
#include "oracle.h"
#include "player.h"
#include "recorder.h"
#include "world.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;
using apiserver::Fault;
using apiserver::FaultKind;

// A run may take this long to come to the end that the run without faults had.
constexpr Duration kPatience = 30min;
// After that nothing may be changed for so long together, and in the second part nothing even be tried: whoever was
// cut off may find in the first that what it wanted to write to is gone, or is not what it knew.
constexpr Duration kRecovery = 30s;
constexpr Duration kRest = 60s;

// What a run may ask of the server, beside ten times what the run without faults asks.
constexpr std::uint64_t kMostCalls = 1000;

// Of the ids of what is there from the start: no run has it.
constexpr std::uint64_t kSeedOfStart = ~std::uint64_t{0};

struct Weight {
  FaultKind kind;
  int weight;
  std::int64_t longest_ms;
};
constexpr Weight kWeights[] = {
    {FaultKind::kCrashBefore, 3, 2'000}, {FaultKind::kCrashAfter, 3, 2'000},
    {FaultKind::kLostRequest, 1, 0},     {FaultKind::kLostResponse, 3, 0},
    {FaultKind::kConflict, 2, 0},        {FaultKind::kGone, 1, 0},
    {FaultKind::kThrottled, 1, 3'000},   {FaultKind::kServerError, 2, 0},
    {FaultKind::kSlow, 2, 5'000},        {FaultKind::kStale, 3, 5'000},
    {FaultKind::kPartition, 1, 40'000},  {FaultKind::kEventDuplicate, 1, 0},
    {FaultKind::kEventLate, 4, 5'000},   {FaultKind::kEventLost, 2, 0},
    {FaultKind::kEventGone, 1, 0},       {FaultKind::kWatchBroken, 1, 0},
    {FaultKind::kTimeout, 2, 0},         {FaultKind::kDenied, 1, 20'000},
    {FaultKind::kStaleList, 2, 5'000},   {FaultKind::kCompacted, 1, 0},
    {FaultKind::kServerRestart, 1, 0},   {FaultKind::kEventSwapped, 2, 1'000},
    {FaultKind::kWatchSilent, 1, 0},
};

// Whether the only thing that happens is that the process dies.
bool OnlyCrashes(const apiserver::Schedule& schedule);
enum class Updates { kCompared, kIgnored };
enum class Starts { kFromWhatIs, kMaybeFromOldLists };
Starts StartsOf(const apiserver::Schedule& schedule);
void CompareEnds(const Outcome& wanted, const Outcome& seen, Updates updates, Starts starts,
                 std::vector<std::string>& violations);
json::Value AsObject(const std::map<std::string, json::Value>& objects);
// "+12.345s PATCH /api/v1/… 200 stored".
void LogCall(const World& world, const apiserver::LocalTransport::Answered& answered, LogSink& log);

}  // namespace

Result<Experiment> Experiment::Prepare(Scenario scenario, LogSink* log) {
  Experiment experiment;
  experiment.documents_ = std::make_unique<ShortDocuments::Cache>();
  auto options = OptionsOf(scenario);
  if (!options) return std::unexpected(std::move(options.error()));
  auto controllers = ControllersOf(scenario);
  if (!controllers) return std::unexpected(std::move(controllers.error()));
  experiment.options_ = std::move(*options);
  experiment.controllers_ = *controllers;
  experiment.scenario_ = std::move(scenario);
  const World start({.seed = kSeedOfStart,
                     .controllers = experiment.controllers_,
                     .crds = experiment.options_.crds == operator_::CrdInstallation::kInstall
                                 ? WorldOptions::Crds::kWhole
                                 : WorldOptions::Crds::kLoose},
                    experiment.options_);
  experiment.start_ = start.Save();
  experiment.reference_ = experiment.Play({.log = log});
  const auto& violations = experiment.reference_.violations;
  if (!violations.empty()) {
    return Fail(ErrorCode::kInternal, "{} without faults: {}", experiment.scenario_.name,
                fmt::join(violations, "; "));
  }
  return experiment;
}

apiserver::Schedule Experiment::Draw(std::uint64_t seed) const {
  std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15u);
  const auto draw = [&](std::uint64_t below) { return engine() % below; };
  int total = 0;
  for (const Weight& weight : kWeights) total += weight.weight;
  apiserver::Schedule schedule;
  const std::uint64_t count = 1 + draw(5);
  for (std::uint64_t i = 0; i < count; ++i) {
    int lot = static_cast<int>(draw(static_cast<std::uint64_t>(total)));
    const Weight* chosen = kWeights;
    while (lot >= chosen->weight) lot -= (chosen++)->weight;
    const std::uint64_t most =
        apiserver::IsOfEvent(chosen->kind) ? reference_.counts.events : reference_.counts.calls;
    // A run with faults has more calls than one without.
    Fault fault{.kind = chosen->kind, .at = 1 + draw(most + most / 4 + 1)};
    if (chosen->longest_ms > 0) {
      fault.length =
          std::chrono::milliseconds(1 + draw(static_cast<std::uint64_t>(chosen->longest_ms)));
    }
    schedule.push_back(fault);
  }
  std::ranges::sort(schedule, {}, &Fault::at);
  return schedule;
}

Outcome Experiment::Run(const Trial& trial) const { return Play(trial); }

apiserver::Schedule Experiment::Shrink(std::uint64_t seed, apiserver::Schedule schedule) const {
  const auto fails = [&](const apiserver::Schedule& candidate) {
    return !Run({.seed = seed, .schedule = candidate}).violations.empty();
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t i = 0; i < schedule.size(); ++i) {
      apiserver::Schedule candidate = schedule;
      candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(i));
      if (!fails(candidate)) continue;
      schedule = std::move(candidate);
      smaller = true;
      break;
    }
  }
  for (Fault& fault : schedule) {
    while (fault.length > 2ms) {
      const Duration was = fault.length;
      fault.length = std::chrono::duration_cast<std::chrono::milliseconds>(was / 2);
      if (fails(schedule)) continue;
      fault.length = was;
      break;
    }
  }
  return schedule;
}

Outcome Experiment::Play(const Trial& trial) const {
  Outcome outcome;
  World* world_of_oracle = nullptr;
  const std::uint64_t most = kMostCalls + 10 * reference_.counts.calls;
  std::uint64_t answers = 0;
  Oracle oracle(scenario_.nodes,
                [&](const std::string& path) { return world_of_oracle->Get(path); });
  World world({.seed = trial.seed,
               .schedule = trial.schedule,
               .controllers = controllers_,
               .detail = AuditLog::Detail::kCounts,
               .log = trial.log,
               .state = start_,
               .documents = documents_.get(),
               .observe =
                   [&](const auto& answered) {
                     oracle.See(answered);
                     if (trial.log != nullptr) LogCall(*world_of_oracle, answered, *trial.log);
                     if (++answers != most) return;
                     outcome.violations.push_back(
                         fmt::format("asked the server {} times, last {} {}", answers,
                                     answered.request.method, answered.request.target));
                     world_of_oracle->EndOperator();
                   }},
              options_);
  world_of_oracle = &world;
  Recorder recorder(world, {});
  Player player(world, recorder, {.wait = kPatience, .quiet = 5s});
  std::mt19937_64 engine(trial.seed);
  const auto pause = [&]() -> Duration {
    return trial.seed == 0 ? Duration::zero() : std::chrono::milliseconds(engine() % 100);
  };
  const auto see_end = [&] {
    recorder.Record("end");
    outcome.objects = recorder.points().back().objects;
  };
  auto played = player.Play(scenario_, pause);
  if (played) played = player.Settle(5s);
  if (!played) {
    outcome.violations.push_back("did not get to its end: " + played.error().message());
  } else {
    see_end();
    // Some faults leave a wait behind, which ends by itself.
    const MonotonicTime limit = world.executor.clock().Monotonic() + kPatience;
    while (!reference_.objects.empty() && outcome.objects != reference_.objects &&
           world.executor.clock().Monotonic() < limit) {
      const std::uint64_t revision = world.server.revision();
      if (!world.Advance(15s)) break;
      if (world.server.revision() != revision) see_end();
    }
    if (trial.log != nullptr) {
      for (const Point& point : recorder.points()) {
        for (const std::string& write : point.log) trial.log->Write(LogLevel::kDebug, write);
      }
    }
    const auto rest = [&](Duration length, bool may_be_refused) {
      world.audit.Forget();
      if (!world.Advance(length)) outcome.violations.push_back("tasks wake each other for ever");
      for (const Call& call : world.audit.calls()) {
        if (!call.write || (may_be_refused && (call.code == 404 || call.code == 409))) continue;
        outcome.violations.push_back(fmt::format("wrote at rest: {} {} {}, answer {}", call.verb,
                                                 call.resource, call.object, call.code));
      }
    };
    rest(kRecovery, !trial.schedule.empty());
    rest(kRest, false);
  }
  outcome.lives = world.audit.lives();
  outcome.counts = world.faults.counts();
  if (outcome.counts.calls > most && answers < most) {
    outcome.violations.push_back(
        fmt::format("called {} times, of which {} were answered", outcome.counts.calls, answers));
  }
  outcome.met = world.faults.met();
  outcome.crashes = world.crashes();
  for (const std::string& violation : oracle.violations()) {
    outcome.violations.push_back(recorder.Text(violation));
  }
  if (!reference_.objects.empty() && played) {
    CompareEnds(
        reference_, outcome,
        OnlyCrashes(trial.schedule) && trial.seed == 0 ? Updates::kCompared : Updates::kIgnored,
        StartsOf(trial.schedule), outcome.violations);
  }
  return outcome;
}

namespace {

bool OnlyCrashes(const apiserver::Schedule& schedule) {
  return std::ranges::all_of(schedule, [](const Fault& fault) {
    return fault.kind == FaultKind::kCrashBefore || fault.kind == FaultKind::kCrashAfter;
  });
}

Starts StartsOf(const apiserver::Schedule& schedule) {
  const bool old = std::ranges::any_of(
      schedule, [](const Fault& fault) { return fault.kind == FaultKind::kStaleList; });
  return old ? Starts::kMaybeFromOldLists : Starts::kFromWhatIs;
}

void CompareEnds(const Outcome& wanted, const Outcome& seen, Updates updates, Starts starts,
                 std::vector<std::string>& violations) {
  if (wanted.objects != seen.objects) {
    for (const std::string& line : Differences(AsObject(wanted.objects), AsObject(seen.objects))) {
      violations.push_back("end: " + line);
    }
  }
  auto keys = wanted.lives;
  keys.insert(seen.lives.begin(), seen.lives.end());
  for (const auto& [key, unused] : keys) {
    const auto of = [&key](const Outcome& outcome) {
      const auto found = outcome.lives.find(key);
      return found == outcome.lives.end() ? AuditLog::Lives{} : found->second;
    };
    const AuditLog::Lives was = of(wanted);
    const AuditLog::Lives is = of(seen);
    // Whoever starts from a list that is old by then does again what was undone after it.
    const int again = is.creates - was.creates;
    const bool redone = starts == Starts::kMaybeFromOldLists && again > 0 &&
                        again <= seen.crashes && is.deletes - was.deletes == again;
    if (!redone && (was.creates != is.creates || was.deletes != is.deletes)) {
      violations.push_back(
          fmt::format("{} was made {} times and deleted {} times instead of {} and {}", key,
                      is.creates, is.deletes, was.creates, was.deletes));
    }
    // Fewer are right: what was changed twice while no process ran is written once, and a state that passed
    // meanwhile is not told of. A crash may also part what went together, which is a state more to tell of.
    const int told = key.contains("/status ") ? seen.crashes : 0;
    if (updates == Updates::kCompared && is.updates > was.updates + told) {
      violations.push_back(
          fmt::format("{} was changed {} times instead of {}", key, is.updates, was.updates));
    }
  }
}

json::Value AsObject(const std::map<std::string, json::Value>& objects) {
  json::Object all;
  for (const auto& [key, object] : objects) all[key] = object;
  return all;
}

void LogCall(const World& world, const apiserver::LocalTransport::Answered& answered,
             LogSink& log) {
  const std::chrono::duration<double> at =
      world.executor.clock().Now() - async::SimulatedExecutor::kStart;
  log.Write(LogLevel::kDebug,
            fmt::format("+{:.3f}s {} {} {}{}", at.count(), answered.request.method,
                        answered.request.target, answered.response.status,
                        answered.stored ? " stored" : ""));
}

}  // namespace
}  // namespace kro::simulation
