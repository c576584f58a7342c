// kubectl, unmodified: what it prints with `kro dev` and with a real API server (devcluster/) is the same.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "e2e/test_cluster.h"

namespace kro::differential {
namespace {

struct Output {
  int exit_code;
  std::string text;
};

// A cluster as kubectl sees it, and a folder with manifests.
class Cluster {
 public:
  Cluster(const std::string& name, const std::string& kubeconfig) : kubeconfig_(kubeconfig) {
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("kro-kubectl-{}-{}", getpid(), name);
    std::filesystem::create_directories(folder_);
    Write("kubectl",
          fmt::format("#!/bin/sh\nexec {}/scripts/devcluster kubectl \"$@\"\n", KRO_SOURCE_DIR));
    std::filesystem::permissions(folder_ / "kubectl", std::filesystem::perms::owner_all);
  }
  ~Cluster() { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
  }

  // Runs a shell command in the folder, where `kubectl` is kubectl; output and errors together.
  Output Run(std::string_view command) {
    std::ofstream(folder_ / "run.sh")
        << fmt::format("cd {0}\nexport HOME={0} KUBECONFIG={1} PATH={0}:$PATH\n{2}\n",
                       folder_.string(), kubeconfig_, command);
    Output output{-1, ""};
    FILE* pipe = popen(fmt::format("bash {}/run.sh 2>&1", folder_.string()).c_str(), "r");
    if (pipe == nullptr) return output;
    std::array<char, 4096> buffer;
    while (std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.text.append(buffer.data(), count);
    }
    output.exit_code = WEXITSTATUS(pclose(pipe));
    return output;
  }

 private:
  std::filesystem::path folder_;
  std::string kubeconfig_;
};

// Without what is arbitrary: ages, times, UIDs, addresses, generated names, widths of columns.
std::string Normal(std::string text) {
  static const std::pair<const char*, const char*> kReplacements[] = {
      {R"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "UID"},
      {R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)", "TIME"},
      {R"([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4})", "TIME"},
      {R"(\b\d+\.\d+\.\d+\.\d+(/\d+)?\b)", "ADDRESS"},
      {R"(\bweb-[a-z0-9]{7,10}-[a-z0-9]{5}\b)", "web-HASH-POD"},
      {R"(\bweb-[a-z0-9]{7,10}\b)", "web-HASH"},
      {R"(pod-template-hash=\w+)", "pod-template-hash=HASH"},
      {R"(\b(\d+[smhdy])+( ago)?\b)", "AGE"},
      {R"re((?i)"?resource ?version"?: *"?\d+"?)re", "resourceVersion: N"},
      {R"(https?://\S+)", "URL"},
      {R"([ \t]+)", " "},
      {R"( +\n)", "\n"},
  };
  for (const auto& [pattern, with] : kReplacements) RE2::GlobalReplace(&text, pattern, with);
  // What controllers say of what they did is theirs.
  if (const std::size_t events = text.find("\nEvents:"); events != std::string::npos) {
    text.resize(events + 1);
  }
  return text;
}

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::ranges::sort(lines);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

constexpr std::string_view kDeployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
)";

constexpr std::string_view kDefinition = R"(
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
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              color: {type: string, description: how it looks, enum: [red, green, blue]}
              size: {type: integer, default: 3}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";

constexpr std::string_view kWidget = R"(
apiVersion: ex.io/v1
kind: Widget
metadata: {name: w}
spec: {color: red}
)";

constexpr std::string_view kEvent = R"(
apiVersion: v1
kind: Event
metadata: {name: w.1}
involvedObject: {apiVersion: ex.io/v1, kind: Widget, name: w, namespace: default}
reason: Painted
message: it is red now
type: Normal
count: 1
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
source: {component: painter}
)";

constexpr std::string_view kPolicy = R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}]
)";

