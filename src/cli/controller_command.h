// `kro controller`: runs the operator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/log_time.h"
#include "operator/operator.h"

namespace CLI {
class App;
}

namespace kro::cli {

enum class LogFormat { kJson, kConsole };

// Files in PEM, which may be replaced at any time.
struct CertificateFiles {
  std::string folder;
  std::string certificate;  // names in the folder
  std::string key;
};

// What the flags say. Names and meanings are upstream's (controllers spec section 4.1).
struct ControllerOptions {
  operator_::OperatorOptions operation;
  std::string kubeconfig;
  std::string context;
  std::string metrics_address = ":8078";
  std::optional<CertificateFiles>
      metrics_certificate;  // without one metrics are served as plain HTTP
  std::string probe_address = ":8079";
  bool debug = false;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kJson;
  std::optional<LogTime> log_time;
  bool print_config = false;
  std::vector<std::string> warnings;  // of flags that are taken and do nothing
};

// The flags as text, before they mean anything: what CLI11 fills.
struct ControllerFlags {
  std::string config;
  bool print_config = false;
  std::string kubeconfig;
  std::string context;

  std::string metrics_bind_address = ":8078";
  std::string health_probe_bind_address = ":8079";
  std::string metrics_cert_path;
  std::string metrics_cert_name = "tls.crt";
  std::string metrics_cert_key = "tls.key";
  std::string pprof_bind_address = "0";
  bool debug = false;

  bool leader_elect = false;
  bool enable_controller_warmup = false;
  std::string leader_election_namespace;
  std::string leader_election_lease_duration = "15s";
  std::string leader_election_renew_deadline = "10s";
  std::string leader_election_retry_period = "2s";
  std::string graceful_shutdown_timeout = "60s";

  bool install_crds = true;
  bool allow_crd_deletion = false;
  std::string resource_group_namespaces = "*";
  std::int64_t rgd_workers = 0;
  std::int64_t revision_workers = 0;
  std::int64_t instance_workers = 0;
  std::string rate_limiter_min_delay = "200ms";
  std::string rate_limiter_max_delay = "1000s";
  std::int64_t rate_limiter_rate = 10;
  std::int64_t rate_limiter_burst = 100;
  std::string instance_requeue_interval = "3s";
  std::int64_t resync_period_seconds = 36000;
  std::int64_t queue_max_retries = 0;
  double client_qps = 0;
  std::int64_t client_burst = 150;
  std::int64_t max_collection_size = 1000;
  std::int64_t max_dimensions = 10;
  std::int64_t max_graph_revisions = 5;
  std::string rgd_progress_requeue_delay = "3s";
  std::string feature_gates;

  bool zap_devel = false;
  std::string zap_encoder;
  std::string zap_log_level;
  std::string zap_stacktrace_level;
  std::string zap_time_encoding;
};

// Adds the flags to the sub-command; each is also read from KRO_<NAME> in the environment.
void AddControllerFlags(CLI::App& command, ControllerFlags& flags);

// By name.
using EnvironmentValues = std::map<std::string, std::string, std::less<>>;

// What somebody set, and where: "--leader-elect", "KRO_LEADER_ELECT", "kro.yaml:3:15: leader-elect".
struct GivenValue {
  std::string flag;
  std::string value;
  std::string place;
};

struct ControllerArguments {
  std::vector<std::string> arguments;  // as CLI11 takes them
  std::vector<GivenValue> given;       // besides flags without a value
};

// Upstream takes one dash or two before a long name: `-leader-elect` becomes `--leader-elect`. The
// entries of a configuration file (`--config FILE`, a YAML map of flag names) are put in front of what
// the command line says; what the environment sets is left out. `arguments` begin after "controller".
Result<ControllerArguments> PrepareControllerArguments(std::vector<std::string> arguments,
                                                       const EnvironmentValues& environment);

// kInvalid: the place, the value, and what would be accepted, of the first that cannot be converted. CLI11 would say
// less, and nothing of places.
Result<void> CheckControllerValues(const std::vector<GivenValue>& given);

// What the flags mean; kInvalid names the flag.
Result<ControllerOptions> ReadControllerFlags(const ControllerFlags& flags);

// "Name=bool,…", with Go's words for a bool. What names a gate counts more than AllAlpha and AllBeta, wherever
// it stands. kInvalid: `unrecognized feature gate: Foo`.
Result<void> ReadFeatureGates(std::string_view text, controller::Settings& settings);

// ":8078" or "127.0.0.1:8078"; nullopt for "0", which means off. No host is "::", every address.
struct BindAddress {
  std::string host;
  std::uint16_t port = 0;
};
Result<std::optional<BindAddress>> ParseBindAddress(std::string_view text);

// What the flags came to, as a configuration file.
std::string ConfigText(const ControllerOptions& options);

// Runs until SIGTERM or SIGINT; gives the exit status. A second signal ends the process at once.
int RunController(const ControllerOptions& options);

}  // namespace kro::cli
