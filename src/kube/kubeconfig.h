// Where the API server is and who we are: kubeconfig files, in-cluster files, and what they come to
// (spec kube-client sections 1 to 3).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::kube {

// PEM text, or the file that holds it and may be replaced at any time. Text has priority.
struct PemSource {
  std::string data;
  std::string file;

  bool empty() const { return data.empty() && file.empty(); }
  friend bool operator==(const PemSource&, const PemSource&) = default;
};

struct TlsConfig {
  std::string server_name;  // for SNI and verification instead of the host
  bool insecure = false;    // no verification; excludes `ca`
  PemSource ca;             // the only trust root; empty: the system's
  PemSource certificate;
  PemSource key;

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

struct Impersonation {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> extra;

  bool empty() const { return user.empty() && uid.empty() && groups.empty() && extra.empty(); }
  friend bool operator==(const Impersonation&, const Impersonation&) = default;
};

// A credential plugin (section 5).
struct ExecConfig {
  enum class Interactive { kNever, kIfAvailable, kAlways };

  std::string api_version;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  bool provide_cluster_info = false;
  Interactive interactive = Interactive::kIfAvailable;
  json::Value cluster_extension;  // "client.authentication.k8s.io/exec" of the cluster, or null

  friend bool operator==(const ExecConfig&, const ExecConfig&) = default;
};

// Everything needed to talk to one server as one user.
struct ClientConfig {
  std::string server;       // "https://10.0.0.1:6443", without trailing slash
  std::string path_prefix;  // "/k8s/clusters/c-1" or empty
  TlsConfig tls;
  std::string token;
  std::string token_file;
  std::string username;
  std::string password;
  Impersonation impersonation;
  std::optional<ExecConfig> exec;
  std::string proxy_url;  // empty: from the environment
  bool disable_compression = false;
  std::string name_space = "default";

  bool IsHttps() const { return server.starts_with("https://"); }
};

// The outside world as configuration sees it; a test gives its own.
struct Environment {
  // nullptr if unset.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // kNotFound if there is no such file.
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::string home;

  static Environment OfProcess();
};

struct Kubeconfig {
  struct Cluster {
    std::string server;
    TlsConfig tls;
    std::string proxy_url;
    bool disable_compression = false;
    json::Value exec_extension;
  };
  struct User {
    PemSource certificate;
    PemSource key;
    std::string token;
    std::string token_file;
    std::string username;
    std::string password;
    Impersonation impersonation;
    std::optional<ExecConfig> exec;
    std::string auth_provider;          // its name; refused when used
    std::vector<std::string> problems;  // of `exec`, reported when the user is selected
  };
  struct Context {
    std::string cluster;
    std::string user;
    std::string name_space;
  };

  std::string current_context;
  std::map<std::string, Cluster> clusters;
  std::map<std::string, User> users;
  std::map<std::string, Context> contexts;

  bool empty() const { return clusters.empty() && users.empty() && contexts.empty(); }

  // Reads one file's text. Relative paths in it are resolved against the directory of `path`; unknown
  // fields are ignored. kInvalid names the path and the place.
  static Result<Kubeconfig> Parse(std::string_view text, const std::string& path);

  // Adds the entries of `later` that are not here yet: whole entries, never single fields.
  void MergeFrom(Kubeconfig later);

  // What one context comes to; an empty name means current_context. Everything wrong with it is
  // reported together. Reads certificate, key and CA files to see that they can be read.
  Result<ClientConfig> Resolve(std::string_view context, const Environment& environment) const;
};

struct LoadOptions {
  std::string kubeconfig;  // --kubeconfig: exactly this file
  std::string context;
};

// In this order: the given file, the files of $KUBECONFIG merged, the pod's service account,
// ~/.kube/config.
Result<ClientConfig> LoadConfig(const LoadOptions& options, const Environment& environment);

// The service account of the pod we run in.
Result<ClientConfig> InClusterConfig(const Environment& environment);

}  // namespace kro::kube
