#include "apiserver/internal/builtin_documents.h"

#include <zlib.h>

// The files lie in the program as they are; KRO_BUILTIN is their folder.
#define KRO_EMBED(symbol, file)                          \
  __asm__(                                               \
      ".section .rodata\n"                               \
      ".balign 16\n"                                     \
      "kro_embedded_" #symbol                            \
      "_begin:\n"                                        \
      ".incbin \"" KRO_BUILTIN "/" file                  \
      "\"\n"                                             \
      "kro_embedded_" #symbol                            \
      "_end:\n"                                          \
      ".byte 0\n"                                        \
      ".previous\n");                                    \
  extern "C" const char kro_embedded_##symbol##_begin[]; \
  extern "C" const char kro_embedded_##symbol##_end[]

KRO_EMBED(api_v1, "openapi_api_v1.json.gz");
KRO_EMBED(apis_admissionregistration_k8s_io_v1,
          "openapi_apis_admissionregistration.k8s.io_v1.json.gz");
KRO_EMBED(apis_apiextensions_k8s_io_v1, "openapi_apis_apiextensions.k8s.io_v1.json.gz");
KRO_EMBED(apis_apiregistration_k8s_io_v1, "openapi_apis_apiregistration.k8s.io_v1.json.gz");
KRO_EMBED(apis_apps_v1, "openapi_apis_apps_v1.json.gz");
KRO_EMBED(apis_authentication_k8s_io_v1, "openapi_apis_authentication.k8s.io_v1.json.gz");
KRO_EMBED(apis_authorization_k8s_io_v1, "openapi_apis_authorization.k8s.io_v1.json.gz");
KRO_EMBED(apis_autoscaling_v1, "openapi_apis_autoscaling_v1.json.gz");
KRO_EMBED(apis_autoscaling_v2, "openapi_apis_autoscaling_v2.json.gz");
KRO_EMBED(apis_batch_v1, "openapi_apis_batch_v1.json.gz");
KRO_EMBED(apis_certificates_k8s_io_v1, "openapi_apis_certificates.k8s.io_v1.json.gz");
KRO_EMBED(apis_coordination_k8s_io_v1, "openapi_apis_coordination.k8s.io_v1.json.gz");
KRO_EMBED(apis_discovery_k8s_io_v1, "openapi_apis_discovery.k8s.io_v1.json.gz");
KRO_EMBED(apis_events_k8s_io_v1, "openapi_apis_events.k8s.io_v1.json.gz");
KRO_EMBED(apis_flowcontrol_apiserver_k8s_io_v1,
          "openapi_apis_flowcontrol.apiserver.k8s.io_v1.json.gz");
KRO_EMBED(apis_networking_k8s_io_v1, "openapi_apis_networking.k8s.io_v1.json.gz");
KRO_EMBED(apis_node_k8s_io_v1, "openapi_apis_node.k8s.io_v1.json.gz");
KRO_EMBED(apis_policy_v1, "openapi_apis_policy_v1.json.gz");
KRO_EMBED(apis_rbac_authorization_k8s_io_v1, "openapi_apis_rbac.authorization.k8s.io_v1.json.gz");
KRO_EMBED(apis_resource_k8s_io_v1, "openapi_apis_resource.k8s.io_v1.json.gz");
KRO_EMBED(apis_scheduling_k8s_io_v1, "openapi_apis_scheduling.k8s.io_v1.json.gz");
KRO_EMBED(apis_storage_k8s_io_v1, "openapi_apis_storage.k8s.io_v1.json.gz");
KRO_EMBED(openapi_hashes, "openapi.json");
KRO_EMBED(discovery, "discovery.json");
KRO_EMBED(protobuf, "protobuf.json.gz");
KRO_EMBED(version, "version.json");
KRO_EMBED(go_types, "go_types.txt");
KRO_EMBED(go_fields, "go_fields.txt");
KRO_EMBED(policy, "policy.json");
KRO_EMBED(objects, "objects.json");

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxUnpacked = std::size_t{64} << 20;

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

#define KRO_EMBEDDED(symbol) Between(kro_embedded_##symbol##_begin, kro_embedded_##symbol##_end)

