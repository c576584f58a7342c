#include "apiserver/internal/field_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apiserver/internal/element_text.h"

namespace kro::apiserver::internal {

using Node = FieldSet::Node;

// The operations on sets; each works on the children of two nodes, [begin, end) of either array. They
// recurse no deeper than the sets, whose depth Parse and the walks limit.
class FieldSetAlgebra {
 public:
  enum class Operation { kUnion, kIntersection, kDifference, kRecursiveDifference };

  FieldSetAlgebra(Operation operation, const FieldSet& a, const FieldSet& b)
      : operation_(operation), a_(a.nodes_), b_(b.nodes_) {
    out_.nodes_.reserve(operation == Operation::kUnion ? a_.size() + b_.size() : a_.size());
  }

  FieldSet Run() {
    Combine(0, Size(a_), 0, Size(b_));
    return std::move(out_);
  }

  static void List(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                   const std::string& path, std::vector<std::string>& paths);
  static void Write(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                    json::Object& object);
  static Result<void> Read(const json::Object& object, FieldTexts& texts, int depth, FieldSet& set);
  static void AddNamedFields(FieldSet& set, std::uint32_t begin, std::uint32_t end,
                             const TypeNode* type);
  // Whether something is below what is replaced as a whole.
  static bool HasAtomic(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                        const TypeNode* type);
  static void Collapse(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                       const TypeNode* type, FieldSet& out);

 private:
  static std::uint32_t Size(const std::vector<Node>& nodes) {
    return static_cast<std::uint32_t>(nodes.size());
  }

  void Combine(std::uint32_t a, std::uint32_t a_end, std::uint32_t b, std::uint32_t b_end);
  void Both(std::uint32_t a, std::uint32_t b);
  void CopyTree(const std::vector<Node>& from, std::uint32_t at);

