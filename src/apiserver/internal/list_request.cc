#include "apiserver/internal/list_request.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "apiserver/decode.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/status.h"
#include "base/base64.h"
#include "base/hash.h"

namespace kro::apiserver {
namespace {

constexpr auto kLeastWatch = std::chrono::minutes(30);

struct ContinueToken {
  std::int64_t revision;  // -1: the newest state
  std::string start;      // the first key of the page
};

std::string WriteToken(std::uint64_t revision, bool newest, std::string_view start);
Answer<ContinueToken> ReadToken(std::string_view text);
Answer<std::int64_t> ReadNumber(const QueryParameters& query, std::string_view name);
FieldErrors CheckMatch(const QueryParameters& query, bool watch);
kube::Status InvalidOptions(const FieldErrors& errors);

}  // namespace

Answer<Listing> List(Core& core, const ObjectForm& form, const Selection& selection,
                     const QueryParameters& query) {
  const Resource& resource = *form.resource;
  const Collection& collection = core.CollectionOf(resource);
  auto limit = ReadNumber(query, "limit");
  if (!limit) return std::unexpected(limit.error());
  if (FieldErrors errors = CheckMatch(query, false); !errors.empty()) {
    return std::unexpected(InvalidOptions(errors));
  }
  auto revision = ReadRevision(query);
  if (!revision) return BadRequest("invalid resource version: " + revision.error().message);
  std::string_view match = query.Get("resourceVersionMatch");
  std::string_view token_text = query.Get("continue");

  std::uint64_t at = core.store.revision();
  std::string start;
  bool of_past = false;
  if (!token_text.empty()) {
    auto token = ReadToken(token_text);
    if (!token) return std::unexpected(token.error());
    if (*revision && **revision != 0) {
      return BadRequest("specifying resource version is not allowed when using continue");
    }
    start = token->start;
    if (token->revision >= 0) {
      at = static_cast<std::uint64_t>(token->revision);
      of_past = true;
      if (!collection.Remembers(at)) {
        return Listing(ListExpired{
            ExpiredStatus(
                "The provided continue parameter is too old to display a consistent list result. "
                "You "
                "can start a new list without the continue parameter, or use the continue token in "
                "this response to retrieve the remainder of the results. Continuing with the "
                "provided token results in an inconsistent list - objects that were created, "
                "modified, or deleted between the time the first chunk was returned and now may "
                "show up in the list."),
            WriteToken(0, true, start)});
      }
    }
  } else if (*revision && **revision > 0) {
    if (**revision > at) return Listing(ListTooEarly{**revision});
    if (match == "Exact") {
      at = **revision;
      of_past = true;
      if (!collection.Remembers(at)) {
        return Listing(ListExpired{
            ExpiredStatus("The resourceVersion for the provided list is too old."), ""});
      }
    }
  }
  // A list from the cache is not paged.
  const bool from_cache = *revision && **revision == 0 && token_text.empty();
  const std::size_t most = *limit <= 0 || from_cache ? SIZE_MAX : static_cast<std::size_t>(*limit);

  std::optional<Collection::Objects> past;
  if (of_past && collection.After(at) != nullptr) past = collection.At(at);
  const Collection::Objects& objects = past ? *past : collection.objects();
  std::string first = start;
  std::string prefix = selection.name_space().empty() ? "" : selection.name_space() + "/";
  if (first < prefix) first = prefix;

  std::vector<StoredPtr> page;
  std::string next;
  std::size_t remaining = 0;
  for (auto item = objects.lower_bound(first); item != objects.end(); ++item) {
    if (!item->first.starts_with(prefix)) break;
    if (!selection.Matches(resource, *item->second)) continue;
    if (page.size() == most) {
      if (next.empty()) next = item->first;
      ++remaining;
      if (!selection.IsWhole()) break;
      continue;
    }
    page.push_back(item->second);
  }
  std::string metadata = fmt::format("\"resourceVersion\":\"{}\"", at);
  if (!next.empty()) {
    metadata += fmt::format(",\"continue\":\"{}\"", WriteToken(at, false, next));
    if (selection.IsWhole()) metadata += fmt::format(",\"remainingItemCount\":{}", remaining);
  } else if (resource.custom && form.form.transform == Transform::kNone) {
    metadata += ",\"continue\":\"\"";
  }
  return Listing(ListAnswer{form.List(page, metadata)});
}

Answer<std::optional<std::uint64_t>> ReadRevision(const QueryParameters& query) {
  const std::string_view text = query.Get("resourceVersion");
  if (text.empty()) return std::optional<std::uint64_t>();
  std::uint64_t revision = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  const bool digits = end == text.data() + text.size();
  if (digits && error == std::errc()) return std::optional<std::uint64_t>(revision);
  return std::unexpected(PlainErrorStatus(
      fmt::format("resourceVersion: Invalid value: \"{}\": strconv.ParseUint: parsing \"{}\": {}",
                  text, text, digits ? "value out of range" : "invalid syntax")));
}

std::vector<StoredPtr> SelectedObjects(const Collection& collection, const Resource& resource,
                                       const Selection& selection) {
  std::vector<StoredPtr> selected;
  std::string prefix = selection.name_space().empty() ? "" : selection.name_space() + "/";
  for (auto item = collection.objects().lower_bound(prefix); item != collection.objects().end();
       ++item) {
    if (!item->first.starts_with(prefix)) break;
    if (selection.Matches(resource, *item->second)) selected.push_back(item->second);
  }
  return selected;
}

Answer<WatchOpening> OpenWatch(Core& core, ObjectForm form, Selection selection,
                               const QueryParameters& query) {
  if (FieldErrors errors = CheckMatch(query, true); !errors.empty()) {
    return std::unexpected(InvalidOptions(errors));
  }
  if (!query.Get("continue").empty()) {
    return std::unexpected(InvalidOptions({Forbidden(
        "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")}));
  }
  auto revision = ReadRevision(query);
  if (!revision) return std::unexpected(revision.error());
  auto timeout = ReadNumber(query, "timeoutSeconds");
  if (!timeout) return std::unexpected(timeout.error());

  const Collection& collection = core.CollectionOf(*form.resource);
  const bool bookmarks = query.IsOn("allowWatchBookmarks");
  auto send = query.Find("sendInitialEvents");
  // Without a revision a watch begins with what there is (spec section 6.3).
  const bool from_state = send ? query.IsOn("sendInitialEvents") : !*revision || **revision == 0;

  WatchSource::Start start;
  start.bookmarks = bookmarks;
  if (from_state) {
    start.revision = core.store.revision();
    start.initial = SelectedObjects(collection, *form.resource, selection);
    start.initial_bookmark = bookmarks;
  } else {
    start.revision = *revision && **revision > 0 ? **revision : core.store.revision();
  }
  WatchOpening opening;
  opening.bookmarks = bookmarks;
  opening.timeout = *timeout > 0
                        ? Duration(std::chrono::seconds(*timeout))
                        : kLeastWatch + Duration(std::chrono::seconds(core.ids.Draw(1800)));
  opening.source = std::make_unique<WatchSource>(
      core.store, collection, core.clock, std::move(form), std::move(selection), std::move(start));
  return opening;
}

namespace {

std::string WriteToken(std::uint64_t revision, bool newest, std::string_view start) {
  json::Object token;
  token["v"] = "meta.k8s.io/v1";
  token["rv"] = newest ? json::Value(-1) : json::Value(revision);
  token["start"] = fmt::format("/{}", start);
  return EncodeBase64Url(json::Serialize(token));
}

Answer<ContinueToken> ReadToken(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return BadRequest(fmt::format("invalid continue token: continue key is not valid: {}", why));
  };
  auto bytes = DecodeBase64(text, Base64Alphabet::kUrlSafe, Base64Padding::kForbidden);
  if (!bytes) return bad(fmt::format("illegal base64 data at input byte {}", bytes.error()));
  auto decoded = DecodeJson(*bytes);
  if (!decoded) return bad(decoded.error().message());
  const json::Value* token = &decoded->value;
  if (json::FindString(*token, {"v"}) != "meta.k8s.io/v1") {
    return bad("server does not recognize this encoded version");
  }
  const json::Value* revision = json::Find(*token, "rv");
  if (revision == nullptr || !revision->is_int64())
    return bad("incorrect encoded start resourceVersion");
  std::string_view start = json::FindString(*token, {"start"});
  if (!start.starts_with('/')) return bad("start key is not valid");
  return ContinueToken{revision->get_int64(), std::string(start.substr(1))};
}

Answer<std::int64_t> ReadNumber(const QueryParameters& query, std::string_view name) {
  std::string_view text = query.Get(name);
  if (text.empty()) return 0;
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadRequest(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
  }
  return number;
}

FieldErrors CheckMatch(const QueryParameters& query, bool watch) {
  FieldErrors errors;
  std::string_view match = query.Get("resourceVersionMatch");
  std::string_view revision = query.Get("resourceVersion");
  const bool send = query.Find("sendInitialEvents").has_value();
  if (!watch && send) {
    errors.push_back(Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (watch && send && match != "NotOlderThan") {
    errors.push_back(
        Forbidden("resourceVersionMatch",
                  "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    return errors;
  }
  if (match.empty()) return errors;
  if (watch && !send) {
    errors.push_back(Forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  }
  if (!watch && revision.empty()) {
    errors.push_back(
        Forbidden("resourceVersionMatch",
                  "resourceVersionMatch is forbidden unless resourceVersion is provided"));
  }
  if (!watch && !query.Get("continue").empty()) {
    errors.push_back(Forbidden("resourceVersionMatch",
                               "resourceVersionMatch is forbidden when continue is provided"));
  }
  static constexpr std::string_view kMatches[] = {"Exact", "NotOlderThan", ""};
  if (match != "Exact" && match != "NotOlderThan") {
    errors.push_back(NotSupported("resourceVersionMatch", json::Value(match), kMatches));
  }
  if (match == "Exact" && revision == "0") {
    errors.push_back(
        Forbidden("resourceVersionMatch",
                  "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
  }
  return errors;
}

kube::Status InvalidOptions(const FieldErrors& errors) {
  return InvalidStatus("ListOptions", "meta.k8s.io", "", errors);
}

}  // namespace
}  // namespace kro::apiserver
