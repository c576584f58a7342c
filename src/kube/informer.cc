#include "kube/informer.h"

namespace kro::kube {

Informer::Informer(Client& client, Gvr gvr, ReflectorOptions options, Projection projection,
                   Random random)
    : client_(client),
      gvr_(gvr),
      projection_(std::move(projection)),
      reflector_(client, gvr, std::move(options), *this, std::move(random)),
      synced_(client.executor(), async::EventReset::kManual),
      answered_(client.executor(), async::EventReset::kManual) {}

async::Task<void> Informer::Run(async::CancelToken cancel) {
  return reflector_.Run(std::move(cancel));
}

int Informer::AddHandler(InformerHandler handler) {
  std::lock_guard lock(mutex_);
  for (const ObjectPtr& object : store_.List()) {
    TellOne(handler, {nullptr, object}, InformerHandler::Cause::kInitialList);
  }
  int id = next_id_++;
  handlers_.emplace(id, std::move(handler));
  return id;
}

void Informer::RemoveHandler(int id) {
  std::lock_guard lock(mutex_);
  handlers_.erase(id);
}

void Informer::ObserveWrite(const json::Value& object) {
  ObjectPtr stored = projection_.Apply(object);
  std::lock_guard lock(mutex_);
  Tell(store_.Put(std::move(stored), Store::From::kOwnWrite), InformerHandler::Cause::kChange);
}

bool Informer::HasSynced() const {
  std::lock_guard lock(mutex_);
  return has_synced_;
}

async::Task<Result<void>> Informer::WaitForSync(async::CancelToken cancel) {
  return synced_.Wait(std::move(cancel));
}

bool Informer::IsRefused() const {
  std::lock_guard lock(mutex_);
  return is_refused_ && !has_synced_;
}

async::Task<Result<void>> Informer::WaitForAnswer(async::CancelToken cancel) {
  return answered_.Wait(std::move(cancel));
}

void Informer::OnRefused() {
  {
    std::lock_guard lock(mutex_);
    is_refused_ = true;
  }
  answered_.Set();
}

void Informer::OnReplace(std::vector<json::Value> objects, std::string resource_version,
                         Versions versions) {
  std::vector<ObjectPtr> stored;
  stored.reserve(objects.size());
  for (json::Value& object : objects) {
    stored.push_back(projection_.Apply(object));
    object = nullptr;
  }
  {
    std::lock_guard lock(mutex_);
    auto cause =
        has_synced_ ? InformerHandler::Cause::kChange : InformerHandler::Cause::kInitialList;
    auto changes = store_.Replace(std::move(stored), std::move(resource_version),
                                  versions == Versions::kStartOver ? Store::Versions::kStartOver
                                                                   : Store::Versions::kContinue);
    for (const StoreChange& change : changes) Tell(change, cause);
    has_synced_ = true;
  }
  synced_.Set();
  answered_.Set();
}

void Informer::OnEvent(WatchEvent event) {
  // Most events repeat what a write of our own was answered.
  const std::string_view version = json::FindString(event.object, {"metadata", "resourceVersion"});
  if (event.type != WatchEvent::Type::kDeleted &&
      store_.IsAsNew(KeyOf(event.object), json::FindString(event.object, {"metadata", "uid"}),
                     version)) {
    store_.Advance(std::string(version));
    return;
  }
  ObjectPtr object = projection_.Apply(event.object);
  std::lock_guard lock(mutex_);
  StoreChange change = event.type == WatchEvent::Type::kDeleted
                           ? store_.Remove(std::move(object))
                           : store_.Put(std::move(object), Store::From::kWatch);
  Tell(change, InformerHandler::Cause::kChange);
}

void Informer::OnBookmark(std::string resource_version) {
  store_.Advance(std::move(resource_version));
}

void Informer::Tell(const StoreChange& change, InformerHandler::Cause cause) {
  if (change.before == nullptr && change.after == nullptr) return;
  for (const auto& [id, handler] : handlers_) TellOne(handler, change, cause);
}

void Informer::TellOne(const InformerHandler& handler, const StoreChange& change,
                       InformerHandler::Cause cause) {
  try {
    if (change.after == nullptr) {
      if (handler.on_removed && change.removed != nullptr) handler.on_removed(change.removed);
      if (handler.on_delete) handler.on_delete(change.before);
    } else if (change.before == nullptr) {
      if (handler.on_add) handler.on_add(change.after, cause);
    } else if (handler.on_update) {
      handler.on_update(change.before, change.after);
    }
  } catch (const std::exception& failure) {
    client_.logger().Error("informer handler threw",
                           {{"gvr", gvr_.ToString()}, {"error", failure.what()}});
  }
}

}  // namespace kro::kube
