#include "apiserver/internal/watch_source.h"

#include <fmt/format.h>

#include "apiserver/internal/status.h"

namespace kro::apiserver {

WatchSource::WatchSource(const Store& store, const Collection& collection, const Clock& clock,
                         ObjectForm form, Selection selection, Start start)
    : store_(store),
      collection_(collection),
      clock_(clock),
      form_(std::move(form)),
      selection_(std::move(selection)),
      revision_(start.revision),
      initial_(std::move(start.initial)),
      initial_revision_(start.revision),
      initial_bookmark_(start.initial_bookmark),
      bookmarks_(start.bookmarks),
      bookmarked_(start.revision) {}

WatchSource::~WatchSource() {
  if (close_) close_();
}

std::string WatchSource::Take(std::size_t limit) {
  std::string out;
  form_.now = clock_.Now();
  while (initial_at_ < initial_.size() && out.size() < limit) {
    const StoredObject& object = *initial_[initial_at_++];
    AppendEvent("ADDED", object, object.revision, out);
  }
  if (initial_at_ < initial_.size()) return out;
  initial_.clear();
  initial_at_ = 0;
  if (initial_bookmark_) {
    initial_bookmark_ = false;
    AppendFrame("BOOKMARK", form_.Bookmark(initial_revision_, true), out);
  }
  if (expired_) return out;
  const bool known = begun_ ? collection_.Remembers(revision_) : revision_ >= collection_.oldest();
  begun_ = true;
  if (!known && revision_ <= store_.revision()) {
    expired_ = true;
    auto status = ExpiredStatus(
        fmt::format("too old resource version: {} ({})", revision_, collection_.oldest()));
    AppendFrame("ERROR", json::Serialize(ToJson(status)), out);
    return out;
  }
  while (out.size() < limit) {
    const Change* change = collection_.After(revision_);
    if (change == nullptr) break;
    revision_ = change->revision;
    AppendChange(*change, out);
  }
  if (bookmark_wanted_ && collection_.After(revision_) == nullptr) {
    bookmark_wanted_ = false;
    if (store_.revision() > bookmarked_ && store_.revision() >= revision_) {
      bookmarked_ = store_.revision();
      AppendFrame("BOOKMARK", form_.Bookmark(bookmarked_, false), out);
    }
  }
  return out;
}

// Who sees what when an object enters or leaves a selection: spec section 6.3, "Events".
void WatchSource::AppendChange(const Change& change, std::string& out) {
  const bool before =
      change.previous != nullptr && selection_.Matches(*form_.resource, *change.previous);
  const bool after =
      change.type != ChangeType::kDeleted && selection_.Matches(*form_.resource, *change.object);
  if (before && after) {
    AppendEvent("MODIFIED", *change.object, change.revision, out);
  } else if (after) {
    AppendEvent("ADDED", *change.object, change.revision, out);
  } else if (before) {
    const StoredObject& last =
        change.type == ChangeType::kDeleted ? *change.object : *change.previous;
    AppendEvent("DELETED", last, change.revision, out);
  }
}

void WatchSource::AppendEvent(std::string_view type, const StoredObject& object,
                              std::uint64_t revision, std::string& out) {
  AppendFrame(type, form_.Event(object, revision, !columns_sent_), out);
  columns_sent_ = true;
}

void WatchSource::AppendFrame(std::string_view type, std::string_view object, std::string& out) {
  out += "{\"type\":\"";
  out += type;
  out += "\",\"object\":";
  out += object;
  out += "}\n";
}

}  // namespace kro::apiserver
