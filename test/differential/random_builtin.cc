// Every sort of write to objects of built-in kinds that no controller writes to.
#include <fmt/format.h>

#include "differential/drawn_value.h"
#include "differential/sequence.h"
#include "differential/writes.h"

namespace kro::differential {
namespace {

struct Kind {
  std::string_view api_version;
  std::string_view kind;
  std::string_view collection;
  std::string_view schema;
};

constexpr Kind kKinds[] = {
    {"v1", "ConfigMap", "/api/v1/namespaces/$N/configmaps", R"(
properties:
  data: {additionalProperties: {good: [a, b, ""], bad: [1, true, [a]]}}
  binaryData: {additionalProperties: {good: [YQ==, ""], bad: ["?", 1]}}
  immutable: {good: [false], bad: ["true"]}
)"},
    {"v1", "Secret", "/api/v1/namespaces/$N/secrets", R"(
properties:
  data: {additionalProperties: {good: [YQ==, Yg==], bad: ["?", 1]}}
  stringData: {additionalProperties: {good: [a, b], bad: [1]}}
  type: {good: [Opaque, ex.io/own], bad: [kubernetes.io/tls, 1]}
)"},
    {"v1", "ServiceAccount", "/api/v1/namespaces/$N/serviceaccounts", R"(
properties:
  automountServiceAccountToken: {good: [true, false], bad: [1]}
  imagePullSecrets:
    x-kubernetes-list-type: map
    type: array
    x-kubernetes-list-map-keys: [name]
    items: {properties: {name: {good: [a, b, c], bad: [1]}}}
  secrets:
    x-kubernetes-list-type: map
    type: array
    x-kubernetes-list-map-keys: [name]
    items: {properties: {name: {good: [a, b]}, kind: {good: [Secret]}, fieldPath: {good: [x, "y"]}}}
)"},
    {"v1", "PodTemplate", "/api/v1/namespaces/$N/podtemplates", R"(
properties:
  template:
    always: [metadata, spec]
    properties:
      metadata: {properties: {labels: {additionalProperties: {good: [a, b], bad: [1]}}, finalizers: {type: array, x-kubernetes-list-type: set, items: {good: [a.b/c, a.b/d]}}}}
      spec:
        always: [containers]
        properties:
          restartPolicy: {good: [Always, OnFailure]}
          terminationGracePeriodSeconds: {good: [0, 30, 60], bad: ["30"]}
          nodeSelector: {additionalProperties: {good: [a, b], bad: [1]}}
          imagePullSecrets: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {properties: {name: {good: [a, b, c]}}}}
          tolerations: {type: array, items: {always: [operator], properties: {key: {good: [a, b]}, operator: {good: [Exists]}, effect: {good: [NoSchedule, NoExecute]}}}}
          securityContext: {properties: {runAsUser: {good: [0, 5], bad: ["1"]}, fsGroup: {good: [1]}, supplementalGroups: {type: array, items: {good: [1, 2]}}}}
          volumes:
            type: array
            x-kubernetes-list-type: map
            x-kubernetes-list-map-keys: [name]
            items:
              properties:
                name: {good: [v, w]}
                emptyDir: {properties: {medium: {good: [Memory]}, sizeLimit: {good: [1Gi, 2Gi]}}}
          containers:
            type: array
            x-kubernetes-list-type: map
            x-kubernetes-list-map-keys: [name]
            items:
              always: [image]
              properties:
                name: {good: [a, b, c], bad: [1]}
                image: {good: [i, "i:1"], bad: [1]}
                command: {type: array, items: {good: [x, "y"], bad: [1]}}
                imagePullPolicy: {good: [Always, IfNotPresent]}
                env: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {properties: {name: {good: [E, F, G]}, value: {good: [x, "y"], bad: [1]}}}}
                resources: {properties: {limits: {properties: {cpu: {good: [1, "1", 1000m, 0.5]}, memory: {good: [1Gi, 1024Mi, "128974848"]}}}, requests: {properties: {cpu: {good: [100m, "0.1"]}}}}}
)"},
    {"coordination.k8s.io/v1", "Lease", "/apis/coordination.k8s.io/v1/namespaces/$N/leases", R"(
properties:
  spec:
    properties:
      holderIdentity: {good: [a, b], bad: [1]}
      leaseDurationSeconds: {good: [1, 15], bad: ["1"]}
      leaseTransitions: {good: [0, 1]}
      renewTime: {good: ["2020-01-01T00:00:00.000000Z"]}
)"},
};

}  // namespace

Sequence BuiltinSequence(std::uint64_t seed) {
  const Kind& kind = kKinds[seed % std::size(kKinds)];
  const WrittenKind written{.api_version = std::string(kind.api_version),
                            .kind = std::string(kind.kind),
                            .collection = std::string(kind.collection),
                            .schema = ParsePooledSchema(kind.schema),
                            .status = Status::kField,
                            .patch = "application/strategic-merge-patch+json"};
  return {fmt::format("builtin-{}", seed), DrawWrites(3'000'000 + seed, written)};
}

}  // namespace kro::differential
