#include "apiserver/internal/typed.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "apiserver/internal/element_text.h"
#include "json/go_type.h"

namespace kro::apiserver::internal {
namespace {

// Which of its shapes a type takes for a value. kAny: nothing decides, as for null.
enum class Shape { kMap, kScalar, kList, kAny };

Shape ShapeOf(const TypeNode& type, const json::Value* value);
// The shape that is walked where none is decided.
Shape Resolve(const TypeNode& type, Shape shape);
bool IsEmpty(const json::Object* object) { return object == nullptr || object->empty(); }
bool IsEmpty(const json::Array* array) { return array == nullptr || array->empty(); }

// The element that stands for an item of a set or map list; the error in the server's words.
std::expected<Element, std::string> ElementOf(const TypeNode& list, const json::Value& item,
                                              FieldTexts& texts);

using Member = const boost::json::key_value_pair*;

// Members by name.
class SortedMembers {
 public:
  explicit SortedMembers(const json::Object& object);
  std::span<const Member> all() const { return {begin_, size_}; }

 private:
  static constexpr std::size_t kInline = 24;
  Member inline_[kInline];
  std::vector<Member> more_;
  Member* begin_;
  std::size_t size_;
};

class TypeErrors {
 public:
  explicit TypeErrors(Duplicates duplicates) : duplicates_(duplicates) {}

  void Check(const TypeNode& type, const json::Value& value);
  std::string Text() const;

 private:
  void CheckScalar(const TypeNode& type, const json::Value& value);
  void CheckList(const TypeNode& type, const json::Value& value);
  void CheckMap(const TypeNode& type, const json::Value& value);
  void Add(std::string message);

  Duplicates duplicates_;
  FieldTexts texts_;
  std::vector<Element> path_;
  std::vector<std::string> errors_;
};

class FieldCollector {
 public:
  explicit FieldCollector(FieldTexts& texts) : texts_(texts) {}

  FieldSet Run(const TypeNode& type, const json::Value& value) {
    Visit(type, value);
    return builder_.Build();
  }

 private:
  void Visit(const TypeNode& type, const json::Value& value);
  void VisitMap(const TypeNode& type, const json::Object& object);
  void VisitList(const TypeNode& type, const json::Array& array);
  void Push(Element element) { path_.push_back(element); }
  void Pop() {
    path_.pop_back();
    builder_.Leave(path_.size());
  }

  FieldTexts& texts_;
  FieldSetBuilder builder_;
  std::vector<Element> path_;
};

class ObjectComparer {
 public:
  explicit ObjectComparer(FieldTexts& texts) : texts_(texts) {}

  Comparison Run(const TypeNode& type, const json::Value* before, const json::Value* after) {
    Compare(type, before, after);
    return {added_.Build(), modified_.Build(), removed_.Build()};
  }

 private:
  // An operand may be nullptr, not both.
  void Compare(const TypeNode& type, const json::Value* before, const json::Value* after);
  // True if the value was compared as a whole.
  bool CompareAs(const TypeNode& type, Shape shape, const json::Value* before,
                 const json::Value* after);
  void CompareLeaf(const json::Value* before, const json::Value* after);
  void CompareMaps(const TypeNode& type, const json::Object* before, const json::Object* after);
  void CompareMember(const TypeNode& type, std::string_view name, const json::Value* before,
                     const json::Value* after);
  void CompareLists(const TypeNode& type, const json::Array* before, const json::Array* after);
  void Push(Element element) { path_.push_back(element); }
  void Pop() {
    path_.pop_back();
    added_.Leave(path_.size());
    modified_.Leave(path_.size());
    removed_.Leave(path_.size());
  }

  FieldTexts& texts_;
  FieldSetBuilder added_;
  FieldSetBuilder modified_;
  FieldSetBuilder removed_;
  std::vector<Element> path_;
};

class Merger {
 public:
  explicit Merger(FieldTexts& texts) : texts_(texts) {}

  bool Merge(const TypeNode& type, json::Value& target, const json::Value& config);

 private:
  bool MergeMaps(const TypeNode& type, json::Object& target, const json::Object& config);
  bool MergeLists(const TypeNode& type, json::Array& target, const json::Array& config);
  std::vector<Element> ElementsOf(const TypeNode& type, const json::Array& array);

