// kro as a process of its own, as a cluster or a laptop runs it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kro::e2e {

// Runs from the constructor until Stop, Kill or the end of this object, which kills. It does not outlive this
// process.
class KroProcess {
 public:
  // `arguments` begin with the command. Standard output and error are appended to `log`.
  KroProcess(std::vector<std::string> arguments, std::string log);
  ~KroProcess();
  KroProcess(const KroProcess&) = delete;
  KroProcess& operator=(const KroProcess&) = delete;

  void Signal(int signal);

  // SIGKILL: nothing is finished, nothing is released.
  void Kill();

  // SIGTERM, then waits for the end; the exit status, or -1 if a signal ended it.
  int Stop();

  // Waits for the end; the exit status, or -1 if a signal ended it.
  int Wait();

  bool IsRunning();

  // Resident memory in bytes; 0 if it does not run.
  std::uint64_t ResidentBytes() const;

  // CPU time of its threads so far, in user and kernel mode.
  std::chrono::duration<double> CpuTime() const;

  // What it has printed.
  std::string Log() const;

  // Where `controller` serves "metrics" or the "health probe", once it has said so; 0 if it ends before.
  std::uint16_t WaitForPort(std::string_view name);

 private:
  std::string log_;
  std::size_t begin_;  // of its lines in the log
  pid_t pid_ = -1;
};

// `kro controller` for the cluster of a kubeconfig, without probes and metrics.
class ControllerProcess : public KroProcess {
 public:
  ControllerProcess(const std::string& kubeconfig, std::string log,
                    std::vector<std::string> flags = {});
};

}  // namespace kro::e2e
