// TlsFiles: certificate, key and CA files that somebody replaces from time to time (spec
// kube-client sections 4.2 and 6).
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kube/kubeconfig.h"

namespace kro::kube {

// Thread-safe.
class TlsFiles {
 public:
  static constexpr Duration kReadAgain = std::chrono::seconds(1);

  // Follows those parts of `config` that are in files; a certificate or key in text is half of a
  // pair whose other half may be a file.
  TlsFiles(TlsConfig config, Environment environment);

  bool any() const { return !config_.ca.file.empty() || HasPairInFiles(); }

  struct Pair {
    std::string certificate;
    std::string key;
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  // What is new since the last look; everything at the first one.
  struct Change {
    std::optional<std::string> roots;
    std::optional<Pair> pair;
  };

  // Reads the files unless that was done a moment ago. What cannot be read, is no certificate, or
  // is a pair of which one file was replaced and the other not yet, counts as not changed.
  Change Look(MonotonicTime now);

 private:
  bool HasPairInFiles() const {
    return !config_.certificate.file.empty() || !config_.key.file.empty();
  }
  std::optional<std::string> Read(const PemSource& source) const;

  TlsConfig config_;  // of each part only the text or the file
  const Environment environment_;
  std::mutex mutex_;
  std::optional<MonotonicTime> looked_;  // guarded by mutex_
  std::string roots_;                    // guarded by mutex_
  Pair pair_;                            // guarded by mutex_
};

}  // namespace kro::kube
