#include "apiserver/internal/bootstrap_policy.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/stored_object.h"
#include "apiserver/internal/timestamp.h"

namespace kro::apiserver {
namespace {

// As it is stored, but for uid and time.
struct Template {
  std::string resource;
  StoredObject object;
};

std::vector<Template> ReadTemplates();

}  // namespace

void AddBootstrapPolicy(Core& core) {
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

namespace {

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
