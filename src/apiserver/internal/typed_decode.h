// Reads an object of a built-in kind as a typed server does: what its type does not know is dropped, what
// has the wrong type is refused, what is empty is left out (spec kube-server section 4.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/object_schema.h"
#include "json/value.h"

namespace kro::apiserver {

// Where unknown fields stood: "spec.l[0].x", in order. The error's text is Go's alone: `json: cannot
// unmarshal number into Go struct field ConfigMap.data of type string`.
Result<std::vector<std::string>> DecodeTyped(const ObjectSchema& structure, std::string_view kind,
                                             json::Value& object);

}  // namespace kro::apiserver
