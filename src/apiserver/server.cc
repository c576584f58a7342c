#include "apiserver/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "apiserver/controllers/all.h"
#include "apiserver/controllers/rule_player.h"
#include "apiserver/internal/access_review.h"
#include "apiserver/internal/authentication.h"
#include "apiserver/internal/bootstrap_objects.h"
#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/create_only.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/discovery.h"
#include "apiserver/internal/health.h"
#include "apiserver/internal/list_request.h"
#include "apiserver/internal/object_form.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/object_writer.h"
#include "apiserver/internal/openapi_documents.h"
#include "apiserver/internal/query.h"
#include "apiserver/internal/resource_path.h"
#include "apiserver/internal/restore.h"
#include "apiserver/internal/scale.h"
#include "apiserver/internal/selection.h"
#include "apiserver/internal/status.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "json/indent.h"
#include "json/yaml.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxBody = 3'145'728;
constexpr std::size_t kGzipFrom = 128 * 1024;
constexpr auto kBookmarkEvery = std::chrono::seconds(60);
constexpr auto kBookmarkBeforeEnd = std::chrono::seconds(2);
constexpr auto kWaitForRevision = std::chrono::seconds(3);
constexpr std::size_t kMaxWarningCharacters = 4096;
constexpr std::size_t kCutWarning = 256;

std::string_view HeaderOf(const http::Request& request, std::string_view name);
// Whether a person reads the answer: they say so, or use a browser or the like. Schemas and the version
// look always alike.
bool WantsIndent(const http::Request& request, std::string_view path, const QueryParameters& query);
bool IsJson(const http::Response& response);
AccessAttributes AttributesOf(std::string_view method, std::string_view path,
                              const std::optional<ResourcePath>& resource,
                              const QueryParameters& query);
std::string_view NameInFieldSelector(const QueryParameters& query);
http::Response Respond(int status, std::string body, std::string content_type = "application/json");
http::Response Respond(const kube::Status& status, std::string_view continue_token = {});
ObjectChange Told(const Collection& collection, const StoredObject& object, ObjectChange::Type type,
                  std::uint64_t revision);
std::optional<ServedKind> Served(const ResourcePtr& resource);
void AddWarnings(const std::vector<std::string>& warnings, http::Response& response);
bool IsHeaderText(std::string_view text);
// What kubectl logs, exec, port-forward and the like ask of a pod.
bool NeedsContainers(std::string_view subresource);
kube::Status NoContainersStatus();
bool IsGoDuration(std::string_view text);
std::string Quoted(std::string_view text);

}  // namespace

// A request for a resource, taken apart.
struct Call {
  const http::Request& http;
  ResourcePath path;
  QueryParameters query;
  ResourcePtr resource;
  Server::Attempt attempt;
  User user;
  std::vector<std::string> warnings = {};  // for the client, whatever the answer
};

struct Server::Impl {
  Impl(const Clock& clock, IdSource ids, ServerOptions options)
      : core(clock, std::move(ids), std::move(options)),
        controllers(core),
        documents(core.registry) {}

  Reply Handle(const http::Request& request, Attempt attempt, const User* certified);
  // The client's name for the request, or a new one.
  std::string AuditId(const http::Request& request);
  // Who asks, once it is known that they may.
  Answer<User> Admit(const http::Request& request, const User* certified, std::string_view path,
                     const std::optional<ResourcePath>& resource, const QueryParameters& query);
  std::optional<http::Response> HandleFixed(const http::Request& request, std::string_view path,
                                            const QueryParameters& query);
  http::Response Discover(const http::Request& request, Part part);
  std::optional<http::Response> AnswerOpenApi(const http::Request& request, std::string_view path,
                                              const QueryParameters& query);
  Answer<Reply> HandleResource(Call& call);
  Answer<void> CheckPath(const Call& call) const;
  Answer<Reply> HandleCollection(Call& call);
  Answer<Reply> HandleObject(Call& call);
  Answer<Reply> ChangeObject(Call& call);
  Answer<Reply> HandleSubresource(Call& call);
  Answer<Reply> ListOrWatch(Call& call);
  Answer<Reply> DeleteCollection(Call& call);
  Answer<Reply> DeleteObject(Call& call);
  Answer<ObjectForm> FormOf(const Call& call, bool list) const;
  WriteRequest WriteOf(const Call& call) const;
  Reply Show(const ObjectForm& form, const Written& written) const;
  kube::Status NotAllowed(const Call& call, std::string_view verb) const;

  void Open(std::shared_ptr<Watch> watch, const WatchOpening& opening);
  void NextBookmark(std::weak_ptr<Watch> watch);
  void OnChange(Collection& collection, const Change& change);
  Result<void> Settle();
  template <typename Act>
  void ForWatches(const Collection& collection, Act act);

