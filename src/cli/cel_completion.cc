#include "cli/cel_completion.h"

#include <algorithm>
#include <optional>

#include "cel/macros.h"

namespace kro::cli {
namespace {

constexpr std::string_view kWords[] = {"true", "false", "null", "has(", "cel.bind("};

// An environment with the variables of the macros around the cursor, whose types stand on the
// trees.
struct Scope {
  cel::Environment environment;
  std::vector<cel::Ast> trees;
};

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Scope ScopeAt(const CelSession& session, std::string_view text);
std::size_t OperandBegin(std::string_view text);
void AddMembers(const CelSession& session, const Scope& scope, std::string_view operand,
                std::vector<std::string>& words);
void AddNames(const Scope& scope, std::vector<std::string>& words);
bool Takes(const cel::Type& parameter, const cel::Type& type);
bool IsMacro(std::string_view name, cel::MacroTarget target);
void AddMacros(cel::MacroTarget target, std::vector<std::string>& words);

}  // namespace

Completion Complete(const CelSession& session, std::string_view text) {
  Completion completion{.begin = text.size(), .words = {}};
  while (completion.begin > 0 && IsWord(text[completion.begin - 1])) --completion.begin;
  const std::string_view word = text.substr(completion.begin);
  std::string_view before = text.substr(0, completion.begin);
  const Scope scope = ScopeAt(session, before);
  const bool optional = before.ends_with(".?");
  if (optional || before.ends_with('.')) {
    before.remove_suffix(optional ? 2 : 1);
    AddMembers(session, scope, before.substr(OperandBegin(before)), completion.words);
    if (optional)
      std::erase_if(completion.words, [](const std::string& name) { return name.ends_with('('); });
  } else {
    AddNames(scope, completion.words);
  }
  std::erase_if(completion.words, [&](const std::string& name) { return !name.starts_with(word); });
  std::ranges::sort(completion.words);
  const auto repeated = std::ranges::unique(completion.words);
  completion.words.erase(repeated.begin(), repeated.end());
  return completion;
}

namespace {

// Where the operand begins that ends with the text: names, dots, calls, brackets and literals in a
// row.
std::size_t OperandBegin(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0) {
    const char c = text[begin - 1];
    if (IsWord(c) || c == '.' || c == '?') {
      --begin;
    } else if (c == '\'' || c == '"') {
      const std::size_t open = begin < 2 ? text.npos : text.rfind(c, begin - 2);
      if (open == text.npos) return begin;
      begin = open;
    } else if (c == ')' || c == ']' || c == '}') {
      int depth = 0;
      std::size_t at = begin;
      do {
        --at;
        depth += text[at] == ')' || text[at] == ']' || text[at] == '}';
        depth -= text[at] == '(' || text[at] == '[' || text[at] == '{';
      } while (at > 0 && depth > 0);
      if (depth > 0) return begin;
      begin = at;
    } else {
      break;
    }
  }
  // The question mark of a conditional is no part of what follows it.
  while (begin < text.size() && (text[begin] == '?' || text[begin] == '.')) ++begin;
  return begin;
}

Scope ScopeAt(const CelSession& session, std::string_view text) {
  // Parentheses that are open at the end, the outermost first.
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'' || text[i] == '"') {
      i = std::min(text.find(text[i], i + 1), text.size());
    } else if (text[i] == '(') {
      open.push_back(i);
    } else if (text[i] == ')' && !open.empty()) {
      open.pop_back();
    }
  }
  Scope scope{session.environment(), {}};
  for (const std::size_t paren : open) {
    std::size_t name = paren;
    while (name > 0 && IsWord(text[name - 1])) --name;
    if (name == 0 || text[name - 1] != '.') continue;
    const std::string_view macro = text.substr(name, paren - name);
    const bool loop = IsMacro(macro, cel::MacroTarget::kContainer);
    const bool optional = IsMacro(macro, cel::MacroTarget::kOptional);
    const bool bind = macro == "bind";
    if (!loop && !optional && !bind) continue;

    std::vector<std::string_view>
        parts;  // the arguments before the cursor, as far as commas part them
    std::size_t begin = paren + 1;
    int depth = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      depth += text[i] == '(' || text[i] == '[' || text[i] == '{';
      depth -= text[i] == ')' || text[i] == ']' || text[i] == '}';
      if (depth == 0 && text[i] == ',') {
        parts.push_back(text.substr(begin, i - begin));
        begin = i + 1;
      }
    }
    const auto trimmed = [](std::string_view part) {
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      return part;
    };
    if (parts.empty() || (bind && parts.size() < 2)) continue;
    const std::string_view receiver = text.substr(0, name - 1);
    auto ast =
        cel::Compile(scope.environment, bind ? parts[1] : receiver.substr(OperandBegin(receiver)));
    if (!ast) continue;
    const cel::Type type = ast->type();
    const std::string variable(trimmed(parts[0]));
    const bool has_elements = type.Is(cel::TypeKind::kList) || type.Is(cel::TypeKind::kOptional);
    if (bind) {
      scope.environment.AddVariable(variable, type);
    } else if (parts.size() > 1 && loop && std::ranges::all_of(trimmed(parts[1]), IsWord) &&
               macro != "map") {
      // Two variables: index or key, and value.
      scope.environment.AddVariable(variable,
                                    type.Is(cel::TypeKind::kMap) ? type.key() : cel::Int());
      scope.environment.AddVariable(trimmed(parts[1]), has_elements || type.Is(cel::TypeKind::kMap)
                                                           ? type.element()
                                                           : cel::Dyn());
    } else {
      scope.environment.AddVariable(variable, has_elements                   ? type.element()
                                              : type.Is(cel::TypeKind::kMap) ? type.key()
                                                                             : cel::Dyn());
    }
    scope.trees.push_back(std::move(*ast));
  }
  return scope;
}

