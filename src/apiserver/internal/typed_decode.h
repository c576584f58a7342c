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

// Where an object comes from decides which numbers are integers, and how they are shown.
struct WrittenAs {
  enum class Form {
    kJson,    // `text`: an integer is digits alone
    kYaml,    // turned into JSON first, where 1.0 and 1e0 are 1
    kMerged,  // the outcome of an apply or of a strategic merge: converted, integers wrap
  } form = Form::kJson;
  std::string_view text;
};

// Places in an object, "spec.l[0].x", in order.
struct DecodedFields {
  std::vector<std::string> unknown;
  std::vector<std::string> emptied;  // lists and maps without anything in them, which are left out
};

// Leaves out of `object` what its kind does not know, and what says nothing. The error's text is Go's alone: `json: cannot
// unmarshal number into Go struct field ConfigMap.data of type string`, or of what is merged `cannot
// convert float64 to int32`.
Result<DecodedFields> DecodeTyped(const ObjectSchema& structure, std::string_view kind,
                                  json::Value& object, WrittenAs written);

}  // namespace kro::apiserver
