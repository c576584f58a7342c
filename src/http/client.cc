#include "http/client.h"

#include <curl/curl.h>
#include <fmt/chrono.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "async/one_shot.h"
#include "http/proxy.h"

namespace kro::http {
namespace {

class Loop;

// Unread bytes of a stream above which the sender is made to wait.
constexpr std::size_t kHighWater = std::size_t{1024} * 1024;

enum class Kind {
  kWhole,   // the waiter is woken at the end
  kStream,  // the waiter is woken by headers, data and the end
};

// Parts of the URL of the configuration.
struct Place {
  std::string scheme;
  std::string host;  // IPv6 addresses without brackets
  std::uint16_t port = 0;
  std::string path;  // without a slash at its end

  // As it stands in a URL.
  std::string HostAndPort() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
  }
};

// Easy handles that have carried a request to its end, to carry another: most of their options are the same for
// all. Thread-safe.
class Handles {
 public:
  ~Handles();

  // nullptr: there is none.
  CURL* Take();
  // Keeps it, if it is of this generation and there are not many.
  void Return(CURL* easy, std::uint64_t generation);

  // The options that are the same for all have changed: none from before is kept.
  void Renew();
  std::uint64_t generation() const;

 private:
  static constexpr std::size_t kMost = 32;

  mutable std::mutex mutex_;
  std::vector<CURL*> idle_;       // guarded by mutex_
  std::uint64_t generation_ = 0;  // guarded by mutex_
};

// One request and its answer. Shared by the coroutine that waits and the thread of the loop.
struct Transfer : std::enable_shared_from_this<Transfer> {
  Transfer(async::Executor& e, Request r, Kind k) : executor(e), request(std::move(r)), kind(k) {}
  ~Transfer();

  // Suspends until something happened that `kind` waits for, or false after `limit`.
  async::Task<bool> Changed(Duration limit);
  void Wake();  // mutex held
  // Ends the answer, with `error` if there is one. False: it had ended.
  bool Finish(std::optional<Error> error);
  // As Finish; also ends the transfer itself. Any thread.
  void Abort(Error error);

  async::Executor& executor;
  const Request request;
  const Kind kind;
  std::weak_ptr<Loop> loop;
  std::shared_ptr<const int> place_in_loop;  // of a stream
  std::string place;                         // of the server
  std::size_t max_bytes = 0;
  bool follow_redirects = false;
  bool decode = false;

  std::shared_ptr<Handles> handles;
  std::uint64_t generation = 0;

  // Only the loop's thread, once added.
  CURL* easy = nullptr;
  bool completed = false;  // curl is done with the handle, and all went well
  curl_slist* fields = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};
  Headers receiving;
  bool sent = false;  // at least once

  std::mutex mutex;
  bool head_there = false;                       // guarded by mutex
  bool head_taken = false;                       // the waiter knows; guarded by mutex
  int status = 0;                                // guarded by mutex
  Headers headers;                               // guarded by mutex
  std::string body;                              // received, not yet read; guarded by mutex
  bool paused = false;                           // guarded by mutex
  bool ended = false;                            // guarded by mutex
  std::optional<Error> failure;                  // guarded by mutex
  std::shared_ptr<async::OneShot<bool>> waiter;  // guarded by mutex
};

// The thread that drives curl.
class Loop {
 public:
  explicit Loop(HttpVersions versions);
  ~Loop();

  void Start();
  void Stop();
  void Add(std::shared_ptr<Transfer> transfer);
  void Remove(std::shared_ptr<Transfer> transfer);
  void Resume(std::shared_ptr<Transfer> transfer);
  // Ends all streams.
  void EndStreams(Error error);
  // The server turned out to speak HTTP/1.1 only. On the thread, from within curl.
  void SawHttp1() { saw_http1_ = true; }

 private:
  void Command(std::function<void()> command);
  void Run();
  void RunCommands();
  void TakeFinished();
  void LimitConnections();
  void LiftLimit();

