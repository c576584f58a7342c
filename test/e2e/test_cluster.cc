#include "e2e/test_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>

#include "e2e/devcluster.h"
#include "e2e/kro_process.h"

namespace kro::e2e {
namespace {

class RealCluster final : public TestCluster {
 public:
  explicit RealCluster(const std::string& name) : cluster_(name) {}

  const std::string& kubeconfig() const override { return cluster_.kubeconfig(); }
  const std::string& audit_log() const override { return cluster_.audit_log(); }
  void PlayCloud() override {
    const std::string command = fmt::format(
        "'{0}/scripts/devcluster' pretend --kubeconfig '{1}' --parent-pid {2} "
        "'{0}/devcluster/rules/cloud.yaml' >/dev/null 2>&1 &",
        KRO_SOURCE_DIR, kubeconfig(), ::getpid());
    ASSERT_EQ(std::system(command.c_str()),
              0);  // NOLINT(bugprone-command-processor): our own script
  }

 private:
  Devcluster cluster_;
};

class EmbeddedCluster final : public TestCluster {
 public:
  explicit EmbeddedCluster(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("kro-{}-{}", name, ::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    kubeconfig_ = folder_ / "kubeconfig";
    audit_log_ = folder_ / "audit.log";
    rules_ = folder_ / "rules.yaml";
    std::fclose(std::fopen(rules_.c_str(), "w"));
    process_ = std::make_unique<KroProcess>(
        std::vector<std::string>{"dev", "--no-controller", "--kubeconfig", kubeconfig_,
                                 "--audit-log", audit_log_, "--rules", rules_},
        folder_ / "log");
    const auto begun = std::chrono::steady_clock::now();
    while (!std::filesystem::exists(kubeconfig_) && process_->IsRunning() &&
           std::chrono::steady_clock::now() - begun < std::chrono::seconds(30)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // another process decides when
    }
  }
  ~EmbeddedCluster() override {
    process_.reset();
    std::error_code ignored;  // there is nothing to do about files that stay
    std::filesystem::remove_all(folder_, ignored);
  }

  bool running() const { return process_->IsRunning() && std::filesystem::exists(kubeconfig_); }
  std::string Log() const { return process_->Log(); }
  const std::string& kubeconfig() const override { return kubeconfig_; }
  const std::string& audit_log() const override { return audit_log_; }
  // The file is read again when it is replaced.
  void PlayCloud() override {
    const std::filesystem::path source =
        std::filesystem::path(KRO_SOURCE_DIR) / "examples/webapp-with-db/rules.yaml";
    std::filesystem::copy_file(source, rules_ + ".new");
    std::filesystem::rename(rules_ + ".new", rules_);
  }

 private:
  std::filesystem::path folder_;
  std::string kubeconfig_;
  std::string audit_log_;
  std::string rules_;
  std::unique_ptr<KroProcess> process_;
};

}  // namespace

TestCluster::Kind TestCluster::KindOfEnvironment() {
  const char* server = std::getenv("KRO_TEST_SERVER");
  return server != nullptr && std::string_view(server) == "dev" ? Kind::kEmbedded : Kind::kReal;
}

std::unique_ptr<TestCluster> TestCluster::Start(const std::string& name, Kind kind) {
  if (kind == Kind::kEmbedded) {
    auto cluster = std::make_unique<EmbeddedCluster>(name);
    if (cluster->running()) return cluster;
    fmt::print(stderr, "{}\n", cluster->Log());
    return nullptr;
  }
  auto cluster = std::make_unique<RealCluster>(name);
  if (cluster->kubeconfig().empty()) return nullptr;
  return cluster;
}

}  // namespace kro::e2e
