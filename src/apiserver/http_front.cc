#include "apiserver/http_front.h"

#include <memory>
#include <optional>
#include <utility>

#include "async/event.h"
#include "async/scope.h"

namespace kro::apiserver {
namespace {

// Nothing: the server's default user.
std::optional<User> CertifiedUser(const http::ResponseWriter& writer, WithoutCertificate without);
// `server`, `executor` and `writer` outlive the task.
async::Task<void> Serve(Server& server, async::Executor& executor, WithoutCertificate without,
                        http::Request request, http::ResponseWriter& writer,
                        async::CancelToken cancel);
async::Task<void> Stream(async::Executor& executor, std::shared_ptr<Watch> watch,
                         http::ResponseWriter& writer, async::CancelToken cancel);

}  // namespace

http::Handler MakeFront(Server& server, async::Executor& executor, WithoutCertificate without) {
  return [&server, &executor, without](http::Request request, http::ResponseWriter& writer,
                                       async::CancelToken cancel) {
    return Serve(server, executor, without, std::move(request), writer, std::move(cancel));
  };
}

namespace {

std::optional<User> CertifiedUser(const http::ResponseWriter& writer, WithoutCertificate without) {
  if (const http::ClientSubject* client = writer.client()) {
    User user{client->common_name, client->organizations};
    user.groups.emplace_back("system:authenticated");
    return user;
  }
  if (without == WithoutCertificate::kAnonymous) return AnonymousUser();
  return std::nullopt;
}

async::Task<void> Serve(Server& server, async::Executor& executor, WithoutCertificate without,
                        http::Request request, http::ResponseWriter& writer,
                        async::CancelToken cancel) {
  const std::optional<User> certified = CertifiedUser(writer, without);
  const User* user = certified ? &*certified : nullptr;
  Server::Reply reply = server.Handle(request, Server::Attempt::kFirst, user);
  if (auto* hold = std::get_if<Server::Hold>(&reply)) {
    if (auto waited = co_await async::Sleep(executor, hold->delay, cancel); !waited) co_return;
    reply = server.Handle(request, Server::Attempt::kResumed, user);
  }
  if (auto* response = std::get_if<http::Response>(&reply)) {
    // A failure means that the client has gone; there is nobody to tell.
    static_cast<void>(co_await writer.Respond(std::move(*response)));
    co_return;
  }
  co_await Stream(executor, std::move(std::get<std::shared_ptr<Watch>>(reply)), writer,
                  std::move(cancel));
}

async::Task<void> Stream(async::Executor& executor, std::shared_ptr<Watch> watch,
                         http::ResponseWriter& writer, async::CancelToken cancel) {
  auto there = std::make_shared<async::Event>(executor, async::EventReset::kAuto);
  watch->OnReady([there] { there->Set(); });
  auto begun = co_await writer.Begin(200, watch->headers());
  while (begun) {
    if (std::string frames = watch->Take(); !frames.empty()) {
      begun = co_await writer.Write(std::move(frames));
      continue;
    }
    if (watch->broken()) writer.Abort();
    if (watch->ended()) break;
    if (auto woken = co_await there->Wait(cancel); !woken) break;
  }
  watch->OnReady(nullptr);
}

}  // namespace
}  // namespace kro::apiserver
