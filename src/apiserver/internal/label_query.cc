#include "apiserver/internal/label_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apiserver/internal/names.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

enum class Token {
  kEnd,
  kIdentifier,
  kComma,
  kOpen,
  kClose,
  kNot,
  kEquals,
  kNotEquals,
  kGreater,
  kLess
};

struct Lexeme {
  Token token;
  std::string text;
};

std::vector<Lexeme> Split(std::string_view text);
std::optional<std::int64_t> ParseInteger(std::string_view text);

}  // namespace

// Follows the real parser step by step, since its messages tell what it expected where.
class LabelQueryParser {
 public:
  explicit LabelQueryParser(std::string_view text) : lexemes_(Split(text)) {}

  std::optional<std::string> Parse(LabelQuery& query) {
    while (true) {
      if (Peek().token == Token::kEnd) return std::nullopt;
      if (Peek().token != Token::kIdentifier && Peek().token != Token::kNot) {
        return fmt::format("found '{}', expected: !, identifier, or 'end of string'", Peek().text);
      }
      if (auto complaint = ParseRequirement(query)) {
        return "unable to parse requirement: " + *complaint;
      }
      Lexeme next = Take();
      if (next.token == Token::kEnd) return std::nullopt;
      if (next.token != Token::kComma) {
        return fmt::format("found '{}', expected: ',' or 'end of string'", next.text);
      }
      if (Peek().token != Token::kIdentifier && Peek().token != Token::kNot) {
        return fmt::format("found '{}', expected: identifier after ','", Peek().text);
      }
    }
  }

 private:
  using Operator = LabelQuery::Operator;

  const Lexeme& Peek() const { return lexemes_[at_]; }
  Lexeme Take() {
    Lexeme lexeme = lexemes_[at_];
    if (at_ + 1 < lexemes_.size()) ++at_;
    return lexeme;
  }

  std::optional<std::string> ParseRequirement(LabelQuery& query) {
    LabelQuery::Requirement requirement;
    Lexeme key = Take();
    const bool negated = key.token == Token::kNot;
    if (negated) key = Take();
    if (key.token != Token::kIdentifier) {
      return fmt::format("found '{}', expected: identifier", key.text);
    }
    for (const std::string& complaint : CheckQualifiedName(key.text)) {
      return fmt::format("<nil>: Invalid value: \"{}\": {}", key.text, complaint);
    }
    requirement.key = key.text;
    if (negated) {
      requirement.op = Operator::kDoesNotExist;
    } else if (Peek().token != Token::kEnd && Peek().token != Token::kComma) {
      if (auto complaint = ParseValues(requirement)) return complaint;
    }
    query.requirements_.push_back(std::move(requirement));
    return std::nullopt;
  }

