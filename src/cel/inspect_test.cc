// What inspection reads out of an expression: the table of the specification's section 7 and what
// follows from it, row by row. What the real engine reads was recorded (conformance_errors_test.cc).
#include "cel/inspect.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cel/environment.h"
#include "cel/parser.h"

namespace kro::cel {
namespace {

struct Case {
  std::string_view expression;
  // The paths that it reads; "?x" is an unknown name, "?f()" an unknown function, "omit" a use of it.
  std::string_view reads;
};

std::string Reads(std::string_view expression) {
  static const Environment environment = Environment::Kro();
  const std::vector<std::string> ids = {"pod", "pods", "schema", "runtime"};
  const auto ast = Parse(expression, environment.dialect());
  if (!ast) return "parse error: " + ast.error()[0].message;
  const Inspection found = Inspect(*ast, environment, ids);
  std::string text;
  const auto add = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  for (const Reference& reference : found.references) add(reference.path);
  for (const UnknownName& name : found.unknown) add("?" + name.name);
  for (const UnknownName& name : found.unknown_functions) add("?" + name.name + "()");
  if (found.uses_omit) add("omit");
  return text;
}

const Case kNodes[] = {
    // identifiers
    {"pod", "pod"},
    {"schema", "schema"},
    {"runtime", "runtime"},
    {"pods.map(x, x)", "pods"},
    {"nobody", "?nobody"},
    {".pod", "?.pod"},
    {".schema.spec.name", "?.schema"},
    {"each.x", "?each"},
    // selections
    {"pod.spec.name", "pod.spec.name"},
    {"has(pod.spec.name)", "pod.spec.name"},
    {"pod.spec.`a-b`", "pod.spec.a-b"},
    // what ends a path
    {"pod.spec.tags[0].x", "pod.spec.tags"},
    {"pod.spec.?a.b", "pod.spec"},
    {"pod['spec'].name", "pod"},
    {"pod.spec[?0]", "pod.spec"},
    {"(pod.a + schema.b).c", "pod.a schema.b"},
    {"pod.tags[schema.spec.i]", "pod.tags schema.spec.i"},
    // global calls
    {"size(pod.tags)", "pod.tags"},
    {"foo(pod.a)", "pod.a ?foo()"},
    {"foo(bar(1))", "?bar() ?foo()"},
    {"omit()", "omit"},
    {"pod.a ? omit() : pod.b", "pod.a pod.b omit"},
    // member calls
    {"hash.md5(pod.name)", "pod.name"},
    {"hash.nope(pod.name)", "pod.name ?hash"},
    {"pod.name.nope(schema.x)", "schema.x pod.name"},
    {"optional.of(pod.a)", "pod.a"},
    {"lists.range(pod.n)", "pod.n"},
    {"pod.f().x", "pod.x"},
    // literals
    {"[pod.a, {pod.b: pod.c}]", "pod.a pod.b pod.c"},
    {"Thing{a: pod.b}", "pod.b"},
    {"'pod'", ""},
    // names of types are identifiers
    {"type(pod) == int", "pod ?int"},
    {"google.protobuf.Duration", "?google"},
};

const Case kComprehensions[] = {
    {"pods.map(p, p.a + schema.b)", "pods schema.b"},
    {"pods.all(i, p, p.a == i)", "pods"},
    {"pods.filter(p, p.a)[0].b", "pods"},
    {"pods.map(p, p.items.exists(q, q == p.x))", "pods"},
    {"pods.map(p, p.a) + [p]", "pods ?p"},
    // a variable of an id's name hides the range
    {"pod.items.map(pod, pod.x)", ""},
    {"cel.bind(pod, pod.a, pod.b)", ""},
    {"cel.bind(x, pod.a, x.b)", "pod.a"},
    {"pod.a.optMap(x, x.b)", "pod.a"},
    {"pod.?a.optMap(pod, pod.b)", "pod"},
    {"pods.map(schema, schema.x) + [schema.y]", "pods schema.y"},
};

const Case kConditions[] = {
    {"runtime.newCondition({type: 'X', status: pod.s})", "pod.s runtime"},
    {"runtime.condition(pod, 'Ready').status", "pod runtime.status"},
    // with two arguments it is an ordinary call
    {"runtime.newCondition({type: 'X', status: 'True'}, 1)", "runtime ?type ?status"},
};

class Inspected : public testing::TestWithParam<Case> {};

TEST_P(Inspected, ReadsThese) { EXPECT_EQ(Reads(GetParam().expression), GetParam().reads); }

INSTANTIATE_TEST_SUITE_P(Nodes, Inspected, testing::ValuesIn(kNodes));
INSTANTIATE_TEST_SUITE_P(Comprehensions, Inspected, testing::ValuesIn(kComprehensions));
INSTANTIATE_TEST_SUITE_P(Conditions, Inspected, testing::ValuesIn(kConditions));

TEST(Inspect, KeepsEveryUse) { EXPECT_EQ(Reads("pod.a + pod.a + pod.b"), "pod.a pod.a pod.b"); }

TEST(Inspect, KnowsWhereANameStands) {
  const Environment environment = Environment::Kro();
  const std::vector<std::string> ids = {"pod"};
  const Inspection found = Inspect(*Parse("1 + pod.a + nobody"), environment, ids);
  ASSERT_EQ(found.references.size(), 1u);
  EXPECT_EQ(found.references[0].span.begin, 4u);
  EXPECT_EQ(found.references[0].span.end, 7u);
  ASSERT_EQ(found.unknown.size(), 1u);
  EXPECT_EQ(found.unknown[0].span.begin, 12u);
}

}  // namespace
}  // namespace kro::cel