  Core core;
  ControllerManager controllers;
  OpenApiDocuments documents;
  std::map<const Collection*, std::vector<std::weak_ptr<Watch>>> watches;
  std::function<void()> due_changed;
  std::unique_ptr<RulePlayer> player;  // nullptr: there were never any rules
  std::function<void(std::string)> report;
  std::vector<ChangeListener*> listeners;
  bool unsettled = false;
};

Server::Server(const Clock& clock, IdSource ids, ServerOptions options, SavedState state)
    : impl_(std::make_unique<Impl>(clock, std::move(ids), std::move(options))) {
  Impl* impl = impl_.get();
  const bool fresh = state.objects.empty();
  RestoreObjects(impl->core, std::move(state));
  AddControllers(
      impl->core, impl->controllers, [impl](std::string_view group, std::string_view resource) {
        impl->ForWatches(impl->core.store.Of(group, resource), [](Watch& watch) { watch.End(); });
      });
  impl->core.store.OnChange(
      [impl](Collection& collection, const Change& change) { impl->OnChange(collection, change); });
  if (fresh) {
    AddBootstrapObjects(impl->core);
  } else {
    impl->controllers.LookAtAll();
  }
}

Server::~Server() = default;

Server::Reply Server::Handle(const http::Request& request, Attempt attempt, const User* certified) {
  auto before = impl_->core.agenda.Next();
  Reply reply = impl_->Handle(request, attempt, certified);
  if (auto settled = impl_->Settle(); !settled) {
    reply = Respond(InternalErrorStatus(settled.error().message()));
  }
  if (impl_->core.agenda.Next() != before && impl_->due_changed) impl_->due_changed();
  return reply;
}

bool Server::RunDue() {
  const bool all = impl_->core.agenda.RunDue(impl_->core.clock.Monotonic());
  // A listener that failed fails again with the next request, which has somebody to tell.
  static_cast<void>(impl_->Settle());
  return all;
}

std::optional<MonotonicTime> Server::NextDue() const { return impl_->core.agenda.Next(); }

void Server::OnDueChanged(std::function<void()> changed) {
  impl_->due_changed = std::move(changed);
}

void Server::Play(RuleSet rules, std::function<void(std::string)> report) {
  impl_->report = std::move(report);
  if (impl_->player == nullptr) {
    impl_->player = std::make_unique<RulePlayer>(
        impl_->core, [impl = impl_.get()](std::string what) { impl->report(std::move(what)); });
  }
  impl_->player->Play(std::move(rules));
  if (impl_->due_changed) impl_->due_changed();
}

void Server::AddListener(ChangeListener& listener) { impl_->listeners.push_back(&listener); }

void Server::ForEachObject(const std::function<void(const ObjectChange&)>& tell) const {
  impl_->core.store.ForEach([&](const Collection& collection, const StoredObject& object) {
    tell(Told(collection, object, ObjectChange::Type::kPut, object.revision));
  });
}

std::optional<ServedKind> Server::FindKind(const api::Gvk& kind) const {
  return Served(impl_->core.registry.FindKind(kind.group, kind.version, kind.kind));
}

std::optional<ServedKind> Server::FindResource(std::string_view group,
                                               std::string_view resource) const {
  return Served(impl_->core.registry.FindInAnyVersion(group, resource));
}

void Server::CompactHistory() { impl_->core.store.Compact(); }

void Server::EndWatches(WatchEnd how) {
  for (auto& [collection, list] : impl_->watches) {
    for (auto& weak : list) {
      auto watch = weak.lock();
      if (watch == nullptr) continue;
      if (how == WatchEnd::kClean) {
        watch->End();
      } else {
        watch->Break();
      }
    }
  }
}

std::uint64_t Server::revision() const { return impl_->core.store.revision(); }

http::Headers WatchHeaders() {
  return {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}};
}

