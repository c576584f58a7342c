// Selectors of labels and fields, as they stand in a query, and label selectors of objects. What selects
// everything matches everything.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/internal/label_query.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/resource.h"
#include "apiserver/internal/selection.h"
#include "apiserver/internal/stored_object.h"
#include "json/value.h"

using namespace kro;

// The input is a query: labelSelector=…&fieldSelector=….
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const apiserver::Resource& config_maps = *[] {
    auto* made = new apiserver::Resource();
    made->version = "v1";
    made->name = "configmaps";
    made->kind = "ConfigMap";
    return made;
  }();
  static const apiserver::StoredObject& object = *[] {
    auto made = apiserver::ToStored(*json::Parse(
        R"({"metadata":{"name":"a","namespace":"n","labels":{"a":"b","n":"5","e":""}}})"));
    return new apiserver::StoredObject(*made);
  }();
  const apiserver::QueryParameters query(text);
  auto selection = apiserver::Selection::Read(config_maps, "n", query);
  if (selection &&
      selection->Matches(config_maps, object) != selection->Matches(config_maps, object)) {
    std::abort();
  }
  (void)apiserver::ParseFieldSelector(text);
  if (auto labels = apiserver::LabelQuery::Parse(text)) {
    const bool all = labels->Matches(object.labels);
    if (labels->MatchesAll() && !all) std::abort();
  }
  if (auto selector = json::Parse(text)) {
    const auto labels = apiserver::LabelQuery::OfSelector(*selector);
    if (labels.MatchesAll() && !labels.Matches(object.labels)) std::abort();
  }
  return 0;
}
