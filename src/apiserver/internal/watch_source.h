// WatchSource: walks the history of a collection and puts into frames what a client wants of it.
//
// It holds a place in the history, no events: a slow client costs nothing and is refused when history
// is forgotten before it read it (spec kube-server section 6.3).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "apiserver/internal/object_form.h"
#include "apiserver/internal/selection.h"
#include "apiserver/internal/store.h"

namespace kro::apiserver {

class WatchSource {
 public:
  struct Start {
    std::uint64_t revision = 0;      // changes after it are sent
    std::vector<StoredPtr> initial;  // sent first, as ADDED
    bool initial_bookmark = false;   // then the bookmark that says so
    bool bookmarks = false;
  };

  // `store`, `collection` and `clock` outlive it.
  WatchSource(const Store& store, const Collection& collection, const Clock& clock, ObjectForm form,
              Selection selection, Start start);
  ~WatchSource();

  std::string Take(std::size_t limit);
  // History was forgotten before it was read; Take has said so.
  bool expired() const { return expired_; }
  void WantBookmark() { bookmark_wanted_ = bookmarks_; }
  const Collection& collection() const { return collection_; }
  const Resource& resource() const { return *form_.resource; }
  // Called when it is destroyed.
  void OnClose(std::function<void()> close) { close_ = std::move(close); }

 private:
  void AppendChange(const Change& change, std::string& out);
  void AppendFrame(std::string_view type, std::string_view object, std::string& out);
  void AppendEvent(std::string_view type, const StoredObject& object, std::uint64_t revision,
                   std::string& out);

  const Store& store_;
  const Collection& collection_;
  const Clock& clock_;
  ObjectForm form_;
  Selection selection_;
  std::uint64_t revision_;
  std::vector<StoredPtr> initial_;
  std::size_t initial_at_ = 0;
  std::uint64_t initial_revision_;
  bool initial_bookmark_;
  bool bookmarks_;
  bool bookmark_wanted_ = false;
  std::uint64_t bookmarked_ = 0;
  bool columns_sent_ = false;
  bool expired_ = false;
  bool begun_ = false;
  std::function<void()> close_;
};

}  // namespace kro::apiserver
