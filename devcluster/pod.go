package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// behaviourAnnotation on a pod (in a workload: on its template) makes it do
// something else than the default, which is to get ready, and to succeed if its
// restart policy lets it end.
const behaviourAnnotation = "devcluster.kro.run/pod"

const (
	behaviourNotReady = "not-ready" // runs, never gets ready
	behaviourFails    = "fails"     // ends with exit code 1
	behaviourRuns     = "runs"      // runs for ever, also where it could succeed
)

// runTime is how long a pod that ends is seen to run.
const runTime = 200 * time.Millisecond

type action int

const (
	nothing action = iota
	bind           // to the node
	remove         // a pod that was deleted has ended
	report         // the status
)

type podState int

const (
	unschedulable podState = iota
	running                // but not ready
	ready
	succeeded
	failed
	crashing // fails, and is restarted with a delay
)

type decision struct {
	action action
	state  podState      // for report
	again  time.Duration // decide again after this time, if positive
}

// decide says what the scheduler or the kubelet of the node does next.
func decide(pod *corev1.Pod, node *corev1.Node, now time.Time) decision {
	switch {
	case pod.Spec.NodeName == "":
		return schedule(pod, node)
	case pod.Spec.NodeName != node.Name:
		return decision{}
	case pod.DeletionTimestamp != nil:
		// With no grace left, only finalizers keep it, and those are not ours.
		if pod.DeletionGracePeriodSeconds != nil && *pod.DeletionGracePeriodSeconds == 0 {
			return decision{}
		}
		return decision{action: remove}
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return decision{}
	default:
		return execute(pod, now)
	}
}

func schedule(pod *corev1.Pod, node *corev1.Node) decision {
	ours := pod.Spec.SchedulerName == corev1.DefaultSchedulerName
	if !ours || len(pod.Spec.SchedulingGates) > 0 || pod.DeletionTimestamp != nil {
		return decision{}
	}
	if fits, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err != nil || !fits {
		return decision{action: report, state: unschedulable}
	}
	return decision{action: bind}
}

func execute(pod *corev1.Pod, now time.Time) decision {
	behaviour := pod.Annotations[behaviourAnnotation]
	endless := pod.Spec.RestartPolicy == corev1.RestartPolicyAlways
	switch {
	case behaviour == behaviourNotReady:
		return decision{action: report, state: running}
	case behaviour == behaviourFails && pod.Spec.RestartPolicy != corev1.RestartPolicyNever:
		return decision{action: report, state: crashing}
	case behaviour == behaviourRuns, endless:
		return decision{action: report, state: ready}
	}

	if pod.Status.StartTime == nil {
		return decision{action: report, state: ready, again: runTime}
	}
	// The start is written with a precision of seconds, so the time left may come
	// out as less than it is; never as more than runTime.
	if left := runTime - now.Sub(pod.Status.StartTime.Time); left > 0 {
		return decision{action: report, state: ready, again: left}
	}
	if behaviour == behaviourFails {
		return decision{action: report, state: failed}
	}
	return decision{action: report, state: succeeded}
}
