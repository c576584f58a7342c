// LocalTransport: the way to a Server in the same process, by straight calls. With a real executor it is
// a laptop's cluster, with a simulated one a cluster in simulated time:
//
//   async::SimulatedExecutor sim(seed);
//   apiserver::Server server(sim.clock(), apiserver::IdSource(seed), {});
//   apiserver::LocalTransport transport(server, sim);
//   kube::Client client(transport, sim, logger, {});
//
// It also sees to it that what the server does by itself happens when it is due.
#pragma once

#include <functional>
#include <memory>

#include "apiserver/server.h"
#include "async/executor.h"
#include "http/transport.h"

namespace kro::apiserver {

// Used from the executor's loop only, like the server itself.
class LocalTransport final : public http::Transport {
 public:
  // A request that the server has answered at once, and whether something was stored.
  struct Answered {
    const http::Request& request;
    const http::Response& response;
    bool stored = false;
  };
  struct Options {
    // How long a request takes to reach the server, and its answer to come back.
    Duration latency = Duration::zero();
    // Told of each answer at the moment it is given, whether or not it arrives: an audit log.
    std::function<void(const Answered&)> audit;
  };

  // `server` and `executor` outlive the transport, and streams from it. One transport at a time drives a
  // server; others may share it with `Drive::kNo`.
  enum class Drive { kNo, kYes };
  LocalTransport(Server& server, async::Executor& executor,
                 Options options = {Duration::zero(), nullptr}, Drive drive = Drive::kYes);
  ~LocalTransport() override;

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  struct Pump;

  async::Task<Result<Server::Reply>> Ask(http::Request request, async::CancelToken cancel);

  Server& server_;
  async::Executor& executor_;
  Options options_;
  std::shared_ptr<Pump> pump_;
};

}  // namespace kro::apiserver
