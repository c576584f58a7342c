#include "cel/type.h"

#include <deque>
#include <map>
#include <mutex>

#include "cel/arena.h"

namespace kro::cel {
namespace {

const Type::Node kSimple[] = {
    {TypeKind::kDyn, 0, "dyn"},
    {TypeKind::kAny, 0, "google.protobuf.Any"},
    {TypeKind::kError, 0, "!error!"},
    {TypeKind::kNull, 0, "null_type"},
    {TypeKind::kBool, 0, "bool"},
    {TypeKind::kInt, 0, "int"},
    {TypeKind::kUint, 0, "uint"},
    {TypeKind::kDouble, 0, "double"},
    {TypeKind::kString, 0, "string"},
    {TypeKind::kBytes, 0, "bytes"},
    {TypeKind::kTimestamp, 0, "google.protobuf.Timestamp"},
    {TypeKind::kDuration, 0, "google.protobuf.Duration"},
};

enum class Words { kRuntime, kMessage, kAuthor };

// Nodes that declarations made, by kind, name and parameters. Never freed: declarations last as long
// as the process.
class Declared {
 public:
  Type Make(TypeKind kind, std::string_view name, std::span<const Type> parameters);

 private:
  struct Owned {
    std::string name;
    std::vector<Type> parameters;
    Type::Node node;
  };
  std::mutex mutex_;
  std::deque<Owned> nodes_;                           // guarded by mutex_
  std::multimap<std::string, const Owned*> by_name_;  // guarded by mutex_
};

Type Simple(TypeKind kind) { return Type(&kSimple[static_cast<std::size_t>(kind)]); }
Type Declare(TypeKind kind, std::string_view name, std::span<const Type> parameters = {});
void Write(std::string& out, Type type, Words words);
class TypeReader;

}  // namespace

Type::Type() : node_(&kSimple[0]) {}

std::string Type::ToString() const {
  std::string out;
  Write(out, *this, Words::kRuntime);
  return out;
}

std::string Type::ToMessage() const {
  std::string out;
  Write(out, *this, Words::kMessage);
  return out;
}

std::string Type::ToAuthor() const {
  std::string out;
  Write(out, *this, Words::kAuthor);
  return out;
}

bool operator==(const Type& a, const Type& b) {
  if (a.node_ == b.node_) return true;
  const Type::Node& x = *a.node_;
  const Type::Node& y = *b.node_;
  if (x.kind != y.kind || x.number != y.number || x.name != y.name ||
      x.parameters.size() != y.parameters.size()) {
    return false;
  }
  for (std::size_t i = 0; i < x.parameters.size(); ++i) {
    if (!(x.parameters[i] == y.parameters[i])) return false;
  }
  return true;
}

Type Dyn() { return Simple(TypeKind::kDyn); }
Type Any() { return Simple(TypeKind::kAny); }
Type ErrorType() { return Simple(TypeKind::kError); }
Type Null() { return Simple(TypeKind::kNull); }
Type Bool() { return Simple(TypeKind::kBool); }
Type Int() { return Simple(TypeKind::kInt); }
Type Uint() { return Simple(TypeKind::kUint); }
Type Double() { return Simple(TypeKind::kDouble); }
Type String() { return Simple(TypeKind::kString); }
Type Bytes() { return Simple(TypeKind::kBytes); }
Type Time() { return Simple(TypeKind::kTimestamp); }
Type Duration() { return Simple(TypeKind::kDuration); }

Type ListOf(Type element) { return Declare(TypeKind::kList, "list", {&element, 1}); }
Type MapOf(Type key, Type value) {
  Type parameters[] = {key, value};
  return Declare(TypeKind::kMap, "map", parameters);
}
Type OptionalOf(Type content) {
  return Declare(TypeKind::kOptional, "optional_type", {&content, 1});
}
Type TypeOf(Type of) { return Declare(TypeKind::kType, "type", {&of, 1}); }
Type WrapperOf(Type of) { return Declare(TypeKind::kWrapper, "wrapper", {&of, 1}); }
Type Abstract(std::string_view name, std::span<const Type> parameters) {
  return Declare(TypeKind::kAbstract, name, parameters);
}
Type Object(std::string_view name) { return Declare(TypeKind::kObject, name); }
Type Param(std::string_view name) { return Declare(TypeKind::kParam, name); }

Type T() { return Param("T"); }
Type U() { return Param("U"); }
Type K() { return Param("K"); }
Type V() { return Param("V"); }

Type TypeArena::ListOf(Type element) { return Make(TypeKind::kList, "list", {&element, 1}); }
Type TypeArena::MapOf(Type key, Type value) {
  Type parameters[] = {key, value};
  return Make(TypeKind::kMap, "map", parameters);
}
Type TypeArena::OptionalOf(Type content) {
  return Make(TypeKind::kOptional, "optional_type", {&content, 1});
}
Type TypeArena::TypeOf(Type of) { return Make(TypeKind::kType, "type", {&of, 1}); }
Type TypeArena::WrapperOf(Type of) { return Make(TypeKind::kWrapper, "wrapper", {&of, 1}); }
Type TypeArena::Abstract(std::string_view name, std::span<const Type> parameters) {
  return Make(TypeKind::kAbstract, arena_.Copy(name), parameters);
}

Type TypeArena::Object(const ObjectSchema* schema) {
  return Type(arena_.New<Type::Node>(TypeKind::kObject, 0u, schema->type_name(),
                                     std::span<const Type>(), schema));
}

Type TypeArena::With(Type type, std::span<const Type> parameters) {
  return Make(type.kind(), type.name(), parameters);
}

Type TypeArena::Variable(std::uint32_t number) {
  return Type(arena_.New<Type::Node>(TypeKind::kParam, number, std::string_view("_var"),
                                     std::span<const Type>(), nullptr));
}

Type TypeArena::Copy(Type type) {
  std::vector<Type> parameters;
  for (Type parameter : type.parameters()) parameters.push_back(Copy(parameter));
  if (type.kind() <= TypeKind::kDuration) return type;
  Type copy = Make(type.kind(), arena_.Copy(type.name()), parameters);
  auto* node = const_cast<Type::Node*>(copy.node());
  node->schema = type.schema();
  node->number = type.node()->number;
  if (type.schema()) node->name = type.schema()->type_name();
  return copy;
}

Type TypeArena::Make(TypeKind kind, std::string_view name, std::span<const Type> parameters) {
  std::span<Type> copy = arena_.NewArray<Type>(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) copy[i] = parameters[i];
  return Type(arena_.New<Type::Node>(kind, 0u, name, std::span<const Type>(copy), nullptr));
}

bool IsAssignable(Type to, Type from) {
  if (to == from) return true;
  auto wild = [](Type t) { return t.IsDyn() || t.Is(TypeKind::kAny) || t.IsError(); };
  if (wild(to) || wild(from)) return true;
  if (from.Is(TypeKind::kNull)) {
    return to.Is(TypeKind::kTimestamp) || to.Is(TypeKind::kDuration) ||
           to.Is(TypeKind::kAbstract) || to.Is(TypeKind::kObject) || to.Is(TypeKind::kOptional) ||
           to.Is(TypeKind::kWrapper);
  }
  if (to.Is(TypeKind::kWrapper) && !from.Is(TypeKind::kWrapper)) {
    return IsAssignable(to.element(), from);
  }
  if (from.Is(TypeKind::kWrapper) && !to.Is(TypeKind::kWrapper)) {
    return IsAssignable(to, from.element());
  }
  if (to.kind() != from.kind() || to.name() != from.name() ||
      to.parameters().size() != from.parameters().size()) {
    return false;
  }
  for (std::size_t i = 0; i < to.parameters().size(); ++i) {
    if (!IsAssignable(to.parameter(i), from.parameter(i))) return false;
  }
  return true;
}

namespace {

Type Declared::Make(TypeKind kind, std::string_view name, std::span<const Type> parameters) {
  std::lock_guard lock(mutex_);
  auto [first, last] = by_name_.equal_range(std::string(name));
  for (; first != last; ++first) {
    const Owned& owned = *first->second;
    if (owned.node.kind == kind && std::equal(parameters.begin(), parameters.end(),
                                              owned.parameters.begin(), owned.parameters.end())) {
      return Type(&owned.node);
    }
  }
  Owned& owned = nodes_.emplace_back(
      Owned{std::string(name), {parameters.begin(), parameters.end()}, {kind, 0, {}}});
  owned.node.name = owned.name;
  owned.node.parameters = owned.parameters;
  by_name_.emplace(owned.name, &owned);
  return Type(&owned.node);
}

Type Declare(TypeKind kind, std::string_view name, std::span<const Type> parameters) {
  static Declared& declared = *new Declared;
  return declared.Make(kind, name, parameters);
}

void Write(std::string& out, Type type, Words words) {
  if (words != Words::kRuntime) {
    switch (type.kind()) {
      case TypeKind::kNull:
        out += "null";
        return;
      case TypeKind::kAny:
        out += "any";
        return;
      case TypeKind::kTimestamp:
        out += "timestamp";
        return;
      case TypeKind::kDuration:
        out += "duration";
        return;
      case TypeKind::kObject:
        if (words == Words::kAuthor && type.schema()) {
          out += "object";
          return;
        }
        break;
      case TypeKind::kOptional:
        if (words == Words::kAuthor) {
          out += "optional(";
          Write(out, type.element(), words);
          out += ')';
          return;
        }
        break;
      default:
        break;
    }
  }
  out += type.name();
  if (type.Is(TypeKind::kParam) && type.node()->number) {
    out += std::to_string(type.node()->number);
  }
  if (type.parameters().empty()) return;
  out += '(';
  for (std::size_t i = 0; i < type.parameters().size(); ++i) {
    if (i > 0) out += ", ";
    Write(out, type.parameter(i), words);
  }
  out += ')';
}

// Reads name [ "(" type { "," type } ")" ].
class TypeReader {
 public:
  explicit TypeReader(std::string_view text) : text_(text) {}

