#include "kube/informer.h"

#include "kube/resource_version.h"

namespace kro::kube {

Informer::Informer(Client& client, Gvr gvr, ReflectorOptions options, Projection projection,
                   Random random)
    : client_(client),
      gvr_(gvr),
      projection_(std::move(projection)),
      selection_(options.selection),
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

Informer::ReadMark Informer::BeginRead() {
  std::lock_guard lock(mutex_);
  ++reads_;
  return {fills_};
}

void Informer::EndRead(ReadMark begin, std::span<const json::Value> objects) {
  std::lock_guard lock(mutex_);
  // A list that was made after the selection had widened holds it all.
  if (begin.fills != fills_) objects = {};
  for (const json::Value& object : objects) {
    const auto passed = passed_.find(KeyOf(object));
    const std::string_view version = json::FindString(object, {"metadata", "resourceVersion"});
    if (passed != passed_.end() && CompareResourceVersions(version, passed->second) <= 0) continue;
    if (!Selects(object)) continue;
    Tell(store_.Put(projection_.Apply(object), Store::From::kRead),
         InformerHandler::Cause::kChange);
  }
  if (--reads_ == 0) passed_.clear();
}

void Informer::Forget(const std::set<ObjectKey>& keys) {
  std::lock_guard lock(mutex_);
  for (const ObjectKey& key : keys) {
    const ObjectPtr object = store_.Get(key);
    if (object != nullptr && !Selects(object->value())) store_.Forget(key);
  }
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
    if (Selects(object)) stored.push_back(projection_.Apply(object));
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
    ++fills_;
  }
  synced_.Set();
  answered_.Set();
  if (selection_ != nullptr) selection_->OnListed();
}

void Informer::OnEvent(WatchEvent event) {
  const ObjectKey key = KeyOf(event.object);
  const std::string_view version = json::FindString(event.object, {"metadata", "resourceVersion"});
  // A selector of the server's would have it told so, too.
  const bool gone = event.type == WatchEvent::Type::kDeleted || !Selects(event.object);
  // Most events repeat what a write of our own was answered.
  if (!gone && store_.IsAsNew(key, json::FindString(event.object, {"metadata", "uid"}), version)) {
    store_.Advance(std::string(version));
    return;
  }
  std::lock_guard lock(mutex_);
  if (gone && reads_ > 0) passed_.insert_or_assign(key, version);
  if (gone && selection_ != nullptr && store_.Get(key) == nullptr) {
    store_.Advance(std::string(version));
    return;
  }
  ObjectPtr object = projection_.Apply(event.object);
  Tell(gone ? store_.Remove(std::move(object)) : store_.Put(std::move(object), Store::From::kWatch),
       InformerHandler::Cause::kChange);
}

void Informer::OnBookmark(std::string resource_version) {
  store_.Advance(std::move(resource_version));
}

bool Informer::Selects(const json::Value& object) const {
  return selection_ == nullptr || selection_->Selects(object);
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
