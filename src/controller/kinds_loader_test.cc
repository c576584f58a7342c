#include "controller/kinds_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/simulated_executor.h"
#include "async/when_all.h"
#include "json/yaml.h"

namespace kro::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const api::Gvk kDeployment{"apps", "v1", "Deployment"};
const api::Gvk kReplicaSet{"apps", "v1", "ReplicaSet"};
const api::Gvk kTable{"ex.io", "v1", "Table"};

constexpr std::string_view kTables = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tables.ex.io}
spec:
  group: ex.io
  scope: Cluster
  names: {plural: tables, singular: table, kind: Table, listKind: TableList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {rows: {type: integer}}}
)";

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

class Counting final : public http::Transport {
 public:
  explicit Counting(http::Transport& inner) : inner_(inner) {}
  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    targets.push_back(request.target);
    return inner_.Send(std::move(request), std::move(cancel));
  }
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    return inner_.Open(std::move(request), std::move(cancel));
  }
  std::size_t Count(std::string_view part) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        targets, [&](const std::string& t) { return t.find(part) != std::string::npos; }));
  }
  std::vector<std::string> targets;

 private:
  http::Transport& inner_;
};

class KindsLoading : public testing::Test {
 protected:
  Result<LoadedKinds> Load(std::vector<api::Gvk> kinds) {
    return *executor.Run(loader.Load(std::move(kinds), {}));
  }
  void CreateTables() {
    ASSERT_TRUE(
        *executor.Run(client.Create({"apiextensions.k8s.io", "v1", "customresourcedefinitions"}, "",
                                    json::ParseYamlDocument(kTables)->value, {}, {})));
    executor.Advance(std::chrono::seconds(1));
  }

  NoLog sink;
  async::SimulatedExecutor executor;
  apiserver::Server server{executor.clock(), apiserver::IdSource(1), {}};
  apiserver::LocalTransport local{server, executor};
  Counting transport{local};
  kube::Client client{transport, executor, Logger(sink), {}};
  kube::RestMapper mapper{client};
  KindsLoader loader{client, mapper};
};

TEST_F(KindsLoading, OneDocumentServesAllKindsOfAGroupVersion) {
  const auto loaded = Load({kDeployment, kReplicaSet});
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_THAT(loaded->missing, IsEmpty());
  EXPECT_TRUE(loaded->kinds.SchemaOf(kDeployment));
  EXPECT_EQ(loaded->kinds.MappingOf(kReplicaSet)->gvr.resource, "replicasets");
  EXPECT_EQ(transport.Count("/openapi/v3/apis/apps/v1"), 1U);

  // And is not asked for again.
  transport.targets.clear();
  ASSERT_TRUE(Load({kDeployment}));
  EXPECT_THAT(transport.targets, IsEmpty());
}

TEST_F(KindsLoading, AsksForAnUnchangedDocumentOnlyWhetherItChanged) {
  ASSERT_TRUE(Load({kDeployment}));
  executor.Advance(KindsLoader::kRevalidate + std::chrono::seconds(1));
  const auto again = Load({kDeployment});
  ASSERT_TRUE(again);
  EXPECT_THAT(again->missing, IsEmpty());
  EXPECT_EQ(transport.Count("/openapi/v3/apis/apps/v1"), 2U);
}

TEST_F(KindsLoading, SeveralAtOnceShareOneReading) {
  std::vector<async::Task<Result<LoadedKinds>>> loads;
  for (int i = 0; i < 5; ++i) loads.push_back(loader.Load({kDeployment}, {}));
  const auto all = executor.Run(async::WhenAll(executor, std::move(loads)));
  ASSERT_TRUE(all);
  for (const auto& loaded : *all) EXPECT_TRUE(loaded && loaded->missing.empty());
  EXPECT_EQ(transport.Count("/openapi/v3/apis/apps/v1"), 1U);
}

TEST_F(KindsLoading, ACustomKindIsReadFromItsDefinition) {
  CreateTables();
  const auto loaded = Load({kTable});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->missing, IsEmpty());
  const auto schema = loaded->kinds.SchemaOf(kTable);
  ASSERT_TRUE(schema);
  EXPECT_NE((*schema)->Find("metadata"), nullptr);
  EXPECT_NE((*schema)->Find("spec")->Find("rows"), nullptr);
  EXPECT_FALSE(loaded->kinds.MappingOf(kTable)->namespaced);
  EXPECT_EQ(transport.Count("openapi"), 0U);
}

TEST_F(KindsLoading, AMissingKindIsLookedForAgainEachTime) {
  const auto before = Load({kTable, kDeployment});
  ASSERT_TRUE(before);
  EXPECT_THAT(before->missing, ElementsAre(kTable));
  EXPECT_TRUE(before->kinds.SchemaOf(kDeployment));
  CreateTables();
  EXPECT_THAT(Load({kTable})->missing, IsEmpty());
}

TEST_F(KindsLoading, ANameCloseToTheMissingOneIsSuggested) {
  const api::Gvk misspelt{"apps", "v1", "Deploymnt"};
  const auto loaded = Load({misspelt});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->kinds.Suggest(misspelt), testing::HasSubstr("'Deployment'"));
}

TEST_F(KindsLoading, ForgetsWhatChanged) {
  CreateTables();
  ASSERT_TRUE(Load({kTable}));
  ASSERT_TRUE(*executor.Run(
      client.Patch({"apiextensions.k8s.io", "v1", "customresourcedefinitions"},
                   {"", "tables.ex.io"}, kube::PatchType::kJson,
                   json::ParseYamlDocument(
                       "[{op: add, path: /spec/versions/0/schema/openAPIV3Schema/properties/spec/"
                       "properties/name, value: {type: string}}]")
                       ->value,
                   {}, {})));
  executor.Advance(std::chrono::seconds(1));
  loader.Forget("ex.io");
  const auto loaded = Load({kTable});
  ASSERT_TRUE(loaded);
  EXPECT_NE((*loaded->kinds.SchemaOf(kTable))->Find("spec")->Find("name"), nullptr);
}

}  // namespace
}  // namespace kro::controller
