// The recorded scenarios against the embedded server, in virtual time.
//
// KRO_SCENARIOS names some of them (words of their names, comma separated); KRO_SCENARIOS_SEEN a folder
// for what was seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "comparison.h"
#include "json/yaml.h"
#include "oracle.h"
#include "player.h"
#include "support/conformance.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Verdict {
  void Add(std::vector<std::string> lines) {
    differences.insert(differences.end(), std::make_move_iterator(lines.begin()),
                       std::make_move_iterator(lines.end()));
  }
  std::vector<std::string> differences;  // from what was recorded
  std::vector<std::string> violations;   // of what holds of every run
};

// Keeps the operator's log lines.
class Lines final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

// What is written once all has come to its end.
std::vector<std::string> WritesAtRest(World& world, Player& player) {
  if (!player.Settle(30s)) return {"does not settle"};
  world.audit.Forget();
  if (!world.Advance(10min)) return {"tasks wake each other for ever"};
  std::vector<std::string> writes;
  for (const Call& call : world.audit.calls()) {
    if (!call.write) continue;
    writes.push_back(fmt::format("{} {} {}, answer {}{}: {}", call.verb, call.resource, call.object,
                                 call.code, call.stored ? ", stored" : "", call.note));
  }
  return writes;
}

Result<Verdict> PlayOne(const std::filesystem::path& file, const Expectations& expected) {
  auto scenario = ReadScenario(file.stem().string(), ReadFile(file));
  if (!scenario) return std::unexpected(std::move(scenario.error()));
  std::filesystem::path golden = file;
  auto recording = ReadRecording(ReadFile(golden.replace_extension(".golden.yaml")));
  if (!recording) return std::unexpected(std::move(recording.error()));
  auto options = OptionsOf(*scenario);
  if (!options) return std::unexpected(std::move(options.error()));
  auto controllers = ControllersOf(*scenario);
  if (!controllers) return std::unexpected(std::move(controllers.error()));
  Lines lines;
  World* cluster = nullptr;
  Oracle oracle({}, [&](const std::string& path) { return cluster->Get(path); });
  World world({.controllers = *controllers,
               .log = &lines,
               .observe = [&](const auto& answered) { oracle.See(answered); }},
              *options);
  cluster = &world;
  Recorder recorder(world, expected.annotations);
  Player player(world, recorder);
  auto played = player.Play(*scenario);
  if (!played) recorder.Record("failure");
  const std::vector<std::string> restless = WritesAtRest(world, player);
  if (const char* folder = std::getenv("KRO_SCENARIOS_SEEN")) {
    json::Array points;
    for (const Point& point : recorder.points()) points.push_back(point.ToJson());
    const std::filesystem::path seen = std::filesystem::path(folder) / scenario->name;
    std::ofstream(seen.string() + ".seen.yaml") << json::ToYaml(points);
    std::ofstream log(seen.string() + ".log");
    for (const std::string& line : lines.lines) log << line << '\n';
  }
  Verdict verdict;
  for (const std::string& violation : oracle.violations()) {
    verdict.violations.push_back(recorder.Text(violation));
  }
  for (const std::string& write : restless) {
    verdict.violations.push_back("wrote at rest: " + recorder.Text(write));
  }
  if (!scenario->upstream_defect.empty()) {
    const auto outcome = expected.outcomes.find(scenario->name);
    if (outcome == expected.outcomes.end()) {
      if (!conformance::IsForeignData())
        verdict.differences.emplace_back("nothing says what is right");
      return verdict;
    }
    verdict.Add(CompareOutcome(outcome->second, recorder.points()));
    if (!played) verdict.differences.push_back(recorder.Text(played.error().message()));
    return verdict;
  }
  if (!played && !recording->failed) {
    verdict.differences.push_back(recorder.Text(played.error().message()));
    return verdict;
  }
  if (std::getenv("KRO_SCENARIOS_ALL") != nullptr) {
    verdict.Add(Compare(std::move(*recording), recorder.points(), expected));
    return verdict;
  }
  verdict.Add(Unexpected(scenario->name,
                         Compare(std::move(*recording), recorder.points(), expected), expected));
  return verdict;
}

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  const char* only = std::getenv("KRO_SCENARIOS");
  for (const auto& entry :
       std::filesystem::directory_iterator(conformance::DataPath("conformance/scenarios"))) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".yaml") || name.ends_with(".golden.yaml")) continue;
    std::string_view words = only == nullptr ? "" : only;
    bool wanted = words.empty();
    while (!words.empty()) {
      const std::string_view word = words.substr(0, words.find(','));
      words.remove_prefix(std::min(word.size() + 1, words.size()));
      wanted |= name.find(word) != std::string::npos;
    }
    if (wanted) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

TEST(ScenariosConformance, EndAsRecordedWithoutMoreWrites) {
  auto expected = ReadExpectations(
      ReadFile(std::string(KRO_SOURCE_DIR) + "/test/conformance/scenarios_expected.yaml"));
  ASSERT_TRUE(expected) << expected.error().message();
  int passed = 0;
  int unmet = 0;
  int failed = 0;
  for (const std::filesystem::path& file : Files()) {
    const std::string name = file.stem().string();
    auto verdict = PlayOne(file, *expected);
    if (verdict && !verdict->violations.empty()) {
      ADD_FAILURE() << name << ": " << fmt::format("{}", fmt::join(verdict->violations, "\n    "));
    }
    const bool met = verdict && verdict->differences.empty();
    const bool listed = expected->unmet.contains(name);
    if (met) {
      ++passed;
      if (listed) ADD_FAILURE() << name << " is listed as unmet, and passes";
      continue;
    }
    if (listed) {
      ++unmet;
      continue;
    }
    ++failed;
    std::string text = verdict ? std::string() : verdict.error().message();
    if (verdict) {
      for (const std::string& line : verdict->differences) text += "\n    " + line;
    }
    ADD_FAILURE() << name << ": " << text;
  }
  std::printf("conformance scenarios: %d passed, %d unmet, %d failed\n", passed, unmet, failed);
}

}  // namespace
}  // namespace kro::simulation
