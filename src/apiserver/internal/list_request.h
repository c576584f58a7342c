// Lists and the opening of watches (spec kube-server sections 6.1 and 6.3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/object_form.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/selection.h"
#include "apiserver/internal/watch_source.h"
#include "base/clock.h"

namespace kro::apiserver {

// A page as JSON text in the negotiated form. Or the token to go on with, where history is forgotten.
struct ListAnswer {
  std::string body;
};
struct ListExpired {
  kube::Status status;
  std::string continue_token;
};
// The revision asked for is in the future.
struct ListTooEarly {
  std::uint64_t wanted;
};
using Listing = std::variant<ListAnswer, ListExpired, ListTooEarly>;

Answer<Listing> List(Core& core, const ObjectForm& form, const Selection& selection,
                     const QueryParameters& query);

// resourceVersion of a get or a watch, 500 if it is no number; a list says 400.
Answer<std::optional<std::uint64_t>> ReadRevision(const QueryParameters& query);

// What is selected now, without paging: for deletecollection.
std::vector<StoredPtr> SelectedObjects(const Collection& collection, const Resource& resource,
                                       const Selection& selection);

struct WatchOpening {
  std::unique_ptr<WatchSource> source;
  bool bookmarks = false;
  Duration timeout;
};

Answer<WatchOpening> OpenWatch(Core& core, ObjectForm form, Selection selection,
                               const QueryParameters& query);

}  // namespace kro::apiserver
