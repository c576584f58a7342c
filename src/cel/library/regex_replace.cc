// The regex library of cel-go: replacing and extracting by a regular expression.

#include <re2/re2.h>

#include <string>

#include "base/utf8.h"
#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/error_value.h"
#include "cel/library/regex_pattern.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value Replace(Context& context, Args args);
Value Extract(Context& context, Args args);
Value ExtractAll(Context& context, Args args);

}  // namespace

const Library& RegexReplaceLibrary() {
  static const Library library{
      .name = "regex",
      .version = 1,
      .doc = "Replacing and extracting by a regular expression (RE2).",
      .overloads = {
          {.function = "regex.replace",
           .id = "regex_replaceAll_string_string_string",
           .params = {String(), String(), String()},
           .result = String(),
           .doc = "The text with every match of the pattern replaced; \\\\1 to \\\\9 are its "
                  "groups, \\\\0 all of it.",
           .examples = {{"regex.replace('hello world', 'o', '0')", "'hell0 w0rld'"},
                        {R"(regex.replace('ab cd', r'(\w)(\w)', r'\2\1'))", "'ba dc'"}},
           .eval = Replace},
          {.function = "regex.replace",
           .id = "regex_replaceCount_string_string_string_int",
           .params = {String(), String(), String(), Int()},
           .result = String(),
           .doc = "The same for the first so many matches; all for a negative number.",
           .examples = {{"regex.replace('banana', 'a', 'x', 2)", "'bxnxna'"},
                        {"regex.replace('banana', 'a', 'x', 0)", "'banana'"}},
           .eval = Replace},
          {.function = "regex.extract",
           .id = "regex_extract_string_string",
           .params = {String(), String()},
           .result = OptionalOf(String()),
           .doc = "The group of the first match, or all of it if the pattern has no group. More "
                  "than one group is "
                  "an error.",
           .examples = {{"regex.extract('item-A, item-B', r'item-(\\w+)').value()", "'A'"},
                        {"regex.extract('none', r'item-(\\w+)').hasValue()", "false"}},
           .eval = Extract},
          {.function = "regex.extractAll",
           .id = "regex_extractAll_string_string",
           .params = {String(), String()},
           .result = ListOf(String()),
           .doc = "The same of all matches.",
           .examples = {{"regex.extractAll('id:123, id:456', r'id:\\d+')", "['id:123', 'id:456']"},
                        {"regex.extractAll('a:1 b:2', r'\\w:(\\d)')", "['1', '2']"}},
           .eval = ExtractAll},
      }};
  return library;
}

namespace {

constexpr int kMaxGroups = 10;

// Calls `each(groups)` for the matches that do not overlap, from left to right, until it gives
// false.
template <typename Each>
bool ForEachMatch(Context& context, const RE2& pattern, std::string_view text, Each each) {
  re2::StringPiece groups[kMaxGroups];
  const int count = std::min(kMaxGroups, pattern.NumberOfCapturingGroups() + 1);
  for (std::size_t at = 0; at <= text.size();) {
    if (!context.Charge(static_cast<std::int64_t>((text.size() - at) / 16 + 1))) return false;
    if (!pattern.Match({text.data(), text.size()}, at, text.size(), RE2::UNANCHORED, groups, count))
      return true;
    if (!each(std::span<const re2::StringPiece>(groups, static_cast<std::size_t>(count))))
      return true;
    const auto end = static_cast<std::size_t>(groups[0].data() + groups[0].size() - text.data());
    if (!groups[0].empty()) {
      at = end;
    } else {
      at = end < text.size() ? end + DecodeCodePoint(text, end).size : text.size() + 1;
    }
  }
  return true;
}

// The replacement with its groups put in; false if it names one that the pattern lacks.
bool AppendReplacement(std::string& out, std::string_view replacement,
                       std::span<const re2::StringPiece> groups) {
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\') {
      out += replacement[i];
      continue;
    }
    if (++i == replacement.size()) return false;
    if (replacement[i] == '\\') {
      out += '\\';
      continue;
    }
    const auto group = static_cast<std::size_t>(replacement[i] - '0');
    if (replacement[i] < '0' || replacement[i] > '9' || group >= groups.size()) return false;
    out.append(groups[group].data() ? groups[group].data() : "", groups[group].size());
  }
  return true;
}

Value Replace(Context& context, Args args) {
  const std::string_view text = args[0].AsString();
  std::int64_t left = args.size() > 3 && args[3].AsInt() >= 0 ? args[3].AsInt() : INT64_MAX;
  if (left == 0) return args[0];
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return MakeError(context, pattern.error());
  if (!ChargeCompilation(context, **pattern)) return Value::Error(kBudgetExceeded);
  std::string out;
  std::size_t copied = 0;
  bool valid = true;
  const bool paid =
      ForEachMatch(context, **pattern, text, [&](std::span<const re2::StringPiece> groups) {
        const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
        out += text.substr(copied, begin - copied);
        copied = begin + groups[0].size();
        valid = AppendReplacement(out, args[2].AsString(), groups);
        return valid && out.size() <= kMaxTextSize && --left > 0;
      });
  if (!valid) return Fail(context, "invalid replacement string: '{}'", args[2].AsString());
  if (!paid || out.size() > kMaxTextSize) return Value::Error(kBudgetExceeded);
  out += text.substr(copied);
  return NewString(context, out);
}

// What a match gives: its only group, or all of it.
Value Extracted(std::span<const re2::StringPiece> groups) {
  const re2::StringPiece& part = groups.size() > 1 ? groups[1] : groups[0];
  return Value::String({part.data() ? part.data() : "", part.size()});
}

Value Extract(Context& context, Args args) {
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return MakeError(context, pattern.error());
  if (!ChargeCompilation(context, **pattern)) return Value::Error(kBudgetExceeded);
  if ((*pattern)->NumberOfCapturingGroups() > 1) {
    return Fail(context, "regular expression has more than one capturing group: '{}'",
                args[1].AsString());
  }
  Value found = Value::None();
  const bool paid = ForEachMatch(context, **pattern, args[0].AsString(), [&](auto groups) {
    found = MakeOptional(context, Extracted(groups));
    return false;
  });
  return paid ? found : Value::Error(kBudgetExceeded);
}

Value ExtractAll(Context& context, Args args) {
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return MakeError(context, pattern.error());
  if (!ChargeCompilation(context, **pattern)) return Value::Error(kBudgetExceeded);
  if ((*pattern)->NumberOfCapturingGroups() > 1) {
    return Fail(context, "regular expression has more than one capturing group: '{}'",
                args[1].AsString());
  }
  ListBuilder found(context);
  const bool paid = ForEachMatch(context, **pattern, args[0].AsString(), [&](auto groups) {
    found.Add(Extracted(groups));
    return true;
  });
  return paid ? found.Build() : Value::Error(kBudgetExceeded);
}

}  // namespace
}  // namespace kro::cel
