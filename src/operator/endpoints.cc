#include "operator/endpoints.h"

#include <string>
#include <string_view>
#include <utility>

namespace kro::operator_ {
namespace {

using async::Task;

std::string_view PathOf(const http::Request& request);
bool IsVerbose(const http::Request& request);
http::Response Text(int status, std::string body);


Task<void> Respond(http::Response response, http::ResponseWriter& writer) {
  // A client that has gone needs no answer.
  (void)co_await writer.Respond(std::move(response));
}

}  // namespace

http::Response AnswerProbe(const Operator& op, const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "method not allowed\n");
  const std::string_view path = PathOf(request);
  if (path == "/healthz" || path == "/healthz/ping") return Text(200, "ok");
  const bool one = path.starts_with("/readyz/");
  if (path != "/readyz" && !one) return Text(404, "not found\n");
  bool ok = true;
  bool known = !one;
  std::string lines;
  for (const HealthCheck& check : op.Readiness()) {
    if (one && path.substr(8) != check.name) continue;
    known = true;
    ok = ok && check.ok;
    lines += fmt::format("[{}]{} {}: {}\n", check.ok ? '+' : '-', check.name,
                         check.ok ? "ok" : "failed", check.detail);
  }
  if (!known) return Text(404, "no such check\n");
  if (ok && !IsVerbose(request)) return Text(200, "ok");
  return Text(ok ? 200 : 503, lines + (ok ? "readyz check passed\n" : "readyz check failed\n"));
}

http::Response AnswerMetrics(const Operator& op, const http::Request& request, Debug debug) {
  if (request.method != "GET" && request.method != "HEAD") return Text(405, "method not allowed\n");
  const std::string_view path = PathOf(request);
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

bool IsVerbose(const http::Request& request) {
  const std::size_t query = request.target.find('?');
  return query != std::string::npos &&
         request.target.find("verbose", query) != std::string::npos;
}

http::Response Text(int status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::move(body)};
}

}  // namespace
}  // namespace kro::operator_
