// Command devcluster runs a real Kubernetes control plane on this machine,
// without containers: etcd, kube-apiserver and the controllers of
// kube-controller-manager, plus a node whose pods only pretend to run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	_ "time/tzdata" // time zones of CronJobs, on machines without a zone database
)

const usage = `usage: devcluster COMMAND

  up                  start a cluster and stay until stopped
  down                stop a cluster
  restart             kill a cluster's API server and start it again
  kubeconfig          print the path of a cluster's kubeconfig
  kubectl             run the kubectl that is built in
  pretend             play the operators of kinds that have none here
  controller-manager  run the kube-controller-manager that is built in

"devcluster COMMAND -h" lists the flags of a command.
`

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return flag.ErrHelp
	}
	switch command, rest := args[0], args[1:]; command {
	case "up":
		return up(rest)
	case "down":
		return down(rest)
	case "restart":
		return restart(rest)
	case "kubeconfig":
		return printKubeconfig(rest)
	case "kubectl":
		return kubectl(rest)
	case "pretend":
		return pretend(rest)
	case "controller-manager":
		return controllerManager(rest)
	case "internal":
		return runRole(rest)
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	default:
		fmt.Fprint(os.Stderr, usage)
		return fmt.Errorf("unknown command %q", command)
	}
}
