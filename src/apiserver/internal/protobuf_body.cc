#include "apiserver/internal/protobuf_body.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/decode.h"
#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/timestamp.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};
// Only schemas of custom resources nest.
constexpr int kMaxMessages = 200;

enum class Form { kOne, kList, kMap, kInline };
enum class Type {
  kMessage,
  kString,
  kBytes,
  kInteger,
  kBool,
  kDouble,
  kTime,
  kMicroTime,
  kQuantity,     // {1: text}
  kIntOrString,  // {1: which, 2: number, 3: text}
  kRaw,          // {1: JSON}
  kStrings,      // {1: texts}: a list where a message stands
  kSchemaOrBool,
  kSchemaOrArray,
  kSchemaOrStrings,
};

struct Message;
struct Field {
  std::uint32_t number = 0;
  std::string name;  // in JSON
  Form form = Form::kOne;
  Type type = Type::kString;
  const Message* message = nullptr;
  bool leaves_zero_out = false;
};
struct Message {
  std::vector<Field> fields;
};

// What Go types say of themselves (devcluster/protobuftables).
struct Tables {
  std::map<std::string, Message, std::less<>> messages;      // by their Go name
  std::map<std::string, const Message*, std::less<>> kinds;  // "apps/v1 Deployment"
};
const Tables& ReadTables();

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
Result<void> ReadMessage(const Message& message, std::string_view bytes, int depth,
                         json::Object& object);
Result<json::Value> ReadValue(const Field& field, const Wire& wire, int depth);
Result<json::Value> ReadTime(Type type, std::string_view bytes);
Result<json::Value> ReadAlternatives(Type type, std::string_view bytes, int depth);
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
                "protobuf bodies of kind {} in {} are not understood; send JSON", kind,
                api_version);
  }
  json::Object object;
  if (auto read = ReadMessage(*message, raw, 0, object); !read)
    return std::unexpected(read.error());
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  return json::Value(std::move(object));
}

