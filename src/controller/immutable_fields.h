// Immutable fields: what the server refuses to change of an object that stands.
//
// Every kind says it in words of its own, `field is immutable`, `may not change once set`, `updates to
// statefulset spec for fields other than … are forbidden`, or by a rule that compares `self` with `oldSelf`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api_error.h"

namespace kro::controller {

// The fields for which alone an apply was refused; empty where the server names none. nullopt: there are
// other reasons, so that another object in its place would be refused too.
std::optional<std::vector<std::string>> ImmutableFields(const kube::Status& status);

// What to put behind the server's words: which object would have to be made anew.
std::string TellOfReplacement(std::string_view object, const std::vector<std::string>& fields);

}  // namespace kro::controller
