#include "cli/controller_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "base/memory.h"
#include "cli/console_sink.h"
#include "cli/exit_code.h"
#include "cli/go_duration.h"
#include "cli/random.h"
#include "cli/read_file.h"
#include "cli/signals.h"
#include "cli/version.h"
#include "http/server.h"
#include "json/yaml.h"
#include "kube/connection.h"
#include "kube/kubeconfig.h"
#include "operator/endpoints.h"
#include "operator/serving_certificate.h"

namespace kro::cli {
namespace {

constexpr std::string_view kNamespaceFile =
    "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

std::string EnvironmentName(std::string_view flag);
// "--name=" as "--name" and an empty value; CLI11 would take the next argument for it.
std::vector<std::string> WithEmptyValues(std::vector<std::string> arguments);
Result<std::vector<GivenValue>> ReadConfigFile(const std::string& path,
                                               const EnvironmentValues& environment);
// What the command line and the environment set.
std::vector<GivenValue> GivenBy(const std::vector<std::string>& arguments,
                                const EnvironmentValues& environment);
Result<void> CheckValue(const GivenValue& given);
Result<LogLevel> ReadLogLevel(const ControllerFlags& flags);
// As strconv.ParseBool.
std::optional<bool> ParseGoBool(std::string_view text);
std::string_view Trim(std::string_view text);
// The parts between commas that are not empty.
std::set<std::string> SplitNames(std::string_view text);
Result<std::string> LeaseNamespace(const ControllerFlags& flags);
std::string NewIdentity();
// "127.0.0.1:6443" of "https://127.0.0.1:6443/path".
std::string HostOf(std::string_view url);

struct Servers {
  std::unique_ptr<http::Server> metrics;
  std::unique_ptr<operator_::ServingCertificate> certificate;  // of metrics; null: plain HTTP
  std::unique_ptr<http::Server> probes;
};
Result<Servers> Listen(async::RealExecutor& executor, const operator_::Operator& op,
                       const ControllerOptions& options);
async::Task<Result<void>> RunAll(async::RealExecutor& executor, operator_::Operator& op,
                                 Servers& servers, async::CancelToken stop);
ExitCode ExitCodeOf(const Error& error);

}  // namespace

void AddControllerFlags(CLI::App& command, ControllerFlags& f) {
  const auto add = [&](const std::string& name, auto& value, const std::string& help) {
    return command.add_option("--" + name, value, help)
        ->envname(EnvironmentName(name))
        ->capture_default_str()
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };
  const auto flag = [&](const std::string& name, bool& value, const std::string& help) {
    command.add_flag("--" + name, value, help)
        ->envname(EnvironmentName(name))
        ->capture_default_str()
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };

  command.add_option("--config", f.config, "YAML file with flag names as keys")->group("General");
  flag("print-config", f.print_config, "print the effective settings and exit");
  add("kubeconfig", f.kubeconfig, "kubeconfig file; a missing one is an error");
  add("context", f.context, "context of the kubeconfig; the current one by default");

  add("metrics-bind-address", f.metrics_bind_address, "address of /metrics; 0 turns it off");
  add("health-probe-bind-address", f.health_probe_bind_address,
      "address of /healthz and /readyz; 0 turns it off");
  add("metrics-cert-path", f.metrics_cert_path,
      "folder of the certificate with which /metrics is served over HTTPS; none: plain HTTP");
  add("metrics-cert-name", f.metrics_cert_name, "file of the certificate in that folder");
  add("metrics-cert-key", f.metrics_cert_key, "file of its key in that folder");
  add("pprof-bind-address", f.pprof_bind_address,
      "without effect: there is no pprof; --debug tells of queues, stores and graphs");
  flag("debug", f.debug, "answer /debug on the metrics address: queues, stores, graphs");

  flag("leader-elect", f.leader_elect, "work only while holding a lease");
  flag("enable-controller-warmup", f.enable_controller_warmup,
       "read definitions, revisions and CRDs while another leads");
  add("leader-election-namespace", f.leader_election_namespace,
      "namespace of the lease; that of the pod by default");
  add("leader-election-lease-duration", f.leader_election_lease_duration,
      "how long followers wait for a leader that is silent");
  add("leader-election-renew-deadline", f.leader_election_renew_deadline,
      "how long a leader tries to renew before it gives up");
  add("leader-election-retry-period", f.leader_election_retry_period, "pause between attempts");
  add("graceful-shutdown-timeout", f.graceful_shutdown_timeout,
      "how long a stop waits for work under way; negative: for ever");

  flag("install-crds", f.install_crds, "make the CRDs of kro itself, or bring them up to date");
  flag("allow-crd-deletion", f.allow_crd_deletion, "delete the generated CRD with its definition");
  add("resource-group-namespaces", f.resource_group_namespaces,
      "namespaces whose ResourceGroups are served, separated by commas; *: all, -: none. Whoever "
      "may write one acts with the rights of kro");
  add("resource-graph-definition-concurrent-reconciles", f.rgd_workers,
      "definitions worked on at once; 0: as many as is useful");
  add("graph-revision-concurrent-reconciles", f.revision_workers,
      "graph revisions worked on at once; 0: as many as is useful");
  add("dynamic-controller-concurrent-reconciles", f.instance_workers,
      "instances worked on at once; 0: as many as the API server bears");
  add("dynamic-controller-rate-limiter-min-delay", f.rate_limiter_min_delay,
      "first wait after a failure");
  add("dynamic-controller-rate-limiter-max-delay", f.rate_limiter_max_delay,
      "longest wait after failures");
  add("dynamic-controller-rate-limiter-rate-limit", f.rate_limiter_rate,
      "retries a second, of all instances of one kind");
  add("dynamic-controller-rate-limiter-burst-limit", f.rate_limiter_burst,
      "retries of one kind at once");
  add("instance-requeue-interval", f.instance_requeue_interval,
      "longest time between two looks at an instance that waits; 0: only events");
  add("dynamic-controller-default-resync-period", f.resync_period_seconds,
      "seconds between two comparisons of each watch with what the server lists; 0: none");
  add("dynamic-controller-default-queue-max-retries", f.queue_max_retries,
      "failures in a row after which an instance waits for an event; 0: it is tried for ever");
  add("client-qps", f.client_qps,
      "requests a second, without watches and the lease; 0: as many as the API server bears");
  add("client-burst", f.client_burst, "requests at once, where client-qps limits them");
  add("rgd-max-collection-size", f.max_collection_size,
      "largest number of items one collection may expand to");
  add("rgd-max-collection-dimension-size", f.max_dimensions,
      "largest number of forEach entries of one resource");
  add("rgd-max-graph-revisions", f.max_graph_revisions,
      "revisions kept of a definition; 0 or less: all");
  add("rgd-progress-requeue-delay", f.rgd_progress_requeue_delay,
      "longest time between two looks at a definition that waits");
  add("feature-gates", f.feature_gates,
      "Name=bool,...: InstanceConditionEvents, InstanceConditionMetrics, CELOmitFunction; AllAlpha "
      "and AllBeta for those that are not named");

  flag("zap-devel", f.zap_devel, "development logging: console, debug");
  add("zap-encoder", f.zap_encoder, "json or console");
  add("zap-log-level", f.zap_log_level, "debug, info, error, panic, or a number: the verbosity");
  add("zap-stacktrace-level", f.zap_stacktrace_level,
      "without effect: there are no stack traces; an error says what was being done at every "
      "level");
  add("zap-time-encoding", f.zap_time_encoding,
      "epoch, millis, nano, iso8601, rfc3339 or rfc3339nano; iso8601 by default");
}

Result<ControllerArguments> PrepareControllerArguments(std::vector<std::string> arguments,
                                                       const EnvironmentValues& environment) {
  std::string config;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    if (argument.size() > 2 && argument[0] == '-' &&
        std::isalpha(static_cast<unsigned char>(argument[1])) != 0) {
      argument.insert(0, "-");
    }
    if (argument.starts_with("--config=")) config = argument.substr(9);
    if (argument == "--config" && i + 1 < arguments.size()) config = arguments[i + 1];
  }
  ControllerArguments prepared{.arguments = {}, .given = GivenBy(arguments, environment)};
  if (!config.empty()) {
    auto from_file = ReadConfigFile(config, environment);
    if (!from_file) return Annotate(from_file, "{}", config);
    for (GivenValue& entry : *from_file) {
      prepared.arguments.push_back(fmt::format("--{}={}", entry.flag, entry.value));
      prepared.given.push_back(std::move(entry));
    }
  }
  prepared.arguments.insert(prepared.arguments.end(), arguments.begin(), arguments.end());
  prepared.arguments = WithEmptyValues(std::move(prepared.arguments));
  return prepared;
}

