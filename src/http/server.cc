#include "http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cerrno>
#include <coroutine>
#include <memory>
#include <optional>
#include <type_traits>

#include "async/internal/io_context.h"

namespace kro::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

// As upstream's metrics server.
constexpr std::uint32_t kMaxHeaderBytes = 1024 * 1024;

struct IoResult {
  error_code error;
  std::size_t bytes = 0;
};

// Awaits one Asio operation: `start` is called with the completion handler. Resumes inside the
// handler, which is on the loop already.
template <typename Start>
class Io {
 public:
  explicit Io(Start start) : start_(std::move(start)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    start_([this, self](error_code error, std::size_t bytes = 0) {
      result_ = {error, bytes};
      self.resume();
    });
  }
  IoResult await_resume() const { return result_; }

 private:
  Start start_;
  IoResult result_;
};

// One connection and the requests on it, one after the other.
template <typename Stream>
class Session final : public ResponseWriter, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, async::RealExecutor& executor, const ServerConfig& config,
          const Handler& handler)
      : stream_(std::move(stream)), executor_(executor), config_(config), handler_(handler) {}

  async::Task<void> Run(async::CancelToken stop);

  async::Task<Result<void>> Respond(Response response) override;
  async::Task<Result<void>> Begin(int status, Headers headers) override;
  async::Task<Result<void>> Write(std::string piece) override;
  void Abort() override;
  const ClientSubject* client() const override { return client_ ? &*client_ : nullptr; }

 private:
  enum class Answer { kNone, kStreaming, kDone };
  using Parser = beast::http::request_parser<beast::http::string_body>;

  // False: the connection is of no more use.
  async::Task<bool> ServeOne(async::CancelToken stop);
  async::Task<void> CallHandler(Request request, async::CancelToken cancel);
  async::Task<Result<void>> Sent(IoResult result);
  void WatchForClose(std::weak_ptr<async::CancelSource> cancel);
  void StopReading();
  async::Task<void> Close();
  auto& Socket() { return beast::get_lowest_layer(stream_).socket(); }
  void ExpireAfter(Duration duration) { beast::get_lowest_layer(stream_).expires_after(duration); }

  Stream stream_;
  async::RealExecutor& executor_;
  const ServerConfig& config_;
  const Handler& handler_;
  beast::flat_buffer buffer_;
  std::optional<ClientSubject> client_;

  // Of the request being served.
  bool waiting_ = false;  // for a request
  bool broken_ = false;
  bool keep_alive_ = false;
  bool head_ = false;
  unsigned version_ = 11;
  Answer answer_ = Answer::kNone;
};

// A value with a line break would be two fields to the client.
bool CanBeSent(const Headers& headers);
template <typename Body>
void SetFields(beast::http::response<Body>& message, const Headers& headers);
Headers TakeHeaders(const beast::http::fields& fields);
Response Refusal(int status, std::string body);
std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }
Result<std::shared_ptr<asio::ssl::context>> MakeTls(const ServerTls& config);
error_code Open(asio::ip::tcp::acceptor& acceptor, const asio::ip::tcp::endpoint& endpoint);
// What the certificate of the other side says; nothing if it showed none.
std::optional<ClientSubject> SubjectOf(SSL* connection);

}  // namespace

struct Server::Impl {
  static async::Task<void> Run(std::shared_ptr<Impl> impl, async::CancelToken stop);
  // Owns the session while it runs.
  template <typename Stream>
  static async::Task<void> RunSession(std::shared_ptr<Session<Stream>> session,
                                      async::CancelToken stop) {
    co_await session->Run(std::move(stop));
  }

  async::RealExecutor& executor;
  ServerConfig config;
  Handler handler;
  std::shared_ptr<asio::ssl::context> tls;  // null: plain; connections keep what theirs needs of it
  asio::ip::tcp::acceptor acceptor;
};

