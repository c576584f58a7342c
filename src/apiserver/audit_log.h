// AuditLog: what a server was asked over HTTP, by whom, and how it answered: a line of JSON a request, in
// the form of Kubernetes' own log (audit.k8s.io/v1, level Metadata).
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "async/executor.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/server.h"

namespace kro::apiserver {

class AuditLog {
 public:
  // Appends to the file. kUnavailable if it cannot be opened. `clock` outlives the log.
  static Result<std::unique_ptr<AuditLog>> Open(const std::string& path, const Clock& clock);
  ~AuditLog();

  // Answers as `handler` does, and notes each request: a watch when it begins, every other when it has
  // been answered. The log outlives what is returned.
  http::Handler Around(http::Handler handler);

  struct Entry;
  void Write(const Entry& entry);

 private:
  AuditLog(std::FILE* file, const Clock& clock) : file_(file), clock_(clock) {}

  std::FILE* file_;
  const Clock& clock_;
};

}  // namespace kro::apiserver
