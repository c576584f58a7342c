// The text is a list: a document, a patch for it and a second document. A merge patch made of the
// documents turns one into the other, unless a null stands in its way.
#include <cstdint>
#include <cstdlib>

#include "json/patch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kro::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto input = Parse(text);
  if (!input || !input->is_array() || input->get_array().size() < 3) return 0;
  const Array& parts = input->get_array();
  if (auto patched = ApplyPatch(parts[0], parts[1]); patched && IsTooDeep(*patched)) std::abort();
  (void)ApplyMergePatch(parts[0], parts[1]);
  const Value merged = ApplyMergePatch(parts[0], MakeMergePatch(parts[0], parts[2]));
  const bool has_null = Serialize(parts[2]).find("null") != std::string::npos;
  if (!has_null && Canonical(merged) != Canonical(parts[2])) std::abort();
  return 0;
}
