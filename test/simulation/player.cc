#include "player.h"

#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/controller_command.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPoll = 100ms;
constexpr int kKindPatience = 60;
constexpr Duration kKindPoll = 200ms;

std::string MessageOf(const http::Response& response);
bool Holds(const WaitStep& wait, const json::Value& object, std::string& last);

}  // namespace

Result<operator_::OperatorOptions> OptionsOf(const Scenario& scenario) {
  // README of the recordings: the flags that all of them ran with.
  std::vector<std::string> arguments = {
      "--allow-crd-deletion=true", "--dynamic-controller-concurrent-reconciles=10",
      "--feature-gates=CELOmitFunction=true", "--instance-requeue-interval=1s",
      "--rgd-progress-requeue-delay=1s"};
  arguments.insert(arguments.end(), scenario.flags.begin(), scenario.flags.end());
  CLI::App app;
  cli::ControllerFlags flags;
  cli::AddControllerFlags(app, flags);
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalid, "{}: {}", scenario.name, error.what());
  }
  auto options = cli::ReadControllerFlags(flags);
  if (!options) return Annotate(options, "{}", scenario.name);
  return options->operation;
}

Result<apiserver::Controllers> ControllersOf(const Scenario& scenario) {
  using apiserver::Controllers;
  Controllers all = Controllers::kNone;
  for (const std::string& name : scenario.controllers) {
    if (name == "garbage-collector-controller") {
      all = all | Controllers::kGarbageCollection;
    } else if (name == "namespace-controller") {
      all = all | Controllers::kNamespaces;
    } else if (name == "endpointslice-controller" || name == "service-lb-controller" ||
               name == "serviceaccount-controller" ||
               name == "root-ca-certificate-publisher-controller") {
      all = all | Controllers::kServices;
    } else if (name == "deployment-controller" || name == "replicaset-controller" ||
               name == "statefulset-controller" || name == "job-controller" ||
               name == "daemonset-controller") {
      all = all | Controllers::kWorkloads;
    } else {
      return Fail(ErrorCode::kInvalid, "{}: the embedded server has no {}", scenario.name, name);
    }
  }
  return all;
}

Result<void> Player::Play(const Scenario& scenario, const std::function<Duration()>& pause) {
  if (!scenario.controllers.empty()) {
    if (auto passed = Advance(5s); !passed) return passed;
  }
  world_.StartOperator();
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    const Step& step = scenario.steps[i];
    if (pause) {
      if (auto passed = Advance(pause()); !passed) return passed;
    }
    if (auto done = Do(step); !done) return Annotate(done, "step {} {}", i + 1, step.text);
  }
  return {};
}

Result<void> Player::Do(const Step& step) {
  return std::visit([&](const auto& action) { return Act(action, step.error); }, step.action);
}

Result<void> Player::Settle(Duration quiet) {
  const auto now = [this] { return world_.executor.clock().Monotonic(); };
  const MonotonicTime start = now();
  while (now() - start < limits_.wait) {
    const MonotonicTime last = std::max(start, world_.audit.last_change());
    if (now() - last >= quiet && !world_.crashed()) return {};
    const Duration left = std::max<Duration>(50ms, last + quiet - now());
    if (auto passed = Advance(left); !passed) return passed;
  }
  return {};
}

