#include "apiserver/controllers/all.h"

#include "apiserver/controllers/autoscaler_controller.h"
#include "apiserver/controllers/cluster_role_controller.h"
#include "apiserver/controllers/cron_job_controller.h"
#include "apiserver/controllers/daemon_set_controller.h"
#include "apiserver/controllers/definition_controller.h"
#include "apiserver/controllers/deployment_controller.h"
#include "apiserver/controllers/disruption_controller.h"
#include "apiserver/controllers/endpoints_controller.h"
#include "apiserver/controllers/finished_job_controller.h"
#include "apiserver/controllers/garbage_collector.h"
#include "apiserver/controllers/ingress_controller.h"
#include "apiserver/controllers/job_controller.h"
#include "apiserver/controllers/namespace_controller.h"
#include "apiserver/controllers/pod_runner.h"
#include "apiserver/controllers/replica_set_controller.h"
#include "apiserver/controllers/service_controller.h"
#include "apiserver/controllers/stateful_set_controller.h"
#include "apiserver/controllers/volume_controller.h"

namespace kro::apiserver {
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
    manager.Add(std::make_unique<EndpointsController>(core));
    manager.Add(std::make_unique<ClusterRoleController>(core));
  }
  if (!Includes(wanted, Controllers::kWorkloads)) return;
  manager.Add(std::make_unique<DeploymentController>(core));
  manager.Add(std::make_unique<ReplicaSetController>(core));
  manager.Add(std::make_unique<StatefulSetController>(core));
  manager.Add(std::make_unique<DaemonSetController>(core));
  manager.Add(std::make_unique<JobController>(core));
  manager.Add(std::make_unique<FinishedJobController>(core));
  manager.Add(std::make_unique<CronJobController>(core));
  manager.Add(std::make_unique<DisruptionController>(core));
  manager.Add(std::make_unique<AutoscalerController>(core));
  manager.Add(std::make_unique<IngressController>(core));
  manager.Add(std::make_unique<VolumeController>(core));
  manager.Add(std::make_unique<PodRunner>(core));
}

}  // namespace kro::apiserver
