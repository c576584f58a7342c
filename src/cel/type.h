// Type: what the checker knows about an expression.
//
// A pointer to an immutable node: copied freely, compared by structure. Simple types and those made
// by the functions below live as long as the process: they are for declarations. Types that stand on
// a schema, and those inferred by a check, live in the TypeArena, schema or Ast that made them.
//
//   Type labels = MapOf(String(), String());
//   labels.ToString()                       // "map(string, string)"
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kro::cel {

class Arena;
class ObjectSchema;

enum class TypeKind : std::uint8_t {
  kDyn,
  kAny,
  kError,  // already reported; accepted everywhere
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,      // one parameter
  kMap,       // key and value
  kOptional,  // one parameter
  kType,      // the type of a type; one parameter
  kWrapper,   // a primitive or null; one parameter
  kAbstract,  // net.IP; any number of parameters
  kObject,    // a struct: fields from a schema, or none known (kubernetes.Quantity)
  kParam,     // a type parameter: T
};

class Type {
 public:
  struct Node;

  // dyn
  Type();
  explicit constexpr Type(const Node* node) : node_(node) {}

  TypeKind kind() const;
  bool Is(TypeKind kind) const { return this->kind() == kind; }
  bool IsDyn() const { return Is(TypeKind::kDyn); }
  bool IsError() const { return Is(TypeKind::kError); }

  // Name of an abstract or object type or of a parameter; of others the word used at run time: "int",
  // "list", "google.protobuf.Timestamp", "null_type", "optional_type".
  std::string_view name() const;

  std::span<const Type> parameters() const;
  Type parameter(std::size_t index) const { return parameters()[index]; }

  // list(T), optional(T), type(T), wrapper(T): T. map(K, V): V.
  Type element() const { return parameters().back(); }
  Type key() const { return parameters().front(); }

  // Fields of an object type; nullptr where none are known.
  const ObjectSchema* schema() const;

  // "map(string, list(google.protobuf.Timestamp))", "null_type", "__type_schema.spec".
  std::string ToString() const;

  // As the checker's messages show it: "timestamp", "null".
  std::string ToMessage() const;

  // In an author's words, without internal names: "object", "timestamp", "list(object)".
  std::string ToAuthor() const;

  const Node* node() const { return node_; }

  friend bool operator==(const Type& a, const Type& b);

 private:
  const Node* node_;
};

// One field of an object.
struct Field {
  Type type;
  std::string_view key;    // the name in JSON; lives as long as the schema
  std::int32_t slot = -1;  // index among the schema's properties; -1: not listed
};

// Fields of an object type. Implementations read a schema when asked.
class ObjectSchema {
 public:
  virtual ~ObjectSchema() = default;

  // "__type_schema.spec"
  virtual std::string_view type_name() const = 0;

  // The field written `name` in an expression (escaped: "my__dash__field"), or nothing. An object
  // that preserves unknown fields has a dyn field for every name that it does not list.
  virtual std::optional<Field> FindField(std::string_view name) const = 0;

  // Names as an expression writes them, in the schema's order.
  virtual std::vector<std::string> FieldNames() const = 0;

  // Those of which `name` may be a misspelling; a schema with very many fields leaves most of them out.
  virtual std::vector<std::string> FieldNamesLike(std::string_view /*name*/) const {
    return FieldNames();
  }

  // Whether fields that are not listed are kept.
  virtual bool preserves_unknown() const = 0;
};

Type Dyn();
Type Any();
Type ErrorType();
Type Null();
Type Bool();
Type Int();
Type Uint();
Type Double();
Type String();
Type Bytes();
Type Time();      // google.protobuf.Timestamp
Type Duration();  // google.protobuf.Duration

// For declarations: kept until the process ends, equal types made once. Thread-safe. Not for types
// that contain an object type with a schema.
Type ListOf(Type element);
Type MapOf(Type key, Type value);
Type OptionalOf(Type content);
Type TypeOf(Type of);
Type WrapperOf(Type of);
Type Abstract(std::string_view name, std::span<const Type> parameters = {});
Type Object(std::string_view name);  // a struct without known fields: kubernetes.URL
Type Param(std::string_view name);

// The parameters that declarations use.
Type T();
Type U();
Type K();
Type V();

// Makes types in an arena, which outlives them.
class TypeArena {
 public:
  explicit TypeArena(Arena& arena) : arena_(arena) {}

  Type ListOf(Type element);
  Type MapOf(Type key, Type value);
  Type OptionalOf(Type content);
  Type TypeOf(Type of);
  Type WrapperOf(Type of);
  Type Abstract(std::string_view name, std::span<const Type> parameters);
  Type Object(const ObjectSchema* schema);  // borrows the schema and its name
  // The same kind and name with other parameters.
  Type With(Type type, std::span<const Type> parameters);
  // A variable of inference, told apart by its number.
  Type Variable(std::uint32_t number);

  // A copy of `type` with all its nodes in this arena; object types keep their schema.
  Type Copy(Type type);

 private:
  Type Make(TypeKind kind, std::string_view name, std::span<const Type> parameters);

  Arena& arena_;
};

struct Type::Node {
  TypeKind kind;
  std::uint32_t number = 0;  // of a variable of inference; 0: a declared parameter
  std::string_view name;
  std::span<const Type> parameters = {};
  const ObjectSchema* schema = nullptr;
};

inline TypeKind Type::kind() const { return node_->kind; }
inline std::string_view Type::name() const { return node_->name; }
inline std::span<const Type> Type::parameters() const { return node_->parameters; }
inline const ObjectSchema* Type::schema() const { return node_->schema; }

// Whether a value of type `from` may stand where `to` is expected: spec section 2.2, for types
// without parameters.
bool IsAssignable(Type to, Type from);

// The type written as checker messages and declarations write it: "map(string, list(int))",
// "optional_type(T)". Single capital letters are parameters, unknown names abstract types. nullopt if
// malformed.
std::optional<Type> ParseType(std::string_view text);

}  // namespace kro::cel
