// Manifests: the objects in files and folders, with their places.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/diagnostic.h"
#include "json/yaml.h"

namespace kro::dev {

// Which object a manifest is about. The namespace is as written; "default" is filled in by who knows the
// kind's scope.
struct ObjectId {
  api::Gvk gvk;
  std::string name_space;
  std::string name;

  // "WebApp default/shop"
  std::string ToString() const;
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

struct Manifest {
  ObjectId id;
  std::string file;  // as the user named it, or below the folder that the user named
  std::shared_ptr<const json::Document> document;
  std::uint64_t hash = 0;  // of the object
};

struct ManifestSet {
  std::vector<Manifest> objects;    // in the order in which they are best applied
  std::vector<Manifest> rules;      // rule files (apiserver/rule_file.h)
  Diagnostics faults;               // what cannot be read, with its place
  std::vector<std::string> broken;  // files with a fault
};

// The .yaml, .yml and .json files among `paths` and below the folders among them; what begins with a dot
// is passed over.
ManifestSet ReadManifests(const std::vector<std::string>& paths);

// Of one text, as if it stood in `file`.
void ReadManifest(std::string_view text, const std::string& file, ManifestSet& set);

// Where `path` stands in the manifest, as a Location for diagnostics.
Location PlaceIn(const Manifest& manifest, const json::FieldPath& path);

// Gives a diagnostic about the object (`where.path` counts from its root) its place in the file.
Diagnostic InFile(Diagnostic diagnostic, const Manifest& manifest);

}  // namespace kro::dev
