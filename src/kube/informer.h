// Informer: a reflector, its store, and those who want to hear of changes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "async/event.h"
#include "kube/reflector.h"
#include "kube/store.h"

namespace kro::kube {

// What happened, called on the loop right after the store has it. A handler is quick: it puts keys into
// queues. It must not call AddHandler or RemoveHandler. What it throws is logged and goes no further.
struct InformerHandler {
  enum class Cause { kChange, kInitialList };
  std::function<void(const ObjectPtr& object, Cause cause)> on_add;
  std::function<void(const ObjectPtr& before, const ObjectPtr& after)> on_update;
  // The last state that was seen; the deletion itself may have been missed.
  std::function<void(const ObjectPtr& last)> on_delete;
  // Called before on_delete with the state in which the server removed it; not if that was missed.
  std::function<void(const ObjectPtr& removed)> on_removed;
};

class Informer final : private ReflectorSink {
 public:
  // `client` outlives the informer.
  Informer(Client& client, Gvr gvr, ReflectorOptions options, Projection projection, Random random);

  // Runs until `cancel` fires. Once.
  async::Task<void> Run(async::CancelToken cancel);

  // Reports everything in the store as added from an initial list, then live changes: nothing is left
  // out and nothing is told twice.
  int AddHandler(InformerHandler handler);
  // After this the handler is not called any more.
  void RemoveHandler(int id);

  // Puts the answer to a write of our own into the store at once, and tells the handlers.
  void ObserveWrite(const json::Value& object);

  // For what the selection has come to take in and the watch has passed over: it is read from BeginRead on, and put in
  // with EndRead; nothing if it could not be read. What was told or listed meanwhile is later than what was read.
  struct ReadMark {
    std::uint64_t fills = 0;
  };
  ReadMark BeginRead();
  void EndRead(ReadMark begin, std::span<const json::Value> objects);

  // Takes out what the selection does not take in any more of these objects. Nobody is told.
  void Forget(const std::set<ObjectKey>& keys);

  // Whether the first fill is in the store and the handlers have been told.
  bool HasSynced() const;
  async::Task<Result<void>> WaitForSync(async::CancelToken cancel);

  // Whether the server refused the first fill: the collection is not there, or not ours to read. It is synced all
  // the same when that changes.
  bool IsRefused() const;
  // Until it is synced or refused.
  async::Task<Result<void>> WaitForAnswer(async::CancelToken cancel);

  const Gvr& gvr() const { return gvr_; }
  const Projection& projection() const { return projection_; }
  Store& store() { return store_; }
  const Store& store() const { return store_; }

 private:
  void OnReplace(std::vector<json::Value> objects, std::string resource_version,
                 Versions versions) override;
  void OnEvent(WatchEvent event) override;
  void OnBookmark(std::string resource_version) override;
  void OnRefused() override;
  bool Selects(const json::Value& object) const;
  void Tell(const StoreChange& change, InformerHandler::Cause cause);
  void TellOne(const InformerHandler& handler, const StoreChange& change,
               InformerHandler::Cause cause);

  Client& client_;
  const Gvr gvr_;
  const Projection projection_;
  Selection* const selection_;  // nullptr: everything
  Store store_;
  Reflector reflector_;
  async::Event synced_;
  async::Event answered_;
  mutable std::mutex mutex_;  // held from the change of the store to the last handler
  bool has_synced_ = false;   // guarded by mutex_
  bool is_refused_ = false;   // guarded by mutex_
  std::uint64_t fills_ = 0;   // guarded by mutex_
  int reads_ = 0;             // guarded by mutex_; under way
  // While something is read: the versions in which objects were told to be gone, or not to be selected.
  std::map<ObjectKey, std::string> passed_;  // guarded by mutex_
  int next_id_ = 1;                          // guarded by mutex_
  std::map<int, InformerHandler> handlers_;  // guarded by mutex_
};

}  // namespace kro::kube
