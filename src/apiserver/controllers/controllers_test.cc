// What the controllers of a laptop do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kDeployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
)";

TEST(Controllers, ACronJobMakesJobsByItsScheduleAndKeepsAFew) {
  ServerWorld world;
  world.Create("/apis/batch/v1/namespaces/default/cronjobs", R"(
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "*/10 * * * *"
  successfulJobsHistoryLimit: 2
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
)");
  constexpr const char* kCronJob = "/apis/batch/v1/namespaces/default/cronjobs/report";
  constexpr const char* kJobs = "/apis/batch/v1/namespaces/default/jobs";
  world.Advance(9min);
  EXPECT_EQ(world.At(kJobs, "items"), "[]");
  world.Advance(2min);
  EXPECT_EQ(world.At(kJobs, "items[0].metadata.name"), "report-29453770");
  EXPECT_EQ(world.At(kJobs, "items[0].status.conditions[1].type"), "Complete");
  EXPECT_EQ(world.At(kCronJob, "status.lastScheduleTime"), "2026-01-01T00:10:00Z");
  EXPECT_EQ(world.At(kCronJob, "status.active"), "nothing");
  world.Advance(60min);
  EXPECT_EQ(world.Get(kJobs).at("items").as_array().size(), 2u);
}

TEST(Controllers, ASuspendedCronJobMakesNothing) {
  ServerWorld world;
  world.Create("/apis/batch/v1/namespaces/default/cronjobs", R"(
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "* * * * *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
)");
  world.Advance(5min);
  EXPECT_EQ(world.At("/apis/batch/v1/namespaces/default/jobs", "items"), "[]");
}

TEST(Controllers, ADisruptionBudgetCountsItsPods) {
  ServerWorld world;
  world.Create("/apis/apps/v1/namespaces/default/deployments", kDeployment);
  world.Create("/apis/policy/v1/namespaces/default/poddisruptionbudgets", R"(
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 25%, selector: {matchLabels: {app: web}}}
)");
  world.Advance(2s);
  constexpr const char* kBudget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/web";
  EXPECT_EQ(world.At(kBudget, "status.expectedPods"), "4");
  EXPECT_EQ(world.At(kBudget, "status.currentHealthy"), "4");
  EXPECT_EQ(world.At(kBudget, "status.desiredHealthy"), "3");
  EXPECT_EQ(world.At(kBudget, "status.disruptionsAllowed"), "1");
  EXPECT_EQ(world.At(kBudget, "status.conditions[0].reason"), "SufficientPods");
}

TEST(Controllers, AnAutoscalerShowsTheScaleOfItsTarget) {
  ServerWorld world;
  world.Create("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 1
  maxReplicas: 8
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
)");
  world.Advance(1s);
  constexpr const char* kScaler =
      "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web";
  EXPECT_EQ(world.At(kScaler, "status.conditions[0].reason"), "FailedGetScale");
  world.Create("/apis/apps/v1/namespaces/default/deployments", kDeployment);
  world.Advance(2s);
  EXPECT_EQ(world.At(kScaler, "status.currentReplicas"), "4");
  EXPECT_EQ(world.At(kScaler, "status.desiredReplicas"), "4");
  EXPECT_EQ(world.At(kScaler, "status.conditions[0].status"), "True");
  EXPECT_EQ(world.At(kScaler, "status.currentMetrics[0].resource.current.averageUtilization"),
            "60");
}

TEST(Controllers, AnIngressGetsAnAddress) {
  ServerWorld world;
  world.Create("/apis/networking.k8s.io/v1/namespaces/default/ingresses", R"(
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
)");
  world.Advance(1s);
  EXPECT_EQ(world.At("/apis/networking.k8s.io/v1/namespaces/default/ingresses/web",
                     "status.loadBalancer.ingress[0].ip"),
            "172.18.255.1");
}

