#include "apiserver/internal/protobuf_body.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "apiserver/internal/timestamp.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};

// The messages are described by tables, numbers as in the generated.proto files of Kubernetes. They nest
// a few levels; nothing refers to itself.
struct Field;
using Message = std::map<std::uint32_t, Field>;

enum class Type { kString, kBytes, kInteger, kBool, kTime, kMicroTime, kMessage, kTexts, kBlobs };
enum class Label { kOne, kRepeated };

struct Field {
  std::string_view name;
  Type type = Type::kString;
  Label label = Label::kOne;
  const Message* message = nullptr;
};

// What stands on the wire.
struct Wire {
  std::uint32_t number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool AtEnd() const { return rest_.empty(); }
  std::optional<Wire> Next();

 private:
  std::optional<std::uint64_t> Varint();
  std::optional<std::string_view> Take(std::uint64_t count);
  std::string_view rest_;
};

const Message* FindMessage(std::string_view api_version, std::string_view kind);
Result<json::Object> ReadMessage(const Message& message, std::string_view bytes);
Result<json::Value> ReadField(const Field& field, const Wire& wire);
std::unexpected<Error> Broken() { return Fail(ErrorCode::kInvalid, "broken protobuf body"); }

}  // namespace

bool IsProtobufBody(std::string_view body) { return body.starts_with(kMagic); }

Result<json::Value> DecodeProtobufBody(std::string_view body) {
  if (!IsProtobufBody(body)) return Fail(ErrorCode::kInvalid, "no protobuf envelope");
  std::string_view type_meta;
  std::string_view raw;
  for (Reader reader(body.substr(kMagic.size())); !reader.AtEnd();) {
    auto wire = reader.Next();
    if (!wire) return Broken();
    if (wire->number == 1) type_meta = wire->bytes;
    if (wire->number == 2) raw = wire->bytes;
  }
  std::string api_version;
  std::string kind;
  for (Reader reader(type_meta); !reader.AtEnd();) {
    auto wire = reader.Next();
    if (!wire) return Broken();
    if (wire->number == 1) api_version = wire->bytes;
    if (wire->number == 2) kind = wire->bytes;
  }
  const Message* message = FindMessage(api_version, kind);
  if (message == nullptr) {
    return Fail(ErrorCode::kInvalid,
                "protobuf bodies of kind {} in {} are not understood; send JSON", kind, api_version);
  }
  auto object = ReadMessage(*message, raw);
  if (!object) return std::unexpected(object.error());
  (*object)["apiVersion"] = api_version;
  (*object)["kind"] = kind;
  return json::Value(std::move(*object));
}

