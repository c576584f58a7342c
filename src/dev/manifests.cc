#include "dev/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "apiserver/rule_file.h"
#include "base/hash.h"
#include "json/path.h"

namespace kro::dev {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxFolders = 32;  // one below the other

void ReadFolder(const fs::path& folder, int depth, ManifestSet& set);
void ReadFile(const fs::path& file, ManifestSet& set);
bool IsManifestFile(const fs::path& file);
Diagnostic FileFault(const std::string& file, std::string message);
// Namespaces and definitions before what needs them: 0 to kLastRank.
constexpr int kLastRank = 3;
int Rank(const api::Gvk& gvk);

}  // namespace

std::string ObjectId::ToString() const {
  return fmt::format("{} {}{}{}", gvk.kind, name_space, name_space.empty() ? "" : "/", name);
}

ManifestSet ReadManifests(const std::vector<std::string>& paths) {
  ManifestSet set;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      ReadFolder(path, 0, set);
    } else {
      ReadFile(path, set);
    }
  }
  std::vector<Manifest> ordered;
  for (int rank = 0; rank <= kLastRank; ++rank) {
    std::ranges::copy_if(set.objects, std::back_inserter(ordered),
                         [&](const Manifest& manifest) { return Rank(manifest.id.gvk) == rank; });
  }
  set.objects = std::move(ordered);
  return set;
}

void ReadManifest(std::string_view text, const std::string& file, ManifestSet& set) {
  const auto refuse = [&](Diagnostic fault) {
    set.faults.push_back(std::move(fault));
    if (set.broken.empty() || set.broken.back() != file) set.broken.push_back(file);
  };
  auto documents = json::ParseYaml(text, file);
  if (!documents) {
    for (Diagnostic& fault : documents.error()) refuse(std::move(fault));
    return;
  }
  for (json::Document& document : *documents) {
    const json::Value& object = document.value;
    Manifest manifest{.file = file, .hash = Hash64(json::Canonical(object))};
    const auto fault = [&](std::string message, std::string hint) {
      Diagnostic found = FileFault(file, std::move(message));
      found.code = "KRO103";
      found.where.position = document.begin;
      found.hint = std::move(hint);
      refuse(std::move(found));
    };
    auto gvk =
        api::ParseGvk(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
    if (!gvk || gvk->kind.empty() || gvk->version.empty()) {
      fault("this is no object: it has no apiVersion and kind", "");
      continue;
    }
    manifest.id.gvk = *gvk;
    manifest.id.name_space = json::FindString(object, {"metadata", "namespace"});
    manifest.id.name = json::FindString(object, {"metadata", "name"});
    if (apiserver::IsRuleFile(object)) {
      manifest.document = std::make_shared<json::Document>(std::move(document));
      set.rules.push_back(std::move(manifest));
      continue;
    }
    if (manifest.id.name.empty()) {
      fault(fmt::format("the {} has no metadata.name", gvk->kind), "");
      continue;
    }
    const auto same = std::ranges::find(set.objects, manifest.id, &Manifest::id);
    if (same != set.objects.end()) {
      fault(fmt::format("{} is also in {}, line {}", manifest.id.ToString(), same->file,
                        same->document->begin.line),
            "");
      continue;
    }
    manifest.document = std::make_shared<json::Document>(std::move(document));
    set.objects.push_back(std::move(manifest));
  }
}

Location PlaceIn(const Manifest& manifest, const json::FieldPath& path) {
  Location where{.source = manifest.file, .path = path.ToString()};
  where.position = path.empty() ? manifest.document->begin : manifest.document->map.Of(path);
  return where;
}

Diagnostic InFile(Diagnostic diagnostic, const Manifest& manifest) {
  auto path = json::FieldPath::Parse(diagnostic.where.path);
  const Location where = PlaceIn(manifest, path ? *path : json::FieldPath());
  diagnostic.where.source = where.source;
  diagnostic.where.position = where.position;
  if (!path || diagnostic.where.expression.empty()) return diagnostic;
  const json::Value* text = json::Get(manifest.document->value, *path);
  if (text == nullptr || !text->is_string()) return diagnostic;
  const std::string_view written = text->get_string();
  const std::size_t at = written.find("${" + diagnostic.where.expression);
  if (at == std::string_view::npos) return diagnostic;
  const std::size_t inside = diagnostic.where.span ? diagnostic.where.span->begin : 0;
  const Position exact = manifest.document->map.Within(*path, at + 2 + inside);
  if (exact.line > 0) diagnostic.where.position = exact;
  return diagnostic;
}

namespace {

void ReadFolder(const fs::path& folder, int depth, ManifestSet& set) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) entries.push_back(it->path());
  }
  std::ranges::sort(entries);
  for (const fs::path& entry : entries) {
    std::error_code ignored;  // what cannot be looked at is read, and says why
    if (fs::is_directory(entry, ignored)) {
      if (depth < kMaxFolders) ReadFolder(entry, depth + 1, set);
    } else if (IsManifestFile(entry)) {
      ReadFile(entry, set);
    }
  }
}

void ReadFile(const fs::path& file, ManifestSet& set) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    set.faults.push_back(FileFault(file, std::strerror(errno)));
    set.broken.push_back(file);
    return;
  }
  ReadManifest(std::string(std::istreambuf_iterator<char>(stream), {}), file, set);
}

bool IsManifestFile(const fs::path& file) {
  const std::string extension = file.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Diagnostic FileFault(const std::string& file, std::string message) {
  Diagnostic fault{.code = "KRO101", .message = std::move(message)};
  fault.where.source = file;
  return fault;
}

int Rank(const api::Gvk& gvk) {
  if (gvk.kind == "Namespace") return 0;
  if (gvk.kind == "CustomResourceDefinition") return 1;
  if (gvk.kind == "ResourceGraphDefinition" || gvk.kind == "ResourceGroup") return 2;
  return kLastRank;
}

}  // namespace
}  // namespace kro::dev
