#include "cli/controller_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>

#include "cli/console_sink.h"
#include "cli/go_duration.h"

namespace kro::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ControllerOptions> Parse(std::vector<std::string> arguments) {
  auto prepared = PrepareControllerArguments(std::move(arguments), {});
  if (!prepared) return std::unexpected(prepared.error());
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  std::ranges::reverse(*prepared);
  try {
    app.parse(*prepared);
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalid, "{}", error.what());
  }
  return ReadControllerFlags(flags);
}

TEST(ControllerFlags, DefaultsAreThoseOfTheSpecification) {
  const auto options = Parse({});
  ASSERT_TRUE(options) << options.error().message();
  const auto& settings = options->operation.settings;
  EXPECT_EQ(options->metrics_address, ":8078");
  EXPECT_EQ(options->probe_address, ":8079");
  EXPECT_EQ(settings.max_graph_revisions, 5);
  EXPECT_EQ(settings.max_collection_size, 1000U);
  EXPECT_EQ(settings.max_dimensions, 10U);
  EXPECT_EQ(settings.rgd_progress_requeue_delay, std::chrono::seconds(3));
  EXPECT_EQ(options->operation.graceful_shutdown_timeout, std::chrono::seconds(60));
  EXPECT_FALSE(settings.allow_crd_deletion);
  EXPECT_EQ(options->operation.leader_election, operator_::LeaderElection::kOff);
}

TEST(ControllerFlags, OneDashOrTwoAndGoDurations) {
  const auto options = Parse({"-allow-crd-deletion=true", "--instance-requeue-interval=1m30s",
                              "-rgd-max-graph-revisions", "7", "--zap-devel=false"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_TRUE(options->operation.settings.allow_crd_deletion);
  EXPECT_EQ(options->operation.settings.instance_requeue_interval, std::chrono::seconds(90));
  EXPECT_EQ(options->operation.settings.max_graph_revisions, 7);
}

TEST(ControllerFlags, BadValuesNameTheFlag) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"--leader-election-lease-duration=15"}, "leader-election-lease-duration"},
      {{"--feature-gates=Foo=true"}, "unrecognized feature gate: Foo"},
      {{"--feature-gates=CELOmitFunction"}, "missing bool value"},
      {{"--zap-log-level=loud"}, "zap-log-level"},
      {{"--metrics-bind-address=here"}, "'here' is no address"},
      {{"--rgd-max-collection-size=-1"}, "must not be negative"},
  };
  for (const auto& [arguments, expected] : kCases) {
    const auto options = Parse(arguments);
    ASSERT_FALSE(options) << arguments[0];
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
  }
}

TEST(ControllerFlags, FeatureGatesAreReadInOrder) {
  controller::Settings settings;
  ASSERT_TRUE(ReadFeatureGates("AllAlpha=true,InstanceConditionEvents=false", settings));
  EXPECT_TRUE(settings.omit_function);
  EXPECT_TRUE(settings.condition_metrics);
  EXPECT_FALSE(settings.condition_events);
  ASSERT_TRUE(ReadFeatureGates("AllAlpha=true,CELOmitFunction=false", settings));
  EXPECT_FALSE(settings.omit_function);
}

// What only the command line can say.
bool IsOfTheCommandLine(const std::string& name) { return name == "config" || name == "help"; }

std::vector<std::string> FlagNames() {
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (!IsOfTheCommandLine(name)) names.push_back(name);
    }
  }
  return names;
}

TEST(ControllerFlags, EachIsReadFromTheEnvironmentToo) {
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (IsOfTheCommandLine(name)) continue;
      std::string expected = "KRO_" + name;
      std::ranges::transform(expected, expected.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
      });
      EXPECT_EQ(option->get_envname(), expected);
    }
  }
  EXPECT_GE(FlagNames().size(), 38U);
}

TEST(ControllerFlags, AFileComesBeforeTheCommandLineAndAfterTheEnvironment) {
  const std::string path = testing::TempDir() + "kro-config.yaml";
  {
    std::ofstream file(path);
    file << "rgd-max-graph-revisions: 7\nallow-crd-deletion: true\ninstance-requeue-interval: 9s\n"
            "leader-election-retry-period: 3s\n";
  }
  auto prepared = PrepareControllerArguments({"--config", path, "--instance-requeue-interval=8s"},
                                             {"KRO_LEADER_ELECTION_RETRY_PERIOD"});
  ASSERT_TRUE(prepared) << prepared.error().message();
  EXPECT_THAT(*prepared, testing::Not(testing::Contains(HasSubstr("retry-period"))));
  const auto options = Parse({"--config", path, "--instance-requeue-interval=8s"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->operation.settings.max_graph_revisions, 7);
  EXPECT_TRUE(options->operation.settings.allow_crd_deletion);
  EXPECT_EQ(options->operation.settings.instance_requeue_interval, std::chrono::seconds(8));
  EXPECT_EQ(options->operation.retry_period, std::chrono::seconds(3));
  {
    std::ofstream file(path);
    file << "rgd-max-graph-revisions: [7]\n";
  }
  const auto bad = Parse({"--config", path});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message(), HasSubstr("'rgd-max-graph-revisions': expected"));
}

TEST(BindAddress, ReadsHostsPortsAndOff) {
  EXPECT_FALSE(ParseBindAddress("0")->has_value());
  EXPECT_EQ((*ParseBindAddress(":8078"))->port, 8078);
  EXPECT_EQ((*ParseBindAddress(":8078"))->host, "0.0.0.0");
  EXPECT_EQ((*ParseBindAddress("[::1]:80"))->host, "::1");
  EXPECT_FALSE(ParseBindAddress(":99999"));
}

TEST(GoDuration, ReadsWhatGoWrites) {
  using namespace std::chrono_literals;
  EXPECT_EQ(ParseGoDuration("200ms"), Duration(200ms));
  EXPECT_EQ(ParseGoDuration("1h2m3.5s"), Duration(3723500ms));
  EXPECT_EQ(ParseGoDuration("-1s"), Duration(-1s));
  EXPECT_EQ(ParseGoDuration("0"), Duration(0));
  for (const char* bad : {"", "5", "s", "1x", "1.2.3s", "-", "99999999999h"}) {
    EXPECT_FALSE(ParseGoDuration(bad)) << bad;
  }
}

TEST(ConsoleSink, ShowsFieldsInALineAndDiagnosticsBelow) {
  EXPECT_EQ(ConsoleLine(R"({"ts":"T","level":"info","msg":"synced","gvr":"apps/v1","n":3})"),
            "T INFO    synced gvr=apps/v1 n=3");
  EXPECT_EQ(ConsoleLine(R"({"ts":"T","level":"error","msg":"no","text":"a b","at":"x\n ^"})"),
            "T ERROR   no text=\"a b\"\nx\n ^");
  EXPECT_EQ(ConsoleLine("no json"), "no json");
}

}  // namespace
}  // namespace kro::cli
