#include "e2e/kro_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

namespace kro::e2e {

namespace {

std::vector<std::string> ControllerArguments(const std::string& kubeconfig,
                                             std::vector<std::string> flags);

}  // namespace

KroProcess::KroProcess(std::vector<std::string> words, std::string log)
    : log_(std::move(log)), begin_(Log().size()) {
  const char* program = std::getenv("KRO_PROGRAM");
  words.insert(words.begin(), program != nullptr ? program : KRO_PROGRAM_FILE);
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

KroProcess::~KroProcess() { Kill(); }

void KroProcess::Signal(int signal) {
  if (pid_ >= 0) ::kill(pid_, signal);
}

void KroProcess::Kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  Wait();
}

int KroProcess::Stop() {
  if (pid_ < 0) return -1;
  ::kill(pid_, SIGTERM);
  return Wait();
}

bool KroProcess::IsRunning() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

std::uint64_t KroProcess::ResidentBytes() const {
  if (pid_ < 0) return 0;
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string KroProcess::Log() const {
  std::ifstream file(log_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::uint16_t KroProcess::WaitForPort(std::string_view name) {
  const std::string said = fmt::format(R"("msg":"starting server","name":"{}","port":)", name);
  while (true) {
    const bool runs = IsRunning();
    const std::string log = Log();
    if (const std::size_t found = log.find(said, begin_); found != std::string::npos) {
      return static_cast<std::uint16_t>(std::stoi(log.substr(found + said.size())));
    }
    if (!runs) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // another process decides when
  }
}

int KroProcess::Wait() {
  if (pid_ < 0) return -1;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::chrono::duration<double> KroProcess::CpuTime() const {
  if (pid_ < 0) return {};
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // Behind the name, which may hold anything: the third field is the first, utime and stime the 14th and
  // 15th (proc(5)).
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  double ticks = 0;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i >= 14) ticks += std::strtod(field.c_str(), nullptr);
  }
  return std::chrono::duration<double>(ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

ControllerProcess::ControllerProcess(const std::string& kubeconfig, std::string log,
                                     std::vector<std::string> flags)
    : KroProcess(ControllerArguments(kubeconfig, std::move(flags)), std::move(log)) {}

namespace {

std::vector<std::string> ControllerArguments(const std::string& kubeconfig,
                                             std::vector<std::string> flags) {
  std::vector<std::string> arguments{"controller", "--kubeconfig=" + kubeconfig,
                                     "--metrics-bind-address=0", "--health-probe-bind-address=0"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

}  // namespace
}  // namespace kro::e2e
