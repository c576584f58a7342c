#include "e2e/operator_fixture.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

namespace kro::e2e {
namespace {

using std::chrono::milliseconds;

const json::Value* FindCondition(const json::Value& object, std::string_view type) {
  const auto* conditions = json::Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const auto& condition : conditions->as_array()) {
    if (json::FindString(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<TestCluster> OperatorTest::cluster_;
std::unique_ptr<ClusterUser> OperatorTest::user_;
std::unique_ptr<AuditLog> OperatorTest::audit_;
std::unique_ptr<ControllerProcess> OperatorTest::controller_;
std::string OperatorTest::log_;

void OperatorTest::SetUpTestSuite() {
  cluster_ = TestCluster::Start("operator");
  if (cluster_ == nullptr) return;
  user_ = std::make_unique<ClusterUser>(cluster_->kubeconfig());
  audit_ = std::make_unique<AuditLog>(cluster_->audit_log());
  log_ = cluster_->kubeconfig() + ".controller.log";
  for (const auto* crd : {"resourcegraphdefinitions.kro.run", "graphrevisions.internal.kro.run",
                          "resourcegroups.kro.run"}) {
    user_->ApplyFile(fmt::format("config/crd/{}.yaml", crd));
    user_->WaitUntil("the CRD is established", [&] {
      const auto found =
          user_->Get(fmt::format("apiextensions.k8s.io/v1 CustomResourceDefinition {}", crd));
      return found && ConditionStatus(*found, "Established") == "True";
    });
  }
  StartController();
}

void OperatorTest::TearDownTestSuite() {
  controller_.reset();
  user_.reset();
  cluster_.reset();
  std::error_code ignored;  // there is nothing to do about a file that stays
  std::filesystem::remove(log_, ignored);
}

void OperatorTest::SetUp() {
  ASSERT_NE(cluster_, nullptr) << "the cluster did not start";
  ASSERT_TRUE(controller_->IsRunning()) << controller_->Log();
}

Duration OperatorTest::WaitUntilActive(std::string_view object, Duration limit) {
  const bool definition = object.starts_with("kro.run/v1alpha1 ResourceG");
  return user_->WaitFor(object, {"status", "state"}, definition ? "Active" : "ACTIVE", limit);
}

std::vector<AuditedRequest> OperatorTest::Writes() {
  constexpr auto kQuiet = milliseconds(400);
  std::vector<AuditedRequest> writes;
  auto last = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - last < kQuiet) {
    for (auto& request : audit_->Next("kro")) {
      if (!request.IsWrite() || request.resource.starts_with("events") ||
          request.resource.starts_with("leases")) {
        continue;
      }
      last = std::chrono::steady_clock::now();
      writes.push_back(std::move(request));
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return writes;
}

std::vector<std::string> OperatorTest::WritesInWords() {
  std::vector<std::string> words;
  for (const auto& write : Writes()) words.push_back(write.ToString());
  return words;
}

void OperatorTest::StartController() {
  controller_ = std::make_unique<ControllerProcess>(
      cluster_->kubeconfig(), log_,
      std::vector<std::string>{"--allow-crd-deletion=true", "--resource-group-namespaces=default"});
}

std::string ConditionMessage(const json::Value& object, std::string_view type) {
  const auto* condition = FindCondition(object, type);
  return condition == nullptr ? "" : std::string(json::FindString(*condition, {"message"}));
}

std::string ConditionStatus(const json::Value& object, std::string_view type) {
  const auto* condition = FindCondition(object, type);
  return condition == nullptr ? "" : std::string(json::FindString(*condition, {"status"}));
}

}  // namespace kro::e2e