  std::optional<std::string> ParseValues(LabelQuery::Requirement& requirement) {
    Lexeme op = Take();
    if (op.token == Token::kIdentifier && (op.text == "in" || op.text == "notin")) {
      requirement.op = op.text == "in" ? Operator::kIn : Operator::kNotIn;
      if (auto complaint = ParseSet(requirement)) return complaint;
    } else {
      switch (op.token) {
        case Token::kEquals:
          requirement.op = Operator::kIn;
          break;
        case Token::kNotEquals:
          requirement.op = Operator::kNotIn;
          break;
        case Token::kGreater:
          requirement.op = Operator::kGreater;
          break;
        case Token::kLess:
          requirement.op = Operator::kLess;
          break;
        default:
          return fmt::format("found '{}', expected: in, notin, =, ==, !=, gt, lt", op.text);
      }
      if (Peek().token == Token::kEnd || Peek().token == Token::kComma) {
        requirement.values.emplace_back();
      } else {
        Lexeme value = Take();
        if (value.token != Token::kIdentifier) {
          return fmt::format("found '{}', expected: identifier", value.text);
        }
        requirement.values.push_back(value.text);
      }
    }
    for (std::size_t i = 0; i < requirement.values.size(); ++i) {
      const std::string& value = requirement.values[i];
      const bool ordered =
          requirement.op == Operator::kGreater || requirement.op == Operator::kLess;
      if (ordered && !ParseInteger(value)) {
        return fmt::format(
            "values[{}]: Invalid value: \"{}\": for 'Gt', 'Lt' operators, the value must be an "
            "integer",
            i, value);
      }
      for (const std::string& complaint : CheckLabelValue(value)) {
        return fmt::format("values[{}][{}]: Invalid value: \"{}\": {}", i, requirement.key, value,
                           complaint);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> ParseSet(LabelQuery::Requirement& requirement) {
    Lexeme open = Take();
    if (open.token != Token::kOpen) return fmt::format("found '{}' expected: '('", open.text);
    while (true) {
      if (Peek().token == Token::kIdentifier) {
        requirement.values.push_back(Take().text);
      } else if (Peek().token == Token::kComma || Peek().token == Token::kClose) {
        requirement.values.emplace_back();
      } else {
        return fmt::format("found '{}', expected: ',', ')' or identifier", Peek().text);
      }
      Lexeme next = Take();
      if (next.token == Token::kClose) break;
      if (next.token != Token::kComma) {
        return fmt::format("found '{}', expected: ',' or ')'", next.text);
      }
    }
    std::ranges::sort(requirement.values);
    return std::nullopt;
  }

  std::vector<Lexeme> lexemes_;
  std::size_t at_ = 0;
};

Answer<LabelQuery> LabelQuery::Parse(std::string_view text) {
  LabelQuery query;
  if (auto complaint = LabelQueryParser(text).Parse(query)) return BadRequest(*complaint);
  return query;
}

LabelQuery LabelQuery::OfSelector(const json::Value& selector) {
  LabelQuery query;
  for (const auto& [key, value] : ObjectAt(selector, {"matchLabels"})) {
    if (!value.is_string()) continue;
    query.requirements_.push_back(
        {std::string(key), Operator::kIn, {std::string(value.get_string())}});
  }
  for (const json::Value& expression : ArrayAt(selector, {"matchExpressions"})) {
    Requirement requirement{std::string(StringAt(expression, {"key"})), Operator::kExists, {}};
    const std::string_view word = StringAt(expression, {"operator"});
    if (word == "In") requirement.op = Operator::kIn;
    if (word == "NotIn") requirement.op = Operator::kNotIn;
    if (word == "DoesNotExist") requirement.op = Operator::kDoesNotExist;
    for (const json::Value& value : ArrayAt(expression, {"values"})) {
      if (value.is_string()) requirement.values.emplace_back(value.get_string());
    }
    query.requirements_.push_back(std::move(requirement));
  }
  return query;
}

bool LabelQuery::Matches(const std::vector<std::pair<std::string, std::string>>& labels) const {
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    std::optional<std::string_view> value;
    for (const auto& [key, text] : labels) {
      if (key == requirement.key) value = text;
    }
    return Satisfies(requirement, value);
  });
}

bool LabelQuery::Satisfies(const Requirement& requirement, std::optional<std::string_view> value) {
  const bool listed =
      value && std::ranges::find(requirement.values, *value) != requirement.values.end();
  switch (requirement.op) {
    case Operator::kIn:
      return listed;
    case Operator::kNotIn:
      return !listed;
    case Operator::kExists:
      return value.has_value();
    case Operator::kDoesNotExist:
      return !value.has_value();
    case Operator::kGreater:
    case Operator::kLess: {
      auto number = value ? ParseInteger(*value) : std::nullopt;
      auto bound = ParseInteger(requirement.values.front());
      if (!number || !bound) return false;
      return requirement.op == Operator::kGreater ? *number > *bound : *number < *bound;
    }
  }
  return false;
}

namespace {

std::vector<Lexeme> Split(std::string_view text) {
  std::vector<Lexeme> lexemes;
  constexpr std::string_view kSpecial = "=!(),<>";
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++i;
    } else if (kSpecial.find(c) != std::string_view::npos) {
      const bool two = (c == '=' || c == '!') && i + 1 < text.size() && text[i + 1] == '=';
      Token token = c == '='   ? Token::kEquals
                    : c == '!' ? (two ? Token::kNotEquals : Token::kNot)
                    : c == '(' ? Token::kOpen
                    : c == ')' ? Token::kClose
                    : c == ',' ? Token::kComma
                    : c == '>' ? Token::kGreater
                               : Token::kLess;
      lexemes.push_back({token, std::string(text.substr(i, two ? 2 : 1))});
      i += two ? 2 : 1;
    } else {
      std::size_t end = std::min(text.find_first_of("=!(),<> \t\r\n", i), text.size());
      lexemes.push_back({Token::kIdentifier, std::string(text.substr(i, end - i))});
      i = end;
    }
  }
  lexemes.push_back({Token::kEnd, ""});
  return lexemes;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace
}  // namespace kro::apiserver
