package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/component-base/version"
)

const (
	nodeName = "devcluster"
	nodeIP   = "10.0.0.1"
)

// startNode registers the only node and starts what makes its pods look alive: a
// scheduler that says yes and a kubelet that reports. It returns once they watch.
func startNode(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	node, err := registerNode(ctx, client)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, err := newPodRunner(client, node, factory.Core().V1().Pods())
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("list %v: %w", kind, ctx.Err())
		}
	}
	go pods.run(ctx)
	return nil
}

func registerNode(ctx context.Context, client kubernetes.Interface) (*corev1.Node, error) {
	nodes := client.CoreV1().Nodes()
	if _, err := nodes.Create(ctx, newNode(), metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	// Admission taints every new node as not ready; a node controller would lift
	// the taint.
	var node *corev1.Node
	err := retry.RetryOnConflict(retry.DefaultRetry, func() (err error) {
		if node, err = nodes.Get(ctx, nodeName, metav1.GetOptions{}); err != nil {
			return err
		}
		node.Spec.Taints = nil
		node, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
	return node, err
}

func newNode() *corev1.Node {
	now := metav1.Now()
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("1000"),
		corev1.ResourceMemory:           resource.MustParse("4Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Ti"),
		corev1.ResourcePods:             resource.MustParse("100k"),
	}
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason,
			LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: nodeName,
			Labels: map[string]string{
				corev1.LabelHostname:   nodeName,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: "amd64",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Conditions: []corev1.NodeCondition{
				condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
				condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
				condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
				condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
			},
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: nodeIP},
				{Type: corev1.NodeHostName, Address: nodeName},
			},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: version.Get().GitVersion, OperatingSystem: "linux", Architecture: "amd64",
				ContainerRuntimeVersion: "devcluster://1",
			},
		},
	}
}
