#include "apiserver/internal/strategic_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "apiserver/internal/typed.h"

namespace kro::apiserver::internal {
namespace {

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList";
constexpr std::string_view kOrderPrefix = "$setElementOrder";

using Items = std::vector<json::Value>;

// Nothing, or why the patch is refused.
using Outcome = std::optional<kube::Status>;

struct ListMeta {
  const TypeNode* items;
  PatchStrategy strategy;
};

class StrategicMerger {
 public:
  Outcome MergeMap(json::Value& original, json::Value& patch, const TypeNode* type);

 private:
  Outcome RetainKeys(json::Object& original, json::Object& patch);
  // $setElementOrder/<list>, together with the list of that name in the patch.
  Outcome OrderLists(json::Object& original, json::Object& patch, const TypeNode* type);
  Outcome OrderList(json::Object& original, json::Object& patch, std::string_view directive,
                    const json::Array& order, const TypeNode* type);
  Outcome MergeField(json::Object& original, std::string_view key, json::Value& value,
                     bool is_deletion, const TypeNode* type);
  Outcome MergeList(Items& original, json::Array& patch, const ListMeta& meta, bool is_deletion);
  // `order` becomes the items that are no directives.
  Outcome MergeItems(Items& original, json::Array& patch, Items& merged, Items& order,
                     const ListMeta& meta);
};

bool HasPrefix(std::string_view key, std::string_view prefix);
std::optional<std::string_view> ListName(std::string_view key);
bool Has(const json::Object& object, std::string_view key);
// Removes directives; false if the value itself is one.
bool RemoveDirectives(json::Value& value);
// What a new member is without directives; nothing if it is one. The items of its list that are some stay in
// the patch.
std::optional<json::Value> Added(json::Value& member);
bool IsSame(const json::Value& a, const json::Value& b);
bool IsSameItem(const json::Value& a, const json::Value& b, std::string_view merge_key);
std::optional<std::size_t> IndexOf(const Items& items, const json::Value& item,
                                   std::string_view merge_key);
bool HasSameGoType(const json::Value& a, const json::Value& b);
Outcome CheckItemTypes(const Items& a, const Items& b, bool& maps);
Outcome CheckMergeKeys(const Items& items, std::string_view merge_key);
Outcome CheckOrder(const json::Array& patch, const Items& order, std::string_view merge_key);
void SortBy(Items& items, const Items& order, std::string_view merge_key);
Items Interleave(Items left, Items right, const Items& order, std::string_view merge_key);
// What is in `wanted` in its order, the rest in that of `before`.
Items InOrder(Items merged, const Items& wanted, const Items& before, std::string_view merge_key);
Items Deduplicate(Items items);
Items ToItems(const json::Value* list);
json::Array ToArray(Items items);
Outcome NoMergeKey(const json::Value& item, std::string_view merge_key);
Outcome Refuse(std::string message) { return BadRequest(std::move(message)).error(); }
Outcome FailPlainly(std::string message) { return PlainFailure(500, std::move(message)).error(); }

}  // namespace

Answer<json::Value> MergeStrategically(const json::Value& object, json::Value& patch,
                                       const TypeNode& type) {
  json::Value merged = object;
  if (auto refusal = StrategicMerger().MergeMap(merged, patch, &type)) {
    return std::unexpected(*std::move(refusal));
  }
  return merged;
}

void DropNulls(json::Value& value) {
  if (json::Object* object = value.if_object()) {
    for (auto member = object->begin(); member != object->end();) {
      if (member->value().is_null()) {
        member = object->stable_erase(member);
      } else {
        DropNulls(member->value());
        ++member;
      }
    }
  } else if (json::Array* array = value.if_array()) {
    for (json::Value& item : *array) DropNulls(item);
  }
}

namespace {

Outcome StrategicMerger::MergeMap(json::Value& original, json::Value& patch, const TypeNode* type) {
  json::Object& changes = patch.get_object();
  if (auto directive = changes.find({kDirective.data(), kDirective.size()});
      directive != changes.end()) {
    if (directive->value() == "replace") {
      changes.stable_erase(directive);
      original = patch;
      return {};
    }
    if (directive->value() == "delete") {
      original = json::Object();
      return {};
    }
    return FailPlainly(fmt::format("unknown patch type: {} in map: {}", GoValue(directive->value()),
                                   GoValue(patch)));
  }
  if (!original.is_object()) original = json::Object();
  json::Object& object = original.get_object();
  if (auto refusal = RetainKeys(object, changes)) return refusal;
  if (auto refusal = OrderLists(object, changes, type)) return refusal;
  for (auto& member : changes) {
    std::string_view key(member.key());
    bool is_deletion = false;
    if (HasPrefix(key, kDeletePrefix)) {
      auto name = ListName(key);
      if (!name) return Refuse("invalid patch format of primitive list");
      key = *name;
      is_deletion = true;
    }
    if (auto refusal = MergeField(object, key, member.value(), is_deletion, type)) return refusal;
  }
  return {};
}

Outcome StrategicMerger::RetainKeys(json::Object& original, json::Object& patch) {
  auto directive = patch.find({kRetainKeys.data(), kRetainKeys.size()});
  if (directive == patch.end()) return {};
  const json::Value keys = std::move(directive->value());
  patch.stable_erase(directive);
  if (!keys.is_array()) return Refuse("invalid patch format of retainKeys");
  auto retained = [&](std::string_view key) {
    return std::ranges::any_of(keys.get_array(), [&](const json::Value& kept) {
      return kept.is_string() && std::string_view(kept.get_string()) == key;
    });
  };
  for (const auto& member : patch) {
    if (member.value().is_null() || HasPrefix(member.key(), kDeletePrefix) ||
        HasPrefix(member.key(), kOrderPrefix)) {
      continue;
    }
    if (!retained(member.key())) return Refuse("invalid patch format of retainKeys");
  }
  for (auto member = original.begin(); member != original.end();) {
    member = retained(member->key()) ? member + 1 : original.stable_erase(member);
  }
  return {};
}

Outcome StrategicMerger::OrderLists(json::Object& original, json::Object& patch,
                                    const TypeNode* type) {
  std::vector<std::string> directives;
  for (const auto& member : patch) {
    if (HasPrefix(member.key(), kOrderPrefix)) directives.emplace_back(member.key());
  }
  for (const std::string& directive : directives) {
    const json::Value order = std::move(patch[directive]);
    patch.stable_erase(patch.find(directive));
    if (!order.is_array()) {
      return FailPlainly(
          fmt::format("expected a []interface {{}}, but received a {}", json::TypeName(order)));
    }
    auto refusal = OrderList(original, patch, directive, order.get_array(), type);
    if (refusal) return refusal;
  }
  return {};
}

Outcome StrategicMerger::OrderList(json::Object& original, json::Object& patch,
                                   std::string_view directive, const json::Array& order,
                                   const TypeNode* type) {
  auto name = ListName(directive);
  if (!name) return Refuse("invalid patch format of setElementOrder list");
  const boost::json::string_view key(name->data(), name->size());
  json::Value* live = original.if_contains(key);
  json::Value* changes = patch.if_contains(key);
  for (const json::Value* list : {live, changes}) {
    if (list != nullptr && !list->is_array()) {
      return FailPlainly(
          fmt::format("expected a []interface {{}}, but received a {}", json::TypeName(*list)));
    }
  }
  const TypeNode::Field* field = type == nullptr ? nullptr : type->FindField(*name);
  if (field == nullptr) {
    return FailPlainly(
        fmt::format("unable to find api field in struct for the json field \"{}\"", *name));
  }
  const ListMeta meta{field->type->items, field->patch};
  const Items wanted(order.begin(), order.end());
  const Items before = ToItems(live);
  json::Array patched = changes == nullptr ? json::Array() : changes->get_array();
  if (auto refusal = CheckOrder(patched, wanted, meta.strategy.merge_key)) return refusal;
  Items merged;
  if (live != nullptr && changes == nullptr) {
    merged = before;
  } else if (live == nullptr && changes != nullptr) {
    for (json::Value& item : patched) {
      if (RemoveDirectives(item)) merged.push_back(std::move(item));
    }
  } else if (live != nullptr) {
    merged = before;
    if (!meta.strategy.merge) {
      merged = ToItems(changes);
    } else if (auto refusal = MergeList(merged, patched, meta, false)) {
      return refusal;
    }
  } else {
    return {};
  }
  const std::string_view merge_key = meta.strategy.merge_key;
  if (!merge_key.empty()) {
    if (auto refusal = CheckMergeKeys(merged, merge_key)) return refusal;
    if (auto refusal = CheckMergeKeys(wanted, merge_key)) return refusal;
  }
  original[key] = ToArray(InOrder(std::move(merged), wanted, before, merge_key));
  if (auto done = patch.find(key); done != patch.end()) patch.stable_erase(done);
  return {};
}

Outcome StrategicMerger::MergeField(json::Object& original, std::string_view key,
                                    json::Value& value, bool is_deletion, const TypeNode* type) {
  const boost::json::string_view name(key.data(), key.size());
  auto known = original.find(name);
  if (value.is_null()) {
    if (known != original.end()) original.stable_erase(known);
    return {};
  }
  if (known == original.end() || !HasSameGoType(known->value(), value)) {
    if (is_deletion) return {};
    DropNulls(value);
    if (auto added = Added(value)) {
      original[name] = *std::move(added);
    } else if (known != original.end()) {
      original.stable_erase(known);
    }
    return {};
  }
  if (!value.is_structured()) {
    known->value() = value;
    return {};
  }
  const TypeNode::Field* field = type == nullptr ? nullptr : type->FindField(key);
  const TypeNode* below = type == nullptr ? nullptr : type->TypeOf(key);
  if (value.is_object()) return MergeMap(known->value(), value, below);

  const ListMeta meta{below == nullptr ? nullptr : below->items,
                      field == nullptr ? PatchStrategy() : field->patch};
  if (!meta.strategy.merge && !is_deletion) {
    known->value() = value;
    return {};
  }
  Items merged = ToItems(&known->value());
  if (auto refusal = MergeList(merged, value.get_array(), meta, is_deletion)) return refusal;
  known->value() = ToArray(std::move(merged));
  return {};
}

Outcome StrategicMerger::MergeList(Items& original, json::Array& patch, const ListMeta& meta,
                                   bool is_deletion) {
  if (original.empty() && patch.empty()) return {};
  bool maps = false;
  Items order(patch.begin(), patch.end());
  if (auto refusal = CheckItemTypes(original, order, maps)) return refusal;
  std::string_view merge_key = meta.strategy.merge_key;
  Items merged;
  if (!maps) {
    if (is_deletion) {
      std::erase_if(original,
                    [&](const json::Value& item) { return IndexOf(order, item, "").has_value(); });
      return {};
    }
    merged = original;
    merged.insert(merged.end(), order.begin(), order.end());
    merged = Deduplicate(std::move(merged));
  } else {
    if (merge_key.empty()) return FailPlainly("cannot merge lists without merge key for struct");
    if (auto refusal = MergeItems(original, patch, merged, order, meta)) return refusal;
    if (auto refusal = CheckMergeKeys(merged, merge_key)) return refusal;
  }
  original = InOrder(std::move(merged), order, original, merge_key);
  return {};
}

// Obeys the items that are directives, then merges the rest by key.
Outcome StrategicMerger::MergeItems(Items& original, json::Array& patch, Items& merged,
                                    Items& order, const ListMeta& meta) {
  const std::string_view merge_key = meta.strategy.merge_key;
  std::vector<json::Value*> plain;
  order.clear();
  bool replace = false;
  for (json::Value& item : patch) {
    const json::Value* directive = json::Find(item, kDirective);
    if (directive == nullptr) {
      plain.push_back(&item);
      order.push_back(item);
      continue;
    }
    if (*directive == "delete") {
      const json::Value* value = json::Find(item, merge_key);
      if (value == nullptr) return NoMergeKey(item, merge_key);
      std::erase_if(original, [&](const json::Value& live) {
        const json::Value* own = json::Find(live, merge_key);
        return own != nullptr && IsSame(*own, *value);
      });
    } else if (*directive == "replace") {
      replace = true;
    } else if (*directive == "merge") {
      return FailPlainly("merging lists cannot yet be specified in the patch");
    } else {
      return FailPlainly(
          fmt::format("unknown patch type: {} in map: {}", GoValue(*directive), GoValue(item)));
    }
  }
  if (replace) {
    original = std::exchange(order, {});
    merged = original;
    return {};
  }
  merged = original;
  for (json::Value* item : plain) {
    const json::Value* value = json::Find(std::as_const(*item), merge_key);
    if (value == nullptr) return NoMergeKey(*item, merge_key);
    auto live = std::ranges::find_if(merged, [&](const json::Value& other) {
      const json::Value* own = json::Find(other, merge_key);
      return own != nullptr && IsSame(*own, *value);
    });
    if (live == merged.end()) {
      merged.push_back(*item);
    } else if (auto refusal = MergeMap(*live, *item, meta.items)) {
      return refusal;
    }
  }
  return {};
}

bool HasPrefix(std::string_view key, std::string_view prefix) { return key.starts_with(prefix); }

std::optional<std::string_view> ListName(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view prefix = key.substr(0, slash);
  if (prefix != kDeletePrefix && prefix != kOrderPrefix) return std::nullopt;
  return key.substr(slash + 1);
}

bool Has(const json::Object& object, std::string_view key) {
  return object.contains({key.data(), key.size()});
}

bool RemoveDirectives(json::Value& value) {
  if (json::Object* object = value.if_object()) {
    if (Has(*object, kDirective)) return false;
    for (auto member = object->begin(); member != object->end();) {
      member = RemoveDirectives(member->value()) ? member + 1 : object->stable_erase(member);
    }
  } else if (json::Array* array = value.if_array()) {
    json::Array kept(array->storage());
    for (json::Value& item : *array) {
      if (RemoveDirectives(item)) kept.push_back(std::move(item));
    }
    *array = std::move(kept);
  }
  return true;
}

std::optional<json::Value> Added(json::Value& member) {
  json::Array* items = member.if_array();
  if (items == nullptr) return RemoveDirectives(member) ? std::optional(member) : std::nullopt;
  json::Array kept;
  for (json::Value& item : *items) {
    if (RemoveDirectives(item)) kept.push_back(item);
  }
  return json::Value(std::move(kept));
}

bool IsSame(const json::Value& a, const json::Value& b) {
  return a.kind() == b.kind() && !a.is_structured() && a == b;
}

bool IsSameItem(const json::Value& a, const json::Value& b, std::string_view merge_key) {
  if (merge_key.empty()) return IsSame(a, b);
  const json::Value* left = json::Find(a, merge_key);
  const json::Value* right = json::Find(b, merge_key);
  return left != nullptr && right != nullptr && IsSame(*left, *right);
}

std::optional<std::size_t> IndexOf(const Items& items, const json::Value& item,
                                   std::string_view merge_key) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (IsSameItem(items[i], item, merge_key)) return i;
  }
  return std::nullopt;
}

