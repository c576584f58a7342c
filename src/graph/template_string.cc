#include "graph/template_string.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace kro::graph {
namespace {

// A run of the lowered text and the bytes of the source it came from.
struct Part {
  bool literal;
  std::size_t begin;  // in the source; of an expression: of its text, after "${"
  std::string_view text;
};

std::vector<Part> Split(const TemplateString& scanned);
constexpr std::size_t kNoClose = std::string_view::npos;
constexpr std::size_t kNested = kNoClose - 1;
std::size_t FindClose(std::string_view text, std::size_t begin);
std::vector<std::size_t> FindAllCloses(std::string_view text);
std::string QuoteLiteral(std::string_view text);

}  // namespace

bool TemplateString::standalone() const {
  return expressions.size() == 1 && expressions[0].span.begin == 0 &&
         expressions[0].span.end == source.size();
}

std::string TemplateString::Lowered() const {
  if (standalone()) return expressions[0].text;
  std::string lowered;
  for (const Part& part : Split(*this)) {
    if (!lowered.empty()) lowered += " + ";
    lowered += part.literal ? QuoteLiteral(part.text) : fmt::format("({})", part.text);
  }
  return lowered;
}

std::size_t TemplateString::SourceOffset(std::size_t offset) const {
  if (standalone()) return std::min(offset + 2, source.size());
  std::size_t begin = 0;  // of the part in the lowered text
  for (const Part& part : Split(*this)) {
    if (begin > 0) begin += 3;
    const std::size_t width =
        part.literal ? QuoteLiteral(part.text).size() : part.text.size() + 2;
    if (offset < begin + width) {
      if (part.literal || offset <= begin) return part.begin;
      return part.begin + std::min(offset - begin - 1, part.text.size());
    }
    begin += width;
  }
  return source.size();
}

Result<TemplateString> ScanTemplate(std::string_view text) {
  TemplateString scanned{.source = std::string(text)};
  std::vector<std::size_t> closes;  // filled once an expression without its end was met
  std::size_t cursor = 0;
  while (true) {
    const std::size_t open = text.find("${", cursor);
    if (open == std::string_view::npos) break;
    const std::size_t close = closes.empty() ? FindClose(text, open + 2) : closes[open + 2];
    if (close == kNested) {
      return Fail(ErrorCode::kInvalid,
                  "nested expressions are not allowed unless inside string literals");
    }
    if (close == kNoClose) {
      if (closes.empty()) closes = FindAllCloses(text);
      cursor = open + 1;  // plain text; what follows may still hold an expression
      continue;
    }
    scanned.expressions.push_back(
        {.text = std::string(text.substr(open + 2, close - open - 2)),
         .span = {static_cast<std::uint32_t>(open), static_cast<std::uint32_t>(close + 1)}});
    cursor = close + 1;
  }
  return scanned;
}

namespace {

bool OpensNested(std::string_view text, std::size_t i) {
  return text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{' && text[i - 1] != '"';
}

// The brace that closes an expression whose text begins at `begin`.
std::size_t FindClose(std::string_view text, std::size_t begin) {
  int depth = 1;
  bool in_literal = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_literal && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_literal = !in_literal;
    } else if (in_literal) {
      continue;
    } else if (OpensNested(text, i)) {
      return kNested;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i;
    }
  }
  return kNoClose;
}

// FindClose for every beginning at once. A text of many expressions without an end would take
// quadratic time one by one. From right to left: what stands at i decides by what is known behind it,
// once for a scan that is inside a literal at i, once for one that is not.
std::vector<std::size_t> FindAllCloses(std::string_view text) {
  const std::size_t end = text.size();
  std::vector<std::size_t> outside(end + 2, kNoClose);
  std::vector<std::size_t> inside(end + 2, kNoClose);
  for (std::size_t i = end; i-- > 0;) {
    const char c = text[i];
    inside[i] = c == '\\' ? inside[i + 2] : c == '"' ? outside[i + 1] : inside[i + 1];
    if (c == '"') {
      outside[i] = inside[i + 1];
    } else if (i > 0 && OpensNested(text, i)) {
      outside[i] = kNested;
    } else if (c == '}') {
      outside[i] = i;
    } else if (c == '{') {
      const std::size_t inner = outside[i + 1];
      outside[i] = inner < kNested ? outside[inner + 1] : inner;
    } else {
      outside[i] = outside[i + 1];
    }
  }
  return outside;
}

std::vector<Part> Split(const TemplateString& scanned) {
  std::vector<Part> parts;
  const std::string_view source(scanned.source);
  std::size_t cursor = 0;
  for (const EmbeddedExpression& expression : scanned.expressions) {
    if (expression.span.begin > cursor) {
      parts.push_back({true, cursor, source.substr(cursor, expression.span.begin - cursor)});
    }
    parts.push_back({false, expression.span.begin + 2u, expression.text});
    cursor = expression.span.end;
  }
  if (cursor < source.size()) parts.push_back({true, cursor, source.substr(cursor)});
  return parts;
}

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // 0: the byte begins no UTF-8 sequence
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xc2 && lead <= 0xdf && tail(1)) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead >= 0xe0 && lead <= 0xef && tail(1) && tail(2)) {
    const std::uint32_t value = (lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (value >= 0x800 && (value < 0xd800 || value > 0xdfff)) return {value, 3};
  }
  if (lead >= 0xf0 && lead <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    const std::uint32_t value =
        (lead & 7) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    if (value >= 0x10000 && value <= 0x10ffff) return {value, 4};
  }
  return {lead, 0};
}

// Controls, spaces other than U+0020, format characters, private use and noncharacters.
bool Unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x61c || c == 0x1680 ||
         c == 0x180e || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
         (c >= 0x205f && c <= 0x206f) || c == 0x3000 || (c >= 0xe000 && c <= 0xf8ff) ||
         c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

// A CEL string literal with Go's escapes, which are legal CEL.
std::string QuoteLiteral(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    const std::size_t length = std::max<std::size_t>(1, c.length);
    switch (c.value) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\a': quoted += "\\a"; break;
      case '\b': quoted += "\\b"; break;
      case '\f': quoted += "\\f"; break;
      case '\n': quoted += "\\n"; break;
      case '\r': quoted += "\\r"; break;
      case '\t': quoted += "\\t"; break;
      case '\v': quoted += "\\v"; break;
      default:
        if (c.length == 0 || c.value < 0x20 || c.value == 0x7f) {
          quoted += fmt::format("\\x{:02x}", c.value);
        } else if (!Unprintable(c.value)) {
          quoted += text.substr(0, length);
        } else if (c.value < 0x10000) {
          quoted += fmt::format("\\u{:04x}", c.value);
        } else {
          quoted += fmt::format("\\U{:08x}", c.value);
        }
    }
    text.remove_prefix(length);
  }
  return quoted + '"';
}

}  // namespace
}  // namespace kro::graph
