// The columns of built-in kinds in tables (spec kube-server section 1.4).
#pragma once

#include <vector>

#include "apiserver/internal/table.h"

namespace kro::apiserver {

std::vector<TableColumn> BuiltinColumns(const Resource& resource);
json::Array BuiltinCells(const Resource& resource, const json::Value& object, WallTime now);

}  // namespace kro::apiserver