  CURLM* multi_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;                  // guarded by mutex_
  std::unordered_map<CURL*, std::shared_ptr<Transfer>> active_;  // only the thread
  bool limited_;                                                 // only the thread
  bool saw_http1_ = false;                                       // only the thread
};

// The loops of one client. Each turn of a loop costs the time of every transfer that it has, also of those that wait:
// so streams, which mostly wait, are shared out among as many loops as they take. Thread-safe.
class Loops {
 public:
  explicit Loops(HttpVersions versions);

  void Stop();
  // The loop that carries `transfer` from now on.
  std::shared_ptr<Loop> Carry(Transfer& transfer);
  void EndStreams(const Error& error);

 private:
  static constexpr long kMostStreams = 64;
  struct Place {
    std::shared_ptr<Loop> loop;
    std::shared_ptr<const int> streams;  // as many as hold it besides this
  };

  void Grow();  // mutex held, or not shared yet

  const HttpVersions versions_;
  std::mutex mutex_;
  std::vector<Place> loops_;  // the first carries the requests too; guarded by mutex_
};

class CurlStream final : public ResponseStream {
 public:
  CurlStream(std::shared_ptr<Transfer> transfer, std::function<void()> unlink);
  ~CurlStream() override;
  int status() const override { return status_; }
  const Headers& headers() const override { return headers_; }
  async::Task<Result<std::string>> Read(Duration idle) override;

 private:
  std::shared_ptr<Transfer> transfer_;
  std::function<void()> unlink_;
  int status_;
  Headers headers_;
};

Result<Place> ParseUrl(const std::string& url);
Result<void> CheckConfig(const ClientConfig& config);
Result<void> CheckRequest(const Request& request);
std::string CurlProxy(std::string proxy);
void SetPem(CURL* easy, const std::optional<Pem>& pem, CURLoption file, CURLoption blob);
std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user);
std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user);
int OnSocket(void* user, curl_socket_t socket, curlsocktype purpose);
int OnSend(void* user, char* to, char* from, int to_port, int from_port);
Error Failure(const Transfer& transfer, CURLcode code);

}  // namespace

struct Client::Impl {
  Impl(async::Executor& e, ClientConfig c, Place p, std::string through);
  ~Impl();

  // Whether the URL names another host than the server's own.
  bool SendsHost() const { return !config.server_name.empty() && place.scheme == "https"; }

  // The transfer, started.
  Result<std::shared_ptr<Transfer>> Start(Request request, Kind kind);
  // What is the same for all requests; nullptr if there is no memory.
  CURL* NewHandle();

  static async::Task<Result<Response>> Send(std::shared_ptr<Impl> impl, Request request,
                                            async::CancelToken cancel);
  static async::Task<Result<std::unique_ptr<ResponseStream>>> Open(std::shared_ptr<Impl> impl,
                                                                   Request request,
                                                                   async::CancelToken cancel);

  async::Executor& executor;
  std::mutex mutex;
  ClientConfig config;  // roots, certificate and key guarded by mutex
  Place place;
  // The name to verify goes into the URL, the place to connect to beside it.
  std::string url;         // without the request's target
  curl_slist* connect_to;  // nullptr: as the URL says
  std::string proxy;       // empty: none
  std::shared_ptr<Handles> handles = std::make_shared<Handles>();
  Loops loops;
};

Client::Impl::Impl(async::Executor& e, ClientConfig c, Place p, std::string through)
    : executor(e),
      config(std::move(c)),
      place(std::move(p)),
      connect_to(nullptr),
      proxy(std::move(through)),
      loops(place.scheme == "https" ? config.versions : HttpVersions::k1Only) {
  std::string host_and_port = place.HostAndPort();
  if (SendsHost()) {
    const std::string from = fmt::format("{}:{}", config.server_name, place.port);
    connect_to = curl_slist_append(nullptr, fmt::format("{}:{}", from, host_and_port).c_str());
    host_and_port = from;
  }
  url = fmt::format("{}://{}{}", place.scheme, host_and_port, place.path);
}

