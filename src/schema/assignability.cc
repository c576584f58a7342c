#include "schema/assignability.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/cel_schema.h"

namespace kro::schema {
namespace {

using cel::TypeKind;
using Problem = std::optional<std::string>;

constexpr std::string_view kTypePrefix = "__type_";
constexpr std::string_view kItems = ".@idx";

// Types of schemas are cut long before; what lies deeper is taken to fit.
constexpr int kMaxTypeDepth = 500;

class Comparison {
 public:
  explicit Comparison(const Collections& collections) : collections_(collections) {}

  Problem Compare(cel::Type output, cel::Type expected, int depth) const;

 private:
  Problem MapToObject(cel::Type output, cel::Type expected, int depth) const;
  Problem ObjectToMap(cel::Type output, cel::Type expected, int depth) const;
  Problem ToList(cel::Type output, cel::Type expected, int depth) const;
  Problem ToMap(cel::Type output, cel::Type expected, int depth) const;
  Problem ToObject(cel::Type output, cel::Type expected, int depth) const;

  const Collections& collections_;
};

bool IsNominallyEqual(cel::Type output, cel::Type expected);
std::vector<std::pair<std::string, cel::Type>> DeclaredFields(const cel::ObjectSchema& schema);
Problem Within(std::string_view frame, Problem problem);

}  // namespace

bool HasKnownFields(cel::Type type, const Collections& collections) {
  if (!type.Is(TypeKind::kObject) || type.schema() == nullptr) return false;
  std::string_view name = type.name();
  if (!name.starts_with(kTypePrefix)) return false;  // kro.run.Condition
  name.remove_prefix(kTypePrefix.size());
  const std::size_t end = name.find('.');
  return end == std::string_view::npos || !name.substr(end).starts_with(kItems) ||
         !collections.contains(name.substr(0, end));
}

std::optional<std::string> WhyNotAssignable(cel::Type output, cel::Type expected,
                                            const Collections& collections) {
  if (IsNominallyEqual(output, expected)) return std::nullopt;
  return Comparison(collections).Compare(output, expected, 0);
}

namespace {

// The rules in the order of the specification: the first that applies decides.
Problem Comparison::Compare(cel::Type output, cel::Type expected, int depth) const {
  if (depth > kMaxTypeDepth) return std::nullopt;
  if (expected.IsDyn() || output.IsDyn() || output.IsError()) return std::nullopt;
  if (output.Is(TypeKind::kOptional)) return Compare(output.element(), expected, depth + 1);
  if (expected.Is(TypeKind::kObject)) {
    return output.Is(TypeKind::kMap) ? MapToObject(output, expected, depth)
                                     : ToObject(output, expected, depth);
  }
  if (expected.Is(TypeKind::kMap)) {
    return output.Is(TypeKind::kObject) ? ObjectToMap(output, expected, depth)
                                        : ToMap(output, expected, depth);
  }
  if (expected.Is(TypeKind::kList)) return ToList(output, expected, depth);
  if (output.kind() == expected.kind()) return std::nullopt;
  return fmt::format("type kind mismatch: got \"{}\", expected \"{}\"", output.ToString(),
                     expected.ToString());
}

// Nobody knows which keys the map will have, so its values fit every field, declared fields of an
// object that preserves unknown ones included.
Problem Comparison::MapToObject(cel::Type output, cel::Type expected, int depth) const {
  if (!HasKnownFields(expected, collections_)) return std::nullopt;
  if (!output.key().Is(TypeKind::kString)) return "map keys must be strings to assign to struct";
  for (const auto& [name, type] : DeclaredFields(*expected.schema())) {
    if (auto problem = Compare(output.element(), type, depth + 1)) {
      return Within(fmt::format("map value incompatible with struct field \"{}\"", name),
                    std::move(problem));
    }
  }
  return std::nullopt;
}

Problem Comparison::ObjectToMap(cel::Type output, cel::Type expected, int depth) const {
  if (!HasKnownFields(output, collections_)) return std::nullopt;
  if (!expected.key().Is(TypeKind::kString)) {
    return "map key type must be string when assigning struct → map";
  }
  for (const auto& [name, type] : DeclaredFields(*output.schema())) {
    if (auto problem = Compare(type, expected.element(), depth + 1)) {
      return Within(fmt::format("struct field \"{}\" incompatible with map value type", name),
                    std::move(problem));
    }
  }
  return std::nullopt;
}

// Compares first parameters whatever the output is, as upstream does: a map whose keys fit the
// elements is let through.
Problem Comparison::ToList(cel::Type output, cel::Type expected, int depth) const {
  if (output.parameters().empty()) {
    return fmt::format("list parameter count mismatch: got 0, expected {}",
                       expected.parameters().size());
  }
  return Within("list element type incompatible",
                Compare(output.parameter(0), expected.element(), depth + 1));
}

Problem Comparison::ToMap(cel::Type output, cel::Type expected, int depth) const {
  if (output.parameters().size() < 2) {
    return fmt::format("map parameter count mismatch: got {}, expected 2",
                       output.parameters().size());
  }
  if (auto problem = Compare(output.parameter(0), expected.key(), depth + 1)) {
    return Within("map key type incompatible", std::move(problem));
  }
  return Within("map value type incompatible",
                Compare(output.parameter(1), expected.element(), depth + 1));
}

// Missing fields are the server's business: only what is written counts.
Problem Comparison::ToObject(cel::Type output, cel::Type expected, int depth) const {
  if (!HasKnownFields(expected, collections_) || !HasKnownFields(output, collections_)) {
    return std::nullopt;
  }
  if (output.name() == expected.name() || expected.schema()->preserves_unknown()) {
    return std::nullopt;
  }
  // Whole pods are handed from one kind to another; that needs no comparison field by field.
  if (const Schema* same = SchemaOf(output); same != nullptr && same == SchemaOf(expected)) {
    return std::nullopt;
  }
  for (const auto& [name, type] : DeclaredFields(*output.schema())) {
    const auto field = expected.schema()->FindField(name);
    if (!field) {
      return fmt::format("field \"{}\" exists in output but not in expected type", name);
    }
    if (auto problem = Compare(type, field->type, depth + 1)) {
      return Within(fmt::format("field \"{}\" has incompatible type", name), std::move(problem));
    }
  }
  return std::nullopt;
}

// CEL's rule for declared types: the same type, the expected one dyn at any depth.
bool IsNominallyEqual(cel::Type output, cel::Type expected) {
  if (expected.IsDyn()) return true;
  if (output.kind() != expected.kind() || output.name() != expected.name() ||
      output.parameters().size() != expected.parameters().size()) {
    return false;
  }
  for (std::size_t i = 0; i < output.parameters().size(); ++i) {
    if (!IsNominallyEqual(output.parameter(i), expected.parameter(i))) return false;
  }
  return true;
}

std::vector<std::pair<std::string, cel::Type>> DeclaredFields(const cel::ObjectSchema& schema) {
  std::vector<std::pair<std::string, cel::Type>> fields;
  for (auto& name : schema.FieldNames()) {
    const auto field = schema.FindField(name);
    if (field && field->slot >= 0) fields.emplace_back(std::move(name), field->type);
  }
  std::ranges::sort(fields, {}, &std::pair<std::string, cel::Type>::first);
  return fields;
}

Problem Within(std::string_view frame, Problem problem) {
  if (problem) problem = fmt::format("{}: {}", frame, *problem);
  return problem;
}

}  // namespace
}  // namespace kro::schema