Server::Reply Server::Impl::Handle(const http::Request& request, Attempt attempt,
                                   const User* certified) {
  std::string_view target = request.target;
  std::string_view path = target.substr(0, target.find('?'));
  QueryParameters query(path.size() < target.size() ? target.substr(path.size() + 1)
                                                    : std::string_view());
  http::Response response;
  const bool indents = WantsIndent(request, path, query);
  auto parsed = ParseResourcePath(path);
  auto user = Admit(request, certified, path, parsed, query);
  if (!user) {
    response = Respond(user.error());
  } else if (request.body.size() > kMaxBody) {
    response = Respond(RequestTooLargeStatus());
  } else if (auto fixed = HandleFixed(request, path, query)) {
    response = std::move(*fixed);
  } else if (parsed) {
    Call call{request, std::move(*parsed), std::move(query), nullptr, attempt, *std::move(user)};
    auto reply = HandleResource(call);
    if (reply && !std::holds_alternative<http::Response>(*reply)) return std::move(*reply);
    response = reply ? std::move(std::get<http::Response>(*reply)) : Respond(reply.error());
    AddWarnings(call.warnings, response);
  } else {
    response = Respond(PageNotFoundStatus());
  }
  if (response.headers.Find("Cache-Control") == nullptr) {
    response.headers.Add("Cache-Control", "no-cache, private");
  }
  response.headers.Add("Audit-Id", AuditId(request));
  if (indents && IsJson(response)) response.body = json::Indent(response.body);
  if (response.body.size() > kGzipFrom &&
      HeaderOf(request, "Accept-Encoding").find("gzip") != std::string_view::npos &&
      response.headers.Find("Content-Encoding") == nullptr) {
    response.body = Gzip(response.body);
    response.headers.Set("Content-Encoding", "gzip");
  }
  return response;
}

std::string Server::Impl::AuditId(const http::Request& request) {
  std::string_view given = HeaderOf(request, "Audit-ID");
  return given.empty() ? core.ids.Uid() : std::string(given);
}

Answer<User> Server::Impl::Admit(const http::Request& request, const User* certified,
                                 std::string_view path, const std::optional<ResourcePath>& resource,
                                 const QueryParameters& query) {
  auto user = Authenticate(request, certified, core);
  if (!user) return user;
  const AccessAttributes attributes = AttributesOf(request.method, path, resource, query);
  user = Impersonate(request, *std::move(user), attributes, core);
  if (!user) return user;
  if (auto may = core.authorizer.Check(*user, attributes); !may) {
    return std::unexpected(may.error());
  }
  return user;
}

// What is no resource: health, version, discovery, schemas.
std::optional<http::Response> Server::Impl::HandleFixed(const http::Request& request,
                                                        std::string_view path,
                                                        const QueryParameters& query) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const bool discovers = path == "/api" || path == "/apis" || path == "/api/v1";
  if (discovers && request.method == "POST") return Respond(MethodNotAllowedStatus());
  if (request.method == "GET") {
    if (auto health = AnswerHealth(path, query)) return health;
    if (path == "/version") return Respond(200, std::string(BuiltinVersion()));
    if (path.starts_with("/openapi/")) return AnswerOpenApi(request, path, query);
    if (path == "/api") return Discover(request, Part::kCore);
    if (path == "/apis") return Discover(request, Part::kGroups);
    if (path == "/api/v1") return Respond(200, *ResourceList(core.registry, "", "v1"));
    if (path.starts_with("/api/") && !path.substr(5).contains('/')) {
      return Respond(CouldNotFindResourceStatus());
    }
    if (path.starts_with("/apis/")) {
      std::string_view rest = path.substr(6);
      std::string_view group = rest.substr(0, rest.find('/'));
      if (group.size() == rest.size()) {
        auto document = GroupDocument(core.registry, group);
        return document ? Respond(200, std::move(*document)) : Respond(PageNotFoundStatus());
      }
      std::string_view version = rest.substr(group.size() + 1);
      if (version.find('/') == std::string_view::npos) {
        auto list = ResourceList(core.registry, group, version);
        if (list) return Respond(200, std::move(*list));
        const ServedGroup* served = core.registry.FindGroup(group);
        return Respond(served != nullptr && served->builtin ? CouldNotFindResourceStatus()
                                                            : PageNotFoundStatus());
      }
    }
  }
  return std::nullopt;
}

http::Response Server::Impl::Discover(const http::Request& request, Part part) {
  std::string_view version = AggregatedDiscoveryVersion(HeaderOf(request, "Accept"));
  if (version.empty()) {
    return Respond(200, part == Part::kCore ? CoreVersions() : GroupList(core.registry));
  }
  std::string body = AggregatedDiscovery(core.registry, part, version);
  auto digest = Sha256(body);
  std::string etag = Quoted(ToHex(AsBytes(digest)));
  std::ranges::transform(etag, etag.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  });
  http::Response response;
  if (HeaderOf(request, "If-None-Match") == etag) {
    response.status = 304;
  } else {
    response = Respond(200, std::move(body),
                       fmt::format("application/json;g=apidiscovery.k8s.io;v={};as="
                                   "APIGroupDiscoveryList",
                                   version));
  }
  response.headers.Set("ETag", etag);
  response.headers.Set("Vary", "Accept");
  response.headers.Set("Cache-Control", "public");
  return response;
}

