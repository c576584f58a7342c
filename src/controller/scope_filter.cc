#include "controller/scope_filter.h"

#include <algorithm>
#include <utility>

#include "kube/client.h"

namespace kro::controller {

void ScopeFilter::Add(const WatchScope& scope) {
  scopes_.insert(scope);
  if (!scope.name.empty()) {
    names_.insert_or_assign({scope.ns, scope.name}, scope);
    return;
  }
  auto selector = kube::LabelSelector::Parse(scope.label_selector);
  // The server would refuse it too.
  if (!selector) selector = kube::LabelSelector::Nothing();
  selectors_[scope.ns].insert_or_assign(scope, std::move(*selector));
}

void ScopeFilter::Remove(const WatchScope& scope) {
  scopes_.erase(scope);
  if (!scope.name.empty()) {
    names_.erase({scope.ns, scope.name});
    return;
  }
  const auto of_namespace = selectors_.find(scope.ns);
  if (of_namespace == selectors_.end()) return;
  of_namespace->second.erase(scope);
  if (of_namespace->second.empty()) selectors_.erase(of_namespace);
}

template <typename Call>
void ScopeFilter::ForEach(const json::Value& object, Call call) const {
  const kube::ObjectKey key = kube::KeyOf(object);
  if (const auto named = names_.find(key); named != names_.end() && !call(named->second)) return;
  const auto in = [&](const std::string& ns) {
    const auto there = selectors_.find(ns);
    if (there == selectors_.end()) return true;
    return std::ranges::all_of(there->second, [&](const auto& entry) {
      return !entry.second.MatchesObject(object) || call(entry.first);
    });
  };
  if (in(key.name_space) && !key.name_space.empty()) in({});
}

bool ScopeFilter::Selects(const json::Value& object) const {
  bool selects = false;
  ForEach(object, [&](const WatchScope&) {
    selects = true;
    return false;
  });
  return selects;
}

std::set<WatchScope> ScopeFilter::ScopesOf(const json::Value& object) const {
  std::set<WatchScope> scopes;
  ForEach(object, [&](const WatchScope& scope) {
    scopes.insert(scope);
    return true;
  });
  return scopes;
}

}  // namespace kro::controller
