#include "json/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kro::json {
namespace {

struct Reader {
  std::string_view text;
  std::size_t at = 0;

  Result<PathSegment> Next();
  Result<PathSegment> QuotedName();
  Result<PathSegment> Index();
};

}  // namespace

Result<FieldPath> FieldPath::Parse(std::string_view text) {
  FieldPath path;
  Reader reader{text};
  while (reader.at < text.size()) {
    auto segment = reader.Next();
    if (!segment) return std::unexpected(std::move(segment).error());
    path.segments_.push_back(*std::move(segment));
    if (reader.at < text.size() && text[reader.at] == '.') ++reader.at;
  }
  return path;
}

FieldPath FieldPath::Child(std::string_view name) const {
  FieldPath path = *this;
  path.Push(name);
  return path;
}

FieldPath FieldPath::Child(std::size_t index) const {
  FieldPath path = *this;
  path.Push(index);
  return path;
}

std::string FieldPath::ToString() const {
  std::string text;
  for (const PathSegment& segment : segments_) {
    if (const auto* index = std::get_if<std::size_t>(&segment)) {
      text += fmt::format("[{}]", *index);
      continue;
    }
    const std::string& name = std::get<std::string>(segment);
    if (name.empty() || name.find('.') != std::string::npos) {
      text += fmt::format("[\"{}\"]", name);
    } else {
      if (!text.empty()) text += '.';
      text += name;
    }
  }
  return text;
}

const Value* Get(const Value& root, const FieldPath& path) {
  const Value* at = &root;
  for (const PathSegment& segment : path.segments()) {
    if (const auto* name = std::get_if<std::string>(&segment)) {
      at = Find(*at, std::string_view(*name));
    } else {
      const Array* array = at->if_array();
      at = array == nullptr ? nullptr : array->if_contains(std::get<std::size_t>(segment));
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

Value* Get(Value& root, const FieldPath& path) {
  return const_cast<Value*>(Get(static_cast<const Value&>(root), path));
}

Result<void> Set(Value& root, const FieldPath& path, Value value) {
  // Everything is checked before anything is changed.
  if (path.segments().size() > static_cast<std::size_t>(kMaxDepth)) {
    return Fail(ErrorCode::kInvalid, "path is deeper than {}", kMaxDepth);
  }
  FieldPath passed;
  const Value* seen = &root;
  for (const PathSegment& segment : path.segments()) {
    const bool missing = seen == nullptr || seen->is_null();
    if (const auto* name = std::get_if<std::string>(&segment)) {
      if (!missing && !seen->is_object()) {
        return Fail(ErrorCode::kInvalid, "{}: no field '{}' in a value of type {}",
                    passed.ToString(), *name, TypeName(*seen));
      }
      seen = missing ? nullptr : Find(*seen, std::string_view(*name));
      passed.Push(std::string_view(*name));
      continue;
    }
    const std::size_t index = std::get<std::size_t>(segment);
    if (!missing && !seen->is_array()) {
      return Fail(ErrorCode::kInvalid, "{}: no index {} in a value of type {}", passed.ToString(),
                  index, TypeName(*seen));
    }
    const std::size_t size = missing ? 0 : seen->get_array().size();
    if (index > size) {
      return Fail(ErrorCode::kInvalid, "{}: index {} is beyond the end of {} elements",
                  passed.ToString(), index, size);
    }
    seen = index == size ? nullptr : &seen->get_array()[index];
    passed.Push(index);
  }

  Value* at = &root;
  for (const PathSegment& segment : path.segments()) {
    if (const auto* name = std::get_if<std::string>(&segment)) {
      if (at->is_null()) at->emplace_object();
      at = &at->get_object()[*name];
      continue;
    }
    const std::size_t index = std::get<std::size_t>(segment);
    if (at->is_null()) at->emplace_array();
    Array& array = at->get_array();
    at = index == array.size() ? &array.emplace_back(nullptr) : &array[index];
  }
  *at = std::move(value);
  return {};
}

bool Erase(Value& root, const FieldPath& path) {
  if (path.empty()) return false;
  FieldPath parent = path;
  parent.Pop();
  Value* holder = Get(root, parent);
  if (holder == nullptr) return false;
  const PathSegment& last = path.segments().back();
  if (const auto* name = std::get_if<std::string>(&last)) {
    Object* object = holder->if_object();
    if (object == nullptr) return false;
    const auto member = object->find(*name);
    if (member == object->end()) return false;
    // The order of what stays is the order of the rest; plain erase would move the last member.
    Object rest(object->storage());
    rest.reserve(object->size() - 1);
    for (auto& other : *object) {
      if (&other != &*member) rest.emplace(other.key(), std::move(other.value()));
    }
    *object = std::move(rest);
    return true;
  }
  Array* array = holder->if_array();
  const std::size_t index = std::get<std::size_t>(last);
  if (array == nullptr || index >= array->size()) return false;
  array->erase(array->begin() + index);
  return true;
}

namespace {

Result<PathSegment> Reader::Next() {
  if (text[at] == '[') {
    return at + 1 < text.size() && text[at + 1] == '"' ? QuotedName() : Index();
  }
  const std::size_t start = at;
  at = std::min(text.find_first_of(".[", start), text.size());
  if (at == start) return Fail(ErrorCode::kInvalid, "empty field name at position {}", start);
  return PathSegment(std::string(text.substr(start, at - start)));
}

Result<PathSegment> Reader::QuotedName() {
  const std::size_t start = at + 2;
  const std::size_t quote = text.find('"', start);
  if (quote == std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "unterminated quoted string starting at position {}", start);
  }
  at = quote + 1;
  if (at == text.size() || text[at] != ']') {
    return Fail(ErrorCode::kInvalid, "expected closing bracket after quote at position {}", at);
  }
  ++at;
  return PathSegment(std::string(text.substr(start, quote - start)));
}

Result<PathSegment> Reader::Index() {
  const std::size_t start = at + 1;
  const std::size_t close = text.find(']', start);
  if (close == std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "unterminated array index at position {}", start);
  }
  const std::string_view digits = text.substr(start, close - start);
  std::size_t index = 0;
  const auto [stop, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (digits.empty() || ec != std::errc() || stop != digits.data() + digits.size()) {
    return Fail(ErrorCode::kInvalid, "invalid array index '{}' at position {}", digits, start);
  }
  at = close + 1;
  return PathSegment(index);
}

}  // namespace
}  // namespace kro::json
