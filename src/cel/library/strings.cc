// The strings library (spec section 4.6). All indices count code points.

#include <algorithm>
#include <string>

#include "base/utf8.h"
#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/format_text.h"
#include "cel/library/text_search.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value CharAt(Context& context, Args args);
Value IndexOf(Context& context, Args args);
Value LastIndexOf(Context& context, Args args);
Value Join(Context& context, Args args);
Value LowerAscii(Context& context, Args args);
Value UpperAscii(Context& context, Args args);
Value Replace(Context& context, Args args);
Value Split(Context& context, Args args);
Value Substring(Context& context, Args args);
Value Trim(Context& context, Args args);
Value Reverse(Context& context, Args args);
Value QuoteString(Context& context, Args args);
Value Format(Context& context, Args args);

Value IndexError(Context& context, std::int64_t index) {
  return Fail(context, "index out of range: {}", index);
}

}  // namespace

const Library& StringsLibrary() {
  static const Library library{
      .name = "strings",
      .version = 4,
      .doc = "Searching, cutting, joining and formatting text.",
      .overloads = {
          {.function = "charAt",
           .id = "string_char_at_int",
           .style = Style::kReceiver,
           .params = {String(), Int()},
           .result = String(),
           .doc = "The character at an index as a string; empty at the end of the text.",
           .examples = {{"'tacocat'.charAt(3)", "'o'"},
                        {"'tacocat'.charAt(7)", "''"},
                        {"'tacocat'.charAt(8)", "error: index out of range: 8"}},
           .eval = CharAt},
          {.function = "indexOf",
           .id = "string_index_of_string",
           .style = Style::kReceiver,
           .params = {String(), String()},
           .result = Int(),
           .doc = "Index of the first occurrence of a text, or -1.",
           .examples = {{"'tacocat'.indexOf('ac')", "1"}, {"'tacocat'.indexOf('z')", "-1"}},
           .eval = IndexOf},
          {.function = "indexOf",
           .id = "string_index_of_string_int",
           .style = Style::kReceiver,
           .params = {String(), String(), Int()},
           .result = Int(),
           .doc = "Index of the first occurrence that starts at or after an index, or -1.",
           .examples = {{"'tacocat'.indexOf('a', 3)", "5"}, {"'tacocat'.indexOf('', 99)", "7"}},
           .eval = IndexOf},
          {.function = "lastIndexOf",
           .id = "string_last_index_of_string",
           .style = Style::kReceiver,
           .params = {String(), String()},
           .result = Int(),
           .doc = "Index of the last occurrence of a text, or -1.",
           .examples = {{"'tacocat'.lastIndexOf('at')", "5"}},
           .eval = LastIndexOf},
          {.function = "lastIndexOf",
           .id = "string_last_index_of_string_int",
           .style = Style::kReceiver,
           .params = {String(), String(), Int()},
           .result = Int(),
           .doc =
               "Index of the last occurrence that starts at or before an index, or -1; always -1 "
               "for an index at or past the end.",
           .examples = {{"'tacocat'.lastIndexOf('a', 4)", "1"},
                        {"'tacocat'.lastIndexOf('a', 7)", "-1"}},
           .eval = LastIndexOf},
          {.function = "join",
           .id = "list_join",
           .style = Style::kReceiver,
           .params = {ListOf(String())},
           .result = String(),
           .doc = "The strings of a list put together.",
           .examples = {{"['x', 'y'].join()", "'xy'"}, {"[].join()", "''"}},
           .eval = Join},
          {.function = "join",
           .id = "list_join_string",
           .style = Style::kReceiver,
           .params = {ListOf(String()), String()},
           .result = String(),
           .doc = "The strings of a list put together with a separator between them.",
           .examples = {{"['x', 'y'].join('-')", "'x-y'"},
                        {"dyn(['x', 1]).join('-')", "error: join: invalid input: 1"}},
           .eval = Join},
          {.function = "lowerAscii",
           .id = "string_lower_ascii",
           .style = Style::kReceiver,
           .params = {String()},
           .result = String(),
           .doc = "The text with A-Z in lower case; other letters stay.",
           .examples = {{"'TacoCÆt'.lowerAscii()", "'tacocÆt'"}},
           .eval = LowerAscii},
          {.function = "upperAscii",
           .id = "string_upper_ascii",
           .style = Style::kReceiver,
           .params = {String()},
           .result = String(),
           .doc = "The text with a-z in upper case; other letters stay.",
           .examples = {{"'TacoCæt'.upperAscii()", "'TACOCæT'"}},
           .eval = UpperAscii},
          {.function = "replace",
           .id = "string_replace_string_string",
           .style = Style::kReceiver,
           .params = {String(), String(), String()},
           .result = String(),
           .doc = "The text with every occurrence of one text replaced by another. An empty one "
                  "occurs before, between and after the characters.",
           .examples = {{"'banana'.replace('an', 'x')", "'bxxa'"},
                        {"'abc'.replace('', '_')", "'_a_b_c_'"}},
           .eval = Replace},
          {.function = "replace",
           .id = "string_replace_string_string_int",
           .style = Style::kReceiver,
           .params = {String(), String(), String(), Int()},
           .result = String(),
           .doc = "The same for the first occurrences only; all of them for a negative number.",
           .examples = {{"'aaaa'.replace('a', 'b', 2)", "'bbaa'"}},
           .eval = Replace},
          {.function = "reverse",
           .id = "string_reverse",
           .style = Style::kReceiver,
           .params = {String()},
           .result = String(),
           .doc = "The code points of a text in reverse order.",
           .examples = {{"'aé😀'.reverse()", "'😀éa'"}},
           .eval = Reverse},
          {.function = "split",
           .id = "string_split_string",
           .style = Style::kReceiver,
           .params = {String(), String()},
           .result = ListOf(String()),
           .doc = "The parts between occurrences of a separator; the characters for an empty one.",
           .examples = {{"'a,b,c'.split(',')", "['a', 'b', 'c']"}, {"''.split(',')", "['']"}},
           .eval = Split},
          {.function = "split",
           .id = "string_split_string_int",
           .style = Style::kReceiver,
           .params = {String(), String(), Int()},
           .result = ListOf(String()),
           .doc = "The same with at most so many parts, the last holding the rest; no limit if "
                  "negative.",
           .examples = {{"'a,b,c'.split(',', 2)", "['a', 'b,c']"}, {"'a'.split(',', 0)", "[]"}},
           .eval = Split},
          {.function = "substring",
           .id = "string_substring_int",
           .style = Style::kReceiver,
           .params = {String(), Int()},
           .result = String(),
           .doc = "The text from an index on.",
           .examples = {{"'tacocat'.substring(4)", "'cat'"}},
           .eval = Substring},
          {.function = "substring",
           .id = "string_substring_int_int",
           .style = Style::kReceiver,
           .params = {String(), Int(), Int()},
           .result = String(),
           .doc = "The text from one index up to but without another.",
           .examples = {{"'tacocat'.substring(0, 4)", "'taco'"},
                        {"'tacocat'.substring(5, 4)",
                         "error: invalid substring range. start: 5, end: 4"}},
           .eval = Substring},
          {.function = "trim",
           .id = "string_trim",
           .style = Style::kReceiver,
           .params = {String()},
           .result = String(),
           .doc = "The text without Unicode white space at both ends.",
           .examples = {{"' x\\n'.trim()", "'x'"}},
           .eval = Trim},
          {.function = "strings.quote",
           .id = "strings_quote",
           .params = {String()},
           .result = String(),
           .doc = "The text in double quotes, with escapes for quotes, backslashes and control "
                  "characters.",
           .examples = {{"strings.quote('a\"b')", "'\"a\\\\\"b\"'"}},
           .eval = QuoteString},
          {.function = "format",
           .id = "string_format",
           .style = Style::kReceiver,
           .params = {String(), ListOf(Dyn())},
           .result = String(),
           .doc = "The text with its clauses %s %d %f %e %b %o %x %X replaced by the elements of a "
                  "list.",
           .examples = {{"'%s-%d'.format(['web', 3])", "'web-3'"},
                        {"'%.2f'.format([2.5])", "'2.50'"},
                        {"'%x'.format([255])", "'ff'"}},
           .eval = Format},
      }};
  return library;
}

