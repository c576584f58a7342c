#include "apiserver/internal/element_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace kro::apiserver::internal {
namespace {

// Steps through the members of canonical `{"a":1,"b":"x"}`.
class KeyCursor {
 public:
  explicit KeyCursor(std::string_view text) : text_(text) {}
  // False at the end.
  bool Next();
  std::string_view name;  // with its quotes
  std::string_view value;

 private:
  // The end of the JSON value that begins at `at`.
  std::size_t Skip(std::size_t at) const;

  std::string_view text_;
  std::size_t at_ = 1;
};

// Whether `text` is what AppendElementJson writes for keys: the fast answer for what we wrote ourselves.
bool IsCanonicalKeys(std::string_view text);
int Rank(std::string_view scalar);
bool IsPlain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' &&
         c != '&' && static_cast<unsigned char>(c) < 0x7f;
}

}  // namespace

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (IsPlain(c)) {
      out += c;
      continue;
    }
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else if (text.substr(i, 3) == "\xe2\x80\xa8" || text.substr(i, 3) == "\xe2\x80\xa9") {
          out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
          i += 2;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendElementJson(std::string& out, const json::Value& value) {
  if (value.is_string()) {
    AppendQuoted(out, value.get_string());
  } else if (value.is_object()) {
    std::vector<const boost::json::key_value_pair*> members;
    for (const auto& member : value.get_object()) members.push_back(&member);
    std::ranges::sort(members, {},
                      [](const auto* member) { return std::string_view(member->key()); });
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      AppendQuoted(out, members[i]->key());
      out += ':';
      // Keys are scalars wherever it matters; anything else is only carried along.
      if (members[i]->value().is_string()) {
        AppendQuoted(out, members[i]->value().get_string());
      } else {
        out += json::Canonical(members[i]->value());
      }
    }
    out += '}';
  } else if (value.is_int64()) {
    fmt::format_to(std::back_inserter(out), "{}", value.get_int64());
  } else {
    out += json::Canonical(value);
  }
}

Result<std::optional<Element>> ReadElement(std::string_view key, FieldTexts& texts) {
  if (key.size() < 2 || key[1] != ':') {
    return Fail(ErrorCode::kInvalid, "fieldsV1: malformed path element '{}'", key);
  }
  const std::string_view text = key.substr(2);
  switch (key[0]) {
    case 'f':
      return Element{ElementKind::kField, text};
    case 'k':
    case 'v': {
      const auto kind = key[0] == 'k' ? ElementKind::kKey : ElementKind::kValue;
      if (kind == ElementKind::kKey && IsCanonicalKeys(text)) return Element{kind, text};
      auto parsed = json::Parse(text);
      if (!parsed) return Annotate(parsed, "fieldsV1: '{}'", key);
      if (kind == ElementKind::kKey && !parsed->is_object()) {
        return Fail(ErrorCode::kInvalid, "fieldsV1: malformed path element '{}'", key);
      }
      std::string canonical;
      AppendElementJson(canonical, *parsed);
      return Element{kind, canonical == text ? text : texts.Keep(canonical)};
    }
    case 'i': {
      std::uint64_t index = 0;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
      if (error != std::errc() || end != text.data() + text.size()) {
        return Fail(ErrorCode::kInvalid, "fieldsV1: malformed path element '{}'", key);
      }
      return Element{ElementKind::kIndex, text};
    }
    default:
      return std::nullopt;
  }
}

std::strong_ordering CompareKeys(std::string_view a, std::string_view b) {
  if (a == b) return std::strong_ordering::equal;
  KeyCursor left(a);
  KeyCursor right(b);
  while (true) {
    const bool more_left = left.Next();
    const bool more_right = right.Next();
    if (!more_left || !more_right) return more_left <=> more_right;
    if (auto order = left.name <=> right.name; order != 0) return order;
    if (auto order = CompareScalars(left.value, right.value); order != 0) return order;
  }
}

std::strong_ordering CompareScalars(std::string_view a, std::string_view b) {
  if (a == b) return std::strong_ordering::equal;
  const int rank = Rank(a);
  if (auto order = rank <=> Rank(b); order != 0) return order;
  if (rank == 0) {
    double left = 0;
    double right = 0;
    std::from_chars(a.data(), a.data() + a.size(), left);
    std::from_chars(b.data(), b.data() + b.size(), right);
    if (left < right) return std::strong_ordering::less;
    if (left > right) return std::strong_ordering::greater;
    return a <=> b;
  }
  // Without the closing quote, which would come before or after a letter.
  if (rank == 1) return a.substr(0, a.size() - 1) <=> b.substr(0, b.size() - 1);
  return a <=> b;
}

std::string ShowKeys(std::string_view keys) {
  std::string shown;
  for (KeyCursor cursor(keys); cursor.Next();) {
    if (!shown.empty()) shown += ',';
    shown += cursor.name.substr(1, cursor.name.size() - 2);
    shown += '=';
    shown += ShowScalar(cursor.value);
  }
  return shown;
}

std::string ShowScalar(std::string_view scalar) {
  // Escapes for HTML are not shown.
  if (!scalar.contains("\\u")) return std::string(scalar);
  auto parsed = json::Parse(scalar);
  return parsed ? json::Serialize(*parsed) : std::string(scalar);
}

namespace {

bool KeyCursor::Next() {
  if (at_ >= text_.size() || text_[at_] == '}') return false;
  if (text_[at_] == ',') ++at_;
  std::size_t end = Skip(at_);
  name = text_.substr(at_, end - at_);
  at_ = std::min(end + 1, text_.size());  // the colon
  end = Skip(at_);
  value = text_.substr(at_, end - at_);
  at_ = end;
  return true;
}

std::size_t KeyCursor::Skip(std::size_t at) const {
  int depth = 0;
  bool quoted = false;
  for (; at < text_.size(); ++at) {
    const char c = text_[at];
    if (quoted) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
    } else if (depth == 0 && (c == ',' || c == ':')) {
      return at;
    }
  }
  return text_.size();
}

bool IsCanonicalKeys(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  std::size_t at = 1;
  std::string_view last;
  auto plain_string = [&]() -> std::optional<std::string_view> {
    if (at >= text.size() || text[at] != '"') return std::nullopt;
    std::size_t begin = ++at;
    while (at < text.size() && IsPlain(text[at])) ++at;
    if (at >= text.size() || text[at] != '"') return std::nullopt;
    return text.substr(begin, at++ - begin);
  };
  while (true) {
    auto name = plain_string();
    if (!name || (at >= text.size() || text[at++] != ':')) return false;
    if (!last.empty() && *name <= last) return false;
    last = *name;
    if (at >= text.size()) return false;
    if (text[at] == '"') {
      if (!plain_string()) return false;
    } else {
      // Plain integers; anything else takes the long way.
      std::size_t begin = at;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
      if (at == begin || at - begin > 15 || (text[begin] == '0' && at - begin > 1)) return false;
    }
    if (at >= text.size()) return false;
    if (text[at] == '}') return at + 1 == text.size();
    if (text[at++] != ',') return false;
  }
}

int Rank(std::string_view scalar) {
  if (scalar.empty()) return 5;
  if (scalar[0] == '-' || (scalar[0] >= '0' && scalar[0] <= '9')) return 0;
  if (scalar[0] == '"') return 1;
  if (scalar[0] == 't' || scalar[0] == 'f') return 2;
  if (scalar[0] == 'n') return 3;
  return 4;
}

}  // namespace
}  // namespace kro::apiserver::internal
