#include "apiserver/internal/patched_object.h"

#include "apiserver/decode.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/undecodable.h"

namespace kro::apiserver {

Answer<Patched> PatchOf(const WriteRequest& request, const json::Value& live,
                        const ObjectSchema& structure) {
  const bool custom = request.resource->custom != nullptr;
  const std::string_view media_type = MediaType(request.content_type);
  if (media_type == "application/json-patch+json") return ApplyJsonPatch(live, request.body);
  if (media_type == "application/merge-patch+json") return ApplyMergePatch(live, request.body);
  if (media_type == "application/strategic-merge-patch+json" && !custom) {
    return ApplyStrategicMergePatch(live, request.body, structure);
  }
  return std::unexpected(UnsupportedMediaTypeStatus(
      custom ? "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json, "
               "application/apply-patch+yaml"
             : "415: Unsupported Media Type"));
}

Answer<json::Value> PatchedObject(const WriteRequest& request, const WriteOptions& options,
                                  const json::Value& live, const ObjectSchema& structure,
                                  std::vector<std::string>& warnings) {
  using Validation = WriteOptions::Validation;
  const Answer<Patched> patched = PatchOf(request, live, structure);
  if (!patched) return std::unexpected(patched.error());
  if (options.validation == Validation::kStrict && !patched->complaints.empty()) {
    return std::unexpected(InvalidPatchStatus(json::Serialize(patched->object),
                                              StrictDecodingError(patched->complaints)));
  }
  if (options.validation == Validation::kWarn) {
    warnings.insert(warnings.end(), patched->complaints.begin(), patched->complaints.end());
  }
  return patched->object;
}

}  // namespace kro::apiserver
