// The manual of the functions, made from their declarations: docs/cel.md.
#pragma once

#include <string>

namespace kro::cel {

// Markdown: every macro, and every function of kro's environment with its overloads and examples.
// KRO_UPDATE=1 cel_test --gtest_filter='Reference.*' writes it to docs/cel.md.
std::string FunctionReference();

}  // namespace kro::cel
