#include "apiserver/internal/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::apiserver {
namespace {

constexpr std::string_view kChecks[] = {"ping", "log", "etcd", "poststarthook/crd-informer-synced"};

http::Response Text(int status, std::string body) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}},
          std::move(body)};
}

}  // namespace

std::optional<http::Response> AnswerHealth(std::string_view path, const QueryParameters& query) {
  std::string_view rest = path.substr(std::min<std::size_t>(1, path.size()));
  std::string_view probe = rest.substr(0, rest.find('/'));
  if (probe != "healthz" && probe != "livez" && probe != "readyz") return std::nullopt;
  std::string_view check = rest.substr(std::min(rest.size(), probe.size() + 1));
  if (!check.empty()) {
    if (std::ranges::find(kChecks, check) == std::end(kChecks)) return std::nullopt;
    return Text(200, "ok");
  }
  if (!query.Find("verbose")) return Text(200, "ok");
  const auto excluded = query.All("exclude");
  std::string body;
  for (std::string_view name : kChecks) {
    bool skipped = std::ranges::find(excluded, name) != excluded.end();
    body += fmt::format("[+]{} {}ok\n", name, skipped ? "excluded: " : "");
  }
  body += fmt::format("{} check passed\n", probe);
  return Text(200, std::move(body));
}

}  // namespace kro::apiserver
