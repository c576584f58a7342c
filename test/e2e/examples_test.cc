// The definitions of examples/ and of upstream's examples on an API server: their CRDs are taken without a
// warning and explained; and what an author sees of a file that is no YAML.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/run_blocking.h"
#include "cli/validate_command.h"
#include "e2e/cluster_user.h"
#include "e2e/kubectl.h"
#include "e2e/operator_fixture.h"
#include "e2e/test_cluster.h"
#include "json/yaml.h"
#include "kube/connection.h"
#include "support/conformance.h"

namespace kro::e2e {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kCrds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

struct Ran {
  std::string text;  // output and errors together
  int exit_code = -1;
};

Ran RunShell(const std::string& command) {
  Ran ran;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      ::popen((command + " 2>&1; echo \"exit $?\"").c_str(),
              "r"),  // NOLINT(cert-env33-c): our own scripts
      ::pclose);
  std::array<char, 4096> block;
  while (const std::size_t read = std::fread(block.data(), 1, block.size(), pipe.get())) {
    ran.text.append(block.data(), read);
  }
  const std::size_t last = ran.text.rfind("exit ");
  if (last == ran.text.npos) return ran;
  ran.exit_code = std::stoi(ran.text.substr(last + 5));
  ran.text.resize(last);
  return ran;
}

class Examples : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = TestCluster::Start("examples");
    if (!cluster_) return;
    user_ = std::make_unique<ClusterUser>(cluster_->kubeconfig());
    folder_ = std::filesystem::temp_directory_path() / fmt::format("kro-examples-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    const auto environment = kube::Environment::OfProcess();
    auto config =
        kube::LoadConfig({.kubeconfig = cluster_->kubeconfig(), .context = {}}, environment);
    ASSERT_TRUE(config) << config.error().message();
    auto connection = kube::Connection::Create(user_->executor(), *config, environment);
    ASSERT_TRUE(connection) << connection.error().message();
    connection_ = *std::move(connection);
  }
  static void TearDownTestSuite() {
    connection_.reset();
    user_.reset();
    cluster_.reset();
    std::error_code ignored;  // there is nothing to do about a folder that stays
    std::filesystem::remove_all(folder_, ignored);
  }
  void SetUp() override { ASSERT_NE(cluster_, nullptr) << "the cluster did not start"; }

  static std::string WriteFile(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  // The CRDs of all definitions, several of which may have one name.
  static std::vector<json::Value> Crds() {
    // The kinds of other operators that examples use.
    std::string kinds;
    for (const auto& crd : conformance::ReadCases("conformance/fixtures/crds.json")) {
      kinds += "---\n" + json::Serialize(crd) + "\n";
    }
    cli::ValidateOptions options;
    options.crds = {WriteFile("crds.yaml", kinds),
                    KRO_SOURCE_DIR "/examples/webapp-with-db/table-crd.yaml"};
    options.show = cli::ValidateOptions::Show::kCrd;
    std::vector<json::Value> crds;
    // Each on its own: both define a WebApp.
    for (const auto* root : {"test/data/examples", "examples"}) {
      const bool recorded = root != std::string_view("examples");
      options.files.clear();
      for (const auto& entry : std::filesystem::recursive_directory_iterator(
               fmt::format("{}/{}", KRO_SOURCE_DIR, root))) {
        if (entry.path().extension() == ".yaml") options.files.push_back(entry.path());
      }
      const cli::Output output = RunValidate(options);
      // One of the recorded ones compiles, but has fields of an externalRef at the wrong indentation.
      const bool one_refused =
          output.err.find("gemma-on-tpu/rgd.yaml:19:15: error[KRO107]") != std::string::npos &&
          output.err.find("18 documents checked, 1 error,") != std::string::npos;
      EXPECT_TRUE(recorded ? one_refused : output.code == cli::ExitCode::kOk) << output.err;
      auto documents = json::ParseYaml(output.out);
      EXPECT_TRUE(documents);
      for (auto& document : *documents) crds.push_back(std::move(document.value));
    }
    return crds;
  }

  static http::Response Send(std::string method, std::string target, std::string body = {}) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.Set("Content-Type", "application/json");
    auto response = user_->Await(connection_->transport().Send(std::move(request), {}));
    EXPECT_TRUE(response) << response.error().message();
    return response ? *std::move(response) : http::Response();
  }

  static std::unique_ptr<TestCluster> cluster_;
  static std::unique_ptr<ClusterUser> user_;
  static std::unique_ptr<kube::Connection> connection_;
  static std::filesystem::path folder_;
};

