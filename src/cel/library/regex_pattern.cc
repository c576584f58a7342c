#include "cel/library/regex_pattern.h"

#include <re2/re2.h>

#include <string>

namespace kro::cel {
namespace {

// Bounds what one pattern may take; larger ones are refused by RE2.
constexpr std::int64_t kMaxMemory = std::int64_t{8} << 20;

// RE2 and Go name the same mistakes; these differ.
std::string_view GoName(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "regexp/syntax: internal error";
  }
}

// Where RE2 and Go read a pattern differently.
struct Reading {
  std::string text;       // with groups as RE2 names them: (?P<name>…) for (?<name>…)
  bool any_byte = false;  // \C, which Go does not know
};

// Steps over what is quoted, escaped or in a class.
Reading ReadAsGo(std::string_view pattern) {
  Reading reading;
  bool quoted = false;  // between \Q and \E
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest.size() > 1 && rest[0] == '\\') {
      if (rest[1] == 'E') quoted = false;
      if (!quoted && !in_class) reading.any_byte |= rest[1] == 'C';
      if (rest[1] == 'Q' && !in_class) quoted = true;
      reading.text += rest.substr(0, 2);
      ++i;
      continue;
    }
    const bool plain = !quoted && !in_class;
    if (plain && rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' && rest[3] != '!') {
      reading.text += "(?P<";
      i += 2;
      continue;
    }
    if (plain && rest[0] == '[') {
      in_class = true;
      reading.text += '[';
      // A bracket that comes first is one of the characters.
      if (rest.size() > 1 && rest[1] == '^') reading.text += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') reading.text += pattern[++i];
      continue;
    }
    if (in_class && rest.starts_with("[:")) {
      const std::size_t end = rest.find(":]");
      if (end != rest.npos) {
        reading.text += rest.substr(0, end + 2);
        i += end + 1;
        continue;
      }
    }
    if (in_class && rest[0] == ']') in_class = false;
    reading.text += rest[0];
  }
  return reading;
}

}  // namespace

Result<std::shared_ptr<const RE2>> CompilePattern(std::string_view pattern) {
  const Reading reading = ReadAsGo(pattern);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto compiled = std::make_shared<const RE2>(reading.text, options);
  if (compiled->ok() && reading.any_byte) {
    return Fail(ErrorCode::kInvalid, "error parsing regexp: invalid escape sequence: `\\C`");
  }
  if (compiled->ok()) return compiled;
  std::string_view name = GoName(compiled->error_code());
  std::string argument = compiled->error_arg();
  // Go takes (?< for the beginning of a name.
  constexpr std::string_view kGroupName = "(?<";
  if (compiled->error_code() == RE2::ErrorBadPerlOp && argument == kGroupName) {
    return Fail(ErrorCode::kInvalid, "error parsing regexp: invalid named capture: `{}`",
                pattern.substr(pattern.find(kGroupName)));
  }
  // Go shows the opening of a group that it does not know, RE2 also what follows it.
  if (compiled->error_code() == RE2::ErrorBadPerlOp && argument.size() > 3 &&
      (argument.starts_with("(?=") || argument.starts_with("(?!"))) {
    argument.resize(3);
  }
  // Go shows all of the expression for a parenthesis that is missing or unexpected.
  if (compiled->error_code() == RE2::ErrorMissingParen ||
      compiled->error_code() == RE2::ErrorUnexpectedParen) {
    argument = pattern;
  }
  return Fail(ErrorCode::kInvalid, "error parsing regexp: {}: `{}`", name, argument);
}

bool ChargeCompilation(Context& context, const RE2& pattern) {
  constexpr int kStepsAnInstruction = 16;
  return context.Charge(std::int64_t{pattern.ProgramSize()} * kStepsAnInstruction);
}

bool ChargeSearch(Context& context, const RE2& pattern, std::size_t size) {
  // Small programs run as fast automata.
  constexpr int kLargeProgram = 64;
  const std::int64_t price = 1 + pattern.ProgramSize() / kLargeProgram;
  return context.Charge(static_cast<std::int64_t>(size / 16) * price + 1);
}

}  // namespace kro::cel
