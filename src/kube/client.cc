#include "kube/client.h"

#include "kube/paths.h"
#include "kube/retry.h"

namespace kro::kube {
namespace {

constexpr std::string_view kMetadataObject =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
constexpr std::string_view kMetadataList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

using async::CancelToken;
using async::Task;

RequestSubject SubjectOf(std::string method, const Gvr& gvr, std::string name = {},
                         Warnings warnings = Warnings::kLog);
std::unexpected<ApiError> Local(const Error& error);
Reply<json::Value> ParseObject(const RequestSubject& subject, const http::Response& response);
Reply<ObjectList> ParseList(const json::Value& value);
void KeepMetadataOnly(json::Value& object);
void AddWriteQuery(Query& query, std::string_view manager, DryRun dry_run, FieldValidation check);
void AddListQuery(Query& query, const ListOptions& options);
std::string DeleteBody(const DeleteOptions& options);
void DropManagedFields(json::Value& object);

}  // namespace

WatchStream::WatchStream(std::unique_ptr<http::ResponseStream> stream, Duration idle)
    : stream_(std::move(stream)), idle_(idle) {}

Task<Result<std::optional<WatchEvent>>> WatchStream::Next(std::optional<Duration> idle) {
  while (true) {
    auto frame = decoder_.Next();
    if (!frame) co_return std::unexpected(frame.error());
    if (*frame) {
      auto event = ParseWatchEvent(**frame);
      if (!event) co_return std::unexpected(event.error());
      co_return std::optional<WatchEvent>(std::move(*event));
    }
    auto bytes = co_await stream_->Read(idle.value_or(idle_));
    if (!bytes) co_return Annotate(bytes, "watch");
    if (bytes->empty()) {
      if (decoder_.InsideFrame()) {
        co_return Fail(ErrorCode::kUnavailable, "watch: the stream ended inside an event");
      }
      co_return std::optional<WatchEvent>();
    }
    decoder_.Feed(*bytes);
  }
}

Client::Client(http::Transport& transport, async::Executor& executor, Logger logger,
               Options options, ConcurrencyLimiter* limiter)
    : transport_(transport),
      executor_(executor),
      logger_(std::move(logger)),
      options_(std::move(options)),
      limiter_(limiter) {}

Task<Reply<json::Value>> Client::Get(Gvr gvr, ObjectKey key, GetOptions options,
                                     CancelToken cancel) {
  auto path = ObjectPath(gvr, key, options.subresource);
  if (!path) co_return Local(path.error());
  Query query;
  query.AddUnlessEmpty("resourceVersion", options.resource_version);
  http::Request request = NewRequest("GET", *path + query.text());
  if (options.content == Content::kMetadata) {
    request.headers.Set("Accept", std::string(kMetadataObject));
  }
  auto object = co_await SendForObject(std::move(request), SubjectOf("GET", gvr, key.name), cancel);
  if (object && options.content == Content::kMetadata) KeepMetadataOnly(*object);
  co_return object;
}

Task<Reply<ObjectList>> Client::ListPage(Gvr gvr, std::string name_space, ListOptions options,
                                         CancelToken cancel) {
  auto path = CollectionPath(gvr, name_space);
  if (!path) co_return Local(path.error());
  Query query;
  AddListQuery(query, options);
  http::Request request = NewRequest("GET", *path + query.text());
  if (options.content == Content::kMetadata) {
    request.headers.Set("Accept", std::string(kMetadataList));
  }
  auto body = co_await SendForObject(std::move(request), SubjectOf("GET", gvr), cancel);
  if (!body) co_return std::unexpected(body.error());
  auto list = ParseList(*body);
  if (list && options.content == Content::kMetadata) {
    for (json::Value& item : list->items) KeepMetadataOnly(item);
  }
  if (list && options.keep) {
    std::erase_if(list->items, [&](const json::Value& item) { return !options.keep(item); });
  }
  co_return list;
}

Task<Reply<ObjectList>> Client::List(Gvr gvr, std::string name_space, ListOptions options,
                                     CancelToken cancel) {
  auto all = co_await ListPage(gvr, name_space, options, cancel);
  if (!all) co_return all;
  ListOptions next = options;
  // A continue token names the version of the first page.
  next.resource_version.clear();
  next.resource_version_match.clear();
  while (!all->continue_token.empty()) {
    next.continue_token = all->continue_token;
    auto page = co_await ListPage(gvr, name_space, next, cancel);
    if (!page && IsExpired(page.error())) {
      options.limit = 0;
      options.continue_token.clear();
      auto whole = co_await ListPage(gvr, name_space, options, cancel);
      if (whole) whole->paginated = true;
      co_return whole;
    }
    if (!page) co_return page;
    all->paginated = true;
    all->continue_token = std::move(page->continue_token);
    for (json::Value& item : page->items) all->items.push_back(std::move(item));
  }
  co_return all;
}

Task<Reply<json::Value>> Client::Create(Gvr gvr, std::string name_space, json::Value object,
                                        WriteOptions options, CancelToken cancel) {
  auto path = CollectionPath(gvr, name_space);
  if (!path) co_return Local(path.error());
  Query query;
  AddWriteQuery(query,
                options.field_manager.empty() ? options_.field_manager : options.field_manager,
                options.dry_run, options.field_validation);
  http::Request request = NewRequest("POST", *path + query.text());
  request.body = json::Serialize(object);
  co_return co_await SendForObject(
      std::move(request), SubjectOf("POST", gvr, KeyOf(object).name, options.warnings), cancel);
}

Task<Reply<json::Value>> Client::Update(Gvr gvr, json::Value object, WriteOptions options,
                                        CancelToken cancel) {
  ObjectKey key = KeyOf(object);
  auto path = ObjectPath(gvr, key, options.subresource);
  if (!path) co_return Local(path.error());
  Query query;
  AddWriteQuery(query,
                options.field_manager.empty() ? options_.field_manager : options.field_manager,
                options.dry_run, options.field_validation);
  http::Request request = NewRequest("PUT", *path + query.text());
  request.body = json::Serialize(object);
  co_return co_await SendForObject(std::move(request),
                                   SubjectOf("PUT", gvr, key.name, options.warnings), cancel);
}

Task<Reply<json::Value>> Client::UpdateStatus(Gvr gvr, json::Value object, CancelToken cancel) {
  WriteOptions options;
  options.subresource = "status";
  return Update(std::move(gvr), std::move(object), std::move(options), std::move(cancel));
}

Task<Reply<json::Value>> Client::Patch(Gvr gvr, ObjectKey key, PatchType type, json::Value patch,
                                       WriteOptions options, CancelToken cancel) {
  auto path = ObjectPath(gvr, key, options.subresource);
  if (!path) co_return Local(path.error());
  Query query;
  AddWriteQuery(query,
                options.field_manager.empty() ? options_.field_manager : options.field_manager,
                options.dry_run, options.field_validation);
  http::Request request = NewRequest("PATCH", *path + query.text());
  switch (type) {
    case PatchType::kJson:
      request.headers.Set("Content-Type", "application/json-patch+json");
      break;
    case PatchType::kMerge:
      request.headers.Set("Content-Type", "application/merge-patch+json");
      break;
    case PatchType::kStrategicMerge:
      request.headers.Set("Content-Type", "application/strategic-merge-patch+json");
      break;
  }
  request.body = json::Serialize(patch);
  co_return co_await SendForObject(std::move(request),
                                   SubjectOf("PATCH", gvr, key.name, options.warnings), cancel);
}

Task<Reply<json::Value>> Client::Apply(Gvr gvr, json::Value object, ApplyOptions options,
                                       CancelToken cancel) {
  ObjectKey key = KeyOf(object);
  auto path = ObjectPath(gvr, key, options.subresource);
  if (!path) co_return Local(path.error());
  if (json::FindString(object, {"apiVersion"}).empty() ||
      json::FindString(object, {"kind"}).empty()) {
    co_return Local(Error(ErrorCode::kInvalid,
                          fmt::format("apply of '{}': apiVersion and kind must be set", key)));
  }
  Query query;
  AddWriteQuery(query,
                options.field_manager.empty() ? options_.field_manager : options.field_manager,
                options.dry_run, options.field_validation);
  if (options.on_conflict == OnConflict::kTakeOver) query.Add("force", "true");
  DropManagedFields(object);
  http::Request request = NewRequest("PATCH", *path + query.text());
  request.headers.Set("Content-Type", "application/apply-patch+yaml");
  request.body = json::Serialize(object);
  co_return co_await SendForObject(std::move(request),
                                   SubjectOf("PATCH", gvr, key.name, options.warnings), cancel);
}

Task<Reply<Deleted>> Client::Delete(Gvr gvr, ObjectKey key, DeleteOptions options,
                                    CancelToken cancel) {
  auto path = ObjectPath(gvr, key);
  if (!path) co_return Local(path.error());
  http::Request request = NewRequest("DELETE", *path);
  request.body = DeleteBody(options);
  auto answer = co_await SendForObject(
      std::move(request), SubjectOf("DELETE", gvr, key.name, options.warnings), cancel);
  if (!answer) co_return std::unexpected(answer.error());
  if (json::FindString(*answer, {"kind"}) == "Status" &&
      json::FindString(*answer, {"apiVersion"}) == "v1") {
    co_return Deleted{};
  }
  co_return Deleted{std::move(*answer)};
}

Task<Reply<void>> Client::DeleteCollection(Gvr gvr, std::string name_space, ListOptions which,
                                           DeleteOptions options, CancelToken cancel) {
  auto path = CollectionPath(gvr, name_space);
  if (!path) co_return Local(path.error());
  Query query;
  AddListQuery(query, which);
  http::Request request = NewRequest("DELETE", *path + query.text());
  request.body = DeleteBody(options);
  auto answer = co_await SendForObject(std::move(request), SubjectOf("DELETE", gvr), cancel);
  if (!answer) co_return std::unexpected(answer.error());
  co_return Reply<void>{};
}

Task<Reply<std::unique_ptr<WatchStream>>> Client::Watch(Gvr gvr, std::string name_space,
                                                        WatchOptions options, CancelToken cancel) {
  auto path = CollectionPath(gvr, name_space);
  if (!path) co_return Local(path.error());
  Query query;
  query.Add("watch", "true");
  query.Add("allowWatchBookmarks", "true");
  query.AddUnlessEmpty("labelSelector", options.label_selector);
  query.AddUnlessEmpty("fieldSelector", options.field_selector);
  query.AddUnlessEmpty("resourceVersion", options.resource_version);
  if (options.initial_events == InitialEvents::kSend) {
    query.Add("sendInitialEvents", "true");
    query.Add("resourceVersionMatch", "NotOlderThan");
  }
  query.Add("timeoutSeconds", std::to_string(options.timeout.count()));
  http::Request request = NewRequest("GET", *path + query.text());
  if (options.content == Content::kMetadata) {
    request.headers.Set("Accept", std::string(kMetadataObject));
  }
  // A compressing proxy would hold events back until its block is full.
  request.headers.Set("Accept-Encoding", "identity");
  // Some proxies hold the headers back until the first event.
  request.timeout = options.timeout + std::chrono::seconds(5);
  auto stream = co_await transport_.Open(std::move(request), cancel);
  if (!stream) co_return AnnotateReply(ApiError(stream.error()), "watch {}", gvr);
  LogWarnings((*stream)->headers());
  if ((*stream)->status() != 200) {
    http::Response response{(*stream)->status(), (*stream)->headers(), {}};
    while (response.body.size() < FrameDecoder::kMaxFrame) {
      auto bytes = co_await (*stream)->Read(std::chrono::seconds(10));
      if (!bytes || bytes->empty()) break;
      response.body += *bytes;
    }
    co_return std::unexpected(ErrorFromResponse(SubjectOf("GET", gvr), response));
  }
  // The server ends the watch after `timeout`; if that close never arrives the connection is dead.
  co_return std::make_unique<WatchStream>(std::move(*stream),
                                          options.timeout + std::chrono::seconds(5));
}

Task<Reply<http::Response>> Client::Send(http::Request request, RequestSubject subject,
                                         CancelToken cancel) {
  if (request.headers.Find("User-Agent") == nullptr) {
    request.headers.Set("User-Agent", options_.user_agent);
  }
  for (int repeats = 0;; ++repeats) {
    auto response = co_await SendLimited(request, cancel);
    if (repeats > 0 && options_.observer != nullptr) {
      options_.observer->Repeated(request.method, response ? response->status : 0);
    }
    std::optional<Duration> wait;
    if (!response) {
      wait = RepeatAfterBreak(request.method, response.error(), repeats);
      if (!wait) {
        co_return AnnotateReply(ApiError(response.error()), "{} {}", request.method,
                                request.target.substr(0, request.target.find('?')));
      }
    } else {
      if (subject.warnings == Warnings::kLog) LogWarnings(response->headers);
      bool good = (response->status >= 200 && response->status < 300) || response->status == 304;
      if (good) co_return std::move(*response);
      wait = RepeatAfterAnswer(response->status, response->headers, repeats);
      if (!wait) co_return std::unexpected(ErrorFromResponse(subject, *response));
    }
    logger_.Debug("request repeated", {{"method", request.method},
                                       {"target", request.target},
                                       {"status", response ? response->status : 0},
                                       {"repeats", repeats}});
    if (auto slept = co_await async::Sleep(executor_, *wait, cancel); !slept) {
      co_return Local(slept.error());
    }
  }
}

Task<Result<http::Response>> Client::SendLimited(http::Request request, CancelToken cancel) {
  auto started = co_await WaitForTurn(request.method, cancel);
  if (!started) co_return std::unexpected(std::move(started.error()));
  auto response = co_await transport_.Send(std::move(request), cancel);
  if (limiter_ == nullptr) co_return response;
  auto outcome = ConcurrencyLimiter::Outcome::kIgnored;
  if (response && response->status == 429) {
    outcome = ConcurrencyLimiter::Outcome::kThrottled;
  } else if (response && response->status < 500) {
    outcome = ConcurrencyLimiter::Outcome::kGood;
  }
  limiter_->Release(*started, outcome);
  co_return response;
}

Task<Result<MonotonicTime>> Client::WaitForTurn(std::string_view method, CancelToken cancel) {
  const MonotonicTime begin = executor_.clock().Monotonic();
  if (options_.rate_limiter != nullptr) {
    auto turn = co_await options_.rate_limiter->Acquire(cancel);
    if (!turn) co_return std::unexpected(std::move(turn.error()));
  }
  Result<MonotonicTime> started = begin;
  if (limiter_ != nullptr) started = co_await limiter_->Acquire(cancel);
  if (started && options_.observer != nullptr) {
    options_.observer->Waited(method, executor_.clock().Monotonic() - begin);
  }
  co_return started;
}

Task<Reply<json::Value>> Client::SendForObject(http::Request request, RequestSubject subject,
                                               CancelToken cancel) {
  auto response = co_await Send(std::move(request), subject, cancel);
  if (!response) co_return std::unexpected(response.error());
  co_return ParseObject(subject, *response);
}

http::Request Client::NewRequest(std::string method, std::string target) const {
  http::Request request;
  if (method != "GET") request.headers.Set("Content-Type", "application/json");
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers.Set("Accept", "application/json");
  request.headers.Set("User-Agent", options_.user_agent);
  request.timeout = options_.timeout;
  return request;
}

void Client::LogWarnings(const http::Headers& headers) const {
  for (const auto& [name, value] : headers.fields()) {
    if (name.size() != 7 || (name != "Warning" && name != "warning")) continue;
    logger_.Warning("warning from the API server", {{"text", value}});
  }
}

ObjectKey KeyOf(const json::Value& object) {
  return {std::string(json::FindString(object, {"metadata", "namespace"})),
          std::string(json::FindString(object, {"metadata", "name"}))};
}

namespace {

RequestSubject SubjectOf(std::string method, const Gvr& gvr, std::string name, Warnings warnings) {
  return {std::move(method), gvr.group, gvr.resource, std::move(name), warnings};
}

std::unexpected<ApiError> Local(const Error& error) { return std::unexpected(ApiError(error)); }

Reply<json::Value> ParseObject(const RequestSubject& subject, const http::Response& response) {
  auto value = json::Parse(response.body);
  if (!value) {
    // A 2xx whose body is no JSON comes from something in between; what became of the request is open.
    return Local(
        Error(ErrorCode::kUnavailable, fmt::format("{} {}: unreadable answer: {}", subject.method,
                                                   subject.resource, value.error().message())));
  }
  if (auto failure = ParseFailure(*value)) return std::unexpected(ApiError(std::move(*failure)));
  if (!value->is_object()) {
    return Local(Error(ErrorCode::kUnavailable,
                       fmt::format("{} {}: expected an object, found {}", subject.method,
                                   subject.resource, json::TypeName(*value))));
  }
  return std::move(*value);
}

Reply<ObjectList> ParseList(const json::Value& value) {
  ObjectList list;
  list.resource_version = json::FindString(value, {"metadata", "resourceVersion"});
  list.continue_token = json::FindString(value, {"metadata", "continue"});
  std::string_view kind = json::FindString(value, {"kind"});
  if (kind == "Table") {
    return Local(Error(ErrorCode::kInvalid, "the server answered a list with a Table"));
  }
  if (kind.ends_with("List")) kind.remove_suffix(4);
  std::string_view api_version = json::FindString(value, {"apiVersion"});
  const json::Value* items = json::Find(value, "items");
  if (items == nullptr || items->is_null()) return list;
  if (!items->is_array()) {
    return Local(Error(ErrorCode::kUnavailable, "the answer to a list has no items"));
  }
  list.items.reserve(items->get_array().size());
  for (const json::Value& item : items->get_array()) {
    if (!item.is_object()) continue;
    json::Value& added = list.items.emplace_back(item);
    json::Object& object = added.get_object();
    if (!object.contains("apiVersion")) object["apiVersion"] = api_version;
    if (!object.contains("kind")) object["kind"] = kind;
  }
  return list;
}

void KeepMetadataOnly(json::Value& object) {
  const json::Value* metadata = json::Find(object, "metadata");
  if (metadata == nullptr || json::FindString(object, {"kind"}) == "PartialObjectMetadata") return;
  json::Object kept;
  kept["apiVersion"] = "meta.k8s.io/v1";
  kept["kind"] = "PartialObjectMetadata";
  kept["metadata"] = *metadata;
  object = std::move(kept);
}

void AddWriteQuery(Query& query, std::string_view manager, DryRun dry_run, FieldValidation check) {
  query.AddUnlessEmpty("fieldManager", manager);
  if (dry_run == DryRun::kAll) query.Add("dryRun", "All");
  switch (check) {
    case FieldValidation::kServerDefault:
      break;
    case FieldValidation::kIgnore:
      query.Add("fieldValidation", "Ignore");
      break;
    case FieldValidation::kWarn:
      query.Add("fieldValidation", "Warn");
      break;
    case FieldValidation::kStrict:
      query.Add("fieldValidation", "Strict");
      break;
  }
}

void AddListQuery(Query& query, const ListOptions& options) {
  query.AddUnlessEmpty("labelSelector", options.label_selector);
  query.AddUnlessEmpty("fieldSelector", options.field_selector);
  if (options.limit > 0) query.Add("limit", std::to_string(options.limit));
  query.AddUnlessEmpty("continue", options.continue_token);
  query.AddUnlessEmpty("resourceVersion", options.resource_version);
  query.AddUnlessEmpty("resourceVersionMatch", options.resource_version_match);
}

std::string DeleteBody(const DeleteOptions& options) {
  json::Object body;
  body["apiVersion"] = "v1";
  body["kind"] = "DeleteOptions";
  if (options.grace_period) body["gracePeriodSeconds"] = options.grace_period->count();
  json::Object preconditions;
  if (!options.uid.empty()) preconditions["uid"] = options.uid;
  if (!options.resource_version.empty()) {
    preconditions["resourceVersion"] = options.resource_version;
  }
  if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
  switch (options.propagation) {
    case Propagation::kServerDefault:
      break;
    case Propagation::kBackground:
      body["propagationPolicy"] = "Background";
      break;
    case Propagation::kForeground:
      body["propagationPolicy"] = "Foreground";
      break;
    case Propagation::kOrphan:
      body["propagationPolicy"] = "Orphan";
      break;
  }
  if (options.dry_run == DryRun::kAll) body["dryRun"] = json::Array{"All"};
  return json::Serialize(body);
}

void DropManagedFields(json::Value& object) {
  if (json::Value* metadata = json::Find(object, "metadata"); metadata->is_object()) {
    metadata->get_object().erase("managedFields");
  }
}

}  // namespace
}  // namespace kro::kube
