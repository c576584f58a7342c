package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // metrics of the real binaries
	_ "k8s.io/component-base/metrics/prometheus/version"  // metrics of the real binaries
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const (
	// A /24 would be full after 254 Services.
	serviceRange        = "10.96.0.0/12"
	kubernetesServiceIP = "10.96.0.1"

	auditPolicyFile = "audit-policy.yaml"
	// One line for each finished request but probes. A watch also has a line when it starts,
	// because it may outlive the log.
	defaultAuditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["/healthz", "/readyz", "/livez"]
- level: Metadata
`
)

type auditOptions struct {
	log    string // absolute, or empty for none
	policy string // YAML
}

// apiserverFlags are the flags of a kube-apiserver that listens on a reserved
// port.
func apiserverFlags(port int, options upOptions) []string {
	flags := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", // an Endpoints object may not hold a loopback address
		"--secure-port=" + strconv.Itoa(port),
		"--permit-port-sharing",
		"--tls-cert-file=" + servingCertFile,
		"--tls-private-key-file=" + servingKeyFile,
		"--client-ca-file=" + caCertFile,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + serviceAccountKeyFile,
		"--service-account-signing-key-file=" + serviceAccountKeyFile,
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=Node,RBAC",
		"--allow-privileged",
		"--max-requests-inflight=4000",
		"--max-mutating-requests-inflight=2000",
	}
	if options.goawayChance > 0 {
		flags = append(flags, fmt.Sprintf("--goaway-chance=%v", options.goawayChance))
	}
	if options.bare {
		// Nobody makes the service accounts that it asks of pods.
		flags = append(flags, "--disable-admission-plugins=ServiceAccount")
	}
	if options.audit.log != "" {
		flags = append(flags,
			"--audit-policy-file="+auditPolicyFile,
			"--audit-log-path="+options.audit.log,
			"--audit-log-maxsize=1000000", // MB; rotating would lose lines that a test counts
		)
	}
	return flags
}

// runAPIServer waits for etcd first: a connection that fails is tried again only
// a second later.
func runAPIServer(flags []string) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(etcdSocket); err == nil {
			break
		}
	}
	command := app.NewAPIServerCommand()
	command.SetArgs(flags)
	return exited("kube-apiserver", cli.Run(command))
}

func exited(name string, code int) error {
	return fmt.Errorf("%s: exited with code %d", name, code)
}
