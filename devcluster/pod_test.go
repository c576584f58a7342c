package main

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var testNode = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: map[string]string{"disk": "fast"}}}

func TestDecide(t *testing.T) {
	const unbound = `spec: {schedulerName: default-scheduler`
	const bound = `spec: {nodeName: devcluster, restartPolicy: `
	const startedLongAgo = `, phase: Running, startTime: "2026-01-01T00:00:00Z"}`
	for pod, want := range map[string]decision{
		// scheduling
		unbound + `}`: {action: bind},
		unbound + `, nodeSelector: {disk: fast}}`:   {action: bind},
		unbound + `, nodeSelector: {disk: slow}}`:   {action: report, state: unschedulable},
		unbound + `, schedulingGates: [{name: g}]}`: {},
		`spec: {schedulerName: another}`:            {},
		`spec: {nodeName: another}`:                 {},
		// running
		bound + `Always}`: {action: report, state: ready},
		bound + `Never}`:  {action: report, state: ready, again: runTime},
		bound + "Never}\nstatus: {reason: x" + startedLongAgo:     {action: report, state: succeeded},
		bound + "OnFailure}\nstatus: {reason: x" + startedLongAgo: {action: report, state: succeeded},
		// behaving otherwise
		behaves("runs") + bound + "Never}\nstatus: {reason: x" + startedLongAgo:      {action: report, state: ready},
		behaves("fails") + bound + "Never}\nstatus: {reason: x" + startedLongAgo:     {action: report, state: failed},
		behaves("fails") + bound + "OnFailure}\nstatus: {reason: x" + startedLongAgo: {action: report, state: crashing},
		behaves("not-ready") + bound + `Always}`:                                     {action: report, state: running},
		// the end
		bound + "Never}\nstatus: {phase: Succeeded}": {},
		"metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\", deletionGracePeriodSeconds: 30}\n" + bound + `Always}`: {action: remove},
		"metadata: {deletionTimestamp: \"2026-01-01T00:00:00Z\", deletionGracePeriodSeconds: 0}\n" + bound + `Always}`:  {},
	} {
		if got := decide(parse[corev1.Pod](t, pod), testNode, time.Now()); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", pod, got, want)
		}
	}
}

func TestAStatusThatStandsIsNotWrittenAgain(t *testing.T) {
	for _, state := range []podState{unschedulable, running, ready, succeeded, failed, crashing} {
		pod := parse[corev1.Pod](t, `
metadata: {uid: u, generation: 2}
spec:
  initContainers: [{name: init, image: i}, {name: sidecar, image: s, restartPolicy: Always}]
  containers: [{name: main, image: m}]
`)
		first := metav1.NewTime(time.Unix(1000, 0))
		pod.Status = statusOf(pod, state, "10.128.0.1", first)

		later := statusOf(pod, state, "10.128.0.1", metav1.NewTime(first.Add(time.Minute)))

		if !equality.Semantic.DeepEqual(pod.Status, later) {
			t.Errorf("state %d: was\n%+v\nis\n%+v", state, pod.Status, later)
		}
	}
}

func behaves(behaviour string) string {
	return "metadata: {annotations: {" + behaviourAnnotation + ": " + behaviour + "}}\n"
}