Result<void> CheckControllerValues(const std::vector<GivenValue>& given) {
  for (const GivenValue& value : given) {
    if (auto checked = CheckValue(value); !checked) return checked;
  }
  return {};
}

Result<ControllerOptions> ReadControllerFlags(const ControllerFlags& f) {
  ControllerOptions options;
  operator_::OperatorOptions& operation = options.operation;
  controller::Settings& settings = operation.settings;

  const struct {
    std::string_view name;
    const std::string& text;
    Duration& value;
  } durations[] = {
      {"leader-election-lease-duration", f.leader_election_lease_duration,
       operation.lease_duration},
      {"leader-election-renew-deadline", f.leader_election_renew_deadline,
       operation.renew_deadline},
      {"leader-election-retry-period", f.leader_election_retry_period, operation.retry_period},
      {"graceful-shutdown-timeout", f.graceful_shutdown_timeout,
       operation.graceful_shutdown_timeout},
      {"instance-requeue-interval", f.instance_requeue_interval,
       settings.instance_requeue_interval},
      {"rgd-progress-requeue-delay", f.rgd_progress_requeue_delay,
       settings.rgd_progress_requeue_delay},
      {"dynamic-controller-rate-limiter-min-delay", f.rate_limiter_min_delay,
       settings.retry_min_delay},
      {"dynamic-controller-rate-limiter-max-delay", f.rate_limiter_max_delay,
       settings.retry_max_delay},
  };
  for (const auto& duration : durations) {
    auto parsed = ParseGoDuration(duration.text);
    if (!parsed) {
      return Fail(ErrorCode::kInvalid, "--{}: {}; a duration is written as 500ms or 1m30s",
                  duration.name, parsed.error().message());
    }
    duration.value = *parsed;
  }
  const struct {
    std::string_view name;
    std::int64_t given;
    std::size_t& value;
  } sizes[] = {
      {"resource-graph-definition-concurrent-reconciles", f.rgd_workers, settings.rgd_workers},
      {"graph-revision-concurrent-reconciles", f.revision_workers, settings.revision_workers},
      {"dynamic-controller-concurrent-reconciles", f.instance_workers, settings.instance_workers},
      {"rgd-max-collection-size", f.max_collection_size, settings.max_collection_size},
      {"rgd-max-collection-dimension-size", f.max_dimensions, settings.max_dimensions},
  };
  for (const auto& size : sizes) {
    if (size.given < 0) {
      return Fail(ErrorCode::kInvalid, "--{}: {} must not be negative", size.name, size.given);
    }
    size.value = static_cast<std::size_t>(size.given);
  }
  if (f.queue_max_retries < 0 || f.queue_max_retries > 1'000'000) {
    return Fail(ErrorCode::kInvalid,
                "--dynamic-controller-default-queue-max-retries: {} must lie between 0 and 1000000",
                f.queue_max_retries);
  }
  if (f.resync_period_seconds < 0 || f.resync_period_seconds > 1'000'000'000) {
    return Fail(ErrorCode::kInvalid,
                "--dynamic-controller-default-resync-period: {} must lie between 0 and 1000000000",
                f.resync_period_seconds);
  }
  if (f.rate_limiter_rate < 0 || f.rate_limiter_burst < 0) {
    return Fail(ErrorCode::kInvalid, "--dynamic-controller-rate-limiter-*: must not be negative");
  }
  if (f.client_burst < 1) {
    return Fail(ErrorCode::kInvalid, "--client-burst: {} must be 1 at least", f.client_burst);
  }
  operation.client_qps = f.client_qps;
  operation.client_burst = static_cast<double>(f.client_burst);
  settings.version = kVersion;
  settings.queue_max_retries = static_cast<int>(f.queue_max_retries);
  settings.resync_period = std::chrono::seconds(f.resync_period_seconds);
  settings.retries_per_second = static_cast<double>(f.rate_limiter_rate);
  settings.retry_burst = static_cast<double>(f.rate_limiter_burst);
  settings.max_graph_revisions = f.max_graph_revisions;
  settings.allow_crd_deletion = f.allow_crd_deletion;
  settings.resource_group_namespaces = SplitNames(f.resource_group_namespaces);
  if (auto gates = ReadFeatureGates(f.feature_gates, settings); !gates) {
    return std::unexpected(std::move(gates.error()));
  }

  operation.warmup = f.enable_controller_warmup ? operator_::Warmup::kOn : operator_::Warmup::kOff;
  operation.crds =
      f.install_crds ? operator_::CrdInstallation::kInstall : operator_::CrdInstallation::kLeave;
  if (f.leader_elect) {
    operation.leader_election = operator_::LeaderElection::kOn;
    auto name_space = LeaseNamespace(f);
    if (!name_space) return std::unexpected(std::move(name_space.error()));
    operation.lease_namespace = std::move(*name_space);
  }
  operation.identity = NewIdentity();

  auto level = ReadLogLevel(f);
  if (!level) return std::unexpected(std::move(level.error()));
  options.log_level = *level;
  if (!f.zap_encoder.empty() && f.zap_encoder != "json" && f.zap_encoder != "console") {
    return Fail(ErrorCode::kInvalid, "--zap-encoder: '{}' is neither json nor console",
                f.zap_encoder);
  }
  const bool console = f.zap_encoder.empty() ? f.zap_devel : f.zap_encoder == "console";
  options.log_format = console ? LogFormat::kConsole : LogFormat::kJson;

  options.metrics_address = f.metrics_bind_address;
  options.probe_address = f.health_probe_bind_address;
  for (const std::string& address : {options.metrics_address, options.probe_address}) {
    if (auto parsed = ParseBindAddress(address); !parsed) {
      return std::unexpected(std::move(parsed.error()));
    }
  }
  options.kubeconfig = f.kubeconfig;
  options.context = f.context;
  options.debug = f.debug;
  if (!f.metrics_cert_path.empty()) {
    options.metrics_certificate = {.folder = f.metrics_cert_path,
                                   .certificate = f.metrics_cert_name,
                                   .key = f.metrics_cert_key};
  }
  if (f.pprof_bind_address != "0" && !f.pprof_bind_address.empty()) {
    options.warnings.emplace_back(
        "--pprof-bind-address does nothing: there is no pprof; --debug answers /debug on the "
        "metrics address");
  }
  if (!f.zap_stacktrace_level.empty()) {
    options.warnings.emplace_back(
        "--zap-stacktrace-level does nothing: there are no stack traces; an error says what was "
        "being done");
  }
  if (!f.zap_time_encoding.empty()) {
    options.log_time = ParseLogTime(f.zap_time_encoding);
    if (!options.log_time) {
      return Fail(ErrorCode::kInvalid, "--zap-time-encoding: '{}' is not known",
                  f.zap_time_encoding);
    }
  }
  options.print_config = f.print_config;
  return options;
}

