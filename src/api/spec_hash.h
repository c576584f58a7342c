// The digest by which a change of an RGD's spec is noticed.
#pragma once

#include <string>

#include "base/error.h"
#include "json/value.h"

namespace kro::api {

// Sixteen hexadecimal digits for the spec of an RGD: FNV-1a of its normalised form. Insensitive to
// the order of keys, resources, readyWhen and includeWhen, to absent versus empty and to the two
// defaults; sensitive to everything else. Equal to upstream's digest, except that integers beyond
// 2^53 keep their exact value here.
//
// kInvalid for members of the wrong type, and for numbers beyond the range of a double.
Result<std::string> SpecHash(const json::Value& spec);

}  // namespace kro::api
