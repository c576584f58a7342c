#include "cli/dev_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace kro::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::string Refusal(const DevFlags& flags) {
  const auto options = ReadDevFlags(flags);
  return options ? "none" : options.error().message();
}

TEST(DevFlags, AreReadInFull) {
  DevFlags flags;
  flags.paths = {KRO_SOURCE_DIR "/examples"};
  flags.exit_when_ready = true;
  flags.timeout = "2m";
  flags.prune = flags.no_controller = true;
  flags.sync = "write";
  flags.feature_gates = "CELOmitFunction=true";
  const auto options = ReadDevFlags(flags);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->until_ready, std::chrono::minutes(2));
  EXPECT_EQ(options->prune, dev::Prune::kYes);
  EXPECT_EQ(options->controller, dev::WithController::kNo);
  EXPECT_EQ(options->sync, apiserver::Journal::Sync::kEveryWrite);
  EXPECT_TRUE(options->settings.omit_function);
  EXPECT_TRUE(options->settings.allow_crd_deletion);
}

TEST(DevFlags, AreRefusedByName) {
  EXPECT_THAT(Refusal({.paths = {"/no/such/file"}}), HasSubstr("/no/such/file: no such file"));
  EXPECT_THAT(Refusal({.sync = "never"}), HasSubstr("--sync: 'never'"));
  EXPECT_THAT(Refusal({.exit_when_ready = true}), HasSubstr("--exit-when-ready"));
  EXPECT_THAT(Refusal({.paths = {KRO_SOURCE_DIR}, .timeout = "soon", .exit_when_ready = true}),
              HasSubstr("--timeout"));
  EXPECT_THAT(Refusal({.feature_gates = "Foo=true"}), HasSubstr("Foo"));
}

TEST(DevFlags, SayWhichPortsThereAre) {
  CLI::App app;
  DevFlags flags;
  AddDevFlags(app, flags);
  EXPECT_THAT([&] { app.parse(std::vector<std::string>{"--port=99999"}); },
              ThrowsMessage<CLI::ParseError>(
                  AllOf(HasSubstr("--port"), HasSubstr("99999"), HasSubstr("65535"))));
  app.parse(std::vector<std::string>{"--port=65535"});
  EXPECT_EQ(flags.port, 65535);
}

}  // namespace
}  // namespace kro::cli