namespace {

std::optional<Wire> Reader::Next() {
  auto tag = Varint();
  if (!tag) return std::nullopt;
  Wire wire{static_cast<std::uint32_t>(*tag >> 3), 0, {}};
  switch (*tag & 7) {
    case 0: {
      auto value = Varint();
      if (!value) return std::nullopt;
      wire.integer = *value;
      return wire;
    }
    case 1:
    case 5: {
      auto bytes = Take((*tag & 7) == 1 ? 8 : 4);
      if (!bytes) return std::nullopt;
      wire.bytes = *bytes;
      return wire;
    }
    case 2: {
      auto length = Varint();
      auto bytes = length ? Take(*length) : std::nullopt;
      if (!bytes) return std::nullopt;
      wire.bytes = *bytes;
      return wire;
    }
    default: return std::nullopt;
  }
}

std::optional<std::uint64_t> Reader::Varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Reader::Take(std::uint64_t count) {
  if (count > rest_.size()) return std::nullopt;
  std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return bytes;
}

Result<json::Object> ReadMessage(const Message& message, std::string_view bytes) {
  json::Object object;
  for (Reader reader(bytes); !reader.AtEnd();) {
    auto wire = reader.Next();
    if (!wire) return Broken();
    auto found = message.find(wire->number);
    if (found == message.end()) continue;
    const Field& field = found->second;
    if (field.type == Type::kTexts || field.type == Type::kBlobs) {
      const Type type = field.type == Type::kTexts ? Type::kString : Type::kBytes;
      const Message entry = {{1, {"key"}}, {2, {"value", type}}};
      auto read = ReadMessage(entry, wire->bytes);
      if (!read) return read;
      json::Value& map = object[field.name];
      if (!map.is_object()) map.emplace_object();
      const json::Value* key = read->if_contains("key");
      json::Value* value = read->if_contains("value");
      map.get_object()[key == nullptr ? std::string_view() : std::string_view(key->as_string())] =
          value == nullptr ? json::Value("") : std::move(*value);
      continue;
    }
    auto value = ReadField(field, *wire);
    if (!value) return std::unexpected(value.error());
    if (value->is_null()) continue;
    if (field.label == Label::kRepeated) {
      json::Value& list = object[field.name];
      if (!list.is_array()) list.emplace_array();
      list.get_array().push_back(std::move(*value));
    } else if (!(value->is_string() && value->get_string().empty())) {
      // Go writes empty strings for what is not set.
      object[field.name] = std::move(*value);
    }
  }
  return object;
}

Result<json::Value> ReadField(const Field& field, const Wire& wire) {
  switch (field.type) {
    case Type::kString: return json::Value(wire.bytes);
    case Type::kBytes: return json::Value(EncodeBase64(wire.bytes));
    case Type::kInteger: return json::Value(static_cast<std::int64_t>(wire.integer));
    case Type::kBool: return json::Value(wire.integer != 0);
    case Type::kTime:
    case Type::kMicroTime: {
      std::int64_t seconds = 0;
      std::int64_t nanos = 0;
      for (Reader reader(wire.bytes); !reader.AtEnd();) {
        auto part = reader.Next();
        if (!part) return Broken();
        (part->number == 1 ? seconds : nanos) = static_cast<std::int64_t>(part->integer);
      }
      // No time is year 1 in Go. Our times count nanoseconds, which end in 2262.
      constexpr std::int64_t kMost = 9'000'000'000;
      if (seconds <= 0 || seconds > kMost || nanos < 0 || nanos > 999'999'999) {
        return json::Value();
      }
      WallTime time = WallTime(std::chrono::seconds(seconds)) + std::chrono::nanoseconds(nanos);
      return json::Value(field.type == Type::kTime ? FormatTime(time) : FormatMicroTime(time));
    }
    case Type::kMessage: {
      auto object = ReadMessage(*field.message, wire.bytes);
      if (!object) return std::unexpected(object.error());
      return json::Value(std::move(*object));
    }
    case Type::kTexts:
    case Type::kBlobs: break;  // read by ReadMessage
  }
  return json::Value();
}

Field One(std::string_view name, const Message& message) {
  return {name, Type::kMessage, Label::kOne, &message};
}
Field Many(std::string_view name, const Message& message) {
  return {name, Type::kMessage, Label::kRepeated, &message};
}
Field Texts(std::string_view name) { return {name, Type::kString, Label::kRepeated}; }

const Message* FindMessage(std::string_view api_version, std::string_view kind) {
  static const Message kOwner = {{1, {"kind"}}, {3, {"name"}}, {4, {"uid"}}, {5, {"apiVersion"}},
                                 {6, {"controller", Type::kBool}},
                                 {7, {"blockOwnerDeletion", Type::kBool}}};
  static const Message kMetadata = {{1, {"name"}}, {2, {"generateName"}}, {3, {"namespace"}},
                                    {5, {"uid"}}, {6, {"resourceVersion"}},
                                    {11, {"labels", Type::kTexts}},
                                    {12, {"annotations", Type::kTexts}},
                                    {13, Many("ownerReferences", kOwner)},
                                    {14, Texts("finalizers")}};
  static const Message kNamespaceSpec = {{1, Texts("finalizers")}};
  static const Message kNamespace = {{1, One("metadata", kMetadata)},
                                     {2, One("spec", kNamespaceSpec)}};
  static const Message kSecret = {{1, One("metadata", kMetadata)}, {2, {"data", Type::kBlobs}},
                                  {3, {"type"}}, {4, {"stringData", Type::kTexts}},
                                  {5, {"immutable", Type::kBool}}};
  static const Message kConfigMap = {{1, One("metadata", kMetadata)}, {2, {"data", Type::kTexts}},
                                     {3, {"binaryData", Type::kBlobs}},
                                     {4, {"immutable", Type::kBool}}};
  static const Message kReference = {{1, {"kind"}}, {2, {"namespace"}}, {3, {"name"}},
                                     {4, {"uid"}}, {5, {"apiVersion"}}, {6, {"resourceVersion"}},
                                     {7, {"fieldPath"}}};
  static const Message kLocalReference = {{1, {"name"}}};
  static const Message kServiceAccount = {
      {1, One("metadata", kMetadata)}, {2, Many("secrets", kReference)},
      {3, Many("imagePullSecrets", kLocalReference)},
      {4, {"automountServiceAccountToken", Type::kBool}}};
  static const Message kSource = {{1, {"component"}}, {2, {"host"}}};
  static const Message kEvent = {{1, One("metadata", kMetadata)},
                                 {2, One("involvedObject", kReference)}, {3, {"reason"}},
                                 {4, {"message"}}, {5, One("source", kSource)},
                                 {6, {"firstTimestamp", Type::kTime}},
                                 {7, {"lastTimestamp", Type::kTime}},
                                 {8, {"count", Type::kInteger}}, {9, {"type"}},
                                 {10, {"eventTime", Type::kMicroTime}}, {12, {"action"}},
                                 {14, {"reportingComponent"}}, {15, {"reportingInstance"}}};
  static const Message kLeaseSpec = {{1, {"holderIdentity"}},
                                     {2, {"leaseDurationSeconds", Type::kInteger}},
                                     {3, {"acquireTime", Type::kMicroTime}},
                                     {4, {"renewTime", Type::kMicroTime}},
                                     {5, {"leaseTransitions", Type::kInteger}}};
  static const Message kLease = {{1, One("metadata", kMetadata)}, {2, One("spec", kLeaseSpec)}};
  static const Message kRule = {{1, Texts("verbs")}, {2, Texts("apiGroups")},
                                {3, Texts("resources")}, {4, Texts("resourceNames")},
                                {5, Texts("nonResourceURLs")}};
  static const Message kRole = {{1, One("metadata", kMetadata)}, {2, Many("rules", kRule)}};
  static const Message kSubject = {{1, {"kind"}}, {2, {"apiGroup"}}, {3, {"name"}},
                                   {4, {"namespace"}}};
  static const Message kRoleReference = {{1, {"apiGroup"}}, {2, {"kind"}}, {3, {"name"}}};
  static const Message kBinding = {{1, One("metadata", kMetadata)}, {2, Many("subjects", kSubject)},
                                   {3, One("roleRef", kRoleReference)}};
  static const Message kResource = {{1, {"namespace"}}, {2, {"verb"}}, {3, {"group"}},
                                    {4, {"version"}}, {5, {"resource"}}, {6, {"subresource"}},
                                    {7, {"name"}}};
  static const Message kPath = {{1, {"path"}}, {2, {"verb"}}};
  static const Message kAccess = {{1, One("resourceAttributes", kResource)},
                                  {2, One("nonResourceAttributes", kPath)}};
  static const Message kAccessReview = {{1, One("metadata", kMetadata)}, {2, One("spec", kAccess)}};
  static const Message kRulesSpec = {{1, {"namespace"}}};
  static const Message kRulesReview = {{1, One("metadata", kMetadata)},
                                       {2, One("spec", kRulesSpec)}};
  static const Message kSelfReview = {{1, One("metadata", kMetadata)}};
  static const Message kPreconditions = {{1, {"uid"}}, {2, {"resourceVersion"}}};
  static const Message kDeleteOptions = {{1, {"gracePeriodSeconds", Type::kInteger}},
                                         {2, One("preconditions", kPreconditions)},
                                         {3, {"orphanDependents", Type::kBool}},
                                         {4, {"propagationPolicy"}},
                                         {5, Texts("dryRun")}};
  static const std::map<std::pair<std::string_view, std::string_view>, const Message*> kKinds = {
      {{"v1", "Namespace"}, &kNamespace},
      {{"v1", "Secret"}, &kSecret},
      {{"v1", "ConfigMap"}, &kConfigMap},
      {{"v1", "ServiceAccount"}, &kServiceAccount},
      {{"v1", "Event"}, &kEvent},
      {{"coordination.k8s.io/v1", "Lease"}, &kLease},
      {{"rbac.authorization.k8s.io/v1", "Role"}, &kRole},
      {{"rbac.authorization.k8s.io/v1", "ClusterRole"}, &kRole},
      {{"rbac.authorization.k8s.io/v1", "RoleBinding"}, &kBinding},
      {{"rbac.authorization.k8s.io/v1", "ClusterRoleBinding"}, &kBinding},
      {{"authorization.k8s.io/v1", "SelfSubjectAccessReview"}, &kAccessReview},
      {{"authorization.k8s.io/v1", "SelfSubjectRulesReview"}, &kRulesReview},
      {{"authentication.k8s.io/v1", "SelfSubjectReview"}, &kSelfReview},
  };
  if (kind == "DeleteOptions") return &kDeleteOptions;
  auto found = kKinds.find({api_version, kind});
  return found == kKinds.end() ? nullptr : found->second;
}

}  // namespace
}  // namespace kro::apiserver
