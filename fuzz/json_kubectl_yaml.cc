// What ParseYaml takes, ParseKubectlYaml takes alike; what it takes beyond that it complains of, at a line that is
// there.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json/kubectl_yaml.h"

using namespace kro::json;

namespace {

bool NamesALine(std::string_view complaint, std::size_t lines) {
  constexpr std::string_view kLine = "line ";
  if (!complaint.starts_with(kLine)) return false;
  std::size_t line = 0;
  const auto read =
      std::from_chars(complaint.data() + kLine.size(), complaint.data() + complaint.size(), line);
  return read.ec == std::errc() && line >= 1 && line <= lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lenient = ParseKubectlYaml(text);
  const auto strict = ParseYaml(text);
  if (!lenient) {
    if (lenient.error().empty() || strict) std::abort();
    return 0;
  }
  // A carriage return and U+0085, U+2028 and U+2029 break lines too, so there are at most as many as bytes.
  for (const std::string& complaint : lenient->strict_complaints) {
    if (!NamesALine(complaint, size + 1)) std::abort();
  }
  if (!strict) return 0;
  if (!lenient->strict_complaints.empty() || lenient->documents.size() != strict->size())
    std::abort();
  const auto alike = [](const Document& a, const Document& b) {
    return Canonical(a.value) == Canonical(b.value);
  };
  if (!std::ranges::equal(lenient->documents, *strict, alike)) std::abort();
  return 0;
}