void AddMembers(const CelSession& session, const Scope& scope, std::string_view operand,
                std::vector<std::string>& words) {
  // `hash.` is the beginning of functions' names.
  const std::string prefix = std::string(operand) + ".";
  for (const std::string& name : scope.environment.FunctionNames()) {
    if (name.starts_with(prefix) && name.find('@') == name.npos)
      words.push_back(name.substr(prefix.size()) + "(");
  }
  if (operand == "cel") words.emplace_back("bind(");
  const auto ast = cel::Compile(scope.environment, operand);
  if (!ast) return;
  cel::Type type = ast->type();
  const cel::Type whole = type;
  if (type.Is(cel::TypeKind::kOptional)) type = type.element();
  if (type.schema()) {
    for (std::string& name : type.schema()->FieldNames()) words.push_back(std::move(name));
  }
  if (type.IsDyn() || type.Is(cel::TypeKind::kMap)) {
    for (std::string& key : session.KeysOf(operand)) {
      if (!key.empty() && std::ranges::all_of(key, IsWord)) words.push_back(std::move(key));
    }
  }
  for (const std::string& name : scope.environment.FunctionNames()) {
    for (const cel::Overload* overload : scope.environment.FindFunction(name)->overloads) {
      const bool fits =
          overload->style == cel::Style::kReceiver && Takes(overload->params[0], whole);
      if (fits && name.find('@') == name.npos) words.push_back(name + "(");
    }
  }
  if (whole.IsDyn() || whole.Is(cel::TypeKind::kList) || whole.Is(cel::TypeKind::kMap)) {
    AddMacros(cel::MacroTarget::kContainer, words);
  }
  if (whole.Is(cel::TypeKind::kOptional)) {
    AddMacros(cel::MacroTarget::kOptional, words);
  }
}

void AddNames(const Scope& scope, std::vector<std::string>& words) {
  for (const cel::Variable& variable : scope.environment.variables())
    words.push_back(variable.name);
  for (const std::string& name : scope.environment.FunctionNames()) {
    if (!IsWord(name[0]) || name[0] == '_' || name.find('@') != name.npos) continue;
    for (const cel::Overload* overload : scope.environment.FindFunction(name)->overloads) {
      if (overload->style == cel::Style::kGlobal) words.push_back(name + "(");
    }
  }
  for (const std::string_view word : kWords) words.emplace_back(word);
}

bool Takes(const cel::Type& parameter, const cel::Type& type) {
  if (parameter.IsDyn() || parameter.Is(cel::TypeKind::kParam) || type.IsDyn()) return true;
  if (parameter.kind() != type.kind()) return false;
  const bool named = type.Is(cel::TypeKind::kAbstract) || type.Is(cel::TypeKind::kObject);
  if (named) return parameter.name() == type.name();
  if (type.Is(cel::TypeKind::kList)) return Takes(parameter.element(), type.element());
  return true;
}

bool IsMacro(std::string_view name, cel::MacroTarget target) {
  return std::ranges::any_of(cel::Macros(), [&](const cel::Macro& macro) {
    return macro.name == name && macro.target == target;
  });
}

void AddMacros(cel::MacroTarget target, std::vector<std::string>& words) {
  for (const cel::Macro& macro : cel::Macros()) {
    if (macro.target == target) words.push_back(std::string(macro.name) + "(");
  }
}

}  // namespace
}  // namespace kro::cli
