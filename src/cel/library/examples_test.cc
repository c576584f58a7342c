// Every example of every overload, evaluated; and the set of overloads itself.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "cel/cel.h"
#include "cel/library.h"
#include "cel/library/authorizer.h"
#include "cel/library/runtime.h"
#include "cel/macros.h"

namespace kro::cel {
namespace {

using ::testing::IsEmpty;

// Lets everybody but service accounts read.
class ReadersOnly final : public Authorizer {
 public:
  AccessAnswer Ask(const AccessQuestion& question) const override {
    if (question.verb == "get" && question.account_name.empty())
      return {.allowed = true, .reason = "all may read"};
    return {.reason = "only reading is allowed"};
  }
};

// What an expression without variables gives: "error: …" or the value's text.
struct Evaluated {
  Arena arena;
  Context context{arena};
  std::shared_ptr<const Program> program;
  Value value;

  Evaluated(const Environment& environment, std::string_view expression);
};

Evaluated::Evaluated(const Environment& environment, std::string_view expression) {
  auto ast = Compile(environment, expression);
  if (!ast) {
    value = Fail(context, "{}", ast.error()[0].message);
    return;
  }
  auto planned = Plan(std::move(*ast), environment);
  if (!planned) {
    value = Fail(context, "{}", planned.error().message());
    return;
  }
  program = *planned;
  static const ReadersOnly authorizer;
  value = program->Evaluate(
      context, {{"runtime", RuntimeValue()}, {"authorizer", AuthorizerValue(context, authorizer)}});
}

void ExpectHolds(const Environment& environment, const Example& example) {
  SCOPED_TRACE(example.expression);
  Evaluated actual(environment, example.expression);
  std::string_view expected = example.result;
  if (expected.starts_with("error: ")) {
    ASSERT_TRUE(actual.value.IsError());
    EXPECT_EQ(actual.value.AsError(), expected.substr(7));
    return;
  }
  Evaluated wanted(environment, expected);
  EXPECT_FALSE(actual.value.IsError()) << actual.value.AsError();
  EXPECT_FALSE(wanted.value.IsError()) << wanted.value.AsError();
  EXPECT_TRUE(Equals(actual.context, actual.value, wanted.value))
      << Display(actual.context, actual.value);
}

void ExpectExamplesHold(const Environment& environment, const Library& library) {
  for (const Overload& overload : library.overloads) {
    SCOPED_TRACE(overload.id);
    for (const Example& example : overload.examples) ExpectHolds(environment, example);
  }
}

TEST(Examples, OfMacrosHold) {
  const Environment kro = Environment::Kro();
  const Environment standard = Environment::Standard();
  for (const Macro& macro : Macros()) {
    EXPECT_FALSE(macro.examples.empty()) << macro.form;
    const Environment& environment = kro.dialect().*macro.needs ? kro : standard;
    for (const Example& example : macro.examples) ExpectHolds(environment, example);
  }
}

TEST(Examples, OfKrosLibrariesHold) {
  Environment environment = Environment::Kro();
  for (const Library* library : KroLibraries()) ExpectExamplesHold(environment, *library);
}

TEST(Examples, OfKubernetesLibrariesHold) {
  Environment environment = Environment::Kubernetes();
  environment.AddVariable("authorizer", AuthorizerType());
  for (const Library* library : KubernetesLibraries()) ExpectExamplesHold(environment, *library);
}

TEST(Examples, OfTheSpecificationsLibrariesHold) {
  ExpectExamplesHold(Environment::Standard(), MathLibrary());
  ExpectExamplesHold(Environment::Standard(), SpecificationLibrary());
}

// The list stands in overloads.txt, one "function id" a line, as the original's environment has it:
// 141 functions, 324 overloads.
TEST(Libraries, HaveExactlyTheOverloadsOfTheOriginal) {
  std::set<std::string> expected;
  std::ifstream file(KRO_SOURCE_DIR "/src/cel/library/testdata/overloads.txt");
  for (std::string line; std::getline(file, line);) expected.insert(line);
  ASSERT_EQ(expected.size(), 324u);
  std::set<std::string> actual;
  auto add = [&](const Library& library) {
    for (const Overload& overload : library.overloads) {
      actual.insert(overload.function + " " + overload.id);
    }
  };
  for (const Library* library : KroLibraries()) add(*library);
  add(MacroFunctions());
  std::vector<std::string> missing;
  std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(),
                      std::back_inserter(missing));
  std::vector<std::string> surplus;
  std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(),
                      std::back_inserter(surplus));
  EXPECT_THAT(missing, IsEmpty());
  EXPECT_THAT(surplus, IsEmpty());
}

TEST(Libraries, DocumentEveryOverload) {
  std::vector<const Library*> libraries(KroLibraries().begin(), KroLibraries().end());
  libraries.insert(libraries.end(), OtherLibraries().begin(), OtherLibraries().end());
  for (const Library* library : libraries) {
    EXPECT_FALSE(library->doc.empty()) << library->name;
    for (const Overload& overload : library->overloads) {
      EXPECT_FALSE(overload.doc.empty()) << overload.id;
    }
  }
}

}  // namespace
}  // namespace kro::cel
