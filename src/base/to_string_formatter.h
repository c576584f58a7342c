// Lets fmt print a value as its ToString() does, with the width and alignment of strings:
//
//   template <>
//   struct fmt::formatter<kro::api::Gvk> : kro::ToStringFormatter<kro::api::Gvk> {};
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace kro {

template <typename T>
struct ToStringFormatter : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const T& value, Context& context) const {
    return fmt::formatter<std::string_view>::format(value.ToString(), context);
  }
};

}  // namespace kro
