// What is wrong with a CustomResourceDefinition: spec kube-server section 8.2, rules of section 8.5.
#pragma once

#include <string>
#include <vector>

#include "apiserver/field_error.h"
#include "json/value.h"

namespace kro::apiserver {

struct CrdVerdict {
  FieldErrors errors;
  std::vector<std::string> warnings;  // `unrecognized format "zzz"`
};

// `crd` is defaulted (names, conversion, storedVersions). `old` is the stored one for an update, nullptr
// for a create: faults that the stored one had already may be forgiven, and what may not change is
// compared.
CrdVerdict ValidateCrd(const json::Value& crd, const json::Value* old);

}  // namespace kro::apiserver
