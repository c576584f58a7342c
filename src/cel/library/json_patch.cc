// Kubernetes' jsonpatch library: paths of JSON patches.

#include <string>

#include "cel/library.h"
#include "cel/library/budget.h"

namespace kro::cel {
namespace {

Value EscapeKey(Context& context, std::span<const Value> args);

}  // namespace

const Library& JsonPatchLibrary() {
  static const Library library{
      .name = "kubernetes.jsonpatch",
      .doc = "Paths of JSON patches.",
      .overloads = {
          {.function = "jsonpatch.escapeKey",
           .id = "string_jsonpatch_escapeKey_string",
           .params = {String()},
           .result = String(),
           .doc = "The key as a part of a JSON pointer (RFC 6901).",
           .examples = {{"jsonpatch.escapeKey('k8s.io/my~label')", "'k8s.io~1my~0label'"}},
           .eval = EscapeKey}}};
  return library;
}

namespace {

Value EscapeKey(Context& context, std::span<const Value> args) {
  std::string escaped;
  for (char c : args[0].AsString()) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return NewString(context, escaped);
}

}  // namespace
}  // namespace kro::cel
