// WatchScope: which objects of a collection are watched.
#pragma once

#include <compare>
#include <string>

#include "api/gvk.h"
#include "kube/reflector.h"

namespace kro::controller {

// kShared: where many such scopes of one kind are asked for, one watch serves them all.
enum class Sharing { kAlone, kShared };

struct WatchScope {
  api::Gvr gvr;
  std::string ns;    // empty: all
  std::string name;  // of a single object; else those that the selector selects
  std::string label_selector;
  kube::FirstList first_list = kube::FirstList::kAny;
  Sharing sharing = Sharing::kAlone;

  // As the API server takes it.
  std::string FieldSelector() const { return name.empty() ? "" : "metadata.name=" + name; }

  friend auto operator<=>(const WatchScope&, const WatchScope&) = default;
};

}  // namespace kro::controller
