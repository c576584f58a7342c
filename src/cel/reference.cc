#include "cel/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <string_view>
#include <vector>

#include "cel/environment.h"
#include "cel/library.h"
#include "cel/macros.h"

namespace kro::cel {
namespace {

constexpr std::string_view kIntroduction =
    R"(# Expressions

What an expression may say, made from the declarations in `src/cel`: do not edit, run
`KRO_UPDATE=1 build/dev/src/cel/cel_test --gtest_filter='Reference.*'`. Every example is a test.

The language is the [Common Expression Language](https://github.com/google/cel-spec). Letters such as `T` stand for any
type; `a?` is an optional value.
)";

constexpr std::string_view kOthers = R"(
# Beyond kro's expressions

The engine has two more environments. Rules of CustomResourceDefinitions and admission policies are written in that of
Kubernetes (`Environment::Kubernetes`): all of the above but `encoders`, `kro.*` and `cel.bind`, and the libraries below but
the last. The language's own specification is followed by `Environment::Standard`, which has `math` and `specification`.

| | kro | Kubernetes' rules | specification |
|---|---|---|---|
| `1 < 2.0` | refused before the first comprehension | allowed | allowed |
| `{'a': 1, 'a': 2}` | the last wins | the last wins | an error |
| `{1: 'a', 1u: 'b'}` | two entries | two entries | an error |
| `{1.5: 'a'}` | allowed | allowed | an error |
| `[optional.of(1), null]` | `list(null_type)` | `list(null_type)` | `list(optional_type(int))` |
| `'abc'.indexOf('a', 4)` | -1 | -1 | an error |
| `duration('1.5s').getMilliseconds()` | 1500 | 1500 | 500 |
| `ip('::ffff:c0a8:1')` | an error | an error | 192.168.0.1 |
| `google.protobuf.Int32Value{value: 1}` | refused | refused | allowed |
| `cel.block([1, cel.index(0) + 1], cel.index(1))` | refused | refused | allowed |
)";

enum class MacroSet { kOfKro, kOthers };

// An overload as it is called: "string.charAt(int)", "int + int".
std::string CallForm(const Overload& overload);
void AppendMacros(std::string& out, MacroSet set);
void AppendLibrary(std::string& out, const Library& library);
void AppendExamples(std::string& out, std::span<const Example> examples);
bool IsInternal(const Overload& overload);
std::string InCode(std::string_view text);

}  // namespace

std::string FunctionReference() {
  std::string out(kIntroduction);
  AppendMacros(out, MacroSet::kOfKro);
  for (const Library* library : KroLibraries()) AppendLibrary(out, *library);
  out += kOthers;
  AppendMacros(out, MacroSet::kOthers);
  for (const Library* library : OtherLibraries()) AppendLibrary(out, *library);
  return out;
}

namespace {

// One heading a name, one line a form.
void AppendMacros(std::string& out, MacroSet set) {
  const Environment kro = Environment::Kro();
  out += set == MacroSet::kOfKro
             ? "\n## macros\n\nCalls that stand for a loop or a condition over their arguments.\n"
             : "\n## macros of the specification\n\nWhat optimisers write.\n";
  std::string_view last;
  for (const Macro& macro : Macros()) {
    if (kro.dialect().*macro.needs != (set == MacroSet::kOfKro)) continue;
    if (macro.name != last) out += fmt::format("\n### `{}`\n\n", macro.name);
    last = macro.name;
    out += fmt::format("- `{}`: {}\n", macro.form, macro.doc);
    AppendExamples(out, macro.examples);
  }
}

void AppendExamples(std::string& out, std::span<const Example> examples) {
  for (const Example& example : examples) {
    out += fmt::format("  - {} → {}\n", InCode(example.expression), InCode(example.result));
  }
}

void AppendLibrary(std::string& out, const Library& library) {
  out += fmt::format("\n## {}\n\n{}\n\n", library.name, library.doc);
  std::vector<std::string_view> done;
  for (const Overload& first : library.overloads) {
    if (IsInternal(first) || std::ranges::find(done, first.function) != done.end()) continue;
    done.push_back(first.function);
    out += fmt::format("### `{}`\n\n", first.function);
    for (const Overload& overload : library.overloads) {
      if (overload.function != first.function) continue;
      out += fmt::format("- `{} -> {}`: {}\n", CallForm(overload), overload.result.ToString(),
                         overload.doc);
      AppendExamples(out, overload.examples);
    }
    out += "\n";
  }
  out.pop_back();
}

std::string CallForm(const Overload& overload) {
  std::vector<std::string> params;
  for (const Type& type : overload.params) params.push_back(type.ToString());
  // Operators are named by their places: "_+_", "_[_]", "_?_:_".
  const std::string_view name = overload.function;
  if (name == "@in" && params.size() == 2) return fmt::format("{} in {}", params[0], params[1]);
  if (name.find('_') != name.npos &&
      std::ranges::none_of(name, [](unsigned char c) { return std::isalnum(c) != 0; })) {
    std::string form;
    std::size_t next = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (name[i] == '_' && next < params.size()) {
        form += params[next++];
      } else {
        const bool alone = name.size() > 2 && name.find('[') == name.npos;
        const bool begins = i > 0 && name[i - 1] == '_';
        const bool ends = i + 1 < name.size() && name[i + 1] == '_';
        form += alone && begins ? " " : "";
        form += name[i];
        form += alone && ends ? " " : "";
      }
    }
    return form;
  }
  const bool member = overload.style == Style::kReceiver && !params.empty();
  std::string form = member ? params[0] + "." : std::string();
  form += name;
  form += '(';
  for (std::size_t i = member ? 1 : 0; i < params.size(); ++i) {
    if (i > (member ? 1u : 0u)) form += ", ";
    form += params[i];
  }
  return form + ")";
}

// What only the expansions of macros call.
bool IsInternal(const Overload& overload) {
  return overload.function.find('@') != overload.function.npos && overload.function != "@in";
}

// Backticks in the text need more of them around it.
std::string InCode(std::string_view text) {
  if (text.find('`') == text.npos) return fmt::format("`{}`", text);
  return fmt::format("`` {} ``", text);
}

}  // namespace
}  // namespace kro::cel
