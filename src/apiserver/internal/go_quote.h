// Texts as Go's %q shows them: `"a"`, and lists of them, `["a" "b"]`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kro::apiserver {

std::string GoQuoted(std::string_view text);
std::string GoQuoted(const std::vector<std::string>& texts);

}  // namespace kro::apiserver
