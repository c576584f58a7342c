// ConsoleSink: log lines for a person, "12:04:01.210 INFO  synced  gvr=apps/v1/deployments".
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"

namespace kro::cli {

class ConsoleSink final : public LogSink {
 public:
  // `out` receives the finished text and outlives this.
  explicit ConsoleSink(LogSink& out) : out_(out) {}
  void Write(LogLevel level, std::string_view line) override;

 private:
  LogSink& out_;
};

// The same text for one JSON line; the line itself if it is none.
std::string ConsoleLine(std::string_view json_line);

}  // namespace kro::cli
