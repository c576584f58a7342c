package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// kroDev starts `kro dev`, the program named by KRO_PROGRAM, until the test ends.
func kroDev(t *testing.T) *rest.Config {
	t.Helper()
	program := os.Getenv("KRO_PROGRAM")
	if program == "" {
		t.Skip("KRO_PROGRAM names no program")
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	command := exec.Command(program, "dev", "--kubeconfig", kubeconfig)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Errorf("kro dev: %v", err)
		}
	})
	eventually(t, "the kubeconfig is there", func(context.Context) bool {
		_, err := os.Stat(kubeconfig)
		return err == nil
	})
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// The Go client library, unmodified, in its standard use: typed clients, which send protobuf, apply, informers,
// discovery, and the dynamic client for an API that kro makes.
func TestClientGo(t *testing.T) {
	config := kroDev(t)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()

	t.Run("Discovery", func(t *testing.T) {
		_, resources, err := client.Discovery().ServerGroupsAndResources()
		if err != nil || len(resources) < 10 {
			t.Fatalf("%d group-versions, %v", len(resources), err)
		}
	})
	t.Run("Typed", func(t *testing.T) {
		maps := client.CoreV1().ConfigMaps("default")
		created, err := maps.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "typed"}, Data: map[string]string{"k": "1"}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		created.Data["k"] = "2"
		if _, err := maps.Update(ctx, created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		created.Data["k"] = "3"
		if _, err := maps.Update(ctx, created, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
			t.Fatalf("expected a conflict, got %v", err)
		}
		if err := maps.Delete(ctx, "typed", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := maps.Get(ctx, "typed", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Fatalf("expected that it is not found, got %v", err)
		}
	})
	t.Run("Apply", func(t *testing.T) {
		maps := client.CoreV1().ConfigMaps("default")
		wanted := corev1apply.ConfigMap("applied", "default").WithData(map[string]string{"k": "1"})
		if _, err := maps.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "one"}); err != nil {
			t.Fatal(err)
		}
		wanted.Data["k"] = "2"
		_, err := maps.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "two"})
		if !apierrors.IsConflict(err) {
			t.Fatalf("expected a conflict, got %v", err)
		}
	})
	t.Run("Informer", func(t *testing.T) {
		factory := informers.NewSharedInformerFactory(client, 0)
		informer := factory.Core().V1().Pods().Informer()
		ready := make(chan string, 100)
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			UpdateFunc: func(_, now any) {
				pod := now.(*corev1.Pod)
				for _, condition := range pod.Status.Conditions {
					if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
						ready <- pod.Name
					}
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())
		labels := map[string]string{"app": "web"}
		two := int32(2)
		_, err = client.AppsV1().Deployments("default").Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "web"},
			Spec: appsv1.DeploymentSpec{
				Replicas: &two,
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
				}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for len(names) < 2 {
			select {
			case name := <-ready:
				names[name] = true
			case <-time.After(patience):
				t.Fatalf("pods that became ready: %v", names)
			}
		}
	})
	t.Run("Dynamic", func(t *testing.T) {
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		rgds := client.Resource(schema.GroupVersionResource{
			Group: "kro.run", Version: "v1alpha1", Resource: "resourcegraphdefinitions"})
		eventually(t, "the definition is made", func(ctx context.Context) bool {
			_, err := rgds.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "kro.run/v1alpha1", "kind": "ResourceGraphDefinition",
				"metadata": map[string]any{"name": "note"},
				"spec": map[string]any{
					"schema": map[string]any{"apiVersion": "v1alpha1", "kind": "Note",
						"spec": map[string]any{"text": "string"}},
					"resources": []any{map[string]any{"id": "map", "template": map[string]any{
						"apiVersion": "v1", "kind": "ConfigMap",
						"metadata": map[string]any{"name": "${schema.metadata.name}"},
						"data":     map[string]any{"text": "${schema.spec.text}"}}}}}}}, metav1.CreateOptions{})
			return err == nil || apierrors.IsAlreadyExists(err)
		})
		notes := client.Resource(schema.GroupVersionResource{
			Group: "kro.run", Version: "v1alpha1", Resource: "notes"}).Namespace("default")
		eventually(t, "an instance is made", func(ctx context.Context) bool {
			_, err := notes.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "kro.run/v1alpha1", "kind": "Note",
				"metadata": map[string]any{"name": "n"},
				"spec":     map[string]any{"text": "hello"}}}, metav1.CreateOptions{})
			return err == nil || apierrors.IsAlreadyExists(err)
		})
		eventually(t, "it is active", func(ctx context.Context) bool {
			note, err := notes.Get(ctx, "n", metav1.GetOptions{})
			if err != nil {
				return false
			}
			state, _, _ := unstructured.NestedString(note.Object, "status", "state")
			return state == "ACTIVE"
		})
	})
}