Client::Impl::~Impl() { curl_slist_free_all(connect_to); }

Result<std::unique_ptr<Client>> Client::Create(async::Executor& executor, ClientConfig config) {
  auto place = ParseUrl(config.url);
  if (!place) return Annotate(place, "server '{}'", config.url);
  if (auto checked = CheckConfig(config); !checked) {
    return Annotate(checked, "server '{}'", config.url);
  }
  std::string proxy =
      config.proxy
          ? *config.proxy
          : ProxyFor(place->scheme, place->host, place->port, ProcessEnvironment()).value_or("");
  auto impl = std::make_shared<Impl>(executor, std::move(config), std::move(*place),
                                     CurlProxy(std::move(proxy)));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() { impl_->loops.Stop(); }

async::Task<Result<Response>> Client::Send(Request request, async::CancelToken cancel) {
  return Impl::Send(impl_, std::move(request), std::move(cancel));
}

async::Task<Result<std::unique_ptr<ResponseStream>>> Client::Open(Request request,
                                                                  async::CancelToken cancel) {
  return Impl::Open(impl_, std::move(request), std::move(cancel));
}

void Client::SetRoots(Pem roots) {
  std::lock_guard lock(impl_->mutex);
  impl_->config.roots = std::move(roots);
  impl_->handles->Renew();
}

void Client::SetCertificate(Pem certificate, Pem key) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->config.certificate = std::move(certificate);
    impl_->config.key = std::move(key);
    impl_->handles->Renew();
  }
  impl_->loops.EndStreams(Error(ErrorCode::kUnavailable, "the client certificate changed"));
}

async::Task<Result<Response>> Client::Impl::Send(std::shared_ptr<Impl> impl, Request request,
                                                 async::CancelToken cancel) {
  if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
  const Duration timeout = request.timeout;
  auto started = impl->Start(std::move(request), Kind::kWhole);
  if (!started) co_return std::unexpected(started.error());
  const std::shared_ptr<Transfer> transfer = *started;
  auto unlink =
      cancel.OnCancel([transfer] { transfer->Abort(Error(ErrorCode::kCancelled, "cancelled")); });
  if (!co_await transfer->Changed(timeout)) {
    transfer->Abort(Error(ErrorCode::kUnavailable,
                          fmt::format("{}: no answer within {}", transfer->place,
                                      std::chrono::ceil<std::chrono::milliseconds>(timeout))));
  }
  unlink();
  std::lock_guard lock(transfer->mutex);
  if (transfer->failure) co_return std::unexpected(*transfer->failure);
  co_return Response{.status = transfer->status,
                     .headers = std::move(transfer->headers),
                     .body = std::move(transfer->body)};
}

async::Task<Result<std::unique_ptr<ResponseStream>>> Client::Impl::Open(std::shared_ptr<Impl> impl,
                                                                        Request request,
                                                                        async::CancelToken cancel) {
  if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
  const Duration timeout = request.timeout;
  auto started = impl->Start(std::move(request), Kind::kStream);
  if (!started) co_return std::unexpected(started.error());
  const std::shared_ptr<Transfer> transfer = *started;
  auto unlink =
      cancel.OnCancel([transfer] { transfer->Abort(Error(ErrorCode::kCancelled, "cancelled")); });
  if (!co_await transfer->Changed(timeout)) {
    transfer->Abort(Error(ErrorCode::kUnavailable,
                          fmt::format("{}: no answer within {}", transfer->place,
                                      std::chrono::ceil<std::chrono::milliseconds>(timeout))));
  }
  std::optional<Error> failure;
  {
    std::lock_guard lock(transfer->mutex);
    // Headers that came before the failure are an answer; Read tells of the failure.
    if (!transfer->head_there) failure = transfer->failure;
  }
  if (failure) {
    unlink();
    co_return std::unexpected(std::move(*failure));
  }
  co_return std::make_unique<CurlStream>(transfer, std::move(unlink));
}

