// A line with the name of a format, then the text that has it or not: mail and network addresses, times, numbers of
// books. The answer is the same when asked again, and no text takes long.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "apiserver/internal/formats.h"

using namespace kro::apiserver::internal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string format = CheckedFormat({"string"}, text.substr(0, text.find('\n')));
  if (format.empty()) return 0;
  text.remove_prefix(std::min(size, text.find('\n') + 1));
  if (HasFormat(format, text) != HasFormat(format, std::string(text))) std::abort();
  return 0;
}
