#include "apiserver/internal/table.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "apiserver/internal/builtin_columns.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/whole_number.h"

namespace kro::apiserver {
namespace {

std::string Begin(const Resource& resource, std::string_view metadata, const TableOptions& options);
void AppendRow(const Resource& resource, const StoredObject& object, std::uint64_t revision,
               const TableOptions& options, std::string& out);
json::Value CustomCell(const PrinterColumn& column, const json::Value& object, WallTime now);

}  // namespace

std::string Table(const Resource& resource, std::span<const StoredObject> objects,
                  std::uint64_t revision, const TableOptions& options) {
  std::string out = Begin(resource, fmt::format("\"resourceVersion\":\"{}\"", revision), options);
  bool first = true;
  for (const StoredObject& object : objects) {
    if (!first) out += ',';
    first = false;
    AppendRow(resource, object, revision, options, out);
  }
  return out += "]}";
}

std::string TableOfList(const Resource& resource, const std::vector<StoredPtr>& objects,
                        std::string_view metadata, const TableOptions& options) {
  std::string out = Begin(resource, metadata, options);
  bool first = true;
  for (const StoredPtr& object : objects) {
    if (!first) out += ',';
    first = false;
    AppendRow(resource, *object, object->revision, options, out);
  }
  return out += "]}";
}

std::vector<TableColumn> ColumnsOf(const Resource& resource) {
  if (!resource.custom) return BuiltinColumns(resource);
  std::vector<TableColumn> columns = {
      {"Name", "string", "name",
       "Name must be unique within a namespace. Is required when creating resources, although some "
       "resources may allow a client to request the generation of an appropriate name "
       "automatically. Name is primarily intended for creation idempotence and configuration "
       "definition. Cannot be updated. More info: "
       "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
       0}};
  for (const PrinterColumn& column : resource.custom->columns) {
    columns.push_back(
        {column.name, column.type, column.format, column.description, column.priority});
  }
  return columns;
}

json::Array CellsOf(const Resource& resource, const json::Value& object, WallTime now) {
  if (!resource.custom) return BuiltinCells(resource, object, now);
  json::Array cells;
  cells.emplace_back(json::FindString(object, {"metadata", "name"}));
  for (const PrinterColumn& column : resource.custom->columns) {
    cells.push_back(CustomCell(column, object, now));
  }
  return cells;
}

std::string HumanDuration(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return fmt::format("{}s", seconds);
  const auto pair = [](std::int64_t big, char big_unit, std::int64_t small, char small_unit) {
    return small == 0 ? fmt::format("{}{}", big, big_unit)
                      : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
  };
  const auto minutes = seconds / 60;
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  const auto hours = minutes / 60;
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  const auto days = hours / 24;
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return fmt::format("{}d", days);
  const auto years = days / 365;
  if (days < 365 * 8) return pair(years, 'y', days % 365, 'd');
  return fmt::format("{}y", years);
}

namespace {

std::string Begin(const Resource& resource, std::string_view metadata,
                  const TableOptions& options) {
  std::string columns = "null";
  if (options.columns) {
    json::Array definitions;
    for (const TableColumn& column : ColumnsOf(resource)) {
      json::Object definition;
      definition["name"] = column.name;
      definition["type"] = column.type;
      definition["format"] = column.format;
      definition["description"] = column.description;
      definition["priority"] = column.priority;
      definitions.push_back(std::move(definition));
    }
    columns = json::Serialize(definitions);
  }
  return fmt::format(
      R"({{"kind":"Table","apiVersion":"meta.k8s.io/{}","metadata":{{{}}},"columnDefinitions":{},"rows":[)",
      options.meta_version, metadata, columns);
}

void AppendRow(const Resource& resource, const StoredObject& object, std::uint64_t revision,
               const TableOptions& options, std::string& out) {
  // The columns of a built-in kind read the form that is stored.
  json::Value value = resource.custom ? ObjectValue(resource, object) : ToValue(object, "", "");
  out += "{\"cells\":";
  out += json::Serialize(CellsOf(resource, value, options.now));
  out += ",\"object\":";
  switch (options.include) {
    case IncludeObject::kNone:
      out += "null";
      break;
    case IncludeObject::kMetadata:
      AppendPartialJson(object, revision, options.meta_version, out);
      break;
    case IncludeObject::kObject:
      AppendObject(resource, object, revision, TypeMeta::kWith, out);
      break;
  }
  out += '}';
}

json::Value CustomCell(const PrinterColumn& column, const json::Value& object, WallTime now) {
  const json::Value* value = column.path.First(object);
  if (value == nullptr || value->is_null()) return nullptr;
  if (column.type == "string") {
    if (value->is_string()) return *value;
    return json::Value(value->is_structured() ? json::Canonical(*value) : json::Serialize(*value));
  }
  if (column.type == "integer") {
    if (value->is_double()) return internal::WholePart(value->get_double());
    return value->is_number() ? *value : json::Value();
  }
  if (column.type == "number") return value->is_number() ? *value : json::Value();
  if (column.type == "boolean") return value->is_bool() ? *value : json::Value();
  if (column.type == "date") {
    if (!value->is_string()) return nullptr;
    auto time = ParseTime(value->get_string());
    return json::Value(time ? HumanDuration(now - *time) : std::string("<invalid>"));
  }
  return nullptr;
}

}  // namespace
}  // namespace kro::apiserver
