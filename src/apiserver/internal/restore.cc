#include "apiserver/internal/restore.h"

#include <memory>
#include <string>
#include <utility>

#include "apiserver/kinds/service_allocation.h"
#include "json/value.h"

namespace kro::apiserver {
void RestoreObjects(Core& core, SavedState state) {
  if (state.objects.empty()) return;
  for (SavedObject& saved : state.objects) {
    std::string text = "{";
    text += std::exchange(saved.members, std::string());
    text += '}';
    boost::json::monotonic_resource memory;
    auto value = json::Parse(text, &memory);
    if (!value) continue;
    auto object = ToStored(*value);
    object->revision = saved.revision;
    object->definition = saved.definition;
    if (saved.group.empty() && saved.resource == "services") ReserveService(core, *value);
    core.store.PutBack(core.store.Of(saved.group, saved.resource), std::move(object));
  }
  core.store.GoOnFrom(state.revision);
}

}  // namespace kro::apiserver
