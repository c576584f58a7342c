#include "apiserver/internal/restore.h"

#include <memory>
#include <string>
#include <utility>

#include "apiserver/kinds/values.h"
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
    if (saved.group.empty() && saved.resource == "services") ReserveAddresses(core, *value);
    core.store.PutBack(core.store.Of(saved.group, saved.resource), std::move(object));
  }
  core.store.GoOnFrom(state.revision);
}

void ReserveAddresses(Core& core, const json::Value& service) {
  for (const json::Value& address : ArrayAt(service, {"spec", "clusterIPs"})) {
    if (address.is_string()) core.addresses.TakeAddress(std::string_view(address.get_string()));
  }
  core.addresses.TakeAddress(StringAt(service, {"spec", "clusterIP"}));
  for (const json::Value& port : ArrayAt(service, {"spec", "ports"})) {
    if (const auto number = IntAt(port, {"nodePort"}); number > 0) {
      core.addresses.TakePort(static_cast<int>(number));
    }
  }
}

}  // namespace kro::apiserver
