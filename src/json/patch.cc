#include "json/patch.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "json/path.h"

namespace kro::json {
namespace {

constexpr std::size_t kMaxOperations = 10'000;
constexpr std::size_t kMaxCopied = 16 << 20;

// A JSON Pointer (RFC 6901), unescaped.
using Pointer = std::vector<std::string>;

struct Patcher {
  Value document;
  std::size_t copied = 0;

  Result<void> Apply(const Value& operation);
  Result<void> Add(const Pointer& pointer, Value value);
  // The value removed.
  Result<Value> Remove(const Pointer& pointer);
  Result<Value*> Find(const Pointer& pointer, std::size_t length);
};

Result<Pointer> ParsePointer(const Value& operation, std::string_view member);
Result<const Value*> Operand(const Value& operation);
// An index into an array of `size` elements: digits without a leading zero.
std::optional<std::size_t> ParseIndex(std::string_view text);
std::string Show(const Pointer& pointer, std::size_t length);
void EraseMember(Object& object, std::string_view key);
bool Same(const Value& a, const Value& b);
void Merge(Value& target, const Value& patch, int depth);
Value Without(const Value& patch, int depth);
std::optional<Value> Difference(const Value& from, const Value& to, int depth);

}  // namespace

Result<Value> ApplyPatch(const Value& document, const Value& patch) {
  const Array* operations = patch.if_array();
  if (operations == nullptr) {
    return Fail(ErrorCode::kInvalid, "a JSON patch is an array of operations, not {}",
                TypeName(patch));
  }
  if (operations->size() > kMaxOperations) {
    return Fail(ErrorCode::kExhausted, "the patch has {} operations; the limit is {}",
                operations->size(), kMaxOperations);
  }
  Patcher patcher{document};
  for (std::size_t i = 0; i < operations->size(); ++i) {
    auto applied = patcher.Apply((*operations)[i]);
    if (!applied) return Annotate(applied, "operation {}", i);
  }
  if (IsTooDeep(patcher.document)) {
    return Fail(ErrorCode::kInvalid, "the result nests deeper than {}", kMaxDepth);
  }
  return std::move(patcher.document);
}

Value ApplyMergePatch(const Value& document, const Value& patch) {
  Value result = document;
  Merge(result, patch, 0);
  return result;
}

Value MakeMergePatch(const Value& from, const Value& to) {
  auto difference = Difference(from, to, 0);
  if (difference) return *std::move(difference);
  // An empty map would make a map of anything else.
  return to.is_object() ? Value(Object()) : to;
}

namespace {

Result<void> Patcher::Apply(const Value& operation) {
  if (!operation.is_object()) {
    return Fail(ErrorCode::kInvalid, "must be an object, not {}", TypeName(operation));
  }
  const std::string_view op = FindString(operation, {"op"});
  auto path = ParsePointer(operation, "path");
  if (!path) return std::unexpected(path.error());

  if (op == "add" || op == "replace" || op == "test") {
    auto value = Operand(operation);
    if (!value) return std::unexpected(value.error());
    if (op == "add") return Add(*path, **value);
    auto target = Find(*path, path->size());
    if (!target) return std::unexpected(target.error());
    if (op == "replace") {
      **target = **value;
    } else if (!Same(**target, **value)) {
      return Fail(ErrorCode::kConflict, "test of '{}' failed", Show(*path, path->size()));
    }
    return {};
  }
  if (op == "remove") {
    auto removed = Remove(*path);
    if (!removed) return std::unexpected(removed.error());
    return {};
  }
  if (op != "move" && op != "copy") return Fail(ErrorCode::kInvalid, "unknown op '{}'", op);

  auto from = ParsePointer(operation, "from");
  if (!from) return std::unexpected(from.error());
  auto source = Find(*from, from->size());
  if (!source) return std::unexpected(source.error());
  if (op == "copy") {
    copied += Serialize(**source).size();
    if (copied > kMaxCopied) {
      return Fail(ErrorCode::kExhausted, "copies add up to more than {} bytes", kMaxCopied);
    }
    Value value = **source;
    // A value that is copied into itself over and over would outgrow every reader.
    if (IsTooDeep(value)) {
      return Fail(ErrorCode::kInvalid, "the result nests deeper than {}", kMaxDepth);
    }
    return Add(*path, std::move(value));
  }
  if (*from == *path) return {};
  if (path->size() > from->size() && std::equal(from->begin(), from->end(), path->begin())) {
    return Fail(ErrorCode::kInvalid, "'{}' cannot move into itself", Show(*from, from->size()));
  }
  auto value = Remove(*from);
  if (!value) return std::unexpected(value.error());
  return Add(*path, *std::move(value));
}

Result<void> Patcher::Add(const Pointer& pointer, Value value) {
  if (pointer.empty()) {
    document = std::move(value);
    return {};
  }
  auto parent = Find(pointer, pointer.size() - 1);
  if (!parent) return std::unexpected(parent.error());
  const std::string& last = pointer.back();
  if (Object* object = (*parent)->if_object()) {
    (*object)[last] = std::move(value);
    return {};
  }
  Array* array = (*parent)->if_array();
  if (array == nullptr) {
    return Fail(ErrorCode::kInvalid, "'{}' is {} and has no members",
                Show(pointer, pointer.size() - 1), TypeName(**parent));
  }
  if (last == "-") {
    array->push_back(std::move(value));
    return {};
  }
  const auto index = ParseIndex(last);
  if (!index || *index > array->size()) {
    return Fail(ErrorCode::kInvalid, "'{}' is no index of a list of {}",
                Show(pointer, pointer.size()), array->size());
  }
  array->insert(array->begin() + *index, std::move(value));
  return {};
}

Result<Value> Patcher::Remove(const Pointer& pointer) {
  auto target = Find(pointer, pointer.size());
  if (!target) return std::unexpected(target.error());
  Value removed = std::move(**target);
  if (pointer.empty()) {
    document = nullptr;
    return removed;
  }
  Value* parent = *Find(pointer, pointer.size() - 1);
  if (Object* object = parent->if_object()) {
    EraseMember(*object, pointer.back());
  } else {
    Array& array = parent->get_array();
    array.erase(array.begin() + *ParseIndex(pointer.back()));
  }
  return removed;
}

Result<Value*> Patcher::Find(const Pointer& pointer, std::size_t length) {
  Value* at = &document;
  for (std::size_t i = 0; i < length; ++i) {
    if (Object* object = at->if_object()) {
      at = object->if_contains(pointer[i]);
    } else if (Array* array = at->if_array()) {
      const auto index = ParseIndex(pointer[i]);
      at = index ? array->if_contains(*index) : nullptr;
    } else {
      at = nullptr;
    }
    if (at == nullptr)
      return Fail(ErrorCode::kInvalid, "'{}' does not exist", Show(pointer, i + 1));
  }
  return at;
}

Result<Pointer> ParsePointer(const Value& operation, std::string_view member) {
  const Value* found = json::Find(operation, member);
  if (found == nullptr || !found->is_string()) {
    return Fail(ErrorCode::kInvalid, "needs a string '{}'", member);
  }
  const std::string_view text(found->get_string().data(), found->get_string().size());
  Pointer pointer;
  if (text.empty()) return pointer;
  if (text.front() != '/') {
    return Fail(ErrorCode::kInvalid, "'{}' must begin with '/' in '{}'", text, member);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/') {
      pointer.emplace_back();
    } else if (text[i] != '~') {
      pointer.back() += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      pointer.back() += text[++i] == '0' ? '~' : '/';
    } else {
      return Fail(ErrorCode::kInvalid, "'~' must be followed by 0 or 1 in '{}'", text);
    }
  }
  return pointer;
}

Result<const Value*> Operand(const Value& operation) {
  const Value* value = json::Find(operation, "value");
  if (value == nullptr) return Fail(ErrorCode::kInvalid, "needs a 'value'");
  return value;
}

std::optional<std::size_t> ParseIndex(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::size_t index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, index);
  if (ec != std::errc() || stop != end) return std::nullopt;
  return index;
}

