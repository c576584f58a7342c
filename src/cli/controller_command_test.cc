#include "cli/controller_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>

#include "cli/console_sink.h"
#include "cli/go_duration.h"

namespace kro::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ControllerOptions> Parse(std::vector<std::string> arguments) {
  auto prepared = PrepareControllerArguments(std::move(arguments), {});
  if (!prepared) return std::unexpected(prepared.error());
  if (auto checked = CheckControllerValues(prepared->given); !checked) {
    return std::unexpected(checked.error());
  }
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  std::ranges::reverse(prepared->arguments);
  try {
    app.parse(prepared->arguments);
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

TEST(ControllerFlags, AnEmptyValueIsEmptyAndTakesNothingElse) {
  const auto options = Parse({"--kubeconfig=", "--context=c", "--zap-log-level="});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->kubeconfig, "");
  EXPECT_EQ(options->context, "c");
  // As the chart writes it: the namespace is then that of the pod, and here there is none.
  const auto electing =
      Parse({"--leader-elect=true",
             "--leader-election-namespace=", "--leader-election-lease-duration=30s"});
  ASSERT_FALSE(electing);
  EXPECT_THAT(electing.error().message(), HasSubstr("unable to find leader election namespace"));
}

TEST(ControllerFlags, BadValuesNameTheFlag) {
  const std::pair<std::vector<std::string>, const char*> kCases[] = {
      {{"--leader-election-lease-duration=15"}, "leader-election-lease-duration"},
      {{"--feature-gates=Foo=true"}, "unrecognized feature gate: Foo"},
      {{"--feature-gates=CELOmitFunction"}, "missing bool value"},
      {{"--feature-gates=CELOmitFunction=yes"}, "invalid value of CELOmitFunction=yes"},
      {{"--zap-log-level=loud"}, "zap-log-level"},
      {{"--zap-log-level=0"}, "zap-log-level: '0'"},
      {{"--zap-log-level=-1"}, "zap-log-level: '-1'"},
      {{"--zap-log-level=128"}, "zap-log-level: '128'"},
      {{"--metrics-bind-address=here"}, "'here' is no address"},
      {{"--rgd-max-collection-size=-1"}, "must not be negative"},
  };
  for (const auto& [arguments, expected] : kCases) {
    const auto options = Parse(arguments);
    ASSERT_FALSE(options) << arguments[0];
    EXPECT_THAT(options.error().message(), HasSubstr(expected));
  }
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

// A value that is not the default.
const std::map<std::string, std::string>& OtherValues() {
  static const std::map<std::string, std::string> values = {
      {"kubeconfig", "/a"},
      {"context", "c"},
      {"metrics-bind-address", ":1"},
      {"metrics-cert-path", "/tls"},
      {"health-probe-bind-address", ":2"},
      {"debug", "true"},
      {"leader-elect", "true"},
      {"enable-controller-warmup", "true"},
      {"leader-election-lease-duration", "1m"},
      {"leader-election-renew-deadline", "11s"},
      {"leader-election-retry-period", "3s"},
      {"graceful-shutdown-timeout", "1s"},
      {"install-crds", "false"},
      {"allow-crd-deletion", "true"},
      {"resource-group-namespaces", "a,b"},
      {"resource-graph-definition-concurrent-reconciles", "2"},
      {"graph-revision-concurrent-reconciles", "2"},
      {"dynamic-controller-concurrent-reconciles", "2"},
      {"dynamic-controller-rate-limiter-min-delay", "1s"},
      {"dynamic-controller-rate-limiter-max-delay", "10s"},
      {"dynamic-controller-rate-limiter-rate-limit", "1"},
      {"dynamic-controller-rate-limiter-burst-limit", "1"},
      {"instance-requeue-interval", "1s"},
      {"dynamic-controller-default-resync-period", "1"},
      {"dynamic-controller-default-queue-max-retries", "1"},
      {"client-qps", "12.5"},
      {"client-burst", "1"},
      {"rgd-max-collection-size", "1"},
      {"rgd-max-collection-dimension-size", "1"},
      {"rgd-max-graph-revisions", "1"},
      {"rgd-progress-requeue-delay", "1s"},
      {"feature-gates", "AllAlpha=true"},
      {"zap-devel", "true"},
      {"zap-encoder", "console"},
      {"zap-log-level", "error"},
      {"zap-time-encoding", "millis"},
  };
  return values;
}

TEST(ControllerFlags, EachHasAnEffectOrSaysThatItHasNone) {
  // Of these the one before says whether there is one.
  const std::map<std::string, std::vector<std::string>> with = {
      {"metrics-cert-name", {"--metrics-cert-path=/tls", "--metrics-cert-name=a"}},
      {"metrics-cert-key", {"--metrics-cert-path=/tls", "--metrics-cert-key=a"}},
      {"leader-election-namespace", {"--leader-elect", "--leader-election-namespace=a"}},
      {"leader-elect", {"--leader-elect", "--leader-election-namespace=a"}},
  };
  const std::map<std::string, std::string> without = {
      {"pprof-bind-address", "--pprof-bind-address does nothing: there is no pprof"},
      {"zap-stacktrace-level", "--zap-stacktrace-level does nothing: there are no stack traces"},
  };
  const std::string by_default = ConfigText(*Parse({}));
  for (const std::string& name : FlagNames()) {
    if (name == "print-config") continue;  // prints this text
    if (const auto reason = without.find(name); reason != without.end()) {
      const auto options = Parse({"--" + name + "=error"});
      ASSERT_TRUE(options) << options.error().message();
      EXPECT_THAT(options->warnings, ElementsAre(HasSubstr(reason->second)));
      continue;
    }
    std::vector<std::string> arguments;
    if (const auto more = with.find(name); more != with.end()) {
      arguments = more->second;
    } else {
      ASSERT_TRUE(OtherValues().contains(name)) << name;
      arguments = {"--" + name + "=" + OtherValues().at(name)};
    }
    const auto options = Parse(arguments);
    ASSERT_TRUE(options) << options.error().message();
    EXPECT_NE(ConfigText(*options), by_default) << name;
  }
}

TEST(ControllerFlags, WhatTheyCameToIsAConfigurationFile) {
  const std::string path = testing::TempDir() + "kro-effective.yaml";
  for (const auto& [name, value] : OtherValues()) {
    if (name == "leader-elect") continue;  // needs a namespace
    const auto options = Parse({"--" + name + "=" + value});
    ASSERT_TRUE(options) << options.error().message();
    std::ofstream(path) << ConfigText(*options);
    const auto again = Parse({"--config", path});
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(ConfigText(*again), ConfigText(*options)) << name;
  }
}

TEST(ControllerFlags, Trap26And32_DefaultsAreThoseOfProductionAndZeroMeansAsManyAsUseful) {
  const auto options = Parse({"--dynamic-controller-concurrent-reconciles=0",
                              "--dynamic-controller-rate-limiter-burst-limit=0"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->log_level, LogLevel::kInfo);
  EXPECT_EQ(options->log_format, LogFormat::kJson);
  EXPECT_EQ(options->operation.settings.instance_workers, 0U);
  EXPECT_FALSE(Parse({"--dynamic-controller-concurrent-reconciles=-1"}));
  EXPECT_FALSE(Parse({"--client-burst=0"}));
}

TEST(ControllerFlags, WhatUpstreamIsStartedWithStartsThis) {
  const auto options =
      Parse({"--allow-crd-deletion", "--metrics-bind-address", ":8078",
             "--health-probe-bind-address", ":8079", "--pprof-bind-address", ":6060",
             "--client-qps", "100", "--client-burst", "150", "--zap-devel=false", "--zap-encoder",
             "console", "--zap-log-level", "info", "--zap-stacktrace-level", "panic"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->warnings.size(), 2U);
}

TEST(ControllerFlags, AVerbosityIsDebug) {
  for (const char* level : {"1", "2", "127", "debug", "DEBUG"}) {
    const auto options = Parse({fmt::format("--zap-log-level={}", level)});
    ASSERT_TRUE(options) << options.error().message();
    EXPECT_EQ(options->log_level, LogLevel::kDebug) << level;
  }
}

TEST(ControllerFlags, AGateThatIsNamedCountsMoreThanAllWhereverItStands) {
  for (const char* text :
       {"AllAlpha=true,InstanceConditionEvents=false", "InstanceConditionEvents=0,AllAlpha=1",
        " AllAlpha = True , InstanceConditionEvents = F ,", "InstanceConditionEvents=f,AllAlpha=t",
        "InstanceConditionEvents=true,AllAlpha=T,InstanceConditionEvents=FALSE"}) {
    controller::Settings settings;
    ASSERT_TRUE(ReadFeatureGates(text, settings)) << text;
    EXPECT_TRUE(settings.omit_function) << text;
    EXPECT_TRUE(settings.condition_metrics) << text;
    EXPECT_FALSE(settings.condition_events) << text;
  }
  controller::Settings settings;
  ASSERT_TRUE(ReadFeatureGates("AllBeta=true,AllAlpha=false", settings));
  EXPECT_FALSE(settings.omit_function);
  EXPECT_FALSE(ReadFeatureGates("Foo=true", settings));
}

TEST(ControllerFlags, Trap27_EachIsReadFromTheEnvironmentToo) {
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
                                             {{"KRO_LEADER_ELECTION_RETRY_PERIOD", "4s"}});
  ASSERT_TRUE(prepared) << prepared.error().message();
  EXPECT_THAT(prepared->arguments, testing::Not(testing::Contains(HasSubstr("retry-period"))));
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

TEST(ControllerFlags, WhatCannotBeConvertedIsToldWithItsPlaceAndWhatIsAccepted) {
  const struct {
    std::string flag;
    std::string value;
    std::string told;
  } cases[] = {
      {"leader-elect", "maybe", "'maybe' is not true or false"},
      {"leader-elect", "", "'' is not true or false"},
      {"client-qps", "fast", "'fast' is not a number"},
      {"rgd-max-graph-revisions", "5.5", "'5.5' is not a whole number"},
      {"rgd-max-collection-size", "-1", "-1 must not be negative"},
      {"instance-requeue-interval", "3",
       "time: invalid duration \"3\"; a duration is written as 500ms or 1m30s"},
      {"zap-log-level", "loud", "'loud' is neither debug, info, error, panic nor a number"},
      {"metrics-bind-address", "here", "'here' is no address"},
  };
  const std::string path = testing::TempDir() + "kro-bad-config.yaml";
  const auto told = [](std::vector<std::string> arguments, const EnvironmentValues& environment) {
    auto prepared = PrepareControllerArguments(std::move(arguments), environment);
    EXPECT_TRUE(prepared);
    const auto checked = CheckControllerValues(prepared->given);
    return checked ? std::string() : checked.error().message();
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.flag);
    std::string variable = "KRO_" + one.flag;
    std::ranges::transform(variable, variable.begin(), [](unsigned char c) {
      return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    std::ofstream(path) << "debug: true\n" << one.flag << ": '" << one.value << "'\n";
    EXPECT_THAT(told({"--" + one.flag + "=" + one.value}, {}), HasSubstr(one.told));
    EXPECT_THAT(told({}, {{variable, one.value}}),
                testing::AllOf(testing::StartsWith(variable + ": "), HasSubstr(one.told)));
    EXPECT_THAT(told({"--config", path}, {}),
                testing::AllOf(testing::StartsWith(path + ":2:"), HasSubstr(one.flag + ": "),
                               HasSubstr(one.told)));
  }
  // What the command line says counts instead of the environment.
  EXPECT_EQ(told({"--leader-elect=false"}, {{"KRO_LEADER_ELECT", "maybe"}}), "");
  EXPECT_EQ(told({"--client-qps", "5", "--debug", "--leader-elect"}, {}), "");
}

TEST(BindAddress, ReadsHostsPortsAndOff) {
  EXPECT_FALSE(ParseBindAddress("0")->has_value());
  EXPECT_EQ((*ParseBindAddress(":8078"))->port, 8078);
  // Both families, as Go listens.
  EXPECT_EQ((*ParseBindAddress(":8078"))->host, "::");
  EXPECT_EQ((*ParseBindAddress("0.0.0.0:8078"))->host, "::");
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

TEST(LogTime, IsWrittenAsZapWritesIt) {
  const std::string line = R"({"ts":"2026-11-21T22:46:10.120Z","level":"info","msg":"m"})";
  const std::pair<const char*, const char*> kCases[] = {
      {"epoch", "1795301170.120"},
      {"millis", "1795301170120"},
      {"nano", "1795301170120000000"},
      {"iso8601", "\"2026-11-21T22:46:10.120Z\""},
      {"rfc3339", "\"2026-11-21T22:46:10Z\""},
      {"rfc3339nano", "\"2026-11-21T22:46:10.12Z\""},
  };
  for (const auto& [name, expected] : kCases) {
    const auto form = ParseLogTime(name);
    ASSERT_TRUE(form) << name;
    EXPECT_EQ(WithLogTime(line, *form),
              fmt::format(R"({{"ts":{},"level":"info","msg":"m"}})", expected));
  }
  EXPECT_FALSE(ParseLogTime("sundial"));
  EXPECT_EQ(WithLogTime("no json", LogTime::kNano), "no json");
  EXPECT_EQ(ConsoleLine(WithLogTime(line, LogTime::kMillis)), "1795301170120 INFO    m");
}

}  // namespace
}  // namespace kro::cli
