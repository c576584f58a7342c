#include "kube/kubeconfig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/base64.h"
#include "json/yaml.h"

namespace kro::kube {
namespace {

constexpr std::string_view kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

// Reads fields of one file's entries; remembers the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const std::string& path);

  std::string Text(const json::Value& parent, std::string_view key);
  bool Flag(const json::Value& parent, std::string_view key);
  std::string Path(const json::Value& parent, std::string_view key);
  PemSource Pem(const json::Value& parent, std::string_view key);
  std::vector<std::string> Texts(const json::Value& parent, std::string_view key);

  Kubeconfig::Cluster Cluster(const json::Value& value);
  Kubeconfig::User User(const json::Value& value);
  void Exec(const json::Value& value, Kubeconfig::User& user);
  std::string Resolve(std::string path) const;

  std::optional<Error> failure;

 private:
  void Complain(std::string_view key, std::string_view expected, const json::Value& found);

  std::string directory_;
};

Result<Kubeconfig> ReadFile(const std::string& path, const Environment& environment);
void CheckUser(const Kubeconfig::User& user, std::string_view name, const Environment& environment,
               std::vector<std::string>& problems);
void CheckPem(const PemSource& source, std::string_view what, std::string_view owner,
              const Environment& environment, std::vector<std::string>& problems);
bool ProxyIsValid(std::string_view url);
void SplitServer(const Kubeconfig::Cluster& cluster, ClientConfig& config);
std::string Trim(std::string_view text);
template <typename Member, typename Read>
void ReadNamed(const json::Value& root, std::string_view list, std::string_view field,
               std::map<std::string, Member>& into, Read read);

}  // namespace

Environment Environment::OfProcess() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
  environment.read_file = [](const std::string& path) -> Result<std::string> {
    std::ifstream file(path, std::ios::binary);
    if (!file) return Fail(ErrorCode::kNotFound, "open {}: no such file or not readable", path);
    std::ostringstream content;
    content << file.rdbuf();
    if (file.bad()) return Fail(ErrorCode::kUnavailable, "read {}", path);
    return content.str();
  };
  environment.home = environment.variable("HOME").value_or("/root");
  return environment;
}

Result<Kubeconfig> Kubeconfig::Parse(std::string_view text, const std::string& path) {
  Kubeconfig config;
  auto documents = json::ParseYaml(text, path);
  if (!documents) {
    return Fail(ErrorCode::kInvalid, "error loading config file \"{}\": {}", path,
                documents.error().empty() ? "not YAML" : Render(documents.error().front()));
  }
  if (documents->empty()) return config;
  const json::Value& root = documents->front().value;
  if (!root.is_object()) {
    return Fail(ErrorCode::kInvalid, "error loading config file \"{}\": expected object, found {}",
                path, json::TypeName(root));
  }
  if (std::string_view kind = json::FindString(root, {"kind"}); !kind.empty() && kind != "Config") {
    return Fail(ErrorCode::kInvalid, "error loading config file \"{}\": kind is '{}', not 'Config'",
                path, kind);
  }
  Reader reader(path);
  config.current_context = reader.Text(root, "current-context");
  ReadNamed(root, "clusters", "cluster", config.clusters,
            [&](const json::Value& value) { return reader.Cluster(value); });
  ReadNamed(root, "users", "user", config.users,
            [&](const json::Value& value) { return reader.User(value); });
  ReadNamed(root, "contexts", "context", config.contexts, [&](const json::Value& value) {
    return Context{reader.Text(value, "cluster"), reader.Text(value, "user"),
                   reader.Text(value, "namespace")};
  });
  if (reader.failure) return Annotate(*reader.failure, "error loading config file \"{}\"", path);
  return config;
}

void Kubeconfig::MergeFrom(Kubeconfig later) {
  if (current_context.empty()) current_context = std::move(later.current_context);
  clusters.merge(later.clusters);
  users.merge(later.users);
  contexts.merge(later.contexts);
}

