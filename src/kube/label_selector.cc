#include "kube/label_selector.h"

#include <algorithm>

namespace kro::kube {
namespace {

using Operator = LabelSelector::Operator;
using Requirement = LabelSelector::Requirement;

bool Satisfies(const Requirement& requirement, std::optional<std::string_view> value);
Result<void> CheckKey(std::string_view key);
Result<void> CheckValue(std::string_view key, std::string_view value);

// Reads requirements one after another.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Requirement>> ParseAll();

 private:
  Result<Requirement> ParseOne();
  Result<std::vector<std::string>> ParseSet();
  std::string_view Word();
  void SkipSpace();
  bool Take(std::string_view token);
  std::unexpected<Error> Unexpected(std::string_view expected) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

LabelSelector LabelSelector::Nothing() {
  LabelSelector selector;
  selector.nothing_ = true;
  return selector;
}

LabelSelector LabelSelector::Equals(std::string key, std::string value) {
  LabelSelector selector;
  selector.Add({std::move(key), Operator::kEquals, {std::move(value)}});
  return selector;
}

Result<LabelSelector> LabelSelector::Parse(std::string_view text) {
  auto requirements = Parser(text).ParseAll();
  if (!requirements) return Annotate(requirements, "label selector '{}'", text);
  LabelSelector selector;
  for (Requirement& requirement : *requirements) selector.Add(std::move(requirement));
  return selector;
}

Result<LabelSelector> LabelSelector::FromObject(const json::Value& object) {
  if (object.is_null()) return Nothing();
  if (!object.is_object()) {
    return Fail(ErrorCode::kInvalid, "label selector: expected object, found {}",
                json::TypeName(object));
  }
  LabelSelector selector;
  if (const json::Value* labels = json::Find(object, "matchLabels");
      labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      if (!value.is_string()) {
        return Fail(ErrorCode::kInvalid,
                    "label selector: matchLabels.{}: expected string, found {}",
                    std::string_view(key), json::TypeName(value));
      }
      std::string_view text = value.get_string();
      if (auto ok = CheckKey(key); !ok) return Annotate(ok, "label selector");
      if (auto ok = CheckValue(key, text); !ok) return Annotate(ok, "label selector");
      selector.Add({std::string(key), Operator::kEquals, {std::string(text)}});
    }
  }
  const json::Value* expressions = json::Find(object, "matchExpressions");
  if (expressions == nullptr || !expressions->is_array()) return selector;
  for (const json::Value& expression : expressions->get_array()) {
    Requirement requirement{std::string(json::FindString(expression, {"key"})), {}, {}};
    if (auto ok = CheckKey(requirement.key); !ok) return Annotate(ok, "label selector");
    std::string_view op = json::FindString(expression, {"operator"});
    if (const json::Value* values = json::Find(expression, "values");
        values != nullptr && values->is_array()) {
      for (const json::Value& value : values->get_array()) {
        if (value.is_string()) requirement.values.emplace_back(value.get_string());
      }
    }
    std::ranges::sort(requirement.values);
    bool set = op == "In" || op == "NotIn";
    if (set && requirement.values.empty()) {
      return Fail(ErrorCode::kInvalid, "label selector: '{}': operator '{}' needs values",
                  requirement.key, op);
    }
    if (!set && !requirement.values.empty()) {
      return Fail(ErrorCode::kInvalid, "label selector: '{}': operator '{}' takes no values",
                  requirement.key, op);
    }
    if (op == "In") {
      requirement.op = Operator::kIn;
    } else if (op == "NotIn") {
      requirement.op = Operator::kNotIn;
    } else if (op == "Exists") {
      requirement.op = Operator::kExists;
    } else if (op == "DoesNotExist") {
      requirement.op = Operator::kDoesNotExist;
    } else {
      return Fail(ErrorCode::kInvalid, "\"{}\" is not a valid label selector operator", op);
    }
    selector.Add(std::move(requirement));
  }
  return selector;
}

bool LabelSelector::Matches(const LabelLookup& label) const {
  if (nothing_) return false;
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    return Satisfies(requirement, label(requirement.key));
  });
}

bool LabelSelector::MatchesObject(const json::Value& object) const {
  const json::Value* labels = json::Find(object, {"metadata", "labels"});
  return Matches([&](std::string_view key) -> std::optional<std::string_view> {
    const json::Value* value = labels == nullptr ? nullptr : json::Find(*labels, key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
  });
}

std::string LabelSelector::ToString() const {
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ',';
    if (requirement.op == Operator::kDoesNotExist) text += '!';
    text += requirement.key;
    switch (requirement.op) {
      case Operator::kEquals:
        text += '=';
        break;
      case Operator::kNotEquals:
        text += "!=";
        break;
      case Operator::kIn:
        text += " in ";
        break;
      case Operator::kNotIn:
        text += " notin ";
        break;
      case Operator::kExists:
      case Operator::kDoesNotExist:
        continue;
    }
    bool set = requirement.op == Operator::kIn || requirement.op == Operator::kNotIn;
    text += fmt::format(fmt::runtime(set ? "({})" : "{}"), fmt::join(requirement.values, ","));
  }
  return text;
}

