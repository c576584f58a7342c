#include "kube/rest_mapper.h"

#include <algorithm>

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

RestMapping MappingOf(std::string_view group, std::string_view version, const ApiResource& found);
ApiError NoMatch(std::string_view what, std::string_view group, std::string_view version);

}  // namespace

Task<Reply<RestMapping>> RestMapper::ForKind(Gvk gvk, CancelToken cancel) {
  auto is_kind = [&](const ApiResource& r) { return r.kind == gvk.kind; };
  if (auto found = Search(gvk.group, gvk.version, is_kind)) co_return *found;
  auto learnt = co_await Learn(gvk.group, gvk.version, cancel);
  if (auto found = Search(gvk.group, gvk.version, is_kind)) co_return *found;
  if (!learnt) co_return AnnotateReply(learnt.error(), "kind {}", gvk);
  co_return std::unexpected(NoMatch("kind \"" + gvk.kind + "\"", gvk.group, gvk.version));
}

Task<Reply<RestMapping>> RestMapper::ForGroupKind(std::string group, std::string kind,
                                                  CancelToken cancel) {
  auto is_kind = [&](const ApiResource& r) { return r.kind == kind; };
  if (auto found = Search(group, "", is_kind)) co_return *found;
  auto learnt = co_await Learn(group, "", cancel);
  if (auto found = Search(group, "", is_kind)) co_return *found;
  if (!learnt) co_return AnnotateReply(learnt.error(), "kind {} of group '{}'", kind, group);
  co_return std::unexpected(NoMatch("kind \"" + kind + "\"", group, ""));
}

Task<Reply<RestMapping>> RestMapper::ForResource(Gvr gvr, CancelToken cancel) {
  auto is_resource = [&](const ApiResource& r) {
    return r.resource == gvr.resource || r.singular == gvr.resource;
  };
  if (auto found = Search(gvr.group, gvr.version, is_resource)) co_return *found;
  auto learnt = co_await Learn(gvr.group, gvr.version, cancel);
  if (auto found = Search(gvr.group, gvr.version, is_resource)) co_return *found;
  if (!learnt) co_return AnnotateReply(learnt.error(), "resource {}", gvr);
  co_return std::unexpected(NoMatch("resource \"" + gvr.resource + "\"", gvr.group, gvr.version));
}

void RestMapper::Forget(const std::string& group) {
  std::lock_guard lock(mutex_);
  groups_.erase(group);
  std::erase_if(asked_, [&](const auto& entry) {
    return entry.first == group || entry.first.starts_with(group + "/");
  });
}

std::optional<RestMapping> RestMapper::Known(const Gvk& gvk) const {
  return Search(gvk.group, gvk.version, [&](const ApiResource& r) { return r.kind == gvk.kind; });
}

Task<Reply<void>> RestMapper::LoadAll(CancelToken cancel) {
  auto all = co_await discovery_.ReadAll(cancel);
  if (!all) co_return std::unexpected(all.error());
  std::lock_guard lock(mutex_);
  std::map<std::string, ApiGroup, std::less<>> groups;
  for (ApiGroup& group : *all) {
    // A server that does not answer now has not lost its types: what was known of it stays.
    if (auto old = groups_.find(group.name); old != groups_.end()) {
      for (ApiVersion& version : group.versions) {
        auto known = std::ranges::find(old->second.versions, version.version, &ApiVersion::version);
        if (version.stale && version.resources.empty() && known != old->second.versions.end()) {
          version.resources = known->resources;
        }
      }
    }
    groups.insert_or_assign(group.name, std::move(group));
  }
  groups_ = std::move(groups);
  loaded_ = true;
  co_return Reply<void>{};
}

// Who asks while another asks the same waits for the same answer: silence must not be taken for "no such kind", by
// which what is deleted would count as gone.
Task<Reply<void>> RestMapper::Learn(std::string group, std::string version, CancelToken cancel) {
  const std::string what = group + "/" + version;
  while (IsOpen(what)) {
    answered_.Reset();
    if (auto woken = co_await answered_.Wait(cancel); !woken) {
      co_return std::unexpected(ApiError(woken.error()));
    }
  }
  if (auto recent = RecentAnswer(what)) co_return std::move(*recent);
  const std::uint64_t number = Open(what);
  auto answer = co_await Ask(std::move(group), std::move(version), std::move(cancel));
  Close(what, number, answer);
  answered_.Set();
  co_return answer;
}

