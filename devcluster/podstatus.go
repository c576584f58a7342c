package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// statusOf is the status that a kubelet reports of a pod in that state. Times and
// conditions that stay as they are are taken from the pod, so that the result
// equals the present status when nothing has changed.
func statusOf(pod *corev1.Pod, state podState, ip string, now metav1.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.ObservedGeneration = pod.Generation
	if state == unschedulable {
		status.Phase = corev1.PodPending
		setCondition(pod, &status, corev1.PodScheduled, false, corev1.PodReasonUnschedulable, now)
		return status
	}

	if status.StartTime == nil {
		status.StartTime = &now
	}
	status.Phase = phases[state]
	status.HostIP, status.HostIPs = nodeIP, []corev1.HostIP{{IP: nodeIP}}
	status.PodIP, status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	status.InitContainerStatuses = containerStatuses(pod, pod.Spec.InitContainers, status.InitContainerStatuses, state, now, true)
	status.ContainerStatuses = containerStatuses(pod, pod.Spec.Containers, status.ContainerStatuses, state, now, false)

	unready := map[podState]string{succeeded: "PodCompleted", failed: "PodFailed"}[state]
	if unready == "" {
		unready = "ContainersNotReady"
	}
	gates := readinessGatesOpen(pod)
	readyReason := unready
	if state == ready && !gates {
		readyReason = "ReadinessGatesNotReady"
	}
	ended := state == succeeded || state == failed
	setCondition(pod, &status, corev1.PodReadyToStartContainers, !ended, "", now)
	setCondition(pod, &status, corev1.PodInitialized, true, map[bool]string{true: "PodCompleted"}[state == succeeded], now)
	setCondition(pod, &status, corev1.PodReady, state == ready && gates, readyReason, now)
	setCondition(pod, &status, corev1.ContainersReady, state == ready, unready, now)
	setCondition(pod, &status, corev1.PodScheduled, true, "", now)
	return status
}

var phases = map[podState]corev1.PodPhase{
	running:   corev1.PodRunning,
	ready:     corev1.PodRunning,
	crashing:  corev1.PodRunning,
	succeeded: corev1.PodSucceeded,
	failed:    corev1.PodFailed,
}

func readinessGatesOpen(pod *corev1.Pod) bool {
	for _, gate := range pod.Spec.ReadinessGates {
		open := false
		for _, c := range pod.Status.Conditions {
			open = open || c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		}
		if !open {
			return false
		}
	}
	return true
}

// setCondition leaves other conditions alone: readiness gates belong to others.
// The reason of a condition that is true is kept only where a kubelet gives one.
func setCondition(pod *corev1.Pod, status *corev1.PodStatus, kind corev1.PodConditionType, holds bool, reason string, now metav1.Time) {
	condition := corev1.PodCondition{
		Type: kind, Status: corev1.ConditionTrue,
		LastTransitionTime: now, ObservedGeneration: pod.Generation,
	}
	if !holds {
		condition.Status = corev1.ConditionFalse
	}
	if !holds || kind == corev1.PodInitialized {
		condition.Reason = reason
	}
	for i, old := range status.Conditions {
		if old.Type == kind {
			if old.Status == condition.Status {
				condition.LastTransitionTime = old.LastTransitionTime
			}
			status.Conditions[i] = condition
			return
		}
	}
	status.Conditions = append(status.Conditions, condition)
}

func containerStatuses(pod *corev1.Pod, containers []corev1.Container, old []corev1.ContainerStatus, state podState, now metav1.Time, init bool) []corev1.ContainerStatus {
	var statuses []corev1.ContainerStatus
	for i, container := range containers {
		start := now
		if i < len(old) {
			start = startOf(old[i].State, now)
		}
		if init && ptr.Deref(container.RestartPolicy, "") != corev1.ContainerRestartPolicyAlways {
			statuses = append(statuses, containerStatus(pod, container, succeeded, start, now, true))
		} else {
			statuses = append(statuses, containerStatus(pod, container, state, start, now, false))
		}
		if i < len(old) && old[i].State.Terminated != nil && statuses[i].State.Terminated != nil {
			statuses[i].State = old[i].State
		}
	}
	return statuses
}

func startOf(state corev1.ContainerState, now metav1.Time) metav1.Time {
	switch {
	case state.Running != nil:
		return state.Running.StartedAt
	case state.Terminated != nil:
		return state.Terminated.StartedAt
	default:
		return now
	}
}

func containerStatus(pod *corev1.Pod, container corev1.Container, state podState, start, now metav1.Time, init bool) corev1.ContainerStatus {
	id := fmt.Sprintf("devcluster://%s/%s", pod.UID, container.Name)
	status := corev1.ContainerStatus{
		Name:        container.Name,
		Image:       container.Image,
		ImageID:     container.Image,
		ContainerID: id,
		// A completed init container counts as ready.
		Ready:   state == ready || init && state == succeeded,
		Started: ptr.To(state == ready || state == running),
	}
	switch state {
	case succeeded:
		status.State.Terminated = &corev1.ContainerStateTerminated{
			Reason: "Completed", StartedAt: start, FinishedAt: now, ContainerID: id,
		}
	case failed:
		status.State.Terminated = &corev1.ContainerStateTerminated{
			ExitCode: 1, Reason: "Error", StartedAt: start, FinishedAt: now, ContainerID: id,
		}
	case crashing:
		status.RestartCount = 1
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	default:
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: start}
	}
	return status
}
