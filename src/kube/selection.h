// Selection: which objects of a watched collection are kept, where that changes while it is watched.
#pragma once

#include "json/value.h"

namespace kro::kube {

// All are called on the loop.
class Selection {
 public:
  virtual ~Selection() = default;

  virtual bool Selects(const json::Value& object) const = 0;
  // The collection is about to be listed; the list will hold all that is selected from here on.
  virtual void OnListing() = 0;
  // The list is in the store.
  virtual void OnListed() = 0;
  // The server does not let us read the collection.
  virtual void OnForbidden() = 0;
};

}  // namespace kro::kube
