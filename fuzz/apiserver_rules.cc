// A rule file from the input is read; what is accepted is filled in for an object.
#include <cstddef>
#include <cstdint>

#include "apiserver/rule_file.h"
#include "json/value.h"

using namespace kro;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rules = apiserver::ReadRuleFile({reinterpret_cast<const char*>(data), size}, "rules.yaml");
  if (!rules) {
    for (const Diagnostic& fault : rules.error()) (void)Render(fault);
    return 0;
  }
  static const json::Value object = *json::Parse(
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b","labels":{"x":"y"}},)"
      R"("spec":{"n":3,"list":[1,"two",{"three":3}]},"status":{"state":"NEW"}})");
  for (const apiserver::Rule& rule : rules->rules) {
    for (const auto* part : {&rule.condition, &rule.status, &rule.patch}) {
      if (*part) (void)(*part)->Fill(object, nullptr);
    }
    for (const apiserver::ValueTemplate& made : rule.create) (void)made.Fill(object, object);
  }
  return 0;
}