  Operation operation_;
  const std::vector<Node>& a_;
  const std::vector<Node>& b_;
  FieldSet out_;
};

namespace {

const TypeNode* TypeBelow(const TypeNode* type, const Element& element);

bool IsAtomic(const TypeNode* type) {
  if (type == nullptr || type->free_form) return false;
  if (type->is_map) return type->atomic_map;
  return type->is_list && !type->is_scalar && type->list == ListRelation::kAtomic;
}

}  // namespace

std::strong_ordering Compare(const Element& a, const Element& b) {
  if (a.kind != b.kind) return a.kind <=> b.kind;
  switch (a.kind) {
    case ElementKind::kField:
      return a.text <=> b.text;
    case ElementKind::kKey:
      return CompareKeys(a.text, b.text);
    case ElementKind::kValue:
      return CompareScalars(a.text, b.text);
    case ElementKind::kIndex:
      if (a.text.size() != b.text.size()) return a.text.size() <=> b.text.size();
      return a.text <=> b.text;
  }
  return std::strong_ordering::equal;
}

std::string ToString(const Element& element) {
  switch (element.kind) {
    case ElementKind::kField:
      return "." + std::string(element.text);
    case ElementKind::kKey:
      return "[" + ShowKeys(element.text) + "]";
    case ElementKind::kValue:
      return "[=" + ShowScalar(element.text) + "]";
    case ElementKind::kIndex:
      return "[" + std::string(element.text) + "]";
  }
  return {};
}

Result<FieldSet> FieldSet::Parse(const json::Value& fields_v1, FieldTexts& texts) {
  if (!fields_v1.is_object()) {
    return Fail(ErrorCode::kInvalid, "fieldsV1: expected object, found {}",
                json::TypeName(fields_v1));
  }
  FieldSet set;
  auto read = FieldSetAlgebra::Read(fields_v1.get_object(), texts, 0, set);
  if (!read) return std::unexpected(read.error());
  return set;
}

FieldSet FieldSet::OfFields(const std::vector<std::string>& dotted, FieldTexts& texts) {
  FieldSet all;
  for (std::string_view path : dotted) {
    FieldSetBuilder builder;
    std::vector<Element> elements;
    while (true) {
      std::size_t dot = path.find('.');
      elements.push_back({ElementKind::kField, texts.Keep(path.substr(0, dot))});
      if (dot == std::string_view::npos) break;
      path.remove_prefix(dot + 1);
    }
    builder.Insert(elements);
    all = all.Union(builder.Build());
  }
  return all;
}

json::Value FieldSet::ToJson(boost::json::storage_ptr storage) const {
  json::Object object(std::move(storage));
  FieldSetAlgebra::Write(*this, 0, static_cast<std::uint32_t>(nodes_.size()), object);
  return object;
}

std::vector<std::string> FieldSet::Paths() const {
  std::vector<std::string> paths;
  FieldSetAlgebra::List(*this, 0, static_cast<std::uint32_t>(nodes_.size()), "", paths);
  return paths;
}

FieldSet FieldSet::Union(const FieldSet& other) const {
  if (other.empty()) return *this;
  if (empty()) return other;
  return FieldSetAlgebra(FieldSetAlgebra::Operation::kUnion, *this, other).Run();
}

FieldSet FieldSet::Intersection(const FieldSet& other) const {
  if (empty() || other.empty()) return {};
  return FieldSetAlgebra(FieldSetAlgebra::Operation::kIntersection, *this, other).Run();
}

FieldSet FieldSet::Difference(const FieldSet& other) const {
  if (empty() || other.empty()) return *this;
  return FieldSetAlgebra(FieldSetAlgebra::Operation::kDifference, *this, other).Run();
}

FieldSet FieldSet::RecursiveDifference(const FieldSet& other) const {
  if (empty() || other.empty()) return *this;
  return FieldSetAlgebra(FieldSetAlgebra::Operation::kRecursiveDifference, *this, other).Run();
}

FieldSet FieldSet::WithNamedFields(const TypeNode& type) const {
  FieldSet result = *this;
  FieldSetAlgebra::AddNamedFields(result, 0, static_cast<std::uint32_t>(nodes_.size()), &type);
  return result;
}

bool FieldSet::CollapseAtomic(const TypeNode& type) {
  const auto size = static_cast<std::uint32_t>(nodes_.size());
  if (!FieldSetAlgebra::HasAtomic(*this, 0, size, &type)) return false;
  FieldSet result;
  FieldSetAlgebra::Collapse(*this, 0, size, &type, result);
  *this = std::move(result);
  return true;
}

bool operator==(const FieldSet& a, const FieldSet& b) {
  return std::ranges::equal(a.nodes_, b.nodes_, [](const Node& x, const Node& y) {
    return x.member == y.member && x.end == y.end && x.element == y.element;
  });
}

void FieldSetBuilder::Insert(const std::vector<Element>& path) {
  // Nobody owns the object as a whole.
  if (path.empty()) return;
  for (std::size_t i = open_.size(); i < path.size(); ++i) {
    open_.push_back(static_cast<std::uint32_t>(set_.nodes_.size()));
    set_.nodes_.push_back({path[i], false, 0});
  }
  set_.nodes_[open_.back()].member = true;
}

void FieldSetBuilder::Leave(std::size_t depth) {
  while (open_.size() > depth) {
    set_.nodes_[open_.back()].end = static_cast<std::uint32_t>(set_.nodes_.size());
    open_.pop_back();
  }
}

FieldSet FieldSetBuilder::Build() {
  Leave(0);
  return std::move(set_);
}

void FieldSetAlgebra::Combine(std::uint32_t a, std::uint32_t a_end, std::uint32_t b,
                              std::uint32_t b_end) {
  while (a < a_end && b < b_end) {
    auto order = Compare(a_[a].element, b_[b].element);
    if (order < 0) {
      if (operation_ != Operation::kIntersection) CopyTree(a_, a);
      a = a_[a].end;
    } else if (order > 0) {
      if (operation_ == Operation::kUnion) CopyTree(b_, b);
      b = b_[b].end;
    } else {
      Both(a, b);
      a = a_[a].end;
      b = b_[b].end;
    }
  }
  if (operation_ != Operation::kIntersection) {
    for (; a < a_end; a = a_[a].end) CopyTree(a_, a);
  }
  if (operation_ == Operation::kUnion) {
    for (; b < b_end; b = b_[b].end) CopyTree(b_, b);
  }
}

void FieldSetAlgebra::Both(std::uint32_t a, std::uint32_t b) {
  const bool in_a = a_[a].member;
  const bool in_b = b_[b].member;
  if (operation_ == Operation::kRecursiveDifference && in_b) return;
  bool member = operation_ == Operation::kUnion          ? in_a || in_b
                : operation_ == Operation::kIntersection ? in_a && in_b
                                                         : in_a && !in_b;
  std::size_t at = out_.nodes_.size();
  out_.nodes_.push_back({a_[a].element, member, 0});
  Combine(a + 1, a_[a].end, b + 1, b_[b].end);
  if (!member && out_.nodes_.size() == at + 1) {
    out_.nodes_.pop_back();
    return;
  }
  out_.nodes_[at].end = static_cast<std::uint32_t>(out_.nodes_.size());
}

void FieldSetAlgebra::CopyTree(const std::vector<Node>& from, std::uint32_t at) {
  // Ends are relative to the start; all of the tree moves by the same distance.
  const std::uint32_t start = Size(out_.nodes_);
  const std::uint32_t end = from[at].end;
  for (std::uint32_t i = at; i < end; ++i) {
    Node node = from[i];
    node.end = node.end - at + start;
    out_.nodes_.push_back(node);
  }
}

void FieldSetAlgebra::List(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                           const std::string& path, std::vector<std::string>& paths) {
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    if (set.nodes_[i].member) paths.push_back(path + ToString(set.nodes_[i].element));
  }
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    if (set.nodes_[i].end == i + 1) continue;
    List(set, i + 1, set.nodes_[i].end, path + ToString(set.nodes_[i].element), paths);
  }
}

