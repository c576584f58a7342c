// Plays scenarios with faults, by the thousand: docs/simulation.md.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "experiment.h"

namespace kro::simulation {
namespace {

using apiserver::Fault;
using apiserver::FaultKind;

struct Options {
  std::string folder = KRO_SOURCE_DIR "/test/simulation/scenarios";
  std::vector<std::string> only;
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;
  std::string schedule;
  bool has_schedule = false;
  bool crash_matrix = false;
  bool verbose = false;
  bool stop_at_first = false;
  bool interleave = false;
  bool counts = false;
  std::uint64_t part = 1;
  std::uint64_t parts = 1;
  std::uint64_t stride = 1;
};

struct Tally {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
};

// How many failures are shown in full.
constexpr std::uint64_t kShown = 5;

class Log final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { fmt::print("    {}\n", line); }
};

Result<std::vector<Experiment>> Prepare(const Options& options);
void RunSeeds(const Experiment& experiment, const Options& options, Tally& tally);
void RunOne(const Experiment& experiment, const Options& options, Tally& tally);
void RunCrashMatrix(const Experiment& experiment, const Options& options, Tally& tally);
void Show(const Experiment& experiment, std::uint64_t seed, const apiserver::Schedule& schedule,
          const Outcome& outcome);
void ShowCounts(const Outcome& outcome);

int Main(const Options& options) {
  auto experiments = Prepare(options);
  if (!experiments) {
    fmt::print(stderr, "{}\n", experiments.error().message());
    fmt::print("0 passed, 1 failed\n");
    return 1;
  }
  Tally tally;
  const auto begin = std::chrono::steady_clock::now();
  if (options.interleave) {
    // All scenarios of a few seeds, then of the next few: finds what it finds early.
    constexpr std::uint64_t kSeeds = 5;
    Options some = options;
    for (some.seeds = kSeeds; some.first < options.first + options.seeds; some.first += kSeeds) {
      for (const Experiment& experiment : *experiments) {
        RunSeeds(experiment, some, tally);
        if (options.stop_at_first && tally.failed > 0) break;
      }
      if (options.stop_at_first && tally.failed > 0) break;
    }
    experiments->clear();
  }
  for (const Experiment& experiment : *experiments) {
    const Tally before = tally;
    const auto start = std::chrono::steady_clock::now();
    if (options.crash_matrix) {
      RunCrashMatrix(experiment, options, tally);
    } else if (options.seed != 0 || options.has_schedule) {
      RunOne(experiment, options, tally);
    } else {
      RunSeeds(experiment, options, tally);
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto runs = tally.passed + tally.failed - before.passed - before.failed;
    fmt::print("{:<28} {:>7} runs {:>5} failed {:>7.1f} ms a run, {} calls, {} events\n",
               experiment.scenario().name, runs, tally.failed - before.failed,
               runs == 0 ? 0.0 : seconds * 1000 / static_cast<double>(runs),
               experiment.reference().counts.calls, experiment.reference().counts.events);
    if (options.counts) ShowCounts(experiment.reference());
    std::fflush(stdout);
    if (options.stop_at_first && tally.failed > 0) break;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{:.0f} runs a second\n",
             static_cast<double>(tally.passed + tally.failed) / std::max(seconds, 1e-9));
  fmt::print("{} passed, {} failed\n", tally.passed, tally.failed);
  return tally.failed == 0 ? 0 : 1;
}

Result<std::vector<Experiment>> Prepare(const Options& options) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(options.folder)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = entry.path().stem().string();
    if (options.only.empty() || std::ranges::find(options.only, name) != options.only.end()) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  if (files.empty()) return Fail(ErrorCode::kNotFound, "no such scenario in {}", options.folder);
  std::vector<Experiment> experiments;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto scenario = ReadScenario(path.stem().string(), text);
    if (!scenario) return std::unexpected(std::move(scenario.error()));
    Log log;
    auto experiment = Experiment::Prepare(std::move(*scenario), options.verbose ? &log : nullptr);
    if (!experiment) return std::unexpected(std::move(experiment.error()));
    experiments.push_back(std::move(*experiment));
  }
  return experiments;
}

void RunSeeds(const Experiment& experiment, const Options& options, Tally& tally) {
  std::uint64_t shown = 0;
  for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
    if (seed % options.parts != options.part - 1) continue;
    const apiserver::Schedule schedule = experiment.Draw(seed);
    const Outcome outcome = experiment.Run({.seed = seed, .schedule = schedule});
    if (outcome.violations.empty()) {
      ++tally.passed;
      continue;
    }
    ++tally.failed;
    if (options.stop_at_first) {
      fmt::print("found by {} seed {}: {}\n", experiment.scenario().name, seed,
                 outcome.violations.front());
      return;
    }
    if (++shown > kShown) continue;
    const apiserver::Schedule smallest = experiment.Shrink(seed, schedule);
    Show(experiment, seed, smallest, experiment.Run({.seed = seed, .schedule = smallest}));
  }
}

