// Client: the Transport to a real server, over HTTP/1.1 or HTTP/2, TLS and proxies.
//
// One client is one server. With HTTP/2 all requests and the first 64 streams share one thread and, as far as the
// server's stream limit allows, one connection; each further 64 streams that are open at once take another of both.
// What must never queue behind other work, a leader's lease, takes a client of its own.
//
// A connection that is closed is reset: bytes that the network did not take yet never arrive later.
//
// A dead connection is noticed by TCP keep-alive probes: 30 s of silence, then three unanswered
// probes 5 s apart, and likewise when sent data stays unacknowledged for 45 s.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "http/transport.h"

namespace kro::http {

// Certificates or keys in PEM: in memory, or in a file that is read when a connection is made.
struct PemFile {
  std::string path;
};
struct PemText {
  std::string text;
};
using Pem = std::variant<PemFile, PemText>;

enum class VerifyPeer { kYes, kNo };
enum class Compression { kGzip, kNone };
enum class HttpVersions { k2And1, k1Only };

struct ClientConfig {
  // "https://10.0.0.1:6443"; a path is put before each request's target.
  std::string url;

  std::optional<Pem> roots;  // trusted instead of the system's, not beside them
  std::optional<Pem> certificate;
  std::optional<Pem> key;
  VerifyPeer verify = VerifyPeer::kYes;
  std::string server_name;  // for SNI and verification instead of the host; empty: the host

  // "http://…", "https://…" or "socks5://…"; empty string: none. nullopt: as the environment says.
  std::optional<std::string> proxy;

  Compression compression = Compression::kGzip;
  HttpVersions versions = HttpVersions::k2And1;
  Duration connect_timeout = std::chrono::seconds(30);  // to the end of the TLS handshake
  // Of Send, after decompression.
  std::size_t max_response_bytes = std::size_t{512} * 1024 * 1024;
};

// Thread-safe. Must not be destroyed while a call of it is awaited or a stream of it exists.
class Client final : public Transport {
 public:
  // kInvalid, naming the field, if the configuration makes no sense; connects to nothing yet.
  // `executor` outlives the client.
  static Result<std::unique_ptr<Client>> Create(async::Executor& executor, ClientConfig config);
  ~Client() override;

  async::Task<Result<Response>> Send(Request request, async::CancelToken cancel) override;

  // Bytes that nobody reads stop the sender after about 1 MiB. Redirects of GET are followed, up to
  // ten, here and by Send.
  async::Task<Result<std::unique_ptr<ResponseStream>>> Open(Request request,
                                                            async::CancelToken cancel) override;

  // Trusts these roots from the next connection on, in place of the configuration's. Requests and streams
  // under way are left alone.
  void SetRoots(Pem roots);

  // Shows this certificate from the next connection on. Requests under way finish on their connections;
  // open streams end with kUnavailable, so that they are opened again in the new name.
  void SetCertificate(Pem certificate, Pem key);

 private:
  struct Impl;  // client.cc
  explicit Client(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace kro::http
