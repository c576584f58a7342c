#include "kube/tls_files.h"

#include "http/pem.h"

namespace kro::kube {

TlsFiles::TlsFiles(TlsConfig config, Environment environment)
    : config_(std::move(config)), environment_(std::move(environment)) {
  for (PemSource* each : {&config_.ca, &config_.certificate, &config_.key}) {
    if (!each->data.empty()) each->file.clear();
  }
}

TlsFiles::Change TlsFiles::Look(MonotonicTime now) {
  Change change;
  std::lock_guard lock(mutex_);
  if (looked_ && now - *looked_ < kReadAgain) return change;
  looked_ = now;
  if (!config_.ca.file.empty()) {
    auto roots = Read(config_.ca);
    if (roots && *roots != roots_ && http::CheckRoots(*roots)) {
      roots_ = *roots;
      change.roots = std::move(roots);
    }
  }
  if (HasPairInFiles()) {
    auto certificate = Read(config_.certificate);
    auto key = Read(config_.key);
    if (!certificate || !key) return change;
    Pair pair{std::move(*certificate), std::move(*key)};
    if (pair != pair_ && http::CheckKeyPair(pair.certificate, pair.key)) {
      pair_ = pair;
      change.pair = std::move(pair);
    }
  }
  return change;
}

std::optional<std::string> TlsFiles::Read(const PemSource& source) const {
  if (!source.data.empty()) return source.data;
  auto content = environment_.read_file(source.file);
  if (!content) return std::nullopt;
  return std::move(*content);
}

}  // namespace kro::kube
