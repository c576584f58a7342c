// Whatever Parse accepts prints to a text that reads back equal.
#include <cstdint>
#include <cstdlib>

#include "json/path.h"
#include "json/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto value = kro::json::Parse(text)) {
    const std::string printed = kro::json::Serialize(*value);
    auto again = kro::json::Parse(printed);
    if (!again || kro::json::Canonical(*again) != kro::json::Canonical(*value)) std::abort();
    if (kro::json::IsTooDeep(*value)) std::abort();
  }
  if (auto path = kro::json::FieldPath::Parse(text)) (void)path->ToString();
  return 0;
}
