// FieldPath: where a value stands inside another.
//
// Text form as kro writes it: names joined by '.', a name that is empty or holds a dot as
// ["name"] glued to what precedes, indices as [i]: spec.ports[0]["a.b"]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::json {

using PathSegment = std::variant<std::string, std::size_t>;

class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(std::vector<PathSegment> segments) : segments_(std::move(segments)) {}

  // Reads the text form. kInvalid names the byte offset, in upstream's words (graph spec section 5).
  static Result<FieldPath> Parse(std::string_view text);

  FieldPath Child(std::string_view name) const;
  FieldPath Child(std::size_t index) const;
  void Push(std::string_view name) { segments_.emplace_back(std::string(name)); }
  void Push(std::size_t index) { segments_.emplace_back(index); }
  void Pop() { segments_.pop_back(); }

  const std::vector<PathSegment>& segments() const { return segments_; }
  bool empty() const { return segments_.empty(); }

  // The text form; quoted names are not escaped, as upstream writes them.
  std::string ToString() const;

  friend bool operator==(const FieldPath&, const FieldPath&) = default;
  friend auto operator<=>(const FieldPath&, const FieldPath&) = default;

 private:
  std::vector<PathSegment> segments_;
};

// The value at `path`, or nullptr where the path leads nowhere.
const Value* Get(const Value& root, const FieldPath& path);
Value* Get(Value& root, const FieldPath& path);

// Puts `value` at `path`, making objects for missing names. kInvalid if the path crosses a scalar or
// an index is more than one past the end.
Result<void> Set(Value& root, const FieldPath& path, Value value);

// Removes the member or element at `path`; false if there was none.
bool Erase(Value& root, const FieldPath& path);

}  // namespace kro::json
