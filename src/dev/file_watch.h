// FileWatch: tells when files or folders changed, once things have been quiet for a moment.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/executor.h"
#include "base/clock.h"
#include "base/error.h"

namespace kro::dev {

class FileWatch {
 public:
  // Calls `changed` on the executor's loop when something in one of `paths` (a file, or a folder and all
  // below it) was written, replaced, made or removed and nothing more happened for `settle`, or for ten
  // times as long in all. Editors that write a new file and give it the old one's name are understood.
  // kUnavailable if the system has no more watches to give.
  static Result<std::unique_ptr<FileWatch>> Start(async::Executor& executor,
                                                  std::vector<std::string> paths, Duration settle,
                                                  std::function<void()> changed);
  // After this `changed` is not called any more. On the loop, or when the loop has ended.
  ~FileWatch();

 private:
  struct Impl;
  explicit FileWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::dev
