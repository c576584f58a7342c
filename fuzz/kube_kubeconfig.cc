// A kubeconfig file, and each of its contexts where every file that it names holds the same text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "kube/kubeconfig.h"

using namespace kro;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = kube::Kubeconfig::Parse(text, "/etc/kro/config");
  if (!config) {
    if (config.error().message().empty()) std::abort();
    return 0;
  }
  const kube::Environment environment{
      .variable = [](const std::string&) { return std::optional<std::string>(); },
      .read_file = [&](const std::string&) -> Result<std::string> { return std::string(text); },
      .home = "/"};
  for (const auto& [name, context] : config->contexts) {
    const auto resolved = config->Resolve(name, environment);
    if (resolved && (resolved->server.empty() || resolved->server.ends_with('/'))) std::abort();
  }
  return 0;
}