constexpr std::string_view kSigningRequest =
    "apiVersion: certificates.k8s.io/v1\n"
    "kind: CertificateSigningRequest\n"
    "metadata: {name: alice}\n"
    "spec:\n"
    "  signerName: kubernetes.io/kube-apiserver-client\n"
    "  expirationSeconds: 86400\n"
    "  usages: [client auth]\n"
    "  request: "
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERqQU1CZ05WQkFNTUJXRnNhV0"
    "5s"
    "TVF3d0NnWURWUVFLREFOa1pYWXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVNjaXNaa2VjR3orbjVhZF"
    "Vx"
    "QVhMUENwakZGd3doMEZreVlyR1JTCnYzalZoaTlBSU84dkVUQXVKWHFQSEI1bFdEWWs3QnB2dWY3TzJWWUFveFdaTk82Zm"
    "9B"
    "QXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUlnZUdZZXpuektoeisrc3R4M1lBUDV4QVZWNjhXS2FkbzdFQW9zem41K0JUd0"
    "NJ"
    "UUR5dnNYbAo3MnpORUlPZSszb3FyQzF6cWV1VTU1dHhMenBIY1pGMXFLZk05dz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIF"
    "JF"
    "UVVFU1QtLS0tLQo=";

constexpr std::string_view kLease = R"(
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: l}
spec: {holderIdentity: me, leaseDurationSeconds: 15}
)";

enum class Same { kText, kLines };  // kLines: in any order

struct Command {
  std::string_view shell;
  Same same = Same::kText;
};

