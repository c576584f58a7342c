#include "apiserver/kinds/kind_rules.h"

#include <map>
#include <string>

#include "apiserver/kinds/admission.h"
#include "apiserver/kinds/autoscaler.h"
#include "apiserver/kinds/certificates.h"
#include "apiserver/kinds/config.h"
#include "apiserver/kinds/custom_resource_definition.h"
#include "apiserver/kinds/namespace.h"
#include "apiserver/kinds/network.h"
#include "apiserver/kinds/pod.h"
#include "apiserver/kinds/rbac.h"
#include "apiserver/kinds/service.h"
#include "apiserver/kinds/service_allocation.h"
#include "apiserver/kinds/storage.h"
#include "apiserver/kinds/workloads.h"

namespace kro::apiserver {
namespace {

using Rule = GenerationRule;

// By "<resource>.<group>", and "/<version>" for one that is stored as another.
std::map<std::string, KindRules, std::less<>> MakeRules() {
  std::map<std::string, KindRules, std::less<>> rules;
  rules["configmaps"] = {.validate = ValidateConfigMap};
  rules["secrets"] = {.set_defaults = DefaultSecret, .validate = ValidateSecret};
  rules["serviceaccounts"] = {.deletion_answers_object = true, .prepare = PrepareServiceAccount};
  rules["namespaces"] = {.check_name = CheckDns1123Label,
                         .deletion_answers_object = true,
                         .has_status = true,
                         .set_defaults = DefaultNamespace,
                         .prepare = PrepareNamespace};
  rules["nodes"] = {.has_status = true};
  rules["events"] = {.create_on_update = true,
                     .keeps_collector_finalizers = false,
                     .set_defaults = DefaultEvent,
                     .prepare = PrepareEvent,
                     .validate = ValidateEvent};
  rules["events.events.k8s.io/v1"] = {.create_on_update = true,
                                      .keeps_collector_finalizers = false,
                                      .set_defaults = DefaultEventOfGroup,
                                      .prepare = PrepareEventOfGroup,
                                      .validate = ValidateEventOfGroup};
  rules["endpoints"] = {.create_on_update = true};
  rules["limitranges"] = {.create_on_update = true};
  rules["resourcequotas"] = {.deletion_answers_object = true, .has_status = true};
  rules["podtemplates"] = {.generation = Rule::kAllButMetadata,
                           .deletion_answers_object = true,
                           .set_defaults = DefaultPodTemplate,
                           .validate = ValidatePodTemplate};
  rules["replicationcontrollers"] = {
      .generation = Rule::kSpec, .orphans_by_default = true, .has_status = true};
  rules["pods"] = {.generation = Rule::kSpec,
                   .deletion_answers_object = true,
                   .has_status = true,
                   .set_defaults = DefaultPod,
                   .prepare = PreparePod,
                   .validate = ValidatePod};
  rules["services"] = {.check_name = CheckDns1123Label,
                       .create_on_update = true,
                       .deletion_answers_object = true,
                       .has_status = true,
                       .set_defaults = DefaultService,
                       .allocate = AllocateService,
                       .prepare = PrepareService,
                       .validate = ValidateService,
                       .after_delete = AfterDeleteService};
  rules["persistentvolumeclaims"] = {.deletion_answers_object = true,
                                     .has_status = true,
                                     .set_defaults = DefaultVolumeClaim,
                                     .prepare = PrepareVolumeClaim,
                                     .validate = ValidateVolumeClaim};
  rules["persistentvolumes"] = {.deletion_answers_object = true,
                                .has_status = true,
                                .set_defaults = DefaultVolume,
                                .prepare = PrepareVolume};
  rules["storageclasses.storage.k8s.io"] = {.deletion_answers_object = true,
                                            .set_defaults = DefaultStorageClass};

  rules["deployments.apps"] = {.generation = Rule::kSpecAndAnnotations,
                               .has_status = true,
                               .status_keeps_labels = true,
                               .set_defaults = DefaultDeployment,
                               .prepare = PrepareStatusObject,
                               .validate = ValidateWorkload};
  rules["replicasets.apps"] = {.generation = Rule::kSpec,
                               .has_status = true,
                               .status_keeps_labels = true,
                               .set_defaults = DefaultReplicaSet,
                               .prepare = PrepareReplicaSet,
                               .validate = ValidateWorkload};
  rules["statefulsets.apps"] = {.generation = Rule::kSpec,
                                .has_status = true,
                                .status_keeps_labels = true,
                                .set_defaults = DefaultStatefulSet,
                                .prepare = PrepareStatefulSet,
                                .validate = ValidateWorkload};
  rules["daemonsets.apps"] = {.generation = Rule::kSpec,
                              .has_status = true,
                              .status_keeps_labels = true,
                              .set_defaults = DefaultDaemonSet,
                              .prepare = PrepareDaemonSet,
                              .validate = ValidateWorkload};
  rules["jobs.batch"] = {.generation = Rule::kSpec,
                         .orphans_by_default = true,
                         .has_status = true,
                         .set_defaults = DefaultJob,
                         .prepare = PrepareJob,
                         .validate = ValidateJob};
  rules["cronjobs.batch"] = {.generation = Rule::kSpec,
                             .has_status = true,
                             .set_defaults = DefaultCronJob,
                             .prepare = PrepareStatusObject,
                             .validate = ValidateCronJob};
  rules["ingresses.networking.k8s.io"] = {.generation = Rule::kSpec,
                                          .has_status = true,
                                          .prepare = PrepareIngress,
                                          .validate = ValidateIngress};
  rules["networkpolicies.networking.k8s.io"] = {.generation = Rule::kSpecAsWritten,
                                                .set_defaults = DefaultNetworkPolicy};
  rules["ingressclasses.networking.k8s.io"] = {.generation = Rule::kSpec};
  rules["endpointslices.discovery.k8s.io"] = {.generation = Rule::kAllAndLabels,
                                              .set_defaults = DefaultEndpointSlice,
                                              .prepare = PrepareEndpointSlice};
  rules["poddisruptionbudgets.policy"] = {.generation = Rule::kSpec,
                                          .unconditional_update = false,
                                          .has_status = true,
                                          .prepare = PrepareDisruptionBudget,
                                          .validate = ValidateDisruptionBudget};
  rules["priorityclasses.scheduling.k8s.io"] = {.generation = Rule::kSpec};
  rules["horizontalpodautoscalers.autoscaling"] = {.has_status = true,
                                                   .set_defaults = DefaultAutoscaler,
                                                   .prepare = PrepareAutoscaler,
                                                   .validate = ValidateAutoscaler};
  rules["horizontalpodautoscalers.autoscaling/v1"] = {.has_status = true,
                                                      .set_defaults = DefaultAutoscalerV1,
                                                      .prepare = PrepareAutoscalerV1,
                                                      .validate = ValidateAutoscaler};
  rules["leases.coordination.k8s.io"] = {
      .unconditional_update = false, .create_on_update = true, .set_defaults = DefaultLease};
  rules["certificatesigningrequests.certificates.k8s.io"] = {
      .has_status = true, .prepare = PrepareSigningRequest, .validate = ValidateSigningRequest};
  rules["runtimeclasses.node.k8s.io"] = {.create_on_update = true};
  for (std::string_view name : {"roles", "clusterroles"}) {
    rules[std::string(name) + ".rbac.authorization.k8s.io"] = {.check_name = CheckPathSegment,
                                                               .create_on_update = true,
                                                               .set_defaults = DefaultRole,
                                                               .prepare = PrepareRole,
                                                               .validate = ValidateRole};
  }
  for (std::string_view name : {"rolebindings", "clusterrolebindings"}) {
    rules[std::string(name) + ".rbac.authorization.k8s.io"] = {.check_name = CheckPathSegment,
                                                               .create_on_update = true,
                                                               .set_defaults = DefaultRoleBinding,
                                                               .validate = ValidateRoleBinding};
  }
  rules["customresourcedefinitions.apiextensions.k8s.io"] = {.generation = Rule::kSpec,
                                                             .unconditional_update = false,
                                                             .has_status = true,
                                                             .set_defaults = DefaultDefinition,
                                                             .prepare = PrepareDefinition,
                                                             .validate = ValidateDefinition};
  for (std::string_view name : {"validatingwebhookconfigurations", "mutatingwebhookconfigurations",
                                "validatingadmissionpolicies", "validatingadmissionpolicybindings",
                                "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}) {
    rules[std::string(name) + ".admissionregistration.k8s.io"] = {
        .generation = Rule::kAllButStatus,
        .unconditional_update = false,
        .has_status = name == "validatingadmissionpolicies"};
  }
  KindRules& policies = rules["validatingadmissionpolicies.admissionregistration.k8s.io"];
  policies.set_defaults = DefaultAdmissionPolicy;
  policies.prepare = PrepareStatusObject;
  policies.validate = ValidateAdmissionPolicy;
  KindRules& bindings = rules["validatingadmissionpolicybindings.admissionregistration.k8s.io"];
  bindings.set_defaults = DefaultAdmissionBinding;
  bindings.validate = ValidateAdmissionBinding;
  return rules;
}

}  // namespace

const KindRules& RulesOf(const Resource& resource) {
  static const std::map<std::string, KindRules, std::less<>> kRules = MakeRules();
  static const KindRules kCustom = {.unconditional_update = false};
  static const KindRules kOther = {};
  if (resource.custom) return kCustom;
  auto found =
      kRules.find(resource.stored_as == nullptr ? resource.Qualified()
                                                : resource.Qualified() + "/" + resource.version);
  return found == kRules.end() ? kOther : found->second;
}

}  // namespace kro::apiserver
