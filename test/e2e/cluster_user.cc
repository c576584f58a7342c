#include "e2e/cluster_user.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "base/diagnostic.h"
#include "base/log.h"
#include "json/yaml.h"

namespace kro::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct NamedObject {
  kube::Gvk gvk;
  kube::ObjectKey key;
};

NamedObject ParseName(std::string_view text) {
  const std::size_t kind = text.find(' ');
  const std::size_t name = text.find(' ', kind + 1);
  const auto gvk = api::ParseGvk(text.substr(0, kind), text.substr(kind + 1, name - kind - 1));
  if (!gvk) {
    ADD_FAILURE() << text << ": " << gvk.error().message();
    return {};
  }
  NamedObject object{.gvk = *gvk, .key = {}};
  if (name == std::string_view::npos) return object;
  const std::string_view key = text.substr(name + 1);
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) {
    object.key.name = key;
  } else {
    object.key = {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
  }
  return object;
}

std::string_view Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  return json::FindString(value, path);
}

}  // namespace

ClusterUser::ClusterUser(const std::string& kubeconfig) {
  const kube::Environment environment = kube::Environment::OfProcess();
  const auto config = kube::LoadConfig({.kubeconfig = kubeconfig, .context = {}}, environment);
  if (!config) {
    ADD_FAILURE() << config.error().message();
    return;
  }
  auto connection = kube::Connection::Create(executor_, *config, environment);
  if (!connection) {
    ADD_FAILURE() << connection.error().message();
    return;
  }
  connection_ = *std::move(connection);
  client_ =
      std::make_unique<kube::Client>(connection_->transport(), executor_, Logger(StderrSink()),
                                     kube::Client::Options{.user_agent = "user"});
  mapper_ = std::make_unique<kube::RestMapper>(*client_);
}

ClusterUser::~ClusterUser() = default;

void ClusterUser::Apply(std::string_view yaml) {
  auto documents = json::ParseYaml(yaml);
  ASSERT_TRUE(documents) << documents.error()[0].message;
  for (const auto& document : *documents) {
    const json::Value& object = document.value;
    const auto gvk = api::ParseGvk(Text(object, {"apiVersion"}), Text(object, {"kind"}));
    ASSERT_TRUE(gvk) << gvk.error().message();
    const auto mapping = Map(*gvk, std::chrono::seconds(30));
    ASSERT_TRUE(mapping) << "no kind " << gvk->ToString();
    json::Value applied = object;
    if (mapping->scope == kube::ResourceScope::kNamespaced &&
        Text(object, {"metadata", "namespace"}).empty()) {
      json::Find(applied, "metadata")->as_object()["namespace"] = "default";
    }
    const auto reply = Await(
        client_->Apply(mapping->gvr, std::move(applied),
                       {.field_manager = "user", .on_conflict = kube::OnConflict::kTakeOver}, {}));
    ASSERT_TRUE(reply) << reply.error().message();
  }
}

void ClusterUser::ApplyFile(const std::string& file) {
  std::ifstream stream(fmt::format("{}/{}", KRO_SOURCE_DIR, file), std::ios::binary);
  ASSERT_TRUE(stream) << file;
  Apply(std::string{std::istreambuf_iterator<char>(stream), {}});
}

std::optional<json::Value> ClusterUser::Get(std::string_view object) {
  const NamedObject named = ParseName(object);
  const auto mapping = Map(named.gvk, Duration::zero());
  if (!mapping) return std::nullopt;
  auto reply = Await(client_->Get(mapping->gvr, named.key, {}, {}));
  if (reply) return *std::move(reply);
  EXPECT_EQ(reply.error().code(), ErrorCode::kNotFound) << reply.error().message();
  return std::nullopt;
}

void ClusterUser::Patch(std::string_view object, std::string_view patch) {
  const NamedObject named = ParseName(object);
  const auto mapping = Map(named.gvk, std::chrono::seconds(30));
  ASSERT_TRUE(mapping) << object;
  auto body = json::ParseYamlDocument(patch);
  ASSERT_TRUE(body) << body.error()[0].message;
  const auto reply = Await(client_->Patch(mapping->gvr, named.key, kube::PatchType::kMerge,
                                          std::move(body->value), {.field_manager = "user"}, {}));
  ASSERT_TRUE(reply) << reply.error().message();
}

void ClusterUser::Delete(std::string_view object) {
  const NamedObject named = ParseName(object);
  const auto mapping = Map(named.gvk, std::chrono::seconds(30));
  ASSERT_TRUE(mapping) << object;
  const auto reply = Await(client_->Delete(mapping->gvr, named.key,
                                           {.propagation = kube::Propagation::kBackground}, {}));
  if (!reply) {
    EXPECT_EQ(reply.error().code(), ErrorCode::kNotFound) << reply.error().message();
  }
}

std::vector<json::Value> ClusterUser::List(std::string_view kind, std::string selector) {
  const auto mapping = Map(ParseName(kind).gvk, Duration::zero());
  if (!mapping) return {};
  auto reply = Await(client_->List(mapping->gvr, "", {.label_selector = std::move(selector)}, {}));
  if (reply) return std::move(reply->items);
  EXPECT_EQ(reply.error().code(), ErrorCode::kNotFound) << reply.error().message();
  return {};
}

Duration ClusterUser::WaitUntil(std::string_view what, const std::function<bool()>& holds,
                                Duration limit) {
  const auto started = steady_clock::now();
  while (!holds()) {
    if (steady_clock::now() - started > limit) {
      ADD_FAILURE() << "still not: " << what;
      break;
    }
    std::this_thread::sleep_for(milliseconds(5));  // a real server decides when
  }
  return std::chrono::duration_cast<Duration>(steady_clock::now() - started);
}

Duration ClusterUser::WaitFor(std::string_view object, std::initializer_list<std::string_view> path,
                              std::string_view value, Duration limit) {
  std::string last;
  const Duration took = WaitUntil(
      fmt::format("{} is {}", object, value),
      [&] {
        const auto found = Get(object);
        if (!found) return false;
        last = json::Serialize(*found);
        return Text(*found, path) == value;
      },
      limit);
  if (took > limit) ADD_FAILURE() << "it is " << last;
  return took;
}

Duration ClusterUser::WaitUntilGone(std::string_view object, Duration limit) {
  return WaitUntil(fmt::format("{} is gone", object), [&] { return !Get(object); }, limit);
}

std::optional<kube::RestMapping> ClusterUser::Map(const kube::Gvk& gvk, Duration limit) {
  const auto started = steady_clock::now();
  while (true) {
    const auto mapping = Await(mapper_->ForKind(gvk, {}));
    if (mapping) return *mapping;
    if (steady_clock::now() - started >= limit) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(50));
  }
}

}  // namespace kro::e2e
