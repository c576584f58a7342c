// Size and depth limits that every library keeps: what a function makes is paid for before it is made.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "cel/value.h"

namespace kro::cel {

// No text of an evaluation is larger: nothing that fits in a Kubernetes object comes near it.
inline constexpr std::size_t kMaxTextSize = std::size_t{64} << 20;

// How deep functions follow nested values.
inline constexpr int kMaxValueDepth = 512;

inline constexpr std::string_view kTooDeep = "value nests too deeply";

// Takes the price of `size` bytes from the budget; false if there is not that much.
inline bool ChargeText(Context& context, std::size_t size) {
  return size <= kMaxTextSize && context.Charge(static_cast<std::int64_t>(size / 16 + 1));
}

// The same for one comparison with `value`, if that may be long.
inline bool ChargeComparison(Context& context, const Value& value) {
  const bool text = value.Is(Kind::kString) || value.Is(Kind::kBytes);
  return !text || context.Charge(static_cast<std::int64_t>(value.AsString().size() / 64));
}

// A copy of `text` in the arena, paid for.
inline Value NewString(Context& context, std::string_view text) {
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  return MakeString(context, text);
}

inline Value NewBytes(Context& context, std::string_view bytes) {
  if (!ChargeText(context, bytes.size())) return Value::Error(kBudgetExceeded);
  return MakeBytes(context, bytes);
}

}  // namespace kro::cel
