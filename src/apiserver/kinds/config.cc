#include "apiserver/kinds/config.h"

#include <fmt/format.h>

#include <utility>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxData = std::size_t{1} << 20;

// Checks the keys of `field` and adds up the bytes.
std::size_t CheckKeys(const json::Value& object, std::string_view field, FieldErrors& errors);
// What does not change in an event of the newer form; told by the names of the older one.
void CheckUnchangedEvent(const json::Value& old, const json::Value& object, FieldErrors& errors);
// What both forms of events have in common; `controller` and `message` are their names for these.
void CheckEvent(const json::Value& object, std::string_view about, std::string_view controller,
                std::string_view message, FieldErrors& errors);
void CheckImmutable(const WriteContext& context, const json::Value& object,
                    std::initializer_list<std::string_view> fields, FieldErrors& errors);

}  // namespace

void DefaultSecret(json::Object& object) {
  SetDefault(object, "type", "Opaque");
  json::Object* text = FindChild(object, "stringData");
  if (text == nullptr) return;
  json::Object& data = Child(object, "data");
  for (const auto& [key, value] : *text) {
    if (value.is_string()) data[key] = EncodeBase64(value.get_string());
  }
  object.erase("stringData");
}

void ValidateConfigMap(const WriteContext& context, const json::Value& object,
                       FieldErrors& errors) {
  std::size_t bytes = CheckKeys(object, "data", errors);
  bytes += CheckKeys(object, "binaryData", errors);
  for (const auto& member : ObjectAt(object, {"binaryData"})) {
    if (ObjectAt(object, {"data"}).contains(member.key())) {
      errors.push_back(Invalid(fmt::format("data[{}]", std::string_view(member.key())),
                               json::Value(member.key()),
                               "duplicate of key present in binaryData"));
    }
  }
  if (bytes > kMaxData) errors.push_back(TooLong("[]", static_cast<int>(kMaxData)));
  CheckImmutable(context, object, {"data", "binaryData"}, errors);
}

void ValidateSecret(const WriteContext& context, const json::Value& object, FieldErrors& errors) {
  std::size_t bytes = CheckKeys(object, "data", errors);
  if (bytes > kMaxData) errors.push_back(TooLong("data", static_cast<int>(kMaxData)));
  const json::Object& data = ObjectAt(object, {"data"});
  std::string_view type = StringAt(object, {"type"});
  const auto require = [&](std::string_view key) {
    if (!data.contains(key)) errors.push_back(Required(fmt::format("data[{}]", key)));
  };
  if (type == "kubernetes.io/tls") {
    require("tls.crt");
    require("tls.key");
  } else if (type == "kubernetes.io/dockerconfigjson") {
    require(".dockerconfigjson");
  } else if (type == "kubernetes.io/dockercfg") {
    require(".dockercfg");
  } else if (type == "kubernetes.io/ssh-auth") {
    require("ssh-privatekey");
  } else if (type == "kubernetes.io/basic-auth" && !data.contains("username") &&
             !data.contains("password")) {
    require("username");
    require("password");
  }
  if (context.old != nullptr && StringAt(*context.old, {"type"}) != type) {
    errors.push_back(Invalid("type", json::Value(type), "field is immutable"));
  }
  CheckImmutable(context, object, {"data"}, errors);
}

void PrepareEvent(const WriteContext&, json::Object& object) {
  for (std::string_view key : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    SetDefault(object, key, nullptr);
  }
}

void DefaultEvent(json::Object& object) {
  SetDefault(object, "reportingComponent", "");
  SetDefault(object, "reportingInstance", "");
  Child(object, "source");
}

void ValidateEvent(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  CheckEvent(object, StringAt(object, {"involvedObject", "namespace"}), "reportingComponent",
             "message", errors);
}

void PrepareServiceAccount(const WriteContext&, json::Object& object) {
  json::Array* secrets = FindArray(object, "secrets");
  if (secrets == nullptr) return;
  for (json::Value& secret : *secrets) {
    json::Object kept;
    if (const json::Value* name = json::Find(std::as_const(secret), "name")) kept["name"] = *name;
    secret = std::move(kept);
  }
}

void DefaultLease(json::Object& object) { Child(object, "spec"); }

void PrepareEventOfGroup(const WriteContext&, json::Object& object) {
  for (std::string_view key :
       {"eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"}) {
    SetDefault(object, key, nullptr);
  }
}

void DefaultEventOfGroup(json::Object& object) {
  Child(object, "deprecatedSource");
  Child(object, "regarding");
}