Result<std::shared_ptr<Transfer>> Client::Impl::Start(Request request, Kind kind) {
  if (auto checked = CheckRequest(request); !checked) {
    return Annotate(checked, "{} {}", request.method, request.target);
  }
  auto transfer = std::make_shared<Transfer>(executor, std::move(request), kind);
  const Request& sent = transfer->request;
  transfer->place = place.HostAndPort();
  transfer->max_bytes = config.max_response_bytes;
  transfer->follow_redirects = sent.method == "GET";
  transfer->decode = config.compression == Compression::kGzip;

  transfer->handles = handles;
  // Before the handle: one that is older than it seems is not used again.
  transfer->generation = handles->generation();
  transfer->easy = handles->Take();
  if (transfer->easy == nullptr) transfer->easy = NewHandle();
  if (transfer->easy == nullptr)
    return Fail(ErrorCode::kUnavailable, "out of memory for a request");

  CURL* easy = transfer->easy;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer.get());
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, transfer->follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, OnSend);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer.get());
  curl_easy_setopt(easy, CURLOPT_URL, (url + sent.target).c_str());

  const auto add_field = [&](const std::string& line) {
    transfer->fields = curl_slist_append(transfer->fields, line.c_str());
  };
  if (SendsHost() && sent.headers.Find("Host") == nullptr) add_field("Host: " + transfer->place);
  curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);  // forgets what the handle sent before
  if (sent.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    if (!sent.body.empty() || sent.method == "POST" || sent.method == "PUT" ||
        sent.method == "PATCH") {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(sent.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, sent.body.c_str());
      if (sent.headers.Find("Content-Type") == nullptr) add_field("Content-Type:");
      add_field("Expect:");  // a round trip for nothing
    }
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                   sent.method == "HEAD" ? nullptr : sent.method.c_str());
  for (const auto& [name, value] : sent.headers.fields()) {
    add_field(value.empty() ? name + ";" : name + ": " + value);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);

  loops.Carry(*transfer)->Add(transfer);
  return transfer;
}

