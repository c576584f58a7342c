// Program: an expression ready to be evaluated, any number of times, by any number of threads.
//
//   auto program = Plan(std::move(ast), environment);
//   Arena arena;
//   Context context(arena);
//   Value result = (*program)->Evaluate(context, {{"schema", Value::Map(&object, schema)}});
//
// The result and everything in it is borrowed from the arena, the variables' data and the program.
// Evaluation asks the heap for nothing once the arena has grown to its needs, unless an error text is
// composed.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

namespace internal {
struct Code;
}

// A variable's value for one evaluation.
struct Binding {
  std::string_view name;
  Value value;
};

class Program {
 public:
  explicit Program(std::unique_ptr<internal::Code> code);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The variables that the expression reads, in the order of their first use.
  std::span<const std::string> variables() const;

  // What the checker found; dyn if the expression was not checked.
  Type type() const;

  // The value, which may be an error value. A variable may be bound to an unknown value (MakeUnknown): the
  // result is then unknown too, unless it does not depend on it. A variable that is not bound is the error
  // "no such attribute(s): x" where it is used.
  Value Evaluate(Context& context, std::span<const Binding> bindings) const;
  Value Evaluate(Context& context, std::initializer_list<Binding> bindings) const {
    return Evaluate(context, std::span<const Binding>(bindings.begin(), bindings.size()));
  }

  // The same without looking up names: `slots` has a value for each of variables(), an error value
  // for one that is absent.
  Value EvaluateSlots(Context& context, std::span<const Value> slots) const;

 private:
  std::unique_ptr<const internal::Code> code_;
};

}  // namespace kro::cel
