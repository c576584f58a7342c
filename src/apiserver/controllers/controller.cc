#include "apiserver/controllers/controller.h"

#include "apiserver/internal/create_only.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"

namespace kro::apiserver {

std::optional<json::Value> ControllerClient::Get(const api::Gvr& gvr, std::string_view name_space,
                                                 std::string_view name) const {
  ResourcePtr resource = ResourceOf(gvr);
  if (resource == nullptr) return std::nullopt;
  StoredPtr found = core_.CollectionOf(*resource).Find(name_space, name);
  if (found == nullptr) return std::nullopt;
  return ObjectValue(*resource, *found);
}

Answer<Written> ControllerClient::Create(const api::Gvr& gvr, std::string_view name_space,
                                         const json::Value& object) {
  ResourcePtr resource = ResourceOf(gvr);
  if (resource == nullptr) return std::unexpected(CouldNotFindResourceStatus());
  const QueryParameters query;
  const std::string body = json::Serialize(object);
  std::vector<std::string> unheard;
  return ObjectWriter(core_, unheard)
      .Create({.resource = resource,
               .name_space = std::string(name_space),
               .query = &query,
               .content_type = "application/json",
               .body = body,
               .user_agent = user_agent_});
}

Answer<Written> ControllerClient::Update(const api::Gvr& gvr, const json::Value& object,
                                         std::string_view subresource) {
  ResourcePtr resource = ResourceOf(gvr);
  if (resource == nullptr) return std::unexpected(CouldNotFindResourceStatus());
  const QueryParameters query;
  const std::string body = json::Serialize(object);
  std::vector<std::string> unheard;
  return ObjectWriter(core_, unheard)
      .Update({.resource = resource,
               .name_space = std::string(json::FindString(object, {"metadata", "namespace"})),
               .name = std::string(json::FindString(object, {"metadata", "name"})),
               .subresource = std::string(subresource),
               .query = &query,
               .content_type = "application/json",
               .body = body,
               .user_agent = user_agent_});
}

Answer<json::Value> ControllerClient::CreateAt(const api::Gvr& gvr, std::string_view name_space,
                                               std::string_view name, std::string_view subresource,
                                               const json::Value& object) {
  ResourcePtr resource = ResourceOf(gvr);
  const Subresource* part = resource == nullptr ? nullptr : resource->FindSubresource(subresource);
  if (part == nullptr) return std::unexpected(CouldNotFindResourceStatus());
  const QueryParameters query;
  const std::string body = json::Serialize(object);
  std::vector<std::string> unheard;
  return AnswerCreateOnly(core_,
                          {.resource = resource,
                           .name_space = std::string(name_space),
                           .name = std::string(name),
                           .subresource = std::string(subresource),
                           .query = &query,
                           .content_type = "application/json",
                           .body = body,
                           .user_agent = user_agent_},
                          *part, unheard);
}

bool ControllerClient::Delete(const api::Gvr& gvr, std::string_view name_space,
                              std::string_view name, std::string_view uid,
                              std::string_view propagation,
                              std::optional<std::int64_t> grace_seconds) {
  ResourcePtr resource = ResourceOf(gvr);
  if (resource == nullptr) return false;
  DeleteOptions options;
  options.uid = uid;
  options.propagation = propagation;
  options.grace_seconds = grace_seconds;
  return apiserver::Delete(core_, *resource, name_space, name, options).has_value();
}

ResourcePtr ControllerClient::ResourceOf(const api::Gvr& gvr) const {
  return core_.registry.Find(gvr.group, gvr.version, gvr.resource);
}

std::vector<StoredPtr> ControllerClient::List(const api::Gvr& gvr,
                                              std::string_view name_space) const {
  std::vector<StoredPtr> objects;
  for (const auto& [key, object] : core_.store.Of(gvr.group, gvr.resource).objects()) {
    if (name_space.empty() || object->name_space == name_space) objects.push_back(object);
  }
  return objects;
}

json::Value ControllerClient::ValueOf(const api::Gvr& gvr, const StoredObject& object) const {
  ResourcePtr resource = ResourceOf(gvr);
  return resource == nullptr ? json::Value(json::Object()) : ObjectValue(*resource, object);
}

std::string ControllerClient::Now() const { return FormatTime(core_.clock.Now()); }

void ControllerManager::Add(std::unique_ptr<Controller> controller) {
  controllers_.push_back(std::move(controller));
}

void ControllerManager::OnChange(const Collection& collection, const Change& change) {
  for (std::size_t i = 0; i < controllers_.size(); ++i) {
    controllers_[i]->Observe(collection, change, [&](std::string key) {
      Schedule(i, std::move(key), core_.options.controller_latency);
    });
  }
}

void ControllerManager::LookAtAll() {
  const auto as_added = [this](const StoredPtr& object) {
    return Change{ChangeType::kAdded, object->revision, object, nullptr, core_.clock.Monotonic()};
  };
  const Collection& definitions =
      core_.store.Of("apiextensions.k8s.io", "customresourcedefinitions");
  const Collection::Objects defined = definitions.objects();  // looking may write
  for (const auto& [key, definition] : defined) {
    for (const auto& controller : controllers_) {
      if (!controller->ServesKinds()) continue;
      controller->Observe(definitions, as_added(definition),
                          [&](const std::string& name) { controller->Reconcile(name); });
    }
  }
  std::vector<std::pair<const Collection*, StoredPtr>> all;
  core_.store.ForEach([&](const Collection& collection, const StoredObject& object) {
    all.emplace_back(&collection, collection.Find(object.name_space, object.name));
  });
  for (const auto& [collection, object] : all) OnChange(*collection, as_added(object));
}

void ControllerManager::Schedule(std::size_t controller, std::string key, Duration delay) {
  const MonotonicTime when = core_.clock.Monotonic() + delay;
  auto [waiting, fresh] = waiting_.try_emplace({controller, key});
  if (!fresh) {
    if (waiting->second.first <= when) return;
    core_.agenda.Cancel(waiting->second);
  }
  waiting->second = core_.agenda.At(when, [this, controller, key = std::move(key)] {
    waiting_.erase({controller, key});
    if (auto again = controllers_[controller]->Reconcile(key)) Schedule(controller, key, *again);
  });
}

std::pair<std::string, std::string> SplitKey(std::string_view key) {
  std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

std::string KeyOf(const StoredObject& object) {
  return Collection::Key(object.name_space, object.name);
}

}  // namespace kro::apiserver
