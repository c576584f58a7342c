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

// Of these the server completes and judges more than of others, and no controller writes to them.
constexpr Kind kRuled[] = {
    {"v1", "Service", "/api/v1/namespaces/$N/services", R"(
always: [spec]
properties:
  spec:
    always: [ports]
    properties:
      selector: {additionalProperties: {good: [a, b], bad: [1, true]}}
      sessionAffinity: {good: [None, ClientIP], bad: [1]}
      internalTrafficPolicy: {good: [Cluster, Local], bad: [1]}
      publishNotReadyAddresses: {good: [true, false], bad: ["true"]}
      externalIPs: {type: array, items: {good: [203.0.113.1, 203.0.113.2], bad: [1]}}
      ports:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [port]
        items:
          always: [name]
          properties:
            port: {good: [80, 81, 443], bad: ["80"]}
            name: {good: [a, b, c], bad: [1]}
            targetPort: {good: [80, 8080, http], bad: [true]}
            appProtocol: {good: [http, ex.io/own]}
)"},
    {"rbac.authorization.k8s.io/v1", "Role",
     "/apis/rbac.authorization.k8s.io/v1/namespaces/$N/roles", R"(
properties:
  rules:
    type: array
    items:
      always: [apiGroups, resources, verbs]
      properties:
        apiGroups: {good: [[""], [apps, batch], ["*"]], bad: [1, [1]]}
        resources: {good: [[pods], [pods/status, secrets], ["*"]], bad: [a, [true]]}
        verbs: {good: [[get], [get, list], ["*"]], bad: [get, []]}
        resourceNames: {good: [[a], [a, b]], bad: [[1]]}
)"},
    {"networking.k8s.io/v1", "Ingress", "/apis/networking.k8s.io/v1/namespaces/$N/ingresses", R"(
always: [spec]
properties:
  spec:
    always: [defaultBackend]
    properties:
      ingressClassName: {good: [a, b], bad: [1]}
      defaultBackend: {good: [{service: {name: a, port: {number: 80}}}, {service: {name: b, port: {name: http}}}], bad: [a]}
      tls: {type: array, items: {properties: {hosts: {good: [[a.io], [a.io, b.io]], bad: [1]}, secretName: {good: [a, b]}}}}
      rules:
        type: array
        items:
          always: [http]
          properties:
            host: {good: [a.io, "*.b.io"], bad: [1]}
            http:
              always: [paths]
              properties:
                paths: {good: [[{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}], [{path: /a, pathType: Exact, backend: {service: {name: b, port: {name: http}}}}]], bad: [a]}
)"},
    {"batch/v1", "CronJob", "/apis/batch/v1/namespaces/$N/cronjobs", R"(
always: [spec]
properties:
  spec:
    always: [schedule, jobTemplate]
    properties:
      schedule: {good: [0 0 1 1 *, 5 4 3 2 *, "@yearly"], bad: [1]}
      suspend: {good: [true, false], bad: ["true"]}
      concurrencyPolicy: {good: [Allow, Forbid, Replace], bad: [1]}
      startingDeadlineSeconds: {good: [10, 200], bad: ["10"]}
      successfulJobsHistoryLimit: {good: [0, 1, 5], bad: ["1"]}
      jobTemplate:
        always: [spec]
        properties:
          metadata: {properties: {labels: {additionalProperties: {good: [a, b], bad: [1]}}}}
          spec:
            always: [template]
            properties:
              backoffLimit: {good: [0, 3], bad: ["1"]}
              completions: {good: [1, 2]}
              template:
                always: [spec]
                properties:
                  metadata: {properties: {labels: {additionalProperties: {good: [a, b]}}}}
                  spec:
                    always: [restartPolicy, containers]
                    properties:
                      restartPolicy: {good: [Never, OnFailure]}
                      containers: {good: [[{name: c, image: i}], [{name: c, image: "i:1", args: [x]}]], bad: [a]}
)"},
    {"networking.k8s.io/v1", "NetworkPolicy",
     "/apis/networking.k8s.io/v1/namespaces/$N/networkpolicies", R"(
properties:
  spec:
    properties:
      podSelector: {good: [{}, {matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: Exists}]}], bad: [a]}
      policyTypes: {good: [[Ingress], [Egress], [Ingress, Egress]], bad: [Ingress]}
      ingress:
        type: array
        items:
          properties:
            from: {good: [[{podSelector: {}}], [{namespaceSelector: {matchLabels: {a: b}}}], [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]], bad: [a]}
            ports: {good: [[{port: 80}], [{port: http, protocol: UDP}], [{port: 80, endPort: 90}]], bad: [{}]}
      egress:
        type: array
        items:
          properties:
            to: {good: [[{podSelector: {}}]]}
            ports: {good: [[{port: 80}]]}
)"},
};

Sequence Drawn(std::string_view sort, std::uint64_t seed, const Kind& kind, std::uint64_t draw) {
  const WrittenKind written{.api_version = std::string(kind.api_version),
                            .kind = std::string(kind.kind),
                            .collection = std::string(kind.collection),
                            .schema = ParsePooledSchema(kind.schema),
                            .status = Status::kField,
                            .patch = "application/strategic-merge-patch+json"};
  return {fmt::format("{}-{}", sort, seed), DrawWrites(draw, written)};
}

}  // namespace

Sequence BuiltinSequence(std::uint64_t seed) {
  return Drawn("builtin", seed, kKinds[seed % std::size(kKinds)], 3'000'000 + seed);
}

Sequence RuledSequence(std::uint64_t seed) {
  return Drawn("ruled", seed, kRuled[seed % std::size(kRuled)], 4'000'000 + seed);
}

}  // namespace kro::differential