CURL* Client::Impl::NewHandle() {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) return nullptr;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (config.compression == Compression::kGzip) {
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  }

  // Connections. Idle ones are closed after 90 s (kube-client section 6).
  const bool http2 = config.versions == HttpVersions::k2And1;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, http2 && place.scheme == "https" ? 1L : 0L);
  curl_easy_setopt(
      easy, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(
          std::chrono::ceil<std::chrono::milliseconds>(config.connect_timeout).count()));
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 90L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, OnSocket);
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
  // A name may move: it is asked for again for each connection.
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());  // empty: not even the environment's
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");

  // TLS. A CAPATH of the system would be trusted beside the given roots.
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config.verify == VerifyPeer::kYes ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config.verify == VerifyPeer::kYes ? 2L : 0L);
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 300L);
  std::lock_guard lock(mutex);
  if (config.roots) curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  SetPem(easy, config.roots, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
  SetPem(easy, config.certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
  SetPem(easy, config.key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
  return easy;
}

namespace {

Result<Place> ParseUrl(const std::string& url) {
  struct Url {
    CURLU* handle = curl_url();
    ~Url() { curl_url_cleanup(handle); }
    std::string Get(CURLUPart part, unsigned flags = 0) const {
      char* text = nullptr;
      if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return {};
      std::string copy(text);
      curl_free(text);
      return copy;
    }
  } parsed;
  if (const CURLUcode code = curl_url_set(parsed.handle, CURLUPART_URL, url.c_str(), 0);
      code != CURLUE_OK) {
    return Fail(ErrorCode::kInvalid, "{}", curl_url_strerror(code));
  }
  Place place;
  place.scheme = parsed.Get(CURLUPART_SCHEME);
  if (place.scheme != "http" && place.scheme != "https") {
    return Fail(ErrorCode::kInvalid, "scheme '{}' is neither http nor https", place.scheme);
  }
  if (!parsed.Get(CURLUPART_QUERY).empty() || !parsed.Get(CURLUPART_FRAGMENT).empty()) {
    return Fail(ErrorCode::kInvalid, "a query or fragment has no place in a server's URL");
  }
  place.host = parsed.Get(CURLUPART_HOST);
  if (place.host.starts_with('[')) place.host = place.host.substr(1, place.host.size() - 2);
  const std::string port = parsed.Get(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), place.port);
  place.path = parsed.Get(CURLUPART_PATH);
  while (place.path.ends_with('/')) place.path.pop_back();
  return place;
}

Result<void> CheckConfig(const ClientConfig& config) {
  if (config.verify == VerifyPeer::kNo && config.roots) {
    return Fail(ErrorCode::kInvalid,
                "specifying a root certificates file with the insecure flag is not allowed");
  }
  if (config.certificate.has_value() != config.key.has_value()) {
    return Fail(ErrorCode::kInvalid, "a client certificate and its key go together");
  }
  if (config.proxy && !config.proxy->empty()) {
    const std::string scheme = config.proxy->substr(0, config.proxy->find("://"));
    if (scheme != "http" && scheme != "https" && scheme != "socks5") {
      return Fail(ErrorCode::kInvalid, "proxy '{}': scheme must be http, https or socks5",
                  *config.proxy);
    }
  }
  return {};
}

// What would end a line early could smuggle in another request.
Result<void> CheckRequest(const Request& request) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (request.method.empty() || !std::ranges::all_of(request.method, is_letter)) {
    return Fail(ErrorCode::kInvalid, "not a method");
  }
  if (!request.target.starts_with('/') ||
      std::ranges::any_of(request.target, [&](char c) { return is_control(c) || c == ' '; })) {
    return Fail(ErrorCode::kInvalid, "the target must be an encoded path that starts with '/'");
  }
  for (const auto& [name, value] : request.headers.fields()) {
    const auto breaks_name = [&](char c) { return is_control(c) || c == ' ' || c == ':'; };
    const auto breaks_value = [&](char c) { return is_control(c) && c != '\t'; };
    if (name.empty() || std::ranges::any_of(name, breaks_name) ||
        std::ranges::any_of(value, breaks_value)) {
      return Fail(ErrorCode::kInvalid, "header '{}' cannot be sent", name);
    }
  }
  return {};
}

// Go's socks5 leaves name resolution to the proxy, which curl calls socks5h.
std::string CurlProxy(std::string proxy) {
  if (proxy.starts_with("socks5://")) proxy.insert(6, "h");
  return proxy;
}

void SetPem(CURL* easy, const std::optional<Pem>& pem, CURLoption file, CURLoption blob) {
  if (!pem) return;
  if (const auto* in_file = std::get_if<PemFile>(&*pem)) {
    curl_easy_setopt(easy, file, in_file->path.c_str());
    return;
  }
  const std::string& text = std::get<PemText>(*pem).text;
  curl_blob bytes{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, blob, &bytes);
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);

  if (line.starts_with("HTTP/")) {  // of a redirect or an interim answer, perhaps
    transfer.receiving = Headers();
    return size * count;
  }
  if (!line.empty()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size * count;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    transfer.receiving.Add(line.substr(0, colon), std::string(value));
    return size * count;
  }
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  const bool interim = status >= 100 && status < 200;
  const bool redirect = transfer.follow_redirects && status >= 300 && status < 400 &&
                        transfer.receiving.Find("Location") != nullptr;
  long version = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_HTTP_VERSION, &version);
  if (version == CURL_HTTP_VERSION_1_1 || version == CURL_HTTP_VERSION_1_0) {
    if (auto alive = transfer.loop.lock()) alive->SawHttp1();
  }
  std::lock_guard lock(transfer.mutex);
  if (interim || redirect || transfer.head_there) return size * count;  // there: a trailer
  transfer.head_there = true;
  transfer.status = static_cast<int>(status);
  transfer.headers = std::move(transfer.receiving);
  if (const std::string* encoding = transfer.headers.Find("Content-Encoding");
      transfer.decode && encoding != nullptr && (*encoding == "gzip" || *encoding == "x-gzip")) {
    // They describe what was on the wire.
    transfer.headers.Remove("Content-Encoding");
    transfer.headers.Remove("Content-Length");
  }
  if (transfer.kind == Kind::kStream) transfer.Wake();
  return size * count;
}

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::lock_guard lock(transfer.mutex);
  if (transfer.ended) return 0;
  if (!transfer.head_there) return size * count;  // the body of a redirect
  if (transfer.kind == Kind::kStream && transfer.body.size() >= kHighWater) {
    transfer.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (transfer.kind == Kind::kWhole && transfer.body.size() + size * count > transfer.max_bytes) {
    transfer.ended = true;
    transfer.failure =
        Error(ErrorCode::kExhausted,
              fmt::format("{}: {} {}: answer of more than {} bytes", transfer.place,
                          transfer.request.method, transfer.request.target, transfer.max_bytes));
    transfer.Wake();
    return 0;
  }
  transfer.body.append(data, size * count);
  if (transfer.kind == Kind::kStream) transfer.Wake();
  return size * count;
}

