// WriteRequest: a create, update, patch or apply as it came, and the first steps of reading it (spec
// kube-server sections 4.1 to 4.3).
#pragma once

#include <string>
#include <string_view>

#include "apiserver/answer.h"
#include "apiserver/decode.h"
#include "apiserver/identity.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/registry.h"
#include "json/value.h"

namespace kro::apiserver {

// The body of a write and what the query says about it.
struct WriteRequest {
  ResourcePtr resource;
  std::string name_space;
  std::string name;  // empty for a create
  std::string subresource;
  const QueryParameters* query = nullptr;
  std::string_view content_type;
  std::string_view body;
  std::string_view user_agent;
  const User* user = nullptr;  // nullptr: the server itself
};

// What the query of a write says.
struct WriteOptions {
  enum class Validation { kIgnore, kWarn, kStrict };

  bool dry_run = false;
  bool force = false;
  std::string manager;
  Validation validation = Validation::kWarn;
};

// `options_kind` is "CreateOptions", "UpdateOptions" or "PatchOptions".
Answer<WriteOptions> ReadWriteOptions(const WriteRequest& request, std::string_view options_kind);

// The body as an object of the kind; it lives in `storage`.
Answer<Decoded> ReadWriteBody(const WriteRequest& request, boost::json::storage_ptr storage);

// `json: cannot unmarshal number into Go struct field .kind of type string`; empty: there may be an apiVersion
// and a kind.
std::string TypeMetaFault(const json::Value& body);
// apiVersion and kind of `object` must be those of the resource; built-in kinds may leave them out.
Answer<void> CheckKind(const Resource& resource, json::Value& object);
// Where the server keeps its own form of the kind: `core`, `apps`.
std::string_view InternalPackage(const Resource& resource);
// The name in `object` must be that of the path.
Answer<void> CheckName(const WriteRequest& request, const json::Value& object);

// "application/json" of "application/json; charset=utf-8".
std::string_view MediaType(std::string_view content_type);

// The name in managedFields of a client that gives none: its user agent up to the first '/'.
std::string_view DefaultManager(std::string_view user_agent);

}  // namespace kro::apiserver
