package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// testCluster is one cluster for many tests.
type testCluster struct {
	kubernetes.Interface
	dynamic  dynamic.Interface
	auditLog string
}

func TestCluster(t *testing.T) {
	directory := t.TempDir()
	kubeconfig := filepath.Join(directory, "kubeconfig")
	auditLog := filepath.Join(directory, "audit.log")
	start(t, program(t, "up", "--name", "shared", "--kubeconfig", kubeconfig, "--audit-log", auditLog))
	config, err := loadConfig(kubeconfig, "test")
	if err != nil {
		t.Fatal(err)
	}
	c := testCluster{kubernetes.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(config), auditLog}

	// A group ends when all its parallel tests have, so the cluster outlives them.
	t.Run("group", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, testCluster){
			"a deployment becomes available":           deploymentBecomesAvailable,
			"a deployment that is never ready":         deploymentStaysUnavailable,
			"a stateful set becomes ready":             statefulSetBecomesReady,
			"a job completes":                          jobCompletes,
			"a job fails":                              jobFails,
			"a readiness gate holds back a pod":        readinessGateHoldsBack,
			"a pod without a fitting node stays":       podStaysUnscheduled,
			"a service gets endpoints":                 serviceGetsEndpoints,
			"a deleted namespace disappears":           namespaceDisappears,
			"dependents of a new type's object go too": dependentsAreCollected,
			"more services than a /24 holds":           manyServices,
			"the audit log has each request":           auditLogHasRequest,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
}

func deploymentBecomesAvailable(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	deployment := parse[appsv1.Deployment](t, webDeployment)
	must(c.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}))(t)

	eventually(t, "available", func(ctx context.Context) bool {
		d := must(c.AppsV1().Deployments(namespace).Get(ctx, "web", metav1.GetOptions{}))(t)
		for _, condition := range d.Status.Conditions {
			if condition.Type == appsv1.DeploymentAvailable && condition.Status == corev1.ConditionTrue {
				return d.Status.ReadyReplicas == 3
			}
		}
		return false
	})
}

func deploymentStaysUnavailable(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	deployment := parse[appsv1.Deployment](t, webDeployment)
	deployment.Spec.Template.Annotations = map[string]string{behaviourAnnotation: behaviourNotReady}
	must(c.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{}))(t)

	eventually(t, "three pods run", func(ctx context.Context) bool {
		pods := must(c.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Running"}))(t)
		return len(pods.Items) == 3
	})
	d := must(c.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{}))(t)
	if d.Status.ReadyReplicas != 0 {
		t.Errorf("%d replicas are ready", d.Status.ReadyReplicas)
	}
}

func statefulSetBecomesReady(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	set := parse[appsv1.StatefulSet](t, `
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: postgres}]}
`)
	must(c.AppsV1().StatefulSets(namespace).Create(t.Context(), set, metav1.CreateOptions{}))(t)

	eventually(t, "two ready replicas", func(ctx context.Context) bool {
		s := must(c.AppsV1().StatefulSets(namespace).Get(ctx, "db", metav1.GetOptions{}))(t)
		return s.Status.ReadyReplicas == 2
	})
}

func jobCompletes(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	must(c.BatchV1().Jobs(namespace).Create(t.Context(), parse[batchv1.Job](t, onceJob), metav1.CreateOptions{}))(t)

	eventually(t, "complete", func(ctx context.Context) bool { return c.jobHas(ctx, t, namespace, batchv1.JobComplete) })
}

func jobFails(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	job := parse[batchv1.Job](t, onceJob)
	job.Spec.Template.Annotations = map[string]string{behaviourAnnotation: behaviourFails}
	must(c.BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}))(t)

	eventually(t, "failed", func(ctx context.Context) bool { return c.jobHas(ctx, t, namespace, batchv1.JobFailed) })
}

func readinessGateHoldsBack(t *testing.T, c testCluster) {
	pods := c.CoreV1().Pods(c.newNamespace(t))
	must(pods.Create(t.Context(), parse[corev1.Pod](t, `
metadata: {name: gated}
spec:
  readinessGates: [{conditionType: example.com/gate}]
  containers: [{name: c, image: i}]
`), metav1.CreateOptions{}))(t)
	eventually(t, "running, containers ready, pod not ready", func(ctx context.Context) bool {
		pod := must(pods.Get(ctx, "gated", metav1.GetOptions{}))(t)
		return hasCondition(pod, corev1.ContainersReady) && !hasCondition(pod, corev1.PodReady)
	})

	gate := []byte(`{"status":{"conditions":[{"type":"example.com/gate","status":"True"}]}}`)
	must(pods.Patch(t.Context(), "gated", "application/strategic-merge-patch+json", gate, metav1.PatchOptions{}, "status"))(t)

	eventually(t, "ready", func(ctx context.Context) bool {
		return hasCondition(must(pods.Get(ctx, "gated", metav1.GetOptions{}))(t), corev1.PodReady)
	})
}