Result<void> ReadFeatureGates(std::string_view text, controller::Settings& settings) {
  const std::pair<std::string_view, bool&> gates[] = {
      // all are alpha
      {"InstanceConditionEvents", settings.condition_events},
      {"InstanceConditionMetrics", settings.condition_metrics},
      {"CELOmitFunction", settings.omit_function},
  };
  std::map<std::string_view, bool> given;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view entry = Trim(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (entry.empty()) continue;
    const std::size_t equals = entry.find('=');
    const std::string_view name = Trim(entry.substr(0, equals));
    if (equals == std::string_view::npos) {
      return Fail(ErrorCode::kInvalid, "--feature-gates: missing bool value for {}", name);
    }
    const std::string_view value = Trim(entry.substr(equals + 1));
    const auto on = ParseGoBool(value);
    if (!on) {
      return Fail(ErrorCode::kInvalid, "--feature-gates: invalid value of {}={}", name, value);
    }
    const bool known = name == "AllAlpha" || name == "AllBeta" ||
                       std::ranges::any_of(gates, [&](const auto& g) { return g.first == name; });
    if (!known) {
      return Fail(ErrorCode::kInvalid, "--feature-gates: unrecognized feature gate: {}", name);
    }
    given[name] = *on;
  }
  for (const auto& [name, gate] : gates) {
    if (const auto all = given.find("AllAlpha"); all != given.end()) gate = all->second;
    if (const auto one = given.find(name); one != given.end()) gate = one->second;
  }
  return {};
}