int OnSocket(void*, curl_socket_t socket, curlsocktype) {
  const int probes = 3;
  const unsigned unacknowledged_ms = 45'000;
  // Best effort: without them the kernel's defaults hold.
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
  // Otherwise the kernel goes on to deliver a request of which we, or our process, know no more.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  return CURL_SOCKOPT_OK;
}

// The last moment before a request is written to its connection.
int OnSend(void* user, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  const Request& request = transfer.request;
  const bool late = request.not_after && transfer.executor.clock().Monotonic() > *request.not_after;
  // curl sends again when a connection that it kept ends without an answer; a write may have been carried out.
  const bool again =
      std::exchange(transfer.sent, true) && request.method != "GET" && request.method != "HEAD";
  if (!late && !again) return CURL_PREREQFUNC_OK;
  transfer.Finish(
      Error(ErrorCode::kUnavailable,
            fmt::format("{}: {} {}: {}", transfer.place, request.method, request.target,
                        again ? "the connection ended before an answer" : "too late to be sent")));
  return CURL_PREREQFUNC_ABORT;
}

Error Failure(const Transfer& transfer, CURLcode code) {
  std::string reason =
      transfer.error_text[0] != '\0' ? transfer.error_text : curl_easy_strerror(code);
  if (long os_error = 0;
      code == CURLE_COULDNT_CONNECT &&
      curl_easy_getinfo(transfer.easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0) {
    reason = std::strerror(static_cast<int>(os_error));
  }
  if (reason.size() > 1 && reason[0] >= 'A' && reason[0] <= 'Z' &&
      !(reason[1] >= 'A' && reason[1] <= 'Z')) {
    reason[0] = static_cast<char>(reason[0] + 32);
  }
  Error error(ErrorCode::kUnavailable, std::move(reason));
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error(ErrorCode::kInvalid, error.message());
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
      error.Push("tls");
      error.Push(fmt::format("connect to {}", transfer.place));
      return error;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
    case CURLE_OPERATION_TIMEDOUT:  // curl is given no other timeout than that of connecting
      error.Push(fmt::format("connect to {}", transfer.place));
      return error;
    default:
      error.Push(fmt::format("{} {}", transfer.request.method, transfer.request.target));
      error.Push(transfer.place);
      return error;
  }
}

Handles::~Handles() {
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
}

CURL* Handles::Take() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  CURL* easy = idle_.back();
  idle_.pop_back();
  return easy;
}

void Handles::Return(CURL* easy, std::uint64_t generation) {
  {
    std::lock_guard lock(mutex_);
    if (generation == generation_ && idle_.size() < kMost) {
      idle_.push_back(easy);
      return;
    }
  }
  curl_easy_cleanup(easy);
}

void Handles::Renew() {
  std::lock_guard lock(mutex_);
  ++generation_;
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
  idle_.clear();
}

std::uint64_t Handles::generation() const {
  std::lock_guard lock(mutex_);
  return generation_;
}