std::string Show(const Pointer& pointer, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    text += '/';
    for (char c : pointer[i]) {
      if (c == '~') {
        text += "~0";
      } else if (c == '/') {
        text += "~1";
      } else {
        text += c;
      }
    }
  }
  return text;
}

void EraseMember(Object& object, std::string_view key) {
  Value holder(std::move(object), object.storage());
  FieldPath path;
  path.Push(key);
  Erase(holder, path);
  object = std::move(holder.get_object());
}

// Equal as RFC 6902 section 4.6 means it: numbers by value, maps in any order.
bool Same(const Value& a, const Value& b) { return a == b || Canonical(a) == Canonical(b); }

void Merge(Value& target, const Value& patch, int depth) {
  const Object* members = patch.if_object();
  if (members == nullptr || depth > kMaxDepth) {
    target = patch;
    return;
  }
  if (!target.is_object()) {
    target = Without(patch, depth);
    return;
  }
  Object& object = target.get_object();
  for (const auto& member : *members) {
    const std::string_view key(member.key().data(), member.key().size());
    if (member.value().is_null()) {
      EraseMember(object, key);
    } else {
      Merge(object[member.key()], member.value(), depth + 1);
    }
  }
}

// A patch applied to nothing: itself without its nulls in maps.
Value Without(const Value& patch, int depth) {
  const Object* members = patch.if_object();
  if (members == nullptr || depth > kMaxDepth) return patch;
  Object object;
  for (const auto& member : *members) {
    if (!member.value().is_null()) object.emplace(member.key(), Without(member.value(), depth + 1));
  }
  return object;
}

std::optional<Value> Difference(const Value& from, const Value& to, int depth) {
  const Object* before = from.if_object();
  const Object* after = to.if_object();
  if (before == nullptr || after == nullptr || depth > kMaxDepth) {
    if (Same(from, to)) return std::nullopt;
    return to;
  }
  Object patch;
  for (const auto& member : *before) {
    if (!after->contains(member.key())) patch.emplace(member.key(), nullptr);
  }
  for (const auto& member : *after) {
    const Value* old = before->if_contains(member.key());
    auto difference = old == nullptr ? std::optional<Value>(member.value())
                                     : Difference(*old, member.value(), depth + 1);
    if (difference) patch.emplace(member.key(), *std::move(difference));
  }
  if (patch.empty()) return std::nullopt;
  return patch;
}

}  // namespace
}  // namespace kro::json
