// Reflector: lists, then watches, one collection and tells a sink what the server holds.
//
// Level-based: the sink sees the latest object, not every change to it. The first fill and every later
// one is a streaming list where the server can do that and does not fall silent over it, else a list in
// pages. A watch that ends is opened again from where it was; only when the server has forgotten that
// version (410) is everything listed again, from the last version first, so that a crowd of clients does
// not hit storage.
// Failures back off, 0.8 s doubling to 30 s, with jitter (spec kube-client section 18); that starts over when
// a watch has stood for a while. A collection whose storage the server is just starting, that of a new CRD,
// is asked for after 20 ms doubling to as much: the server names a second, but takes a fraction of it.
#pragma once

#include <string>
#include <vector>

#include "async/scope.h"
#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/selection.h"

namespace kro::kube {

class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;

  // The collection as it was at this version. `start_over`: versions may have gone back.
  enum class Versions { kContinue, kStartOver };
  virtual void OnReplace(std::vector<json::Value> objects, std::string resource_version,
                         Versions versions) = 0;
  // An ADDED, MODIFIED or DELETED, in the server's order.
  virtual void OnEvent(WatchEvent event) = 0;
  // Nothing changed up to this version.
  virtual void OnBookmark(std::string resource_version) = 0;
  // The server does not have the collection, or does not let us read it. It is asked again, with patience.
  virtual void OnRefused() {}
};

// What the first fill may show, where it is a plain list: whatever the server has in memory, which another of its
// replicas may have moved past; or no less than all that was acknowledged before. A streaming list is always that.
enum class FirstList { kAny, kNewest };

struct ReflectorOptions {
  std::string name_space;  // empty: all
  std::string label_selector;
  std::string field_selector;
  Content content = Content::kWhole;
  FirstList first_list = FirstList::kAny;
  std::int64_t page_size = 500;
  BackoffPolicy backoff;
  // What is kept of what comes; nullptr: everything. Outlives the reflector.
  Selection* selection = nullptr;
};

class Reflector {
 public:
  // `client` and `sink` outlive the reflector.
  Reflector(Client& client, Gvr gvr, ReflectorOptions options, ReflectorSink& sink, Random random);

  // Runs until `cancel` fires.
  async::Task<void> Run(async::CancelToken cancel);

 private:
  enum class Next { kWatch, kFillNow, kFillSoon, kBackOff, kListInstead, kStop };

  async::Task<Next> FillByStream(async::CancelToken cancel);
  async::Task<Next> FillByList(async::CancelToken cancel);
  // Watches, beginning with `stream_` if the fill left one open.
  async::Task<Next> Watch(async::CancelToken cancel);
  async::Task<bool> Wait(Backoff& backoff, async::CancelToken cancel);
  void Replaced(std::vector<json::Value> objects, std::string resource_version);
  void Report(std::string_view what, const Error& error) const;
  // It may last for ever, so it is logged once.
  void ReportRefusal(const Error& error);

  Client& client_;
  const Gvr gvr_;
  const ReflectorOptions options_;
  ReflectorSink& sink_;
  Random random_;
  Backoff backoff_;
  Backoff storage_starts_;
  std::string resource_version_;      // empty: never filled
  bool version_unavailable_ = false;  // the server does not have resource_version_
  bool paginated_ = false;
  std::string refusal_;  // reported last; empty: filled since
  std::unique_ptr<WatchStream> stream_;
  MonotonicTime stream_opened_{};
};

}  // namespace kro::kube