  FieldTexts& texts_;
};

class Remover {
 public:
  Remover(const FieldSet& set, FieldTexts& texts) : nodes_(set.nodes()), texts_(texts) {}

  // [begin, end): the nodes below the value.
  void Remove(const TypeNode* type, json::Value& value, std::uint32_t begin, std::uint32_t end);
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }

 private:
  void RemoveFromMap(const TypeNode& type, json::Value& value, std::uint32_t begin,
                     std::uint32_t end);
  void RemoveFromList(const TypeNode& type, json::Value& value, std::uint32_t begin,
                      std::uint32_t end);
  // The child with this element, or nothing.
  std::optional<std::uint32_t> Find(std::uint32_t begin, std::uint32_t end,
                                    const Element& element) const;

  const std::vector<FieldSet::Node>& nodes_;
  FieldTexts& texts_;
};

// The items of a list by their elements, in order of the elements.
struct Item {
  Element element;
  const json::Value* value;
};
std::vector<Item> SortedItems(const TypeNode& type, const json::Array* array, FieldTexts& texts);
std::size_t RunLength(const std::vector<Item>& items, std::size_t begin);
double AsDouble(const json::Value& number);

}  // namespace

std::string FindTypeError(const TypeNode& type, const json::Value& value, Duplicates duplicates) {
  TypeErrors errors(duplicates);
  errors.Check(type, value);
  return errors.Text();
}

FieldSet FieldsOf(const TypeNode& type, const json::Value& value, FieldTexts& texts) {
  return FieldCollector(texts).Run(type, value);
}

Comparison CompareObjects(const TypeNode& type, const json::Value* before, const json::Value* after,
                          FieldTexts& texts) {
  return ObjectComparer(texts).Run(type, before, after);
}

bool MergeInto(const TypeNode& type, json::Value& target, const json::Value& config,
               FieldTexts& texts) {
  return Merger(texts).Merge(type, target, config);
}

void RemoveFields(const TypeNode& type, json::Value& target, const FieldSet& set,
                  FieldTexts& texts) {
  Remover remover(set, texts);
  remover.Remove(&type, target, 0, remover.size());
}

bool DeepEqual(const json::Value& a, const json::Value& b) {
  if (a.is_object() && b.is_object()) {
    const json::Object& left = a.get_object();
    const json::Object& right = b.get_object();
    if (left.size() != right.size()) return false;
    auto other = right.begin();
    for (const auto& member : left) {
      // Mostly both are in the same order.
      const json::Value* value =
          other->key() == member.key() ? &other->value() : right.if_contains(member.key());
      ++other;
      if (value == nullptr || !DeepEqual(member.value(), *value)) return false;
    }
    return true;
  }
  if (a.is_array() && b.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), DeepEqual);
  }
  if (a.kind() == b.kind()) return a == b;
  if (a.is_number() && b.is_number()) return AsDouble(a) == AsDouble(b);
  return false;
}

std::string GoValue(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "<nil>";
    case boost::json::kind::string:
      return std::string(value.get_string());
    case boost::json::kind::array: {
      std::string text = "[";
      for (const json::Value& item : value.get_array()) {
        if (text.size() > 1) text += ' ';
        text += GoValue(item);
      }
      return text + "]";
    }
    case boost::json::kind::object: {
      std::string text = "map[";
      const SortedMembers members(value.get_object());
      for (Member member : members.all()) {
        if (text.size() > 4) text += ' ';
        text += std::string_view(member->key());
        text += ':';
        text += GoValue(member->value());
      }
      return text + "]";
    }
    default:
      return json::Serialize(value);
  }
}

std::string GoSyntax(const json::Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "interface {}(nil)";
    case boost::json::kind::array: {
      std::string text = "[]interface {}{";
      for (const json::Value& item : value.get_array()) {
        if (text.back() != '{') text += ", ";
        text += GoSyntax(item);
      }
      return text + "}";
    }
    case boost::json::kind::object: {
      std::string text = "map[string]interface {}{";
      const SortedMembers members(value.get_object());
      for (Member member : members.all()) {
        if (text.back() != '{') text += ", ";
        text += json::Serialize(json::Value(member->key()));
        text += ':';
        text += GoSyntax(member->value());
      }
      return text + "}";
    }
    default:
      return json::Serialize(value);
  }
}