const Command kCommands[] = {
    {"kubectl version -o json | grep -c gitVersion"},
    {"kubectl get namespaces -o name | grep -v devcluster", Same::kLines},
    // api-resources
    {"kubectl api-resources --api-group=apps", Same::kLines},
    {"kubectl api-resources --namespaced=false --api-group=rbac.authorization.k8s.io",
     Same::kLines},
    {"kubectl api-resources --api-group=batch -o wide", Same::kLines},
    // create
    {"kubectl create namespace x"},
    {"kubectl create namespace x"},
    {"kubectl create namespace y --dry-run=server -o name"},
    {"kubectl create secret generic s --from-literal=a=b"},
    {"kubectl create secret generic s --from-literal=a=b"},
    {"kubectl create secret docker-registry reg --docker-username=u --docker-password=p"},
    {"kubectl create configmap c --from-literal=a=b --from-literal=c=d"},
    {"kubectl create serviceaccount sa"},
    {"kubectl create role r --verb=get --resource=pods"},
    // get
    {"kubectl get secret s -o jsonpath={.data.a}"},
    {"kubectl get secret s"},
    {"kubectl get configmap c -o yaml"},
    {"kubectl get configmap nosuch"},
    {"kubectl get nosuch"},
    {"kubectl get configmaps -o custom-columns=N:.metadata.name"},
    {"until kubectl get serviceaccount default >/dev/null 2>&1; do :; done; kubectl get "
     "serviceaccounts"},
    {"kubectl get role r -o yaml"},
    {"kubectl get clusterroles view cluster-admin -o name"},
    {"kubectl get clusterrole system:basic-user -o jsonpath={.rules}"},
    {"kubectl describe secret s"},
    {"kubectl describe configmap c"},
    {"kubectl describe namespace x"},
    {"kubectl describe role r"},
    {"kubectl describe serviceaccount sa"},
    {"kubectl delete namespace x"},
    {"kubectl delete configmap nosuch"},
    {"kubectl delete configmap nosuch --ignore-not-found"},
    // a Deployment
    {"kubectl apply -f deployment.yaml"},
    {"kubectl apply -f deployment.yaml"},
    {"kubectl diff -f deployment.yaml; echo $?"},
    {"kubectl wait --for=condition=Available deployment/web --timeout=300s"},
    {"kubectl rollout status deployment web --timeout=300s"},
    {"kubectl get deployment web"},
    {"kubectl get deployment web -o wide"},
    {"kubectl get replicasets -l app=web"},
    {"kubectl get pods -l app=web", Same::kLines},
    {"kubectl get pods -l app=web -o jsonpath={.items[*].status.phase}"},
    {"kubectl get all -l app=web", Same::kLines},
    {"kubectl scale deployment web --replicas=3"},
    {"kubectl wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=300s"},
    {"kubectl describe deployment web"},
    {"kubectl set image deployment/web c=nginx:2"},
    {"kubectl rollout status deployment web --timeout=300s | tail -n 1"},
    {"kubectl label deployment web tier=front"},
    {"kubectl label deployment web tier=back"},
    {"kubectl annotate deployment web note=x"},
    {"kubectl get deployment web --show-labels --no-headers"},
    {"kubectl delete deployment web --wait=true --timeout=300s"},
    {"kubectl expose deployment nosuch --port=80"},
    {"kubectl apply -f - <<< '{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": "
     "{\"name\": "
     "\"svc\"}, \"spec\": {\"selector\": {\"app\": \"web\"}, \"ports\": [{\"port\": 80}]}}'"},
    {"kubectl get service svc"},
    {"kubectl describe service svc | grep -v -e IP -e Endpoints"},
    // a kind of one's own
    {"kubectl apply -f definition.yaml"},
    {"kubectl wait --for=condition=Established crd/widgets.ex.io --timeout=300s"},
    {"until kubectl explain widgets >/dev/null 2>&1; do :; done; kubectl api-resources "
     "--api-group=ex.io"},
    {"kubectl get crd widgets.ex.io"},
    {"kubectl apply --server-side -f widget.yaml"},
    {"kubectl apply --server-side -f widget.yaml"},
    {"kubectl apply --server-side --field-manager=other -f - <<< '{\"apiVersion\": \"ex.io/v1\", "
     "\"kind\": "
     "\"Widget\", \"metadata\": {\"name\": \"w\"}, \"spec\": {\"color\": \"blue\"}}'"},
    {"kubectl apply -f - <<< '{\"apiVersion\": \"ex.io/v1\", \"kind\": \"Widget\", \"metadata\": "
     "{\"name\": "
     "\"v\"}, \"spec\": {\"color\": \"pink\"}}'"},
    {"kubectl apply -f - <<< '{\"apiVersion\": \"ex.io/v1\", \"kind\": \"Widget\", \"metadata\": "
     "{\"name\": "
     "\"v\"}, \"spec\": {\"colour\": \"red\"}}'"},
    {"kubectl get wd"},
    {"kubectl get wd w -o yaml"},
    {"kubectl get wd -A"},
    {"kubectl describe widget w"},
    {"kubectl explain widgets"},
    {"kubectl explain widgets.spec.color"},
    {"kubectl explain widgets.spec --recursive"},
    {"kubectl explain deployment.spec.replicas"},
    {"kubectl explain pod.spec.containers.ports"},
    {"kubectl explain nosuch"},
    {"kubectl patch widget w --type=merge -p '{\"spec\":{\"color\":\"blue\"}}'"},
    {"kubectl patch widget w --type=json -p "
     "'[{\"op\":\"test\",\"path\":\"/spec/color\",\"value\":\"red\"}]'"},
    {"kubectl patch widget w --subresource=status --type=merge -p '{\"status\":{\"ok\":true}}'"},
    {"kubectl wait --for=jsonpath={.status.ok}=true widget/w --timeout=300s"},
    {"KUBE_EDITOR='sed -i s/blue/green/' kubectl edit widget w"},
    {"KUBE_EDITOR='sed -i s/green/green/' kubectl edit widget w"},
    {"KUBE_EDITOR='sed -i s/a:.b/a:\\ bb/' kubectl edit configmap c"},
    {"kubectl get widget w -o jsonpath={.spec.color}"},
    // watching
    {": > out; timeout 300 kubectl get wd -w >> out & \n"
     "wait_for() { for i in $(seq 3000); do [ $(wc -l < out) -ge $1 ] && break; read -t 0.1 <> "
     "<(:); done; }\n"
     "wait_for 2; kubectl label widget w watched=yes > /dev/null\n"
     "wait_for 3; kubectl delete widget w > /dev/null\n"
     "wait_for 4; kill %1; cat out"},
    {"kubectl apply --server-side -f widget.yaml > /dev/null; kubectl delete wd --all"},
    {"kubectl wait --for=delete widget/w --timeout=300s; echo $?"},
    // events
    {"kubectl create -f event.yaml"},
    {"kubectl events --for=Widget/w"},
    {"kubectl get events --field-selector=reason=Painted -o custom-columns=R:.reason,M:.message"},
    // who may do what
    {"kubectl auth can-i list pods"},
    {"kubectl auth can-i '*' '*'"},
    {"kubectl auth can-i list pods --as=alice"},
    {"kubectl apply -f policy.yaml"},
    {"until kubectl auth can-i list configmaps --as=alice -q; do :; done; "
     "kubectl auth can-i list configmaps --as=alice"},
    {"kubectl auth can-i delete configmaps --as=alice"},
    {"kubectl auth can-i --list --as=alice", Same::kLines},
    {"kubectl auth whoami --as=alice --as-group=dev"},
    {"kubectl get configmap c --as=alice -o name"},
    {"kubectl delete configmap c --as=alice"},
    {"kubectl get pods --as=alice"},
    // certificates and leases
    {"kubectl create -f csr.yaml --as=carol --as-group=system:masters"},
    {"kubectl get csr"},
    {"kubectl describe csr alice"},
    {"kubectl certificate approve alice"},
    {"kubectl get csr alice"},
    {"kubectl get csr alice -o yaml"},
    {"kubectl certificate deny alice"},
    {"kubectl delete csr alice"},
    {"kubectl get csr alice"},
    {"kubectl apply -f lease.yaml"},
    {"kubectl get lease l"},
    {"kubectl describe lease l"},
    {"kubectl delete lease l"},
    {"kubectl delete crd widgets.ex.io"},
    {"while kubectl api-resources --api-group=ex.io 2>/dev/null | grep -q widgets; do :; done; "
     "kubectl get wd"},
};

