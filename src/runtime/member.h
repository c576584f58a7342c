// Member: an object that carries an apply set's label, and how it is deleted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/gvk.h"
#include "runtime/live_object.h"

namespace kro::runtime {

// A live object found through the inventory that IsMemberOf the set.
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

// A member whose deletion was asked for, and what it waits for.
struct Departure {
  api::Gvr gvr;
  std::string ns;
  std::string name;
  std::optional<api::Timestamp> since;  // when it was asked for
  std::vector<std::string> finalizers;
};

Departure DepartureOf(const Member& member);

// Of metadata.finalizers.
std::vector<std::string> FinalizersOf(const json::Value& object);

// Whether the object carries the set's label, and kro wrote it there, as managedFields tell. The label alone
// says nothing: a user's copy of a member carries it too, but has somebody who owns it. Where nobody does, the entries
// were removed; then our annotation tells.
bool IsMemberOf(const json::Value& object, std::string_view apply_set);

// The wave in which an object is deleted: its apply-order annotation; 0, the last, if it has none
// or one that is no positive number.
int WaveOf(const json::Value& object);

}  // namespace kro::runtime