Result<void> Player::Act(const ApplyStep& step, const std::string& error) {
  const bool create = step.how == ApplyStep::How::kCreate;
  for (const json::Value& object : step.objects) {
    Result<Place> place = Fail(ErrorCode::kNotFound, "");
    for (int i = 0; i < kKindPatience; ++i) {
      place = PlaceOf(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
      if (place) break;
      if (auto passed = Advance(kKindPoll); !passed) return passed;
    }
    if (!place) return std::unexpected(std::move(place.error()));
    std::string path = PathOf(*place, json::FindString(object, {"metadata", "namespace"}));
    if (create) {
      path += "?fieldManager=hand";
    } else {
      path += fmt::format("/{}?fieldManager=user&force=true",
                          json::FindString(object, {"metadata", "name"}));
    }
    const http::Response response =
        world_.Ask({.method = create ? "POST" : "PATCH",
                    .target = path,
                    .headers = {{"Content-Type",
                                 create ? "application/json" : "application/apply-patch+yaml"}},
                    .body = json::Serialize(object)});
    if (auto judged = Judge(response, error); !judged) return judged;
  }
  return {};
}

Result<void> Player::Act(const PatchStep& step, const std::string& error) {
  auto place = PlaceOf(step.object.api_version, step.object.kind);
  if (!place) return std::unexpected(std::move(place.error()));
  std::string path = PathOf(*place, step.object.name_space) + "/" + step.object.name;
  if (!step.subresource.empty()) path += "/" + step.subresource;
  path += "?fieldManager=" + step.manager;
  return Judge(world_.Ask({.method = "PATCH",
                           .target = path,
                           .headers = {{"Content-Type", step.content_type}},
                           .body = step.body}),
               error);
}

Result<void> Player::Act(const DeleteStep& step, const std::string& error) {
  auto place = PlaceOf(step.object.api_version, step.object.kind);
  if (!place) return std::unexpected(std::move(place.error()));
  json::Object options{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
  if (!step.cascade.empty()) options["propagationPolicy"] = step.cascade;
  return Judge(
      world_.Ask({.method = "DELETE",
                  .target = PathOf(*place, step.object.name_space) + "/" + step.object.name,
                  .headers = {{"Content-Type", "application/json"}},
                  .body = json::Serialize(options)}),
      error);
}

Result<void> Player::Act(const WaitStep& step, const std::string&) {
  const MonotonicTime start = world_.executor.clock().Monotonic();
  const Duration limit = step.limit.value_or(limits_.wait);
  std::string last = "nothing";
  std::optional<std::uint64_t> seen;
  while (true) {
    // Where nothing was written, nothing has become true.
    const std::uint64_t revision = world_.server.revision();
    if (std::exchange(seen, revision) != revision && IsMet(step, last)) return {};
    if (std::string end = world_.OperatorEnd(); !end.empty()) {
      return Fail(ErrorCode::kInternal, "the controller has ended: {}; last value {}", end, last);
    }
    if (world_.executor.clock().Monotonic() - start > limit) {
      return Fail(ErrorCode::kExhausted, "timed out; last value {}", last);
    }
    if (auto passed = Advance(kPoll); !passed) return passed;
  }
}

bool Player::IsMet(const WaitStep& step, std::string& last) {
  const bool absent = std::holds_alternative<WaitStep::Absent>(step.until);
  const auto place = PlaceOf(step.object.api_version, step.object.kind);
  if (!place) {
    last = place.error().message();
    return absent;
  }
  const http::Response response =
      world_.Ask({.target = PathOf(*place, step.object.name_space) + "/" + step.object.name});
  if (response.status == 404) {
    last = "no object";
    return absent;
  }
  if (response.status != 200 || absent) {
    last = "an answer " + std::to_string(response.status);
    return false;
  }
  boost::json::monotonic_resource memory;
  const auto object = json::Parse(response.body, &memory);
  return object && Holds(step, *object, last);
}

Result<void> Player::Act(const SettleStep& step, const std::string&) { return Settle(step.quiet); }

Result<void> Player::Act(const SleepStep& step, const std::string&) {
  return Advance(step.duration);
}

Result<void> Player::Act(const StopStep& step, const std::string&) {
  world_.StopOperator(step.how == StopStep::How::kKill ? World::Stop::kKill
                                                       : World::Stop::kOrderly);
  return {};
}

Result<void> Player::Act(const StartStep&, const std::string&) {
  world_.StartOperator();
  return {};
}

Result<void> Player::Act(const OrderStep& step, const std::string&) {
  std::string wrong = recorder_.CheckOrder(step.order, step.never);
  if (wrong.empty()) return {};
  return Fail(ErrorCode::kInternal, "{}", wrong);
}

Result<void> Player::Act(const RecordStep& step, const std::string&) {
  if (step.settled) {
    if (auto settled = Settle(limits_.quiet); !settled) return settled;
  }
  recorder_.Record(step.name);
  return {};
}

Result<void> Player::Advance(Duration duration) {
  if (world_.Advance(duration)) return {};
  return Fail(ErrorCode::kInternal, "tasks wake each other for ever");
}

Result<Player::Place> Player::PlaceOf(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  api::Gvk gvk{.kind = std::string(kind)};
  if (slash != std::string_view::npos) gvk.group = api_version.substr(0, slash);
  gvk.version = api_version.substr(slash == std::string_view::npos ? 0 : slash + 1);
  const auto served = world_.server.FindKind(gvk);
  if (!served) {
    return Fail(ErrorCode::kNotFound, "no matches for kind \"{}\" in version \"{}\"", kind,
                api_version);
  }
  // The two parts of a path between which the namespace goes.
  return Place{fmt::format("{}{}|/{}", gvk.group.empty() ? "/api/" : "/apis/", api_version,
                           served->gvr.resource),
               served->namespaced};
}

std::string Player::PathOf(const Place& place, std::string_view name_space) {
  const std::size_t bar = place.collection.find('|');
  std::string path = place.collection.substr(0, bar);
  if (place.namespaced) {
    path.append("/namespaces/").append(name_space.empty() ? "default" : name_space);
  }
  return path + place.collection.substr(bar + 1);
}

Result<void> Player::Judge(const http::Response& response, const std::string& error) {
  const bool refused = response.status >= 300;
  const std::string message = refused ? MessageOf(response) : std::string();
  if (!error.empty() && refused) recorder_.Answer(message);
  if (error.empty()) {
    if (!refused) return {};
    return Fail(ErrorCode::kInvalid, "{}", message);
  }
  if (!refused) {
    return Fail(ErrorCode::kInvalid, "succeeded, but should have failed with \"{}\"", error);
  }
  if (message.find(error) == std::string::npos) {
    return Fail(ErrorCode::kInvalid, "failed with \"{}\" instead of \"{}\"", message, error);
  }
  return {};
}

namespace {

std::string MessageOf(const http::Response& response) {
  auto status = json::Parse(response.body);
  if (!status) return "answer " + std::to_string(response.status);
  return std::string(json::FindString(*status, {"message"}));
}

bool Holds(const WaitStep& wait, const json::Value& object, std::string& last) {
  const json::Value* found = Lookup(object, wait.path);
  // Of the whole object nothing is compared, and to show it takes long.
  const std::string text = found == nullptr ? "<nil>" : wait.path.empty() ? "" : Shown(*found);
  last = text;
  struct Check {
    const json::Value& object;
    const json::Value* found;
    const std::string& text;
    std::string& last;
    bool operator()(const WaitStep::Present&) const { return true; }
    bool operator()(const WaitStep::Absent&) const { return false; }
    bool operator()(const WaitStep::Set&) const { return found != nullptr; }
    bool operator()(const WaitStep::Unset&) const { return found == nullptr; }
    bool operator()(const WaitStep::Ready&) const {
      const json::Value* status = Lookup(object, "status.conditions[Ready].status");
      const json::Value* observed = Lookup(object, "status.conditions[Ready].observedGeneration");
      const json::Value* generation = Lookup(object, "metadata.generation");
      const auto shown = [](const json::Value* value) {
        return value == nullptr ? std::string("<nil>") : Shown(*value);
      };
      last = shown(status) + " at generation " + shown(observed) + ": " +
             shown(Lookup(object, "status.conditions[Ready].message"));
      return shown(status) == "True" && shown(observed) == shown(generation);
    }
    bool operator()(const WaitStep::Is& is) const {
      return found != nullptr ? text == Shown(is.value) : is.value.is_null();
    }
    bool operator()(const WaitStep::Not& is) const {
      return found == nullptr || text != Shown(is.value);
    }
    bool operator()(const WaitStep::Contains& contains) const {
      return text.find(contains.text) != std::string::npos;
    }
  };
  return std::visit(Check{object, found, text, last}, wait.until);
}

}  // namespace
}  // namespace kro::simulation
