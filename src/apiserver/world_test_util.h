// A server and its time, for tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "apiserver/server.h"
#include "json/path.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro::apiserver {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(1'767'225'600s) + elapsed_; }  // 2026-01-01
  MonotonicTime Monotonic() const override { return MonotonicTime(1000h + elapsed_); }
  void Advance(Duration by) { elapsed_ += by; }

 private:
  Duration elapsed_{0};
};

struct ServerWorld {
  explicit ServerWorld(ServerOptions options = {}, SavedState state = {})
      : server(clock, IdSource(7), std::move(options), std::move(state)) {
    Advance(1s);
  }

  http::Response Send(std::string method, std::string target, std::string body = {},
                      std::string type = "application/json") {
    http::Request request{.method = std::move(method), .target = std::move(target)};
    request.headers.Add("Content-Type", std::move(type));
    request.headers.Add("User-Agent", "tester/1");
    request.body = std::move(body);
    Server::Reply reply = server.Handle(request);
    auto* response = std::get_if<http::Response>(&reply);
    return response != nullptr ? std::move(*response) : http::Response{0, {}, "no answer"};
  }
  // Creates what is written in YAML.
  void Create(std::string target, std::string_view yaml) {
    auto document = json::ParseYamlDocument(yaml);
    ASSERT_TRUE(document);
    const http::Response response = Send("POST", target, json::Serialize(document->value));
    ASSERT_EQ(response.status, 201) << response.body;
    Advance(0s);
  }
  json::Value Get(std::string target) {
    auto value = json::Parse(Send("GET", std::move(target)).body);
    return value ? *value : json::Value(nullptr);
  }
  // The text or JSON at `path` of what `target` answers.
  std::string At(std::string target, std::string_view path) {
    const json::Value value = Get(std::move(target));
    const json::Value* found = json::Get(value, *json::FieldPath::Parse(path));
    if (found == nullptr) return "nothing";
    return found->is_string() ? std::string(found->get_string()) : json::Serialize(*found);
  }
  // Lets time pass, and everything happen at its time.
  void Advance(Duration by) {
    const MonotonicTime end = clock.Monotonic() + by;
    while (auto next = server.NextDue()) {
      if (*next > end) break;
      if (*next > clock.Monotonic()) clock.Advance(*next - clock.Monotonic());
      ASSERT_TRUE(server.RunDue());
    }
    clock.Advance(end - clock.Monotonic());
  }

  ManualClock clock;
  Server server;
};

}  // namespace kro::apiserver
