// kubectl, unmodified, against the embedded API server over loopback HTTP.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apiserver/http_front.h"
#include "apiserver/local_transport.h"
#include "async/run_blocking.h"

namespace kro::differential {
namespace {

using testing::HasSubstr;

struct Output {
  int exit_code;
  std::string text;
};

class Kubectl : public testing::Test {
 protected:
  Kubectl() {
    scope_.Spawn(front_->Run(scope_.token()));
    folder_ = std::filesystem::temp_directory_path() / fmt::format("kro-kubectl-{}", getpid());
    std::filesystem::create_directories(folder_);
    Write("config", fmt::format("apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                                "clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{}'}}}}]\n"
                                "contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
                                "users: [{{name: u, user: {{}}}}]\n",
                                front_->port()));
  }
  ~Kubectl() override {
    scope_.Cancel();
    async::RunBlocking(executor_, scope_.Join());
    std::filesystem::remove_all(folder_);
  }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
  }

  // Runs kubectl in the folder; output and errors together.
  Output Run(std::string_view arguments) {
    std::string command = fmt::format(
        "cd {} && HOME={} KUBE_EDITOR='sed -i s/blue/green/' KUBECONFIG={}/config "
        "{}/scripts/devcluster kubectl {} 2>&1",
        folder_.string(), folder_.string(), folder_.string(), KRO_SOURCE_DIR, arguments);
    Output output{-1, ""};
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return output;
    std::array<char, 4096> buffer;
    while (std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.text.append(buffer.data(), count);
    }
    output.exit_code = WEXITSTATUS(pclose(pipe));
    return output;
  }

  void Expect(std::string_view arguments, std::string_view holds) {
    Output output = Run(arguments);
    EXPECT_EQ(output.exit_code, 0) << "kubectl " << arguments << "\n" << output.text;
    EXPECT_THAT(output.text, HasSubstr(std::string(holds))) << "kubectl " << arguments;
  }

  async::RealExecutor executor_{1};
  apiserver::Server server_{executor_.clock(), apiserver::IdSource(1), {}};
  apiserver::LocalTransport transport_{server_, executor_};
  std::unique_ptr<http::Server> front_ =
      *http::Server::Listen(executor_, {}, apiserver::MakeFront(server_, executor_));
  async::Scope scope_{executor_};
  std::filesystem::path folder_;
};

TEST_F(Kubectl, WorksAsOnACluster) {
  Write("deployment.yaml", R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
)");
  Write("definition.yaml", R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {color: {type: string, description: how it looks}}
)");
  Write("widget.yaml", R"(
apiVersion: ex.io/v1
kind: Widget
metadata: {name: w}
spec: {color: red}
)");
  Expect("version", "Server Version: v1.36");
  Expect("get namespaces", "kube-system");
  Expect("api-resources", "deployments");
  // Typed clients send these in protobuf.
  Expect("create namespace x", "namespace/x created");
  Expect("create secret generic s --from-literal=a=b", "secret/s created");
  Expect("create configmap c --from-literal=a=b", "configmap/c created");
  Expect("create serviceaccount sa", "serviceaccount/sa created");
  Expect("create role r --verb=get --resource=pods", "r created");
  Expect("auth can-i list pods", "yes");
  Expect("get secret s -o jsonpath={.data.a}", "Yg==");
  Expect("delete namespace x", "deleted");
  Expect("apply -f deployment.yaml", "deployment.apps/web created");
  Expect("apply -f deployment.yaml", "deployment.apps/web unchanged");
  Expect("wait --for=condition=Available deployment/web --timeout=30s", "condition met");
  Expect("get deployment web", "2/2");
  Expect("get pods -l app=web -o wide", "Running");
  Expect("scale deployment web --replicas=3", "scaled");
  Expect("rollout status deployment web --timeout=30s", "successfully rolled out");
  Expect("describe deployment web", "MinimumReplicasAvailable");
  Expect("label deployment web tier=front", "labeled");
  Expect("annotate deployment web note=x", "annotated");
  Expect("apply -f definition.yaml", "created");
  Expect("wait --for=condition=Established crd/widgets.ex.io --timeout=30s", "condition met");
  Expect("apply --server-side -f widget.yaml", "serverside-applied");
  Expect("get wd", "red");
  Expect("explain widgets.spec.color", "how it looks");
  Expect("explain deployment.spec.replicas", "Number of desired pods");
  Expect("patch widget w --type=merge -p '{\"spec\":{\"color\":\"blue\"}}'", "patched");
  Expect("get widget w -o jsonpath={.spec.color}", "blue");
  Expect("edit widget w", "widget.ex.io/w edited");
  Expect("get widget w -o jsonpath={.spec.color}", "green");
  Expect("events", "");
  EXPECT_THAT(Run("get widgets -w --request-timeout=1s").text, HasSubstr("green"));
  Expect("get all", "replicaset.apps/web-");
  Expect("delete widget w", "deleted");
  Expect("delete deployment web --wait=true --timeout=60s", "deleted");
}

}  // namespace
}  // namespace kro::differential