void RunOne(const Experiment& experiment, const Options& options, Tally& tally) {
  apiserver::Schedule schedule = experiment.Draw(options.seed);
  if (options.has_schedule) {
    auto given = apiserver::ParseSchedule(options.schedule);
    if (!given) {
      fmt::print(stderr, "--schedule: {}\n", given.error().message());
      ++tally.failed;
      return;
    }
    schedule = std::move(*given);
  }
  Log log;
  const Outcome outcome = experiment.Run(
      {.seed = options.seed, .schedule = schedule, .log = options.verbose ? &log : nullptr});
  ++(outcome.violations.empty() ? tally.passed : tally.failed);
  fmt::print("schedule {}\n", ToString(schedule));
  for (const std::string& met : outcome.met) fmt::print("  met {}\n", met);
  if (!outcome.violations.empty()) Show(experiment, options.seed, schedule, outcome);
}

// The process dies before and after each call, and again at each of the first calls of its recovery.
void RunCrashMatrix(const Experiment& experiment, const Options& options, Tally& tally) {
  const std::uint64_t calls = experiment.reference().counts.calls;
  std::uint64_t shown = 0;
  std::uint64_t number = 0;
  const auto run = [&](apiserver::Schedule schedule) {
    if (number++ % options.parts != options.part - 1) return std::uint64_t{0};
    const Outcome outcome = experiment.Run({.schedule = schedule});
    if (outcome.violations.empty()) {
      ++tally.passed;
    } else {
      ++tally.failed;
      if (++shown <= kShown) Show(experiment, 0, schedule, outcome);
    }
    return outcome.counts.calls;
  };
  for (std::uint64_t at = 1; at <= calls; at += options.stride) {
    for (const FaultKind when : {FaultKind::kCrashBefore, FaultKind::kCrashAfter}) {
      const Fault first{.kind = when, .at = at, .length = std::chrono::milliseconds(50)};
      run({first});
      // What a start reads comes first, then what it mends: a crash at each of it.
      for (std::uint64_t later = 1; later <= 40; later += options.stride) {
        Fault second = first;
        second.at = at + later;
        second.kind = later % 2 == 0 ? FaultKind::kCrashBefore : FaultKind::kCrashAfter;
        run({first, second});
      }
    }
  }
}

void Show(const Experiment& experiment, std::uint64_t seed, const apiserver::Schedule& schedule,
          const Outcome& outcome) {
  fmt::print("FAILED {} seed {}\n", experiment.scenario().name, seed);
  for (const std::string& violation : outcome.violations) fmt::print("  {}\n", violation);
  fmt::print("  smallest schedule: {}\n", ToString(schedule));
  for (const std::string& met : outcome.met) fmt::print("    {}\n", met);
  fmt::print("  again: scripts/simulate --scenario {} --seed {} --schedule '{}' --verbose\n",
             experiment.scenario().name, seed, ToString(schedule));
}

void ShowCounts(const Outcome& outcome) {
  for (const auto& [object, lives] : outcome.lives) {
    fmt::print("  {:<60} made {}, changed {}, deleted {}\n", object, lives.creates, lives.updates,
               lives.deletes);
  }
}

}  // namespace
}  // namespace kro::simulation

int main(int argc, char** argv) {
  kro::simulation::Options options;
  CLI::App app("plays scenarios with faults");
  app.add_option("--folder", options.folder, "of scenarios");
  app.add_option("--scenario", options.only, "names; all without it");
  app.add_option("--seeds", options.seeds, "how many seeds of each scenario");
  app.add_option("--first", options.first, "the first of them");
  app.add_option("--seed", options.seed, "one seed only");
  auto* schedule = app.add_option("--schedule", options.schedule, "faults in place of the seed's");
  app.add_flag("--crash-matrix", options.crash_matrix,
               "die before and after each call, and again during recovery");
  app.add_option("--stride", options.stride, "with --crash-matrix: each so-many-th call only")
      ->check(CLI::PositiveNumber);
  app.add_flag("--counts", options.counts, "what the run without faults wrote, by object");
  app.add_flag("--verbose", options.verbose, "with one seed: the operator's log");
  app.add_flag("--stop-at-first", options.stop_at_first, "end with the first failure");
  app.add_flag("--interleave", options.interleave, "go from scenario to scenario, few seeds each");
  app.add_option("--part", options.part, "which part of the runs, from 1");
  app.add_option("--parts", options.parts, "of how many")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  options.has_schedule = schedule->count() > 0;
  return kro::simulation::Main(options);
}