namespace {

Shape ShapeOf(const TypeNode& type, const json::Value* value) {
  if (value == nullptr || value->is_null()) return Shape::kAny;
  if (value->is_object()) return type.is_map ? Shape::kMap : Shape::kAny;
  if (value->is_array()) return type.is_list ? Shape::kList : Shape::kAny;
  return type.is_scalar ? Shape::kScalar : Shape::kAny;
}

Shape Resolve(const TypeNode& type, Shape shape) {
  if (shape != Shape::kAny) return shape;
  if (type.is_map) return Shape::kMap;
  return type.is_scalar ? Shape::kScalar : Shape::kList;
}

std::expected<Element, std::string> ElementOf(const TypeNode& list, const json::Value& item,
                                              FieldTexts& texts) {
  if (list.keys.empty()) {
    if (item.is_object()) {
      return std::unexpected("associative list without keys has an element that's a map type");
    }
    if (item.is_array()) {
      return std::unexpected("not supported: associative list with lists as elements");
    }
    if (item.is_null()) {
      return std::unexpected(
          "associative list without keys has an element that's an explicit null");
    }
    std::string text;
    AppendElementJson(text, item);
    return Element{ElementKind::kValue, texts.Keep(text)};
  }
  if (item.is_null()) {
    return std::unexpected("associative list with keys may not have a null element");
  }
  if (!item.is_object()) {
    return std::unexpected("associative list with keys may not have non-map elements");
  }
  const json::Object& object = item.get_object();
  std::string text = "{";
  for (std::string_view key : list.sorted_keys) {
    const json::Value* value = object.if_contains({key.data(), key.size()});
    if (value == nullptr && list.items != nullptr) {
      const TypeNode::Field* field = list.items->FindField(key);
      if (field != nullptr) value = field->default_value;
    }
    // Without a value or a default the item is told apart by its other keys.
    if (value == nullptr) continue;
    if (text.size() > 1) text += ',';
    AppendQuoted(text, key);
    text += ':';
    AppendElementJson(text, *value);
  }
  if (text.size() == 1) {
    std::string keys;
    for (std::string_view key : list.keys) {
      if (!keys.empty()) keys += ' ';
      keys += json::Serialize(json::Value(key));
    }
    return std::unexpected(
        fmt::format("associative list with keys has an element that omits all key fields [{}] (and "
                    "doesn't have "
                    "default values for any key fields)",
                    keys));
  }
  text += '}';
  return Element{ElementKind::kKey, texts.Keep(text)};
}

SortedMembers::SortedMembers(const json::Object& object) : size_(object.size()) {
  if (size_ > kInline) more_.resize(size_);
  begin_ = size_ > kInline ? more_.data() : inline_;
  bool sorted = true;
  std::size_t i = 0;
  for (const auto& member : object) {
    if (i > 0 && sorted) sorted = begin_[i - 1]->key() < member.key();
    begin_[i++] = &member;
  }
  if (!sorted) {
    std::sort(begin_, begin_ + size_, [](Member a, Member b) { return a->key() < b->key(); });
  }
}

void TypeErrors::Check(const TypeNode& type, const json::Value& value) {
  if (value.is_null()) return;
  switch (Resolve(type, ShapeOf(type, &value))) {
    case Shape::kMap:
      return CheckMap(type, value);
    case Shape::kList:
      return CheckList(type, value);
    default:
      return CheckScalar(type, value);
  }
}

std::string TypeErrors::Text() const {
  if (errors_.empty()) return {};
  if (errors_.size() == 1) return errors_[0];
  std::string text = "errors:";
  for (const std::string& error : errors_) text += "\n  " + error;
  return text;
}

void TypeErrors::CheckScalar(const TypeNode& type, const json::Value& value) {
  switch (type.scalar) {
    case ScalarType::kNumeric:
      if (!value.is_number()) {
        Add(fmt::format("expected numeric (int or float), got {}", json::GoType(value)));
      }
      return;
    case ScalarType::kString:
      if (!value.is_string()) {
        Add(fmt::format("expected string, got &value.valueUnstructured{{Value:{}}}",
                        GoSyntax(value)));
      }
      return;
    case ScalarType::kBoolean:
      if (!value.is_bool()) Add(fmt::format("expected boolean, got &{{{}}}", GoValue(value)));
      return;
    case ScalarType::kUntyped:
      if (value.is_structured()) {
        Add(fmt::format("expected any scalar, got &{{{}}}", GoValue(value)));
      }
      return;
  }
}

void TypeErrors::CheckList(const TypeNode& type, const json::Value& value) {
  if (!value.is_array()) return Add(fmt::format("expected list, got &{{{}}}", GoValue(value)));
  const json::Array& array = value.get_array();
  std::vector<Element> seen;
  for (std::size_t i = 0; i < array.size(); ++i) {
    Element element;
    if (type.list == ListRelation::kAtomic) {
      // Nothing can be wrong below what is anything.
      if (type.items->is_scalar && type.items->free_form) return;
      element = {ElementKind::kIndex, texts_.Keep(std::to_string(i))};
    } else {
      auto found = ElementOf(type, array[i], texts_);
      if (!found) return Add(fmt::format("element {}: {}", i, found.error()));
      element = *found;
      if (duplicates_ == Duplicates::kRefused) {
        if (std::ranges::find(seen, element) != seen.end()) {
          Add(fmt::format("duplicate entries for key {}", ToString(element)));
        }
        seen.push_back(element);
      }
    }
    path_.push_back(element);
    Check(*type.items, array[i]);
    path_.pop_back();
  }
}

void TypeErrors::CheckMap(const TypeNode& type, const json::Value& value) {
  if (!value.is_object()) return Add(fmt::format("expected map, got &{{{}}}", GoValue(value)));
  for (const auto& member : value.get_object()) {
    const TypeNode* below = type.TypeOf(member.key());
    path_.push_back({ElementKind::kField, member.key()});
    if (below == nullptr) Add("field not declared in schema");
    if (below != nullptr) Check(*below, member.value());
    path_.pop_back();
    // The rest of the map is not looked at.
    if (below == nullptr) return;
  }
}

void TypeErrors::Add(std::string message) {
  std::string path;
  for (const Element& element : path_) path += ToString(element);
  errors_.push_back(path.empty() ? std::move(message) : path + ": " + message);
}

void FieldCollector::Visit(const TypeNode& type, const json::Value& value) {
  switch (Resolve(type, ShapeOf(type, &value))) {
    case Shape::kMap:
      if (type.atomic_map) return builder_.Insert(path_);
      if (value.is_object()) VisitMap(type, value.get_object());
      return;
    case Shape::kList:
      if (type.list == ListRelation::kAtomic) return builder_.Insert(path_);
      if (value.is_array()) VisitList(type, value.get_array());
      return;
    default:
      builder_.Insert(path_);
  }
}

void FieldCollector::VisitMap(const TypeNode& type, const json::Object& object) {
  const SortedMembers members(object);
  for (Member member : members.all()) {
    const TypeNode::Field* field = type.FindField(member->key());
    const TypeNode* below = field != nullptr ? field->type : type.element;
    if (below == nullptr) continue;
    const json::Value& value = member->value();
    Push({ElementKind::kField, member->key()});
    Visit(*below, value);
    if (field == nullptr || value.is_null() || (value.is_object() && value.get_object().empty())) {
      builder_.Insert(path_);
    }
    Pop();
  }
}

void FieldCollector::VisitList(const TypeNode& type, const json::Array& array) {
  const std::vector<Item> items = SortedItems(type, &array, texts_);
  for (std::size_t i = 0; i < items.size();) {
    const std::size_t length = RunLength(items, i);
    Push(items[i].element);
    // Of an item that is there twice only the fact is recorded.
    if (length == 1) Visit(*type.items, *items[i].value);
    builder_.Insert(path_);
    Pop();
    i += length;
  }
}

void ObjectComparer::Compare(const TypeNode& type, const json::Value* before,
                             const json::Value* after) {
  const Shape left = ShapeOf(type, before);
  const Shape right = ShapeOf(type, after);
  bool whole = false;
  if (after == nullptr) {
    whole = CompareAs(type, left, before, after);
  } else {
    if (before != nullptr && left != right) CompareAs(type, left, before, after);
    whole = CompareAs(type, right, before, after);
  }
  if (whole) return;
  if (before == nullptr) added_.Insert(path_);
  if (after == nullptr) removed_.Insert(path_);
}

bool ObjectComparer::CompareAs(const TypeNode& type, Shape shape, const json::Value* before,
                               const json::Value* after) {
  switch (Resolve(type, shape)) {
    case Shape::kMap: {
      const json::Object* left = before == nullptr ? nullptr : before->if_object();
      const json::Object* right = after == nullptr ? nullptr : after->if_object();
      if (type.atomic_map || (IsEmpty(left) && IsEmpty(right))) break;
      CompareMaps(type, left, right);
      return false;
    }
    case Shape::kList: {
      const json::Array* left = before == nullptr ? nullptr : before->if_array();
      const json::Array* right = after == nullptr ? nullptr : after->if_array();
      if (type.list == ListRelation::kAtomic || (IsEmpty(left) && IsEmpty(right))) break;
      CompareLists(type, left, right);
      return false;
    }
    default:
      break;
  }
  CompareLeaf(before, after);
  return true;
}

void ObjectComparer::CompareLeaf(const json::Value* before, const json::Value* after) {
  if (before == nullptr) {
    added_.Insert(path_);
  } else if (after == nullptr) {
    removed_.Insert(path_);
  } else if (!DeepEqual(*before, *after)) {
    modified_.Insert(path_);
  }
}

void ObjectComparer::CompareMaps(const TypeNode& type, const json::Object* before,
                                 const json::Object* after) {
  static const json::Object& kNone = *new json::Object();
  const SortedMembers left(before == nullptr ? kNone : *before);
  const SortedMembers right(after == nullptr ? kNone : *after);
  auto a = left.all().begin();
  auto b = right.all().begin();
  while (a != left.all().end() || b != right.all().end()) {
    if (b == right.all().end() || (a != left.all().end() && (*a)->key() < (*b)->key())) {
      CompareMember(type, (*a)->key(), &(*a)->value(), nullptr);
      ++a;
    } else if (a == left.all().end() || (*b)->key() < (*a)->key()) {
      CompareMember(type, (*b)->key(), nullptr, &(*b)->value());
      ++b;
    } else {
      CompareMember(type, (*a)->key(), &(*a)->value(), &(*b)->value());
      ++a;
      ++b;
    }
  }
}

void ObjectComparer::CompareMember(const TypeNode& type, std::string_view name,
                                   const json::Value* before, const json::Value* after) {
  const TypeNode* below = type.TypeOf(name);
  if (below == nullptr) return;
  Push({ElementKind::kField, name});
  Compare(*below, before, after);
  Pop();
}

void ObjectComparer::CompareLists(const TypeNode& type, const json::Array* before,
                                  const json::Array* after) {
  const std::vector<Item> left = SortedItems(type, before, texts_);
  const std::vector<Item> right = SortedItems(type, after, texts_);
  std::size_t a = 0;
  std::size_t b = 0;
  while (a < left.size() || b < right.size()) {
    std::strong_ordering order = std::strong_ordering::equal;
    if (a == left.size()) {
      order = std::strong_ordering::greater;
    } else if (b == right.size()) {
      order = std::strong_ordering::less;
    } else {
      order = apiserver::internal::Compare(left[a].element, right[b].element);
    }
    const std::size_t lefts = order <= 0 ? RunLength(left, a) : 0;
    const std::size_t rights = order >= 0 ? RunLength(right, b) : 0;
    Push(order <= 0 ? left[a].element : right[b].element);
    if (lefts <= 1 && rights <= 1) {
      Compare(*type.items, lefts == 1 ? left[a].value : nullptr,
              rights == 1 ? right[b].value : nullptr);
    } else if (lefts > 1 && rights > 1) {
      // Several items of one name are one unit.
      bool equal = lefts == rights;
      for (std::size_t i = 0; equal && i < lefts; ++i) {
        equal = DeepEqual(*left[a + i].value, *right[b + i].value);
      }
      if (!equal) modified_.Insert(path_);
    } else if (lefts > 1) {
      if (rights == 1) Compare(*type.items, nullptr, right[b].value);
      removed_.Insert(path_);
    } else {
      if (lefts == 1) Compare(*type.items, left[a].value, nullptr);
      added_.Insert(path_);
    }
    Pop();
    a += lefts;
    b += rights;
  }
}

bool Merger::Merge(const TypeNode& type, json::Value& target, const json::Value& config) {
  switch (Resolve(type, ShapeOf(type, &config))) {
    case Shape::kMap: {
      json::Object* object = target.if_object();
      const json::Object* over = config.if_object();
      if (type.atomic_map || (IsEmpty(object) && IsEmpty(over))) break;
      // Null over a map with content changes nothing.
      if (over == nullptr) return false;
      if (object == nullptr) break;
      return MergeMaps(type, *object, *over);
    }
    case Shape::kList: {
      json::Array* array = target.if_array();
      const json::Array* over = config.if_array();
      if (type.list == ListRelation::kAtomic || (IsEmpty(array) && IsEmpty(over))) break;
      if (over == nullptr) return false;
      if (array == nullptr) break;
      return MergeLists(type, *array, *over);
    }
    default:
      break;
  }
  const bool same = DeepEqual(target, config);
  if (!same || target.kind() != config.kind()) target = config;
  return !same;
}

bool Merger::MergeMaps(const TypeNode& type, json::Object& target, const json::Object& config) {
  bool changed = false;
  for (const auto& member : config) {
    json::Value* value = target.if_contains(member.key());
    if (value == nullptr) {
      target.emplace(member.key(), member.value());
      changed = true;
      continue;
    }
    const TypeNode* below = type.TypeOf(member.key());
    if (below != nullptr && Merge(*below, *value, member.value())) changed = true;
  }
  return changed;
}

// The merged order: both lists are walked at once. Equal heads merge. A live item that the config
// lacks is taken when met; a live item that the config has, but not next, waits until the config
// reaches it; else the config's next item is taken. Live [a,b], config [c,b] gives [a,c,b]; live
// [a,c,b], config [b,c,z,a] gives [b,c,z,a].
bool Merger::MergeLists(const TypeNode& type, json::Array& target, const json::Array& config) {
  const std::vector<Element> left = ElementsOf(type, target);
  const std::vector<Element> right = ElementsOf(type, config);
  if (left.size() != target.size() || right.size() != config.size()) return false;

  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  auto index_in = [](const std::vector<Element>& elements, const Element& element) {
    auto found = std::ranges::find(elements, element);
    return found == elements.end() ? kNone : static_cast<std::size_t>(found - elements.begin());
  };
  // For each live item where the config has it, and the other way round.
  std::vector<std::size_t> in_config(left.size());
  std::vector<std::size_t> in_live(right.size());
  std::vector<bool> is_repeated(left.size());  // in the live list
  for (std::size_t i = 0; i < left.size(); ++i) {
    in_config[i] = index_in(right, left[i]);
    is_repeated[i] = std::ranges::count(left, left[i]) > 1;
  }
  std::vector<std::size_t> shared;  // of the config, those that are live too
  for (std::size_t i = 0; i < right.size(); ++i) {
    in_live[i] = index_in(left, right[i]);
    if (in_live[i] != kNone) shared.push_back(i);
  }

  json::Array merged(target.storage());
  merged.reserve(target.size() + config.size());
  std::vector<bool> taken(right.size());
  bool changed = false;
  auto take_live = [&](std::size_t i) { merged.push_back(std::move(target[i])); };
  auto take_config = [&](std::size_t i) {
    taken[i] = true;
    const std::size_t live = in_live[i];
    // Live items of one name are not merged with; the config's item replaces them all.
    if (live == kNone || is_repeated[live]) {
      merged.push_back(config[i]);
      changed = true;
    } else {
      json::Value item = std::move(target[live]);
      if (Merge(*type.items, item, config[i])) changed = true;
      if (live != merged.size()) changed = true;
      merged.push_back(std::move(item));
    }
  };

  std::size_t next = 0;  // in `shared`
  for (std::size_t l = 0, r = 0; l < left.size() || r < right.size();) {
    if (l < left.size() && r < right.size()) {
      if (left[l] == right[r]) {
        take_config(r);
        ++l;
        ++r;
        if (next < shared.size()) ++next;
        continue;
      }
      if (in_config[l] != kNone && next < shared.size() && right[shared[next]] != left[l]) {
        ++l;
        continue;
      }
    }
    if (l < left.size()) {
      if (in_config[l] == kNone) {
        if (l != merged.size()) changed = true;
        take_live(l++);
        continue;
      }
      if (taken[in_config[l]]) ++l;
    }
    if (r < right.size()) {
      take_config(r);
      if (next < shared.size() && shared[next] == r) ++next;
      ++r;
    }
  }
  if (merged.size() != target.size()) changed = true;
  target = std::move(merged);
  return changed;
}

std::vector<Element> Merger::ElementsOf(const TypeNode& type, const json::Array& array) {
  std::vector<Element> elements;
  elements.reserve(array.size());
  for (const json::Value& item : array) {
    auto element = ElementOf(type, item, texts_);
    if (!element) break;
    elements.push_back(*element);
  }
  return elements;
}

void Remover::Remove(const TypeNode* type, json::Value& value, std::uint32_t begin,
                     std::uint32_t end) {
  if (type == nullptr) {
    value = nullptr;
    return;
  }
  switch (Resolve(*type, ShapeOf(*type, &value))) {
    case Shape::kMap:
      return RemoveFromMap(*type, value, begin, end);
    case Shape::kList:
      return RemoveFromList(*type, value, begin, end);
    default:
      return;
  }
}

void Remover::RemoveFromMap(const TypeNode& type, json::Value& value, std::uint32_t begin,
                            std::uint32_t end) {
  json::Object* object = value.if_object();
  if (IsEmpty(object) || type.atomic_map) {
    value = nullptr;
    return;
  }
  for (std::uint32_t i = begin; i < end; i = nodes_[i].end) {
    const FieldSet::Node& node = nodes_[i];
    if (node.element.kind != ElementKind::kField) continue;
    const std::string_view name = node.element.text;
    auto member = object->find({name.data(), name.size()});
    if (member == object->end()) continue;
    if (node.member) {
      object->stable_erase(member);
    } else {
      Remove(type.TypeOf(name), member->value(), i + 1, node.end);
    }
  }
  if (object->empty()) value = nullptr;
}

void Remover::RemoveFromList(const TypeNode& type, json::Value& value, std::uint32_t begin,
                             std::uint32_t end) {
  json::Array* array = value.if_array();
  if (IsEmpty(array) || type.list == ListRelation::kAtomic) {
    value = nullptr;
    return;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto element = ElementOf(type, (*array)[i], texts_);
    auto found = element ? Find(begin, end, *element) : std::nullopt;
    if (found && nodes_[*found].member) continue;
    if (found) Remove(type.items, (*array)[i], *found + 1, nodes_[*found].end);
    if (kept != i) (*array)[kept] = std::move((*array)[i]);
    ++kept;
  }
  array->erase(array->begin() + static_cast<std::ptrdiff_t>(kept), array->end());
  if (array->empty()) value = nullptr;
}

std::optional<std::uint32_t> Remover::Find(std::uint32_t begin, std::uint32_t end,
                                           const Element& element) const {
  for (std::uint32_t i = begin; i < end; i = nodes_[i].end) {
    if (nodes_[i].element == element) return i;
  }
  return std::nullopt;
}

std::vector<Item> SortedItems(const TypeNode& type, const json::Array* array, FieldTexts& texts) {
  std::vector<Item> items;
  if (array == nullptr) return items;
  items.reserve(array->size());
  for (const json::Value& value : *array) {
    if (auto element = ElementOf(type, value, texts)) items.push_back({*element, &value});
  }
  std::ranges::sort(items, [](const Item& a, const Item& b) {
    auto order = Compare(a.element, b.element);
    return order != 0 ? order < 0 : a.value < b.value;
  });
  return items;
}

std::size_t RunLength(const std::vector<Item>& items, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < items.size() && items[end].element == items[begin].element) ++end;
  return end - begin;
}

double AsDouble(const json::Value& number) {
  if (number.is_int64()) return static_cast<double>(number.get_int64());
  if (number.is_uint64()) return static_cast<double>(number.get_uint64());
  return number.get_double();
}

}  // namespace
}  // namespace kro::apiserver::internal
