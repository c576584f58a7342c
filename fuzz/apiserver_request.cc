// Requests to the embedded API server: "METHOD target", a line with the content type, then the body.
// Whatever is asked, the server answers, and an object that it stores it also reads back.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "apiserver/server.h"

namespace {

using kro::apiserver::IdSource;
using kro::apiserver::Server;

constexpr std::string_view kDefinition = R"({"apiVersion":"apiextensions.k8s.io/v1",
"kind":"CustomResourceDefinition","metadata":{"name":"widgets.ex.io"},"spec":{"group":"ex.io",
"scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},"versions":[{"name":"v1",
"served":true,"storage":true,"subresources":{"status":{}},"schema":{"openAPIV3Schema":{
"type":"object","properties":{"spec":{"type":"object","properties":{"a":{"type":"string"},
"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{
"type":"object","required":["k"],"properties":{"k":{"type":"string"},"v":{"type":"integer"}}}},
"m":{"type":"object","additionalProperties":{"type":"string"}}}}}}}}]}})";

class ManualClock final : public kro::Clock {
 public:
  kro::WallTime Now() const override { return kro::WallTime(std::chrono::seconds(1'767'225'600)); }
  kro::MonotonicTime Monotonic() const override { return kro::MonotonicTime(elapsed); }
  kro::Duration elapsed = std::chrono::hours(1);
};

ManualClock g_clock;
std::unique_ptr<Server> g_server;
int g_requests = 0;

void Settle() {
  g_clock.elapsed += std::chrono::seconds(1);
  static_cast<void>(g_server->RunDue());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A fresh server now and then, so that what is stored stays small.
  if (g_requests++ % 500 == 0) {
    g_server = std::make_unique<Server>(g_clock, IdSource(1), kro::apiserver::ServerOptions{});
    g_server->Handle({.method = "POST",
                      .target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                      .headers = {{"Content-Type", "application/json"}},
                      .body = std::string(kDefinition)});
    for (int i = 0; i < 5; ++i) Settle();
  }
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    std::string_view found = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), found.size() + 1));
    return std::string(found);
  };
  std::string first = line();
  std::string type = line();
  std::size_t space = first.find(' ');
  if (space == std::string::npos) return 0;
  auto reply = g_server->Handle({.method = first.substr(0, space),
                                 .target = first.substr(space + 1),
                                 .headers = {{"Content-Type", type}, {"Accept", type}},
                                 .body = std::string(text)});
  if (auto* watch = std::get_if<std::shared_ptr<kro::apiserver::Watch>>(&reply)) (*watch)->Take();
  Settle();
  return 0;
}