Transfer::~Transfer() {
  if (easy != nullptr && completed) {
    // What it points to goes with the transfer.
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
    handles->Return(easy, generation);
  } else if (easy != nullptr) {
    curl_easy_cleanup(easy);
  }
  curl_slist_free_all(fields);
}

async::Task<bool> Transfer::Changed(Duration limit) {
  auto changed = std::make_shared<async::OneShot<bool>>(executor);
  {
    std::lock_guard lock(mutex);
    if (ended || (kind == Kind::kStream && (!body.empty() || (head_there && !head_taken)))) {
      head_taken = true;
      co_return true;
    }
    waiter = changed;
  }
  std::function<void()> stop_timer;
  if (limit > Duration::zero()) {
    stop_timer =
        executor.PostAt(executor.clock().Monotonic() + limit, [changed] { changed->Set(false); });
  }
  const bool happened = co_await changed->Wait();
  if (stop_timer) stop_timer();
  std::lock_guard lock(mutex);
  waiter.reset();
  head_taken = true;
  co_return happened;
}

void Transfer::Wake() {
  if (auto woken = std::exchange(waiter, nullptr)) woken->Set(true);
}

bool Transfer::Finish(std::optional<Error> error) {
  std::lock_guard lock(mutex);
  if (ended) return false;
  ended = true;
  failure = std::move(error);
  Wake();
  return true;
}

void Transfer::Abort(Error error) {
  if (!Finish(std::move(error))) return;
  if (auto alive = loop.lock()) alive->Remove(shared_from_this());
}

CurlStream::CurlStream(std::shared_ptr<Transfer> transfer, std::function<void()> unlink)
    : transfer_(std::move(transfer)), unlink_(std::move(unlink)) {
  std::lock_guard lock(transfer_->mutex);
  status_ = transfer_->status;
  headers_ = transfer_->headers;
}

CurlStream::~CurlStream() {
  unlink_();
  transfer_->Abort(Error(ErrorCode::kCancelled, "stream closed"));
}

async::Task<Result<std::string>> CurlStream::Read(Duration idle) {
  const std::shared_ptr<Transfer> transfer = transfer_;
  while (true) {
    bool resume = false;
    std::string bytes;
    {
      std::lock_guard lock(transfer->mutex);
      if (transfer->failure && transfer->failure->code() == ErrorCode::kCancelled) {
        co_return std::unexpected(*transfer->failure);
      }
      bytes.swap(transfer->body);
      if (bytes.empty() && transfer->failure) co_return std::unexpected(*transfer->failure);
      if (bytes.empty() && transfer->ended) co_return std::string();
      resume = std::exchange(transfer->paused, false);
    }
    if (resume) {
      if (auto alive = transfer->loop.lock()) alive->Resume(transfer);
    }
    if (!bytes.empty()) co_return bytes;
    if (!co_await transfer->Changed(idle)) {
      transfer->Abort(Error(ErrorCode::kUnavailable,
                            fmt::format("{}: {} {}: nothing received for {}", transfer->place,
                                        transfer->request.method, transfer->request.target,
                                        std::chrono::ceil<std::chrono::milliseconds>(idle))));
    }
  }
}

Loops::Loops(HttpVersions versions) : versions_(versions) { Grow(); }

void Loops::Stop() {
  std::lock_guard lock(mutex_);
  for (const Place& place : loops_) place.loop->Stop();
}

std::shared_ptr<Loop> Loops::Carry(Transfer& transfer) {
  std::lock_guard lock(mutex_);
  std::size_t chosen = 0;
  if (transfer.kind == Kind::kStream) {
    while (chosen < loops_.size() && loops_[chosen].streams.use_count() > kMostStreams) ++chosen;
    if (chosen == loops_.size()) Grow();
    transfer.place_in_loop = loops_[chosen].streams;
  }
  transfer.loop = loops_[chosen].loop;
  return loops_[chosen].loop;
}

void Loops::EndStreams(const Error& error) {
  std::lock_guard lock(mutex_);
  for (const Place& place : loops_) place.loop->EndStreams(error);
}

