// Server: a Kubernetes-compatible API server in memory. A request in, a response out, or a watch to take
// events from; no I/O, no threads.
//
//   SystemClock clock;
//   Server server(clock, IdSource::Random(), {});
//   Server::Reply reply = server.Handle({.method = "GET", .target = "/api/v1/namespaces"});
//   if (auto* response = std::get_if<http::Response>(&reply)) …
//
// The same requests at the same times with the same ids give the same answers. What happens by itself
// (controllers, garbage collection, bookmarks, time-outs) happens in RunDue; the caller sees to it
// that RunDue is called at NextDue. Transports for both are in local_transport.h and http_front.h.
//
// Not thread-safe: all calls to a server and its watches come from one thread, or one loop.
//
// Behaviour: spec kube-server; differences from the real server: docs/compatibility.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/gvk.h"
#include "apiserver/identity.h"
#include "apiserver/ids.h"
#include "apiserver/saved_state.h"
#include "apiserver/watch.h"
#include "base/clock.h"
#include "http/transport.h"

namespace kro::apiserver {

struct RuleSet;  // rule_file.h

// What acts on objects beside the server itself, which always takes care of definitions of custom
// resources. Can be joined with |.
enum class Controllers : unsigned {
  kNone = 0,
  kNamespaces = 1,         // empties deleted namespaces
  kGarbageCollection = 2,  // deletes what lost its owners
  kServices = 4,           // endpoints, load balancers, accounts of namespaces
  kWorkloads = 8,          // deployments, replica sets, pods that become ready, jobs, …
  kEssential = kNamespaces | kGarbageCollection | kServices,
  kAll = kEssential | kWorkloads,
};
constexpr Controllers operator|(Controllers a, Controllers b) {
  return static_cast<Controllers>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool Includes(Controllers all, Controllers one) {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) == static_cast<unsigned>(one);
}

// Who shows a bearer token.
struct TokenUser {
  std::string token;
  User user;
};

struct ServerOptions {
  Controllers controllers = Controllers::kAll;
  // How long after a change the controllers act on it. A real cluster takes some milliseconds.
  Duration controller_latency = std::chrono::milliseconds(2);
  // How long a scheduled pod takes to become ready, and one that ends by itself to end.
  Duration pod_start = std::chrono::milliseconds(20);
  Duration pod_run = std::chrono::milliseconds(50);
  // How long the creation of an instance of a fresh definition is held. A real server holds it for 2 s.
  Duration hold_after_established = Duration::zero();
  // How long a deleted namespace waits before it is emptied. In a real cluster 5 s.
  Duration namespace_grace = Duration::zero();
  // Who a request without credentials comes from. Nobody: system:anonymous, as in a cluster.
  std::optional<User> default_user = ClusterAdmin();
  std::vector<TokenUser> tokens = {};
};

struct ServedKind {
  api::Gvk gvk;
  api::Gvr gvr;
  bool namespaced = true;
};

class Server {
 public:
  // Ask again after the delay, with `resumed` set.
  struct Hold {
    Duration delay;
  };
  using Reply = std::variant<http::Response, std::shared_ptr<Watch>, Hold>;
  enum class Attempt { kFirst, kResumed };

  // `clock` outlives the server. Holds the namespaces default, kube-system, kube-public and
  // kube-node-lease and a node from the start, or goes on from `state` if that holds anything.
  Server(const Clock& clock, IdSource ids, ServerOptions options, SavedState state = {});
  ~Server();

  // Answers a request. `certified`: who the connection says the client is; a token in the request comes
  // before it.
  Reply Handle(const http::Request& request, Attempt attempt = Attempt::kFirst,
               const User* certified = nullptr);

  // Does what is due now. False if so much was due that some was left.
  bool RunDue();
  // When something is due next.
  std::optional<MonotonicTime> NextDue() const;
  // Calls `changed` when NextDue may have become earlier. It must not call the server.
  void OnDueChanged(std::function<void()> changed);

  // Acts by these rules from now on, instead of those before; `report` hears of what goes wrong.
  void Play(RuleSet rules, std::function<void(std::string)> report);

  // `listener` outlives the server.
  void AddListener(ChangeListener& listener);
  // Tells of every object as it is now, as of a change.
  void ForEachObject(const std::function<void(const ObjectChange&)>& tell) const;
  // nullopt for what is not served.
  std::optional<ServedKind> FindKind(const api::Gvk& kind) const;
  // In the group's preferred version.
  std::optional<ServedKind> FindResource(std::string_view group, std::string_view resource) const;

  // Forgets history: watches that lag behind and pages of lists end in 410.
  void CompactHistory();
  // Ends all watches, as a restart of a server does; kBroken without an orderly end.
  enum class WatchEnd { kClean, kBroken };
  void EndWatches(WatchEnd how);

  // The revision of the last write.
  std::uint64_t revision() const;

 private:
  struct Impl;  // server.cc
  std::unique_ptr<Impl> impl_;
};

// What all answers to watches begin with.
http::Headers WatchHeaders();

}  // namespace kro::apiserver