Result<ClientConfig> Kubeconfig::Resolve(std::string_view context,
                                         const Environment& environment) const {
  if (empty()) {
    return Fail(ErrorCode::kInvalid, "invalid configuration: no configuration has been provided");
  }
  std::string name(context.empty() ? current_context : context);
  auto chosen = contexts.find(name);
  if (chosen == contexts.end()) {
    return Fail(ErrorCode::kInvalid, "invalid configuration: context \"{}\" does not exist", name);
  }
  std::vector<std::string> problems;
  auto cluster = clusters.find(chosen->second.cluster);
  auto user = users.find(chosen->second.user);
  if (cluster == clusters.end()) {
    problems.push_back(fmt::format("cluster \"{}\" was not found for context \"{}\"",
                                   chosen->second.cluster, name));
  }
  if (user == users.end() && !chosen->second.user.empty()) {
    problems.push_back(
        fmt::format("user \"{}\" was not found for context \"{}\"", chosen->second.user, name));
  }
  ClientConfig config;
  if (cluster != clusters.end()) {
    const Cluster& c = cluster->second;
    SplitServer(c, config);
    if (c.server.empty()) {
      problems.push_back(fmt::format("no server found for cluster \"{}\"", cluster->first));
    } else if (config.server.ends_with("://")) {
      problems.push_back(fmt::format("server \"{}\" of cluster \"{}\" must be a URL or HOST:PORT",
                                     c.server, cluster->first));
    }
    if (c.tls.insecure && !c.tls.ca.empty()) {
      problems.push_back(
          "specifying a root certificates file with the insecure flag is not allowed");
    }
    CheckPem(c.tls.ca, "certificate-authority", cluster->first, environment, problems);
    if (!c.proxy_url.empty() && !ProxyIsValid(c.proxy_url)) {
      problems.push_back(
          fmt::format("invalid proxy-url \"{}\" for cluster \"{}\": scheme must be "
                      "http, https or socks5",
                      c.proxy_url, cluster->first));
    }
    config.tls = c.tls;
    config.proxy_url = c.proxy_url;
    config.disable_compression = c.disable_compression;
  }
  if (user != users.end()) {
    const User& u = user->second;
    CheckUser(u, user->first, environment, problems);
    config.tls.certificate = u.certificate;
    config.tls.key = u.key;
    config.token = u.token;
    config.token_file = u.token_file;
    config.username = u.username;
    config.password = u.password;
    config.impersonation = u.impersonation;
    config.exec = u.exec;
    if (config.exec && cluster != clusters.end()) {
      config.exec->cluster_extension = cluster->second.exec_extension;
    }
  }
  if (!problems.empty()) {
    return Fail(ErrorCode::kInvalid, "invalid configuration: {}", fmt::join(problems, "; "));
  }
  if (!chosen->second.name_space.empty()) {
    config.name_space = chosen->second.name_space;
  } else if (auto pod = environment.read_file(std::string(kServiceAccount) + "namespace")) {
    if (std::string trimmed = Trim(*pod); !trimmed.empty()) config.name_space = trimmed;
  }
  return config;
}

Result<ClientConfig> LoadConfig(const LoadOptions& options, const Environment& environment) {
  if (!options.kubeconfig.empty()) {
    auto config = ReadFile(options.kubeconfig, environment);
    if (!config) return std::unexpected(config.error());
    return config->Resolve(options.context, environment);
  }
  if (auto list = environment.variable("KUBECONFIG"); list && !list->empty()) {
    Kubeconfig merged;
    std::vector<std::string> problems;
    std::set<std::string> seen;
    std::istringstream paths(*list);
    for (std::string path; std::getline(paths, path, ':');) {
      if (path.empty() || !seen.insert(path).second) continue;
      auto config = ReadFile(path, environment);
      if (config) {
        merged.MergeFrom(std::move(*config));
      } else if (config.error().code() != ErrorCode::kNotFound) {
        problems.push_back(config.error().message());
      }
    }
    if (!problems.empty()) return Fail(ErrorCode::kInvalid, "{}", fmt::join(problems, "; "));
    return merged.Resolve(options.context, environment);
  }
  auto in_cluster = InClusterConfig(environment);
  if (in_cluster) return in_cluster;
  auto config = ReadFile(environment.home + "/.kube/config", environment);
  if (!config) {
    return Annotate(in_cluster, "no configuration: {}", config.error().message());
  }
  return config->Resolve(options.context, environment);
}

