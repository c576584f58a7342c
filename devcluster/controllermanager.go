package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// controllerManager runs the real kube-controller-manager with its own flags, for a cluster that was started
// with other --controllers.
func controllerManager(args []string) error {
	os.Args = append([]string{roleControllers}, args...)
	return exited(roleControllers, cli.Run(app.NewControllerManagerCommand()))
}
