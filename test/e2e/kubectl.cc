#include "e2e/kubectl.h"

#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace kro::e2e {

KubectlAnswer Kubectl(const std::string& kubeconfig, std::string_view arguments) {
  const std::string command =
      fmt::format("'{}/scripts/devcluster' kubectl --kubeconfig '{}' {} 2>&1", KRO_SOURCE_DIR,
                  kubeconfig, arguments);
  std::FILE* output =
      ::popen(command.c_str(), "r");  // NOLINT(bugprone-command-processor): our own script
  if (output == nullptr) return {};
  KubectlAnswer answer;
  std::array<char, 4096> part{};
  while (const std::size_t read = std::fread(part.data(), 1, part.size(), output)) {
    answer.text.append(part.data(), read);
  }
  answer.succeeded = ::pclose(output) == 0;
  return answer;
}

}  // namespace kro::e2e
