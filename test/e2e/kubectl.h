// kubectl, as a person has it.
#pragma once

#include <string>
#include <string_view>

namespace kro::e2e {

struct KubectlAnswer {
  bool succeeded = false;
  std::string text;  // of both outputs
};

// `arguments` as a shell reads them. Blocks until it ends.
KubectlAnswer Kubectl(const std::string& kubeconfig, std::string_view arguments);

}  // namespace kro::e2e
