#include "e2e/controller_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace kro::e2e {

ControllerProcess::ControllerProcess(const std::string& kubeconfig, std::string log,
                                     std::vector<std::string> flags)
    : log_(std::move(log)) {
  const char* program = std::getenv("KRO_PROGRAM");
  std::vector<std::string> words{program != nullptr ? program : KRO_PROGRAM_FILE, "controller",
                                 "--kubeconfig=" + kubeconfig, "--metrics-bind-address=0",
                                 "--health-probe-bind-address=0"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  pid_ = ::fork();
  if (pid_ != 0) return;
  // In the child: only what is safe after a fork of a process with threads.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int file = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

ControllerProcess::~ControllerProcess() { Kill(); }

void ControllerProcess::Kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  Wait();
}

int ControllerProcess::Stop() {
  if (pid_ < 0) return -1;
  ::kill(pid_, SIGTERM);
  return Wait();
}

bool ControllerProcess::IsRunning() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

std::uint64_t ControllerProcess::ResidentBytes() const {
  if (pid_ < 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::chrono::duration<double> ControllerProcess::CpuTime() const {
  if (pid_ < 0) return {};
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string word;
  for (int field = 1; field < 14; ++field) file >> word;  // its name has no spaces
  double user = 0;
  double system = 0;
  file >> user >> system;
  return std::chrono::duration<double>((user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

std::string ControllerProcess::Log() const {
  std::ifstream file(log_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int ControllerProcess::Wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace kro::e2e