Result<std::unique_ptr<Server>> Server::Listen(async::RealExecutor& executor, ServerConfig config,
                                               Handler handler) {
  error_code error;
  const auto address = asio::ip::make_address(config.address, error);
  if (error) return Fail(ErrorCode::kInvalid, "listen: not an address: '{}'", config.address);
  std::shared_ptr<asio::ssl::context> tls;
  if (config.tls) {
    auto made = MakeTls(*config.tls);
    if (!made) return Annotate(made, "listen on {}:{}", config.address, config.port);
    tls = *made;
  }
  asio::ip::tcp::acceptor acceptor(async::internal::IoContext(executor));
  error = Open(acceptor, {address, config.port});
  if (error == asio::error::address_family_not_supported && address == asio::ip::address_v6()) {
    error = Open(acceptor, {asio::ip::address_v4(), config.port});
  }
  if (error) {
    return Fail(ErrorCode::kUnavailable, "listen on {}:{}: {}", config.address, config.port,
                error.message());
  }
  return std::unique_ptr<Server>(new Server(std::make_shared<Impl>(
      Impl{executor, std::move(config), std::move(handler), std::move(tls), std::move(acceptor)})));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::uint16_t Server::port() const {
  error_code ignored;  // it was bound
  return impl_->acceptor.local_endpoint(ignored).port();
}

Result<void> Server::SetCertificate(const ServerTls& certificate) {
  if (!impl_->tls) return Fail(ErrorCode::kInvalid, "the server speaks no TLS");
  auto made = MakeTls(certificate);
  if (!made) return std::unexpected(std::move(made.error()));
  impl_->tls = std::move(*made);
  return {};
}

async::Task<void> Server::Run(async::CancelToken stop) { return Impl::Run(impl_, std::move(stop)); }

async::Task<void> Server::Impl::Run(std::shared_ptr<Impl> impl, async::CancelToken stop) {
  async::Scope sessions(impl->executor, stop);
  auto unlink = stop.OnCancel([impl] {
    impl->executor.Post([impl] {
      error_code ignored;  // closed is closed
      impl->acceptor.close(ignored);
    });
  });
  while (!stop.cancelled()) {
    asio::ip::tcp::socket socket(async::internal::IoContext(impl->executor));
    auto accepted = co_await Io([&](auto done) { impl->acceptor.async_accept(socket, done); });
    if (stop.cancelled()) break;
    if (accepted.error) {
      // Out of descriptors, or the client gave up. Only the former lasts, and ends by waiting.
      static_cast<void>(co_await async::Sleep(impl->executor, std::chrono::milliseconds(50), stop));
      continue;
    }
    error_code ignored;  // only costs speed
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (impl->tls) {
      sessions.Spawn(
          RunSession(std::make_shared<Session<Tls>>(Tls(Plain(std::move(socket)), *impl->tls),
                                                    impl->executor, impl->config, impl->handler),
                     sessions.token()));
    } else {
      sessions.Spawn(
          RunSession(std::make_shared<Session<Plain>>(Plain(std::move(socket)), impl->executor,
                                                      impl->config, impl->handler),
                     sessions.token()));
    }
  }
  unlink();
  error_code ignored;
  impl->acceptor.close(ignored);
  co_await sessions.Join();
}

namespace {

template <typename Stream>
async::Task<void> Session<Stream>::Run(async::CancelToken stop) {
  // Only what waits for a request is interrupted; a handler hears of it by its own token.
  auto unlink = stop.OnCancel([weak = this->weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->executor_.Post([self] {
      if (self->waiting_) beast::get_lowest_layer(self->stream_).cancel();
    });
  });
  bool ready = true;
  if constexpr (std::is_same_v<Stream, Tls>) {
    waiting_ = true;
    ExpireAfter(std::chrono::seconds(10));
    auto shaken = co_await Io(
        [&](auto done) { stream_.async_handshake(asio::ssl::stream_base::server, done); });
    waiting_ = false;
    ready = !shaken.error;
    if (ready) client_ = SubjectOf(stream_.native_handle());
  }
  while (ready && !stop.cancelled()) ready = co_await ServeOne(stop);
  unlink();
  co_await Close();
}

template <typename Stream>
async::Task<bool> Session<Stream>::ServeOne(async::CancelToken stop) {
  Parser parser;
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(config_.max_body_bytes);
  waiting_ = true;
  ExpireAfter(config_.idle_timeout);
  auto read =
      co_await Io([&](auto done) { beast::http::async_read(stream_, buffer_, parser, done); });
  waiting_ = false;

  answer_ = Answer::kNone;
  head_ = false;
  keep_alive_ = false;
  if (read.error == beast::http::error::body_limit) {
    static_cast<void>(co_await Respond(Refusal(413, "request body too large\n")));
    co_return false;
  }
  if (read.error == beast::http::error::header_limit) {
    static_cast<void>(co_await Respond(Refusal(431, "request header too large\n")));
    co_return false;
  }
  const auto& malformed = make_error_code(beast::http::error::bad_method).category();
  if (read.error && read.error.category() == malformed &&
      read.error != beast::http::error::end_of_stream &&
      read.error != beast::http::error::partial_message) {
    static_cast<void>(co_await Respond(Refusal(400, "malformed request\n")));
    co_return false;
  }
  if (read.error) co_return false;

  auto message = parser.release();
  head_ = message.method() == beast::http::verb::head;
  keep_alive_ = message.keep_alive();
  version_ = message.version();
  Request request{.method = std::string(View(message.method_string())),
                  .target = std::string(View(message.target())),
                  .headers = TakeHeaders(message.base()),
                  .body = std::move(message.body())};

  auto cancel = std::make_shared<async::CancelSource>(stop);
  WatchForClose(cancel);
  co_await CallHandler(std::move(request), cancel->token());
  StopReading();

  if (broken_) co_return false;
  if (answer_ == Answer::kNone) {
    static_cast<void>(co_await Respond(Refusal(500, "no answer\n")));
  } else if (answer_ == Answer::kStreaming) {
    answer_ = Answer::kDone;
    if (version_ >= 11 && !head_) {
      ExpireAfter(config_.write_timeout);
      auto sent = co_await Io(
          [&](auto done) { asio::async_write(stream_, beast::http::make_chunk_last(), done); });
      if (sent.error) co_return false;
    }
  }
  co_return keep_alive_ && !broken_;
}

template <typename Stream>
async::Task<void> Session<Stream>::CallHandler(Request request, async::CancelToken cancel) {
  bool threw = false;
  try {
    co_await handler_(std::move(request), *this, std::move(cancel));
  } catch (...) {
    threw = true;
  }
  // What has begun cannot be taken back, only broken off.
  if (threw && answer_ == Answer::kStreaming) Abort();
}

template <typename Stream>
async::Task<Result<void>> Session<Stream>::Respond(Response response) {
  if (answer_ != Answer::kNone) co_return Fail(ErrorCode::kInternal, "answered twice");
  if (!CanBeSent(response.headers)) co_return Fail(ErrorCode::kInternal, "malformed header");
  answer_ = Answer::kDone;
  IoResult sent;
  ExpireAfter(config_.write_timeout);
  if (head_) {
    beast::http::response<beast::http::empty_body> message;
    message.result(static_cast<unsigned>(response.status));
    message.version(version_);
    SetFields(message, response.headers);
    message.content_length(response.body.size());
    message.keep_alive(keep_alive_);
    sent = co_await Io([&](auto done) { beast::http::async_write(stream_, message, done); });
  } else {
    beast::http::response<beast::http::string_body> message;
    message.result(static_cast<unsigned>(response.status));
    message.version(version_);
    SetFields(message, response.headers);
    message.body() = std::move(response.body);
    message.keep_alive(keep_alive_);
    message.prepare_payload();
    sent = co_await Io([&](auto done) { beast::http::async_write(stream_, message, done); });
  }
  co_return co_await Sent(sent);
}

template <typename Stream>
async::Task<Result<void>> Session<Stream>::Begin(int status, Headers headers) {
  if (answer_ != Answer::kNone) co_return Fail(ErrorCode::kInternal, "answered twice");
  if (!CanBeSent(headers)) co_return Fail(ErrorCode::kInternal, "malformed header");
  answer_ = Answer::kStreaming;
  if (version_ < 11) keep_alive_ = false;  // the end of the connection is that of the body
  beast::http::response<beast::http::empty_body> message;
  message.result(static_cast<unsigned>(status));
  message.version(version_);
  SetFields(message, headers);
  message.chunked(version_ >= 11);
  message.keep_alive(keep_alive_);
  beast::http::response_serializer<beast::http::empty_body> serializer(message);
  ExpireAfter(config_.write_timeout);
  auto sent =
      co_await Io([&](auto done) { beast::http::async_write_header(stream_, serializer, done); });
  co_return co_await Sent(sent);
}

template <typename Stream>
async::Task<Result<void>> Session<Stream>::Write(std::string piece) {
  if (answer_ != Answer::kStreaming) co_return Fail(ErrorCode::kInternal, "nothing begun");
  if (broken_) co_return Fail(ErrorCode::kUnavailable, "client gone");
  if (piece.empty() || head_) co_return Result<void>{};  // an empty chunk would end the body
  ExpireAfter(config_.write_timeout);
  const auto bytes = asio::buffer(piece);
  IoResult sent;
  if (version_ >= 11) {
    sent = co_await Io([&](auto done) {
      asio::async_write(stream_, beast::http::make_chunk(asio::const_buffer(bytes)), done);
    });
  } else {
    sent = co_await Io([&](auto done) { asio::async_write(stream_, bytes, done); });
  }
  co_return co_await Sent(sent);
}

template <typename Stream>
void Session<Stream>::Abort() {
  broken_ = true;
  error_code ignored;  // closed is closed
  Socket().close(ignored);
}

template <typename Stream>
async::Task<Result<void>> Session<Stream>::Sent(IoResult result) {
  if (result.error) {
    broken_ = true;
    co_return Fail(ErrorCode::kUnavailable, "client gone: {}", result.error.message());
  }
  co_return Result<void>{};
}

// While a handler runs nobody reads; a close shows as readable without bytes.
template <typename Stream>
void Session<Stream>::WatchForClose(std::weak_ptr<async::CancelSource> cancel) {
  ExpireAfter(std::chrono::hours(24 * 365));
  Socket().async_wait(asio::ip::tcp::socket::wait_read, [self = this->weak_from_this(),
                                                         cancel](const error_code& error) {
    auto alive = self.lock();
    auto source = cancel.lock();
    if (error || !alive || !source) return;
    char byte = 0;
    const auto got = recv(alive->Socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool closed =
        got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    if (closed) source->Cancel();
  });
}

template <typename Stream>
void Session<Stream>::StopReading() {
  error_code ignored;  // it may be closed
  Socket().cancel(ignored);
}

template <typename Stream>
async::Task<void> Session<Stream>::Close() {
  if (!broken_) {
    if constexpr (std::is_same_v<Stream, Tls>) {
      ExpireAfter(std::chrono::seconds(2));
      static_cast<void>(co_await Io([&](auto done) { stream_.async_shutdown(done); }));
    }
    error_code ignored;  // the client may have gone
    Socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }
  error_code ignored;
  Socket().close(ignored);
}

bool CanBeSent(const Headers& headers) {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  return std::ranges::all_of(headers.fields(), [&](const auto& field) {
    return field.first.find_first_of(kBreaks) == std::string::npos &&
           field.second.find_first_of(kBreaks) == std::string::npos;
  });
}

template <typename Body>
void SetFields(beast::http::response<Body>& message, const Headers& headers) {
  for (const auto& [name, value] : headers.fields()) message.insert(name, value);
}

Response Refusal(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

Headers TakeHeaders(const beast::http::fields& fields) {
  Headers headers;
  for (const auto& field : fields) {
    headers.Add(View(field.name_string()), std::string(View(field.value())));
  }
  return headers;
}

Result<std::shared_ptr<asio::ssl::context>> MakeTls(const ServerTls& config) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1,
                   error);
  if (!error) tls->use_certificate_chain(asio::buffer(config.certificate_pem), error);
  if (error) return Fail(ErrorCode::kInvalid, "tls certificate: {}", error.message());
  tls->use_private_key(asio::buffer(config.key_pem), asio::ssl::context::pem, error);
  if (error) return Fail(ErrorCode::kInvalid, "tls key: {}", error.message());
  if (config.client_roots_pem.empty()) return tls;
  tls->add_certificate_authority(asio::buffer(config.client_roots_pem), error);
  if (!error) tls->set_verify_mode(asio::ssl::verify_peer, error);
  if (error) return Fail(ErrorCode::kInvalid, "tls roots of clients: {}", error.message());
  // Without a name OpenSSL breaks off with a client that comes back and resumes its session.
  constexpr unsigned char kName[] = {'k', 'r', 'o'};
  SSL_CTX_set_session_id_context(tls->native_handle(), kName, sizeof(kName));
  return tls;
}

error_code Open(asio::ip::tcp::acceptor& acceptor, const asio::ip::tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  // Not left to the machine's net.ipv6.bindv6only.
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(endpoint.address() != asio::ip::address_v6()), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

std::optional<ClientSubject> SubjectOf(SSL* connection) {
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(connection),
                                                          X509_free);
  if (shown == nullptr) return std::nullopt;
  ClientSubject subject;
  const X509_NAME* name = X509_get_subject_name(shown.get());
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    if (size < 0) continue;
    std::string value(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (kind == NID_commonName) subject.common_name = std::move(value);
    if (kind == NID_organizationName) subject.organizations.push_back(std::move(value));
  }
  return subject;
}

}  // namespace
}  // namespace kro::http
