// ObjectForm: writes objects in the form that a client negotiated: whole, metadata only, or as a row of
// a table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/negotiate.h"
#include "apiserver/internal/registry.h"
#include "apiserver/internal/stored_object.h"
#include "base/clock.h"

namespace kro::apiserver {

// Which objects stand beside the cells of a table.
enum class IncludeObject { kNone, kMetadata, kObject };

struct ObjectForm {
  ResourcePtr resource;
  Form form;
  IncludeObject include = IncludeObject::kMetadata;
  WallTime now{};  // for ages in tables

  // One object by itself, as JSON.
  std::string One(const StoredObject& object, std::uint64_t revision) const;
  // What a watch event carries. `columns`: a table tells its columns.
  std::string Event(const StoredObject& object, std::uint64_t revision, bool columns) const;
  // What a bookmark carries.
  std::string Bookmark(std::uint64_t revision, bool end_of_initial) const;
  // A list; `metadata` is that of the list, as JSON without braces.
  std::string List(const std::vector<StoredPtr>& objects, std::string_view metadata) const;
};

}  // namespace kro::apiserver