  std::optional<Type> Read() {
    auto type = ReadType(0);
    return position_ == text_.size() ? type : std::nullopt;
  }

 private:
  static constexpr int kMaxDepth = 64;

  std::optional<Type> ReadType(int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    SkipSpace();
    std::size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != '(' && text_[position_] != ')' &&
           text_[position_] != ',' && text_[position_] != ' ') {
      ++position_;
    }
    std::string_view name = text_.substr(begin, position_ - begin);
    if (name.empty()) return std::nullopt;
    std::vector<Type> parameters;
    if (position_ < text_.size() && text_[position_] == '(') {
      do {
        ++position_;
        auto parameter = ReadType(depth + 1);
        if (!parameter) return std::nullopt;
        parameters.push_back(*parameter);
        SkipSpace();
      } while (position_ < text_.size() && text_[position_] == ',');
      if (position_ == text_.size() || text_[position_] != ')') return std::nullopt;
      ++position_;
    }
    return Named(name, parameters);
  }

  static std::optional<Type> Named(std::string_view name, std::span<const Type> parameters) {
    std::size_t count = parameters.size();
    if (name == "list") return ListOf(count == 1 ? parameters[0] : Dyn());
    if (name == "map") {
      return count == 2 ? MapOf(parameters[0], parameters[1]) : MapOf(Dyn(), Dyn());
    }
    if (name == "optional_type") return OptionalOf(count == 1 ? parameters[0] : Dyn());
    if (name == "type") return TypeOf(count == 1 ? parameters[0] : Dyn());
    if (name == "wrapper" && count == 1) return WrapperOf(parameters[0]);
    if (count == 0) {
      for (const Type::Node& node : kSimple) {
        if (node.name == name) return Type(&node);
      }
      if (name == "null") return Null();
      if (name == "any") return Any();
      if (name == "timestamp") return Time();
      if (name == "duration") return Duration();
      if (name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z') return Param(name);
    }
    return Abstract(name, parameters);
  }

  void SkipSpace() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::optional<Type> ParseType(std::string_view text) { return TypeReader(text).Read(); }

}  // namespace kro::cel