Task<Reply<void>> RestMapper::Ask(std::string group, std::string version, CancelToken cancel) {
  bool whole = false;
  {
    std::lock_guard lock(mutex_);
    whole = !loaded_ || version.empty() || !groups_.contains(group);
  }
  // Aggregated discovery with an ETag costs less than one group-version read by name.
  if (whole) {
    if (auto loaded = co_await LoadAll(cancel); !loaded) co_return loaded;
    co_return CheckAnswered(group, version);
  }
  GroupVersion wanted{group, version};
  auto resources = co_await discovery_.ReadVersion(std::move(wanted), cancel);
  std::lock_guard lock(mutex_);
  auto known = groups_.find(group);
  if (known == groups_.end()) co_return Reply<void>{};
  auto place = std::ranges::find(known->second.versions, version, &ApiVersion::version);
  if (!resources) {
    if (!IsNotFound(resources.error())) co_return std::unexpected(resources.error());
    if (place != known->second.versions.end()) known->second.versions.erase(place);
    co_return Reply<void>{};
  }
  if (place == known->second.versions.end()) {
    place = known->second.versions.insert(place, ApiVersion{version, false, false, {}});
  }
  place->resources = std::move(*resources);
  co_return Reply<void>{};
}

// A group whose server was not reached has kinds that nobody told of.
Reply<void> RestMapper::CheckAnswered(const std::string& group, const std::string& version) const {
  std::lock_guard lock(mutex_);
  const auto known = groups_.find(group);
  if (known == groups_.end()) return {};
  for (const ApiVersion& candidate : known->second.versions) {
    if (!version.empty() && candidate.version != version) continue;
    if (!candidate.stale || !candidate.resources.empty()) continue;
    return std::unexpected(
        ApiError(Error(ErrorCode::kUnavailable, fmt::format("the server of {}/{} does not answer",
                                                            group, candidate.version))));
  }
  return {};
}

bool RestMapper::IsOpen(const std::string& what) const {
  std::lock_guard lock(mutex_);
  const auto asked = asked_.find(what);
  return asked != asked_.end() && asked->second.state == Question::State::kOpen;
}

std::optional<Reply<void>> RestMapper::RecentAnswer(const std::string& what) const {
  const MonotonicTime now = client_.executor().clock().Monotonic();
  std::lock_guard lock(mutex_);
  const auto asked = asked_.find(what);
  if (asked == asked_.end() || now - asked->second.at >= kSpacing) return std::nullopt;
  if (asked->second.state == Question::State::kAnswered) return Reply<void>{};
  return std::unexpected(ApiError(
      Error(ErrorCode::kUnavailable, "discovery failed a moment ago, and is not asked again yet")));
}

std::uint64_t RestMapper::Open(const std::string& what) {
  std::lock_guard lock(mutex_);
  asked_.insert_or_assign(what, Question{.number = ++questions_});
  return questions_;
}

void RestMapper::Close(const std::string& what, std::uint64_t number, const Reply<void>& answer) {
  const MonotonicTime now = client_.executor().clock().Monotonic();
  std::lock_guard lock(mutex_);
  const auto asked = asked_.find(what);
  // Forgotten meanwhile, and perhaps asked anew.
  if (asked == asked_.end() || asked->second.number != number) return;
  if (!answer && answer.error().code() == ErrorCode::kCancelled) {
    asked_.erase(asked);
    return;
  }
  asked->second.state = answer ? Question::State::kAnswered : Question::State::kFailed;
  asked->second.at = now;
}

template <typename Matches>
std::optional<RestMapping> RestMapper::Search(std::string_view group, std::string_view version,
                                              Matches matches) const {
  std::lock_guard lock(mutex_);
  auto found = groups_.find(group);
  if (found == groups_.end()) return std::nullopt;
  for (const ApiVersion& candidate : found->second.versions) {
    if (!version.empty() && candidate.version != version) continue;
    auto resource = std::ranges::find_if(candidate.resources, matches);
    if (resource != candidate.resources.end()) {
      return MappingOf(group, candidate.version, *resource);
    }
  }
  return std::nullopt;
}

namespace {

RestMapping MappingOf(std::string_view group, std::string_view version, const ApiResource& found) {
  return {
      .gvk = {std::string(group), std::string(version), found.kind},
      .gvr = {std::string(group), std::string(version), found.resource},
      .scope = found.scope,
      .has_status = std::ranges::find(found.subresources, "status") != found.subresources.end(),
  };
}

ApiError NoMatch(std::string_view what, std::string_view group, std::string_view version) {
  std::string where = GroupVersion{std::string(group), std::string(version)}.ToString();
  return ApiError(Status{
      .code = 404,
      .reason = "NotFound",
      .message = version.empty() ? fmt::format("no matches for {} in group \"{}\"", what, group)
                                 : fmt::format("no matches for {} in version \"{}\"", what, where),
  });
}

}  // namespace
}  // namespace kro::kube