std::optional<http::Response> Server::Impl::AnswerOpenApi(const http::Request& request,
                                                          std::string_view path,
                                                          const QueryParameters& query) {
  if (path == "/openapi/v3") return Respond(200, documents.Index(), "text/plain; charset=utf-8");
  if (!path.starts_with("/openapi/v3/")) return Respond(PageNotFoundStatus());
  const auto* document = documents.Find(path.substr(12));
  if (document == nullptr) return http::Response{404, {}, ""};
  std::string_view hash = query.Get("hash");
  if (!hash.empty() && hash != document->hash) {
    return http::Response{301, {{"Location", fmt::format("{}?hash={}", path, document->hash)}}, ""};
  }
  const std::string etag = Quoted(document->hash);
  if (HeaderOf(request, "If-None-Match") == etag) return http::Response{304, {{"ETag", etag}}, ""};
  http::Response response;
  if (HeaderOf(request, "Accept-Encoding").find("gzip") != std::string_view::npos) {
    response = Respond(200, document->gzip);
    response.headers.Set("Content-Encoding", "gzip");
  } else {
    auto text = Gunzip(document->gzip);
    if (!text) return Respond(InternalErrorStatus(text.error().message()));
    response = Respond(200, std::move(*text));
  }
  response.headers.Set("ETag", etag);
  response.headers.Set("Vary", "Accept");
  response.headers.Set("Cache-Control", "no-cache, private");
  return response;
}

Answer<Server::Reply> Server::Impl::HandleResource(Call& call) {
  if (auto fine = CheckPath(call); !fine) return std::unexpected(fine.error());
  call.resource = core.registry.Find(call.path.group, call.path.version, call.path.resource);
  if (auto timeout = call.query.Find("timeout"); timeout && !IsGoDuration(*timeout)) {
    return BadRequest(
        fmt::format("invalid timeout specified in the request URL - time: invalid duration {}",
                    Quoted(*timeout)));
  }
  if (call.http.method == "HEAD" || call.http.method == "OPTIONS") {
    return std::unexpected(MethodNotAllowedStatus());
  }
  if (IsReview(*call.resource)) {
    if (call.http.method != "POST") return std::unexpected(MethodNotAllowedStatus());
    auto review = AnswerReview(core, {.resource = *call.resource,
                                      .name_space = call.path.name_space,
                                      .user = call.user,
                                      .manager = DefaultManager(HeaderOf(call.http, "User-Agent")),
                                      .body = call.http.body});
    if (!review) return std::unexpected(review.error());
    return Reply(Respond(201, json::Serialize(*review)));
  }
  if (!call.path.subresource.empty()) return HandleSubresource(call);
  if (!call.path.name.empty()) return HandleObject(call);
  return HandleCollection(call);
}

// Section 1.2: what an unknown path answers.
Answer<void> Server::Impl::CheckPath(const Call& call) const {
  const ServedGroup* group = core.registry.FindGroup(call.path.group);
  if (group == nullptr) return std::unexpected(PageNotFoundStatus());
  const auto unknown = [&] {
    return std::unexpected(group->builtin ? CouldNotFindResourceStatus() : PageNotFoundStatus());
  };
  ResourcePtr resource = core.registry.Find(call.path.group, call.path.version, call.path.resource);
  if (resource == nullptr) return unknown();
  if (call.path.has_namespace && !resource->namespaced()) return unknown();
  if (!call.path.has_namespace && resource->namespaced()) {
    if (!call.path.name.empty()) return unknown();
    if (resource->custom && call.http.method == "POST") return unknown();
  }
  return {};
}

Answer<Server::Reply> Server::Impl::HandleCollection(Call& call) {
  const Resource& resource = *call.resource;
  const bool everywhere = resource.namespaced() && !call.path.has_namespace;
  if (call.http.method == "GET" && resource.Offers(Verb::kList)) return ListOrWatch(call);
  if (call.http.method == "POST" && resource.Offers(Verb::kCreate) && !everywhere) {
    if (resource.custom) {
      auto since = core.served_since.find(resource.custom->definition_name);
      Duration held = core.options.hold_after_established;
      if (call.attempt == Attempt::kFirst && held > Duration::zero() &&
          since != core.served_since.end() &&
          core.clock.Monotonic() - since->second < std::chrono::seconds(2)) {
        return Reply(Hold{held});
      }
    }
    auto form = FormOf(call, false);
    if (!form) return std::unexpected(form.error());
    ObjectWriter writer(core, call.warnings);
    auto written = writer.Create(WriteOf(call));
    if (!written) return std::unexpected(written.error());
    return Show(*form, *written);
  }
  if (call.http.method == "DELETE" && resource.Offers(Verb::kDeleteCollection) && !everywhere) {
    return DeleteCollection(call);
  }
  if (resource.custom && call.http.method == "PUT") return BadRequest("name must be provided");
  return std::unexpected(NotAllowed(call, call.http.method == "POST" ? "create" : "patch"));
}