void LabelSelector::Add(Requirement requirement) {
  auto place = std::ranges::upper_bound(requirements_, requirement.key, {}, &Requirement::key);
  requirements_.insert(place, std::move(requirement));
}

namespace {

bool Satisfies(const Requirement& requirement, std::optional<std::string_view> value) {
  bool listed = value && std::ranges::find(requirement.values, *value) != requirement.values.end();
  switch (requirement.op) {
    case Operator::kEquals:
    case Operator::kIn:
      return listed;
    case Operator::kNotEquals:
    case Operator::kNotIn:
      return !listed;
    case Operator::kExists:
      return value.has_value();
    case Operator::kDoesNotExist:
      return !value.has_value();
  }
  return false;
}

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

Result<void> CheckKey(std::string_view key) {
  std::string_view name =
      key.substr(key.find('/') == std::string_view::npos ? 0 : key.find('/') + 1);
  if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, IsNameChar)) {
    return Fail(ErrorCode::kInvalid, "invalid label key '{}'", key);
  }
  return {};
}

Result<void> CheckValue(std::string_view key, std::string_view value) {
  if (value.size() > 63 || !std::ranges::all_of(value, IsNameChar)) {
    return Fail(ErrorCode::kInvalid, "'{}': invalid label value '{}'", key, value);
  }
  return {};
}

Result<std::vector<Requirement>> Parser::ParseAll() {
  std::vector<Requirement> all;
  SkipSpace();
  if (at_ == text_.size()) return all;
  while (true) {
    auto requirement = ParseOne();
    if (!requirement) return std::unexpected(requirement.error());
    all.push_back(std::move(*requirement));
    SkipSpace();
    if (at_ == text_.size()) return all;
    if (!Take(",")) return Unexpected("','");
  }
}

Result<Requirement> Parser::ParseOne() {
  SkipSpace();
  Requirement requirement;
  bool negated = Take("!");
  SkipSpace();
  requirement.key = Word();
  if (auto ok = CheckKey(requirement.key); !ok) return std::unexpected(ok.error());
  SkipSpace();
  if (negated) {
    requirement.op = Operator::kDoesNotExist;
    return requirement;
  }
  if (at_ == text_.size() || text_[at_] == ',') return requirement;
  if (Take("==") || Take("=")) {
    requirement.op = Operator::kEquals;
  } else if (Take("!=")) {
    requirement.op = Operator::kNotEquals;
  } else {
    std::string_view word = Word();
    if (word != "in" && word != "notin") return Unexpected("'=', '!=', 'in' or 'notin'");
    requirement.op = word == "in" ? Operator::kIn : Operator::kNotIn;
    auto values = ParseSet();
    if (!values) return std::unexpected(values.error());
    requirement.values = std::move(*values);
  }
  if (requirement.op == Operator::kEquals || requirement.op == Operator::kNotEquals) {
    SkipSpace();
    requirement.values.emplace_back(Word());
  }
  for (const std::string& value : requirement.values) {
    if (auto ok = CheckValue(requirement.key, value); !ok) return std::unexpected(ok.error());
  }
  return requirement;
}

Result<std::vector<std::string>> Parser::ParseSet() {
  SkipSpace();
  if (!Take("(")) return Unexpected("'('");
  std::vector<std::string> values;
  while (true) {
    SkipSpace();
    values.emplace_back(Word());
    SkipSpace();
    if (Take(")")) break;
    if (!Take(",")) return Unexpected("',' or ')'");
  }
  std::ranges::sort(values);
  return values;
}

std::string_view Parser::Word() {
  std::size_t begin = at_;
  while (at_ < text_.size() && (IsNameChar(text_[at_]) || text_[at_] == '/')) ++at_;
  return text_.substr(begin, at_ - begin);
}

void Parser::SkipSpace() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
}

bool Parser::Take(std::string_view token) {
  if (!text_.substr(at_).starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::unexpected<Error> Parser::Unexpected(std::string_view expected) const {
  return Fail(ErrorCode::kInvalid, "at {}: expected {}, found '{}'", at_, expected,
              text_.substr(at_));
}

}  // namespace
}  // namespace kro::kube
