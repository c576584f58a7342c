// ScopeFilter: the objects of one kind that any of many scopes selects.
//
// Every object of the kind is asked about, also where only few of very many are wanted: names are looked up, and
// selectors are tried only in the namespace that they are for.
#pragma once

#include <map>
#include <set>
#include <string>

#include "controller/watch_scope.h"
#include "json/value.h"
#include "kube/label_selector.h"
#include "kube/object_key.h"

namespace kro::controller {

class ScopeFilter {
 public:
  // A scope with a name and no namespace is of a cluster-scoped object.
  void Add(const WatchScope& scope);
  void Remove(const WatchScope& scope);

  const std::set<WatchScope>& scopes() const { return scopes_; }

  bool Selects(const json::Value& object) const;
  // The scopes that select the object.
  std::set<WatchScope> ScopesOf(const json::Value& object) const;

 private:
  // Calls until one returns false.
  template <typename Call>
  void ForEach(const json::Value& object, Call call) const;

  std::set<WatchScope> scopes_;
  std::map<kube::ObjectKey, WatchScope> names_;
  std::map<std::string, std::map<WatchScope, kube::LabelSelector>> selectors_;  // by namespace
};

}  // namespace kro::controller