Answer<Server::Reply> Server::Impl::HandleObject(Call& call) {
  const Resource& resource = *call.resource;
  const std::string& method = call.http.method;
  if (method == "GET" && resource.Offers(Verb::kGet)) {
    auto form = FormOf(call, false);
    if (!form) return std::unexpected(form.error());
    auto wanted = ReadRevision(call.query);
    if (!wanted) return std::unexpected(wanted.error());
    if (wanted->value_or(0) > core.store.revision()) {
      if (call.attempt == Attempt::kFirst) return Reply(Hold{kWaitForRevision});
      return std::unexpected(TooLargeResourceVersionStatus(**wanted, core.store.revision()));
    }
    StoredPtr found = core.CollectionOf(resource).Find(call.path.name_space, call.path.name);
    if (found == nullptr) {
      return std::unexpected(NotFoundStatus(SubjectOf(resource, call.path.name)));
    }
    return Show(*form, {.code = 200, .object = found, .revision = found->revision});
  }
  if (method == "DELETE" && resource.Offers(Verb::kDelete)) return DeleteObject(call);
  const bool put = method == "PUT" && resource.Offers(Verb::kUpdate);
  const bool patch = method == "PATCH" && resource.Offers(Verb::kPatch);
  if (!put && !patch) return std::unexpected(NotAllowed(call, "create"));
  return ChangeObject(call);
}

// PUT and PATCH.
Answer<Server::Reply> Server::Impl::ChangeObject(Call& call) {
  auto form = FormOf(call, false);
  if (!form) return std::unexpected(form.error());
  ObjectWriter writer(core, call.warnings);
  auto written =
      call.http.method == "PUT" ? writer.Update(WriteOf(call)) : writer.Patch(WriteOf(call));
  if (!written) return std::unexpected(written.error());
  return Show(*form, *written);
}

Answer<Server::Reply> Server::Impl::HandleSubresource(Call& call) {
  const Resource& resource = *call.resource;
  const Subresource* part = resource.FindSubresource(call.path.subresource);
  if (part == nullptr) {
    if (resource.custom) {
      return std::unexpected(NotFoundStatus(SubjectOf(resource, call.path.name)));
    }
    if (NeedsContainers(call.path.subresource)) return std::unexpected(NoContainersStatus());
    return std::unexpected(CouldNotFindResourceStatus());
  }
  const std::string& method = call.http.method;
  const auto offers = [&](Verb verb) {
    return std::ranges::find(part->verbs, verb) != part->verbs.end();
  };
  if (method == "POST" && offers(Verb::kCreate)) {
    auto answer = AnswerCreateOnly(core, WriteOf(call), *part, call.warnings);
    if (!answer) return std::unexpected(answer.error());
    return Reply(Respond(201, json::Serialize(*answer)));
  }
  const bool get = method == "GET" && offers(Verb::kGet);
  const bool put = method == "PUT" && offers(Verb::kUpdate);
  const bool patch = method == "PATCH" && offers(Verb::kPatch);
  if (!get && !put && !patch) return std::unexpected(NotAllowed(call, "create"));
  if (part->name == "scale") {
    auto scale = get ? ReadScale(core, resource, call.path.name_space, call.path.name)
                     : WriteScale(core, WriteOf(call),
                                  put ? ScaleWrite::kUpdate : ScaleWrite::kPatch, call.warnings);
    if (!scale) return std::unexpected(scale.error());
    return Reply(Respond(200, json::Serialize(*scale)));
  }
  return get ? HandleObject(call) : ChangeObject(call);
}

Answer<Server::Reply> Server::Impl::ListOrWatch(Call& call) {
  const Resource& resource = *call.resource;
  const bool watch = call.path.legacy_watch || call.query.IsOn("watch");
  auto form = FormOf(call, !watch);
  if (!form) return std::unexpected(form.error());
  auto selection = Selection::Read(resource, call.path.name_space, call.query);
  if (!selection) return std::unexpected(selection.error());
  if (watch) {
    auto opening = OpenWatch(core, std::move(*form), std::move(*selection), call.query);
    if (!opening) return std::unexpected(opening.error());
    http::Headers headers = WatchHeaders();
    headers.Add("Audit-Id", AuditId(call.http));
    auto opened = std::make_shared<Watch>(std::move(opening->source), std::move(headers));
    Open(opened, *opening);
    return Reply(std::move(opened));
  }
  auto listing = List(core, *form, *selection, call.query);
  if (!listing) return std::unexpected(listing.error());
  if (auto* early = std::get_if<ListTooEarly>(&*listing)) {
    if (call.attempt == Attempt::kFirst) return Reply(Hold{kWaitForRevision});
    return std::unexpected(TooLargeResourceVersionStatus(early->wanted, core.store.revision()));
  }
  if (auto* expired = std::get_if<ListExpired>(&*listing)) {
    return Reply(Respond(expired->status, expired->continue_token));
  }
  http::Response response = Respond(200, std::move(std::get<ListAnswer>(*listing).body));
  if (form->form.format == Format::kYaml) {
    auto value = json::Parse(response.body);
    if (value) response.body = json::ToYaml(*value);
    response.headers.Set("Content-Type", "application/yaml");
  }
  return Reply(std::move(response));
}