TEST(Controllers, APodTakesItsTimeToBecomeReady) {
  ServerWorld world({.pod_start = 500ms});
  world.Create("/api/v1/namespaces/default/pods",
               "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, "
               "image: i}]}}");
  world.Advance(400ms);
  EXPECT_EQ(world.At("/api/v1/namespaces/default/pods/a", "status.phase"), "Pending");
  world.Advance(200ms);
  EXPECT_EQ(world.At("/api/v1/namespaces/default/pods/a", "status.phase"), "Running");
}

std::string Patch(ServerWorld& world, const std::string& target, std::string body) {
  const http::Response response =
      world.Send("PATCH", target, std::move(body), "application/merge-patch+json");
  world.Advance(2s);
  return response.status == 200 ? "" : response.body;
}

TEST(Controllers, AServiceHasEndpointsOfItsReadyPods) {
  ServerWorld world;
  world.Create("/api/v1/namespaces/default/services", R"(
apiVersion: v1
kind: Service
metadata: {name: web, labels: {a: b}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
)");
  constexpr const char* kEndpoints = "/api/v1/namespaces/default/endpoints/web";
  constexpr const char* kSlice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  world.Advance(1s);
  EXPECT_EQ(world.At(kEndpoints, "metadata.labels"),
            R"({"a":"b","endpoints.kubernetes.io/managed-by":"endpoint-controller"})");
  EXPECT_EQ(world.At(kEndpoints, "subsets"), "nothing");
  const auto create_pod = [&](std::string_view name, std::string_view annotations) {
    world.Create("/api/v1/namespaces/default/pods",
                 fmt::format("{{apiVersion: v1, kind: Pod, metadata: {{name: {}, labels: {{app: "
                             "web}}, annotations: {{{}}}}}, spec: {{containers: [{{name: c, image: "
                             "i, ports: [{{name: http, containerPort: 8080}}]}}]}}}}",
                             name, annotations));
  };
  create_pod("good", "");
  create_pod("late", "devcluster.kro.run/pod: not-ready");
  world.Advance(2s);
  EXPECT_EQ(world.At(kEndpoints, "subsets[0].addresses[0].targetRef.name"), "good");
  EXPECT_EQ(world.At(kEndpoints, "subsets[0].notReadyAddresses[0].targetRef.name"), "late");
  EXPECT_EQ(world.At(kEndpoints, "subsets[0].ports"), R"([{"port":8080,"protocol":"TCP"}])");
  EXPECT_EQ(world.At(kSlice, "items[0].endpoints[1].conditions.ready"), "false");
  EXPECT_EQ(world.At(kSlice, "items[0].metadata.labels.a"), "b");

  world.Send("DELETE", "/api/v1/namespaces/default/services/web");
  EXPECT_EQ(world.Send("GET", kEndpoints).status, 404);
}

TEST(Controllers, ARollBackMakesTheOldReplicaSetTheNewestRevision) {
  ServerWorld world;
  constexpr std::string_view kRevisionPath =
      R"(metadata.annotations["deployment.kubernetes.io/revision"])";
  constexpr const char* kWeb = "/apis/apps/v1/namespaces/default/deployments/web";
  constexpr const char* kSets = "/apis/apps/v1/namespaces/default/replicasets";
  const auto set_image = [&](std::string_view image) {
    return Patch(world, kWeb,
                 fmt::format(R"({{"spec":{{"template":{{"spec":{{"containers":[{{"name":"c",)"
                             R"("image":"{}"}}]}}}}}}}})",
                             image));
  };
  world.Create("/apis/apps/v1/namespaces/default/deployments", kDeployment);
  world.Advance(3s);
  EXPECT_EQ(set_image("j"), "");
  world.Advance(5s);
  EXPECT_EQ(world.At(kWeb, kRevisionPath), "2");
  EXPECT_EQ(set_image("i"), "");
  world.Advance(5s);
  EXPECT_EQ(world.At(kWeb, kRevisionPath), "3");
  std::vector<std::string> histories;
  for (const json::Value& set : world.Get(kSets).at("items").as_array()) {
    const json::Value* history =
        json::Find(set, {"metadata", "annotations", "deployment.kubernetes.io/revision-history"});
    if (history != nullptr) histories.emplace_back(history->get_string());
  }
  EXPECT_THAT(histories, ::testing::ElementsAre("1"));
}

TEST(Controllers, ADeploymentKeepsAsManyOldReplicaSetsAsItsHistoryIsLong) {
  ServerWorld world;
  constexpr const char* kWeb = "/apis/apps/v1/namespaces/default/deployments/web";
  world.Create("/apis/apps/v1/namespaces/default/deployments", kDeployment);
  EXPECT_EQ(Patch(world, kWeb, R"({"spec":{"revisionHistoryLimit":1}})"), "");
  for (std::string_view image : {"j", "k", "l"}) {
    EXPECT_EQ(Patch(world, kWeb,
                    fmt::format(R"({{"spec":{{"template":{{"spec":{{"containers":[{{"name":"c",)"
                                R"("image":"{}"}}]}}}}}}}})",
                                image)),
              "");
    world.Advance(5s);
  }
  EXPECT_EQ(world.Get("/apis/apps/v1/namespaces/default/replicasets").at("items").as_array().size(),
            2u);
}

constexpr std::string_view kJobPod =
    "template: {metadata: {annotations: {devcluster.kro.run/pod: runs}}, spec: {restartPolicy: "
    "Never, containers: [{name: c, image: i}]}}";
constexpr const char* kJobs = "/apis/batch/v1/namespaces/default/jobs";
const std::string kJob = "/apis/batch/v1/namespaces/default/jobs/j";
constexpr const char* kPodList = "/api/v1/namespaces/default/pods";

void CreateJob(ServerWorld& world, std::string_view spec) {
  world.Create(
      kJobs, fmt::format("{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{}}}}}",
                         spec));
}

TEST(Controllers, ASuspendedJobLosesItsPodsAndBeginsAnewWhenResumed) {
  ServerWorld world;
  CreateJob(world, kJobPod);
  world.Advance(2s);
  EXPECT_EQ(world.At(kJob, "status.active"), "1");
  EXPECT_EQ(Patch(world, kJob, R"({"spec":{"suspend":true}})"), "");
  EXPECT_EQ(world.At(kPodList, "items"), "[]");
  EXPECT_EQ(world.At(kJob, "status.active"), "nothing");
  EXPECT_EQ(world.At(kJob, "status.failed"), "nothing");
  EXPECT_EQ(world.At(kJob, "status.startTime"), "nothing");
  EXPECT_EQ(world.At(kJob, "status.conditions[0].reason"), "JobSuspended");
  EXPECT_EQ(Patch(world, kJob, R"({"spec":{"suspend":false}})"), "");
  EXPECT_EQ(world.At(kJob, "status.conditions[0].reason"), "JobResumed");
  EXPECT_EQ(world.At(kJob, "status.conditions[0].status"), "False");
  EXPECT_EQ(world.At(kJob, "status.active"), "1");
}

TEST(Controllers, AJobFailsAtItsDeadline) {
  ServerWorld world;
  CreateJob(world, fmt::format("activeDeadlineSeconds: 10, {}", kJobPod));
  world.Advance(9s);
  EXPECT_EQ(world.At(kJob, "status.conditions"), "nothing");
  world.Advance(3s);
  EXPECT_EQ(world.At(kJob, "status.conditions[0].type"), "FailureTarget");
  EXPECT_EQ(world.At(kJob, "status.conditions[1].type"), "Failed");
  EXPECT_EQ(world.At(kJob, "status.conditions[1].reason"), "DeadlineExceeded");
  EXPECT_EQ(world.At(kJob, "status.failed"), "1");
  EXPECT_EQ(world.At(kPodList, "items"), "[]");
}

TEST(Controllers, AFinishedJobGoesWhenItsTimeIsOver) {
  ServerWorld world;
  CreateJob(world,
            "ttlSecondsAfterFinished: 20, template: {spec: {restartPolicy: Never, containers: "
            "[{name: c, image: i}]}}");
  world.Advance(10s);
  EXPECT_EQ(world.At(kJob, "status.succeeded"), "1");
  world.Advance(20s);
  EXPECT_EQ(world.Send("GET", kJob).status, 404);
  EXPECT_EQ(world.At(kPodList, "items"), "[]");
}

TEST(Controllers, APodThatAJobHasCountedMayGo) {
  ServerWorld world({.pod_run = 2s});
  CreateJob(world,
            "completions: 2, template: {spec: {restartPolicy: Never, containers: [{name: c, image: "
            "i}]}}");
  world.Advance(3s);
  ASSERT_EQ(world.At(kJob, "status.succeeded"), "1");
  world.Send("DELETE", kPodList);
  world.Advance(10s);
  EXPECT_EQ(world.At(kJob, "status.succeeded"), "2");
}

TEST(Controllers, AStatefulSetRollsDownToItsPartitionAndKeepsItsRevisions) {
  ServerWorld world;
  constexpr const char* kSet = "/apis/apps/v1/namespaces/default/statefulsets/db";
  constexpr const char* kRevisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
  world.Create("/apis/apps/v1/namespaces/default/statefulsets", R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}
)");
  world.Advance(10s);
  const std::string first = world.At(kSet, "status.currentRevision");
  EXPECT_EQ(world.At(kRevisions, "items[0].metadata.name"), first);
  EXPECT_EQ(world.At(kRevisions, "items[0].revision"), "1");
  EXPECT_EQ(world.At(kSet, "status.updateRevision"), first);

  const std::string image =
      R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"j"}]}}}})";
  EXPECT_EQ(Patch(world, kSet, image), "");
  world.Advance(10s);
  const std::string second = world.At(kSet, "status.updateRevision");
  EXPECT_NE(second, first);
  EXPECT_EQ(world.At(kSet, "status.currentRevision"), first);
  EXPECT_EQ(world.At(kSet, "status.updatedReplicas"), "1");
  EXPECT_EQ(world.At(kSet, "status.currentReplicas"), "2");
  const auto image_of = [&](int i) {
    return world.At(fmt::format("/api/v1/namespaces/default/pods/db-{}", i),
                    "spec.containers[0].image");
  };
  EXPECT_EQ(image_of(1), "i");
  EXPECT_EQ(image_of(2), "j");
  // One that is below the partition comes back as it was.
  world.Send("DELETE", "/api/v1/namespaces/default/pods/db-0");
  world.Advance(5s);
  EXPECT_EQ(image_of(0), "i");

  EXPECT_EQ(Patch(world, kSet, R"({"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}})"),
            "");
  world.Advance(10s);
  EXPECT_EQ(image_of(0), "j");
  EXPECT_EQ(world.At(kSet, "status.currentRevision"), second);
  EXPECT_EQ(world.At(kSet, "status.currentReplicas"), "3");
}

