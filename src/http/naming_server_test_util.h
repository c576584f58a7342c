// NamingServer: a TLS server that asks its clients for a certificate, for tests.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "http/certificates_test_util.h"

namespace kro::http {

// Answers every request with the name in its client's certificate. A request for /stream is
// answered with headers that say that a body follows, and no body.
class NamingServer {
 public:
  NamingServer(const Authority& authority, const Authority& of_clients) {
    const Certificate own = authority.Issue("IP:127.0.0.1");
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, Read<X509>(own.certificate_pem, PEM_read_bio_X509).get());
    SSL_CTX_use_PrivateKey(context_, Read<EVP_PKEY>(own.key_pem, PEM_read_bio_PrivateKey).get());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_),
                        Read<X509>(of_clients.pem, PEM_read_bio_X509).get());
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);

    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    ::listen(listener_, 16);
    url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    accepting_ = std::thread([this] { Accept(); });
  }
  ~NamingServer() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
    for (std::thread& each : serving_) each.join();
    SSL_CTX_free(context_);
  }

  std::string url;
  std::atomic<int> connections = 0;

 private:
  template <typename T, typename Reader>
  static std::shared_ptr<T> Read(const std::string& pem, Reader reader) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    T* read = reader(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    if constexpr (std::is_same_v<T, X509>) {
      return {read, X509_free};
    } else {
      return {read, EVP_PKEY_free};
    }
  }

  void Accept() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      serving_.emplace_back([this, socket] { Serve(socket); });
    }
  }

  void Serve(int socket) {
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, socket);
    if (SSL_accept(ssl) == 1) {
      ++connections;
      std::string received;
      char bytes[4096];
      for (int count = 0; (count = SSL_read(ssl, bytes, sizeof(bytes))) > 0;) {
        received.append(bytes, static_cast<std::size_t>(count));
        if (!received.ends_with("\r\n\r\n")) continue;
        const bool stream = received.starts_with("GET /stream ");
        received.clear();
        const std::string name = NameOf(ssl);
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(stream ? 100 : name.size()) +
            "\r\n\r\n" + (stream ? "" : name);
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
      }
    }
    SSL_free(ssl);
    ::close(socket);
  }

  static std::string NameOf(SSL* ssl) {
    X509* certificate = SSL_get1_peer_certificate(ssl);
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof(name));
    X509_free(certificate);
    return name;
  }

  SSL_CTX* context_;
  int listener_;
  std::thread accepting_;
  std::vector<std::thread> serving_;  // only the accepting thread, then the destructor
};

}  // namespace kro::http
