// Every example of every overload, evaluated; and the set of overloads itself.

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "cel/cel.h"
#include "cel/library.h"
#include "cel/library/runtime.h"
#include "cel/macros.h"

namespace kro::cel {
namespace {

using ::testing::IsEmpty;

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
  value = program->Evaluate(context, {{"runtime", RuntimeValue()}});
}

void ExpectExamplesHold(const Environment& environment, const Library& library) {
  for (const Overload& overload : library.overloads) {
    for (const Example& example : overload.examples) {
      SCOPED_TRACE(overload.id + ": " + example.expression);
      Evaluated actual(environment, example.expression);
      std::string_view expected = example.result;
      if (expected.starts_with("error: ")) {
        ASSERT_TRUE(actual.value.IsError());
        EXPECT_EQ(actual.value.AsError(), expected.substr(7));
        continue;
      }
      Evaluated wanted(environment, expected);
      EXPECT_FALSE(actual.value.IsError()) << actual.value.AsError();
      EXPECT_FALSE(wanted.value.IsError()) << wanted.value.AsError();
      EXPECT_TRUE(Equals(actual.context, actual.value, wanted.value))
          << Display(actual.context, actual.value);
    }
  }
}

TEST(Examples, OfKrosLibrariesHold) {
  Environment environment = Environment::Kro();
  for (const Library* library : KroLibraries()) ExpectExamplesHold(environment, *library);
}

TEST(Examples, OfTheMathLibraryHold) {
  ExpectExamplesHold(Environment::Standard(), MathLibrary());
}

// The list stands in overloads.txt, one "function id" a line, as the original's environment has it.
TEST(Libraries, HaveExactlyTheOverloadsOfTheOriginal) {
  std::set<std::string> expected;
  std::ifstream file(KRO_SOURCE_DIR "/src/cel/library/testdata/overloads.txt");
  for (std::string line; std::getline(file, line);) expected.insert(line);
  // Only the original's optimisers write blocks, which are off in its environment; source cannot.
  expected.erase("cel.@block cel_block_list");
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
  for (const Library* library : KroLibraries()) {
    EXPECT_FALSE(library->doc.empty()) << library->name;
    for (const Overload& overload : library->overloads) {
      EXPECT_FALSE(overload.doc.empty()) << overload.id;
    }
  }
}

}  // namespace
}  // namespace kro::cel
