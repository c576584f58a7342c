#include "node_rules.h"

#include <algorithm>
#include <string_view>

#include <re2/re2.h>

namespace kro::simulation {
namespace {

// The expressions of a text, "${…}", or of everything below a value.
void CollectExpressions(const json::Value* value, std::vector<std::string>& expressions);
bool Names(const std::string& expression, const std::string& id);
// The first field below `at` that is a field of the instance's spec and nothing else.
void FindCopy(const json::Value* value, const std::string& at, NodeRule& rule);
// What needs an optional node is optional too.
void SpreadOptional(NodeRules& rules);

}  // namespace

NodeRules RulesOf(const json::Value& spec) {
  NodeRules rules;
  const json::Value* resources = json::Find(spec, "resources");
  if (resources == nullptr || !resources->is_array()) return rules;
  for (const json::Value& resource : resources->get_array()) {
    const json::Value* body = json::Find(resource, "template");
    if (body == nullptr) continue;
    NodeRule& rule = rules[std::string(json::FindString(resource, {"id"}))];
    rule.optional = json::Find(resource, "includeWhen") != nullptr;
    rule.several = json::Find(resource, "forEach") != nullptr;
    CollectExpressions(json::Find(resource, "readyWhen"), rule.ready_when);
    if (rule.several) continue;
    for (const std::string_view part : {"spec", "data"}) {
      FindCopy(json::Find(*body, part), std::string(part), rule);
    }
  }
  for (const json::Value& resource : resources->get_array()) {
    const auto rule = rules.find(std::string(json::FindString(resource, {"id"})));
    if (rule == rules.end()) continue;
    std::vector<std::string> expressions;
    for (const std::string_view part : {"template", "includeWhen", "forEach"}) {
      CollectExpressions(json::Find(resource, part), expressions);
    }
    for (const auto& [id, unused] : rules) {
      if (std::ranges::any_of(expressions, [&](const auto& text) { return Names(text, id); })) {
        rule->second.after.push_back(id);
      }
    }
  }
  SpreadOptional(rules);
  return rules;
}

namespace {

void CollectExpressions(const json::Value* value, std::vector<std::string>& expressions) {
  if (value == nullptr) return;
  if (value->is_object()) {
    for (const auto& [key, member] : value->get_object()) CollectExpressions(&member, expressions);
  } else if (value->is_array()) {
    for (const json::Value& element : value->get_array()) {
      CollectExpressions(&element, expressions);
    }
  } else if (value->is_string()) {
    std::string_view text = value->get_string();
    for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${")) {
      text.remove_prefix(at + 2);
      std::size_t end = 0;
      for (int depth = 1; end < text.size(); ++end) {
        if (text[end] == '{') ++depth;
        if (text[end] == '}' && --depth == 0) break;
      }
      expressions.emplace_back(text.substr(0, end));
    }
  }
}

bool Names(const std::string& expression, const std::string& id) {
  return RE2::PartialMatch(expression, R"((^|[^\w.?'"]))" + id + R"(($|[^\w'"]))");
}

void FindCopy(const json::Value* value, const std::string& at, NodeRule& rule) {
  static const RE2 field(R"(\$\{schema\.(spec\.[\w.]+)\})");
  if (value == nullptr || !rule.copies_to.empty()) return;
  if (value->is_object()) {
    for (const auto& [key, member] : value->get_object()) {
      FindCopy(&member, at + "." + std::string(key), rule);
    }
  } else if (value->is_string() &&
             RE2::FullMatch(std::string(value->get_string()), field, &rule.copied_from)) {
    rule.copies_to = at;
  }
}

void SpreadOptional(NodeRules& rules) {
  for (bool spread = true; spread;) {
    spread = false;
    for (auto& [id, rule] : rules) {
      if (rule.optional) continue;
      rule.optional = std::ranges::any_of(
          rule.after, [&](const std::string& needed) { return rules[needed].optional; });
      spread |= rule.optional;
    }
  }
}

}  // namespace
}  // namespace kro::simulation
