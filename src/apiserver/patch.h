// Patches other than apply: what a PATCH body makes of an object. Spec kube-server section 4.4.
//
// The result still has to be decoded as its kind, defaulted and validated. It lives in the memory of
// the object.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/object_schema.h"
#include "json/value.h"

namespace kro::apiserver {

struct Patched {
  json::Value object;
  // What field validation complains about in the body itself: `json patch unknown field "[0].zz"`,
  // `duplicate field "spec.a"`.
  std::vector<std::string> complaints;
  // What a refusal quotes of a strategic merge: the patch without the directives that were obeyed. Nothing: the object.
  std::optional<json::Value> quoted;
};

// application/json-patch+json, with the server's liberties: `replace` of a missing key adds it, `test`
// with null passes for a missing key, a path without leading slash loses its first segment. 422 with
// its bare text for an operation that fails, 400 for a body that is no list of operations, 413 for more
// than 10,000 of them.
Answer<Patched> ApplyJsonPatch(const json::Value& object, std::string_view body);

// application/merge-patch+json
Answer<Patched> ApplyMergePatch(const json::Value& object, std::string_view body);

// application/strategic-merge-patch+json: lists merge by the keys that the schema names, directives
// ($patch, $retainKeys, $setElementOrder/…, $deleteFromPrimitiveList/…) are obeyed.
Answer<Patched> ApplyStrategicMergePatch(const json::Value& object, std::string_view body,
                                         const ObjectSchema& schema);

}  // namespace kro::apiserver
