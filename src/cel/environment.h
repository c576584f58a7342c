// Environment: which names an expression may use, and which dialect of the language it is written in.
//
// Made once and extended cheaply: an extension shares the functions and copies the variables.
//
//   Environment kro = Environment::Kro();
//   kro.AddVariable("schema", schema_type);     // slot 1; `runtime` is slot 0
//   auto ast = Compile(kro, "schema.spec.replicas + 1");
//
// Immutable while expressions are compiled with it; any number of threads may do so.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cel/overload.h"
#include "cel/type.h"

namespace kro::cel {

// A function: the overloads of one name, in order of declaration.
struct Function {
  std::string name;
  std::vector<const Overload*> overloads;
};

struct Variable {
  std::string name;  // may be qualified: "a.b"
  Type type;
};

// Where cel-go as kro runs it departs from the language's specification (docs/cel.md).
enum class Rules : std::uint8_t {
  // Map literals take any key and the last of equal ones wins; a list of null and another type is of the
  // later one.
  kUpstream,
  // Keys are bool, int, uint or string, and none stands twice; null joins any type that may be null.
  kSpecification,
};

// Where dialects differ.
struct Dialect {
  // Names are looked up in this namespace first: "a.b.c" tries a.b.c.x, a.b.x, a.x, x.
  std::string container;
  bool macros = true;
  bool two_variable_macros = true;
  bool optional_syntax = true;   // a.?b, a[?b], [?a], {?a: b}, optMap, optFlatMap
  bool bindings = true;          // cel.bind
  bool sort_by = true;           // list.sortBy(x, key)
  bool conditions = false;       // runtime.newCondition({…})
  bool type_identifiers = true;  // int, list, google.protobuf.Duration as values
  // 1 < 2.0 passes the check. Without it, as upstream, it passes only after a comprehension.
  bool mixed_comparisons = false;
  bool blocks = false;               // cel.block, as optimisers write it
  bool well_known_messages = false;  // google.protobuf.Int32Value{value: 1}
  Rules rules = Rules::kUpstream;
};

class Environment {
 public:
  // Of overloads with one id the last counts.
  explicit Environment(std::span<const Library* const> libraries, Dialect dialect = {});

  // kro's environment: all its libraries and the variable `runtime`.
  static Environment Kro();
  // That of rules in CustomResourceDefinitions and admission policies; without variables.
  static Environment Kubernetes();
  // The CEL specification's: its rules, its library and the extensions that its conformance cases use.
  static Environment Standard();

  // Adds a variable and returns its slot: the index that checked identifiers carry. The type is
  // borrowed if it stands on a schema. A variable of the same name is replaced and keeps its slot.
  std::int32_t AddVariable(std::string_view name, Type type);

  // Adds an overload that no library has. `overload` is borrowed.
  void AddOverload(const Overload* overload);

  const Function* FindFunction(std::string_view name) const;
  // The slot of the variable, -1 if there is none.
  std::int32_t FindVariable(std::string_view name) const;
  const Variable& variable(std::int32_t slot) const {
    return variables_[static_cast<std::size_t>(slot)];
  }
  const std::vector<Variable>& variables() const { return variables_; }

  const Dialect& dialect() const { return dialect_; }
  Dialect& dialect() { return dialect_; }

  std::vector<std::string> FunctionNames() const;

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };
  using FunctionTable = std::unordered_map<std::string, Function, NameHash, std::equal_to<>>;

  std::shared_ptr<const FunctionTable> functions_;
  std::vector<Variable> variables_;
  std::unordered_map<std::string, std::int32_t, NameHash, std::equal_to<>> slots_;
  Dialect dialect_;
};

}  // namespace kro::cel
