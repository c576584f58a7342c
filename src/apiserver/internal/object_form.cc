#include "apiserver/internal/object_form.h"

#include <fmt/format.h>

#include "apiserver/internal/object_view.h"
#include "apiserver/internal/table.h"

namespace kro::apiserver {

std::string ObjectForm::One(const StoredObject& object, std::uint64_t revision) const {
  std::string out;
  switch (form.transform) {
    case Transform::kPartialObject:
    case Transform::kPartialList:
      AppendPartialJson(object, revision, form.meta_version, out);
      break;
    case Transform::kTable:
      out = Table(*resource, {&object, 1}, revision,
                  {.meta_version = form.meta_version, .include = include, .now = now});
      break;
    case Transform::kNone:
      AppendObject(*resource, object, revision, TypeMeta::kWith, out);
      break;
  }
  return out;
}

std::string ObjectForm::Event(const StoredObject& object, std::uint64_t revision,
                              bool columns) const {
  if (form.transform != Transform::kTable) return One(object, revision);
  return Table(
      *resource, {&object, 1}, revision,
      {.meta_version = form.meta_version, .include = include, .now = now, .columns = columns});
}

std::string ObjectForm::Bookmark(std::uint64_t revision, bool end_of_initial) const {
  std::string annotations =
      end_of_initial ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
  if (form.transform == Transform::kTable) {
    return fmt::format(
        R"({{"kind":"Table","apiVersion":"meta.k8s.io/{}","metadata":{{"resourceVersion":"{}"{}}},"columnDefinitions":null,"rows":[]}})",
        form.meta_version, revision, annotations);
  }
  bool partial = form.transform != Transform::kNone;
  return fmt::format(R"({{"kind":"{}","apiVersion":"{}","metadata":{{"resourceVersion":"{}"{}}}}})",
                     partial ? "PartialObjectMetadata" : resource->kind,
                     partial ? "meta.k8s.io/" + form.meta_version : resource->ApiVersion(),
                     revision, annotations);
}

std::string ObjectForm::List(const std::vector<StoredPtr>& objects,
                             std::string_view metadata) const {
  if (form.transform == Transform::kTable) {
    return TableOfList(*resource, objects, metadata,
                       {.meta_version = form.meta_version, .include = include, .now = now});
  }
  const bool partial = form.transform != Transform::kNone;
  std::string out =
      fmt::format(R"({{"kind":"{}","apiVersion":"{}","metadata":{{{}}},"items":[)",
                  partial ? "PartialObjectMetadataList" : resource->list_kind,
                  partial ? "meta.k8s.io/" + form.meta_version : resource->ApiVersion(), metadata);
  std::size_t bytes = 0;
  for (const StoredPtr& object : objects) bytes += object->text.size() + 64;
  out.reserve(out.size() + bytes);
  // Items of lists of built-in kinds do not say what they are.
  const TypeMeta type_meta = resource->custom ? TypeMeta::kWith : TypeMeta::kWithout;
  bool first = true;
  for (const StoredPtr& object : objects) {
    if (!first) out += ',';
    first = false;
    if (partial) {
      AppendPartialJson(*object, object->revision, form.meta_version, out);
    } else {
      AppendObject(*resource, *object, object->revision, type_meta, out);
    }
  }
  out += "]}";
  return out;
}

}  // namespace kro::apiserver