TEST(Kubectl, PrintsTheSameAsWithARealServer) {
  using e2e::TestCluster;
  const auto devcluster = TestCluster::Start("kubectl", TestCluster::Kind::kReal);
  const auto dev = TestCluster::Start("kubectl", TestCluster::Kind::kEmbedded);
  ASSERT_TRUE(devcluster != nullptr && dev != nullptr);
  Cluster real("real", devcluster->kubeconfig());
  Cluster embedded("embedded", dev->kubeconfig());

  int same = 0;
  for (Cluster* cluster : {&real, &embedded}) {
    cluster->Write("deployment.yaml", kDeployment);
    cluster->Write("definition.yaml", kDefinition);
    cluster->Write("widget.yaml", kWidget);
    cluster->Write("event.yaml", kEvent);
    cluster->Write("policy.yaml", kPolicy);
    cluster->Write("csr.yaml", kSigningRequest);
    cluster->Write("lease.yaml", kLease);
  }
  for (const Command& command : kCommands) {
    const Output wanted = real.Run(command.shell);
    const Output found = embedded.Run(command.shell);
    std::string left = Normal(wanted.text);
    std::string right = Normal(found.text);
    if (command.same == Same::kLines) {
      left = SortedLines(left);
      right = SortedLines(right);
    }
    EXPECT_EQ(found.exit_code, wanted.exit_code) << command.shell << "\n" << found.text;
    EXPECT_EQ(right, left) << command.shell;
    if (right == left && found.exit_code == wanted.exit_code) ++same;
  }
  fmt::print("{} passed, {} unmet\n", same, std::size(kCommands) - static_cast<std::size_t>(same));
}

}  // namespace
}  // namespace kro::differential
