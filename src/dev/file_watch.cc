#include "dev/file_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace kro::dev {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int kMaxFolders = 32;  // one below the other

}  // namespace

// The thread waits for the system; everything else happens on the loop.
struct FileWatch::Impl {
  ~Impl() {
    if (thread.joinable()) {
      const std::uint64_t one = 1;
      // The event counter takes this unless it is full, which wakes the thread as well.
      static_cast<void>(::write(stop, &one, sizeof(one)));
      thread.join();
    }
    if (notify >= 0) ::close(notify);
    if (stop >= 0) ::close(stop);
  }

  // A watch on each folder; of a file on the folder it is in, where its successor will appear.
  bool WatchAll() {
    bool all = true;
    for (const std::string& path : paths) {
      std::error_code error;
      if (fs::is_directory(path, error)) {
        all = WatchFolder(path, 0) && all;
      } else {
        fs::path folder = fs::path(path).parent_path();
        all = Watch(folder.empty() ? fs::path(".") : folder) && all;
      }
    }
    return all;
  }

  bool WatchFolder(const fs::path& folder, int depth) {
    bool all = Watch(folder);
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;  // what is gone again needs no watch
      if (it->path().filename().string().starts_with('.') || !it->is_directory(ignored) ||
          depth >= kMaxFolders) {
        continue;
      }
      all = WatchFolder(it->path(), depth + 1) && all;
    }
    return all;
  }

  bool Watch(const fs::path& folder) {
    return ::inotify_add_watch(notify, folder.c_str(), kEvents) >= 0 || errno == ENOENT;
  }

  void Run() {
    while (WaitForEvent(-1)) {
      const auto begun = std::chrono::steady_clock::now();
      const auto quiet = std::chrono::ceil<std::chrono::milliseconds>(settle);
      bool more = true;
      while (more && std::chrono::steady_clock::now() - begun < 10 * quiet) {
        Drain();
        pollfd waited{.fd = notify, .events = POLLIN, .revents = 0};
        more = ::poll(&waited, 1, static_cast<int>(quiet.count())) > 0;
      }
      Drain();
      WatchAll();  // folders that came
      executor->Post([weak = std::weak_ptr(told)] {
        if (auto tell = weak.lock()) (*tell)();
      });
    }
  }

  // False when it is time to end.
  bool WaitForEvent(int milliseconds) const {
    std::array<pollfd, 2> waited{{{.fd = stop, .events = POLLIN, .revents = 0},
                                  {.fd = notify, .events = POLLIN, .revents = 0}}};
    while (true) {
      const int ready = ::poll(waited.data(), waited.size(), milliseconds);
      if (ready < 0 && errno != EINTR) return false;
      if (waited[0].revents != 0) return false;
      if (ready > 0) return true;
    }
  }

  void Drain() const {
    alignas(inotify_event) std::array<char, 4096> events;
    while (::read(notify, events.data(), events.size()) > 0) {
    }
  }

  async::Executor* executor = nullptr;
  std::vector<std::string> paths;
  Duration settle{0};
  std::shared_ptr<std::function<void()>> told;  // held weakly by what waits on the loop
  int notify = -1;
  int stop = -1;
  std::thread thread;
};

Result<std::unique_ptr<FileWatch>> FileWatch::Start(async::Executor& executor,
                                                    std::vector<std::string> paths, Duration settle,
                                                    std::function<void()> changed) {
  auto impl = std::make_unique<Impl>();
  impl->executor = &executor;
  impl->paths = std::move(paths);
  impl->settle = settle;
  impl->told = std::make_shared<std::function<void()>>(std::move(changed));
  impl->notify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  impl->stop = ::eventfd(0, EFD_CLOEXEC);
  if (impl->notify < 0 || impl->stop < 0 || !impl->WatchAll()) {
    return Fail(ErrorCode::kUnavailable, "watching files: {}", std::strerror(errno));
  }
  Impl& running = *impl;
  impl->thread = std::thread([&running] { running.Run(); });
  return std::unique_ptr<FileWatch>(new FileWatch(std::move(impl)));
}

FileWatch::FileWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileWatch::~FileWatch() = default;

}  // namespace kro::dev
