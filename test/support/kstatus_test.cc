#include "support/kstatus.h"

#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::test_support {
namespace {

struct KstatusCase {
  const char* object;
  std::string_view status;
};

// As the package documents them.
const KstatusCase kCases[] = {
    {"{}", "Current"},
    {"{metadata: {generation: 2}, status: {observedGeneration: 1}}", "InProgress"},
    {"{metadata: {generation: 2}, status: {observedGeneration: 2}}", "Current"},
    {"{status: {conditions: [{type: Ready, status: 'True'}]}}", "Current"},
    {"{status: {conditions: [{type: Ready, status: 'False'}]}}", "InProgress"},
    {"{status: {conditions: [{type: Ready, status: Unknown}]}}", "InProgress"},
    {"{status: {conditions: [{type: Reconciling, status: 'True'}, {type: Ready, status: 'True'}]}}",
     "InProgress"},
    {"{status: {conditions: [{type: Stalled, status: 'True'}, {type: Ready, status: 'False'}]}}",
     "Failed"},
    {"{status: {conditions: [{type: Stalled, status: 'False'}, {type: Other, status: 'False'}]}}",
     "Current"},
    {"{metadata: {deletionTimestamp: '2026-01-02T03:04:05Z'}, status: {conditions: [{type: Ready, "
     "status: 'True'}]}}",
     "Terminating"},
};

TEST(Kstatus, IsComputedAsDocumented) {
  for (const KstatusCase& one : kCases) {
    EXPECT_EQ(Kstatus(json::ParseYamlDocument(one.object).value().value), one.status) << one.object;
  }
}

}  // namespace
}  // namespace kro::test_support
