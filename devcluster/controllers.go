package main

import (
	"context"
	"strings"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// controllers of kube-controller-manager that a test can notice. The garbage
// collector runs elsewhere (garbage.go). Controllers of nodes, certificates and
// clouds have nothing to do here.
var controllers = []string{
	"clusterrole-aggregation-controller",
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"disruption-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"endpointslice-mirroring-controller",
	"job-controller",
	"namespace-controller",
	"persistentvolume-binder-controller",
	"persistentvolume-protection-controller",
	"persistentvolumeclaim-protection-controller",
	"pod-garbage-collector-controller",
	"replicaset-controller",
	"replicationcontroller-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
	"ttl-after-finished-controller",
	"validatingadmissionpolicy-status-controller",
}

func controllerFlags() []string {
	return []string{
		"--kubeconfig=" + internalKubeconfig,
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
		"--root-ca-file=" + caCertFile,
		"--service-account-private-key-file=" + serviceAccountKeyFile,
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
}

// runControllers waits for the API server first: the controller manager looks
// for it only once a second.
func runControllers(flags []string) error {
	config, err := loadConfig(internalKubeconfig, "probe")
	if err != nil {
		return err
	}
	if err := waitForHealth(context.Background(), config, "/healthz"); err != nil {
		return err
	}
	command := app.NewControllerManagerCommand()
	command.SetArgs(flags)
	return exited("kube-controller-manager", cli.Run(command))
}
