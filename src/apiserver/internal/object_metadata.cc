#include "apiserver/internal/object_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <span>

#include "apiserver/internal/formats.h"
#include "json/go_type.h"

namespace kro::apiserver::internal {
namespace {

enum class Shape {
  kString,
  kUid,
  kOperation,
  kInteger,
  kBool,
  kTime,
  kStrings,
  kTexts,
  kReferences,
  kEntries,
  kAny
};

struct Member {
  std::string_view name;
  Shape shape;
};

constexpr Member kMetadata[] = {
    {"annotations", Shape::kStrings},
    {"creationTimestamp", Shape::kTime},
    {"deletionGracePeriodSeconds", Shape::kInteger},
    {"deletionTimestamp", Shape::kTime},
    {"finalizers", Shape::kTexts},
    {"generateName", Shape::kString},
    {"generation", Shape::kInteger},
    {"labels", Shape::kStrings},
    {"managedFields", Shape::kEntries},
    {"name", Shape::kString},
    {"namespace", Shape::kString},
    {"ownerReferences", Shape::kReferences},
    {"resourceVersion", Shape::kString},
    {"selfLink", Shape::kString},
    {"uid", Shape::kUid},
};
constexpr Member kReference[] = {
    {"apiVersion", Shape::kString}, {"blockOwnerDeletion", Shape::kBool},
    {"controller", Shape::kBool},   {"kind", Shape::kString},
    {"name", Shape::kString},       {"uid", Shape::kUid},
};
constexpr Member kEntry[] = {
    {"apiVersion", Shape::kString},   {"fieldsType", Shape::kString},
    {"fieldsV1", Shape::kAny},        {"manager", Shape::kString},
    {"operation", Shape::kOperation}, {"subresource", Shape::kString},
    {"time", Shape::kTime},
};

using Fault = std::optional<std::string>;

const Member* Find(std::span<const Member> members, std::string_view name);
// `owner` is the Go field as messages call it: "ObjectMeta.labels".
Fault CheckMember(const json::Value& value, Shape shape, const std::string& owner);
Fault CheckStruct(const json::Value& value, std::span<const Member> members,
                  const std::string& owner, std::string_view go_type);
// The server has numbers that are no int64 as floats, and writes those without fraction as integers.
std::optional<std::int64_t> IntegerOf(const json::Value& value);
std::string Mismatch(const json::Value& value, const std::string& owner, std::string_view type);
void NormalizeStruct(json::Object& object, std::span<const Member> members,
                     const std::string& prefix, bool drop_empty, std::vector<std::string>& unknown);
bool IsEmpty(const json::Value& value);

}  // namespace

std::optional<std::string> MetadataFault(const json::Value& metadata) {
  if (metadata.is_null()) return std::nullopt;
  if (!metadata.is_object()) {
    return fmt::format("json: cannot unmarshal {} into Go value of type v1.ObjectMeta",
                       json::GoWord(metadata));
  }
  return CheckStruct(metadata, kMetadata, "ObjectMeta", "v1.ObjectMeta");
}

// Go's parser names the first part of its layout that the text has not.
std::optional<std::string> TimeFault(std::string_view text) {
  if (HasFormat("date-time", text)) return std::nullopt;
  constexpr std::string_view kLayout = "2006-01-02T15:04:05Z07:00";
  struct Part {
    std::string_view word;
    std::size_t digits;
  };
  constexpr Part kParts[] = {{"2006", 4}, {"-", 0}, {"01", 2}, {"-", 0}, {"02", 2}, {"T", 0},
                             {"15", 2},   {":", 0}, {"04", 2}, {":", 0}, {"05", 2}, {"Z07:00", 0}};
  std::string_view rest = text;
  for (const Part& part : kParts) {
    const std::string_view taken = rest.substr(0, part.digits == 0 ? 1 : part.digits);
    const bool good = part.digits != 0 ? taken.size() == part.digits &&
                                             std::ranges::all_of(
                                                 taken, [](char c) { return c >= '0' && c <= '9'; })
                                       : taken == part.word.substr(0, 1);
    if (!good) {
      return fmt::format(
          "parsing time {} as \"{}\": cannot parse {} as {}", json::Serialize(json::Value(text)),
          kLayout, json::Serialize(json::Value(rest)), json::Serialize(json::Value(part.word)));
    }
    rest.remove_prefix(taken.size());
  }
  return fmt::format("parsing time {}: time out of range", json::Serialize(json::Value(text)));
}

std::vector<std::string> NormalizeMetadata(json::Value& metadata) {
  std::vector<std::string> unknown;
  if (metadata.is_null()) metadata = json::Object();
  if (json::Object* object = metadata.if_object()) {
    NormalizeStruct(*object, kMetadata, "", true, unknown);
  }
  return unknown;
}

std::optional<std::string> KindFault(std::string_view kind) {
  std::string lower(kind);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto fault = Dns1035Fault(lower);
  if (!fault) return std::nullopt;
  return "may have mixed case, but should otherwise match: " + *fault;
}

std::optional<std::string> Dns1035Fault(std::string_view label) {
  if (label.size() > 63) return "must be no more than 63 characters";
  auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !label.empty() && label[0] >= 'a' && label[0] <= 'z' &&
                    alphanumeric(label.back()) &&
                    std::ranges::all_of(label, [&](char c) { return alphanumeric(c) || c == '-'; });
  if (good) return std::nullopt;
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
         "an "
         "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
         "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

namespace {

const Member* Find(std::span<const Member> members, std::string_view name) {
  auto found = std::ranges::find(members, name, &Member::name);
  return found == members.end() ? nullptr : &*found;
}

Fault CheckMember(const json::Value& value, Shape shape, const std::string& owner) {
  if (value.is_null()) return std::nullopt;
  switch (shape) {
    case Shape::kAny:
      return std::nullopt;
    case Shape::kString:
      if (!value.is_string()) return Mismatch(value, owner, "string");
      return std::nullopt;
    case Shape::kUid:
      if (!value.is_string()) return Mismatch(value, owner, "types.UID");
      return std::nullopt;
    case Shape::kOperation:
      if (!value.is_string()) return Mismatch(value, owner, "v1.ManagedFieldsOperationType");
      return std::nullopt;
    case Shape::kBool:
      if (!value.is_bool()) return Mismatch(value, owner, "bool");
      return std::nullopt;
    case Shape::kInteger:
      if (!IntegerOf(value)) return Mismatch(value, owner, "int64");
      return std::nullopt;
    case Shape::kTime:
      if (!value.is_string()) return Mismatch(value, owner, "string");
      return TimeFault(value.get_string());
    case Shape::kStrings:
      if (!value.is_object()) return Mismatch(value, owner, "map[string]string");
      for (const auto& member : value.get_object()) {
        if (auto fault = CheckMember(member.value(), Shape::kString, owner)) return fault;
      }
      return std::nullopt;
    case Shape::kTexts:
      if (!value.is_array()) return Mismatch(value, owner, "[]string");
      for (const json::Value& item : value.get_array()) {
        if (auto fault = CheckMember(item, Shape::kString, owner)) return fault;
      }
      return std::nullopt;
    case Shape::kReferences:
    case Shape::kEntries: {
      const bool references = shape == Shape::kReferences;
      const std::string_view type = references ? "v1.OwnerReference" : "v1.ManagedFieldsEntry";
      if (!value.is_array()) return Mismatch(value, owner, fmt::format("[]{}", type));
      for (const json::Value& item : value.get_array()) {
        auto fault = references
                         ? CheckStruct(item, kReference, "OwnerReference.ownerReferences", type)
                         : CheckStruct(item, kEntry, "ManagedFieldsEntry.managedFields", type);
        if (fault) return fault;
      }
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Fault CheckStruct(const json::Value& value, std::span<const Member> members,
                  const std::string& owner, std::string_view go_type) {
  if (value.is_null()) return std::nullopt;
  if (!value.is_object()) return Mismatch(value, owner, go_type);
  for (const auto& field : value.get_object()) {
    const Member* member = Find(members, field.key());
    if (member == nullptr) continue;
    auto fault =
        CheckMember(field.value(), member->shape, fmt::format("{}.{}", owner, member->name));
    if (fault) return fault;
  }
  return std::nullopt;
}

std::optional<std::int64_t> IntegerOf(const json::Value& value) {
  if (value.is_int64()) return value.get_int64();
  constexpr double kLimit = 0x1p63;
  const double number = value.is_double() ? value.get_double() : kLimit;
  if (number != std::trunc(number) || number < -kLimit || number >= kLimit) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::string Mismatch(const json::Value& value, const std::string& owner, std::string_view type) {
  std::string word(json::GoWord(value));
  // A number of the wrong kind is shown.
  if (type == "int64" && value.is_number()) {
    word += " " + json::Serialize(json::Value(value.to_number<double>()));
  }
  return fmt::format("json: cannot unmarshal {} into Go struct field {} of type {}", word, owner,
                     type);
}

void NormalizeStruct(json::Object& object, std::span<const Member> members,
                     const std::string& prefix, bool drop_empty,
                     std::vector<std::string>& unknown) {
  for (auto field = object.begin(); field != object.end();) {
    const Member* member = Find(members, field->key());
    if (member == nullptr) {
      unknown.push_back(prefix + std::string(field->key()));
      field = object.stable_erase(field);
      continue;
    }
    json::Value& value = field->value();
    if (value.is_null() || (drop_empty && IsEmpty(value))) {
      field = object.stable_erase(field);
      continue;
    }
    if (member->shape == Shape::kInteger) value = IntegerOf(value).value_or(0);
    if (member->shape == Shape::kStrings) {
      for (auto& entry : value.get_object()) {
        if (entry.value().is_null()) entry.value() = "";
      }
    } else if (member->shape == Shape::kReferences || member->shape == Shape::kEntries) {
      const bool references = member->shape == Shape::kReferences;
      json::Array& items = value.get_array();
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].is_null()) items[i] = json::Object();
        NormalizeStruct(
            items[i].get_object(),
            references ? std::span<const Member>(kReference) : std::span<const Member>(kEntry),
            fmt::format("{}{}[{}].", prefix, member->name, i), !references, unknown);
      }
    }
    ++field;
  }
}

bool IsEmpty(const json::Value& value) {
  if (const json::Object* object = value.if_object()) return object->empty();
  if (const json::Array* array = value.if_array()) return array->empty();
  if (value.is_string()) return value.get_string().empty();
  return value.is_int64() && value.get_int64() == 0;
}

}  // namespace
}  // namespace kro::apiserver::internal