void Loops::Grow() {
  loops_.push_back({std::make_shared<Loop>(versions_), std::make_shared<const int>()});
  loops_.back().loop->Start();
}

Loop::Loop(HttpVersions versions) : limited_(versions == HttpVersions::k2And1) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);  // its failure shows as one of curl_multi_init
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 250L);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 25L);
}

Loop::~Loop() { curl_multi_cleanup(multi_); }

void Loop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Loop::Stop() {
  stop_ = true;
  curl_multi_wakeup(multi_);
  thread_.join();
}

void Loop::Add(std::shared_ptr<Transfer> transfer) {
  Command([this, transfer] {
    LimitConnections();
    if (curl_multi_add_handle(multi_, transfer->easy) != CURLM_OK) {
      transfer->Finish(Error(ErrorCode::kInternal, "curl refused the request"));
      return;
    }
    active_.emplace(transfer->easy, transfer);
  });
}

void Loop::Remove(std::shared_ptr<Transfer> transfer) {
  Command([this, transfer] {
    if (active_.erase(transfer->easy) > 0) curl_multi_remove_handle(multi_, transfer->easy);
  });
}

void Loop::Resume(std::shared_ptr<Transfer> transfer) {
  Command([this, transfer] {
    if (active_.contains(transfer->easy)) curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
  });
}

void Loop::EndStreams(Error error) {
  Command([this, error = std::move(error)] {
    std::vector<std::shared_ptr<Transfer>> streams;
    for (const auto& [easy, transfer] : active_) {
      if (transfer->kind == Kind::kStream) streams.push_back(transfer);
    }
    for (const auto& stream : streams) {
      active_.erase(stream->easy);
      curl_multi_remove_handle(multi_, stream->easy);
      stream->Finish(error);
    }
  });
}

void Loop::Command(std::function<void()> command) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = commands_.empty();
    commands_.push_back(std::move(command));
  }
  if (first) curl_multi_wakeup(multi_);  // whoever was before has woken it for the others too
}

void Loop::Run() {
  // OpenSSL writes to sockets that the peer may have closed.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  while (!stop_) {
    RunCommands();
    int running = 0;
    curl_multi_perform(multi_, &running);
    TakeFinished();
    if (saw_http1_ && limited_) {
      LiftLimit();
      continue;
    }
    curl_multi_poll(multi_, nullptr, 0, 60'000, nullptr);  // curl's own timers end it earlier
  }
  RunCommands();
  for (auto& [easy, transfer] : active_) {
    curl_multi_remove_handle(multi_, easy);
    transfer->Finish(Error(ErrorCode::kUnavailable, transfer->place + ": client closed"));
  }
  active_.clear();
}

// Requests that find no connection with a free stream each open one, also when another is about to
// become usable. Bound them by what is needed if a connection carries 64 streams (API servers allow
// 100 to 250), and two more for those that are draining.
void Loop::LimitConnections() {
  if (!limited_) return;
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(2 + active_.size() / 64));
}

// With HTTP/1.1 each request needs a connection. Those that wait for one look again only when they
// are added again.
void Loop::LiftLimit() {
  limited_ = false;
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
  for (auto& [easy, transfer] : active_) {
    curl_off_t sent_at = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (sent_at != 0) continue;
    curl_multi_remove_handle(multi_, easy);
    curl_multi_add_handle(multi_, easy);
  }
}

void Loop::RunCommands() {
  std::vector<std::function<void()>> commands;
  {
    std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& command : commands) command();
}

void Loop::TakeFinished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    const auto found = active_.find(easy);
    if (found == active_.end()) continue;
    const std::shared_ptr<Transfer> transfer = found->second;
    active_.erase(found);
    curl_multi_remove_handle(multi_, easy);
    transfer->completed = code == CURLE_OK && transfer->kind == Kind::kWhole;
    transfer->Finish(code == CURLE_OK ? std::nullopt : std::optional(Failure(*transfer, code)));
  }
}

}  // namespace
}  // namespace kro::http
