#include "api/gvk.h"

namespace kro::api {

Result<Gvk> ParseGvk(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return Gvk{"", std::string(api_version), std::string(kind)};
  if (api_version.find('/', slash + 1) != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid,
                "invalid apiVersion format \"{}\": unexpected GroupVersion string: {}", api_version,
                api_version);
  }
  return Gvk{std::string(api_version.substr(0, slash)), std::string(api_version.substr(slash + 1)),
             std::string(kind)};
}

}  // namespace kro::api
