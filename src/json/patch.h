// JSON Patch and JSON Merge Patch.
#pragma once

#include "base/error.h"
#include "json/value.h"

namespace kro::json {

// Applies a JSON Patch (RFC 6902): all of it or nothing. kInvalid for a malformed patch, a missing
// target or a result that nests beyond kMaxDepth, kConflict for a failed `test`, kExhausted for more
// than 10,000 operations or copies that add up to more than 16 MiB of JSON.
Result<Value> ApplyPatch(const Value& document, const Value& patch);

// Applies a JSON Merge Patch (RFC 7386): null deletes, maps merge, everything else replaces.
Value ApplyMergePatch(const Value& document, const Value& patch);

// A merge patch that turns `from` into `to`; an empty object if they are equal maps. A null in a map
// of `to` cannot be said by a merge patch and comes out as absent.
Value MakeMergePatch(const Value& from, const Value& to);

}  // namespace kro::json