Result<std::optional<BindAddress>> ParseBindAddress(std::string_view text) {
  if (text == "0") return std::optional<BindAddress>();
  const std::size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) port = -1;
  }
  if (port < 0 || port > 65535) {
    return Fail(ErrorCode::kInvalid, "'{}' is no address: expected HOST:PORT, :PORT or 0", text);
  }
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // As Go: no address, or the one of IPv4 that stands for all, means all of both families.
  if (host.empty() || host == "0.0.0.0") host = "::";
  if (host == "localhost") host = "127.0.0.1";
  return BindAddress{std::move(host), static_cast<std::uint16_t>(port)};
}

int RunController(const ControllerOptions& options) {
  if (options.print_config) {
    fmt::print("{}", ConfigText(options));
    return static_cast<int>(ExitCode::kOk);
  }
  ConsoleSink console(StderrSink());
  LogSink& sink =
      options.log_format == LogFormat::kConsole ? static_cast<LogSink&>(console) : StderrSink();
  std::optional<LogTimeSink> timed;
  if (options.log_time) timed.emplace(sink, *options.log_time);
  const Logger logger(timed ? static_cast<LogSink&>(*timed) : sink, options.log_level);
  const auto fail = [&](std::string_view what, const Error& error, ExitCode code = ExitCode::kNo) {
    logger.Error(what, {{"error", error.message()}});
    return static_cast<int>(code);
  };
  for (const std::string& warning : options.warnings) logger.Warning(warning);
  const controller::Settings& settings = options.operation.settings;
  logger.Info("feature gates", {{"InstanceConditionEvents", settings.condition_events},
                                {"InstanceConditionMetrics", settings.condition_metrics},
                                {"CELOmitFunction", settings.omit_function}});

  async::CancelSource stop;
  const Signals signals(stop, logger);
  PreferSmallHeap();
  async::RealExecutor executor;

  const kube::Environment environment = kube::Environment::OfProcess();
  auto config = kube::LoadConfig({options.kubeconfig, options.context}, environment);
  if (!config) return fail("unable to load the kubeconfig", config.error());
  auto connection = kube::Connection::Create(executor, *config, environment);
  if (!connection) return fail("unable to connect", connection.error());
  auto lease_connection = kube::Connection::Create(executor, *config, environment);
  if (!lease_connection) return fail("unable to connect", lease_connection.error());

  operator_::OperatorOptions operation = options.operation;
  operation.api_server = HostOf(config->server);
  operator_::Operator op(
      {executor, (*connection)->transport(), (*lease_connection)->transport(), logger, NewRandom()},
      std::move(operation));
  auto servers = Listen(executor, op, options);
  if (!servers) return fail("unable to listen", servers.error());
  // Where the address has port 0, only this tells which one it is.
  for (const auto& [name, server] : {std::pair{"metrics", servers->metrics.get()},
                                     std::pair{"health probe", servers->probes.get()}}) {
    if (server != nullptr) {
      logger.Info("starting server", {{"name", name}, {"port", std::int64_t{server->port()}}});
    }
  }
  auto ended = async::RunBlocking(executor, RunAll(executor, op, *servers, stop.token()));
  if (!ended && !stop.token().cancelled()) {
    return fail("stopped", ended.error(), ExitCodeOf(ended.error()));
  }
  if (!ended && ended.error().code() == ErrorCode::kExhausted) {
    return fail("stopped", ended.error());
  }
  return static_cast<int>(ExitCode::kOk);
}