Result<json::Value> DecodeJsonOrProtobuf(std::string_view body) {
  if (IsProtobufBody(body)) return DecodeProtobufBody(body);
  auto decoded = DecodeJson(body);
  if (!decoded) return std::unexpected(decoded.error());
  return std::move(decoded->value);
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
    default:
      return std::nullopt;
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

Result<void> ReadMessage(const Message& message, std::string_view bytes, int depth,
                         json::Object& object) {
  if (depth > kMaxMessages) return Fail(ErrorCode::kInvalid, "protobuf body is nested too deep");
  for (Reader reader(bytes); !reader.AtEnd();) {
    auto wire = reader.Next();
    if (!wire) return Broken();
    auto field = std::ranges::find(message.fields, wire->number, &Field::number);
    if (field == message.fields.end()) continue;
    if (field->form == Form::kInline) {
      auto read = ReadMessage(*field->message, wire->bytes, depth + 1, object);
      if (!read) return read;
      continue;
    }
    if (field->form == Form::kMap) {
      std::string_view key;
      Wire inner;
      for (Reader entry(wire->bytes); !entry.AtEnd();) {
        auto part = entry.Next();
        if (!part) return Broken();
        if (part->number == 1) key = part->bytes;
        if (part->number == 2) inner = *part;
      }
      auto value = ReadValue(*field, inner, depth);
      if (!value) return std::unexpected(value.error());
      json::Value& map = object[field->name];
      if (!map.is_object()) map.emplace_object();
      map.get_object()[key] = std::move(*value);
      continue;
    }
    auto value = ReadValue(*field, *wire, depth);
    if (!value) return std::unexpected(value.error());
    if (field->form == Form::kList) {
      json::Value& list = object[field->name];
      if (!list.is_array()) list.emplace_array();
      list.get_array().push_back(std::move(*value));
      continue;
    }
    // Go writes out what is not set.
    const bool unset = value->is_null() || (value->is_string() && value->get_string().empty());
    const bool zero = *value == json::Value(0) || *value == json::Value(false);
    if (unset || (zero && field->leaves_zero_out)) continue;
    object[field->name] = std::move(*value);
  }
  return {};
}

Result<json::Value> ReadValue(const Field& field, const Wire& wire, int depth) {
  switch (field.type) {
    case Type::kString:
      return json::Value(wire.bytes);
    case Type::kBytes:
      return json::Value(EncodeBase64(wire.bytes));
    case Type::kInteger:
      return json::Value(static_cast<std::int64_t>(wire.integer));
    case Type::kBool:
      return json::Value(wire.integer != 0);
    case Type::kDouble: {
      if (wire.bytes.size() != sizeof(double)) return Broken();
      double number = 0;
      std::memcpy(&number, wire.bytes.data(), sizeof(number));
      return json::Value(number);
    }
    case Type::kTime:
    case Type::kMicroTime:
      return ReadTime(field.type, wire.bytes);
    case Type::kMessage: {
      json::Object object;
      auto read = ReadMessage(*field.message, wire.bytes, depth + 1, object);
      if (!read) return std::unexpected(read.error());
      return json::Value(std::move(object));
    }
    default:
      return ReadAlternatives(field.type, wire.bytes, depth);
  }
}

Result<json::Value> ReadTime(Type type, std::string_view bytes) {
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  for (Reader reader(bytes); !reader.AtEnd();) {
    auto part = reader.Next();
    if (!part) return Broken();
    (part->number == 1 ? seconds : nanos) = static_cast<std::int64_t>(part->integer);
  }
  // No time is year 1 in Go. Our times count nanoseconds, which end in 2262.
  constexpr std::int64_t kMost = 9'000'000'000;
  if (seconds <= 0 || seconds > kMost || nanos < 0 || nanos > 999'999'999) return json::Value();
  const WallTime time = WallTime(std::chrono::seconds(seconds)) + std::chrono::nanoseconds(nanos);
  return json::Value(type == Type::kTime ? FormatTime(time) : FormatMicroTime(time));
}

// Messages that are something else in JSON, by which of their fields is there.
Result<json::Value> ReadAlternatives(Type type, std::string_view bytes, int depth) {
  static const Message& schema =
      ReadTables()
          .messages
          .find("k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaProps")
          ->second;
  json::Value value;
  json::Array list;
  std::int64_t which = 0;
  for (Reader reader(bytes); !reader.AtEnd();) {
    auto part = reader.Next();
    if (!part) return Broken();
    const auto read_schema = [&]() -> Result<json::Value> {
      json::Object object;
      auto read = ReadMessage(schema, part->bytes, depth + 1, object);
      if (!read) return std::unexpected(read.error());
      return json::Value(std::move(object));
    };
    Result<json::Value> read = json::Value();
    if (type == Type::kQuantity && part->number == 1) {
      value = part->bytes;
    } else if (type == Type::kIntOrString) {
      if (part->number == 1) which = static_cast<std::int64_t>(part->integer);
      if (part->number == 2 && which == 0) value = static_cast<std::int64_t>(part->integer);
      if (part->number == 3 && which == 1) value = part->bytes;
    } else if (type == Type::kRaw && part->number == 1) {
      read = json::Parse(part->bytes);
      if (read) value = std::move(*read);
    } else if (type == Type::kStrings && part->number == 1) {
      list.emplace_back(part->bytes);
    } else if (type == Type::kSchemaOrBool && part->number == 1 && value.is_null()) {
      value = part->integer != 0;
    } else if (type == Type::kSchemaOrStrings && part->number == 2) {
      list.emplace_back(part->bytes);
    } else if (type == Type::kSchemaOrArray && part->number == 2) {
      read = read_schema();
      if (read) list.push_back(std::move(*read));
    } else if (part->number == (type == Type::kSchemaOrBool ? 2U : 1U)) {
      read = read_schema();
      if (read) value = std::move(*read);
    }
    if (!read) return std::unexpected(read.error());
  }
  if (!list.empty() || type == Type::kStrings) return json::Value(std::move(list));
  return value;
}

const Message* FindMessage(std::string_view api_version, std::string_view kind) {
  const Tables& tables = ReadTables();
  std::string name(kind == "DeleteOptions" ? "v1" : api_version);
  name += ' ';
  name += kind;
  auto found = tables.kinds.find(name);
  return found == tables.kinds.end() ? nullptr : found->second;
}

const Tables& ReadTables() {
  static const Tables tables = [] {
    constexpr std::pair<std::string_view, Type> kTypes[] = {
        {"string", Type::kString},
        {"bytes", Type::kBytes},
        {"integer", Type::kInteger},
        {"bool", Type::kBool},
        {"double", Type::kDouble},
        {"time", Type::kTime},
        {"microtime", Type::kMicroTime},
        {"quantity", Type::kQuantity},
        {"intorstring", Type::kIntOrString},
        {"raw", Type::kRaw},
        {"strings", Type::kStrings},
        {"schemaorbool", Type::kSchemaOrBool},
        {"schemaorarray", Type::kSchemaOrArray},
        {"schemaorstrings", Type::kSchemaOrStrings}};
    Tables read;
    auto text = Gunzip(BuiltinProtobuf());
    auto value = text ? json::Parse(*text) : Result<json::Value>(json::Value());
    if (!value) return read;
    const json::Value* messages = json::Find(*value, "messages");
    const json::Value* kinds = json::Find(*value, "kinds");
    if (messages == nullptr || kinds == nullptr) return read;  // our own file has both
    for (const auto& [name, fields] : messages->as_object()) read.messages[name];
    for (const auto& [name, fields] : messages->as_object()) {
      Message& message = read.messages[name];
      for (const json::Value& entry : fields.as_array()) {
        const json::Array& parts = entry.as_array();
        const std::string_view form = parts[2].as_string();
        const std::string_view type = parts[3].as_string();
        Field field{.number = static_cast<std::uint32_t>(parts[0].as_int64()),
                    .name = std::string(parts[1].as_string()),
                    .form = form == "list"     ? Form::kList
                            : form == "map"    ? Form::kMap
                            : form == "inline" ? Form::kInline
                                               : Form::kOne,
                    .leaves_zero_out = parts[4].as_int64() != 0};
        auto known = std::ranges::find(kTypes, type, &std::pair<std::string_view, Type>::first);
        if (known != std::end(kTypes)) {
          field.type = known->second;
        } else {
          field.type = Type::kMessage;
          field.message = &read.messages[std::string(type)];
        }
        message.fields.push_back(std::move(field));
      }
    }
    for (const auto& [name, message] : kinds->as_object()) {
      read.kinds[name] = &read.messages[std::string(message.as_string())];
    }
    return read;
  }();
  return tables;
}

}  // namespace
}  // namespace kro::apiserver
