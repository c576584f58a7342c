#include "kube/openapi.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "kube/fake_server_test_util.h"

namespace kro::kube {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

long PeakKib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// As large as that of a group-version with some 300 kinds of a cloud provider.
TEST(OpenApi, ADocumentOf20MiBIsReadWithinItsMemory) {
  std::string document = R"({"openapi":"3.0.0","components":{"schemas":{)";
  for (int kind = 0; document.size() < 20u * 1024 * 1024; ++kind) {
    document += fmt::format(
        R"({}"com.example.K{}":{{"x-kubernetes-group-version-kind":[{{"group":"example.com","version":"v1","kind":"K{}"}}],)"
        R"("type":"object","description":"A kind","properties":{{)",
        kind == 0 ? "" : ",", kind, kind);
    for (int field = 0; field < 400; ++field) {
      document += fmt::format(
          R"({}"field{}":{{"type":"object","description":"{}","properties":{{"name":{{"type":"string"}}}}}})",
          field == 0 ? "" : ",", field, std::string(80, 'd'));
    }
    document += "}}";
  }
  document += "}}}";

  NoLog sink;
  async::SimulatedExecutor executor;
  FakeServer server{executor};
  server.answer = [&](const http::Request& request) -> std::optional<http::Response> {
    if (request.target == "/openapi/v3") {
      return http::Response{
          200, {}, R"({"paths":{"apis/example.com/v1":{"serverRelativeURL":"/doc?hash=A"}}})"};
    }
    return http::Response{200, {}, document};
  };
  Client client{server, executor, Logger(sink), Client::Options{}};
  OpenApi openapi(client);
  async::CancelSource stop;
  const long before = PeakKib();
  auto read = *executor.Run(openapi.Read({"example.com", "v1"}, stop.token()));
  ASSERT_TRUE(read && *read);
  EXPECT_NE(FindKindSchema(**read, {"example.com", "v1", "K7"}), nullptr);
  // The text, and a value of some five times its size.
  if (!kSanitized) {
    EXPECT_LT(PeakKib() - before, 200 * 1024);
  }
}

}  // namespace
}  // namespace kro::kube