namespace {

std::vector<std::string> WithEmptyValues(std::vector<std::string> arguments) {
  std::vector<std::string> expanded;
  for (std::string& argument : arguments) {
    const bool empty = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    if (empty) argument.pop_back();
    expanded.push_back(std::move(argument));
    if (empty) expanded.emplace_back();
  }
  return expanded;
}

// "--leader-elect" is read from KRO_LEADER_ELECT.
std::string EnvironmentName(std::string_view flag) {
  std::string name = "KRO_";
  for (const char c : flag) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

Result<std::vector<GivenValue>> ReadConfigFile(const std::string& path,
                                               const EnvironmentValues& environment) {
  auto text = ReadFile(path);
  if (!text) return std::unexpected(std::move(text.error()));
  auto document = json::ParseYamlDocument(*text, path);
  if (!document) return Fail(ErrorCode::kInvalid, "{}", Render(document.error().front()));
  if (!document->value.is_object()) return Fail(ErrorCode::kInvalid, "expected a map of flags");
  std::vector<GivenValue> entries;
  for (const auto& [name, value] : document->value.get_object()) {
    if (environment.contains(EnvironmentName(name))) continue;
    if (value.is_object() || value.is_array() || value.is_null()) {
      return Fail(ErrorCode::kInvalid, "'{}': expected a string, number or boolean",
                  std::string_view(name));
    }
    const std::string shown =
        value.is_string() ? std::string(value.get_string()) : json::Serialize(value);
    json::FieldPath at;
    at.Push(name);
    const Position place = document->map.Of(at);
    entries.push_back({.flag = name,
                       .value = shown,
                       .place = fmt::format("{}:{}:{}: {}", path, place.line, place.column,
                                            std::string_view(name))});
  }
  return entries;
}

std::vector<GivenValue> GivenBy(const std::vector<std::string>& arguments,
                                const EnvironmentValues& environment) {
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  std::vector<GivenValue> given;
  std::set<std::string, std::less<>> on_command_line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option == nullptr || !name.starts_with("--")) continue;
    on_command_line.insert(name);
    if (equals != std::string::npos) {
      given.push_back({name.substr(2), arguments[i].substr(equals + 1), name});
    } else if (option->get_items_expected_max() > 0 && i + 1 < arguments.size()) {
      given.push_back({name.substr(2), arguments[++i], name});
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    const auto set = environment.find(option->get_envname());
    const std::string name = option->get_name();
    if (set == environment.end() || on_command_line.contains(name)) continue;
    given.push_back({name.substr(2), set->second, set->first});
  }
  return given;
}

// Sets the one flag, as CLI11 does it, and reads what all of them mean.
Result<void> CheckValue(const GivenValue& given) {
  CLI::App app;
  ControllerFlags flags;
  AddControllerFlags(app, flags);
  CLI::Option* option = app.get_option_no_throw("--" + given.flag);
  if (option == nullptr) return {};  // told as an unknown flag
  try {
    option->add_result(given.value);
    option->run_callback();
  } catch (const CLI::Error&) {
    const std::string_view accepted = option->get_items_expected_max() == 0 ? "true or false"
                                      : option->get_type_name() == "FLOAT"  ? "a number"
                                                                            : "a whole number";
    return Fail(ErrorCode::kInvalid, "{}: '{}' is not {}", given.place, given.value, accepted);
  }
  flags.leader_elect = false;  // needs another
  const auto read = ReadControllerFlags(flags);
  if (read) return {};
  std::string fault = read.error().message();
  if (const std::string name = fmt::format("--{}: ", given.flag); fault.starts_with(name)) {
    fault.erase(0, name.size());
  }
  return Fail(ErrorCode::kInvalid, "{}: {}", given.place, fault);
}

std::set<std::string> SplitNames(std::string_view text) {
  std::set<std::string> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) names.emplace(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

Result<LogLevel> ReadLogLevel(const ControllerFlags& flags) {
  std::string text = flags.zap_log_level;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (text.empty()) return flags.zap_devel ? LogLevel::kDebug : LogLevel::kInfo;
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "error" || text == "panic") return LogLevel::kError;
  // A verbosity, of which zap's levels go to 127. 1 is debug, and there is nothing below it here.
  int verbosity = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), verbosity);
  if (error == std::errc() && end == text.data() + text.size() && verbosity > 0 &&
      verbosity <= 127) {
    return LogLevel::kDebug;
  }
  return Fail(ErrorCode::kInvalid,
              "--zap-log-level: '{}' is neither debug, info, error, panic nor a number from 1 to "
              "127",
              flags.zap_log_level);
}