const std::vector<BuiltinDocument>& BuiltinDocuments() {
  static const std::vector<BuiltinDocument> kDocuments = {
      {"api/v1", KRO_EMBEDDED(api_v1)},
      {"apis/admissionregistration.k8s.io/v1", KRO_EMBEDDED(apis_admissionregistration_k8s_io_v1)},
      {"apis/apiextensions.k8s.io/v1", KRO_EMBEDDED(apis_apiextensions_k8s_io_v1)},
      {"apis/apiregistration.k8s.io/v1", KRO_EMBEDDED(apis_apiregistration_k8s_io_v1)},
      {"apis/apps/v1", KRO_EMBEDDED(apis_apps_v1)},
      {"apis/authentication.k8s.io/v1", KRO_EMBEDDED(apis_authentication_k8s_io_v1)},
      {"apis/authorization.k8s.io/v1", KRO_EMBEDDED(apis_authorization_k8s_io_v1)},
      {"apis/autoscaling/v1", KRO_EMBEDDED(apis_autoscaling_v1)},
      {"apis/autoscaling/v2", KRO_EMBEDDED(apis_autoscaling_v2)},
      {"apis/batch/v1", KRO_EMBEDDED(apis_batch_v1)},
      {"apis/certificates.k8s.io/v1", KRO_EMBEDDED(apis_certificates_k8s_io_v1)},
      {"apis/coordination.k8s.io/v1", KRO_EMBEDDED(apis_coordination_k8s_io_v1)},
      {"apis/discovery.k8s.io/v1", KRO_EMBEDDED(apis_discovery_k8s_io_v1)},
      {"apis/events.k8s.io/v1", KRO_EMBEDDED(apis_events_k8s_io_v1)},
      {"apis/flowcontrol.apiserver.k8s.io/v1", KRO_EMBEDDED(apis_flowcontrol_apiserver_k8s_io_v1)},
      {"apis/networking.k8s.io/v1", KRO_EMBEDDED(apis_networking_k8s_io_v1)},
      {"apis/node.k8s.io/v1", KRO_EMBEDDED(apis_node_k8s_io_v1)},
      {"apis/policy/v1", KRO_EMBEDDED(apis_policy_v1)},
      {"apis/rbac.authorization.k8s.io/v1", KRO_EMBEDDED(apis_rbac_authorization_k8s_io_v1)},
      {"apis/resource.k8s.io/v1", KRO_EMBEDDED(apis_resource_k8s_io_v1)},
      {"apis/scheduling.k8s.io/v1", KRO_EMBEDDED(apis_scheduling_k8s_io_v1)},
      {"apis/storage.k8s.io/v1", KRO_EMBEDDED(apis_storage_k8s_io_v1)},
  };
  return kDocuments;
}

std::string_view BuiltinOpenApiHashes() { return KRO_EMBEDDED(openapi_hashes); }
std::string_view BuiltinDiscovery() { return KRO_EMBEDDED(discovery); }
std::string_view BuiltinProtobuf() { return KRO_EMBEDDED(protobuf); }
std::string_view BuiltinVersion() { return KRO_EMBEDDED(version); }
std::string_view BuiltinGoTypes() { return KRO_EMBEDDED(go_types); }
std::string_view BuiltinGoFields() { return KRO_EMBEDDED(go_fields); }
std::string_view BuiltinPolicy() { return KRO_EMBEDDED(policy); }
std::string_view BuiltinObjects() { return KRO_EMBEDDED(objects); }

Result<std::string> Gunzip(std::string_view gzip) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return Fail(ErrorCode::kInternal, "zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string bytes;
  int state = Z_OK;
  while (state == Z_OK && bytes.size() < kMaxUnpacked) {
    std::size_t had = bytes.size();
    bytes.resize(had + std::max<std::size_t>(gzip.size() * 4, 4096));
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + had);
    stream.avail_out = static_cast<uInt>(bytes.size() - had);
    state = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(bytes.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) return Fail(ErrorCode::kInvalid, "no gzip stream, or too large");
  return bytes;
}

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  int state = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return state == Z_STREAM_END ? packed : std::string();
}

}  // namespace kro::apiserver
