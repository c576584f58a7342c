#include "dev/file_watch.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "async/real_executor.h"

namespace kro::dev {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("kro-watch-{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "sub");
  }
  void TearDown() override {
    watch_.reset();
    fs::remove_all(folder_);
  }

  void Start(std::vector<std::string> paths) {
    auto watch = FileWatch::Start(executor_, std::move(paths), 5ms, [this] {
      std::lock_guard hold(mutex_);
      ++told_;
      heard_.notify_all();
    });
    ASSERT_TRUE(watch) << watch.error().message();
    watch_ = *std::move(watch);
  }
  // Waits until something was told that had not been by the last call.
  void ExpectTold(std::string_view after) {
    std::unique_lock hold(mutex_);
    EXPECT_TRUE(heard_.wait_for(hold, 60s, [&] { return told_ > seen_; })) << after;
    seen_ = told_;
  }
  void Write(const fs::path& file) { std::ofstream(file) << "text"; }

  fs::path folder_;
  async::RealExecutor executor_{1};
  std::unique_ptr<FileWatch> watch_;
  std::mutex mutex_;
  std::condition_variable heard_;
  int told_ = 0;  // guarded by mutex_
  int seen_ = 0;
};

TEST_F(FileWatchTest, TellsOfWhatIsWrittenReplacedAndRemoved) {
  Start({folder_});
  Write(folder_ / "a.yaml");
  ExpectTold("a file was made");
  Write(folder_ / "sub" / "b.yaml");
  ExpectTold("a file was made in a folder below");
  Write(folder_ / ".a.swp");
  ExpectTold("an editor wrote beside it");
  fs::rename(folder_ / ".a.swp", folder_ / "a.yaml");
  ExpectTold("and renamed");
  fs::remove(folder_ / "a.yaml");
  ExpectTold("a file was removed");
}

TEST_F(FileWatchTest, FollowsFoldersThatCome) {
  Start({folder_});
  fs::create_directories(folder_ / "new");
  ExpectTold("a folder was made");
  Write(folder_ / "new" / "a.yaml");
  ExpectTold("a file was made in it");
}

TEST_F(FileWatchTest, FollowsAFileByItsName) {
  Write(folder_ / "a.yaml");
  Start({folder_ / "a.yaml"});
  Write(folder_ / "tmp");
  fs::rename(folder_ / "tmp", folder_ / "a.yaml");
  ExpectTold("a file was replaced");
}

TEST_F(FileWatchTest, RefusesAFolderThatIsNoneQuietly) {
  auto watch = FileWatch::Start(executor_, {folder_ / "none" / "a.yaml"}, 5ms, [] {});
  EXPECT_TRUE(watch);
}

}  // namespace
}  // namespace kro::dev
