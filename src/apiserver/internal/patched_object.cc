#include "apiserver/internal/patched_object.h"

#include "apiserver/internal/status.h"

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

}  // namespace kro::apiserver
