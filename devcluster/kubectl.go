package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that kubectl knows
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// kubectl runs the real kubectl. Where the user names no cluster, it talks to
// the default one of devcluster, if that is running.
func kubectl(args []string) error {
	if os.Getenv("KUBECONFIG") == "" {
		c, err := newCluster("default")
		if err != nil {
			return err
		}
		if path, err := c.kubeconfig(); err == nil {
			os.Setenv("KUBECONFIG", path)
		}
	}
	os.Args = append([]string{"kubectl"}, args...)
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints as kubectl does, then exits
	}
	return nil
}
