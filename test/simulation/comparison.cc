#include "comparison.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include "json/yaml.h"
#include "scenario.h"

namespace kro::simulation {
namespace {

using Report = std::function<void(const std::string& path, std::string text, const json::Value* was,
                                  const json::Value* is)>;

std::vector<std::string> Strings(const json::Value* list);
void DiffTree(const std::string& path, const json::Value& a, const json::Value& b,
              const Report& report);
bool Equal(const json::Value& a, const json::Value& b);
bool GoesOn(const json::Value* was, const json::Value* is);
bool Matches(const std::vector<std::string>& patterns, std::string_view path);
void JoinManagers(std::map<std::string, json::Value>& objects,
                  const std::vector<std::vector<std::string>>& groups);
std::string Short(const json::Value& value);
// What the events between two records come to: of the changes `SOURCE TYPE KIND NAME CONDITION: OLD -> NEW: REASON` of
// one condition the first OLD, the last NEW and what was said of that. Upstream's passes on the way are more.
std::vector<std::string> NetEvents(const std::vector<std::string>& events);
// Empty if the value is as it is wanted: equal, absent where null is wanted, or with the text of {contains}.
std::string WrongValue(const json::Value* value, const json::Value& wanted);

}  // namespace

Result<Expectations> ReadExpectations(std::string_view yaml) {
  auto document = json::ParseYamlDocument(yaml);
  if (!document) return Fail(ErrorCode::kInvalid, "{}", Render(document.error().front()));
  const json::Value& root = document->value;
  Expectations expected;
  expected.annotations = Strings(json::Find(root, "annotations"));
  expected.longer = Strings(json::Find(root, "longer"));
  if (const auto* groups = json::Find(root, "managers"); groups != nullptr && groups->is_array()) {
    for (const json::Value& group : groups->get_array()) {
      expected.managers.push_back(Strings(&group));
    }
  }
  if (const auto* list = json::Find(root, "differences"); list != nullptr && list->is_array()) {
    for (const json::Value& entry : list->get_array()) {
      expected.differences.push_back({std::string(json::FindString(entry, {"scenario"})),
                                      std::string(json::FindString(entry, {"contains"})),
                                      std::string(json::FindString(entry, {"reason"}))});
    }
  }
  if (const auto* unmet = json::Find(root, "unmet"); unmet != nullptr && unmet->is_object()) {
    for (const auto& [name, reason] : unmet->get_object()) expected.unmet[name] = Shown(reason);
  }
  if (const auto* all = json::Find(root, "outcomes"); all != nullptr && all->is_object()) {
    for (const auto& [name, outcome] : all->get_object()) expected.outcomes[name] = outcome;
  }
  return expected;
}

Result<Recording> ReadRecording(std::string_view yaml) {
  auto document = json::ParseYamlDocument(yaml);
  if (!document) return Fail(ErrorCode::kInvalid, "{}", Render(document.error().front()));
  Recording recording;
  recording.failed = !json::FindString(document->value, {"failed"}).empty();
  const json::Value* points = json::Find(document->value, "points");
  if (points == nullptr || !points->is_array()) return recording;
  std::map<std::string, json::Value> last;
  for (const json::Value& entry : points->get_array()) {
    Recording::Point point;
    point.name = json::FindString(entry, {"point"});
    if (const auto* stable = json::Find(entry, "stable"); stable != nullptr && stable->is_array()) {
      point.compares_all = false;
      point.stable = Strings(stable);
    }
    point.varies = Strings(json::Find(entry, "varies"));
    point.answers = Strings(json::Find(entry, "answers"));
    point.events = Strings(json::Find(entry, "events"));
    // What did not change since the point before is not repeated.
    for (std::string_view list : {"unchanged", "rewritten"}) {
      for (const std::string& key : Strings(json::Find(entry, list)))
        point.objects[key] = last[key];
    }
    if (const auto* objects = json::Find(entry, "objects");
        objects != nullptr && objects->is_object()) {
      for (const auto& [key, object] : objects->get_object()) {
        json::Value& put = point.objects[key] = object;
        SortDependencies(put);
      }
    }
    if (const auto* writes = json::Find(entry, "writes");
        writes != nullptr && writes->is_object()) {
      for (const auto& [key, count] : writes->get_object()) {
        const auto number = [&](std::string_view name) {
          const json::Value* value = json::Find(count, name);
          return value != nullptr && value->is_int64() ? static_cast<int>(value->get_int64()) : 0;
        };
        point.writes[key] = {number("effective"), number("total"), number("failed")};
      }
    }
    last = point.objects;
    recording.points.push_back(std::move(point));
  }
  return recording;
}

std::vector<std::string> Compare(Recording recorded, std::vector<Point> seen,
                                 const Expectations& expected) {
  std::vector<std::string> out;
  if (recorded.points.size() != seen.size()) {
    return {fmt::format("{} points instead of {}", seen.size(), recorded.points.size())};
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    Recording::Point& was = recorded.points[i];
    Point& is = seen[i];
    JoinManagers(was.objects, expected.managers);
    JoinManagers(is.objects, expected.managers);
    json::Object a;
    for (auto& [key, object] : was.objects) a[key] = object;
    json::Object b;
    for (auto& [key, object] : is.objects) b[key] = object;
    DiffTree("", a, b,
             [&](const std::string& path, const std::string& text, const json::Value* old,
                 const json::Value* now) {
               if ((GoesOn(old, now) && Matches(expected.longer, path)) ||
                   Matches(was.varies, path) || (!was.compares_all && !Matches(was.stable, path))) {
                 return;
               }
               out.push_back(was.name + ": " + path + ": " + text);
             });
    if (was.answers != is.answers) {
      out.push_back(fmt::format("{}: answers: [{}] instead of [{}]", was.name,
                                fmt::join(is.answers, ", "), fmt::join(was.answers, ", ")));
    }
    const auto events_were = NetEvents(was.events);
    const auto events_are = NetEvents(is.events);
    if (events_were != events_are) {
      out.push_back(fmt::format("{}: events: [{}] instead of [{}]", was.name,
                                fmt::join(events_are, ", "), fmt::join(events_were, ", ")));
    }
    for (const auto& [key, count] : is.writes) {
      const WriteCount allowed = was.writes.contains(key) ? was.writes.at(key) : WriteCount{};
      // A write that failed there may succeed here: a deletion races with the namespace's own.
      const bool effective = count.effective <= allowed.effective + allowed.failed;
      if (effective && count.total <= allowed.total) continue;
      out.push_back(fmt::format("{}: writes: {}: {} effective of {}, upstream {} of {}", was.name,
                                key, count.effective, count.total, allowed.effective,
                                allowed.total));
    }
  }
  return out;
}

std::vector<std::string> CompareOutcome(const json::Value& outcome,
                                        const std::vector<Point>& seen) {
  std::vector<std::string> wrong;
  for (const auto& [name, objects] : outcome.as_object()) {
    const auto point = std::ranges::find(seen, std::string_view(name), &Point::name);
    if (point == seen.end()) {
      wrong.push_back(fmt::format("{}: was not reached", std::string_view(name)));
      continue;
    }
    for (const auto& [key, wanted] : objects.as_object()) {
      const std::string at = fmt::format("{}: {}", point->name, std::string_view(key));
      if (key == "writes") {
        for (const auto& [written, most] : wanted.as_object()) {
          const auto count = point->writes.find(std::string(written));
          const int changed = count == point->writes.end() ? 0 : count->second.effective;
          if (changed > most.to_number<int>()) {
            wrong.push_back(fmt::format("{}: {}: {}", at, std::string_view(written), changed));
          }
        }
        continue;
      }
      const auto object = point->objects.find(std::string(key));
      const bool there = object != point->objects.end();
      if (wanted == "absent") {
        if (there) wrong.push_back(at + ": is there");
        continue;
      }
      if (!there) {
        wrong.push_back(at + ": is not there");
        continue;
      }
      for (const auto& [path, value] : wanted.as_object()) {
        const std::string why = WrongValue(Lookup(object->second, std::string_view(path)), value);
        if (!why.empty())
          wrong.push_back(fmt::format("{}:{}: {}", at, std::string_view(path), why));
      }
    }
  }
  return wrong;
}

std::vector<std::string> Unexpected(std::string_view scenario, std::vector<std::string> differences,
                                    const Expectations& expected) {
  std::erase_if(differences, [&](const std::string& line) {
    return std::ranges::any_of(expected.differences, [&](const Expectations::Difference& meant) {
      return (meant.scenario == "*" || meant.scenario == scenario) &&
             line.find(meant.contains) != std::string::npos;
    });
  });
  return differences;
}

std::vector<std::string> Differences(const json::Value& was, const json::Value& is) {
  std::vector<std::string> out;
  DiffTree("", was, is,
           [&](const std::string& path, const std::string& text, const json::Value*,
               const json::Value*) { out.push_back(path + ": " + text); });
  return out;
}

namespace {

std::vector<std::string> Strings(const json::Value* list) {
  std::vector<std::string> strings;
  if (list == nullptr || !list->is_array()) return strings;
  for (const json::Value& element : list->get_array()) strings.push_back(Shown(element));
  return strings;
}

void DiffTree(const std::string& path, const json::Value& a, const json::Value& b,
              const Report& report) {
  if (Equal(a, b)) return;
  if (a.is_object() && b.is_object()) {
    std::set<std::string> keys;
    for (const auto& member : a.get_object()) keys.emplace(member.key());
    for (const auto& member : b.get_object()) keys.emplace(member.key());
    for (const std::string& key : keys) {
      const std::string below = path.empty()                          ? key
                                : path.find(':') == std::string::npos ? path + ":" + key
                                                                      : path + "." + key;
      const json::Value* u = json::Find(a, key);
      const json::Value* v = json::Find(b, key);
      if (u == nullptr) {
        report(below, "unexpected: " + Short(*v), nullptr, v);
      } else if (v == nullptr) {
        report(below, "missing: " + Short(*u), u, nullptr);
      } else {
        DiffTree(below, *u, *v, report);
      }
    }
    return;
  }
  if (a.is_array() && b.is_array() && a.get_array().size() == b.get_array().size()) {
    const json::Array& x = a.get_array();
    const json::Array& y = b.get_array();
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::string name = std::to_string(i);
      if (json::Find(x[i], "type") != nullptr && json::Find(x[i], "status") != nullptr) {
        name = json::FindString(x[i], {"type"});
      }
      DiffTree(path + "[" + name + "]", x[i], y[i], report);
    }
    return;
  }
  report(path, Short(b) + " instead of " + Short(a), &a, &b);
}

// Numbers by value; members in any order.
bool Equal(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number()) {
    if (!a.is_double() && !b.is_double()) return a == b;
    return a.to_number<double>() == b.to_number<double>();
  }
  if (a.is_object() && b.is_object()) {
    if (a.get_object().size() != b.get_object().size()) return false;
    return std::ranges::all_of(a.get_object(), [&](const auto& member) {
      const json::Value* other = json::Find(b, member.key());
      return other != nullptr && Equal(member.value(), *other);
    });
  }
  if (a.is_array() && b.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), Equal);
  }
  return a == b;
}

