// StructuralSchema: what a CRD's version says about its objects: which fields are kept, their
// defaults, and what is valid. Spec kube-server sections 8.3 to 8.6.
//
// A write: decode, Prune, DropNulls (not for apply), CoerceMetadata, Default, Validate.
// A read: Prune, Default.
//
// Immutable and thread-safe once made.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/field_error.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

class StructuralSchema {
 public:
  // From `spec.versions[i].schema.openAPIV3Schema` of a CRD that ValidateCrd accepts. kInvalid for one
  // that is not structural or has a rule that does not compile.
  static Result<std::shared_ptr<const StructuralSchema>> Read(const json::Value& openapi_v3_schema);
  ~StructuralSchema();

  // Removes fields that are not declared. Returns where they stood, "spec.l[0].x", in order. apiVersion,
  // kind and metadata are kept; metadata's own fields are CoerceMetadata's.
  std::vector<std::string> Prune(json::Value& object) const;

  // Removes nulls of fields that are not nullable and have a default, and of those that have none.
  void DropNulls(json::Value& object) const;

  // Checks metadata of the object and of embedded resources, and drops what metadata does not have.
  // Returns where the dropped fields stood. 400 for a field of the wrong type:
  // `json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string`.
  Answer<std::vector<std::string>> CoerceMetadata(json::Value& object) const;

  // Fills in defaults where a field is missing, or null and not nullable.
  void Default(json::Value& object) const;

  struct Verdict {
    FieldErrors errors;
    // Violations that are forgiven because nothing changed there: `spec.a: Invalid value: "ok": short`.
    std::vector<std::string> warnings;
  };

  // What a write is answerable for besides the rules, which are about the object: its status alone is when
  // the status subresource is written.
  enum class Part { kObject, kStatus };

  // `old` is the stored object for an update, nullptr for a create.
  Verdict Validate(const json::Value& object, const json::Value* old,
                   Part part = Part::kObject) const;

  struct Node;  // structural_schema.cc
  struct State;

 private:
  explicit StructuralSchema(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kro::apiserver
