#include "apiserver/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "apiserver/decode.h"
#include "apiserver/internal/strategic_merge.h"
#include "apiserver/internal/typed.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxOperations = 10'000;
constexpr std::size_t kMaxCopied = 3 << 20;

// Applies operations one after another. A false result is a failure; its text is never shown.
class JsonPatcher {
 public:
  explicit JsonPatcher(json::Value document) : document_(std::move(document)) {}

  bool Apply(const json::Object& operation);
  json::Value& document() { return document_; }

 private:
  // Where a pointer leads: a container, and the last step into it.
  struct Place {
    json::Value* container;
    std::string key;
  };

  std::optional<Place> Find(std::string_view pointer);
  bool Add(std::string_view pointer, json::Value value);
  bool Remove(std::string_view pointer);
  bool Replace(std::string_view pointer, const json::Value& value);
  bool Test(std::string_view pointer, const json::Value& value);
  bool Move(std::string_view from, std::string_view to);
  bool Copy(std::string_view from, std::string_view to);

  json::Value document_;
  std::size_t copied_ = 0;
};

// A value for reading, or nullptr; false if the step leads nowhere. A missing key of a map is nullptr.
bool Step(json::Value& container, std::string_view key, json::Value*& value);
// A position in an array; negative ones count from the end.
std::optional<std::size_t> ParseIndex(std::string_view text, std::size_t size);
std::string Unescape(std::string_view segment);
bool SameText(const json::Value& a, const json::Value& b);
Answer<json::Value> CheckOperations(const Decoded& decoded, std::vector<std::string>& complaints);
void Merge(json::Value& target, const json::Value& patch);
// `number`, as Go's decoder calls a JSON value.
std::string_view WordFor(const json::Value& value);
std::unexpected<kube::Status> BadPatch(std::string_view why);
std::unexpected<kube::Status> Unprocessable();

}  // namespace

Answer<Patched> ApplyJsonPatch(const json::Value& object, std::string_view body) {
  auto decoded = DecodeJson(body, object.storage());
  if (!decoded) return BadPatch(decoded.error().message());
  std::vector<std::string> complaints;
  auto operations = CheckOperations(*decoded, complaints);
  if (!operations) return std::unexpected(operations.error());
  JsonPatcher patcher(json::Value(object, object.storage()));
  for (const json::Value& operation : operations->get_array()) {
    if (!operation.is_object() || !patcher.Apply(operation.get_object()) ||
        json::IsTooDeep(patcher.document())) {
      return Unprocessable();
    }
  }
  return Patched{std::move(patcher.document()), std::move(complaints), {}};
}

Answer<Patched> ApplyMergePatch(const json::Value& object, std::string_view body) {
  auto decoded = DecodeJson(body, object.storage());
  if (!decoded) return BadPatch(decoded.error().message());
  if (decoded->value.is_null()) return BadRequest("Invalid JSON Patch");
  if (!decoded->value.is_object()) {
    return BadPatch(
        fmt::format("json: cannot unmarshal {} into Go value of type "
                    "map[string]interface {{}}",
                    WordFor(decoded->value)));
  }
  Patched patched{
      json::Value(object, object.storage()), FieldComplaints({}, decoded->duplicates), {}};
  Merge(patched.object, decoded->value);
  return patched;
}

Answer<Patched> ApplyStrategicMergePatch(const json::Value& object, std::string_view body,
                                         const ObjectSchema& schema) {
  auto decoded = DecodeJson(body, object.storage());
  if (!decoded) return BadRequest(decoded.error().message());
  if (decoded->value.is_null()) decoded->value = json::Object();
  if (!decoded->value.is_object()) {
    return BadRequest(
        fmt::format("json: cannot unmarshal {} into Go value of type "
                    "map[string]interface {{}}",
                    WordFor(decoded->value)));
  }
  auto merged = internal::MergeStrategically(object, decoded->value, schema.root());
  if (!merged) return std::unexpected(merged.error());
  return Patched{*std::move(merged), FieldComplaints({}, decoded->duplicates),
                 std::move(decoded->value)};
}

