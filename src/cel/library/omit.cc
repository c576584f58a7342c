#include "cel/library/omit.h"

#include "cel/library.h"

namespace kro::cel {
namespace {

Value RefuseComparison(Context&, const Value&, const Value&) {
  return Value::Error("omit() is a field-removal sentinel and cannot be compared");
}

constexpr OpaqueType kOmitType{
    .name = "kro.omit", .equal = RefuseComparison, .equal_other = RefuseComparison};
constexpr OpaqueBase kOmit{&kOmitType};

Value Omit(Context&, std::span<const Value>) { return OmitValue(); }

}  // namespace

Value OmitValue() { return Value::Abstract(&kOmit); }

bool IsOmit(const Value& value) { return value.IsOpaque(kOmitType); }

const Library& OmitLibrary() {
  static const Library library{.name = "kro.omit",
                               .doc = "Leaving fields out of a resource.",
                               .overloads = {
                                   {.function = "omit",
                                    .id = "omit_void",
                                    .params = {},
                                    .result = Dyn(),
                                    .doc = "Removes the field or list element that it ends up in.",
                                    .examples = {{"[1, omit()].size()", "2"}},
                                    .eval = Omit},
                               }};
  return library;
}

}  // namespace kro::cel
