#include "kube/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::kube {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kFirst = R"(
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c
  cluster: {server: "https://first:6443/prefix/", certificate-authority: ca.pem}
users:
- name: u
  user: {tokenFile: secrets/token}
contexts:
- name: one
  context: {cluster: c, user: u}
)";

constexpr std::string_view kSecond = R"(
current-context: two
clusters:
- name: c
  cluster: {server: "https://second", tls-server-name: other}
- name: d
  cluster: {server: "plain:8080"}
users:
- name: v
  user: {token: secret}
contexts:
- name: two
  context: {cluster: d, user: v, namespace: prod}
)";

// A machine with these variables and files.
struct Machine {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
  Environment Get() const {
    Environment environment;
    environment.home = "/home/me";
    environment.variable = [this](const std::string& name) -> std::optional<std::string> {
      auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    environment.read_file = [this](const std::string& path) -> Result<std::string> {
      auto found = files.find(path);
      if (found == files.end()) return Fail(ErrorCode::kNotFound, "open {}: no such file", path);
      return found->second;
    };
    return environment;
  }
  Result<ClientConfig> Load(LoadOptions options = {}) const { return LoadConfig(options, Get()); }
};

Machine TwoFiles() {
  Machine machine;
  machine.variables["KUBECONFIG"] = "/a/config::/missing:/b/config";
  machine.files = {{"/a/config", std::string(kFirst)},
                   {"/b/config", std::string(kSecond)},
                   {"/a/ca.pem", "pem"}};
  return machine;
}

TEST(Kubeconfig, TheFirstFileWinsByWholeEntry) {
  auto config = TwoFiles().Load();
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->server, "https://first:6443");
  EXPECT_EQ(config->path_prefix, "/prefix");
  EXPECT_EQ(config->tls.server_name, "");
  EXPECT_EQ(config->name_space, "default");
}

TEST(Kubeconfig, RelativePathsBelongToTheirFile) {
  auto config = TwoFiles().Load();
  ASSERT_TRUE(config);
  EXPECT_EQ(config->tls.ca.file, "/a/ca.pem");
  EXPECT_EQ(config->token_file, "/a/secrets/token");
}

TEST(Kubeconfig, AContextCanBeChosen) {
  auto config = TwoFiles().Load({.context = "two"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server, "http://plain:8080");
  EXPECT_EQ(config->name_space, "prod");
  EXPECT_EQ(config->token, "secret");
}

TEST(Kubeconfig, ABrokenFileFailsWithItsPath) {
  Machine machine = TwoFiles();
  machine.files["/b/config"] = "clusters: [";
  EXPECT_THAT(machine.Load().error().message(), HasSubstr("\"/b/config\""));
}

TEST(Kubeconfig, SaysEverythingThatIsWrong) {
  struct Case {
    std::string cluster;
    std::string user;
    std::string message;
  };
  const Case kCases[] = {
      {"{}", "{}", "no server found for cluster \"c\""},
      {"{server: '//x'}", "{}", "server \"//x\" of cluster \"c\" must be a URL or HOST:PORT"},
      {"{server: 'https://'}", "{}", "must be a URL or HOST:PORT"},
      {"{server: x, insecure-skip-tls-verify: true, certificate-authority-data: YQ==}", "{}",
       "specifying a root certificates file with the insecure flag is not allowed"},
      {"{server: x, certificate-authority: /none}", "{}",
       "unable to read certificate-authority /none"},
      {"{server: x, proxy-url: 'ftp://y'}", "{}", "invalid proxy-url"},
      {"{server: x}", "{client-certificate-data: YQ==}", "client-key must be specified"},
      {"{server: x}", "{token: a, username: b}", "more than one authentication method"},
      {"{server: x}", "{auth-provider: {name: gcp}}", "no Auth Provider found for name \"gcp\""},
      {"{server: x}", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: p}}",
       "interactiveMode must be specified"},
      {"{server: x}", "{exec: {command: p}}", "apiVersion must be specified"},
      {"{server: x}", "{as-groups: [g]}", "without impersonating a user"},
  };
  for (const Case& c : kCases) {
    auto parsed = Kubeconfig::Parse(
        fmt::format("current-context: x\nclusters: [{{name: c, cluster: {}}}]\nusers: [{{name: u, "
                    "user: {}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n",
                    c.cluster, c.user),
        "/config");
    ASSERT_TRUE(parsed) << parsed.error().message();
    auto config = parsed->Resolve("", Machine().Get());
    ASSERT_FALSE(config) << c.message;
    EXPECT_THAT(config.error().message(), HasSubstr(c.message));
  }
}

TEST(Kubeconfig, NamesAContextThatDoesNotExist) {
  EXPECT_THAT(TwoFiles().Load({.context = "three"}).error().message(),
              HasSubstr("context \"three\" does not exist"));
}

TEST(InCluster, NeedsItsVariables) {
  EXPECT_EQ(InClusterConfig(Machine().Get()).error().message(),
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
            "KUBERNETES_SERVICE_PORT must be defined");
}

TEST(InCluster, PutsAnIpv6HostInBrackets) {
  Machine machine;
  machine.variables = {{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  std::string at = "/var/run/secrets/kubernetes.io/serviceaccount/";
  machine.files = {{at + "token", "t\n"}, {at + "ca.crt", "pem"}, {at + "namespace", "kro-system"}};
  auto config = machine.Load();
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->token, "t");
  EXPECT_EQ(config->name_space, "kro-system");
}

}  // namespace
}  // namespace kro::kube
