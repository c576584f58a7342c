// Member: an object that carries an apply set's label, and how it is deleted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "runtime/live_object.h"

namespace kro::runtime {

// A live object found through the inventory, labelled part-of.
struct Member {
  api::Gvr gvr;
  api::Gvk gvk;
  LiveObject object;
};

// A DELETE with the precondition that the UID is still the same.
struct Deletion {
  api::Gvr gvr;
  std::string ns;
  std::string name;
  std::string uid;
  std::string node;  // id of the node that made it; empty if it does not say
  int wave = 0;

  friend bool operator==(const Deletion&, const Deletion&) = default;
};

Deletion DeletionOf(const Member& member);

// The wave in which an object is deleted: its apply-order annotation; 0, the last, if it has none
// or one that is no positive number.
int WaveOf(const json::Value& object);

}  // namespace kro::runtime
