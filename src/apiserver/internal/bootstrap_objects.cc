#include "apiserver/internal/bootstrap_objects.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/stored_object.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/service_allocation.h"

namespace kro::apiserver {
namespace {

// As it is stored, but for uid and time.
struct Template {
  std::string resource;
  StoredObject object;
};

std::vector<Template> ReadTemplates();
void AddPolicy(Core& core);
// The rest, core objects all.
void AddObjects(Core& core);

}  // namespace

void AddBootstrapObjects(Core& core) {
  AddPolicy(core);
  AddObjects(core);
}

namespace {

void AddPolicy(Core& core) {
  static const std::vector<Template>& templates = *new std::vector<Template>(ReadTemplates());
  const std::string now = FormatTime(core.clock.Now());
  for (const Template& made : templates) {
    auto object = std::make_shared<StoredObject>(made.object);
    object->uid = core.ids.Uid();
    const std::string given =
        fmt::format("\"uid\":\"{}\",\"creationTimestamp\":\"{}\",", object->uid, now);
    constexpr std::string_view kBegin = "\"metadata\":{";
    object->text.insert(kBegin.size(), given);
    object->metadata_end += given.size();
    core.store.Put(core.store.Of("rbac.authorization.k8s.io", made.resource), std::move(object));
  }
}

void AddObjects(Core& core) {
  const std::string now = FormatTime(core.clock.Now());
  std::string text(BuiltinObjects());
  constexpr std::string_view kNow = "@now";
  for (std::size_t at = 0; (at = text.find(kNow, at)) != std::string::npos;) {
    text.replace(at, kNow.size(), now);
  }
  auto list = json::Parse(text);
  if (!list) return;  // part of the program; its test reads it
  const bool with_accounts = Includes(core.options.controllers, Controllers::kNamespaces);
  for (json::Value& entry : list->as_array()) {
    const std::string_view resource = json::FindString(std::as_const(entry), {"resource"});
    // Those are a controller's.
    if ((resource == "serviceaccounts" || resource == "configmaps") && !with_accounts) continue;
    json::Value& object = *json::Find(entry, "object");
    json::Object& metadata = json::Find(object, "metadata")->as_object();
    metadata["uid"] = core.ids.Uid();
    metadata["creationTimestamp"] = now;
    if (resource == "services") ReserveService(core, object);
    core.store.Put(core.store.Of("", resource), ToStored(object));
  }
}

std::vector<Template> ReadTemplates() {
  std::vector<Template> templates;
  auto list = json::Parse(BuiltinPolicy());
  if (!list) return templates;  // part of the program; its test reads it
  for (const json::Value& entry : list->as_array()) {
    const json::Value* object = json::Find(entry, "object");
    templates.push_back({std::string(json::FindString(entry, {"resource"})), *ToStored(*object)});
  }
  return templates;
}

}  // namespace
}  // namespace kro::apiserver
