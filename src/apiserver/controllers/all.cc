#include "apiserver/controllers/all.h"

#include "apiserver/controllers/definition_controller.h"
#include "apiserver/controllers/deployment_controller.h"
#include "apiserver/controllers/garbage_collector.h"
#include "apiserver/controllers/namespace_controller.h"
#include "apiserver/controllers/pod_runner.h"
#include "apiserver/controllers/replica_set_controller.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

json::Value Named(std::string_view api_version, std::string_view kind, std::string_view name);

}  // namespace

void AddControllers(Core& core, ControllerManager& manager,
                    std::function<void(std::string_view, std::string_view)> end_watches) {
  manager.Add(std::make_unique<DefinitionController>(core, std::move(end_watches)));
  manager.Add(std::make_unique<NamespaceController>(core));
  manager.Add(std::make_unique<GarbageCollector>(core));
  if (core.options.controllers == Controllers::kEssential) return;
  manager.Add(std::make_unique<DeploymentController>(core));
  manager.Add(std::make_unique<ReplicaSetController>(core));
  manager.Add(std::make_unique<PodRunner>(core));
}

void CreateInitialObjects(Core& core) {
  ControllerClient client(core, "kube-apiserver");
  const api::Gvr namespaces{"", "v1", "namespaces"};
  for (std::string_view name : {"default", "kube-node-lease", "kube-public", "kube-system"}) {
    static_cast<void>(client.Create(namespaces, "", Named("v1", "Namespace", name)));
  }
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
