// Transport: send a request, follow a stream. The one thing between our code and a server.
//
// Three exist: HTTPS to a cluster (http/client.h), straight calls into the embedded server, and the
// latter behind a fault layer. What the client above sees is the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/error.h"

namespace kro::http {

// Header fields in order; names compare without case (RFC 9110 section 5.1).
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  // The first field of that name, or nullptr.
  const std::string* Find(std::string_view name) const;
  // Replaces all fields of that name by one.
  void Set(std::string_view name, std::string value);
  void Add(std::string_view name, std::string value);
  void Remove(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method = "GET";
  std::string target;  // path and query as sent: "/api/v1/pods?limit=500", percent-encoded
  Headers headers;
  std::string body;
  // From the call to the last byte of the answer; for a stream, to its headers. Zero: no limit.
  Duration timeout = std::chrono::seconds(60);
  // Not put on the wire after this moment, however long it had to wait for a connection or the process
  // stood still; kUnavailable then. For who may ask only while he holds a lease.
  std::optional<MonotonicTime> not_after = std::nullopt;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;
};

// An answer whose body arrives over time. Destroying it ends the transfer; it must not outlive its
// transport. One Read at a time.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;

  // The next bytes as they came; an empty string at the end of the body. kUnavailable if the
  // connection broke, or nothing came for `idle` (zero: no limit); kCancelled if the token given to
  // Open fired. An error is final.
  virtual async::Task<Result<std::string>> Read(Duration idle) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Any status is an answer, not an error. kUnavailable: no answer came, and the request may have been
  // carried out. kNotFound never: an unreachable server is kUnavailable as well, its frames say
  // "connect". kCancelled: `cancel` fired. kInvalid: the request cannot be put into words of HTTP.
  // kExhausted: the answer is larger than the transport's limit.
  virtual async::Task<Result<Response>> Send(Request request, async::CancelToken cancel) = 0;

  // Returns when the answer's headers are there.
  virtual async::Task<Result<std::unique_ptr<ResponseStream>>> Open(Request request,
                                                                    async::CancelToken cancel) = 0;
};

}  // namespace kro::http
