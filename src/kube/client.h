// Client: every verb of the API, on objects as JSON values.
//
// Retries what is safe to retry (kube/retry.h) and nothing else; a caller sees ApiError with the
// server's Status. Every call ends when `cancel` fires. Thread-safe as far as its transport is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.h"
#include "base/log.h"
#include "http/transport.h"
#include "json/value.h"
#include "kube/api_error.h"
#include "kube/concurrency_limiter.h"
#include "kube/object_key.h"
#include "kube/options.h"
#include "kube/rate_limiter.h"
#include "kube/watch_decoder.h"

namespace kro::kube {

// One page of a list, or all of them joined. Items carry apiVersion and kind.
struct ObjectList {
  std::string resource_version;  // where a watch starts
  std::string continue_token;    // empty: the last page
  std::vector<json::Value> items;
  bool paginated = false;  // it took more than one page
};

// What became of an object that was deleted.
struct Deleted {
  // The object as it is now, if it still waits for finalizers or its grace period.
  std::optional<json::Value> remaining;
};

// An open watch. Destroying it closes the stream.
class WatchStream {
 public:
  WatchStream(std::unique_ptr<http::ResponseStream> stream, Duration idle);

  // The next event; nullopt when the server ended the stream, which is normal. kUnavailable: the stream
  // broke, what was half there is dropped. kInvalid and kExhausted: a frame that cannot be read.
  // With `idle`: also broken if the server says nothing for so long; else that is as long as the server was told to
  // keep the watch open.
  async::Task<Result<std::optional<WatchEvent>>> Next(std::optional<Duration> idle = std::nullopt);

 private:
  std::unique_ptr<http::ResponseStream> stream_;
  Duration idle_;
  FrameDecoder decoder_;
};

// Hears of what a client does by itself, for metrics. Called from any thread.
class ClientObserver {
 public:
  virtual ~ClientObserver() = default;
  // A request was sent again; `code` is that of the new answer, 0: none came.
  virtual void Repeated(std::string_view method, int code) = 0;
  // How long a request waited until the limiters let it go.
  virtual void Waited(std::string_view method, Duration waited) = 0;
};

class Client {
 public:
  struct Options {
    std::string user_agent = "kro";
    std::string field_manager = "kro";
    Duration timeout = std::chrono::seconds(60);
    // May be null; outlive the client. Repeats count for the limiter, watches do not.
    RateLimiter* rate_limiter = nullptr;
    ClientObserver* observer = nullptr;
  };

  // `transport`, `executor` and `limiter` (which may be null) outlive the client. Watches do not count
  // for the limiter.
  Client(http::Transport& transport, async::Executor& executor, Logger logger, Options options,
         ConcurrencyLimiter* limiter = nullptr);

  async::Task<Reply<json::Value>> Get(Gvr gvr, ObjectKey key, GetOptions options,
                                      async::CancelToken cancel);

  // One page, as `options` say. An empty namespace means all.
  async::Task<Reply<ObjectList>> ListPage(Gvr gvr, std::string name_space, ListOptions options,
                                          async::CancelToken cancel);

  // Every page of `options.limit`. If the server forgets where it was, lists once more in one piece.
  async::Task<Reply<ObjectList>> List(Gvr gvr, std::string name_space, ListOptions options,
                                      async::CancelToken cancel);

  async::Task<Reply<json::Value>> Create(Gvr gvr, std::string name_space, json::Value object,
                                         WriteOptions options, async::CancelToken cancel);

  // Replaces the object named in `object`; its resourceVersion, if there, must be current.
  async::Task<Reply<json::Value>> Update(Gvr gvr, json::Value object, WriteOptions options,
                                         async::CancelToken cancel);

  async::Task<Reply<json::Value>> UpdateStatus(Gvr gvr, json::Value object,
                                               async::CancelToken cancel);

  async::Task<Reply<json::Value>> Patch(Gvr gvr, ObjectKey key, PatchType type, json::Value patch,
                                        WriteOptions options, async::CancelToken cancel);

  // Server-side apply of the object named in `object`, which must carry apiVersion, kind and name.
  // metadata.managedFields is left out of what is sent.
  async::Task<Reply<json::Value>> Apply(Gvr gvr, json::Value object, ApplyOptions options,
                                        async::CancelToken cancel);

  async::Task<Reply<Deleted>> Delete(Gvr gvr, ObjectKey key, DeleteOptions options,
                                     async::CancelToken cancel);

  async::Task<Reply<void>> DeleteCollection(Gvr gvr, std::string name_space, ListOptions which,
                                            DeleteOptions options, async::CancelToken cancel);

  // Bookmarks are always asked for.
  async::Task<Reply<std::unique_ptr<WatchStream>>> Watch(Gvr gvr, std::string name_space,
                                                         WatchOptions options,
                                                         async::CancelToken cancel);

  // A request of any other path, with retries; any 2xx or 304 is a success.
  async::Task<Reply<http::Response>> Send(http::Request request, RequestSubject subject,
                                          async::CancelToken cancel);

  async::Executor& executor() const { return executor_; }
  const Logger& logger() const { return logger_; }

 private:
  async::Task<Result<http::Response>> SendLimited(http::Request request, async::CancelToken cancel);
  // Waits until the limiters let a request go; gives what the second of them wants back.
  async::Task<Result<MonotonicTime>> WaitForTurn(std::string_view method,
                                                 async::CancelToken cancel);
  async::Task<Reply<json::Value>> SendForObject(http::Request request, RequestSubject subject,
                                                async::CancelToken cancel);
  http::Request NewRequest(std::string method, std::string target) const;
  void LogWarnings(const http::Headers& headers) const;

  http::Transport& transport_;
  async::Executor& executor_;
  Logger logger_;
  Options options_;
  ConcurrencyLimiter* limiter_;
};

// The name and namespace in metadata.
ObjectKey KeyOf(const json::Value& object);

}  // namespace kro::kube
