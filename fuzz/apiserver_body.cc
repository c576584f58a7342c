// The body of a request, as JSON, as YAML, as that of an apply, and as protobuf. JSON that is read and written is
// read as the same, without a repeated key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/decode.h"
#include "apiserver/internal/protobuf_body.h"
#include "json/value.h"

using namespace kro;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = apiserver::DecodeJson(text)) {
    const auto again = apiserver::DecodeJson(json::Canonical(read->value));
    if (!again || !again->duplicates.empty()) std::abort();
    if (json::Canonical(again->value) != json::Canonical(read->value)) std::abort();
  }
  if (const auto read = apiserver::DecodeYaml(text); read && !read->duplicates.fields.empty()) {
    std::abort();
  }
  if (const auto read = apiserver::DecodeApply(text); read && !read->value.is_object())
    std::abort();
  const auto read = apiserver::DecodeProtobufBody(text);
  if (read && (!apiserver::IsProtobufBody(text) || !read->is_object())) std::abort();
  return 0;
}
