#include "differential/play.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <set>

#include "apiserver/local_transport.h"
#include "async/simulated_executor.h"
#include "differential/normalise.h"

namespace kro::differential {
namespace {

constexpr int kMostWaits = 1800;  // a busy machine may need minutes for what takes seconds

std::string Replace(std::string text, std::string_view what, std::string_view with);
// With %PAD:9% written out.
std::string Padded(std::string text);
std::map<std::string, std::string> LoadKnownDifferences();
// "/apis/ex.io/v1/widgets" of widgets.ex.io
std::string CollectionOf(const std::string& definition);
json::Value EventsOf(const std::string& body, Normaliser& normaliser);

}  // namespace

struct EmbeddedWorld::Impl {
  async::SimulatedExecutor executor;
  apiserver::Server server{executor.clock(),
                           apiserver::IdSource(1),
                           {.controllers = apiserver::Controllers::kEssential}};
  apiserver::LocalTransport transport{server, executor};
};

EmbeddedWorld::EmbeddedWorld() : impl_(std::make_unique<Impl>()) {}
EmbeddedWorld::~EmbeddedWorld() = default;

http::Response EmbeddedWorld::Send(http::Request request) {
  auto sent = impl_->executor.Run(impl_->transport.Send(std::move(request), {}));
  return sent && *sent ? **sent : http::Response{0, {}, "no answer"};
}

http::Response EmbeddedWorld::Follow(http::Request request) {
  auto opened = impl_->executor.Run(impl_->transport.Open(std::move(request), {}));
  if (!opened || !*opened) return {0, {}, "no answer"};
  http::ResponseStream& stream = ***opened;
  http::Response response{stream.status(), stream.headers(), ""};
  while (true) {
    auto piece = impl_->executor.Run(stream.Read(std::chrono::seconds(60)));
    if (!piece || !*piece || (*piece)->empty()) return response;
    response.body += **piece;
  }
}

void EmbeddedWorld::Wait() { impl_->executor.Advance(std::chrono::milliseconds(200)); }

void Define(World& world, const Suite& suite) {
  for (const std::string& definition : suite.definitions) {
    http::Response created =
        world.Send({.method = "POST",
                    .target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    .headers = {{"Content-Type", "application/json"}},
                    .body = definition});
    ASSERT_EQ(created.status, 201) << created.body;
  }
  for (const std::string& definition : suite.definitions) {
    for (int i = 0; i < kMostWaits; ++i) {
      if (world.Send({.target = CollectionOf(definition)}).status == 200) break;
      world.Wait();
    }
  }
}

std::vector<json::Value> Play(World& world, const Sequence& sequence) {
  const std::string name_space = "s-" + sequence.id;
  world.Send(
      {.method = "POST",
       .target = "/api/v1/namespaces",
       .headers = {{"Content-Type", "application/json"}},
       .body = fmt::format(R"({{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}}}})",
                           name_space)});
  Normaliser normaliser;
  std::vector<json::Value> answers;
  std::map<std::string, std::string> marks;
  std::string etag;
  json::Value last;
  for (const Step& step : sequence.steps) {
    const std::string home = "/namespaces/" + name_space;
    const auto expand = [&](std::string text) {
      static constexpr std::pair<std::string_view, std::string_view> kCollections[] = {
          {"$CRD", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"},
          {"$CM", "/api/v1{}/configmaps"},
          {"$C", "/api/v1{}/configmaps"},
          {"$SEC", "/api/v1{}/secrets"},
          {"$S", "/api/v1{}/services"},
          {"$P", "/api/v1{}/pods"},
          {"$W", "/apis/ex.io/v1{}/widgets"},
          {"$T", "/apis/ex.io/v1{}/thgs"},
          {"$D", "/apis/apps/v1{}/deployments"},
          {"$J", "/apis/batch/v1{}/jobs"},
          {"$HPA1", "/apis/autoscaling/v1{}/horizontalpodautoscalers"},
          {"$HPA2", "/apis/autoscaling/v2{}/horizontalpodautoscalers"},
          {"$EV", "/api/v1{}/events"},
          {"$EG", "/apis/events.k8s.io/v1{}/events"}};
      for (const auto& [word, path] : kCollections) {
        text = Replace(std::move(text), word, Replace(std::string(path), "{}", home));
      }
      text = Replace(std::move(text), "$N", name_space);
      for (const auto& [name, revision] : marks) {
        text = Replace(std::move(text), "%RV:" + name + "%", revision);
      }
      text = Replace(std::move(text), "%UID%", json::FindString(last, {"metadata", "uid"}));
      return Replace(std::move(text), "%RV%",
                     json::FindString(last, {"metadata", "resourceVersion"}));
    };
    const auto make = [&](const std::string& method) {
      http::Request request{.method = method, .target = expand(step.target)};
      request.body = Padded(expand(step.body));
      request.headers.Add("User-Agent", "differential/1");
      request.headers.Add("Accept", step.accept.empty() ? "application/json" : step.accept);
      if (!request.body.empty()) request.headers.Add("Content-Type", step.content_type);
      if (!step.if_none_match.empty()) {
        request.headers.Add("If-None-Match", Replace(step.if_none_match, "%ETAG%", etag));
      }
      if (!step.user.empty()) request.headers.Add("Impersonate-User", expand(step.user));
      for (const std::string& group : step.groups) {
        request.headers.Add("Impersonate-Group", group);
      }
      return request;
    };
    json::Object answer;
    if (step.method == "WAIT") {
      http::Response response;
      const auto awaited = [&] {
        return response.status == step.awaited_code && response.body.contains(step.awaited_text);
      };
      for (int i = 0; i < kMostWaits && !awaited(); ++i) {
        if (i > 0) world.Wait();
        response = world.Send(make(step.awaited));
      }
      answer["code"] = awaited() ? step.awaited_code : 0;
    } else if (step.method == "WATCH") {
      const http::Response response = world.Follow(make("GET"));
      answer["code"] = response.status;
      answer["events"] = EventsOf(response.body, normaliser);
    } else {
      const http::Response response = world.Send(make(step.method));
      auto body = json::Parse(response.body);
      if (body && !json::FindString(*body, {"metadata", "resourceVersion"}).empty()) last = *body;
      answer["code"] = response.status;
      answer["body"] = body ? normaliser.Normalise(std::move(*body)) : json::Value(response.body);
      json::Array warnings;
      for (const auto& [key, value] : response.headers.fields()) {
        if (key == "Warning" || key == "warning") warnings.emplace_back(value);
        if (key == "ETag" || key == "Etag" || key == "etag") etag = value;
      }
      answer["warnings"] = std::move(warnings);
    }
    if (!step.mark.empty()) {
      marks[step.mark] = json::FindString(last, {"metadata", "resourceVersion"});
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

void Compare(const Suite& suite, const Transcripts& wanted, const Transcripts& found) {
  const auto known = LoadKnownDifferences();
  int passed = 0;
  std::set<std::string> met;
  for (const Sequence& sequence : suite.sequences) {
    auto expected = wanted.find(sequence.id);
    auto actual = found.find(sequence.id);
    if (expected == wanted.end() || actual == found.end()) {
      ADD_FAILURE() << sequence.id
                    << " has no answers; record them (test/data/apiserver/README.md)";
      continue;
    }
    std::string differences;
    for (std::size_t s = 0; s < sequence.steps.size(); ++s) {
      std::string lines = s < expected->second.size() && s < actual->second.size()
                              ? Differences(expected->second[s], actual->second[s])
                              : "no such step";
      if (lines.empty()) continue;
      const std::string place = fmt::format("{}:{}", sequence.id, s + 1);
      if (known.contains(place)) {
        met.insert(place);
        continue;
      }
      differences = fmt::format("  step {}: {} {}\n{}\n{}\n", s + 1, sequence.steps[s].method,
                                sequence.steps[s].target, sequence.steps[s].body, lines);
      break;
    }
    if (differences.empty()) {
      ++passed;
    } else {
      ADD_FAILURE() << sequence.id << " (real / embedded)\n" << differences;
    }
  }
  for (const auto& [place, reason] : known) {
    if (reason.starts_with("sometimes: ")) continue;
    EXPECT_TRUE(met.contains(place)) << place << " does not differ any more";
  }
  std::cout << fmt::format("{} passed, {} unmet\n", passed, met.size());
}

namespace {

std::string Replace(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string Padded(std::string text) {
  constexpr std::string_view kBegin = "%PAD:";
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos;) {
    const std::size_t end = text.find('%', at + kBegin.size());
    const std::size_t size = std::stoul(text.substr(at + kBegin.size(), end - at));
    text.replace(at, end + 1 - at, std::string(size, 'x'));
    at += size;
  }
  return text;
}

std::map<std::string, std::string> LoadKnownDifferences() {
  std::map<std::string, std::string> known;
  std::ifstream file(KRO_SOURCE_DIR "/test/differential/known_differences.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::size_t space = line.find(' ');
    known[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return known;
}

std::string CollectionOf(const std::string& definition) {
  auto value = json::Parse(definition);
  if (!value) return "";
  const json::Array& versions = json::Find(std::as_const(*value), {"spec", "versions"})->as_array();
  return fmt::format("/apis/{}/{}/{}", json::FindString(*value, {"spec", "group"}),
                     json::FindString(versions.front(), {"name"}),
                     json::FindString(*value, {"spec", "names", "plural"}));
}

json::Value EventsOf(const std::string& body, Normaliser& normaliser) {
  json::Array events;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    auto event = json::Parse(line);
    events.push_back(event ? normaliser.Normalise(*std::move(event)) : json::Value(line));
  }
  return events;
}

}  // namespace
}  // namespace kro::differential
