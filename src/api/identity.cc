#include "api/identity.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/constants.h"
#include "api/names.h"
#include "base/base64.h"
#include "base/hash.h"

namespace kro::api {
namespace {

std::string Digest(std::string_view text);
std::string InventoryHash(std::string_view id, std::string_view kinds, std::string_view namespaces);
std::string JoinKinds(const std::vector<GroupKind>& group_kinds);
std::string JoinSorted(std::vector<std::string> words);
std::vector<std::string> SplitTrimmed(std::string_view list);
Result<GroupKind> ParseGroupKind(std::string_view text);
std::string_view Get(const Labels& map, std::string_view key);

constexpr std::size_t kMaxName = 253;

}  // namespace

std::string VersionLabel(std::string_view version) {
  std::string value(version);
  if (!CheckLabelValue(value).empty()) std::ranges::replace(value, '+', '-');
  return value;
}

Labels SystemLabels(std::string_view version) {
  return {{std::string(label::kOwned), "true"},
          {std::string(label::kVersion), VersionLabel(version)}};
}

Labels RgdLabels(std::string_view name, std::string_view uid) {
  return {{std::string(label::kRgdId), std::string(uid)},
          {std::string(label::kRgdName), std::string(name)}};
}

Labels InstanceLabels(const InstanceIdentity& instance) {
  Labels labels = {{std::string(label::kInstanceId), instance.uid},
                   {std::string(label::kInstanceName), instance.name},
                   {std::string(label::kInstanceGroup), instance.gvk.group},
                   {std::string(label::kInstanceVersion), instance.gvk.version},
                   {std::string(label::kInstanceKind), instance.gvk.kind}};
  if (instance.namespaced) labels.emplace(label::kInstanceNamespace, instance.ns);
  return labels;
}

Labels NodeLabels(std::string_view id) { return {{std::string(label::kNodeId), std::string(id)}}; }

Labels NodeLabels(std::string_view id, std::int64_t index, std::int64_t size) {
  Labels labels = NodeLabels(id);
  labels.emplace(label::kCollectionIndex, fmt::to_string(index));
  labels.emplace(label::kCollectionSize, fmt::to_string(size));
  return labels;
}

Result<Labels> MergeLabels(const Labels& a, const Labels& b) {
  Labels merged = a;
  for (const auto& [key, value] : b) {
    if (!merged.emplace(key, value).second) {
      return Fail(ErrorCode::kInvalid, "duplicate labels: found key '{}' in both maps", key);
    }
  }
  return merged;
}

Ownership CheckOwnership(const Labels& live, std::string_view rgd_name, std::string_view rgd_uid) {
  const auto owned = live.find(label::kOwned);
  const bool ours =
      owned != live.end() ? owned->second == "true" : Get(live, label::kManagedBy) == kManagedByKro;
  if (!ours) return {};
  const auto matches = [&](std::string_view key, std::string_view value) {
    const auto found = live.find(key);
    return found != live.end() && found->second == value;
  };
  return {true, matches(label::kRgdName, rgd_name), matches(label::kRgdId, rgd_uid)};
}

std::string ApplySetId(const ApplySetParent& parent) {
  return "applyset-" +
         Digest(fmt::format("{}.{}.{}.{}", parent.name, parent.ns, parent.kind, parent.group)) +
         "-v1";
}

Inventory MakeInventory(const ApplySetParent& parent, const std::vector<GroupKind>& group_kinds,
                        std::vector<std::string> namespaces) {
  const std::string id = ApplySetId(parent);
  const std::string kinds = JoinKinds(group_kinds);
  const std::string joined = JoinSorted(std::move(namespaces));
  Inventory inventory;
  inventory.labels.emplace(label::kApplySetId, id);
  inventory.annotations.emplace(annotation::kContainsGroupKinds, kinds);
  inventory.annotations.emplace(annotation::kAdditionalNamespaces, joined);
  inventory.annotations.emplace(annotation::kInventoryHash, InventoryHash(id, kinds, joined));
  return inventory;
}

Result<InventoryContent> ParseInventory(const Labels& annotations) {
  for (const auto key : {annotation::kContainsGroupKinds, annotation::kAdditionalNamespaces}) {
    if (!annotations.contains(key)) {
      return Fail(ErrorCode::kInvalid, "missing required {} annotation", key);
    }
  }
  InventoryContent content;
  for (const auto& text : SplitTrimmed(Get(annotations, annotation::kContainsGroupKinds))) {
    auto kind = ParseGroupKind(text);
    if (!kind) return Annotate(kind, "invalid {} annotation", annotation::kContainsGroupKinds);
    content.group_kinds.push_back(*std::move(kind));
  }
  for (auto& ns : SplitTrimmed(Get(annotations, annotation::kAdditionalNamespaces))) {
    const auto reasons = CheckDns1123Label(ns);
    if (!reasons.empty()) {
      return Fail(ErrorCode::kInvalid, "invalid {} annotation: invalid namespace \"{}\": {}",
                  annotation::kAdditionalNamespaces, ns, fmt::join(reasons, ", "));
    }
    content.namespaces.push_back(std::move(ns));
  }
  return content;
}

Result<InventoryContent> CheckInventory(const ApplySetParent& parent, const Labels& labels,
                                        const Labels& annotations) {
  const std::string id = ApplySetId(parent);
  const std::string_view stored_id = Get(labels, label::kApplySetId);
  if (stored_id != id) {
    return Fail(ErrorCode::kInvalid, "invalid {} label: got \"{}\", want \"{}\"",
                label::kApplySetId, stored_id, id);
  }
  const std::string_view tooling = Get(annotations, annotation::kTooling);
  if (!tooling.starts_with("kro/")) {
    return Fail(ErrorCode::kInvalid, "invalid {} annotation: \"{}\" is not owned by kro",
                annotation::kTooling, tooling);
  }
  auto content = ParseInventory(annotations);
  if (!content) return content;

  const auto stored_hash = annotations.find(annotation::kInventoryHash);
  if (stored_hash == annotations.end()) return content;
  const std::string hash =
      InventoryHash(id, JoinKinds(content->group_kinds), JoinSorted(content->namespaces));
  if (stored_hash->second != hash) {
    return Fail(ErrorCode::kInvalid, "invalid {} annotation: got \"{}\", want \"{}\"",
                annotation::kInventoryHash, stored_hash->second, hash);
  }
  return content;
}

std::string Tooling(std::string_view version) { return fmt::format("kro/{}", version); }

std::string RevisionName(std::string_view rgd_name, std::int64_t number) {
  const std::string suffix = fmt::format("-r{:05}", number);
  if (rgd_name.size() + suffix.size() <= kMaxName) return fmt::format("{}{}", rgd_name, suffix);

  const std::string tail = fmt::format("{}-{:08x}", suffix, Fnv1a32(rgd_name));
  std::string_view head = rgd_name.substr(0, kMaxName - tail.size());
  while (!head.empty() && (head.back() == '.' || head.back() == '-')) head.remove_suffix(1);
  return fmt::format("{}{}", head.empty() ? "gr" : head, tail);
}

std::optional<std::int64_t> RetentionFloor(std::vector<std::int64_t> revisions, std::int64_t keep) {
  if (keep <= 0 || revisions.size() < static_cast<std::size_t>(keep)) return std::nullopt;
  std::ranges::sort(revisions);
  return revisions[revisions.size() - static_cast<std::size_t>(keep)];
}

namespace {

std::string Digest(std::string_view text) { return EncodeBase64Url(AsBytes(Sha256(text))); }

std::string InventoryHash(std::string_view id, std::string_view kinds,
                          std::string_view namespaces) {
  std::string text(id);
  text.push_back('\0');
  text += kinds;
  text.push_back('\0');
  text += namespaces;
  return "sha256:" + Digest(text);
}

std::string JoinKinds(const std::vector<GroupKind>& group_kinds) {
  std::vector<std::string> words;
  for (const auto& kind : group_kinds) words.push_back(kind.ToString());
  return JoinSorted(std::move(words));
}

std::string JoinSorted(std::vector<std::string> words) {
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  return fmt::format("{}", fmt::join(words, ","));
}

std::vector<std::string> SplitTrimmed(std::string_view list) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  std::vector<std::string> parts;
  if (list.find_first_not_of(kBlank) == std::string_view::npos) return parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    std::string_view part = list.substr(begin, comma - begin);
    const std::size_t first = part.find_first_not_of(kBlank);
    part = first == std::string_view::npos
               ? std::string_view()
               : part.substr(first, part.find_last_not_of(kBlank) - first + 1);
    parts.emplace_back(part);
    begin = comma + 1;
  }
  return parts;
}

Result<GroupKind> ParseGroupKind(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "contains an empty group-kind");
  const std::size_t dot = text.find('.');
  const std::string_view kind = text.substr(0, dot);
  if (kind.empty() || kind.find_first_of(" \t\r\n\v\f") != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "invalid kind \"{}\"", kind);
  }
  if (dot == std::string_view::npos) return GroupKind{"", std::string(kind)};
  const std::string_view group = text.substr(dot + 1);
  const auto reasons = group.empty() ? std::vector<std::string>() : CheckDns1123Subdomain(group);
  if (!reasons.empty()) {
    return Fail(ErrorCode::kInvalid, "invalid group \"{}\": {}", group, fmt::join(reasons, ", "));
  }
  return GroupKind{std::string(group), std::string(kind)};
}

std::string_view Get(const Labels& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace
}  // namespace kro::api