constexpr const char* kVolumes = "/api/v1/persistentvolumes";
constexpr const char* kClaims = "/api/v1/namespaces/default/persistentvolumeclaims";

void CreateVolume(ServerWorld& world, std::string_view name, std::string_view size,
                  std::string_view policy) {
  world.Create(
      kVolumes,
      fmt::format("{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {}}}, spec: "
                  "{{capacity: {{storage: {}}}, accessModes: [ReadWriteOnce], "
                  "persistentVolumeReclaimPolicy: {}, storageClassName: own, hostPath: "
                  "{{path: /x}}}}}}",
                  name, size, policy));
}

void CreateClaim(ServerWorld& world, std::string_view name, std::string_view more) {
  world.Create(
      kClaims,
      fmt::format("{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {}}}, "
                  "spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: "
                  "2Gi}}}}{}}}}}",
                  name, more));
  world.Advance(1s);
}

TEST(Controllers, AClaimTakesTheSmallestVolumeThatFits) {
  ServerWorld world;
  CreateVolume(world, "small", "1Gi", "Retain");
  CreateVolume(world, "large", "9Gi", "Retain");
  CreateVolume(world, "fitting", "3Gi", "Retain");
  world.Advance(1s);
  CreateClaim(world, "a", ", storageClassName: own");
  EXPECT_EQ(world.At(std::string(kClaims) + "/a", "spec.volumeName"), "fitting");
  EXPECT_EQ(world.At(std::string(kClaims) + "/a", "status.capacity.storage"), "3Gi");
  EXPECT_EQ(world.At(std::string(kVolumes) + "/fitting", "status.phase"), "Bound");
  EXPECT_EQ(world.At(std::string(kVolumes) + "/fitting", "spec.claimRef.name"), "a");
  EXPECT_EQ(world.At(std::string(kVolumes) + "/large", "status.phase"), "Available");
}