std::unique_ptr<TestCluster> Examples::cluster_;
std::unique_ptr<ClusterUser> Examples::user_;
std::unique_ptr<kube::Connection> Examples::connection_;
std::filesystem::path Examples::folder_;

TEST_F(Examples, TheirCrdsAreTakenWithoutAWarning) {
  const std::vector<json::Value> crds = Crds();
  EXPECT_GE(crds.size(), 22U);
  for (const json::Value& crd : crds) {
    const std::string name(json::FindString(crd, {"metadata", "name"}));
    SCOPED_TRACE(name);
    const std::string object =
        fmt::format("apiextensions.k8s.io/v1 CustomResourceDefinition {}", name);
    if (user_->Get(object)) {
      user_->Delete(object);
      user_->WaitUntilGone(object);
    }
    const http::Response created =
        Send("POST", fmt::format("{}?fieldValidation=Strict", kCrds), json::Serialize(crd));
    ASSERT_EQ(created.status, 201) << created.body;
    const std::string* warning = created.headers.Find("Warning");
    EXPECT_EQ(warning, nullptr) << *warning;
    user_->WaitUntil("the CRD is established", [&] {
      const auto found = user_->Get(object);
      return found && ConditionStatus(*found, "Established") == "True";
    });
    const auto found = user_->Get(object);
    ASSERT_TRUE(found);
    EXPECT_EQ(ConditionStatus(*found, "NonStructuralSchema"), "")
        << ConditionMessage(*found, "NonStructuralSchema");
  }
  std::printf("%zu CRDs\n", crds.size());
}

TEST_F(Examples, AreExplainedByKubectl) {
  for (const json::Value& crd : Crds()) {
    const std::string name(json::FindString(crd, {"metadata", "name"}));
    if (name != "webapps.kro.run" && name != "webappwithdbs.kro.run") continue;
    if (json::Serialize(crd).find("\"description\"") == std::string::npos) continue;
    const std::string object =
        fmt::format("apiextensions.k8s.io/v1 CustomResourceDefinition {}", name);
    if (user_->Get(object)) {
      user_->Delete(object);
      user_->WaitUntilGone(object);
    }
    ASSERT_EQ(Send("POST", std::string(kCrds), json::Serialize(crd)).status, 201);
    if (name != "webapps.kro.run") continue;
    // The upstream example of this name has no descriptions and no `ingress`.
    if (json::Serialize(crd).find("Port that the container listens on") != std::string::npos) break;
  }
  std::string text;
  user_->WaitUntil(
      "kubectl explains the fields",
      [&] {
        text = Kubectl(cluster_->kubeconfig(), "explain webapps.kro.run.spec").text;
        return text.find("Port that the container listens on") != text.npos;
      },
      std::chrono::seconds(120));
  EXPECT_THAT(text, HasSubstr("Container image of the application"));
  EXPECT_THAT(text, HasSubstr("How many pods run"));
  EXPECT_THAT(Kubectl(cluster_->kubeconfig(), "explain webapps.kro.run.spec.ingress.host").text,
              HasSubstr("Host name of the ingress"));
}

TEST_F(Examples, AFileThatIsNoYamlNeverReachesTheClusterAndIsExplainedOffline) {
  const std::string file = WriteFile("broken.yaml",
                                     "apiVersion: kro.run/v1alpha1\n"
                                     "kind: ResourceGraphDefinition\n"
                                     "metadata: {name: broken}\n"
                                     "spec:\n"
                                     "  schema: kind: Broken\n");
  const KubectlAnswer applied = Kubectl(cluster_->kubeconfig(), fmt::format("apply -f '{}'", file));
  EXPECT_FALSE(applied.succeeded);
  EXPECT_THAT(applied.text, HasSubstr("line 5"));

  const Ran validated = RunShell(fmt::format("'{}' validate '{}'", KRO_PROGRAM_FILE, file));
  EXPECT_EQ(validated.exit_code, 1) << validated.text;
  EXPECT_THAT(validated.text, HasSubstr("broken.yaml:5:15: error[KRO101]: "));
  EXPECT_THAT(validated.text, HasSubstr("   5 |   schema: kind: Broken\n     |               ^"));
}

}  // namespace
}  // namespace kro::e2e