Answer<Server::Reply> Server::Impl::DeleteCollection(Call& call) {
  const Resource& resource = *call.resource;
  auto form = FormOf(call, true);
  if (!form) return std::unexpected(form.error());
  auto selection = Selection::Read(resource, call.path.name_space, call.query);
  if (!selection) return std::unexpected(selection.error());
  auto options = ReadDeleteOptions(HeaderOf(call.http, "Content-Type"), call.http.body, call.query);
  if (!options) return std::unexpected(options.error());
  options->user = &call.user;
  options->of_collection = true;
  auto selected = SelectedObjects(core.CollectionOf(resource), resource, *selection);
  if (auto limit = json::Parse(call.query.Get("limit"));
      limit && limit->is_int64() && limit->get_int64() > 0) {
    selected.resize(std::min(selected.size(), static_cast<std::size_t>(limit->get_int64())));
  }
  const std::uint64_t revision = core.store.revision();
  for (const StoredPtr& object : selected) {
    auto deleted = Delete(core, resource, object->name_space, object->name, *options);
    if (!deleted && deleted.error().code != 404) return std::unexpected(deleted.error());
  }
  std::string metadata = fmt::format("\"resourceVersion\":\"{}\"", revision);
  if (resource.custom) metadata += ",\"continue\":\"\"";
  return Reply(Respond(200, form->List(selected, metadata)));
}

Answer<Server::Reply> Server::Impl::DeleteObject(Call& call) {
  const Resource& resource = *call.resource;
  auto form = FormOf(call, false);
  if (!form) return std::unexpected(form.error());
  auto options = ReadDeleteOptions(HeaderOf(call.http, "Content-Type"), call.http.body, call.query);
  if (!options) return std::unexpected(options.error());
  options->user = &call.user;
  auto deletion = Delete(core, resource, call.path.name_space, call.path.name, *options);
  if (!deletion) return std::unexpected(deletion.error());
  call.warnings = std::move(deletion->warnings);
  if (deletion->answers_object) {
    return Show(*form, {deletion->code, deletion->object, deletion->revision});
  }
  json::Object details;
  details["name"] = call.path.name;
  if (!resource.group.empty()) details["group"] = resource.group;
  details["kind"] = resource.name;
  details["uid"] = deletion->object->uid;
  json::Object status;
  status["kind"] = "Status";
  status["apiVersion"] = "v1";
  status["metadata"] = json::Object();
  status["status"] = "Success";
  status["details"] = std::move(details);
  return Reply(Respond(200, json::Serialize(status)));
}

Answer<ObjectForm> Server::Impl::FormOf(const Call& call, bool list) const {
  auto form = NegotiateForm(HeaderOf(call.http, "Accept"), list ? Of::kCollection : Of::kObject);
  if (!form) return std::unexpected(form.error());
  ObjectForm object_form{
      .resource = call.resource, .form = std::move(*form), .now = core.clock.Now()};
  if (object_form.form.transform == Transform::kPartialList && !list && call.http.method == "GET" &&
      !call.path.name.empty()) {
    return std::unexpected(NotAcceptableStatus(fmt::format(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
        call.resource->custom
            ? "*unstructured.Unstructured"
            : fmt::format("*{}.{}", call.resource->group.empty() ? "core" : call.resource->group,
                          call.resource->kind))));
  }
  std::string_view include = call.query.Get("includeObject");
  if (include == "None") {
    object_form.include = IncludeObject::kNone;
  } else if (include == "Object") {
    object_form.include = IncludeObject::kObject;
  } else if (!include.empty() && include != "Metadata" &&
             object_form.form.transform == Transform::kTable) {
    return BadRequest(fmt::format("unrecognized includeObject value: {}", Quoted(include)));
  }
  return object_form;
}

WriteRequest Server::Impl::WriteOf(const Call& call) const {
  return {.resource = call.resource,
          .name_space = call.path.name_space,
          .name = call.path.name,
          .subresource = call.path.subresource,
          .query = &call.query,
          .content_type = HeaderOf(call.http, "Content-Type"),
          .body = call.http.body,
          .user_agent = HeaderOf(call.http, "User-Agent"),
          .user = &call.user};
}