namespace {

bool JsonPatcher::Apply(const json::Object& operation) {
  auto text = [&](std::string_view key) -> std::optional<std::string_view> {
    const json::Value* value = operation.if_contains({key.data(), key.size()});
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->get_string();
  };
  static const json::Value kNull;
  const json::Value* given = operation.if_contains("value");
  const json::Value& value = given == nullptr ? kNull : *given;
  const std::string_view op = text("op").value_or("");
  const auto path = text("path");
  if (!path) return false;
  if (op == "add") return Add(*path, value);
  if (op == "remove") return Remove(*path);
  if (op == "replace") return Replace(*path, value);
  if (op == "test") return Test(*path, value);
  const auto from = text("from");
  if (!from) return false;
  if (op == "move") return Move(*from, *path);
  return op == "copy" && Copy(*from, *path);
}

// Whatever stands before the first slash is not looked at.
std::optional<JsonPatcher::Place> JsonPatcher::Find(std::string_view pointer) {
  std::size_t slash = pointer.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  pointer.remove_prefix(slash + 1);
  json::Value* at = &document_;
  while ((slash = pointer.find('/')) != std::string_view::npos) {
    json::Value* next = nullptr;
    if (!Step(*at, Unescape(pointer.substr(0, slash)), next)) return std::nullopt;
    if (next == nullptr || !next->is_structured()) return std::nullopt;
    at = next;
    pointer.remove_prefix(slash + 1);
  }
  return Place{at, Unescape(pointer)};
}

bool JsonPatcher::Add(std::string_view pointer, json::Value value) {
  auto place = Find(pointer);
  if (!place) return false;
  if (json::Object* object = place->container->if_object()) {
    (*object)[place->key] = std::move(value);
    return true;
  }
  json::Array* array = place->container->if_array();
  if (array == nullptr) return false;
  if (place->key == "-") {
    array->push_back(std::move(value));
    return true;
  }
  auto index = ParseIndex(place->key, array->size() + 1);
  if (!index) return false;
  array->insert(array->begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
  return true;
}

bool JsonPatcher::Remove(std::string_view pointer) {
  auto place = Find(pointer);
  if (!place) return false;
  if (json::Object* object = place->container->if_object()) {
    auto member = object->find(place->key);
    if (member == object->end()) return false;
    object->stable_erase(member);
    return true;
  }
  json::Array* array = place->container->if_array();
  if (array == nullptr) return false;
  auto index = ParseIndex(place->key, array->size());
  if (!index) return false;
  array->erase(array->begin() + static_cast<std::ptrdiff_t>(*index));
  return true;
}

bool JsonPatcher::Replace(std::string_view pointer, const json::Value& value) {
  if (pointer.empty()) {
    if (!value.is_structured()) return false;
    document_ = value;
    return true;
  }
  auto place = Find(pointer);
  if (!place) return false;
  json::Value* target = nullptr;
  if (!Step(*place->container, place->key, target)) return false;
  if (target != nullptr) {
    *target = value;
    return true;
  }
  place->container->get_object()[place->key] = value;
  return true;
}

bool JsonPatcher::Test(std::string_view pointer, const json::Value& value) {
  if (pointer.empty()) return SameText(document_, value);
  auto place = Find(pointer);
  if (!place) return false;
  json::Value* target = nullptr;
  if (!Step(*place->container, place->key, target)) return false;
  return target == nullptr ? value.is_null() : SameText(*target, value);
}

bool JsonPatcher::Move(std::string_view from, std::string_view to) {
  auto place = Find(from);
  if (!place) return false;
  json::Value* source = nullptr;
  if (!Step(*place->container, place->key, source) || source == nullptr) return false;
  json::Value value = *source;
  return Remove(from) && Add(to, std::move(value));
}

bool JsonPatcher::Copy(std::string_view from, std::string_view to) {
  auto place = Find(from);
  if (!place) return false;
  json::Value* source = nullptr;
  if (!Step(*place->container, place->key, source)) return false;
  json::Value value = source == nullptr ? json::Value() : *source;
  copied_ += json::Serialize(value).size();
  if (copied_ > kMaxCopied) return false;
  return Add(to, std::move(value));
}

bool Step(json::Value& container, std::string_view key, json::Value*& value) {
  if (json::Object* object = container.if_object()) {
    value = object->if_contains({key.data(), key.size()});
    return true;
  }
  json::Array* array = container.if_array();
  if (array == nullptr) return false;
  auto index = ParseIndex(key, array->size());
  if (!index) return false;
  value = &(*array)[*index];
  return true;
}

std::optional<std::size_t> ParseIndex(std::string_view text, std::size_t size) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t index = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const auto limit = static_cast<std::int64_t>(size);
  if (index >= limit || index < -limit) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + limit : index);
}

