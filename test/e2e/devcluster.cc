#include "devcluster.h"

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

Devcluster::Devcluster(const std::string& name)
    : name_(fmt::format("{}-{}", name, ::getpid())) {
  const std::string kubeconfig =
      std::filesystem::temp_directory_path() / fmt::format("kro-{}.kubeconfig", name_);
  if (Run(fmt::format("up --detach --name {} --parent-pid {} --kubeconfig '{}'", name_, ::getpid(),
                      kubeconfig)) == 0) {
    kubeconfig_ = kubeconfig;
  }
}

Devcluster::~Devcluster() {
  if (!kubeconfig_.empty()) Run(fmt::format("down --name {}", name_));
}

}  // namespace kro::e2e