Server::Reply Server::Impl::Show(const ObjectForm& form, const Written& written) const {
  std::string body = form.One(*written.object, written.revision);
  http::Response response = Respond(written.code, std::move(body));
  if (form.form.format == Format::kYaml) {
    if (auto value = json::Parse(response.body)) response.body = json::ToYaml(*value);
    response.headers.Set("Content-Type", "application/yaml");
  }
  return response;
}

kube::Status Server::Impl::NotAllowed(const Call& call, std::string_view verb) const {
  kube::Status status = MethodNotAllowedStatus();
  if (call.resource->custom) {
    status.message = fmt::format("{} is not supported on resources of kind {}", verb,
                                 Quoted(call.resource->Qualified()));
  }
  return status;
}

void Server::Impl::Open(std::shared_ptr<Watch> watch, const WatchOpening& opening) {
  auto& list = watches[&watch->source().collection()];
  std::erase_if(list, [](const std::weak_ptr<Watch>& other) { return other.expired(); });
  list.push_back(watch);
  std::weak_ptr<Watch> weak = watch;
  const MonotonicTime end = core.clock.Monotonic() + opening.timeout;
  auto entry = core.agenda.At(end, [weak] {
    if (auto open = weak.lock()) open->End();
  });
  watch->source().OnClose([this, entry] { core.agenda.Cancel(entry); });
  if (!opening.bookmarks) return;
  core.agenda.At(end - std::min<Duration>(kBookmarkBeforeEnd, opening.timeout), [weak] {
    if (auto open = weak.lock()) open->SendBookmark();
  });
  NextBookmark(std::move(weak));
}

void Server::Impl::NextBookmark(std::weak_ptr<Watch> weak) {
  core.agenda.At(core.clock.Monotonic() + kBookmarkEvery, [this, weak] {
    auto watch = weak.lock();
    if (watch == nullptr || watch->ended()) return;
    watch->SendBookmark();
    NextBookmark(weak);
  });
}

void Server::Impl::OnChange(Collection& collection, const Change& change) {
  ForWatches(collection, [](Watch& watch) { watch.Notify(); });
  controllers.OnChange(collection, change);
  if (player != nullptr) player->OnChange(collection, change);
  if (listeners.empty()) return;
  unsettled = true;
  const ObjectChange told = Told(
      collection, *change.object,
      change.type == ChangeType::kDeleted ? ObjectChange::Type::kRemoved : ObjectChange::Type::kPut,
      change.revision);
  for (ChangeListener* listener : listeners) listener->OnChange(told);
}

Result<void> Server::Impl::Settle() {
  Result<void> settled;
  if (!std::exchange(unsettled, false)) return settled;
  for (ChangeListener* listener : listeners) {
    if (auto heard = listener->OnSettled(); !heard) settled = std::move(heard);
  }
  return settled;
}

template <typename Act>
void Server::Impl::ForWatches(const Collection& collection, Act act) {
  auto found = watches.find(&collection);
  if (found == watches.end()) return;
  for (const std::weak_ptr<Watch>& weak : found->second) {
    if (auto watch = weak.lock()) act(*watch);
  }
}

