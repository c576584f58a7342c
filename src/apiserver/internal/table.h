// Tables: objects as the rows that kubectl prints (spec kube-server section 1.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/object_form.h"
#include "apiserver/internal/resource.h"
#include "apiserver/internal/stored_object.h"
#include "json/value.h"

namespace kro::apiserver {

struct TableOptions {
  std::string_view meta_version = "v1";
  IncludeObject include = IncludeObject::kMetadata;
  WallTime now{};
  bool columns = true;  // false: columnDefinitions is null, as in the later events of a watch
};

// One table as JSON. `revision` stands for that of the only object.
std::string Table(const Resource& resource, std::span<const StoredObject> objects,
                  std::uint64_t revision, const TableOptions& options);

// The table of a list; `metadata` is that of the list, as JSON without braces.
std::string TableOfList(const Resource& resource, const std::vector<StoredPtr>& objects,
                        std::string_view metadata, const TableOptions& options);

struct TableColumn {
  std::string name;
  std::string type = "string";
  std::string format = {};
  std::string description = {};
  std::int64_t priority = 0;
};

std::vector<TableColumn> ColumnsOf(const Resource& resource);
json::Array CellsOf(const Resource& resource, const json::Value& object, WallTime now);

// The time from `from` to `to` as kubectl prints ages: "119s", "2m3s", "47m", "5h3m", "2d5h", "2y30d".
std::string HumanDuration(Duration duration);

}  // namespace kro::apiserver
