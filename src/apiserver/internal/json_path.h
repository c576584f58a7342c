// JsonPath: the simple paths that printer columns, scale subresources and selectable fields use.
//
// `.a.b`, `['x']`, `\.` for a dot in a name, `[0]`, `[*]`, and filters `[?(@.type=="Ready")]`. Braces
// around the whole are allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

class JsonPath {
 public:
  JsonPath() = default;
  // kInvalid if `text` is no such path.
  static Result<JsonPath> Parse(std::string_view text);

  // The first value that the path leads to, or nullptr.
  const json::Value* First(const json::Value& root) const;

  // Whether it goes through names only, as a path that is written to must.
  bool IsPlain() const;
  // The names of a plain path.
  std::vector<std::string> Names() const;

 private:
  struct Member {
    std::string name;
  };
  struct Index {
    std::int64_t index;  // from the end if negative
  };
  struct Every {};
  struct Filter {
    std::vector<std::string> path;
    bool equal = true;
    json::Value value;
  };
  using Step = std::variant<Member, Index, Every, Filter>;

  static Result<Step> ParseBracket(std::string_view inside);
  static const json::Value* Follow(const json::Value* from, const std::vector<Step>& steps,
                                   std::size_t at);

  std::vector<Step> steps_;
};

}  // namespace kro::apiserver