std::string Unescape(std::string_view segment) {
  std::string text;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '~' && i + 1 < segment.size() &&
        (segment[i + 1] == '0' || segment[i + 1] == '1')) {
      text += segment[++i] == '0' ? '~' : '/';
    } else {
      text += segment[i];
    }
  }
  return text;
}

bool SameText(const json::Value& a, const json::Value& b) {
  return json::Canonical(a) == json::Canonical(b);
}

Answer<json::Value> CheckOperations(const Decoded& decoded, std::vector<std::string>& complaints) {
  if (decoded.value.is_null()) return json::Value(json::Array());
  if (!decoded.value.is_array()) {
    return BadPatch(
        fmt::format("json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
                    WordFor(decoded.value)));
  }
  const json::Array& operations = decoded.value.get_array();
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].is_null()) continue;
    if (!operations[i].is_object()) {
      return BadPatch(
          fmt::format("json: cannot unmarshal {} into Go value of type handlers.jsonPatchOp",
                      WordFor(operations[i])));
    }
    for (const auto& member : operations[i].get_object()) {
      const std::string_view key(member.key());
      if (key == "value") continue;
      if (key != "op" && key != "path" && key != "from") {
        unknown.push_back(fmt::format("[{}].{}", i, key));
      } else if (!member.value().is_string() && !member.value().is_null()) {
        return BadPatch(fmt::format(
            "json: cannot unmarshal {} into Go struct field jsonPatchOp.{} of type string",
            WordFor(member.value()), key));
      }
    }
  }
  for (std::string& complaint : FieldComplaints(unknown, decoded.duplicates)) {
    // What is repeated inside a value is the object's business.
    if (complaint.contains("].value.")) continue;
    complaints.push_back("json patch " + complaint);
  }
  if (operations.size() > kMaxOperations) {
    kube::Status status;
    status.code = 413;
    status.reason = "RequestEntityTooLarge";
    status.message = fmt::format(
        "Request entity too large: The allowed maximum operations in a JSON patch is {}, got {}",
        kMaxOperations, operations.size());
    return std::unexpected(std::move(status));
  }
  return decoded.value;
}

void Merge(json::Value& target, const json::Value& patch) {
  if (!patch.is_object() || !target.is_object()) {
    target = patch;
    internal::DropNulls(target);
    return;
  }
  json::Object& object = target.get_object();
  for (const auto& member : patch.get_object()) {
    if (member.value().is_null()) {
      if (auto found = object.find(member.key()); found != object.end()) object.stable_erase(found);
      continue;
    }
    json::Value& below = object[member.key()];
    if (below.is_null()) {
      below = member.value();
      internal::DropNulls(below);
    } else if (below.is_object() && !member.value().is_object()) {
      // A map gives way to anything else as it is, nulls and all.
      below = member.value();
    } else {
      Merge(below, member.value());
    }
  }
}

std::string_view WordFor(const json::Value& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return value.is_null() ? "null" : "number";
}

std::unexpected<kube::Status> BadPatch(std::string_view why) {
  return BadRequest(fmt::format("error decoding patch: {}", why));
}

std::unexpected<kube::Status> Unprocessable() {
  kube::Status status;
  status.code = 422;
  status.reason = "Invalid";
  status.message = "the server rejected our request due to an error in our request";
  return std::unexpected(std::move(status));
}

}  // namespace
}  // namespace kro::apiserver
