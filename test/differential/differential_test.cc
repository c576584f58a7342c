// Every sequence of requests, sent to the embedded server and to the real one: equal answers.
//
// sequences.yaml holds the written ones; KRO_DIFFERENTIAL_SEEDS drawn ones (200 unless set) follow.
// known_differences.txt lists those that may differ, with the reason.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "apiserver/local_transport.h"
#include "async/run_blocking.h"
#include "async/simulated_executor.h"
#include "differential/normalise.h"
#include "differential/sequence.h"
#include "e2e/devcluster.h"
#include "json/yaml.h"
#include "kube/connection.h"

namespace kro::differential {
namespace {

const std::string kFolder = KRO_SOURCE_DIR "/test/differential/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Suite {
  std::vector<std::string> definitions;
  std::vector<Sequence> sequences;
};

Suite LoadSuite() {
  Suite suite;
  auto document = json::ParseYamlDocument(ReadFile(kFolder + "sequences.yaml"), "sequences.yaml");
  EXPECT_TRUE(document) << Render(document.error().front());
  const json::Value& root = document->value;
  for (const json::Value& definition : json::Find(root, "definitions")->as_array()) {
    suite.definitions.push_back(json::Serialize(definition));
  }
  static const std::map<std::string_view, std::string> kTypes = {
      {"merge", "application/merge-patch+json"},
      {"json", "application/json-patch+json"},
      {"strategic", "application/strategic-merge-patch+json"},
      {"apply", "application/apply-patch+yaml"},
      {"yaml", "application/yaml"}};
  for (const json::Value& entry : json::Find(root, "sequences")->as_array()) {
    Sequence sequence{std::string(json::FindString(entry, {"id"})), {}};
    for (const json::Value& item : json::Find(entry, "steps")->as_array()) {
      std::string words(json::FindString(item, {"do"}));
      Step step;
      step.method = words.substr(0, words.find(' '));
      step.target = words.substr(words.find(' ') + 1);
      if (const json::Value* body = json::Find(item, "body")) {
        step.body = body->is_string() ? std::string(body->get_string()) : json::Serialize(*body);
      }
      std::string_view type = json::FindString(item, {"type"});
      auto known = kTypes.find(type);
      step.content_type = known != kTypes.end() ? known->second
                          : type.empty()        ? "application/json"
                                                : std::string(type);
      step.accept = json::FindString(item, {"accept"});
      sequence.steps.push_back(std::move(step));
    }
    suite.sequences.push_back(std::move(sequence));
  }
  const char* seeds = std::getenv("KRO_DIFFERENTIAL_SEEDS");
  const std::uint64_t count = seeds == nullptr ? 200 : std::strtoull(seeds, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    suite.sequences.push_back(RandomSequence(seed));
  }
  return suite;
}

std::map<std::string, std::string> LoadKnownDifferences() {
  std::map<std::string, std::string> known;
  std::istringstream lines(ReadFile(kFolder + "known_differences.txt"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::size_t space = line.find(' ');
    known[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return known;
}

// A server, somewhere.
class World {
 public:
  virtual ~World() = default;
  virtual http::Response Send(http::Request request) = 0;
  virtual void Settle() = 0;
};

class EmbeddedWorld final : public World {
 public:
  http::Response Send(http::Request request) override {
    auto sent = executor_.Run(transport_.Send(std::move(request), {}));
    return sent && *sent ? **sent : http::Response{0, {}, "no answer"};
  }
  void Settle() override { executor_.Advance(std::chrono::seconds(2)); }

 private:
  async::SimulatedExecutor executor_;
  apiserver::Server server_{executor_.clock(), apiserver::IdSource(1),
                            {.controllers = apiserver::Controllers::kEssential}};
  apiserver::LocalTransport transport_{server_, executor_};
};

class RealWorld final : public World {
 public:
  RealWorld() {
    const kube::Environment environment = kube::Environment::OfProcess();
    auto config =
        kube::LoadConfig({.kubeconfig = cluster_.kubeconfig(), .context = {}}, environment);
    EXPECT_TRUE(config);
    if (!config) return;
    auto connection = kube::Connection::Create(executor_, *config, environment);
    EXPECT_TRUE(connection);
    if (connection) connection_ = std::move(*connection);
  }
  bool up() const { return connection_ != nullptr; }
  http::Response Send(http::Request request) override {
    auto sent = async::RunBlocking(executor_, connection_->transport().Send(std::move(request), {}));
    return sent ? *sent : http::Response{0, {}, sent.error().message()};
  }
  void Settle() override {
    // The endpoint of a definition is there when a list of it is answered.
    for (int i = 0; i < 100; ++i) {
      auto answer = Send({.target = "/apis/ex.io/v1/thgs"});
      auto other = Send({.target = "/apis/ex.io/v1/widgets"});
      if (answer.status == 200 && other.status == 200) return;
      static_cast<void>(async::RunBlocking(
          executor_, async::Sleep(executor_, std::chrono::milliseconds(100), {})));
    }
  }

 private:
  e2e::Devcluster cluster_{"differential"};
  async::RealExecutor executor_;
  std::unique_ptr<kube::Connection> connection_;
};

std::string Replace(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

struct Transcript {
  std::vector<json::Value> answers;
};

Transcript Play(World& world, const Sequence& sequence, const std::string& name_space) {
  world.Send({.method = "POST", .target = "/api/v1/namespaces",
              .headers = {{"Content-Type", "application/json"}},
              .body = fmt::format(
                  R"({{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}}}})",
                  name_space)});
  Normaliser normaliser;
  Transcript transcript;
  json::Value last;
  for (const Step& step : sequence.steps) {
    const std::string home = "/namespaces/" + name_space;
    const auto expand = [&](std::string text) {
      text = Replace(std::move(text), "$C", "/api/v1" + home + "/configmaps");
      text = Replace(std::move(text), "$SEC", "/api/v1" + home + "/secrets");
      text = Replace(std::move(text), "$S", "/api/v1" + home + "/services");
      text = Replace(std::move(text), "$P", "/api/v1" + home + "/pods");
      text = Replace(std::move(text), "$W", "/apis/ex.io/v1" + home + "/widgets");
      text = Replace(std::move(text), "$T", "/apis/ex.io/v1" + home + "/thgs");
      text = Replace(std::move(text), "$D", "/apis/apps/v1" + home + "/deployments");
      text = Replace(std::move(text), "$J", "/apis/batch/v1" + home + "/jobs");
      text = Replace(std::move(text), "$N", name_space);
      text = Replace(std::move(text), "%UID%", json::FindString(last, {"metadata", "uid"}));
      return Replace(std::move(text), "%RV%",
                     json::FindString(last, {"metadata", "resourceVersion"}));
    };
    http::Request request{.method = step.method, .target = expand(step.target)};
    request.body = expand(step.body);
    request.headers.Add("User-Agent", "differential/1");
    request.headers.Add("Accept", step.accept.empty() ? "application/json" : step.accept);
    if (!request.body.empty()) request.headers.Add("Content-Type", step.content_type);
    http::Response response = world.Send(std::move(request));
    auto body = json::Parse(response.body);
    if (body && !json::FindString(*body, {"metadata", "uid"}).empty()) last = *body;
    json::Object answer;
    answer["code"] = response.status;
    answer["body"] = body ? normaliser.Normalise(std::move(*body)) : json::Value(response.body);
    json::Array warnings;
    for (const auto& [key, value] : response.headers.fields()) {
      if (key == "Warning" || key == "warning") warnings.emplace_back(value);
    }
    answer["warnings"] = std::move(warnings);
    transcript.answers.push_back(std::move(answer));
  }
  return transcript;
}

TEST(Differential, BothServersAnswerEqually) {
  RealWorld real;
  ASSERT_TRUE(real.up());
  EmbeddedWorld embedded;
  Suite suite = LoadSuite();
  for (World* world : std::initializer_list<World*>{&real, &embedded}) {
    for (const std::string& definition : suite.definitions) {
      http::Response created = world->Send(
          {.method = "POST",
           .target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
           .headers = {{"Content-Type", "application/json"}},
           .body = definition});
      ASSERT_EQ(created.status, 201) << created.body;
    }
    world->Settle();
  }
  const auto known = LoadKnownDifferences();
  int passed = 0;
  int unmet = 0;
  for (std::size_t i = 0; i < suite.sequences.size(); ++i) {
    const Sequence& sequence = suite.sequences[i];
    const std::string name_space = fmt::format("s{}", i);
    Transcript expected = Play(real, sequence, name_space);
    Transcript actual = Play(embedded, sequence, name_space);
    std::string differences;
    for (std::size_t s = 0; s < sequence.steps.size(); ++s) {
      std::string found = Differences(expected.answers[s], actual.answers[s]);
      if (found.empty()) continue;
      differences += fmt::format("  step {}: {} {}\n{}\n", s + 1, sequence.steps[s].method,
                                 sequence.steps[s].target, found);
      break;
    }
    if (differences.empty()) {
      EXPECT_FALSE(known.contains(sequence.id)) << sequence.id << " does not differ any more";
      ++passed;
    } else if (known.contains(sequence.id)) {
      ++unmet;
    } else {
      ADD_FAILURE() << sequence.id << " (real / embedded)\n" << differences;
    }
  }
  std::cout << fmt::format("{} passed, {} unmet\n", passed, unmet);
}

}  // namespace
}  // namespace kro::differential