TEST(Controllers, AClaimThatNamesItsVolumeWaitsForIt) {
  ServerWorld world;
  CreateClaim(world, "a", ", storageClassName: own, volumeName: later");
  EXPECT_EQ(world.At(std::string(kClaims) + "/a", "status.phase"), "Pending");
  CreateVolume(world, "later", "3Gi", "Retain");
  world.Advance(1s);
  EXPECT_EQ(world.At(std::string(kClaims) + "/a", "status.phase"), "Bound");
  EXPECT_EQ(world.At(std::string(kVolumes) + "/later", "status.phase"), "Bound");
}

TEST(Controllers, AVolumeIsReclaimedByItsPolicy) {
  ServerWorld world;
  CreateVolume(world, "kept", "3Gi", "Retain");
  world.Advance(1s);
  CreateClaim(world, "a", ", storageClassName: own");
  CreateClaim(world, "b", "");
  const std::string made = world.At(std::string(kClaims) + "/b", "spec.volumeName");
  EXPECT_EQ(world.At(fmt::format("{}/{}", kVolumes, made), "status.phase"), "Bound");
  // One that is in use does not go.
  world.Send("DELETE", std::string(kVolumes) + "/kept");
  world.Advance(1s);
  EXPECT_EQ(world.At(std::string(kVolumes) + "/kept", "status.phase"), "Bound");
  world.Send("DELETE", std::string(kClaims) + "/b");
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", fmt::format("{}/{}", kVolumes, made)).status, 404);
}

TEST(Controllers, AVolumeThatIsRetainedIsReleased) {
  ServerWorld world;
  CreateVolume(world, "kept", "3Gi", "Retain");
  world.Advance(1s);
  CreateClaim(world, "a", ", storageClassName: own");
  world.Send("DELETE", std::string(kClaims) + "/a");
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", std::string(kClaims) + "/a").status, 404);
  EXPECT_EQ(world.At(std::string(kVolumes) + "/kept", "status.phase"), "Released");
}

TEST(Controllers, AClaimStaysWhileAPodUsesIt) {
  ServerWorld world;
  CreateClaim(world, "a", "");
  world.Create(kPodList,
               "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, "
               "image: i}], volumes: [{name: v, persistentVolumeClaim: {claimName: a}}]}}");
  world.Advance(1s);
  world.Send("DELETE", std::string(kClaims) + "/a");
  world.Advance(1s);
  EXPECT_EQ(world.At(std::string(kClaims) + "/a", "status.phase"), "Bound");
  world.Send("DELETE", std::string(kPodList) + "/p");
  world.Advance(1s);
  EXPECT_EQ(world.Send("GET", std::string(kClaims) + "/a").status, 404);
}

}  // namespace
}  // namespace kro::apiserver