bool GoesOn(const json::Value* was, const json::Value* is) {
  return was != nullptr && is != nullptr && was->is_string() && is->is_string() &&
         !was->get_string().empty() &&
         std::string_view(is->get_string()).starts_with(std::string_view(was->get_string()));
}

// A pattern is an object's key, or "key:path", and covers all below it; * covers one object key.
bool Matches(const std::vector<std::string>& patterns, std::string_view path) {
  const auto covers = [](std::string_view pattern, std::string_view text, bool colon) {
    if (!text.starts_with(pattern)) return false;
    if (text.size() == pattern.size()) return true;
    const char next = text[pattern.size()];
    return next == '.' || next == '[' || (colon && next == ':');
  };
  return std::ranges::any_of(patterns, [&](std::string_view pattern) {
    if (covers(pattern, path, true)) return true;
    if (!pattern.starts_with("*:")) return false;
    const std::size_t at = path.find(':');
    return at != std::string_view::npos && covers(pattern.substr(2), path.substr(at + 1), false);
  });
}

// Gives what the managers of a group own to the first of them.
void JoinManagers(std::map<std::string, json::Value>& objects,
                  const std::vector<std::vector<std::string>>& groups) {
  for (auto& [key, object] : objects) {
    json::Value* fields = json::Find(object, "managedFields");
    if (fields == nullptr || !fields->is_object()) continue;
    for (const auto& group : groups) {
      std::set<std::string> all;
      for (const std::string& manager : group) {
        const json::Value* paths = fields->get_object().if_contains(manager);
        if (paths == nullptr || !paths->is_string()) continue;
        std::string_view rest(paths->get_string());
        while (!rest.empty()) {
          const std::string_view word = rest.substr(0, rest.find(' '));
          if (!word.empty()) all.emplace(word);
          rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        }
        fields->get_object().erase(manager);
      }
      if (!all.empty())
        fields->get_object()[group.front()] = fmt::format("{}", fmt::join(all, " "));
    }
  }
}

