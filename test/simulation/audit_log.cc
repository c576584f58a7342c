#include "audit_log.h"

#include <algorithm>

namespace kro::simulation {
namespace {

std::string VerbOf(const http::Request& request, const Target& target, int code);
std::string StatusNote(const json::Value& object);
// By a DELETE with a precondition.
std::string UidAskedFor(const http::Request& request);

}  // namespace

std::optional<Target> ParseTarget(std::string_view text) {
  text = text.substr(0, text.find('?'));
  std::vector<std::string> parts;
  while (!text.empty()) {
    text.remove_prefix(1);  // '/'
    const std::size_t slash = std::min(text.find('/'), text.size());
    parts.emplace_back(text.substr(0, slash));
    text.remove_prefix(slash);
  }
  Target target;
  std::size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    target.version = parts[1];
    at = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    target.group = parts[1];
    target.version = parts[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  const auto next = [&] { return at < parts.size() ? parts[at++] : std::string(); };
  target.resource = next();
  if (target.resource == "namespaces" && parts.size() > at + 1 && parts[at + 1] != "status" &&
      parts[at + 1] != "finalize") {
    target.name_space = next();
    target.resource = next();
  }
  target.name = next();
  target.subresource = next();
  return target;
}

void AuditLog::Add(const apiserver::LocalTransport::Answered& answered) {
  const auto target = ParseTarget(answered.request.target);
  if (!target || target->resource.empty()) return;
  if (target->group == "coordination.k8s.io" || target->resource == "events" ||
      target->group == "authorization.k8s.io" || target->group == "authentication.k8s.io") {
    return;
  }
  Call call;
  call.code = answered.response.status;
  call.verb = VerbOf(answered.request, *target, call.code);
  call.write = answered.request.method != "GET";
  call.stored = call.write && answered.stored;
  call.resource = target->Resource();
  if (!target->subresource.empty()) call.resource += "/" + target->subresource;
  std::string name = target->name;
  if (call.write && call.code < 300 && (name.empty() || detail_ == Detail::kNotes)) {
    if (auto object = json::Parse(answered.response.body)) {
      if (name.empty()) name = json::FindString(*object, {"metadata", "name"});
      if (call.stored && target->subresource == "status") call.note = StatusNote(*object);
    }
  }
  call.object = target->name_space.empty() ? name : target->name_space + "/" + name;
  if (call.stored) last_change_ = clock_.Monotonic();
  if (call.stored) {
    Lives& lives = lives_[call.resource + " " + call.object];
    if (call.verb == "create") {
      ++lives.creates;
    } else if (call.verb != "delete") {
      ++lives.updates;
    } else if (const std::string uid = UidAskedFor(answered.request);
               uid.empty() || deleted_.insert(uid).second) {
      ++lives.deletes;
    }
  }
  calls_.push_back(std::move(call));
}

std::map<std::string, WriteCount> CountWrites(const std::vector<Call>& calls) {
  std::map<std::string, WriteCount> counts;
  for (const Call& call : calls) {
    if (!call.write) continue;
    WriteCount& count = counts[call.resource + " " + call.object];
    ++count.total;
    if (call.code >= 300) ++count.failed;
    if (call.stored) ++count.effective;
  }
  return counts;
}

namespace {

std::string VerbOf(const http::Request& request, const Target& target, int code) {
  if (request.method == "GET") return target.name.empty() ? "list" : "get";
  if (request.method == "POST") return "create";
  if (request.method == "PUT") return "update";
  if (request.method == "DELETE") return target.name.empty() ? "deletecollection" : "delete";
  return code == 201 ? "create" : "patch";
}

// "ACTIVE Ready=True Synced=False/Broken", conditions sorted.
std::string StatusNote(const json::Value& object) {
  std::string note(json::FindString(object, {"status", "state"}));
  std::vector<std::string> conditions;
  const json::Value* list = json::Find(object, {"status", "conditions"});
  if (list != nullptr && list->is_array()) {
    for (const json::Value& condition : list->get_array()) {
      const std::string_view status = json::FindString(condition, {"status"});
      const std::string_view reason = json::FindString(condition, {"reason"});
      std::string text(json::FindString(condition, {"type"}));
      text.append("=").append(status);
      if (!reason.empty() && status != "True") text.append("/").append(reason);
      conditions.push_back(std::move(text));
    }
  }
  std::ranges::sort(conditions);
  for (const std::string& condition : conditions) {
    if (!note.empty()) note += ' ';
    note += condition;
  }
  return note;
}

std::string UidAskedFor(const http::Request& request) {
  const auto options = json::Parse(request.body);
  return options ? std::string(json::FindString(*options, {"preconditions", "uid"}))
                 : std::string();
}

}  // namespace
}  // namespace kro::simulation
