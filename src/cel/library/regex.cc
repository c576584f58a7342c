// Kubernetes' regex library (spec section 4.10): RE2 syntax, leftmost-first matches.

#include <re2/re2.h>

#include "base/utf8.h"
#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/regex_pattern.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value Find(Context& context, Args args);
Value FindPrepared(Context& context, const void* prepared, Args args);
Value FindAll(Context& context, Args args);
Value FindAllPrepared(Context& context, const void* prepared, Args args);
Result<Preparation::Prepared> Prepare(std::span<const Value* const> constants);

}  // namespace

const Library& RegexLibrary() {
  static const Library library{
      .name = "kubernetes.regex",
      .doc = "Finding what a regular expression matches.",
      .overloads = {
          {.function = "find",
           .id = "string_find_string",
           .style = Style::kReceiver,
           .params = {String(), String()},
           .result = String(),
           .doc = "The first match of a regular expression, or an empty string.",
           .examples = {{"'abc 123'.find('[0-9]+')", "'123'"}},
           .eval = Find,
           .mismatch = Mismatch::kPlain,
           .preparation = {Prepare, FindPrepared}},
          {.function = "findAll",
           .id = "string_find_all_string",
           .style = Style::kReceiver,
           .params = {String(), String()},
           .result = ListOf(String()),
           .doc = "All matches that do not overlap, from left to right.",
           .examples = {{"'a1b22'.findAll('[0-9]+')", "['1', '22']"}},
           .eval = FindAll,
           .mismatch = Mismatch::kPlain,
           .preparation = {Prepare, FindAllPrepared}},
          {.function = "findAll",
           .id = "string_find_all_string_int",
           .style = Style::kReceiver,
           .params = {String(), String(), Int()},
           .result = ListOf(String()),
           .doc = "The same, at most so many; all for a negative number.",
           .examples = {{"'a1b22c3'.findAll('[0-9]+', 2)", "['1', '22']"}},
           .eval = FindAll,
           .mismatch = Mismatch::kPlain,
           .preparation = {Prepare, FindAllPrepared}},
      }};
  return library;
}

namespace {

const RE2& PatternOf(const void* prepared) { return *static_cast<const RE2*>(prepared); }

Value FindIn(Context& context, const RE2& pattern, Args args) {
  std::string_view text = args[0].AsString();
  if (!ChargeSearch(context, pattern, text.size())) return Value::Error(kBudgetExceeded);
  re2::StringPiece match;
  if (!pattern.Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, &match, 1)) {
    return Value::String("");
  }
  return Value::String({match.data(), match.size()});
}

// As Go's FindAllString: an empty match right after a match does not count.
Value FindAllIn(Context& context, const RE2& pattern, Args args) {
  std::string_view text = args[0].AsString();
  std::int64_t limit = args.size() > 2 && args[2].AsInt() >= 0 ? args[2].AsInt() : INT64_MAX;
  ListBuilder matches(context);
  std::size_t at = 0;
  std::size_t previous_end = text.npos;
  while (at <= text.size() && static_cast<std::int64_t>(matches.size()) < limit) {
    // Every search may look at the rest of the text.
    if (!ChargeSearch(context, pattern, text.size() - at)) {
      return Value::Error(kBudgetExceeded);
    }
    re2::StringPiece match;
    if (!pattern.Match({text.data(), text.size()}, at, text.size(), RE2::UNANCHORED, &match, 1)) {
      break;
    }
    auto begin = static_cast<std::size_t>(match.data() - text.data());
    std::size_t end = begin + match.size();
    bool accept = true;
    if (end == at || match.empty()) {
      accept = begin != previous_end;
      at = end < text.size() ? end + DecodeCodePoint(text, end).size : text.size() + 1;
    } else {
      at = end;
    }
    previous_end = end;
    if (accept) matches.Add(Value::String({text.data() + begin, match.size()}));
  }
  return matches.Build();
}

Value IllegalRegex(Context& context, const Error& error) {
  return Fail(context, "Illegal regex: {}", error.message());
}

Value Find(Context& context, Args args) {
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return IllegalRegex(context, pattern.error());
  if (!ChargeCompilation(context, **pattern)) return Value::Error(kBudgetExceeded);
  return FindIn(context, **pattern, args);
}

Value FindPrepared(Context& context, const void* prepared, Args args) {
  return FindIn(context, PatternOf(prepared), args);
}

Value FindAll(Context& context, Args args) {
  auto pattern = CompilePattern(args[1].AsString());
  if (!pattern) return IllegalRegex(context, pattern.error());
  if (!ChargeCompilation(context, **pattern)) return Value::Error(kBudgetExceeded);
  return FindAllIn(context, **pattern, args);
}

Value FindAllPrepared(Context& context, const void* prepared, Args args) {
  return FindAllIn(context, PatternOf(prepared), args);
}

Result<Preparation::Prepared> Prepare(std::span<const Value* const> constants) {
  if (constants[1] == nullptr || !constants[1]->Is(Kind::kString)) return nullptr;
  auto pattern = CompilePattern(constants[1]->AsString());
  if (!pattern) return std::unexpected(pattern.error());
  return Preparation::Prepared(std::move(*pattern));
}

}  // namespace
}  // namespace kro::cel
