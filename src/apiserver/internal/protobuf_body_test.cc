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
  std::string raw = Bytes(1, Bytes(1, "s") + Bytes(2, "") + Bytes(11, Bytes(1, "a") + Bytes(2, "b"))) +
                    Bytes(2, Bytes(1, "k") + Bytes(2, "v")) + Bytes(3, "Opaque");
  auto secret = DecodeProtobufBody(Envelope("v1", "Secret", raw));
  ASSERT_TRUE(secret) << secret.error().message();
  EXPECT_EQ(json::Canonical(*secret),
            R"({"apiVersion":"v1","data":{"k":"dg=="},"kind":"Secret",)"
            R"("metadata":{"labels":{"a":"b"},"name":"s"},"type":"Opaque"})");
}

TEST(ProtobufBody, RefusesOtherKindsAndBrokenBytes) {
  EXPECT_FALSE(DecodeProtobufBody(Envelope("apps/v1", "Deployment", "")));
  EXPECT_FALSE(DecodeProtobufBody("{}"));
  std::string whole = Envelope("v1", "Secret", Bytes(3, "Opaque"));
  for (std::size_t size = 5; size + 1 < whole.size(); ++size) {
    static_cast<void>(DecodeProtobufBody(whole.substr(0, size)));
  }
  EXPECT_FALSE(DecodeProtobufBody(whole.substr(0, whole.size() - 1)));
}

}  // namespace
}  // namespace kro::apiserver