std::optional<bool> ParseGoBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Result<std::string> LeaseNamespace(const ControllerFlags& flags) {
  if (!flags.leader_election_namespace.empty()) return flags.leader_election_namespace;
  auto text = ReadFile(std::string(kNamespaceFile));
  if (!text) {
    return Fail(ErrorCode::kInvalid,
                "unable to find leader election namespace: not running in-cluster, please specify "
                "LeaderElectionNamespace");
  }
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0) {
    text->pop_back();
  }
  return *text;
}

std::string NewIdentity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::random_device device;
  const auto word = [&] { return static_cast<unsigned>(device()); };
  return fmt::format("{}_{:08x}-{:04x}-4{:03x}-{:04x}-{:08x}{:04x}", host.data(), word(),
                     word() & 0xffffU, word() & 0xfffU, 0x8000U | (word() & 0x3fffU), word(),
                     word() & 0xffffU);
}

std::string HostOf(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
  }
  return std::string(url.substr(0, url.find('/')));
}

Result<Servers> Listen(async::RealExecutor& executor, const operator_::Operator& op,
                       const ControllerOptions& options) {
  Servers servers;
  const auto listen = [&](const std::string& text, std::optional<http::ServerTls> tls,
                          http::Handler handler) -> Result<std::unique_ptr<http::Server>> {
    auto address = ParseBindAddress(text);
    if (!address) return std::unexpected(std::move(address.error()));
    if (!*address) return nullptr;
    return http::Server::Listen(
        executor, {.address = (*address)->host, .port = (*address)->port, .tls = std::move(tls)},
        std::move(handler));
  };
  std::optional<http::ServerTls> tls;
  if (const auto& files = options.metrics_certificate) {
    const std::filesystem::path folder = files->folder;
    servers.certificate = std::make_unique<operator_::ServingCertificate>(
        folder / files->certificate, folder / files->key);
    auto read = servers.certificate->Read(executor.clock().Monotonic());
    if (!read) return Annotate(read, "metrics on {}", options.metrics_address);
    tls = std::move(*read);
  }
  auto metrics = listen(options.metrics_address, std::move(tls),
                        operator_::MetricsHandler(
                            op, options.debug ? operator_::Debug::kOn : operator_::Debug::kOff));
  if (!metrics) return Annotate(metrics, "metrics on {}", options.metrics_address);
  servers.metrics = std::move(*metrics);
  auto probes = listen(options.probe_address, std::nullopt, operator_::ProbeHandler(op));
  if (!probes) return Annotate(probes, "probes on {}", options.probe_address);
  servers.probes = std::move(*probes);
  return servers;
}