std::string WrongValue(const json::Value* value, const json::Value& wanted) {
  if (wanted.is_null()) return value == nullptr ? std::string() : "is " + Short(*value);
  if (value == nullptr) return "is not there";
  const std::string_view part = json::FindString(wanted, {"contains"});
  const bool right =
      part.empty() ? Equal(*value, wanted) : Shown(*value).find(part) != std::string::npos;
  return right ? std::string() : fmt::format("{} instead of {}", Short(*value), Short(wanted));
}

std::vector<std::string> NetEvents(const std::vector<std::string>& events) {
  static const RE2 change(R"((\S+) (\S+) (.+): (\w+) -> (\w+): (.*))");
  struct Chain {
    std::map<std::string, int>
        balance;  // by value: how often it was left, less how often it was reached
    std::map<std::string, std::set<std::string>> said;  // by value that was reached
  };
  std::map<std::string, Chain> chains;
  std::vector<std::string> net;
  for (const std::string& event : events) {
    std::string source;
    std::string type;
    std::string condition;
    std::string before;
    std::string after;
    std::string reason;
    if (!RE2::FullMatch(event, change, &source, &type, &condition, &before, &after, &reason)) {
      net.push_back(event);
      continue;
    }
    Chain& chain = chains[source + " " + condition];
    ++chain.balance[before];
    --chain.balance[after];
    chain.said[after].insert(type + " " + reason);
  }
  for (const auto& [condition, chain] : chains) {
    std::string from;
    std::string to;
    for (const auto& [value, balance] : chain.balance) {
      if (balance > 0) from = value;
      if (balance < 0) to = value;
    }
    if (from == to) continue;
    net.push_back(
        fmt::format("{}: {} -> {}: {}", condition, from, to, fmt::join(chain.said.at(to), ", ")));
  }
  std::ranges::sort(net);
  return net;
}

std::string Short(const json::Value& value) {
  std::string text = Shown(value);
  if (text.size() > 300) text = text.substr(0, 300) + "…";
  return text;
}

}  // namespace
}  // namespace kro::simulation
