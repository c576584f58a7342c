// Watch: the changes of a collection as one client sees them, to be taken as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/transport.h"

namespace kro::apiserver {

class WatchSource;

// Belongs to whoever opened it, and must not outlive its Server. As thread-safe as the Server: not.
class Watch {
 public:
  // Only the server opens watches.
  Watch(std::unique_ptr<WatchSource> source, http::Headers headers);
  ~Watch();

  // Of the answer, which begins with them and 200.
  const http::Headers& headers() const { return headers_; }

  // The events that there are, each a JSON object and a newline; at most about 256 KiB at once. Empty:
  // none now.
  std::string Take();

  // Nothing comes any more.
  bool ended() const;

  // Calls `ready`, in the course of some call to the server, when Take may have something or the watch
  // has ended. It must not call the server.
  void OnReady(std::function<void()> ready);

  // For the server: a change, the time for a bookmark, the end.
  void Notify();
  void SendBookmark();
  void End();
  // Breaks off without an end, as a lost connection does.
  void Break();
  bool broken() const { return broken_; }
  WatchSource& source() { return *source_; }

 private:
  std::unique_ptr<WatchSource> source_;
  http::Headers headers_;
  std::function<void()> ready_;
  bool ending_ = false;
  bool broken_ = false;
};

}  // namespace kro::apiserver
