#include "apiserver/internal/json_path.h"

#include <charconv>
#include <optional>

namespace kro::apiserver {
namespace {

// Longer paths are refused, so that following one needs little stack.
constexpr std::size_t kMaxSteps = 64;

// Reads a name up to the next '.' or '['.
std::string TakeName(std::string_view& text);
std::optional<std::int64_t> ParseInteger(std::string_view text);
bool IsQuoted(std::string_view text);

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  const std::string_view whole = text;
  if (text.starts_with('{') && text.ends_with('}')) {
    text = text.substr(1, text.size() - 2);
  }
  JsonPath path;
  while (!text.empty()) {
    if (path.steps_.size() == kMaxSteps) {
      return Fail(ErrorCode::kInvalid, "JSONPath '{}' is too long", whole);
    }
    if (text.front() == '.') {
      text.remove_prefix(1);
      if (text.empty()) break;  // a lone dot is the root
      std::string name = TakeName(text);
      if (name.empty() && !text.starts_with('[')) {
        return Fail(ErrorCode::kInvalid, "JSONPath '{}' has an empty name", whole);
      }
      if (!name.empty()) path.steps_.emplace_back(Member{std::move(name)});
    } else if (text.front() == '[') {
      std::size_t end = text.find(']');
      // A quoted name or a filter may hold a bracket.
      if (text.starts_with("[?(")) end = text.find(")]") + 1;
      if (end == std::string_view::npos || end == 0 || end >= text.size()) {
        return Fail(ErrorCode::kInvalid, "JSONPath '{}' has an unclosed bracket", whole);
      }
      auto step = ParseBracket(text.substr(1, end - 1));
      if (!step) return Annotate(step, "JSONPath '{}'", whole);
      path.steps_.push_back(std::move(*step));
      text.remove_prefix(end + 1);
    } else {
      return Fail(ErrorCode::kInvalid, "JSONPath '{}' does not begin with a dot", whole);
    }
  }
  return path;
}

const json::Value* JsonPath::First(const json::Value& root) const {
  return Follow(&root, steps_, 0);
}

bool JsonPath::IsPlain() const {
  for (const Step& step : steps_) {
    if (!std::holds_alternative<Member>(step)) return false;
  }
  return !steps_.empty();
}

std::vector<std::string> JsonPath::Names() const {
  std::vector<std::string> names;
  for (const Step& step : steps_) {
    if (const auto* member = std::get_if<Member>(&step)) names.push_back(member->name);
  }
  return names;
}

Result<JsonPath::Step> JsonPath::ParseBracket(std::string_view inside) {
  if (inside == "*") return Every{};
  if (IsQuoted(inside)) return Member{std::string(inside.substr(1, inside.size() - 2))};
  if (auto index = ParseInteger(inside)) return Index{*index};
  if (inside.starts_with("?(") && inside.ends_with(')')) {
    std::string_view test = inside.substr(2, inside.size() - 3);
    std::size_t op = test.find("==");
    Filter filter;
    if (op == std::string_view::npos) {
      op = test.find("!=");
      filter.equal = false;
    }
    if (op == std::string_view::npos || !test.starts_with("@")) {
      return Fail(ErrorCode::kInvalid, "unsupported filter '{}'", inside);
    }
    std::string_view left = test.substr(1, op - 1);
    std::string_view right = test.substr(op + 2);
    while (left.ends_with(' ')) left.remove_suffix(1);
    while (right.starts_with(' ')) right.remove_prefix(1);
    while (right.ends_with(' ')) right.remove_suffix(1);
    while (left.starts_with('.')) {
      left.remove_prefix(1);
      filter.path.push_back(TakeName(left));
    }
    if (IsQuoted(right)) {
      filter.value = right.substr(1, right.size() - 2);
    } else if (auto parsed = json::Parse(right)) {
      filter.value = std::move(*parsed);
    } else {
      return Fail(ErrorCode::kInvalid, "unsupported filter '{}'", inside);
    }
    return filter;
  }
  return Fail(ErrorCode::kInvalid, "unsupported step '[{}]'", inside);
}

const json::Value* JsonPath::Follow(const json::Value* from, const std::vector<Step>& steps,
                                    std::size_t at) {
  for (; at < steps.size() && from != nullptr; ++at) {
    const Step& step = steps[at];
    if (const auto* member = std::get_if<Member>(&step)) {
      from = json::Find(*from, member->name);
      continue;
    }
    if (const auto* index = std::get_if<Index>(&step)) {
      const json::Array* array = from->if_array();
      if (array == nullptr) return nullptr;
      std::int64_t size = static_cast<std::int64_t>(array->size());
      std::int64_t i = index->index < 0 ? index->index + size : index->index;
      if (i < 0 || i >= size) return nullptr;
      from = &(*array)[static_cast<std::size_t>(i)];
      continue;
    }
    // Every or a filter: the first element from which the rest leads somewhere.
    const auto try_element = [&](const json::Value& element) -> const json::Value* {
      if (const auto* filter = std::get_if<Filter>(&step)) {
        const json::Value* value = &element;
        for (const std::string& name : filter->path) {
          if (value != nullptr) value = json::Find(*value, name);
        }
        if (value == nullptr || (*value == filter->value) != filter->equal) return nullptr;
      }
      return Follow(&element, steps, at + 1);
    };
    if (const json::Array* array = from->if_array()) {
      for (const json::Value& element : *array) {
        if (const json::Value* found = try_element(element)) return found;
      }
    } else if (const json::Object* object = from->if_object()) {
      for (const auto& member : *object) {
        if (const json::Value* found = try_element(member.value())) return found;
      }
    }
    return nullptr;
  }
  return from;
}

namespace {

std::string TakeName(std::string_view& text) {
  std::string name;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '.' && text[i] != '['; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    name += text[i];
  }
  text.remove_prefix(i);
  return name;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsQuoted(std::string_view text) {
  return text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
         text.front() == text.back();
}

}  // namespace
}  // namespace kro::apiserver
