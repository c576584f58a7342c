// ObjectSchema: the structure of a kind as server-side apply and strategic merge patches see it.
//
//   OpenApiTypes apps(LoadOpenApi("apis/apps/v1"));
//   Result<ObjectSchema> deployment = apps.Find({"apps", "v1", "Deployment"});
//   Result<ObjectSchema> widget = ObjectSchema::OfCustomResource(crd_schema);
//
// What matters is only which fields there are, which lists are keyed by what, what is replaced as a
// whole, and scalar types; spec kube-server section 5.2. Kinds of one document share their parts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

enum class ScalarType : std::uint8_t { kString, kNumeric, kBoolean, kUntyped };

enum class ListRelation : std::uint8_t {
  kAtomic,
  kSet,  // items stand for themselves
  kMap,  // items are known by key fields
};

// Numbers of built-in kinds.
enum class NumberType : std::uint8_t { kFloat64, kInt64, kInt32 };

// How a built-in kind's Go type reads JSON.
enum class JsonForm : std::uint8_t {
  kPlain,  // by its structure
  kRaw,    // anything
  kBytes,  // base64
  kTime,
  kMicroTime,
  kQuantity,
  kIntOrString,
  kSchemaOrBool,  // of CRDs, as are those below: `inner` is a schema
  kSchemaOrArray,
  kSchemaOrStrings,
};

// A directive for strategic merge patches.
struct PatchStrategy {
  bool merge = false;
  bool retain_keys = false;
  std::string_view merge_key;  // empty: none
};

// One node of the structure. A value may be of several shapes where no type is declared. Lives in what
// owns its ObjectSchema.
struct TypeNode {
  struct Field {
    std::string_view name;
    const TypeNode* type;
    const json::Value* default_value;  // a scalar; nullptr: none
    PatchStrategy patch;
    // What stands there when nothing was ever set; most fields are left out then.
    enum class Unset : std::uint8_t { kLeftOut, kNull, kZero, kStruct } unset = Unset::kLeftOut;
    std::string_view embedded;  // the Go struct that the field is promoted from; mostly none
    std::uint16_t place = 0;    // among the fields of the Go struct
    bool omits_zero = false;    // not written while it is false, 0 or ""
  };

  bool is_scalar = false;
  bool is_list = false;
  bool is_map = false;

  ScalarType scalar = ScalarType::kUntyped;

  // Of built-in kinds: how they are read, and what Go calls the type: "int32", "[]v1.Container".
  JsonForm form = JsonForm::kPlain;
  NumberType number = NumberType::kFloat64;
  std::string_view go_type;
  const TypeNode* inner = nullptr;

  ListRelation list = ListRelation::kAtomic;
  std::vector<std::string_view> keys;         // of a list of kind map, as declared
  std::vector<std::string_view> sorted_keys;  // the same by name
  const TypeNode* items = nullptr;

  bool atomic_map = false;
  bool free_form = false;             // a map without declared fields whose values may be anything
  std::vector<Field> fields;          // the shorter names first, then by name
  const TypeNode* element = nullptr;  // of keys that are no field; nullptr: there are no others

  // nullptr if there is none.
  const Field* FindField(std::string_view name) const;
  // The type of the value at `name`: the field's, else the element's; nullptr if undeclared.
  const TypeNode* TypeOf(std::string_view name) const;
};

// A kind's structure; copied freely, keeps alive what it stands on.
class ObjectSchema {
 public:
  // Nothing known: everything is deduced.
  ObjectSchema();

  // The structure of a custom resource from the openAPIV3Schema of a CRD's version, completed with
  // apiVersion, kind and metadata. kInvalid if a part of the schema is not structural.
  static Result<ObjectSchema> OfCustomResource(const json::Value& openapi_v3_schema);

  const TypeNode& root() const { return *root_; }

  // Whether the kind is built in: its objects are read by their types, so that what is stored fits.
  bool is_builtin() const { return is_builtin_; }

  // An object in which nothing was set, as the server holds it: built-in kinds always have `spec: {}`,
  // custom resources nothing. What is there from the start has no owner.
  json::Value MakeUnset() const;

 private:
  friend class OpenApiTypes;
  ObjectSchema(std::shared_ptr<const void> owner, const TypeNode* root, bool is_builtin)
      : owner_(std::move(owner)), root_(root), is_builtin_(is_builtin) {}

  std::shared_ptr<const void> owner_;
  const TypeNode* root_;
  bool is_builtin_ = false;
};

// The kinds of one OpenAPI v3 document. A kind is read when it is asked for; parts that kinds share are
// read once. Not thread-safe; the schemas it gives out are.
class OpenApiTypes {
 public:
  explicit OpenApiTypes(std::shared_ptr<const json::Value> document);

  // kNotFound if the document has no such kind.
  Result<ObjectSchema> Find(const api::Gvk& gvk);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kro::apiserver
