// `kro controller` as a process of its own, as a cluster runs it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace kro::e2e {

// Runs from the constructor until Stop, Kill or the end of this object, which kills. It does not outlive this
// process.
class ControllerProcess {
 public:
  // Standard output and error are appended to `log`.
  ControllerProcess(const std::string& kubeconfig, std::string log, std::vector<std::string> flags = {});
  ~ControllerProcess();
  ControllerProcess(const ControllerProcess&) = delete;
  ControllerProcess& operator=(const ControllerProcess&) = delete;

  // SIGKILL: nothing is finished, nothing is released.
  void Kill();

  // SIGTERM, then waits for the end; the exit status, or -1 if a signal ended it.
  int Stop();

  bool IsRunning();

  // Resident memory in bytes; 0 if it does not run.
  std::uint64_t ResidentBytes() const;

  // CPU time of its threads so far, in user and kernel mode.
  std::chrono::duration<double> CpuTime() const;

  // What it has printed.
  std::string Log() const;

 private:
  int Wait();

  std::string log_;
  pid_t pid_ = -1;
};

}  // namespace kro::e2e
