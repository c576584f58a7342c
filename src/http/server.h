// Server: HTTP/1.1, with or without TLS, for metrics, health, the dashboard, webhooks and the
// embedded API server's front door.
//
//   auto server = Server::Listen(executor, {.port = 8080}, handler);
//   scope.Spawn((*server)->Run(scope.token()));
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/real_executor.h"
#include "http/transport.h"

namespace kro::http {

// Who a client's certificate says that it is; the certificate was checked.
struct ClientSubject {
  std::string common_name;
  std::vector<std::string> organizations;
};

// Where a handler puts its answer: Respond once, or Begin and then Write any number of times. Failures
// say that the client is gone (kUnavailable). Used by the handler's own task only.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  virtual async::Task<Result<void>> Respond(Response response) = 0;

  // Starts an answer whose body comes in pieces, each of which is sent at once. It ends when the
  // handler returns.
  virtual async::Task<Result<void>> Begin(int status, Headers headers) = 0;
  virtual async::Task<Result<void>> Write(std::string piece) = 0;

  // Closes the connection without ending the answer, so that the client sees it is incomplete.
  virtual void Abort() = 0;

  // Nothing for a client that showed no certificate.
  virtual const ClientSubject* client() const { return nullptr; }
};

// Answers one request; runs on the executor's loop. `cancel` fires when the client has gone or the
// server stops. `writer` lives as long as the task. A handler that returns without an answer, or
// throws before one, is answered for with a 500.
using Handler = std::function<async::Task<void>(Request request, ResponseWriter& writer,
                                                async::CancelToken cancel)>;

struct ServerTls {
  std::string certificate_pem;  // the chain, leaf first
  std::string key_pem;
  // Clients may show a certificate that goes back to one of these, and no other; empty: none is asked for.
  std::string client_roots_pem = {};
};

struct ServerConfig {
  // "0.0.0.0": all of IPv4; "::": all of both families, or of IPv4 where there is no other.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system picks one
  std::optional<ServerTls> tls;
  std::size_t max_body_bytes = std::size_t{16} * 1024 * 1024;  // more is answered with 413
  Duration idle_timeout =
      std::chrono::seconds(90);  // between requests, and for a request to arrive
  Duration write_timeout = std::chrono::seconds(30);  // for a client to take what is sent
};

class Server {
 public:
  // Listens already when it returns. kInvalid for an address or certificate that is none,
  // kUnavailable if the port cannot be had. `executor` outlives the server.
  static Result<std::unique_ptr<Server>> Listen(async::RealExecutor& executor, ServerConfig config,
                                                Handler handler);
  ~Server();

  std::uint16_t port() const;

  // Shows this certificate from the next connection on; of a server with TLS, on the executor's loop.
  // kInvalid if it is none: the old one stays.
  Result<void> SetCertificate(const ServerTls& certificate);

  // Serves until `stop` fires, then waits for the requests being handled, whose tokens fire. Once.
  async::Task<void> Run(async::CancelToken stop);

 private:
  struct Impl;  // server.cc
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace kro::http
