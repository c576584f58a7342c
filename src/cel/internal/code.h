// The form in which the evaluator runs an expression: nodes in one array, operands before operators.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cel/ast.h"
#include "cel/overload.h"
#include "cel/value.h"

namespace kro::cel::internal {

enum class Op : std::uint8_t {
  kConstant,     // value a
  kVariable,     // slot a
  kLocal,        // local a
  kPath,         // root node a, steps [b, b + count); c is kAfterOptional in a.?b.c
  kHas,          // node a, step b
  kOptSelect,    // node a, step b
  kIndex,        // node a [ node b ]
  kOptIndex,     // the same
  kAnd,          // operands
  kOr,           // operands
  kConditional,  // a ? b : c
  kNot,
  kNotStrictlyFalse,
  kNegate,
  kEquals,  // a == b; in comparisons c is the value of b if it is constant
  kNotEquals,
  kLess,
  kLessEquals,
  kGreater,
  kGreaterEquals,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kConcat,           // operands, added from left to right
  kOptionalOr,       // a.or(b)
  kOptionalOrValue,  // a.orValue(b)
  kCall,             // call site a, operands
  kList,             // operands; kOptionalBit marks [?x]
  kMap,  // operands: key, value, …; kOptionalBit on the value marks {?k: v}; c may be kStrictKeys
  // Loops: loop a.
  kAll,
  kExists,
  kExistsOne,
  kMapList,  // [filter, then] transform
  kTransformMap,
  kTransformEntry,
  kLoop,   // any comprehension
  kBind,   // local a = node b in node c
  kBlock,  // locals from a on = the operands in turn, in node c
  // What most operands are, told from all others by kPathBit.
  kSlotPath = 0x40,  // as kPath from slot a
  kLocalPath,        // the same from local a
};

inline constexpr unsigned kPathBit = 0x40;

inline constexpr std::uint32_t kOptionalBit = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kNoNode = UINT32_MAX;
inline constexpr std::uint32_t kAfterOptional = 1;
inline constexpr std::uint32_t kStrictKeys = 1;  // Rules::kSpecification

struct Node {
  Op op : 8;
  std::uint32_t count : 24 = 0;  // operands or steps
  std::uint32_t first = 0;       // of the operands, in Code::operands
  std::uint32_t a = kNoNode;
  std::uint32_t b = kNoNode;
  std::uint32_t c = kNoNode;
};

// One selection. Any thread writes the guesses, without order.
struct Step {
  // `text` is the key as written; where the property's name differs, that follows.
  Step(std::string_view text, std::size_t written)
      : key_size(static_cast<std::uint32_t>(written)),
        before(static_cast<std::uint32_t>(text.size() > written ? written : 0)),
        json(text.data() + before),
        json_size(static_cast<std::uint32_t>(text.size()) - before) {}

  std::string_view key() const { return {json - before, key_size}; }  // as written
  std::string_view json_key() const { return {json, json_size}; }     // for properties

  std::uint32_t key_size;
  std::uint32_t before;  // bytes of the text before `json`
  const char* json;
  std::uint32_t json_size;
  // Where the key was found last; the key there must be compared.
  mutable std::uint32_t position = 0;
  // The schema that was seen last, and which of its properties this is: id << 16 | index.
  mutable std::uint64_t property = 0;
  // Of a path's first step, if all its names are short: a schema from which typed objects led to a text, a
  // number or a truth value, and the kind of JSON that this then is: id << 16 | kind.
  mutable std::uint64_t route = 0;
};

// What an argument must be for an overload: a Kind, or one of these.
inline constexpr std::uint8_t kAnything = 0xfe;
inline constexpr std::uint8_t kAskType = 0xff;  // the type of the parameter tells

struct CallSite {
  const Overload* const* overloads;                   // at least one
  const std::uint8_t* kinds;                          // those of each overload's parameters in turn
  std::unique_ptr<Preparation::Prepared[]> prepared;  // one an overload, if there is any
  std::uint32_t overload_count;
  // Whether the first one is to be called if the arguments are of its kinds, without more questions.
  bool direct = false;

  std::string_view function() const { return overloads[0]->function; }
};

struct Loop {
  std::uint32_t range = kNoNode;
  std::uint32_t var = kNoNode;  // locals
  std::uint32_t var2 = kNoNode;
  std::uint32_t accu = kNoNode;
  std::uint32_t condition = kNoNode;  // predicate or filter; kNoNode: none
  std::uint32_t step = kNoNode;       // transformation
  std::uint32_t init = kNoNode;
  std::uint32_t result = kNoNode;
};

// Most programs' texts and constants fit in one block of this size.
inline constexpr std::size_t kConstantsBlock = 128;

struct Code {
  Arena constants{kConstantsBlock};  // owns names, texts and values; nothing refers to the Ast
  std::vector<Node> nodes;
  std::vector<Value> values;
  std::vector<std::uint32_t> operands;
  std::vector<Step> steps;
  std::vector<CallSite> calls;
  std::vector<Loop> loops;
  std::vector<std::string> variables;
  std::uint32_t local_count = 0;
  std::uint32_t root = 0;
  Type type;
};

// Evaluates one node with all its operands.
Value Run(const Code& code, Context& context, const Value* slots, Value* locals,
          std::uint32_t node);

}  // namespace kro::cel::internal
