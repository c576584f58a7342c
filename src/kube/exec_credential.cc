#include "kube/exec_credential.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "async/on_pool.h"
#include "base/base64.h"
#include "http/pem.h"
#include "json/value.h"

extern char** environ;

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

Result<WallTime> ParseTime(std::string_view text);
std::string Hinted(const ExecConfig& exec, const Error& error);

}  // namespace

std::string ExecInfo(const ClientConfig& config) {
  const ExecConfig& exec = *config.exec;
  json::Object spec;
  spec["interactive"] = false;
  if (exec.provide_cluster_info) {
    json::Object cluster;
    cluster["server"] = config.server + config.path_prefix;
    if (!config.tls.server_name.empty()) cluster["tls-server-name"] = config.tls.server_name;
    if (config.tls.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!config.tls.ca.data.empty()) {
      cluster["certificate-authority-data"] = EncodeBase64(config.tls.ca.data);
    }
    if (!config.proxy_url.empty()) cluster["proxy-url"] = config.proxy_url;
    if (config.disable_compression) cluster["disable-compression"] = true;
    cluster["config"] = exec.cluster_extension;
    spec["cluster"] = std::move(cluster);
  }
  json::Object info;
  info["kind"] = "ExecCredential";
  info["apiVersion"] = exec.api_version;
  info["spec"] = std::move(spec);
  return json::Serialize(info);
}

Result<ExecAnswer> ParseExecAnswer(std::string_view text, const ExecConfig& exec) {
  auto value = json::Parse(text);
  if (!value) {
    return Fail(ErrorCode::kInvalid, "decoding stdout: {}", value.error().message());
  }
  std::string_view version = json::FindString(*value, {"apiVersion"});
  if (version != exec.api_version) {
    return Fail(ErrorCode::kInvalid,
                "exec plugin is configured to use API version {}, plugin returned version {}",
                exec.api_version, version);
  }
  const json::Value* status = json::Find(*value, "status");
  if (status == nullptr || !status->is_object()) {
    return Fail(ErrorCode::kInvalid, "exec plugin didn't return a status field");
  }
  ExecAnswer answer;
  answer.token = json::FindString(*status, {"token"});
  answer.certificate = json::FindString(*status, {"clientCertificateData"});
  answer.key = json::FindString(*status, {"clientKeyData"});
  if (answer.certificate.empty() != answer.key.empty()) {
    return Fail(ErrorCode::kInvalid, "exec plugin returned only certificate or key, not both");
  }
  if (answer.token.empty() && answer.certificate.empty()) {
    return Fail(ErrorCode::kInvalid, "exec plugin didn't return a token or cert/key pair");
  }
  if (!answer.certificate.empty()) {
    auto pair = http::CheckKeyPair(answer.certificate, answer.key);
    if (!pair) {
      return Fail(ErrorCode::kInvalid, "failed parsing client key/certificate: {}",
                  pair.error().message());
    }
  }
  if (std::string_view expires = json::FindString(*status, {"expirationTimestamp"});
      !expires.empty()) {
    auto time = ParseTime(expires);
    if (!time) return Annotate(time, "decoding stdout");
    answer.expires = *time;
  }
  return answer;
}

Result<std::string> RunCommand(const Command& command) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kUnavailable, "exec: pipe: {}", std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);

  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view variable(*entry);
    bool replaced = false;
    for (const auto& [name, value] : command.env) {
      replaced = replaced || variable.starts_with(name + "=");
    }
    if (!replaced) environment.emplace_back(variable);
  }
  for (const auto& [name, value] : command.env) environment.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);
  std::vector<std::string> words{command.path};
  words.insert(words.end(), command.args.begin(), command.args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  pid_t child = 0;
  int failure =
      posix_spawnp(&child, command.path.c_str(), &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  close(pipes[1]);
  if (failure != 0) {
    close(pipes[0]);
    if (failure == ENOENT) {
      return Fail(ErrorCode::kUnavailable, "exec: executable {} not found", command.path);
    }
    return Fail(ErrorCode::kUnavailable, "exec: {}: {}", command.path, std::strerror(failure));
  }
  std::string output;
  char buffer[4096];
  while (true) {
    ssize_t count = read(pipes[0], buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    output.append(buffer, static_cast<std::size_t>(count));
  }
  close(pipes[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code != 0) {
    return Fail(ErrorCode::kUnavailable, "exec: executable {} failed with exit code {}",
                command.path, code);
  }
  return output;
}

ExecCredentials::ExecCredentials(async::Executor& executor, ClientConfig config, Runner runner)
    : executor_(executor),
      config_(std::move(config)),
      runner_(std::move(runner)),
      free_(executor, async::EventReset::kAuto) {
  free_.Set();
}

Task<Result<ExecAnswer>> ExecCredentials::Get(CancelToken cancel) {
  if (Valid()) co_return *answer_;
  const ExecConfig& exec = *config_.exec;
  if (exec.interactive == ExecConfig::Interactive::kAlways) {
    co_return Fail(ErrorCode::kInvalid,
                   "exec plugin cannot support interactive mode: a controller has no terminal");
  }
  if (auto mine = co_await free_.Wait(cancel); !mine) co_return std::unexpected(mine.error());
  // Somebody else may have asked while this one waited.
  if (Valid()) {
    free_.Set();
    co_return *answer_;
  }
  Command command{exec.command, exec.args, exec.env};
  command.env.emplace_back("KUBERNETES_EXEC_INFO", ExecInfo(config_));
  auto run = [this, command] { return runner_(command); };
  Result<std::string> output = co_await async::OnPool(executor_, run);
  Result<ExecAnswer> answer = output
                                  ? ParseExecAnswer(*output, exec)
                                  : Fail(output.error().code(), "{}", Hinted(exec, output.error()));
  if (answer) answer_ = *answer;
  free_.Set();
  co_return answer;
}

void ExecCredentials::Refused(const ExecAnswer& answer) {
  if (answer_ == answer) answer_.reset();
}

bool ExecCredentials::Valid() const {
  return answer_ && (!answer_->expires || executor_.clock().Now() < *answer_->expires);
}

namespace {

// RFC 3339, "2026-01-01T00:00:00Z"; a fraction is dropped.
Result<WallTime> ParseTime(std::string_view text) {
  auto number = [&](std::size_t at, std::size_t size) {
    int value = -1;
    if (at + size <= text.size()) std::from_chars(text.data() + at, text.data() + at + size, value);
    return value;
  };
  std::size_t zone = text.find_first_of("Zz+-", 19);
  if (text.size() < 20 || zone == std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "expirationTimestamp '{}' is no RFC 3339 time", text);
  }
  std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                  std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                  std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  int hour = number(11, 2);
  int minute = number(14, 2);
  int second = number(17, 2);
  std::chrono::minutes offset(0);
  if (text[zone] == '+' || text[zone] == '-') {
    offset = std::chrono::minutes(number(zone + 1, 2) * 60 + number(zone + 4, 2));
    if (text[zone] == '-') offset = -offset;
  }
  if (!day.ok() || hour < 0 || minute < 0 || second < 0) {
    return Fail(ErrorCode::kInvalid, "expirationTimestamp '{}' is no RFC 3339 time", text);
  }
  return WallTime(std::chrono::sys_days(day)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) - offset;
}

std::string Hinted(const ExecConfig& exec, const Error& error) {
  if (exec.install_hint.empty() || error.message().find("not found") == std::string::npos) {
    return error.message();
  }
  return error.message() + "\n\n" + exec.install_hint;
}

}  // namespace
}  // namespace kro::kube
