#include "apiserver/kinds/config.h"

#include <fmt/format.h>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxData = std::size_t{1} << 20;

// Checks the keys of `field` and adds up the bytes.
std::size_t CheckKeys(const json::Value& object, std::string_view field, FieldErrors& errors);
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
  if (bytes > kMaxData) errors.push_back(TooLong("", static_cast<int>(kMaxData)));
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

void DefaultEvent(json::Object& object) {
  for (std::string_view key : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    SetDefault(object, key, nullptr);
  }
  SetDefault(object, "reportingComponent", "");
  SetDefault(object, "reportingInstance", "");
  Child(object, "source");
}

void ValidateEvent(const WriteContext&, const json::Value& object, FieldErrors& errors) {
  std::string_view about = StringAt(object, {"involvedObject", "namespace"});
  std::string_view name_space = StringAt(object, {"metadata", "namespace"});
  if (about != name_space && !(about.empty() && name_space == "default")) {
    errors.push_back(Invalid("involvedObject.namespace", json::Value(about),
                             "does not match event.namespace"));
  }
}

namespace {

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
    errors.push_back(
        Forbidden("immutable", "field is immutable when `immutable` is set"));
  }
  for (std::string_view field : fields) {
    if (ObjectAt(*context.old, {field}) != ObjectAt(object, {field})) {
      errors.push_back(
          Forbidden(std::string(field), "field is immutable when `immutable` is set"));
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
