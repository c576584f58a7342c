// Plays sequences on a server and notes its answers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "differential/sequence.h"
#include "http/transport.h"
#include "json/value.h"

namespace kro::differential {

// A server, somewhere.
class World {
 public:
  virtual ~World() = default;
  virtual http::Response Send(http::Request request) = 0;
  // The whole body of a watch, which ends by its own time limit.
  virtual http::Response Follow(http::Request request) = 0;
  // Lets a moment pass.
  virtual void Wait() = 0;
};

// The server in this process.
class EmbeddedWorld final : public World {
 public:
  EmbeddedWorld();
  ~EmbeddedWorld() override;
  http::Response Send(http::Request request) override;
  http::Response Follow(http::Request request) override;
  void Wait() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Creates the definitions and waits until they are served.
void Define(World& world, const Suite& suite);

// The answers, normalised; of a watch its events.
std::vector<json::Value> Play(World& world, const Sequence& sequence);

// Compares answers by sequence id with `wanted` and prints `N passed, N unmet`; fails for what differs and
// is not in known_differences.txt, or the other way round.
using Transcripts = std::map<std::string, std::vector<json::Value>, std::less<>>;
void Compare(const Suite& suite, const Transcripts& wanted, const Transcripts& found);

// Fails for an item of the specification that no sequence and no test shows (coverage.txt).
void CheckCoverage(const Suite& suite);

}  // namespace kro::differential
