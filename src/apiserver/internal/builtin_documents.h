// What the server knows of built-in kinds: the documents that scripts/fetch-openapi took from a real
// one, part of the program, unpacked when asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kro::apiserver {

// The OpenAPI v3 document of one group-version.
struct BuiltinDocument {
  std::string_view path;  // "api/v1", "apis/apps/v1"
  std::string_view gzip;  // the document, compressed
};

const std::vector<BuiltinDocument>& BuiltinDocuments();

// Texts of JSON: the hash of each document by path; the groups, versions and resources in the order of
// discovery; the answer of /version; the roles and bindings of a new cluster.
std::string_view BuiltinOpenApiHashes();
std::string_view BuiltinDiscovery();
std::string_view BuiltinVersion();
// How kinds are written in protobuf (devcluster/protobuftables), JSON, compressed.
std::string_view BuiltinProtobuf();
// The Go types of fields (devcluster/gotypes), one field a line, and the order of fields, one struct a line.
std::string_view BuiltinGoTypes();
std::string_view BuiltinGoFields();
std::string_view BuiltinPolicy();
// The other objects of a new cluster, with "@now" for the time.
std::string_view BuiltinObjects();

// kInvalid if `gzip` is no whole gzip stream, or unpacks to more than 64 MiB.
Result<std::string> Gunzip(std::string_view gzip);
std::string Gzip(std::string_view bytes);

}  // namespace kro::apiserver
