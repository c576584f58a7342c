#include "apiserver/audit_log.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "apiserver/internal/query.h"
#include "apiserver/internal/resource_path.h"
#include "apiserver/internal/timestamp.h"
#include "json/value.h"

namespace kro::apiserver {

struct AuditLog::Entry {
  std::string stage;
  std::string uri;
  std::string verb;
  std::string user_agent;
  std::optional<ResourcePath> path;
  int code = 0;
};

namespace {

AuditLog::Entry EntryOf(const http::Request& request);

// Passes an answer on and notes it.
class AuditedWriter final : public http::ResponseWriter {
 public:
  AuditedWriter(http::ResponseWriter& inner, AuditLog& log, AuditLog::Entry entry)
      : inner_(inner), log_(log), entry_(std::move(entry)) {}

  async::Task<Result<void>> Respond(http::Response response) override {
    Note("ResponseComplete", response.status);
    return inner_.Respond(std::move(response));
  }
  async::Task<Result<void>> Begin(int status, http::Headers headers) override {
    Note("ResponseStarted", status);
    return inner_.Begin(status, std::move(headers));
  }
  async::Task<Result<void>> Write(std::string piece) override {
    return inner_.Write(std::move(piece));
  }
  void Abort() override { inner_.Abort(); }
  const http::ClientSubject* client() const override { return inner_.client(); }

 private:
  void Note(std::string stage, int code) {
    entry_.stage = std::move(stage);
    entry_.code = code;
    log_.Write(entry_);
  }

  http::ResponseWriter& inner_;
  AuditLog& log_;
  AuditLog::Entry entry_;
};

// `handler` and `log` outlive the task.
async::Task<void> Serve(const http::Handler& handler, AuditLog& log, http::Request request,
                        http::ResponseWriter& writer, async::CancelToken cancel) {
  AuditedWriter audited(writer, log, EntryOf(request));
  co_await handler(std::move(request), audited, std::move(cancel));
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& path, const Clock& clock) {
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return Fail(ErrorCode::kUnavailable, "{}: {}", path, std::strerror(errno));
  return std::unique_ptr<AuditLog>(new AuditLog(file, clock));
}

AuditLog::~AuditLog() { std::fclose(file_); }

http::Handler AuditLog::Around(http::Handler handler) {
  return [this, inner = std::make_shared<http::Handler>(std::move(handler))](
             http::Request request, http::ResponseWriter& writer, async::CancelToken cancel) {
    return Serve(*inner, *this, std::move(request), writer, std::move(cancel));
  };
}

void AuditLog::Write(const Entry& entry) {
  json::Object event;
  event["kind"] = "Event";
  event["apiVersion"] = "audit.k8s.io/v1";
  event["level"] = "Metadata";
  event["stage"] = entry.stage;
  event["requestURI"] = entry.uri;
  event["verb"] = entry.verb;
  event["userAgent"] = entry.user_agent;
  if (entry.path) {
    json::Object object;
    object["resource"] = entry.path->resource;
    if (!entry.path->name_space.empty()) object["namespace"] = entry.path->name_space;
    if (!entry.path->name.empty()) object["name"] = entry.path->name;
    if (!entry.path->group.empty()) object["apiGroup"] = entry.path->group;
    object["apiVersion"] = entry.path->version;
    if (!entry.path->subresource.empty()) object["subresource"] = entry.path->subresource;
    event["objectRef"] = std::move(object);
  }
  event["responseStatus"] = json::Object{{"code", entry.code}};
  event["stageTimestamp"] = FormatMicroTime(clock_.Now());
  std::string line = json::Serialize(event);
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), file_);
  std::fflush(file_);  // who reads the log reads it while it grows
}

namespace {

AuditLog::Entry EntryOf(const http::Request& request) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  AuditLog::Entry entry{.uri = request.target, .path = ParseResourcePath(path)};
  if (const std::string* agent = request.headers.Find("User-Agent")) entry.user_agent = *agent;
  const bool object = entry.path && !entry.path->name.empty();
  const QueryParameters query(path.size() < target.size() ? target.substr(path.size() + 1)
                                                          : std::string_view());
  if (request.method == "GET") {
    const bool watch = entry.path && !object && (query.IsOn("watch") || entry.path->legacy_watch);
    entry.verb = watch ? "watch" : object || !entry.path ? "get" : "list";
  } else if (request.method == "POST") {
    entry.verb = "create";
  } else if (request.method == "PUT") {
    entry.verb = "update";
  } else if (request.method == "PATCH") {
    entry.verb = "patch";
  } else {
    entry.verb = object ? "delete" : "deletecollection";
  }
  return entry;
}

}  // namespace
}  // namespace kro::apiserver