func podStaysUnscheduled(t *testing.T, c testCluster) {
	pods := c.CoreV1().Pods(c.newNamespace(t))
	must(pods.Create(t.Context(), parse[corev1.Pod](t, `
metadata: {name: picky}
spec:
  nodeSelector: {gpu: "true"}
  containers: [{name: c, image: i}]
`), metav1.CreateOptions{}))(t)

	eventually(t, "unschedulable", func(ctx context.Context) bool {
		pod := must(pods.Get(ctx, "picky", metav1.GetOptions{}))(t)
		return pod.Status.Phase == corev1.PodPending && len(pod.Status.Conditions) == 1 &&
			pod.Status.Conditions[0].Reason == corev1.PodReasonUnschedulable
	})
}

func serviceGetsEndpoints(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	must(c.AppsV1().Deployments(namespace).Create(t.Context(), parse[appsv1.Deployment](t, webDeployment), metav1.CreateOptions{}))(t)
	must(c.CoreV1().Services(namespace).Create(t.Context(), parse[corev1.Service](t, `
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`), metav1.CreateOptions{}))(t)

	eventually(t, "three ready endpoints", func(ctx context.Context) bool {
		slices := must(c.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{}))(t)
		count := 0
		for _, slice := range slices.Items {
			for _, endpoint := range slice.Endpoints {
				if ptr.Deref(endpoint.Conditions.Ready, false) {
					count++
				}
			}
		}
		return count == 3
	})
}

func namespaceDisappears(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	must(c.AppsV1().Deployments(namespace).Create(t.Context(), parse[appsv1.Deployment](t, webDeployment), metav1.CreateOptions{}))(t)
	if err := c.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	eventually(t, "gone", func(ctx context.Context) bool {
		_, err := c.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func dependentsAreCollected(t *testing.T, c testCluster) {
	// Given an object of a type that did not exist when the collector started,
	// which owns a config map
	namespace := c.newNamespace(t)
	crds := c.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	must(crds.Create(t.Context(), parse[unstructured.Unstructured](t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: owners.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Owner, plural: owners}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`), metav1.CreateOptions{}))(t)
	owners := c.dynamic.Resource(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "owners"}).Namespace(namespace)
	var owner *unstructured.Unstructured
	eventually(t, "the new type is served", func(ctx context.Context) (created bool) {
		var err error
		owner, err = owners.Create(ctx, parse[unstructured.Unstructured](t, `
apiVersion: example.com/v1
kind: Owner
metadata: {name: owner}
`), metav1.CreateOptions{})
		return err == nil
	})
	dependent := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "dependent",
		OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "example.com/v1", Kind: "Owner", Name: "owner", UID: owner.GetUID()},
		},
	}}
	must(c.CoreV1().ConfigMaps(namespace).Create(t.Context(), dependent, metav1.CreateOptions{}))(t)

	if err := owners.Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	eventually(t, "the dependent is gone", func(ctx context.Context) bool {
		_, err := c.CoreV1().ConfigMaps(namespace).Get(ctx, "dependent", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func manyServices(t *testing.T, c testCluster) {
	services := c.CoreV1().Services(c.newNamespace(t))
	for i := range 300 {
		service := parse[corev1.Service](t, "spec: {ports: [{port: 80}]}")
		service.Name = fmt.Sprintf("s%d", i)
		must(services.Create(t.Context(), service, metav1.CreateOptions{}))(t)
	}
}

func auditLogHasRequest(t *testing.T, c testCluster) {
	namespace := c.newNamespace(t)
	must(c.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{}))(t)

	log := must(os.ReadFile(c.auditLog))(t)
	request := []byte(`"requestURI":"/api/v1/namespaces/` + namespace + `/secrets"`)
	if n := bytes.Count(log, request); n != 1 {
		t.Errorf("the log has the request %d times", n)
	}
}

const webDeployment = `
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`

const onceJob = `
metadata: {name: once}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: once, image: busybox}]
`

// newNamespace returns once pods can be created in it.
func (c testCluster) newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	name := must(c.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}))(t).Name
	eventually(t, "the namespace has a service account", func(ctx context.Context) bool {
		_, err := c.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	return name
}

func (c testCluster) jobHas(ctx context.Context, t *testing.T, namespace string, kind batchv1.JobConditionType) bool {
	t.Helper()
	job := must(c.BatchV1().Jobs(namespace).Get(ctx, "once", metav1.GetOptions{}))(t)
	for _, condition := range job.Status.Conditions {
		if condition.Type == kind {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func hasCondition(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == kind {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func parse[T any](t *testing.T, manifest string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.Unmarshal([]byte(manifest), object); err != nil {
		t.Fatal(err)
	}
	return object
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
