#include "kube/field_set.h"

#include <algorithm>
#include <set>

namespace kro::kube {

// Walks a desired object beside a set; collects what either has and the other lacks.
class FieldComparison {
 public:
  static Result<FieldSet> Parse(const json::Value& tree, int depth);
  static void List(const FieldSet& set, const std::string& path, std::vector<std::string>& paths);

  // Both walk no deeper than json::kMaxDepth, which is what a parsed object can have.
  void Compare(const FieldSet* set, const json::Value& desired, const std::string& path);

  std::vector<std::string> missing;
  bool extra = false;

 private:
  void Miss(const json::Value& desired, const std::string& path);
  void CompareObject(const FieldSet* set, const json::Object& desired, const std::string& path);
  void CompareArray(const FieldSet* set, const json::Array& desired, const std::string& path);
};

namespace {

bool IsIdentity(std::string_view path);
bool KeysMatch(const json::Value& keys, const json::Value& item);

}  // namespace

Result<FieldSet> FieldSet::Parse(const json::Value& fields_v1) {
  return FieldComparison::Parse(fields_v1, 0);
}

std::vector<std::string> FieldSet::Paths() const {
  std::vector<std::string> paths;
  FieldComparison::List(*this, "", paths);
  return paths;
}

bool FieldSet::IsExactly(const json::Value& desired) const {
  FieldComparison comparison;
  comparison.Compare(this, desired, "");
  return comparison.missing.empty() && !comparison.extra;
}

std::vector<std::string> FieldSet::Missing(const json::Value& desired) const {
  FieldComparison comparison;
  comparison.Compare(this, desired, "");
  return std::move(comparison.missing);
}

Result<std::optional<ManagedFieldsEntry>> FindApplyEntry(const json::Value& object,
                                                         std::string_view manager,
                                                         std::string_view subresource) {
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return std::nullopt;
  const json::Value* found = nullptr;
  for (const json::Value& entry : entries->get_array()) {
    if (json::FindString(entry, {"manager"}) == manager &&
        json::FindString(entry, {"operation"}) == "Apply" &&
        json::FindString(entry, {"subresource"}) == subresource) {
      found = &entry;
    }
  }
  if (found == nullptr) return std::nullopt;
  ManagedFieldsEntry entry{
      std::string(manager),
      "Apply",
      std::string(json::FindString(*found, {"apiVersion"})),
      std::string(subresource),
      std::string(json::FindString(*found, {"time"})),
      {},
  };
  if (const json::Value* fields = json::Find(*found, "fieldsV1")) {
    auto set = FieldSet::Parse(*fields);
    if (!set) return Annotate(set, "managedFields of '{}'", manager);
    entry.fields = std::move(*set);
  }
  return entry;
}

std::vector<std::string> OwnersOf(const json::Value& object, const json::Value& desired,
                                  std::string_view path) {
  std::vector<std::string> owners;
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return owners;
  for (const json::Value& entry : entries->get_array()) {
    const json::Value* tree = json::Find(entry, "fieldsV1");
    if (tree == nullptr) continue;
    const auto fields = FieldSet::Parse(*tree);
    if (!fields) continue;
    // What is missing may be named by a place above.
    const bool missing = std::ranges::any_of(fields->Missing(desired), [&](const std::string& m) {
      return m == "." || (path.starts_with(m) && (path.size() == m.size() ||
                                                  path[m.size()] == '.' || path[m.size()] == '['));
    });
    std::string manager(json::FindString(entry, {"manager"}));
    if (!missing && std::ranges::find(owners, manager) == owners.end()) {
      owners.push_back(std::move(manager));
    }
  }
  return owners;
}

Result<FieldSet> FieldComparison::Parse(const json::Value& tree, int depth) {
  if (depth > json::kMaxDepth) return Fail(ErrorCode::kInvalid, "fieldsV1: nested too deeply");
  if (!tree.is_object()) {
    return Fail(ErrorCode::kInvalid, "fieldsV1: expected object, found {}", json::TypeName(tree));
  }
  FieldSet set;
  for (const auto& [element, below] : tree.get_object()) {
    std::string_view key = element;
    if (key == ".") {
      set.owned_ = true;
      continue;
    }
    bool known = key.size() >= 2 && key[1] == ':' &&
                 (key[0] == 'f' || key[0] == 'k' || key[0] == 'v' || key[0] == 'i');
    if (!known) return Fail(ErrorCode::kInvalid, "fieldsV1: unknown path element '{}'", key);
    auto child = Parse(below, depth + 1);
    if (!child) return child;
    // A place without anything below it stands for itself.
    if (child->children_.empty()) child->owned_ = true;
    set.children_.emplace(key, std::move(*child));
  }
  return set;
}

void FieldComparison::List(const FieldSet& set, const std::string& path,
                           std::vector<std::string>& paths) {
  if (set.owned_ && !path.empty()) paths.push_back(path);
  for (const auto& [element, child] : set.children_) {
    bool field = element.starts_with("f:");
    List(child, field ? path + "." + element.substr(2) : path + "[" + element + "]", paths);
  }
}

void FieldComparison::Compare(const FieldSet* set, const json::Value& desired,
                              const std::string& path) {
  if (set == nullptr) {
    Miss(desired, path);
    return;
  }
  // A place that is owned with nothing below it is owned whole: a scalar, an atomic list or map.
  if (set->children_.empty() && !path.empty()) return;
  if (desired.is_object()) {
    CompareObject(set, desired.get_object(), path);
  } else if (desired.is_array()) {
    CompareArray(set, desired.get_array(), path);
  } else {
    extra = true;
  }
}

// Members of an object are fields of their own; a list may be owned item by item or whole.
void FieldComparison::Miss(const json::Value& desired, const std::string& path) {
  if (!desired.is_object() || desired.get_object().empty()) {
    missing.push_back(path.empty() ? "." : path);
    return;
  }
  for (const auto& [name, value] : desired.get_object()) {
    std::string below = path + "." + std::string(name);
    if (!IsIdentity(below)) Miss(value, below);
  }
}

void FieldComparison::CompareObject(const FieldSet* set, const json::Object& desired,
                                    const std::string& path) {
  std::set<std::string, std::less<>> seen;
  for (const auto& [name, value] : desired) {
    std::string below = path + "." + std::string(name);
    if (IsIdentity(below)) continue;
    std::string element = "f:" + std::string(name);
    auto child = set->children_.find(element);
    // Nobody owns identity, so metadata without anything else in it is owned by nobody.
    if (child == set->children_.end() && below == ".metadata") {
      for (const auto& [key, inner] : value.is_object() ? value.get_object() : json::Object()) {
        if (!IsIdentity(".metadata." + std::string(key))) {
          missing.push_back(".metadata." + std::string(key));
        }
      }
      continue;
    }
    Compare(child == set->children_.end() ? nullptr : &child->second, value, below);
    seen.insert(std::move(element));
  }
  for (const auto& [element, child] : set->children_) {
    if (!seen.contains(element)) extra = true;
  }
}

void FieldComparison::CompareArray(const FieldSet* set, const json::Array& desired,
                                   const std::string& path) {
  std::set<const FieldSet*> seen;
  for (std::size_t i = 0; i < desired.size(); ++i) {
    const json::Value& item = desired[i];
    const FieldSet* match = nullptr;
    std::string element;
    for (const auto& [key, child] : set->children_) {
      bool matches = false;
      if (key.starts_with("i:")) {
        matches = key.substr(2) == std::to_string(i);
      } else if (auto identity = json::Parse(key.substr(2)); !identity) {
        matches = false;
      } else if (key.starts_with("k:")) {
        matches = KeysMatch(*identity, item);
      } else if (key.starts_with("v:")) {
        matches = *identity == item;
      }
      // The most specific key wins where the desired item leaves out a defaulted key field.
      if (matches && !seen.contains(&child)) {
        match = &child;
        element = key;
        break;
      }
    }
    if (match != nullptr) seen.insert(match);
    Compare(match, item, fmt::format("{}[{}]", path, i));
  }
  if (seen.size() != set->children_.size()) extra = true;
}

namespace {

bool IsIdentity(std::string_view path) {
  return path == ".apiVersion" || path == ".kind" || path == ".metadata.name" ||
         path == ".metadata.namespace" || path == ".metadata.uid" ||
         path == ".metadata.resourceVersion";
}

// Key fields that the item leaves out were defaulted by the server, as a port's protocol.
bool KeysMatch(const json::Value& keys, const json::Value& item) {
  if (!keys.is_object() || !item.is_object()) return false;
  bool any = false;
  for (const auto& [name, value] : keys.get_object()) {
    const json::Value* actual = json::Find(item, name);
    if (actual == nullptr) continue;
    if (*actual != value) return false;
    any = true;
  }
  return any;
}

}  // namespace
}  // namespace kro::kube