namespace {

std::string_view HeaderOf(const http::Request& request, std::string_view name) {
  const std::string* value = request.headers.Find(name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

bool WantsIndent(const http::Request& request, std::string_view path,
                 const QueryParameters& query) {
  if (path == "/version" || path.starts_with("/openapi/")) return false;
  if (std::string_view pretty = query.Get("pretty"); !pretty.empty()) {
    constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
    return std::ranges::find(kTrue, pretty) != std::end(kTrue);
  }
  std::string_view agent = HeaderOf(request, "User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

bool IsJson(const http::Response& response) {
  const std::string* type = response.headers.Find("Content-Type");
  return type != nullptr && type->starts_with("application/json");
}

AccessAttributes AttributesOf(std::string_view method, std::string_view path,
                              const std::optional<ResourcePath>& resource,
                              const QueryParameters& query) {
  if (!resource) {
    static const std::map<std::string_view, std::string_view> kVerbs = {
        {"DELETE", "delete"}, {"GET", "get"},   {"HEAD", "head"}, {"OPTIONS", "options"},
        {"PATCH", "patch"},   {"POST", "post"}, {"PUT", "put"}};
    auto verb = kVerbs.find(method);
    return {.verb = verb == kVerbs.end() ? method : verb->second, .path = path};
  }
  AccessAttributes attributes{.group = resource->group,
                              .version = resource->version,
                              .resource = resource->resource,
                              .subresource = resource->subresource,
                              .name_space = resource->name_space,
                              .name = resource->name};
  // A namespace lies in itself.
  if (resource->resource == "namespaces" && resource->group.empty()) {
    attributes.name_space = resource->name;
  }
  const bool one = !resource->name.empty();
  if (method == "GET" || method == "HEAD") {
    attributes.verb = "get";
    if (resource->legacy_watch || (!one && query.IsOn("watch"))) {
      attributes.verb = "watch";
    } else if (!one) {
      attributes.verb = "list";
    }
  } else if (method == "POST") {
    attributes.verb = "create";
  } else if (method == "PUT") {
    attributes.verb = "update";
  } else if (method == "PATCH") {
    attributes.verb = "patch";
  } else if (method == "DELETE") {
    attributes.verb = one ? "delete" : "deletecollection";
  }
  if (!one && method != "POST") attributes.name = NameInFieldSelector(query);
  return attributes;
}

// `metadata.name=x` of a list or watch names one object.
std::string_view NameInFieldSelector(const QueryParameters& query) {
  constexpr std::string_view kName = "metadata.name=";
  std::string_view selector = query.Get("fieldSelector");
  while (!selector.empty()) {
    std::string_view term = selector.substr(0, selector.find(','));
    selector.remove_prefix(std::min(selector.size(), term.size() + 1));
    if (!term.starts_with(kName)) continue;
    term.remove_prefix(kName.size());
    if (term.starts_with('=')) term.remove_prefix(1);
    return term;
  }
  return {};
}

http::Response Respond(int status, std::string body, std::string content_type) {
  return {status, {{"Content-Type", std::move(content_type)}}, std::move(body)};
}

http::Response Respond(const kube::Status& status, std::string_view continue_token) {
  if (IsText(status)) return Respond(status.code, status.message, "text/plain; charset=utf-8");
  http::Response response = Respond(status.code, json::Serialize(ToJson(status, continue_token)));
  if (status.retry_after) {
    response.headers.Set("Retry-After", fmt::format("{}", status.retry_after->count()));
  }
  return response;
}

ObjectChange Told(const Collection& collection, const StoredObject& object, ObjectChange::Type type,
                  std::uint64_t revision) {
  return {.type = type,
          .revision = revision,
          .definition = object.definition,
          .group = collection.group(),
          .resource = collection.resource(),
          .name_space = object.name_space,
          .name = object.name,
          .uid = object.uid,
          .labels = object.labels,
          .members = object.text};
}

std::optional<ServedKind> Served(const ResourcePtr& resource) {
  if (resource == nullptr) return std::nullopt;
  return ServedKind{resource->gvk(),
                    {resource->group, resource->version, resource->name},
                    resource->namespaced()};
}

// Each text once, and none that a header cannot show. Where they are long together each is cut.
void AddWarnings(const std::vector<std::string>& warnings, http::Response& response) {
  std::set<std::string_view> texts;
  std::size_t characters = 0;
  for (const std::string& warning : warnings) {
    if (!IsHeaderText(warning) || !texts.insert(warning).second) continue;
    characters += CountCodePoints(warning);
  }
  const bool cut = characters > kMaxWarningCharacters;
  characters = 0;
  for (const std::string& warning : warnings) {
    if (texts.erase(warning) == 0) continue;
    if (characters >= kMaxWarningCharacters) return;
    const std::size_t size = cut ? ByteOffset(warning, kCutWarning) : warning.size();
    const std::string_view text = std::string_view(warning).substr(0, size);
    characters += CountCodePoints(text);
    std::string quoted;
    for (char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    response.headers.Add("Warning", fmt::format("299 - \"{}\"", quoted));
  }
}

bool IsHeaderText(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeCodePoint(text, i);
    if (!c.valid || c.value < 0x20 || (c.value >= 0x7f && c.value < 0xa0)) return false;
    i += c.size;
  }
  return true;
}

bool NeedsContainers(std::string_view subresource) {
  constexpr std::string_view kSubresources[] = {
      "attach", "ephemeralcontainers", "exec", "log", "portforward", "proxy", "resize"};
  return std::ranges::find(kSubresources, subresource) != std::end(kSubresources);
}

kube::Status NoContainersStatus() {
  kube::Status status;
  status.code = 501;
  status.reason = "NotImplemented";
  status.message = "this API server has no nodes: nothing runs in its pods";
  return status;
}

// "1m30s", "32s", "1.5h", "0".
bool IsGoDuration(std::string_view text) {
  if (text.empty() || text == "0") return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return false;
  while (!text.empty()) {
    std::size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string_view::npos) return false;
    text.remove_prefix(digits);
    std::size_t letters = std::min(text.find_first_of("0123456789."), text.size());
    std::string_view unit = text.substr(0, letters);
    if (unit != "h" && unit != "m" && unit != "s" && unit != "ms" && unit != "us" && unit != "µs" &&
        unit != "ns") {
      return false;
    }
    text.remove_prefix(letters);
  }
  return true;
}

std::string Quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

}  // namespace
}  // namespace kro::apiserver