namespace {

Value CharAt(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  std::int64_t index = args[1].AsInt();
  auto size = static_cast<std::int64_t>(CountCodePoints(text));
  if (index < 0 || index > size) return IndexError(context, index);
  if (index == size) return Value::String("");
  std::size_t offset = ByteOffset(text, static_cast<std::size_t>(index));
  return Value::String(text.substr(offset, DecodeCodePoint(text, offset).size));
}

Value IndexOf(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  std::string_view part = args[1].AsString();
  std::int64_t from = args.size() > 2 ? args[2].AsInt() : 0;
  if (from < 0) return IndexError(context, from);
  auto size = static_cast<std::int64_t>(CountCodePoints(text));
  if (part.empty()) return Value::Int(std::min(from, size));
  if (from >= size) return Value::Int(-1);
  std::size_t offset = ByteOffset(text, static_cast<std::size_t>(from));
  std::size_t found = FindText(text, part, offset);
  if (found == text.npos) return Value::Int(-1);
  return Value::Int(static_cast<std::int64_t>(CountCodePoints(text.substr(0, found))));
}

Value LastIndexOf(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  std::string_view part = args[1].AsString();
  auto size = static_cast<std::int64_t>(CountCodePoints(text));
  std::size_t last = text.npos;
  if (args.size() > 2) {
    std::int64_t up_to = args[2].AsInt();
    if (up_to < 0) return IndexError(context, up_to);
    if (part.empty()) return Value::Int(std::min(up_to, size));
    if (up_to >= size) return Value::Int(-1);
    last = ByteOffset(text, static_cast<std::size_t>(up_to));
  }
  if (part.empty()) return Value::Int(size);
  // The search from behind may compare all of the part at every place.
  constexpr std::size_t kShortPart = 16;
  if (part.size() > kShortPart &&
      !context.Charge(static_cast<std::int64_t>(text.size() / 64 * part.size()))) {
    return Value::Error(kBudgetExceeded);
  }
  std::size_t found = text.rfind(part, last);
  if (found == text.npos) return Value::Int(-1);
  return Value::Int(static_cast<std::int64_t>(CountCodePoints(text.substr(0, found))));
}

Value Join(Context& context, Args args) {
  std::string_view separator = args.size() > 1 ? args[1].AsString() : "";
  const Value& list = args[0];
  std::string out;
  for (std::size_t i = 0; i < list.ListSize(); ++i) {
    Value element = list.ListAt(context, i);
    if (element.IsError()) return element;
    if (!element.Is(Kind::kString)) {
      return Fail(context, "join: invalid input: {}", Display(context, element));
    }
    if (out.size() + separator.size() + element.AsString().size() > kMaxTextSize) {
      return Value::Error(kBudgetExceeded);
    }
    if (i > 0) out += separator;
    out += element.AsString();
  }
  return NewString(context, out);
}

template <typename Map>
Value MapBytes(Context& context, std::string_view text, Map map) {
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  char* out = AllocateText(context, text.size());
  std::transform(text.begin(), text.end(), out, map);
  return Value::String({out, text.size()});
}

Value LowerAscii(Context& context, Args args) {
  return MapBytes(context, args[0].AsString(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

Value UpperAscii(Context& context, Args args) {
  return MapBytes(context, args[0].AsString(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
}

// The size of the result is known before any of it is made: repeated replacing grows without bound.
Value Replace(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  std::string_view from = args[1].AsString();
  std::string_view to = args[2].AsString();
  std::int64_t limit = args.size() > 3 ? args[3].AsInt() : -1;
  if (limit < 0) limit = INT64_MAX;
  if (!context.Charge(static_cast<std::int64_t>(text.size() / 16 + 1))) {
    return Value::Error(kBudgetExceeded);
  }
  if (from.size() == 1 && to.size() == 1 && args.size() == 3) {
    return MapBytes(context, text,
                    [from = from[0], to = to[0]](char c) { return c == from ? to : c; });
  }

  // Calls `match` with the offset of each occurrence, at most `limit` times.
  auto for_each = [&](auto match) {
    std::int64_t count = 0;
    for (std::size_t at = 0; count < limit; ++count) {
      if (from.empty()) {
        match(at);
        if (at >= text.size()) break;
        at += DecodeCodePoint(text, at).size;
      } else {
        at = FindText(text, from, at);
        if (at == text.npos) break;
        match(at);
        at += from.size();
      }
    }
  };
  std::size_t matches = 0;
  for_each([&](std::size_t) { ++matches; });
  if (matches == 0) return args[0];
  if (!to.empty() && matches > kMaxTextSize / to.size()) return Value::Error(kBudgetExceeded);
  std::size_t size = text.size() - matches * from.size() + matches * to.size();
  if (!ChargeText(context, size)) return Value::Error(kBudgetExceeded);

  char* out = AllocateText(context, size);
  char* end = out;
  std::size_t copied = 0;
  for_each([&](std::size_t at) {
    end = std::copy(text.begin() + static_cast<std::ptrdiff_t>(copied),
                    text.begin() + static_cast<std::ptrdiff_t>(at), end);
    end = std::copy(to.begin(), to.end(), end);
    copied = at + from.size();
  });
  std::copy(text.begin() + static_cast<std::ptrdiff_t>(copied), text.end(), end);
  return Value::String({out, size});
}

Value Split(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  std::string_view separator = args[1].AsString();
  std::int64_t limit = args.size() > 2 ? args[2].AsInt() : -1;
  if (limit < 0) limit = INT64_MAX;
  ListBuilder parts(context);
  if (limit == 0 || (separator.empty() && text.empty())) return parts.Build();

  while (static_cast<std::int64_t>(parts.size()) + 1 < limit) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    std::size_t end = separator.empty() ? DecodeCodePoint(text, 0).size : FindText(text, separator);
    if (end == text.npos || (separator.empty() && end == text.size())) break;
    parts.Add(Value::String(text.substr(0, end)));
    text.remove_prefix(end + separator.size());
  }
  parts.Add(Value::String(text));
  return parts.Build();
}

Value Substring(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  auto size = static_cast<std::int64_t>(CountCodePoints(text));
  std::int64_t begin = args[1].AsInt();
  std::int64_t end = args.size() > 2 ? args[2].AsInt() : size;
  if (begin > end && args.size() > 2) {
    return Fail(context, "invalid substring range. start: {}, end: {}", begin, end);
  }
  if (begin < 0 || begin > size) return IndexError(context, begin);
  if (end < 0 || end > size) return IndexError(context, end);
  auto first = static_cast<std::size_t>(begin);
  auto count = static_cast<std::size_t>(end - begin);
  if (text.size() != static_cast<std::size_t>(size)) {  // a character of several bytes
    first = ByteOffset(text, first);
    count = ByteOffset(text.substr(first), count);
  }
  return Value::String(text.substr(first, count));
}

Value Trim(Context&, Args args) {
  std::string_view text = args[0].AsString();
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = DecodeCodePoint(text, i);
    if (!IsWhiteSpace(point.value)) {
      begin = std::min(begin, i);
      end = i + point.size;
    }
    i += point.size;
  }
  return Value::String(begin < end ? text.substr(begin, end - begin) : std::string_view(""));
}

Value Reverse(Context& context, Args args) {
  std::string_view text = args[0].AsString();
  if (!ChargeText(context, text.size())) return Value::Error(kBudgetExceeded);
  char* out = AllocateText(context, text.size());
  char* end = out + text.size();
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = DecodeCodePoint(text, i).size;
    end -= size;
    std::copy_n(text.data() + i, size, end);
    i += size;
  }
  return Value::String({out, text.size()});
}

Value QuoteString(Context& context, Args args) {
  constexpr std::string_view kControls = "abtnvfr";  // U+0007 to U+000D
  std::string out = "\"";
  for (char c : ToValidUtf8(args[0].AsString())) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 7 && c <= 13) {
      out += '\\';
      out += kControls[static_cast<std::size_t>(c - 7)];
    } else {
      out += c;
    }
  }
  out += '"';
  return NewString(context, out);
}

Value Format(Context& context, Args args) {
  return FormatText(context, args[0].AsString(), args[1]);
}

}  // namespace
}  // namespace kro::cel
