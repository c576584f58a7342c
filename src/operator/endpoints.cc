#include "operator/endpoints.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kro::operator_ {
namespace {

using async::Task;

std::string_view PathOf(const http::Request& request);
// The values of a parameter of the query; one without "=" has an empty value.
std::vector<std::string_view> Parameter(const http::Request& request, std::string_view name);
http::Response Text(int status, std::string body);
http::Response AnswerLogLevel(const Operator& op, const http::Request& request);

Task<void> Respond(http::Response response, http::ResponseWriter& writer) {
  // A client that has gone needs no answer.
  (void)co_await writer.Respond(std::move(response));
}

}  // namespace

http::Response AnswerProbe(const Operator& op, const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "method not allowed\n");
  const std::string_view path = PathOf(request);
  const std::string_view name = path.starts_with("/healthz") ? "healthz" : "readyz";
  std::string_view rest = path;
  rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  if (!path.starts_with(name == "healthz" ? "/healthz" : "/readyz") ||
      (!rest.empty() && rest[0] != '/')) {
    return Text(404, "not found\n");
  }
  const bool one = rest.size() > 1;
  std::vector<std::string_view> excluded;
  if (!one) excluded = Parameter(request, "exclude");
  bool ok = true;
  bool known = !one;
  std::string lines;
  for (const HealthCheck& check : name == "healthz" ? op.Liveness() : op.Readiness()) {
    if (one && rest.substr(1) != check.name) continue;
    known = true;
    if (std::erase(excluded, check.name) > 0) {
      lines += fmt::format("[+]{} excluded: ok\n", check.name);
      continue;
    }
    ok = ok && check.ok;
    lines += fmt::format("[{}]{} {}: {}\n", check.ok ? '+' : '-', check.name,
                         check.ok ? "ok" : "failed", check.detail);
  }
  if (!known) return Text(404, "no such check\n");
  if (ok && Parameter(request, "verbose").empty()) return Text(200, "ok");
  for (const std::string_view name_of_none : excluded) {
    lines += fmt::format("warn: some health checks cannot be excluded: no matches for \"{}\"\n",
                         name_of_none);
  }
  return Text(ok ? 200 : 503, lines + fmt::format("{} check {}\n", name, ok ? "passed" : "failed"));
}

http::Response AnswerMetrics(const Operator& op, const http::Request& request, Debug debug) {
  const std::string_view path = PathOf(request);
  if (path == "/debug/log-level" && debug == Debug::kOn) return AnswerLogLevel(op, request);
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "method not allowed\n");
  if (path == "/metrics") {
    return {.status = 200,
            .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
            .body = op.MetricsText()};
  }
  if (path == "/debug" && debug == Debug::kOn) {
    return {.status = 200,
            .headers = {{"Content-Type", "application/json"}},
            .body = json::Serialize(op.Describe()) + "\n"};
  }
  return Text(404, "not found\n");
}

http::Handler ProbeHandler(const Operator& op) {
  return [&op](http::Request request, http::ResponseWriter& writer, async::CancelToken) {
    return Respond(AnswerProbe(op, request), writer);
  };
}

http::Handler MetricsHandler(const Operator& op, Debug debug) {
  return [&op, debug](http::Request request, http::ResponseWriter& writer, async::CancelToken) {
    return Respond(AnswerMetrics(op, request, debug), writer);
  };
}

namespace {

std::string_view PathOf(const http::Request& request) {
  return std::string_view(request.target).substr(0, request.target.find('?'));
}

std::vector<std::string_view> Parameter(const http::Request& request, std::string_view name) {
  std::vector<std::string_view> values;
  std::string_view query = std::string_view(request.target).substr(PathOf(request).size());
  while (!query.empty()) {
    query.remove_prefix(1);  // "?" or "&"
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(one.size());
    const std::size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) == name)
      values.push_back(one.substr(std::min(equals + 1, one.size())));
  }
  return values;
}

http::Response AnswerLogLevel(const Operator& op, const http::Request& request) {
  if (request.method == "PUT") {
    const std::string_view query =
        std::string_view(request.target)
            .substr(std::min(request.target.size(), PathOf(request).size()));
    for (const LogLevel level :
         {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
      if (query != fmt::format("?level={}", ToString(level))) continue;
      op.logger().SetLevel(level);
      return Text(200, fmt::format("{}\n", ToString(level)));
    }
    return Text(400, "?level= must be debug, info, warning or error\n");
  }
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "method not allowed\n");
  return Text(200, fmt::format("{}\n", ToString(op.logger().level())));
}

http::Response Text(int status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::move(body)};
}

}  // namespace
}  // namespace kro::operator_
