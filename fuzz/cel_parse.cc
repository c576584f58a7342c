// The parser takes any text: what it accepts stays in its limits, what it refuses has a message.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cel/environment.h"
#include "cel/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kro::cel::Environment environment = kro::cel::Environment::Kro();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto ast = kro::cel::Parse(text, environment.dialect());
  if (!ast && ast.error().empty()) std::abort();
  if (ast && (!ast->root || ast->source != text)) std::abort();
  return 0;
}
