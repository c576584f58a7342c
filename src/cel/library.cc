#include "cel/library.h"

#include <algorithm>
#include <array>

namespace kro::cel {

std::span<const Library* const> KroLibraries() {
  static const std::array kLibraries = {
      &StandardLibrary(), &OptionalLibrary(),        &StringsLibrary(),  &ListsLibrary(),
      &EncodersLibrary(), &KubernetesListsLibrary(), &UrlLibrary(),      &RegexLibrary(),
      &QuantityLibrary(), &NetworkLibrary(),         &SemverLibrary(),   &RandomLibrary(),
      &MapsLibrary(),     &JsonLibrary(),            &HashLibrary(),     &KroListsLibrary(),
      &OmitLibrary(),     &RuntimeLibrary(),
  };
  return kLibraries;
}

const Library* FindLibrary(std::string_view name) {
  auto libraries = KroLibraries();
  auto found = std::find_if(libraries.begin(), libraries.end(),
                            [&](const Library* library) { return library->name == name; });
  if (found != libraries.end()) return *found;
  return MathLibrary().name == name ? &MathLibrary() : nullptr;
}

}  // namespace kro::cel
