// The libraries of functions by name. Each is in a file of library/ (the standard one in standard.cc).
#pragma once

#include <span>
#include <string_view>

#include "cel/overload.h"

namespace kro::cel {

// Operators, conversions, size, contains, matches, timestamps and durations: spec section 3.
const Library& StandardLibrary();

// Spec sections 4.5 to 4.15.
const Library& OptionalLibrary();
const Library& StringsLibrary();
const Library& ListsLibrary();
const Library& EncodersLibrary();
const Library& KubernetesListsLibrary();
const Library& UrlLibrary();
const Library& RegexLibrary();
const Library& QuantityLibrary();
const Library& NetworkLibrary();  // IP and CIDR
const Library& SemverLibrary();
const Library& RandomLibrary();
const Library& MapsLibrary();
const Library& JsonLibrary();
const Library& HashLibrary();
const Library& KroListsLibrary();
const Library& OmitLibrary();
const Library& RuntimeLibrary();

// What Kubernetes offers to rules of CustomResourceDefinitions and admission policies, and kro's environment
// does not have.
const Library& SetsLibrary();
const Library& NamedFormatLibrary();
const Library& AuthorizerLibrary();
const Library& LenientSemverLibrary();
const Library& ListIncludesLibrary();
const Library& JsonPatchLibrary();
const Library& RegexReplaceLibrary();

// Of the CEL specification, not part of kro's environment.
const Library& MathLibrary();
// What the specification's own functions do where those of kro's environment do something else.
const Library& SpecificationLibrary();

// All libraries of kro's environment, in a fixed order; of that of Kubernetes' rules; and the others.
std::span<const Library* const> KroLibraries();
std::span<const Library* const> KubernetesLibraries();
std::span<const Library* const> OtherLibraries();

}  // namespace kro::cel
