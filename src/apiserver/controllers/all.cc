#include "apiserver/controllers/all.h"

#include "apiserver/controllers/autoscaler_controller.h"
#include "apiserver/controllers/cluster_role_controller.h"
#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/cron_job_controller.h"
#include "apiserver/controllers/daemon_set_controller.h"
#include "apiserver/controllers/definition_controller.h"
#include "apiserver/controllers/deployment_controller.h"
#include "apiserver/controllers/disruption_controller.h"
#include "apiserver/controllers/garbage_collector.h"
#include "apiserver/controllers/ingress_controller.h"
#include "apiserver/controllers/job_controller.h"
#include "apiserver/controllers/namespace_controller.h"
#include "apiserver/controllers/pod_runner.h"
#include "apiserver/controllers/replica_set_controller.h"
#include "apiserver/controllers/service_controller.h"
#include "apiserver/controllers/stateful_set_controller.h"
#include "apiserver/controllers/volume_controller.h"
#include "apiserver/internal/bootstrap_policy.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

json::Value Named(std::string_view api_version, std::string_view kind, std::string_view name);

}  // namespace

void AddControllers(Core& core, ControllerManager& manager,
                    std::function<void(std::string_view, std::string_view)> end_watches) {
  manager.Add(std::make_unique<DefinitionController>(core, std::move(end_watches)));
  const Controllers wanted = core.options.controllers;
  if (Includes(wanted, Controllers::kNamespaces)) {
    manager.Add(std::make_unique<NamespaceController>(core));
  }
  if (Includes(wanted, Controllers::kGarbageCollection)) {
    manager.Add(std::make_unique<GarbageCollector>(core));
  }
  if (Includes(wanted, Controllers::kServices)) {
    manager.Add(std::make_unique<ServiceController>(core));
    manager.Add(std::make_unique<ClusterRoleController>(core));
  }
  if (!Includes(wanted, Controllers::kWorkloads)) return;
  manager.Add(std::make_unique<DeploymentController>(core));
  manager.Add(std::make_unique<ReplicaSetController>(core));
  manager.Add(std::make_unique<StatefulSetController>(core));
  manager.Add(std::make_unique<DaemonSetController>(core));
  manager.Add(std::make_unique<JobController>(core));
  manager.Add(std::make_unique<CronJobController>(core));
  manager.Add(std::make_unique<DisruptionController>(core));
  manager.Add(std::make_unique<AutoscalerController>(core));
  manager.Add(std::make_unique<IngressController>(core));
  manager.Add(std::make_unique<VolumeController>(core));
  manager.Add(std::make_unique<PodRunner>(core));
}

void CreateInitialObjects(Core& core) {
  AddBootstrapPolicy(core);
  ControllerClient client(core, "kube-apiserver");
  const api::Gvr namespaces{"", "v1", "namespaces"};
  for (std::string_view name : {"default", "kube-node-lease", "kube-public", "kube-system"}) {
    static_cast<void>(client.Create(namespaces, "", Named("v1", "Namespace", name)));
  }
  json::Value node = Named("v1", "Node", "node-1");
  static_cast<void>(client.Create({"", "v1", "nodes"}, "", node));
  if (auto created = client.Get({"", "v1", "nodes"}, "", "node-1")) {
    SetCondition(*created, {"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
                 client.Now());
    Child(created->as_object(), {"status", "nodeInfo"})["kubeletVersion"] = "v1.36.3";
    static_cast<void>(client.Update({"", "v1", "nodes"}, *created, "status"));
  }
  json::Object port;
  port["name"] = "https";
  port["port"] = 443;
  port["targetPort"] = 6443;
  json::Value service = Named("v1", "Service", "kubernetes");
  Child(service.as_object(), "spec")["clusterIP"] = "10.96.0.1";
  Child(service.as_object(), "spec")["ports"] = json::Array{std::move(port)};
  static_cast<void>(client.Create({"", "v1", "services"}, "default", service));
}

namespace {

json::Value Named(std::string_view api_version, std::string_view kind, std::string_view name) {
  json::Object metadata;
  metadata["name"] = name;
  json::Object object;
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  object["metadata"] = std::move(metadata);
  return object;
}

}  // namespace
}  // namespace kro::apiserver
