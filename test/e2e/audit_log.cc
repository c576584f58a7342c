#include "e2e/audit_log.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <utility>

#include "json/value.h"

namespace kro::e2e {
namespace {

std::string Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  return std::string(json::FindString(value, path));
}

std::optional<AuditedRequest> ReadLine(const std::string& line) {
  const auto event = json::Parse(line);
  if (!event) return std::nullopt;
  AuditedRequest request{.verb = Text(*event, {"verb"}),
                         .resource = Text(*event, {"objectRef", "resource"}),
                         .subresource = Text(*event, {"objectRef", "subresource"}),
                         .name_space = Text(*event, {"objectRef", "namespace"}),
                         .name = Text(*event, {"objectRef", "name"}),
                         .user_agent = Text(*event, {"userAgent"})};
  // A watch counts when it starts, every other request when it ends.
  const bool started = Text(*event, {"stage"}) == "ResponseStarted";
  if (started != (request.verb == "watch")) return std::nullopt;
  if (const auto group = Text(*event, {"objectRef", "apiGroup"}); !group.empty()) {
    request.resource += "." + group;
  }
  if (const auto* code = json::Find(*event, {"responseStatus", "code"}); code && code->is_int64()) {
    request.code = static_cast<int>(code->get_int64());
  }
  return request;
}

}  // namespace

bool AuditedRequest::IsWrite() const { return verb != "get" && verb != "list" && verb != "watch"; }

std::string AuditedRequest::ToString() const {
  return fmt::format("{} {}{}{} {}{}{}", verb, resource, subresource.empty() ? "" : "/",
                     subresource, name_space, name_space.empty() ? "" : "/", name);
}

std::vector<AuditedRequest> AuditLog::Next(const std::string& user_agent) {
  std::vector<AuditedRequest> requests;
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  for (std::string line; std::getline(file, line);) {
    if (file.eof()) break;  // half a line
    offset_ += line.size() + 1;
    auto request = ReadLine(line);
    if (request && request->user_agent.starts_with(user_agent))
      requests.push_back(*std::move(request));
  }
  return requests;
}

}  // namespace kro::e2e