void FieldSetAlgebra::Write(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                            json::Object& object) {
  static constexpr std::string_view kPrefixes[] = {"f:", "k:", "v:", "i:"};
  std::size_t count = 0;
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) ++count;
  object.reserve(object.size() + count);
  std::string key;
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    const Node& node = set.nodes_[i];
    key = kPrefixes[static_cast<std::size_t>(node.element.kind)];
    key += node.element.text;
    json::Object below(object.storage());
    if (node.end != i + 1) {
      if (node.member) below.emplace(".", json::Object());
      Write(set, i + 1, node.end, below);
    }
    object.emplace(key, std::move(below));
  }
}

Result<void> FieldSetAlgebra::Read(const json::Object& object, FieldTexts& texts, int depth,
                                   FieldSet& set) {
  if (depth > json::kMaxDepth) return Fail(ErrorCode::kInvalid, "fieldsV1: nested too deeply");
  struct Child {
    Element element;
    const json::Value* below;
  };
  std::vector<Child> children;
  children.reserve(object.size());
  for (const auto& member : object) {
    std::string_view key(member.key());
    if (key == ".") continue;
    auto element = ReadElement(key, texts);
    if (!element) return std::unexpected(element.error());
    if (!*element) continue;
    if (!member.value().is_object()) {
      return Fail(ErrorCode::kInvalid, "fieldsV1: expected object at '{}', found {}", key,
                  json::TypeName(member.value()));
    }
    children.push_back({**element, &member.value()});
  }
  auto before = [](const Child& a, const Child& b) { return Compare(a.element, b.element) < 0; };
  if (!std::ranges::is_sorted(children, before)) std::ranges::sort(children, before);
  for (std::size_t i = 0; i < children.size(); ++i) {
    const Child& child = children[i];
    // Two spellings of one place.
    if (i > 0 && children[i - 1].element == child.element) continue;
    const json::Object& below = child.below->get_object();
    std::size_t at = set.nodes_.size();
    set.nodes_.push_back({child.element, below.empty() || below.contains("."), 0});
    if (auto read = Read(below, texts, depth + 1, set); !read) return read;
    Node& node = set.nodes_[at];
    if (!node.member && set.nodes_.size() == at + 1) {
      set.nodes_.pop_back();
      continue;
    }
    node.end = static_cast<std::uint32_t>(set.nodes_.size());
  }
  return {};
}

void FieldSetAlgebra::AddNamedFields(FieldSet& set, std::uint32_t begin, std::uint32_t end,
                                     const TypeNode* type) {
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    Node& node = set.nodes_[i];
    if (node.end == i + 1) continue;
    if (node.element.kind == ElementKind::kField && type != nullptr &&
        type->FindField(node.element.text) != nullptr) {
      node.member = true;
    }
    AddNamedFields(set, i + 1, node.end, TypeBelow(type, node.element));
  }
}

bool FieldSetAlgebra::HasAtomic(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                                const TypeNode* type) {
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    if (set.nodes_[i].end == i + 1) continue;
    const TypeNode* below = TypeBelow(type, set.nodes_[i].element);
    if (IsAtomic(below) || HasAtomic(set, i + 1, set.nodes_[i].end, below)) return true;
  }
  return false;
}

void FieldSetAlgebra::Collapse(const FieldSet& set, std::uint32_t begin, std::uint32_t end,
                               const TypeNode* type, FieldSet& out) {
  for (std::uint32_t i = begin; i < end; i = set.nodes_[i].end) {
    const Node& node = set.nodes_[i];
    const TypeNode* below = TypeBelow(type, node.element);
    const std::size_t at = out.nodes_.size();
    out.nodes_.push_back(node);
    if (node.end != i + 1 && IsAtomic(below)) {
      out.nodes_[at].member = true;
    } else {
      Collapse(set, i + 1, node.end, below, out);
    }
    out.nodes_[at].end = static_cast<std::uint32_t>(out.nodes_.size());
  }
}

namespace {

const TypeNode* TypeBelow(const TypeNode* type, const Element& element) {
  if (type == nullptr) return nullptr;
  switch (element.kind) {
    case ElementKind::kField:
      return type->is_map ? type->TypeOf(element.text) : nullptr;
    case ElementKind::kKey:
    case ElementKind::kValue:
    case ElementKind::kIndex:
      return type->is_list ? type->items : nullptr;
  }
  return nullptr;
}

}  // namespace
}  // namespace kro::apiserver::internal
