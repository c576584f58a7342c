package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const podWorkers = 8

// A podRunner is the scheduler and the kubelet of the only node. What it decides
// is in pod.go; here it only acts.
type podRunner struct {
	client    kubernetes.Interface
	node      *corev1.Node
	pods      corelisters.PodLister
	queue     workqueue.TypedRateLimitingInterface[cache.ObjectName]
	addresses *addressPool
}

func newPodRunner(client kubernetes.Interface, node *corev1.Node, pods coreinformers.PodInformer) (*podRunner, error) {
	// A conflict with a controller is the usual failure, so retry at once.
	retries := workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](5*time.Millisecond, 10*time.Second)
	r := &podRunner{
		client:    client,
		node:      node,
		pods:      pods.Lister(),
		queue:     workqueue.NewTypedRateLimitingQueue(retries),
		addresses: newAddressPool(),
	}
	enqueue := func(object any) {
		if name, err := cache.DeletionHandlingObjectToName(object); err == nil {
			r.queue.Add(name)
		}
	}
	_, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
		DeleteFunc: enqueue,
	})
	return r, err
}

func (r *podRunner) run(ctx context.Context) {
	for range podWorkers {
		go r.work(ctx)
	}
	<-ctx.Done()
	r.queue.ShutDown()
}

func (r *podRunner) work(ctx context.Context) {
	for {
		name, shutdown := r.queue.Get()
		if shutdown {
			return
		}
		err := r.reconcile(ctx, name)
		switch {
		case err == nil:
			r.queue.Forget(name)
		case apierrors.IsNotFound(err):
			r.queue.Forget(name) // the event of its deletion follows
		default:
			if !apierrors.IsConflict(err) && ctx.Err() == nil {
				utilruntime.HandleErrorWithContext(ctx, err, "pod", "name", name)
			}
			r.queue.AddRateLimited(name)
		}
		r.queue.Done(name)
	}
}

func (r *podRunner) reconcile(ctx context.Context, name cache.ObjectName) error {
	pod, err := r.pods.Pods(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		r.addresses.release(name)
		return nil
	}
	if err != nil {
		return err
	}

	switch decision := decide(pod, r.node, time.Now()); decision.action {
	case bind:
		return r.bind(ctx, pod)
	case remove:
		return r.remove(ctx, pod)
	case report:
		if decision.again > 0 {
			r.queue.AddAfter(name, decision.again)
		}
		return r.report(ctx, pod, decision.state)
	default:
		return nil
	}
}

func (r *podRunner) bind(ctx context.Context, pod *corev1.Pod) error {
	return r.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: r.node.Name},
	}, metav1.CreateOptions{FieldManager: "kube-scheduler"})
}

func (r *podRunner) remove(ctx context.Context, pod *corev1.Pod) error {
	now := int64(0)
	return r.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now,
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
}

func (r *podRunner) report(ctx context.Context, pod *corev1.Pod, s podState) error {
	ip := nodeIP
	if !pod.Spec.HostNetwork {
		ip = r.addresses.of(cache.MetaObjectToName(pod))
	}
	status := statusOf(pod, s, ip, metav1.Now())
	if equality.Semantic.DeepEqual(status, pod.Status) {
		return nil
	}
	updated := pod.DeepCopy()
	updated.Status = status
	_, err := r.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{FieldManager: "kubelet"})
	return err
}
