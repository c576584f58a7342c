// RawServer: servers that misbehave on purpose, for tests. A thread a connection; what happens on it is up
// to the test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/certificates_test_util.h"

namespace kro::http {

// One connection as the server sees it.
class RawConnection {
 public:
  RawConnection(int socket, SSL* ssl, int number) : number(number), socket_(socket), ssl_(ssl) {}

  // Appends what comes to `received`; false: the client has gone.
  bool Read(std::string& received) {
    char bytes[4096];
    const auto count = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof(bytes))
                                       : ::recv(socket_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    received.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  void Write(std::string_view bytes) {
    if (ssl_ != nullptr) {
      SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    } else {
      static_cast<void>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }
  }

  const int number;  // the first is 0

 private:
  int socket_;
  SSL* ssl_;
};

class RawServer {
 public:
  using Serve = std::function<void(RawConnection& connection)>;

  // Listens on `address`; with an authority over TLS, which speaks HTTP/2.
  RawServer(Serve serve, const Authority* authority = nullptr, const char* address = "127.0.0.1",
            std::uint16_t port = 0)
      : serve_(std::move(serve)) {
    if (authority != nullptr) SetUpTls(*authority);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int reuse = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &place.sin_addr);
    socklen_t size = sizeof(place);
    listens = ::bind(listener_, reinterpret_cast<sockaddr*>(&place), size) == 0 &&
              ::listen(listener_, 64) == 0;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&place), &size);
    this->port = ntohs(place.sin_port);
    url = (authority != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
          std::to_string(this->port);
    accepting_ = std::thread([this] { Accept(); });
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& each : serving_) each.join();
    if (context_ != nullptr) SSL_CTX_free(context_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url;
  std::uint16_t port = 0;
  bool listens = false;
  std::atomic<int> connections = 0;

 private:
  void SetUpTls(const Authority& authority) {
    const Certificate own = authority.Issue("IP:127.0.0.1");
    context_ = SSL_CTX_new(TLS_server_method());
    BIO* certificate =
        BIO_new_mem_buf(own.certificate_pem.data(), static_cast<int>(own.certificate_pem.size()));
    X509* x509 = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
    BIO* key = BIO_new_mem_buf(own.key_pem.data(), static_cast<int>(own.key_pem.size()));
    EVP_PKEY* pkey = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context_, x509);
    SSL_CTX_use_PrivateKey(context_, pkey);
    X509_free(x509);
    EVP_PKEY_free(pkey);
    BIO_free(certificate);
    BIO_free(key);
    SSL_CTX_set_alpn_select_cb(
        context_,
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
           unsigned int offered_size, void*) {
          static const unsigned char kHttp2[] = {2, 'h', '2'};
          return SSL_select_next_proto(const_cast<unsigned char**>(out), size, kHttp2,
                                       sizeof(kHttp2), offered,
                                       offered_size) == OPENSSL_NPN_NEGOTIATED
                     ? SSL_TLSEXT_ERR_OK
                     : SSL_TLSEXT_ERR_NOACK;
        },
        nullptr);
  }

  void Accept() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      {
        const std::lock_guard lock(mutex_);
        open_.push_back(socket);
      }
      serving_.emplace_back([this, socket, number = connections++] { Run(socket, number); });
    }
  }

  void Run(int socket, int number) {
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    SSL* ssl = nullptr;
    bool ready = true;
    if (context_ != nullptr) {
      ssl = SSL_new(context_);
      SSL_set_fd(ssl, socket);
      ready = SSL_accept(ssl) == 1;
    }
    if (ready) {
      RawConnection connection(socket, ssl, number);
      serve_(connection);
    }
    if (ssl != nullptr) SSL_free(ssl);
    const std::lock_guard lock(mutex_);
    std::erase(open_, socket);
    ::close(socket);
  }

  const Serve serve_;
  SSL_CTX* context_ = nullptr;
  int listener_;
  std::mutex mutex_;
  std::vector<int> open_;  // guarded by mutex_
  std::thread accepting_;
  std::vector<std::thread> serving_;  // only the accepting thread, then the destructor
};

// The server's side of HTTP/2, as much as it takes to answer requests without looking into them.
class Http2Side {
 public:
  explicit Http2Side(RawConnection& connection) : connection_(connection) {}

  // Answers the client's settings and pings and gives the next request that is complete by the number of its
  // stream; 0: the client has gone.
  std::uint32_t NextRequest() {
    constexpr std::size_t kPreface = 24;
    while (!greeted_ && received_.size() < kPreface) {
      if (!connection_.Read(received_)) return 0;
    }
    if (!greeted_) {
      greeted_ = true;
      received_.erase(0, kPreface);
      Send(kSettings, 0, 0, {});
    }
    while (true) {
      while (received_.size() < 9 || received_.size() < 9 + Number(0, 3)) {
        if (!connection_.Read(received_)) return 0;
      }
      const std::size_t size = Number(0, 3);
      const auto type = static_cast<std::uint8_t>(received_[3]);
      const auto flags = static_cast<std::uint8_t>(received_[4]);
      const auto stream = static_cast<std::uint32_t>(Number(5, 4) & 0x7fffffff);
      const std::string payload = received_.substr(9, size);
      received_.erase(0, 9 + size);
      if (type == kSettings && (flags & kAck) == 0) Send(kSettings, kAck, 0, {});
      if (type == kPing && (flags & kAck) == 0) Send(kPing, kAck, 0, payload);
      if ((type == kHeaders || type == kData) && (flags & kEndStream) != 0) return stream;
    }
  }

  void Answer(std::uint32_t stream) {
    Send(kHeaders, kEndHeaders, stream, "\x88");  // :status 200
    Send(kData, kEndStream, stream, "ok");
  }

  // No stream after `last` is worked on.
  void GoAway(std::uint32_t last) { Send(kGoAway, 0, 0, Bytes(last, 4) + Bytes(0, 4)); }

 private:
  static constexpr std::uint8_t kData = 0, kHeaders = 1, kSettings = 4, kPing = 6, kGoAway = 7;
  static constexpr std::uint8_t kAck = 1, kEndStream = 1, kEndHeaders = 4;

  std::size_t Number(std::size_t at, std::size_t size) const {
    std::size_t number = 0;
    for (std::size_t i = 0; i < size; ++i)
      number = number << 8 | static_cast<unsigned char>(received_[at + i]);
    return number;
  }
  static std::string Bytes(std::size_t number, int size) {
    std::string bytes;
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
      bytes += static_cast<char>(number >> shift & 0xff);
    return bytes;
  }
  void Send(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
    std::string frame = Bytes(payload.size(), 3);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    frame += Bytes(stream, 4);
    connection_.Write(frame + std::string(payload));
  }

  RawConnection& connection_;
  std::string received_;
  bool greeted_ = false;
};

}  // namespace kro::http
