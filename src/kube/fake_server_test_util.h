// FakeServer: an API server that behaves, for tests of the client.
//
// Keeps objects with UIDs and resourceVersions, history, watches with bookmarks and 410, and streaming
// lists. Answers any collection. Faults are added with `faults` and the switches below.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/simulated_executor.h"
#include "http/transport.h"
#include "json/value.h"

namespace kro::kube {

class FakeServer final : public http::Transport {
 public:
  explicit FakeServer(async::Executor& executor) : executor_(executor) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
    requests.push_back(request);
    if (down) co_return Fail(ErrorCode::kUnavailable, "connect: refused");
    if (!faults.empty()) {
      auto fault = std::move(faults.front());
      faults.pop_front();
      co_return fault;
    }
    if (answer) {
      if (auto response = answer(request)) co_return std::move(*response);
    }
    co_return Handle(request);
  }

  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    if (cancel.cancelled()) co_return Fail(ErrorCode::kCancelled, "cancelled");
    requests.push_back(request);
    if (down) co_return Fail(ErrorCode::kUnavailable, "connect: refused");
    auto stream = std::make_shared<Stream>(executor_, cancel);
    if (refuse_watches.code != 0) {
      stream->status = refuse_watches.code;
      stream->Push(StatusBody(refuse_watches.code, refuse_watches.reason, refuse_watches.message));
      stream->Close();
    } else if (!streaming_lists && Param(request, "sendInitialEvents") == "true") {
      stream->status = 422;
      stream->Push(StatusBody(422, "Invalid", "sendInitialEvents is forbidden"));
      stream->Close();
    } else {
      StartWatch(request, stream);
    }
    co_return std::make_unique<StreamView>(std::move(stream));
  }

  // Changes as if by another client. `path` is the collection: "/api/v1/namespaces/default/configmaps".
  void Put(const std::string& path, std::string name, json::Object extra = {}) {
    ++version_;
    Stored& stored = collections_[path][name];
    bool existed = stored.exists;
    if (!existed) stored.uid = "uid-" + std::to_string(++uids_);
    stored.exists = true;
    json::Object object = std::move(extra);
    object["apiVersion"] = "v1";
    object["kind"] = "ConfigMap";
    json::Object metadata;
    if (auto* given = object.if_contains("metadata")) metadata = given->as_object();
    metadata["name"] = name;
    metadata["namespace"] = "default";
    metadata["uid"] = stored.uid;
    metadata["resourceVersion"] = std::to_string(version_);
    object["metadata"] = std::move(metadata);
    stored.object = std::move(object);
    Publish(path, existed ? "MODIFIED" : "ADDED", stored.object);
  }
  void Remove(const std::string& path, const std::string& name) {
    json::Value last = collections_[path][name].object;
    collections_[path].erase(name);
    last.as_object()["metadata"].as_object()["resourceVersion"] = std::to_string(++version_);
    Publish(path, "DELETED", last);
  }
  // Forgets history up to now: watches from before get 410.
  void CompactHistory() {
    compacted_ = version_;
    history_.clear();
  }
  void DropWatches() {
    for (auto& watch : watches_) watch.stream->Break();
    watches_.clear();
  }
  void CloseWatches() {
    for (auto& watch : watches_) watch.stream->Close();
    watches_.clear();
  }
  void SendBookmarks() {
    ++version_;
    for (auto& watch : watches_) watch.stream->Push(Bookmark(version_, false));
  }
  // Puts bytes into every open watch, whatever they are.
  void SendRaw(const std::string& bytes) {
    for (auto& watch : watches_) watch.stream->Push(bytes);
  }
  // Watches from before `version` get 410.
  void RefuseWatchesBelow(std::int64_t version) { compacted_ = version; }
  // A watch or write in flight elsewhere moved the version on.
  void SetVersion(std::int64_t version) { version_ = version; }
  std::int64_t version() const { return version_; }
  std::size_t open_watches() const { return watches_.size(); }

  int Count(std::string_view method, std::string_view part) const {
    int count = 0;
    for (const http::Request& request : requests) {
      if (request.method == method && request.target.find(part) != std::string::npos) ++count;
    }
    return count;
  }

  std::vector<http::Request> requests;
  std::deque<Result<http::Response>> faults;  // answer the next Sends
  std::function<std::optional<http::Response>(const http::Request&)> answer;
  bool down = false;
  bool streaming_lists = true;
  bool close_watches_at_once = false;
  bool expire_continue = false;
  bool mute = false;          // watches do not hear of what happens
  bool silent_fills = false;  // streaming lists are opened, and nothing comes
  struct {
    int code = 0;  // 0: they are opened
    std::string reason;
    std::string message;
  } refuse_watches;

  static std::string StatusBody(int code, std::string_view reason, std::string_view message) {
    json::Object status;
    status["kind"] = "Status";
    status["apiVersion"] = "v1";
    status["status"] = "Failure";
    status["code"] = code;
    status["reason"] = reason;
    status["message"] = message;
    return json::Serialize(status);
  }

 private:
  struct Stored {
    bool exists = false;
    std::string uid;
    json::Value object;
  };
  struct Stream {
    Stream(async::Executor& loop, async::CancelToken token)
        : executor(loop), there(loop, async::EventReset::kAuto), cancel(std::move(token)) {}
    void Push(std::string bytes) {
      chunks.push_back(std::move(bytes));
      there.Set();
    }
    void Close() {
      closed = true;
      there.Set();
    }
    void Break() {
      broken = true;
      there.Set();
    }
    async::Executor& executor;
    async::Event there;
    async::CancelToken cancel;
    int status = 200;
    http::Headers headers;
    std::deque<std::string> chunks;
    bool closed = false;
    bool broken = false;
    bool silent = false;
  };
  class StreamView final : public http::ResponseStream {
   public:
    explicit StreamView(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
    int status() const override { return stream_->status; }
    const http::Headers& headers() const override { return stream_->headers; }
    async::Task<Result<std::string>> Read(Duration idle) override {
      if (stream_->silent) {
        auto slept = co_await async::Sleep(stream_->executor, idle, stream_->cancel);
        if (!slept) co_return std::unexpected(slept.error());
        co_return Fail(ErrorCode::kUnavailable, "nothing received");
      }
      while (true) {
        if (!stream_->chunks.empty()) {
          std::string bytes = std::move(stream_->chunks.front());
          stream_->chunks.pop_front();
          co_return bytes;
        }
        if (stream_->broken) co_return Fail(ErrorCode::kUnavailable, "connection reset");
        if (stream_->closed) co_return std::string();
        if (auto woken = co_await stream_->there.Wait(stream_->cancel); !woken) {
          co_return std::unexpected(woken.error());
        }
      }
    }

   private:
    std::shared_ptr<Stream> stream_;
  };
  struct Watching {
    std::string path;
    std::shared_ptr<Stream> stream;
  };
  struct Happened {
    std::int64_t version;
    std::string path;
    std::string frame;
  };

  static std::string PathOf(const http::Request& request) {
    return request.target.substr(0, request.target.find('?'));
  }
  static std::string Param(const http::Request& request, std::string_view name) {
    std::string query =
        "&" + request.target.substr(std::min(request.target.find('?') + 1, request.target.size()));
    std::string key = "&" + std::string(name) + "=";
    std::size_t at = query.find(key);
    if (request.target.find('?') == std::string::npos || at == std::string::npos) return {};
    at += key.size();
    return query.substr(at, query.find('&', at) - at);
  }
  static std::string Frame(std::string_view type, const json::Value& object) {
    json::Object event;
    event["type"] = type;
    event["object"] = object;
    return json::Serialize(event) + "\n";
  }
  static std::string Bookmark(std::int64_t version, bool end) {
    json::Object metadata;
    metadata["resourceVersion"] = std::to_string(version);
    if (end) {
      json::Object annotations;
      annotations["k8s.io/initial-events-end"] = "true";
      metadata["annotations"] = std::move(annotations);
    }
    json::Object object;
    object["kind"] = "ConfigMap";
    object["metadata"] = std::move(metadata);
    return Frame("BOOKMARK", object);
  }
  static http::Response Json(int status, const json::Value& value) {
    return {status, {{"Content-Type", "application/json"}}, json::Serialize(value)};
  }
  static http::Response Refuse(int status, std::string_view reason) {
    return {status, {}, StatusBody(status, reason, reason)};
  }

  http::Response Handle(const http::Request& request) {
    std::string path = PathOf(request);
    if (request.method == "GET" && !IsObject(path)) return HandleList(request, path);
    if (request.method == "POST") {
      auto body = json::Parse(request.body);
      std::string name(json::FindString(*body, {"metadata", "name"}));
      if (collections_[path].contains(name)) return Refuse(409, "AlreadyExists");
      Put(path, name, body->as_object());
      return Json(201, collections_[path][name].object);
    }
    std::size_t slash = path.rfind('/');
    std::string collection = path.substr(0, slash);
    std::string name = path.substr(slash + 1);
    auto& objects = collections_[collection];
    bool apply = request.method == "PATCH";
    if (!objects.contains(name) && !apply) return Refuse(404, "NotFound");
    if (request.method == "GET") return Json(200, objects[name].object);
    auto body = json::Parse(request.body);
    if (request.method == "DELETE") {
      std::string_view uid = json::FindString(*body, {"preconditions", "uid"});
      if (!uid.empty() && uid != objects[name].uid) return Refuse(409, "Conflict");
      Remove(collection, name);
      json::Object success;
      success["kind"] = "Status";
      success["apiVersion"] = "v1";
      success["status"] = "Success";
      return Json(200, success);
    }
    if (request.method == "PUT") {
      std::string_view version = json::FindString(*body, {"metadata", "resourceVersion"});
      if (version != json::FindString(objects[name].object, {"metadata", "resourceVersion"})) {
        return Refuse(409, "Conflict");
      }
    }
    bool existed = objects.contains(name);
    Put(collection, name, body->as_object());
    return Json(existed ? 200 : 201, collections_[collection][name].object);
  }

  // Collections stand at even depth in the namespaced paths that the tests use.
  static bool IsObject(const std::string& path) {
    return path.find("/configmaps/") != std::string::npos;
  }

  http::Response HandleList(const http::Request& request, const std::string& path) {
    std::string from = Param(request, "continue");
    if (!from.empty() && expire_continue) return Refuse(410, "Expired");
    std::string limit_text = Param(request, "limit");
    std::size_t limit = limit_text.empty() ? 0 : std::stoul(limit_text);
    std::string wanted = Param(request, "resourceVersion");
    if (!wanted.empty() && std::stoll(wanted) > version_) {
      auto body = json::Parse(StatusBody(504, "Timeout", "Too large resource version"));
      json::Object cause;
      cause["reason"] = "ResourceVersionTooLarge";
      json::Object details;
      details["causes"] = json::Array{cause};
      body->as_object()["details"] = std::move(details);
      return Json(504, *body);
    }
    json::Array items;
    std::string next;
    for (const auto& [name, stored] : collections_[path]) {
      if (!from.empty() && name < from) continue;
      if (limit > 0 && items.size() == limit) {
        next = name;
        break;
      }
      json::Object item = stored.object.as_object();
      item.erase("kind");
      item.erase("apiVersion");
      items.push_back(std::move(item));
    }
    json::Object metadata;
    metadata["resourceVersion"] = std::to_string(version_);
    if (!next.empty()) metadata["continue"] = next;
    json::Object list;
    list["kind"] = "ConfigMapList";
    list["apiVersion"] = "v1";
    list["metadata"] = std::move(metadata);
    list["items"] = std::move(items);
    return Json(200, list);
  }

  void StartWatch(const http::Request& request, const std::shared_ptr<Stream>& stream) {
    std::string path = PathOf(request);
    std::string version = Param(request, "resourceVersion");
    if (Param(request, "sendInitialEvents") == "true") {
      stream->silent = silent_fills;
      if (!version.empty() && std::stoll(version) > version_) {
        stream->Push(Frame("ERROR", *json::Parse(StatusBody(410, "Expired", "too old"))));
        stream->Close();
        return;
      }
      for (const auto& [name, stored] : collections_[path]) {
        stream->Push(Frame("ADDED", stored.object));
      }
      stream->Push(Bookmark(version_, true));
    } else if (!version.empty() && std::stoll(version) < compacted_) {
      stream->Push(Frame("ERROR", *json::Parse(StatusBody(410, "Expired", "too old"))));
      stream->Close();
      return;
    } else {
      if (close_watches_at_once) return stream->Close();
      for (const Happened& happened : history_) {
        if (happened.path == path && happened.version > std::stoll("0" + version)) {
          stream->Push(happened.frame);
        }
      }
    }
    watches_.push_back({path, stream});
  }

  void Publish(const std::string& path, std::string_view type, const json::Value& object) {
    std::string frame = Frame(type, object);
    history_.push_back({version_, path, frame});
    for (auto& watch : watches_) {
      if (mute) break;
      if (watch.path != path) continue;
      // Split anywhere, as a network does it.
      std::size_t half = frame.size() / 2;
      watch.stream->Push(frame.substr(0, half));
      watch.stream->Push(frame.substr(half));
    }
  }

  async::Executor& executor_;
  std::map<std::string, std::map<std::string, Stored>> collections_;
  std::vector<Happened> history_;
  std::vector<Watching> watches_;
  std::int64_t version_ = 100;
  std::int64_t compacted_ = 0;
  int uids_ = 0;
};

}  // namespace kro::kube
