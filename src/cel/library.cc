#include "cel/library.h"

#include <array>

namespace kro::cel {

std::span<const Library* const> KroLibraries() {
  static const std::array kLibraries = {
      &StandardLibrary(), &OptionalLibrary(), &StringsLibrary(),
      &ListsLibrary(),    &EncodersLibrary(), &KubernetesListsLibrary(),
      &UrlLibrary(),      &RegexLibrary(),    &QuantityLibrary(),
      &NetworkLibrary(),  &SemverLibrary(),   &RandomLibrary(),
      &MapsLibrary(),     &JsonLibrary(),     &HashLibrary(),
      &KroListsLibrary(), &OmitLibrary(),     &RuntimeLibrary(),
  };
  return kLibraries;
}

std::span<const Library* const> KubernetesLibraries() {
  static const std::array kLibraries = {
      &StandardLibrary(),
      &OptionalLibrary(),
      &StringsLibrary(),
      &ListsLibrary(),
      &KubernetesListsLibrary(),
      &UrlLibrary(),
      &RegexLibrary(),
      &QuantityLibrary(),
      &NetworkLibrary(),
      &SemverLibrary(),
      &MathLibrary(),
      &SetsLibrary(),
      &NamedFormatLibrary(),
      &AuthorizerLibrary(),
      &LenientSemverLibrary(),
      &ListIncludesLibrary(),
      &JsonPatchLibrary(),
      &RegexReplaceLibrary(),
  };
  return kLibraries;
}

std::span<const Library* const> OtherLibraries() {
  static const std::array kLibraries = {
      &MathLibrary(),       &SetsLibrary(),          &NamedFormatLibrary(),
      &AuthorizerLibrary(), &LenientSemverLibrary(), &ListIncludesLibrary(),
      &JsonPatchLibrary(),  &RegexReplaceLibrary(),  &SpecificationLibrary(),
  };
  return kLibraries;
}

}  // namespace kro::cel
