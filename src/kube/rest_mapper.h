// RestMapper: from the kind in a manifest to the collection in a URL.
//
// Learns: a kind that is not known makes it ask the server, at most once a second per group-version, so
// that a CRD made a moment ago is found and a kind that does not exist costs little. Forgets one group
// on demand: when a CRD of it changed, or a mapped path turned out to be missing.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "kube/discovery.h"

namespace kro::kube {

struct RestMapping {
  Gvk gvk;
  Gvr gvr;
  ResourceScope scope = ResourceScope::kNamespaced;
  bool has_status = false;

  friend bool operator==(const RestMapping&, const RestMapping&) = default;
};

class RestMapper {
 public:
  static constexpr Duration kSpacing = std::chrono::seconds(1);

  // `client` outlives the mapper.
  explicit RestMapper(Client& client)
      : client_(client),
        discovery_(client),
        answered_(client.executor(), async::EventReset::kManual) {}

  // kNotFound ("no matches for kind …") if the server has said that it has no such kind, never for want of an
  // answer.
  async::Task<Reply<RestMapping>> ForKind(Gvk gvk, async::CancelToken cancel);

  // The version that the server prefers among those that have the kind.
  async::Task<Reply<RestMapping>> ForGroupKind(std::string group, std::string kind,
                                               async::CancelToken cancel);

  async::Task<Reply<RestMapping>> ForResource(Gvr gvr, async::CancelToken cancel);

  // The next question about this group goes to the server, at once.
  void Forget(const std::string& group);

  // Without asking anybody; nullopt if it is not known.
  std::optional<RestMapping> Known(const Gvk& gvk) const;

 private:
  async::Task<Reply<void>> LoadAll(async::CancelToken cancel);
  async::Task<Reply<void>> Learn(std::string group, std::string version, async::CancelToken cancel);
  async::Task<Reply<void>> Ask(std::string group, std::string version, async::CancelToken cancel);

  Reply<void> CheckAnswered(const std::string& group, const std::string& version) const;

  // What became of the last question about a group-version.
  struct Question {
    enum class State { kOpen, kAnswered, kFailed };
    State state = State::kOpen;
    MonotonicTime at{};  // of its end
    std::uint64_t number = 0;
  };
  bool IsOpen(const std::string& what) const;
  // How the last question ended, if that is not long ago.
  std::optional<Reply<void>> RecentAnswer(const std::string& what) const;
  std::uint64_t Open(const std::string& what);
  void Close(const std::string& what, std::uint64_t number, const Reply<void>& answer);

  template <typename Matches>
  std::optional<RestMapping> Search(std::string_view group, std::string_view version,
                                    Matches matches) const;

  Client& client_;
  Discovery discovery_;
  mutable std::mutex mutex_;
  bool loaded_ = false;                                  // guarded by mutex_
  std::map<std::string, ApiGroup, std::less<>> groups_;  // guarded by mutex_
  std::map<std::string, Question> asked_;                // by group-version; guarded by mutex_
  std::uint64_t questions_ = 0;                          // guarded by mutex_
  async::Event answered_;
};

}  // namespace kro::kube