bool HasSameGoType(const json::Value& a, const json::Value& b) {
  auto kind = [](const json::Value& value) {
    return value.is_uint64() ? boost::json::kind::int64 : value.kind();
  };
  return kind(a) == kind(b);
}

Outcome CheckItemTypes(const Items& a, const Items& b, bool& maps) {
  const json::Value* first = nullptr;
  for (const Items* items : {&a, &b}) {
    for (const json::Value& item : *items) {
      if (first == nullptr) {
        first = &item;
        if (item.is_array()) {
          kube::Status status;
          status.code = 422;
          status.reason = "Invalid";
          status.message = "the server rejected our request due to an error in our request";
          return status;
        }
      } else if (!HasSameGoType(*first, item)) {
        return FailPlainly(fmt::format("list element types are not identical: [{} {}]",
                                       GoValue(ToArray(a)), GoValue(ToArray(b))));
      }
    }
  }
  maps = first != nullptr && first->is_object();
  return {};
}

Outcome CheckMergeKeys(const Items& items, std::string_view merge_key) {
  for (const json::Value& item : items) {
    if (json::Find(item, merge_key) == nullptr) return NoMergeKey(item, merge_key);
  }
  return {};
}

// The patch's items stand in the order that the directive gives.
Outcome CheckOrder(const json::Array& patch, const Items& order, std::string_view merge_key) {
  if (patch.empty() || order.empty()) return {};
  std::size_t at = 0;
  for (const json::Value& item : patch) {
    if (json::Find(item, kDirective) != nullptr) continue;
    if (!merge_key.empty() && json::Find(item, merge_key) == nullptr) {
      return NoMergeKey(item, merge_key);
    }
    while (at < order.size() && !IsSameItem(item, order[at], merge_key)) ++at;
    if (at == order.size()) {
      return FailPlainly(
          fmt::format("The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                      GoValue(patch), GoValue(ToArray(order))));
    }
    ++at;
  }
  return {};
}

void SortBy(Items& items, const Items& order, std::string_view merge_key) {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    places.emplace_back(IndexOf(order, items[i], merge_key).value_or(order.size()), i);
  }
  std::ranges::sort(places);
  Items sorted;
  for (const auto& [place, i] : places) sorted.push_back(std::move(items[i]));
  items = std::move(sorted);
}

// Items of `right` come as early as the order of the live list allows.
Items InOrder(Items merged, const Items& wanted, const Items& before, std::string_view merge_key) {
  Items named;
  Items others;
  for (json::Value& item : merged) {
    (IndexOf(wanted, item, merge_key) ? named : others).push_back(std::move(item));
  }
  SortBy(named, wanted, merge_key);
  SortBy(others, before, merge_key);
  return Interleave(std::move(others), std::move(named), before, merge_key);
}

Items Interleave(Items left, Items right, const Items& order, std::string_view merge_key) {
  Items all;
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size() && r < right.size()) {
    const auto left_place = IndexOf(order, left[l], merge_key);
    const auto right_place = IndexOf(order, right[r], merge_key);
    const bool left_first = left_place && right_place && *left_place < *right_place;
    all.push_back(std::move(left_first ? left[l++] : right[r++]));
  }
  while (l < left.size()) all.push_back(std::move(left[l++]));
  while (r < right.size()) all.push_back(std::move(right[r++]));
  return all;
}

// A repeated item is overwritten by the last one.
Items Deduplicate(Items items) {
  for (std::size_t i = 0; i + 1 < items.size(); ++i) {
    for (std::size_t j = i + 1; j < items.size();) {
      if (!IsSame(items[i], items[j])) {
        ++j;
        continue;
      }
      if (j + 1 != items.size()) items[j] = std::move(items.back());
      items.pop_back();
    }
  }
  return items;
}

Items ToItems(const json::Value* list) {
  if (list == nullptr || !list->is_array()) return {};
  return Items(list->get_array().begin(), list->get_array().end());
}

json::Array ToArray(Items items) {
  json::Array array;
  array.reserve(items.size());
  for (json::Value& item : items) array.push_back(std::move(item));
  return array;
}

Outcome NoMergeKey(const json::Value& item, std::string_view merge_key) {
  return FailPlainly(
      fmt::format("map: {} does not contain declared merge key: {}", GoValue(item), merge_key));
}

}  // namespace
}  // namespace kro::apiserver::internal
