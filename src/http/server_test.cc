// Where the server listens, and which TLS it speaks. What it answers is tested with the client.
#include "http/server.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "async/run_blocking.h"
#include "http/certificates_test_util.h"
#include "http/client.h"

namespace kro::http {
namespace {

async::Task<void> Answer(Request, ResponseWriter& writer, async::CancelToken) {
  static_cast<void>(co_await writer.Respond({.status = 200}));
}

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override {
    scope_.Cancel();
    async::RunBlocking(executor_, scope_.Join());
  }

  void Listen(ServerConfig config) {
    auto listening = Server::Listen(executor_, std::move(config), Answer);
    ASSERT_TRUE(listening) << listening.error().message();
    server_ = std::move(*listening);
    scope_.Spawn(server_->Run(scope_.token()));
  }
  // Whether somebody answers at this address of the machine.
  bool Answers(const std::string& host) {
    auto client =
        Client::Create(executor_, {.url = fmt::format("http://{}:{}", host, server_->port())});
    auto response = async::RunBlocking(executor_, (*client)->Send({.target = "/"}, {}));
    return response && response->status == 200;
  }

  async::RealExecutor executor_{1};
  async::Scope scope_{executor_};
  std::unique_ptr<Server> server_;
};

bool HasIpv6() {
  async::RealExecutor executor(1);
  return Server::Listen(executor, {.address = "::1"}, Answer).has_value();
}

// From now on this thread gets no IPv6 sockets, as on a machine whose kernel has none.
void TakeIpv6Away() {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(steps), .filter = steps};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST_F(ServerTest, EveryAddressIsThatOfBothFamilies) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 here";
  Listen({.address = "::"});
  EXPECT_TRUE(Answers("127.0.0.1"));
  EXPECT_TRUE(Answers("[::1]"));
}

TEST_F(ServerTest, AnAddressIsThatOfOneFamily) {
  Listen({.address = "0.0.0.0"});
  EXPECT_TRUE(Answers("127.0.0.1"));
  EXPECT_FALSE(Answers("[::1]"));
}

TEST_F(ServerTest, EveryAddressIsThatOfIpv4WhereThereIsNoOther) {
  std::thread([&] {
    TakeIpv6Away();
    Listen({.address = "::"});
  }).join();
  ASSERT_NE(server_, nullptr);
  EXPECT_TRUE(Answers("127.0.0.1"));
}

// "TLSv1.2" or newer, or why there is no connection, of a client that knows nothing newer than `newest`.
std::string Handshake(std::uint16_t port, int newest) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), newest);
  SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");  // else it would not even ask
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> connection(BIO_new_ssl_connect(context.get()),
                                                                 BIO_free_all);
  BIO_set_conn_hostname(connection.get(), fmt::format("127.0.0.1:{}", port).c_str());
  ERR_clear_error();
  if (BIO_do_handshake(connection.get()) != 1) return ERR_reason_error_string(ERR_peek_error());
  SSL* ssl = nullptr;
  BIO_get_ssl(connection.get(), &ssl);
  return SSL_get_version(ssl);
}

TEST_F(ServerTest, ATlsOlderThan12IsRefused) {
  const Authority authority;
  const Certificate leaf = authority.Issue("IP:127.0.0.1");
  Listen({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  EXPECT_EQ(Handshake(server_->port(), TLS1_VERSION), "tlsv1 alert protocol version");
  EXPECT_EQ(Handshake(server_->port(), TLS1_1_VERSION), "tlsv1 alert protocol version");
  EXPECT_EQ(Handshake(server_->port(), TLS1_2_VERSION), "TLSv1.2");
  EXPECT_EQ(Handshake(server_->port(), TLS1_3_VERSION), "TLSv1.3");
}

}  // namespace
}  // namespace kro::http
