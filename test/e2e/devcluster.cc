#include "e2e/devcluster.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace kro::e2e {
namespace {

int Run(const std::string& arguments) {
  return std::system(  // NOLINT(bugprone-command-processor): our own script, our own words
      fmt::format("'{}/scripts/devcluster' {} 1>&2", KRO_SOURCE_DIR, arguments).c_str());
}

}  // namespace

Devcluster::Devcluster(const std::string& name, const std::string& flags)
    : name_(fmt::format("{}-{}", name, ::getpid())) {
  const std::string directory = std::filesystem::temp_directory_path();
  const std::string kubeconfig = fmt::format("{}/kro-{}.kubeconfig", directory, name_);
  audit_log_ = fmt::format("{}/kro-{}.audit.log", directory, name_);
  if (Run(fmt::format("up --detach --name {} --parent-pid {} --kubeconfig '{}' --audit-log '{}' {}",
                      name_, ::getpid(), kubeconfig, audit_log_, flags)) == 0) {
    kubeconfig_ = kubeconfig;
  }
}

Devcluster::~Devcluster() {
  if (!kubeconfig_.empty()) Run(fmt::format("down --name {}", name_));
  std::error_code ignored;  // there is nothing to do about a file that stays
  std::filesystem::remove(audit_log_, ignored);
}

}  // namespace kro::e2e
