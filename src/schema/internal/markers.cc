#include "schema/internal/markers.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/go_quote.h"

namespace kro::schema {
namespace {

std::string Unquote(std::string_view value);

}  // namespace

const std::vector<std::string>& MarkerKeys() {
  static const std::vector<std::string> keys = {
      "required", "default",   "description", "minimum",     "maximum",   "validation",
      "enum",     "immutable", "pattern",     "uniqueItems", "minLength", "maxLength",
      "minItems", "maxItems",  "listType",    "listMapKey"};
  return keys;
}

std::size_t SpaceAt(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\xc2\x85") || rest.starts_with("\xc2\xa0")) return 2;
  for (const std::string_view space : {"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                       "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"}) {
    if (rest.starts_with(space)) return 3;
  }
  const std::string_view three = rest.substr(0, 3);
  const bool is_wide = three >= "\xe2\x80\x80" && three <= "\xe2\x80\x8a";  // U+2000 to U+200A
  return is_wide ? 3 : 0;
}

std::string_view Trim(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t space = SpaceAt(text, begin);
    if (space == 0) break;
    begin += space;
  }
  std::size_t end = begin;  // after the last character that is no space
  for (std::size_t at = begin; at < text.size();) {
    const std::size_t space = SpaceAt(text, at);
    at += space == 0 ? 1 : space;
    if (space == 0) end = at;
  }
  return text.substr(begin, end - begin);
}

// The rules of the spec, section 2.5: for each character the first that fits applies.
std::expected<std::vector<Marker>, MarkerError> ScanMarkers(std::string_view text) {
  std::vector<Marker> markers;
  std::string key;
  bool has_key = false;
  std::string buffer;
  std::size_t begin = 0;  // of the current marker
  bool in_quotes = false;
  bool escaped = false;
  int depth = 0;

  const auto span = [&](std::size_t end) {
    return Span{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  };
  const auto fail = [&](std::string message, std::size_t end) {
    return std::unexpected(MarkerError{std::move(message), span(end), {}});
  };
  const auto finish = [&](std::size_t end) {
    markers.push_back({std::move(key), Unquote(buffer), span(end)});
    key.clear();
    buffer.clear();
    has_key = false;
  };

  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t space = SpaceAt(text, i);
    if (buffer.empty() && !has_key && space == 0) begin = i;
    if (c == '=' && !has_key && !in_quotes && depth == 0) {
      key = Trim(buffer);
      if (key.empty()) return fail("empty marker key", i + 1);
      if (std::ranges::find(MarkerKeys(), key) == MarkerKeys().end()) {
        return std::unexpected(
            MarkerError{fmt::format("invalid marker key {}: unknown marker: {}", GoQuote(key), key),
                        span(i), key});
      }
      has_key = true;
      buffer.clear();
    } else if (c == '"' && !escaped) {
      in_quotes = !in_quotes;
      buffer += c;
    } else if (c == '\\' && in_quotes && !escaped) {
      escaped = true;
      buffer += c;
    } else if ((c == '{' || c == '[') && !in_quotes) {
      ++depth;
      buffer += c;
    } else if ((c == '}' || c == ']') && !in_quotes) {
      buffer += c;
      if (--depth < 0) return fail("unmatched closing bracket/brace", i + 1);
    } else if (space > 0 && !in_quotes && depth == 0) {
      if (has_key) finish(i);
      i += space;
      continue;
    } else {
      if (in_quotes) escaped = false;
      buffer += c;
    }
    ++i;
  }
  if (!has_key) return fail(fmt::format("marker key '{}' without a value", buffer), text.size());
  if (in_quotes) return fail("unclosed quote", text.size());
  if (depth > 0) return fail("unclosed bracket/brace", text.size());
  finish(text.size());
  return markers;
}

namespace {

std::string Unquote(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
    return std::string(Trim(value));
  }
  value = value.substr(1, value.size() - 2);
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool escape =
        value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == '"' || value[i + 1] == '\\');
    if (escape) ++i;
    text += value[i];
  }
  return text;
}

}  // namespace
}  // namespace kro::schema
