#include "apiserver/internal/protobuf_body.h"

#include <gtest/gtest.h>

#include <string>

namespace kro::apiserver {
namespace {

std::string Bytes(int number, std::string_view bytes) {
  std::string out;
  out += static_cast<char>(number << 3 | 2);
  out += static_cast<char>(bytes.size());
  return out += bytes;
}

std::string Envelope(std::string_view api_version, std::string_view kind, std::string_view raw) {
  return std::string("k8s\0", 4) + Bytes(1, Bytes(1, api_version) + Bytes(2, kind)) + Bytes(2, raw);
}

TEST(ProtobufBody, ReadsWhatTypedClientsSend) {
  std::string raw =
      Bytes(1, Bytes(1, "s") + Bytes(2, "") + Bytes(11, Bytes(1, "a") + Bytes(2, "b"))) +
      Bytes(2, Bytes(1, "k") + Bytes(2, "v")) + Bytes(3, "Opaque");
  auto secret = DecodeProtobufBody(Envelope("v1", "Secret", raw));
  ASSERT_TRUE(secret) << secret.error().message();
  EXPECT_EQ(json::Canonical(*secret),
            R"({"apiVersion":"v1","data":{"k":"dg=="},"kind":"Secret",)"
            R"("metadata":{"labels":{"a":"b"},"name":"s"},"type":"Opaque"})");
}

// As client-go 0.36 writes it.
TEST(ProtobufBody, ReadsEveryBuiltinKindWithInlinedPartsAndSpecialTypes) {
  const std::string probe =
      Bytes(1, Bytes(2, Bytes(1, "/ready") +
                            Bytes(2, std::string("\x08\x01\x10\x00\x1a\x04http", 10)))) +
      std::string("\x18\x05", 2);
  const std::string port = Bytes(1, "http") + std::string("\x10\x00\x18\x50", 4) + Bytes(4, "TCP");
  const std::string resources = Bytes(2, Bytes(1, "cpu") + Bytes(2, Bytes(1, "100m")));
  const std::string container =
      Bytes(1, "c") + Bytes(2, "i") + Bytes(6, port) + Bytes(8, resources) + Bytes(11, probe);
  const std::string volume = Bytes(1, "v") + Bytes(2, Bytes(2, ""));
  const std::string pod = Bytes(1, volume) + Bytes(2, container);
  const std::string spec = std::string("\x08\x02", 2) +
                           Bytes(2, Bytes(1, Bytes(1, "a") + Bytes(2, "b"))) +
                           Bytes(3, Bytes(2, pod));
  auto deployment = DecodeProtobufBody(
      Envelope("apps/v1", "Deployment", Bytes(1, Bytes(1, "web")) + Bytes(2, spec)));
  ASSERT_TRUE(deployment) << deployment.error().message();
  EXPECT_EQ(
      json::Canonical(*deployment),
      R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{)"
      R"("replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{)"
      R"("containers":[{"image":"i","name":"c","ports":[{"containerPort":80,"name":"http","protocol":"TCP"}],)"
      R"("readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"timeoutSeconds":5},)"
      R"("resources":{"requests":{"cpu":"100m"}}}],"volumes":[{"emptyDir":{},"name":"v"}]}}}})");
}

TEST(ProtobufBody, RefusesOtherKindsAndBrokenBytes) {
  EXPECT_FALSE(DecodeProtobufBody(Envelope("ex.io/v1", "Widget", "")));
  EXPECT_FALSE(DecodeProtobufBody("{}"));
  std::string whole = Envelope("v1", "Secret", Bytes(3, "Opaque"));
  for (std::size_t size = 5; size + 1 < whole.size(); ++size) {
    static_cast<void>(DecodeProtobufBody(whole.substr(0, size)));
  }
  EXPECT_FALSE(DecodeProtobufBody(whole.substr(0, whole.size() - 1)));
}

}  // namespace
}  // namespace kro::apiserver
