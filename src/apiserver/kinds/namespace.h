// Namespace.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultNamespace(json::Object& object);
void PrepareNamespace(const WriteContext& context, json::Object& object);

}  // namespace kro::apiserver
