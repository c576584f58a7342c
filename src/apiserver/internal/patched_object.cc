#include "apiserver/internal/patched_object.h"

#include "apiserver/decode.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/undecodable.h"
#include "apiserver/patch.h"

namespace kro::apiserver {

Answer<json::Value> PatchedObject(const WriteRequest& request, const WriteOptions& options,
                                  const json::Value& live, const ObjectSchema& structure,
                                  std::vector<std::string>& warnings) {
  using Validation = WriteOptions::Validation;
  const Resource& resource = *request.resource;
  std::string_view media_type = MediaType(request.content_type);
  Answer<Patched> patched;
  if (media_type == "application/json-patch+json") {
    patched = ApplyJsonPatch(live, request.body);
  } else if (media_type == "application/merge-patch+json") {
    patched = ApplyMergePatch(live, request.body);
  } else if (media_type == "application/strategic-merge-patch+json" && !resource.custom) {
    patched = ApplyStrategicMergePatch(live, request.body, structure);
  } else {
    return std::unexpected(UnsupportedMediaTypeStatus(
        resource.custom
            ? "the body of the request was in an unknown format - accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, "
              "application/apply-patch+yaml"
            : "415: Unsupported Media Type"));
  }
  if (!patched) return std::unexpected(patched.error());
  if (options.validation == Validation::kStrict && !patched->complaints.empty()) {
    return std::unexpected(InvalidPatchStatus(json::Serialize(patched->object),
                                              StrictDecodingError(patched->complaints)));
  }
  if (options.validation == Validation::kWarn) {
    warnings.insert(warnings.end(), patched->complaints.begin(), patched->complaints.end());
  }
  return std::move(patched->object);
}

}  // namespace kro::apiserver