Result<ClientConfig> InClusterConfig(const Environment& environment) {
  auto host = environment.variable("KUBERNETES_SERVICE_HOST");
  auto port = environment.variable("KUBERNETES_SERVICE_PORT");
  if (!host || host->empty() || !port || port->empty()) {
    return Fail(ErrorCode::kNotFound,
                "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
                "KUBERNETES_SERVICE_PORT must be defined");
  }
  ClientConfig config;
  config.token_file = std::string(kServiceAccount) + "token";
  auto token = environment.read_file(config.token_file);
  if (!token) return Annotate(token, "in-cluster configuration");
  config.token = Trim(*token);
  bool ipv6 = host->find(':') != std::string::npos;
  config.server = ipv6 ? fmt::format("https://[{}]:{}", *host, *port)
                       : fmt::format("https://{}:{}", *host, *port);
  // Without it the system's roots apply; the handshake says so if they do not do.
  std::string ca = std::string(kServiceAccount) + "ca.crt";
  if (environment.read_file(ca)) config.tls.ca.file = ca;
  if (auto name_space = environment.read_file(std::string(kServiceAccount) + "namespace")) {
    if (std::string trimmed = Trim(*name_space); !trimmed.empty()) config.name_space = trimmed;
  }
  return config;
}

namespace {

Reader::Reader(const std::string& path) {
  std::size_t slash = path.rfind('/');
  directory_ = slash == std::string::npos ? "." : path.substr(0, slash);
}

void Reader::Complain(std::string_view key, std::string_view expected, const json::Value& found) {
  if (failure) return;
  failure = Error(ErrorCode::kInvalid,
                  fmt::format("{}: expected {}, found {}", key, expected, json::TypeName(found)));
}

std::string Reader::Text(const json::Value& parent, std::string_view key) {
  const json::Value* value = json::Find(parent, key);
  if (value == nullptr || value->is_null()) return {};
  if (value->is_string()) return std::string(std::string_view(value->get_string()));
  Complain(key, "string", *value);
  return {};
}

bool Reader::Flag(const json::Value& parent, std::string_view key) {
  const json::Value* value = json::Find(parent, key);
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  Complain(key, "boolean", *value);
  return false;
}

std::string Reader::Resolve(std::string path) const {
  if (path.empty() || path.front() == '/') return path;
  return directory_ + "/" + path;
}

std::string Reader::Path(const json::Value& parent, std::string_view key) {
  return Resolve(Text(parent, key));
}

PemSource Reader::Pem(const json::Value& parent, std::string_view key) {
  PemSource source{{}, Path(parent, key)};
  std::string field = std::string(key) + "-data";
  auto bytes =
      DecodeBase64(Text(parent, field), Base64Alphabet::kStandard, Base64Padding::kRequired);
  if (!bytes) {
    if (!failure) {
      failure = Fail(ErrorCode::kInvalid, "{}: illegal base64 data at input byte {}", field,
                     bytes.error())
                    .error();
    }
    return source;
  }
  source.data = std::move(*bytes);
  return source;
}

std::vector<std::string> Reader::Texts(const json::Value& parent, std::string_view key) {
  std::vector<std::string> texts;
  const json::Value* value = json::Find(parent, key);
  if (value == nullptr || value->is_null()) return texts;
  if (!value->is_array()) {
    Complain(key, "array", *value);
    return texts;
  }
  for (const json::Value& item : value->get_array()) {
    if (item.is_string()) {
      texts.emplace_back(item.get_string());
    } else {
      Complain(key, "strings", item);
    }
  }
  return texts;
}

Kubeconfig::Cluster Reader::Cluster(const json::Value& value) {
  Kubeconfig::Cluster cluster;
  cluster.server = Text(value, "server");
  cluster.tls.server_name = Text(value, "tls-server-name");
  cluster.tls.insecure = Flag(value, "insecure-skip-tls-verify");
  cluster.tls.ca = Pem(value, "certificate-authority");
  cluster.proxy_url = Text(value, "proxy-url");
  cluster.disable_compression = Flag(value, "disable-compression");
  const json::Value* extensions = json::Find(value, "extensions");
  if (extensions != nullptr && extensions->is_array()) {
    for (const json::Value& entry : extensions->get_array()) {
      if (json::FindString(entry, {"name"}) != "client.authentication.k8s.io/exec") continue;
      if (const json::Value* extension = json::Find(entry, "extension")) {
        cluster.exec_extension = *extension;
      }
    }
  }
  return cluster;
}

Kubeconfig::User Reader::User(const json::Value& value) {
  Kubeconfig::User user;
  user.certificate = Pem(value, "client-certificate");
  user.key = Pem(value, "client-key");
  user.token = Text(value, "token");
  user.token_file = Path(value, "tokenFile");
  user.username = Text(value, "username");
  user.password = Text(value, "password");
  user.impersonation.user = Text(value, "as");
  user.impersonation.uid = Text(value, "as-uid");
  user.impersonation.groups = Texts(value, "as-groups");
  if (const json::Value* extra = json::Find(value, "as-user-extra");
      extra != nullptr && extra->is_object()) {
    for (const auto& [key, values] : extra->get_object()) {
      user.impersonation.extra.emplace_back(std::string(key), Texts(*extra, key));
    }
  }
  if (const json::Value* provider = json::Find(value, "auth-provider");
      provider != nullptr && provider->is_object()) {
    user.auth_provider = Text(*provider, "name");
    if (user.auth_provider.empty()) user.auth_provider = "unnamed";
  }
  if (const json::Value* exec = json::Find(value, "exec"); exec != nullptr && exec->is_object()) {
    Exec(*exec, user);
  }
  return user;
}

void Reader::Exec(const json::Value& value, Kubeconfig::User& user) {
  ExecConfig exec;
  exec.api_version = Text(value, "apiVersion");
  exec.command = Text(value, "command");
  // A bare name goes through PATH, as a shell does it.
  if (exec.command.find('/') != std::string::npos) exec.command = Resolve(exec.command);
  exec.args = Texts(value, "args");
  exec.install_hint = Text(value, "installHint");
  exec.provide_cluster_info = Flag(value, "provideClusterInfo");
  if (const json::Value* env = json::Find(value, "env"); env != nullptr && env->is_array()) {
    for (const json::Value& entry : env->get_array()) {
      exec.env.emplace_back(Text(entry, "name"), Text(entry, "value"));
      if (exec.env.back().first.empty()) {
        user.problems.push_back(
            "env variable name must be specified to use exec authentication plugin");
      }
    }
  }
  if (exec.command.empty()) {
    user.problems.push_back("command must be specified to use exec authentication plugin");
  }
  if (exec.api_version.empty()) {
    user.problems.push_back("apiVersion must be specified to use exec authentication plugin");
  } else if (exec.api_version != "client.authentication.k8s.io/v1" &&
             exec.api_version != "client.authentication.k8s.io/v1beta1") {
    user.problems.push_back(
        fmt::format("exec plugin: invalid apiVersion \"{}\"", exec.api_version));
  }
  std::string mode = Text(value, "interactiveMode");
  if (mode == "Never") {
    exec.interactive = ExecConfig::Interactive::kNever;
  } else if (mode == "Always") {
    exec.interactive = ExecConfig::Interactive::kAlways;
  } else if (mode.empty() && exec.api_version == "client.authentication.k8s.io/v1") {
    user.problems.push_back("interactiveMode must be specified to use exec authentication plugin");
  } else if (!mode.empty() && mode != "IfAvailable") {
    user.problems.push_back(
        fmt::format("invalid interactiveMode \"{}\": must be Never, IfAvailable or Always", mode));
  }
  user.exec = std::move(exec);
}

Result<Kubeconfig> ReadFile(const std::string& path, const Environment& environment) {
  auto text = environment.read_file(path);
  if (!text) return Annotate(text, "kubeconfig {}", path);
  return Kubeconfig::Parse(*text, path);
}

void CheckUser(const Kubeconfig::User& user, std::string_view name, const Environment& environment,
               std::vector<std::string>& problems) {
  CheckPem(user.certificate, "client-certificate", name, environment, problems);
  CheckPem(user.key, "client-key", name, environment, problems);
  if (!user.certificate.empty() && user.key.empty()) {
    problems.push_back(fmt::format(
        "client-key must be specified for \"{}\" to use the clientCert authentication method",
        name));
  }
  if (user.certificate.empty() && !user.key.empty()) {
    problems.push_back(
        fmt::format("client-certificate must be specified for \"{}\" to use client-key", name));
  }
  bool token = !user.token.empty() || !user.token_file.empty();
  bool basic = !user.username.empty() || !user.password.empty();
  if (token && basic) {
    problems.push_back(
        fmt::format("more than one authentication method found for \"{}\"; found [token "
                    "basicAuth], only one is allowed",
                    name));
  }
  if (user.exec && !user.auth_provider.empty()) {
    problems.push_back(fmt::format(
        "authProvider cannot be provided in combination with an exec plugin for \"{}\"", name));
  } else if (!user.auth_provider.empty()) {
    problems.push_back(fmt::format(
        "no Auth Provider found for name \"{}\"; use an exec plugin instead", user.auth_provider));
  }
  for (const std::string& problem : user.problems) {
    problems.push_back(fmt::format("user \"{}\": {}", name, problem));
  }
  if (user.impersonation.user.empty() && !user.impersonation.empty()) {
    problems.push_back(fmt::format(
        "requesting uid, groups or user-extra for \"{}\" without impersonating a user", name));
  }
}

void CheckPem(const PemSource& source, std::string_view what, std::string_view owner,
              const Environment& environment, std::vector<std::string>& problems) {
  if (!source.data.empty() && !source.file.empty()) {
    problems.push_back(fmt::format("{0}-data and {0} are both specified for \"{1}\"", what, owner));
  }
  if (source.file.empty()) return;
  if (auto content = environment.read_file(source.file); !content) {
    problems.push_back(fmt::format("unable to read {} {} for \"{}\": {}", what, source.file, owner,
                                   content.error().message()));
  }
}

bool ProxyIsValid(std::string_view url) {
  for (std::string_view scheme : {"http://", "https://", "socks5://"}) {
    if (url.starts_with(scheme)) return url.size() > scheme.size();
  }
  return false;
}

void SplitServer(const Kubeconfig::Cluster& cluster, ClientConfig& config) {
  std::string server = cluster.server;
  if (server.find("://") == std::string::npos) {
    bool tls = !cluster.tls.ca.empty() || cluster.tls.insecure || !cluster.tls.server_name.empty();
    server = (tls ? "https://" : "http://") + server;
  }
  std::size_t path = server.find('/', server.find("://") + 3);
  config.server = server.substr(0, path);
  if (path != std::string::npos) config.path_prefix = server.substr(path);
  while (config.path_prefix.ends_with('/')) config.path_prefix.pop_back();
}

std::string Trim(std::string_view text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

template <typename Member, typename Read>
void ReadNamed(const json::Value& root, std::string_view list, std::string_view field,
               std::map<std::string, Member>& into, Read read) {
  const json::Value* entries = json::Find(root, list);
  if (entries == nullptr || !entries->is_array()) return;
  for (const json::Value& entry : entries->get_array()) {
    const json::Value* value = json::Find(entry, field);
    into.try_emplace(std::string(json::FindString(entry, {"name"})),
                     read(value != nullptr ? *value : json::Value(json::Object())));
  }
}

}  // namespace
}  // namespace kro::kube
