// The prompt on a terminal: a child runs it at the far end of a pseudo-terminal.
#include "cli/cel_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace kro::cli {
namespace {

// Long, for machines with other things to do.
constexpr auto kPatience = std::chrono::seconds(60);

class CelPrompt : public ::testing::Test {
 protected:
  CelPrompt() { std::filesystem::create_directories(folder_); }
  ~CelPrompt() override {
    Kill();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    std::ofstream(folder_ / "vars.yaml") << "schema: {spec: {name: web}}\n";
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ != 0) return;
    setenv("TERM", "xterm", 1);
    setenv("XDG_STATE_HOME", folder_.c_str(), 1);
    auto session = CelSession::Open({.expression = {}, .vars = folder_ / "vars.yaml"});
    _exit(session ? static_cast<int>(RunCelPrompt(**session)) : 99);
  }

  // Keys for the prompt. Until it shows, the terminal is not the editor's, and keys may be lost.
  void Type(std::string_view keys) {
    ASSERT_TRUE(Shows("cel> "));
    TypeOn(keys);
  }

  void TypeOn(std::string_view keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), std::ssize(keys));
  }

  // Waits until what was shown since the last call holds `text`.
  ::testing::AssertionResult Shows(std::string_view text) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (shown_.find(text) == shown_.npos) {
      pollfd ready{terminal_, POLLIN, 0};
      if (std::chrono::steady_clock::now() > end || poll(&ready, 1, 1000) < 0) break;
      char buffer[4096];
      if ((ready.revents & (POLLIN | POLLHUP)) == 0) continue;
      const ssize_t size = read(terminal_, buffer, sizeof buffer);
      closed_ = size <= 0;
      if (closed_) break;
      shown_.append(buffer, static_cast<std::size_t>(size));
    }
    const std::size_t found = shown_.find(text);
    if (found == shown_.npos) return ::testing::AssertionFailure() << "shown: " << shown_;
    before_ = shown_.substr(0, found);
    shown_.erase(0, found + text.size());
    return ::testing::AssertionSuccess();
  }

  // What was shown before that.
  const std::string& before() const { return before_; }

  // Waits for its end; the exit status, -1 if it has to be killed.
  int ExitStatus() {
    const bool ended = !Shows("nothing ever shows this") && closed_;
    if (!ended) Kill();
    return Reap();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("kro-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
       std::to_string(getpid()));

 private:
  void Kill() {
    if (child_ > 0) kill(child_, SIGKILL);
    Reap();
  }

  int Reap() {
    if (child_ <= 0) return -1;
    int status = 0;
    waitpid(std::exchange(child_, -1), &status, 0);
    close(terminal_);
    closed_ = false;
    shown_.clear();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  pid_t child_ = -1;
  int terminal_ = -1;
  bool closed_ = false;  // the other end is gone
  std::string shown_;
  std::string before_;
};

TEST_F(CelPrompt, BeginsWithoutComplaintsOfTheEditor) {
  Start();
  EXPECT_TRUE(Shows("Expressions over "));
  EXPECT_THAT(before(), ::testing::Not(::testing::HasSubstr("bind")));
}

TEST_F(CelPrompt, AnswersOneExpressionAfterTheOther) {
  Start();
  Type("1 + 2\r");
  EXPECT_TRUE(Shows("value  3"));
  EXPECT_TRUE(Shows("type   int"));
  Type("schema.spec.nam\r");
  EXPECT_TRUE(Shows("no such key: nam"));
  Type(":vars\r");
  EXPECT_TRUE(Shows("schema: dyn"));
}

TEST_F(CelPrompt, ShowsTheTypeWhileOneWrites) {
  Start();
  Type("[1, 2]");
  EXPECT_TRUE(Shows("list(int)"));
  TypeOn(".size()");
  EXPECT_TRUE(Shows("int"));
}

TEST_F(CelPrompt, CompletesWithTheTabulator) {
  Start();
  Type("sch\t.spe\t.name.low\t)\r");
  EXPECT_TRUE(Shows("value  \"web\""));
  Type("hash.\t");
  EXPECT_TRUE(Shows("fnv64a("));
  EXPECT_TRUE(Shows("sha256("));
}

TEST_F(CelPrompt, LeavesAtTheEndOfInput) {
  Start();
  Type("\x04");
  EXPECT_EQ(ExitStatus(), 0);
}

TEST_F(CelPrompt, KeepsItsHistoryForTheNextTime) {
  Start();
  Type("40 + 2\r");
  EXPECT_TRUE(Shows("value  42"));
  Type(":quit\r");
  EXPECT_EQ(ExitStatus(), 0);

  Start();
  Type("\x10\x10\r");  // up, up: over :quit
  EXPECT_TRUE(Shows("value  42"));
}

}  // namespace
}  // namespace kro::cli