// Probes and metrics are answered until everything else has stopped.
async::Task<Result<void>> RunAll(async::RealExecutor& executor, operator_::Operator& op,
                                 Servers& servers, async::CancelToken stop) {
  async::Scope listening(executor);
  if (servers.metrics) listening.Spawn(servers.metrics->Run(listening.token()));
  if (servers.probes) listening.Spawn(servers.probes->Run(listening.token()));
  if (servers.metrics && servers.certificate) {
    listening.Spawn(servers.certificate->Follow(executor, *servers.metrics, op.logger(),
                                                operator_::ServingCertificate::kPeriod,
                                                listening.token()));
  }
  auto ended = co_await op.Run(std::move(stop));
  listening.Cancel();
  co_await listening.Join();
  co_return ended;
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalid:  // flags that do not fit together
      return ExitCode::kUsage;
    case ErrorCode::kInternal:
      return ExitCode::kInternal;
    default:
      return ExitCode::kNo;
  }
}

}  // namespace

std::string ConfigText(const ControllerOptions& options) {
  const auto& operation = options.operation;
  const auto& settings = operation.settings;
  std::string text;
  const auto add = [&](std::string_view name, const auto& value) {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::string>) {
      text += fmt::format("{}: \"{}\"\n", name, value);
    } else if constexpr (std::is_same_v<Value, Duration>) {
      text += fmt::format("{}: {}s\n", name, std::chrono::duration<double>(value).count());
    } else {
      text += fmt::format("{}: {}\n", name, value);
    }
  };
  add("kubeconfig", options.kubeconfig);
  add("context", options.context);
  add("metrics-bind-address", options.metrics_address);
  if (const auto& files = options.metrics_certificate) {
    add("metrics-cert-path", files->folder);
    add("metrics-cert-name", files->certificate);
    add("metrics-cert-key", files->key);
  }
  add("health-probe-bind-address", options.probe_address);
  add("debug", options.debug);
  add("leader-elect", operation.leader_election == operator_::LeaderElection::kOn);
  add("enable-controller-warmup", operation.warmup == operator_::Warmup::kOn);
  add("leader-election-namespace", operation.lease_namespace);
  add("leader-election-lease-duration", operation.lease_duration);
  add("leader-election-renew-deadline", operation.renew_deadline);
  add("leader-election-retry-period", operation.retry_period);
  add("graceful-shutdown-timeout", operation.graceful_shutdown_timeout);
  add("install-crds", operation.crds == operator_::CrdInstallation::kInstall);
  add("allow-crd-deletion", settings.allow_crd_deletion);
  add("resource-group-namespaces",
      fmt::format("{}", fmt::join(settings.resource_group_namespaces, ",")));
  add("resource-graph-definition-concurrent-reconciles", settings.rgd_workers);
  add("graph-revision-concurrent-reconciles", settings.revision_workers);
  add("dynamic-controller-concurrent-reconciles", settings.instance_workers);
  add("dynamic-controller-rate-limiter-min-delay", settings.retry_min_delay);
  add("dynamic-controller-rate-limiter-max-delay", settings.retry_max_delay);
  add("dynamic-controller-rate-limiter-rate-limit", settings.retries_per_second);
  add("dynamic-controller-rate-limiter-burst-limit", settings.retry_burst);
  add("instance-requeue-interval", settings.instance_requeue_interval);
  add("dynamic-controller-default-resync-period",
      std::chrono::duration_cast<std::chrono::seconds>(settings.resync_period).count());
  add("dynamic-controller-default-queue-max-retries", settings.queue_max_retries);
  add("client-qps", operation.client_qps);
  add("client-burst", operation.client_burst);
  add("rgd-max-collection-size", settings.max_collection_size);
  add("rgd-max-collection-dimension-size", settings.max_dimensions);
  add("rgd-max-graph-revisions", settings.max_graph_revisions);
  add("rgd-progress-requeue-delay", settings.rgd_progress_requeue_delay);
  add("feature-gates",
      fmt::format("InstanceConditionEvents={},InstanceConditionMetrics={},CELOmitFunction={}",
                  settings.condition_events, settings.condition_metrics, settings.omit_function));
  add("zap-encoder", std::string(options.log_format == LogFormat::kConsole ? "console" : "json"));
  add("zap-log-level", std::string(ToString(options.log_level)));
  if (options.log_time) add("zap-time-encoding", std::string(ToString(*options.log_time)));
  return text;
}

}  // namespace kro::cli