void ValidateEventOfGroup(const WriteContext& context, const json::Value& object,
                          FieldErrors& errors) {
  CheckEvent(object, StringAt(object, {"regarding", "namespace"}), "reportingController", "note",
             errors);
  if (context.old != nullptr) {
    CheckUnchangedEvent(*context.old, object, errors);
    return;
  }
  if (StringAt(object, {"eventTime"}).empty()) errors.push_back(Required("eventTime", ""));
  const std::string_view type = StringAt(object, {"type"});
  if (type != "Normal" && type != "Warning") {
    errors.push_back(Invalid("type", json::Value(""), fmt::format("has invalid value: {}", type)));
  }
  const auto unset = [&](bool set, std::string_view field) {
    if (set) errors.push_back(Invalid(std::string(field), json::Value(""), "needs to be unset"));
  };
  unset(!StringAt(object, {"deprecatedFirstTimestamp"}).empty(), "firstTimestamp");
  unset(!StringAt(object, {"deprecatedLastTimestamp"}).empty(), "lastTimestamp");
  unset(IntAt(object, {"deprecatedCount"}) != 0, "count");
  unset(!ObjectAt(object, {"deprecatedSource"}).empty(), "source");
}

namespace {

void CheckUnchangedEvent(const json::Value& old, const json::Value& object, FieldErrors& errors) {
  constexpr std::pair<std::string_view, std::string_view> kFields[] = {
      {"regarding", "involvedObject"},
      {"reason", "reason"},
      {"note", "message"},
      {"deprecatedSource", "source"},
      {"deprecatedFirstTimestamp", "firstTimestamp"},
      {"deprecatedLastTimestamp", "lastTimestamp"},
      {"deprecatedCount", "count"},
      {"type", "type"},
      {"eventTime", "eventTime"},
      {"action", "action"},
      {"related", "related"},
      {"reportingController", "reportingController"},
      {"reportingInstance", "reportingInstance"}};
  for (const auto& [field, told] : kFields) {
    const json::Value* before = json::Find(old, field);
    const json::Value* after = json::Find(object, field);
    const bool same = before == nullptr || after == nullptr ? before == after : *before == *after;
    if (same) continue;
    errors.push_back(Invalid(std::string(told), after == nullptr ? json::Value("") : *after,
                             "field is immutable"));
  }
}

void CheckEvent(const json::Value& object, std::string_view about, std::string_view controller,
                std::string_view message, FieldErrors& errors) {
  const std::string_view name_space = StringAt(object, {"metadata", "namespace"});
  const auto elsewhere = [&] {
    errors.push_back(
        Invalid("involvedObject.namespace", json::Value(about), "does not match event.namespace"));
  };
  // Only the newer sort of events says when it happened in this field.
  if (StringAt(object, {"eventTime"}).empty()) {
    if (about != name_space && !(about.empty() && name_space == "default")) elsewhere();
    return;
  }
  if (about.empty() && name_space != "default" && name_space != "kube-system") elsewhere();
  for (std::string_view field : {controller, std::string_view("reportingInstance"),
                                 std::string_view("action"), std::string_view("reason")}) {
    const std::string_view text = StringAt(object, {field});
    if (text.empty()) errors.push_back(Required(std::string(field), ""));
    if (text.size() > 128 && field != controller) {
      errors.push_back(
          Invalid(std::string(field), json::Value(""), "can have at most 128 characters"));
    }
  }
  if (StringAt(object, {message}).size() > 1024) {
    errors.push_back(Invalid("message", json::Value(""), "can have at most 1024 characters"));
  }
}

std::size_t CheckKeys(const json::Value& object, std::string_view field, FieldErrors& errors) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : ObjectAt(object, {field})) {
    for (const std::string& complaint : CheckConfigMapKey(key)) {
      errors.push_back(Invalid(fmt::format("{}[{}]", field, std::string_view(key)),
                               json::Value(key), complaint));
    }
    bytes += value.is_string() ? value.get_string().size() : 0;
  }
  return bytes;
}

void CheckImmutable(const WriteContext& context, const json::Value& object,
                    std::initializer_list<std::string_view> fields, FieldErrors& errors) {
  if (context.old == nullptr || !BoolAt(*context.old, {"immutable"})) return;
  if (!BoolAt(object, {"immutable"})) {
    errors.push_back(Forbidden("immutable", "field is immutable when `immutable` is set"));
  }
  for (std::string_view field : fields) {
    // None is not the same as an empty one; a ConfigMap always has data.
    const bool is_new = json::Find(*context.old, field) == nullptr &&
                        !(context.resource.kind == "ConfigMap" && field == "data") &&
                        std::ranges::find(context.emptied, field) != context.emptied.end();
    if (is_new || ObjectAt(*context.old, {field}) != ObjectAt(object, {field})) {
      errors.push_back(Forbidden(std::string(field), "field is immutable when `immutable` is set"));
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
