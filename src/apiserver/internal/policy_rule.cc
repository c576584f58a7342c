#include "apiserver/internal/policy_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/go_quote.h"

namespace kro::apiserver {
namespace {

using Words = std::vector<std::string>;

Words ReadWords(const json::Value& rule, std::string_view key);
bool Has(const Words& words, std::string_view word);
bool HasAll(const Words& words, const Words& wanted);
bool MatchesResource(const Words& resources, std::string_view resource,
                     std::string_view subresource);
bool MatchesUrl(const Words& urls, std::string_view path);
// A rule as many, each of one verb, group, resource and name.
std::vector<PolicyRule> BreakDown(const PolicyRule& rule);
bool Covers(const PolicyRule& held, const PolicyRule& part);
bool CoversResource(const Words& held, std::string_view resource);
bool CoversUrl(const Words& held, std::string_view url);
std::vector<PolicyRule> PutTogether(std::vector<PolicyRule> parts);

}  // namespace

std::vector<PolicyRule> ReadRules(const json::Value& role) {
  std::vector<PolicyRule> rules;
  const json::Value* list = json::Find(role, "rules");
  if (list == nullptr || !list->is_array()) return rules;
  for (const json::Value& rule : list->get_array()) {
    rules.push_back({ReadWords(rule, "verbs"), ReadWords(rule, "apiGroups"),
                     ReadWords(rule, "resources"), ReadWords(rule, "resourceNames"),
                     ReadWords(rule, "nonResourceURLs")});
  }
  return rules;
}

json::Value ToJson(const PolicyRule& rule) {
  json::Object object;
  const auto put = [&](std::string_view key, const Words& words) {
    if (!words.empty()) object[key] = json::Array(words.begin(), words.end());
  };
  put("verbs", rule.verbs);
  put("apiGroups", rule.groups);
  put("resources", rule.resources);
  put("resourceNames", rule.resource_names);
  put("nonResourceURLs", rule.urls);
  return object;
}

bool Allows(const PolicyRule& rule, const AccessAttributes& attributes) {
  if (!Has(rule.verbs, "*") && !Has(rule.verbs, attributes.verb)) return false;
  if (!attributes.IsResource()) return MatchesUrl(rule.urls, attributes.path);
  return (Has(rule.groups, "*") || Has(rule.groups, attributes.group)) &&
         MatchesResource(rule.resources, attributes.resource, attributes.subresource) &&
         (rule.resource_names.empty() || Has(rule.resource_names, attributes.name));
}

std::vector<PolicyRule> MissingRules(const std::vector<PolicyRule>& held,
                                     const std::vector<PolicyRule>& wanted) {
  std::vector<PolicyRule> missing;
  for (const PolicyRule& rule : wanted) {
    for (PolicyRule& part : BreakDown(rule)) {
      const auto covers = [&](const PolicyRule& own) { return Covers(own, part); };
      if (std::ranges::none_of(held, covers)) missing.push_back(std::move(part));
    }
  }
  return PutTogether(std::move(missing));
}

std::string ToString(const PolicyRule& rule) {
  std::string text = "{";
  const auto add = [&](std::string_view key, const Words& words) {
    if (words.empty()) return;
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}:{}", key, GoList(words));
  };
  add("APIGroups", rule.groups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.urls);
  add("ResourceNames", rule.resource_names);
  add("Verbs", rule.verbs);
  return text + "}";
}

std::string GoList(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    if (list.size() > 1) list += ' ';
    list += GoQuote(text);
  }
  return list + "]";
}

namespace {

Words ReadWords(const json::Value& rule, std::string_view key) {
  Words words;
  const json::Value* list = json::Find(rule, key);
  if (list == nullptr || !list->is_array()) return words;
  for (const json::Value& word : list->get_array()) {
    if (word.is_string()) words.emplace_back(word.get_string());
  }
  return words;
}

bool Has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool HasAll(const Words& words, const Words& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& word) { return Has(words, word); });
}

bool MatchesResource(const Words& resources, std::string_view resource,
                     std::string_view subresource) {
  for (std::string_view word : resources) {
    if (word == "*") return true;
    if (subresource.empty()) {
      if (word == resource) return true;
      continue;
    }
    const std::size_t slash = word.find('/');
    if (slash == std::string_view::npos || word.substr(slash + 1) != subresource) continue;
    const std::string_view whole = word.substr(0, slash);
    if (whole == "*" || whole == resource) return true;
  }
  return false;
}

bool MatchesUrl(const Words& urls, std::string_view path) {
  return std::ranges::any_of(urls, [&](std::string_view url) {
    if (url == "*" || url == path) return true;
    return url.ends_with('*') && path.starts_with(url.substr(0, url.find_last_not_of('*') + 1));
  });
}

std::vector<PolicyRule> BreakDown(const PolicyRule& rule) {
  std::vector<PolicyRule> parts;
  const auto per_verb = [&](const PolicyRule& part) {
    for (const std::string& verb : rule.verbs) {
      parts.push_back(part);
      parts.back().verbs = {verb};
    }
  };
  for (const std::string& group : rule.groups) {
    for (const std::string& resource : rule.resources) {
      if (rule.resource_names.empty()) per_verb({.groups = {group}, .resources = {resource}});
      for (const std::string& name : rule.resource_names) {
        per_verb({.groups = {group}, .resources = {resource}, .resource_names = {name}});
      }
    }
  }
  for (const std::string& url : rule.urls) per_verb({.urls = {url}});
  return parts;
}

bool Covers(const PolicyRule& held, const PolicyRule& part) {
  if (!Has(held.verbs, "*") && !HasAll(held.verbs, part.verbs)) return false;
  if (!Has(held.groups, "*") && !HasAll(held.groups, part.groups)) return false;
  const bool names =
      held.resource_names.empty() ||
      (!part.resource_names.empty() && HasAll(held.resource_names, part.resource_names));
  return names &&
         std::ranges::all_of(
             part.resources,
             [&](std::string_view word) { return CoversResource(held.resources, word); }) &&
         std::ranges::all_of(part.urls,
                             [&](std::string_view url) { return CoversUrl(held.urls, url); });
}

bool CoversResource(const Words& held, std::string_view resource) {
  if (Has(held, "*") || Has(held, resource)) return true;
  const std::size_t slash = resource.find('/');
  return slash != std::string_view::npos && Has(held, fmt::format("*{}", resource.substr(slash)));
}

bool CoversUrl(const Words& held, std::string_view url) {
  return std::ranges::any_of(held, [&](std::string_view own) {
    if (own == "*" || own == url) return true;
    return own.ends_with('*') && url.starts_with(own.substr(0, own.find_last_not_of('*') + 1));
  });
}

std::vector<PolicyRule> PutTogether(std::vector<PolicyRule> parts) {
  std::vector<PolicyRule> rules;
  for (PolicyRule& part : parts) {
    const auto same = std::ranges::find_if(rules, [&](const PolicyRule& rule) {
      return part.urls.empty() && rule.urls.empty() && rule.groups == part.groups &&
             rule.resources == part.resources && rule.resource_names == part.resource_names;
    });
    if (same == rules.end()) {
      rules.push_back(std::move(part));
    } else if (!Has(same->verbs, part.verbs.front())) {
      same->verbs.push_back(part.verbs.front());
    }
  }
  return rules;
}

}  // namespace
}  // namespace kro::apiserver
