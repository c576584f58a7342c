// Package helm_test checks the chart and the plain manifests of deploy/ with the real Helm, on a real API server, and
// with the program that they run.
package helm_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

var (
	root    = flag.String("root", "../..", "the checkout")
	program = flag.String("kro", "", "the `program` that the chart runs")
)

func chart() string { return filepath.Join(*root, "deploy/helm/kro") }

// Values that an administrator may set, as text of a values file.
var notable = map[string]string{
	"defaults":           "{}",
	"one-replica":        "deployment: {replicaCount: 1}",
	"unrestricted":       "rbac: {mode: unrestricted}",
	"no-leader-election": "{config: {enableLeaderElection: false}, deployment: {replicaCount: 1}}",
	"other-names":        "{nameOverride: orchestrator, additionalLabels: {team: platform}, metadata: {includeHelmChart: false, includeManagedBy: false}}",
	"full-name":          "{fullnameOverride: the-operator, serviceAccount: {name: operator, annotations: {example.com/role: kro}}}",
	"no-account":         "serviceAccount: {create: false}",
	"metrics": `
metrics:
  service: {create: true, labels: {scrape: "yes"}, annotations: {example.com/port: "8078"}}
  serviceMonitor: {enabled: true, additionalLabels: {release: prometheus}, targetLabels: [app], relabelings: [{action: keep}], metricRelabelings: [{action: drop}]}`,
	"addresses": "{deployment: {containerPort: 9090}, config: {metricsBindAddress: ':9090', healthProbeBindAddress: '0.0.0.0:9091', debug: true}}",
	"settings": `
config:
  allowCRDDeletion: true
  installCRDs: false
  leaderElectionNamespace: default
  leaderElectionLeaseDuration: 30s
  leaderElectionRenewDeadline: 20s
  leaderElectionRetryPeriod: 500ms
  enableControllerWarmup: true
  gracefulShutdownTimeout: 1m30s
  resourceGraphDefinitionConcurrentReconciles: 4
  graphRevisionConcurrentReconciles: 4
  dynamicControllerConcurrentReconciles: 50
  resourceGraphDefinitionProgressRequeueDelay: 1s
  dynamicControllerDefaultResyncPeriod: 1000000
  dynamicControllerDefaultQueueMaxRetries: 5
  dynamicControllerRateLimiterMinDelay: 100ms
  dynamicControllerRateLimiterMaxDelay: 10m
  dynamicControllerRateLimiterRateLimit: 100
  dynamicControllerRateLimiterBurstLimit: 1000
  clientQps: 12.5
  clientBurst: 20
  metricsCertPath: /tls
  logLevel: debug
  logEncoder: console
  development: true
  rgd: {maxCollectionSize: 1000000, maxCollectionDimensionSize: 3, maxGraphRevisions: 0}
  instance: {requeueInterval: "0"}
  featureGates: {CELOmitFunction: true, InstanceConditionEvents: false}
deployment: {terminationGracePeriodSeconds: 90}`,
	"pods": `
imagePullSecrets: [{name: registry}]
podDisruptionBudget: {minAvailable: 50%}
deployment:
  replicaCount: 3
  podLabels: {tier: control}
  podAnnotations: {example.com/note: "1"}
  tolerations: [{key: control, operator: Exists}]
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app.kubernetes.io/name: kro}}}]
  affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: host, labelSelector: {matchLabels: {app.kubernetes.io/name: kro}}}}]}}
  extraVolumes: [{name: scratch, emptyDir: {}}]
  extraVolumeMounts: [{name: scratch, mountPath: /scratch}]
  extraEnv: [{name: KRO_ZAP_LOG_LEVEL, value: error}]`,
	"of-the-original": "{image: {ko: false}, serviceAccount: {automount: true}, debug: {pprof: {enabled: false, port: 6060, service: {enabled: false, type: ClusterIP}}}}",
}

// Values that no program could work with, and what the message names.
var refused = map[string]string{
	"deployment: {replicaCount: -1}":                      "replicaCount",
	"deployment: {replicaCount: two}":                     "replicaCount",
	"deployment: {replicas: 2}":                           "replicas",
	"deployment: {containerPort: 70000}":                  "containerPort",
	"deployment: {containerPort: 8000}":                   "containerPort",
	"config: {metricsBindAddress: ':8000'}":               "containerPort",
	"config: {metricsCertPath: tls}":                      "metricsCertPath",
	"config: {clientBurst: 0}":                            "clientBurst",
	"metrics: {serviceMonitor: {scheme: gopher}}":         "scheme",
	"image: {repository: ''}":                             "repository",
	"image: {pullPolicy: Sometimes}":                      "pullPolicy",
	"image: {ko: true}":                                   "ko",
	"rbac: {mode: everything}":                            "mode",
	"config: {leaderElectionLeaseDuration: 15}":           "leaderElectionLeaseDuration",
	"config: {leaderElectionLeaseDuration: soon}":         "leaderElectionLeaseDuration",
	"config: {gracefulShutdownTimeout: 1 minute}":         "gracefulShutdownTimeout",
	"config: {logEncoder: xml}":                           "logEncoder",
	"config: {logLevel: loud}":                            "logLevel",
	"config: {healthProbeBindAddress: localhost}":         "healthProbeBindAddress",
	"config: {featureGates: {CELOmitFunction: 'on'}}":     "CELOmitFunction",
	"config: {rgd: {maxCollectionSize: -1}}":              "maxCollectionSize",
	"config: {dynamicControllerRateLimiterRateLimit: 0}":  "dynamicControllerRateLimiterRateLimit",
	"podDisruptionBudget: {minAvailable: most}":           "minAvailable",
	"metrics: {service: {port: 0}}":                       "port",
	"debug: {pprof: {enabled: true}}":                     "enabled",
	"replicaCount: 2":                                     "replicaCount",
	"additionalLabels: {release: 1}":                      "release",
	"metrics: {serviceMonitor: {telemetryPath: metrics}}": "telemetryPath",
	"config: {enableLeaderElection: false}":               "replicaCount 2 without config.enableLeaderElection",
	"{config: {gracefulShutdownTimeout: 2m}, deployment: {terminationGracePeriodSeconds: 119}}": "terminationGracePeriodSeconds 119 is less than config.gracefulShutdownTimeout 2m",
	"deployment: {dnsPolicy: Mine}":                           "dnsPolicy",
	"serviceAccount: {automountServiceAccountToken: perhaps}": "automountServiceAccountToken",
}

func TestLintIsCleanWithEveryNotableValue(t *testing.T) {
	for name, values := range notable {
		if out, err := helm("lint", "--strict", "--quiet", chart(), "-f", file(t, values)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestValuesThatMakeNoSenseAreRefused(t *testing.T) {
	for values, named := range refused {
		out, err := helm("template", "kro", chart(), "-f", file(t, values))
		if err == nil {
			t.Errorf("%s: accepted", values)
		} else if !strings.Contains(out, named) {
			t.Errorf("%s: the message does not name %s:\n%s", values, named, out)
		}
	}
}

// The program takes what the container is given, as arguments and in its environment.
func TestTheProgramTakesTheSettings(t *testing.T) {
	for name, values := range notable {
		printed := effective(t, values)
		if name != "settings" {
			continue
		}
		for _, line := range []string{"graceful-shutdown-timeout: 90s", "dynamic-controller-default-resync-period: 1000000",
			"rgd-max-collection-size: 1000000", "client-qps: 12.5", "instance-requeue-interval: 0s", "install-crds: false",
			"leader-election-namespace: \"default\"", "zap-log-level: \"debug\"",
			"feature-gates: \"InstanceConditionEvents=false,InstanceConditionMetrics=false,CELOmitFunction=true\""} {
			if !strings.Contains(printed, line+"\n") {
				t.Errorf("%s: not %s:\n%s", name, line, printed)
			}
		}
	}
}

// What deployment.extraEnv sets comes before what config says, and is there once.
func TestTheEnvironmentOfTheAdministratorWins(t *testing.T) {
	const values = `
config: {logLevel: error}
deployment: {extraEnv: [{name: KRO_ZAP_LOG_LEVEL, value: debug}, {name: KRO_INSTANCE_REQUEUE_INTERVAL, value: 7s}]}`
	printed := effective(t, values)
	for _, line := range []string{"zap-log-level: \"debug\"", "instance-requeue-interval: 7s"} {
		if !strings.Contains(printed, line+"\n") {
			t.Errorf("not %s:\n%s", line, printed)
		}
	}
	if n := strings.Count(deployment(t, values), "name: KRO_ZAP_LOG_LEVEL\n"); n != 1 {
		t.Errorf("KRO_ZAP_LOG_LEVEL is there %d times", n)
	}
}

// A stop is never cut short by the kubelet.
func TestPodsMayTakeAsLongAsAStop(t *testing.T) {
	for values, seconds := range map[string]int{
		"{}":                                    70,
		"config: {gracefulShutdownTimeout: 5s}": 70,
		"config: {gracefulShutdownTimeout: 1h2m}":                                                    3730,
		"config: {gracefulShutdownTimeout: 90.2s}":                                                   101,
		"config: {gracefulShutdownTimeout: -1s}":                                                     70,
		"{config: {gracefulShutdownTimeout: 100ms}, deployment: {terminationGracePeriodSeconds: 1}}": 1,
	} {
		if line := fmt.Sprintf("terminationGracePeriodSeconds: %d\n", seconds); !strings.Contains(deployment(t, values), line) {
			t.Errorf("%s: not %s", values, line)
		}
	}
}

func TestWithoutALeaseTheOldPodEndsFirst(t *testing.T) {
	if rendered := deployment(t, notable["no-leader-election"]); !strings.Contains(rendered, "strategy: {type: Recreate}") {
		t.Error(rendered)
	}
}

// effective is what the settings of a rendered Deployment come to in the program.
func effective(t *testing.T, values string) string {
	t.Helper()
	if *program == "" {
		t.Skip("without -kro")
	}
	arguments, environment := containerOf(t, deployment(t, values))
	command := exec.Command(*program, append(arguments, "--print-config")...)
	command.Env = append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v %v: %v\n%s", values, arguments, environment, err, out)
	}
	return string(out)
}

func deployment(t *testing.T, values string) string {
	t.Helper()
	out, err := helm("template", "kro", chart(), "--namespace", "kro-system", "-f", file(t, values), "--show-only", "templates/deployment.yaml")
	if err != nil {
		t.Fatalf("%s: %v\n%s", values, err, out)
	}
	return out
}

func TestOnACluster(t *testing.T) {
	c := startCluster(t)
	// The chart's ServiceMonitor is of somebody else's kind.
	c.apply(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor, listKind: ServiceMonitorList}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`)
	c.kubectl(t, "wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com", "--timeout=60s")

	t.Run("every notable value is installed and its pods run in a restricted namespace", func(t *testing.T) {
		for name, values := range notable {
			c.restrictedNamespace(t, name)
			c.helm(t, "install", "kro-"+name, chart(), "--namespace", name, "-f", file(t, values))
			c.awaitPods(t, name)
			c.helm(t, "uninstall", "kro-"+name, "--namespace", name)
		}
	})
	t.Run("an upgrade changes what is new and keeps two replicas", func(t *testing.T) {
		c.restrictedNamespace(t, "kro-system")
		c.helm(t, "install", "kro", chart(), "--namespace", "kro-system")
		c.awaitPods(t, "kro-system")
		if replicas := c.kubectl(t, "get", "deployment", "kro", "-n", "kro-system", "-o", "jsonpath={.status.readyReplicas}"); replicas != "2" {
			t.Errorf("%s replicas", replicas)
		}
		if budget := c.kubectl(t, "get", "pdb", "kro", "-n", "kro-system", "-o", "jsonpath={.spec.minAvailable}"); budget != "1" {
			t.Errorf("a disruption budget of %s", budget)
		}
		c.helm(t, "upgrade", "kro", chart(), "--namespace", "kro-system", "--set", "config.logLevel=debug")
		c.awaitPods(t, "kro-system")
		if level := c.kubectl(t, "get", "deployment", "kro", "-n", "kro-system", "-o", "jsonpath={..env[?(@.name=='KRO_ZAP_LOG_LEVEL')].value}"); level != "debug" {
			t.Errorf("log level %s", level)
		}
	})
	if *program != "" {
		t.Run("after an upgrade its role is enough to bring CRDs up to date and to serve", func(t *testing.T) { roleIsEnough(t, c) })
	}
	c.helm(t, "uninstall", "kro", "--namespace", "kro-system")
	c.kubectl(t, "delete", "namespace", "kro-system")
	t.Run("the plain manifests are accepted and their pods run", func(t *testing.T) {
		c.kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(*root, "deploy/manifests"))
		c.awaitPods(t, "kro-system")
		for _, may := range []struct{ role, verb, answer string }{{"edit", "create", "yes"}, {"view", "list", "yes"}, {"view", "create", "no"}} {
			c.apply(t, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: people-%[1]s, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: of-%[1]s}]
`, may.role))
			c.await(t, fmt.Sprintf("%s may %s: %s", may.role, may.verb, may.answer), func() bool {
				// Refusals are an exit status of 1.
				out, _ := run(filepath.Join(*root, "build/devcluster/devcluster"), "kubectl", "--kubeconfig", c.kubeconfig,
					"auth", "can-i", may.verb, "webapps.kro.run", "-n", "default", "--as=of-"+may.role)
				return strings.HasSuffix(strings.TrimSpace(out), may.answer)
			})
		}
	})
}

// roleIsEnough runs the program as the chart's service account, with what the installation page says to grant for
// examples/webapp.
func roleIsEnough(t *testing.T, c *cluster) {
	c.apply(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kro:webapps
  labels: {rbac.kro.run/aggregate-to-controller: "true"}
rules:
- apiGroups: [kro.run]
  resources: [webapps, webapps/status]
  verbs: [get, list, watch, patch, update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch, create, patch, update, delete]
`)
	// CRDs of an earlier release: a field, a rule and the columns are not there yet. Then the upgrade.
	c.kubectl(t, "apply", "--server-side", "--force-conflicts", "-f", filepath.Join(*root, "config/crd"))
	of := func(crd string) string { return c.kubectl(t, "get", "crd", crd, "-o", "jsonpath={.spec.versions}") }
	crds := []string{"resourcegraphdefinitions.kro.run", "graphrevisions.internal.kro.run"}
	released := map[string]string{}
	for _, crd := range crds {
		released[crd] = of(crd)
	}
	const schema = "/spec/versions/0/schema/openAPIV3Schema"
	c.kubectl(t, "patch", "crd", crds[0], "--type=json", "-p", `[{"op":"remove","path":"/spec/versions/0/additionalPrinterColumns"},
		{"op":"remove","path":"`+schema+`/properties/status/properties/lastIssuedRevision"}]`)
	c.kubectl(t, "patch", "crd", crds[1], "--type=json", "-p", `[{"op":"remove","path":"`+schema+`/properties/spec/x-kubernetes-validations"}]`)
	for _, crd := range crds {
		if of(crd) == released[crd] {
			t.Errorf("%s is not older", crd)
		}
	}
	c.helm(t, "upgrade", "kro", chart(), "--namespace", "kro-system", "--set", "config.logLevel=info")

	out := c.helm(t, "get", "manifest", "kro", "--namespace", "kro-system")
	token := strings.TrimSpace(c.kubectl(t, "create", "token", "kro", "-n", "kro-system"))
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	c.copyKubeconfig(t, kubeconfig, token)
	arguments, environment := containerOf(t, out)
	arguments = append(arguments, "--kubeconfig="+kubeconfig, "--leader-election-namespace=kro-system",
		"--metrics-bind-address=0", "--health-probe-bind-address=0")
	log := &bytes.Buffer{}
	kro := exec.Command(*program, arguments...)
	kro.Env = append(os.Environ(), environment...)
	kro.Stdout, kro.Stderr = log, log
	if err := kro.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = kro.Process.Signal(os.Interrupt)
		_ = kro.Wait()
	}
	defer func() {
		if t.Failed() {
			t.Log(log)
		}
	}()
	for _, crd := range crds {
		c.await(t, crd+" as it is released", func() bool { return of(crd) == released[crd] })
	}
	c.kubectl(t, "apply", "-f", filepath.Join(*root, "examples/webapp/rgd.yaml"))
	c.kubectl(t, "wait", "rgd/webapp", "--for=condition=Ready", "--timeout=120s")
	c.kubectl(t, "apply", "-f", filepath.Join(*root, "examples/webapp/instance.yaml"))
	c.kubectl(t, "wait", "webapp/shop", "--for=condition=Ready", "--timeout=120s")
	c.kubectl(t, "delete", "webapp/shop", "--timeout=120s")
	stop()
	for line := range strings.Lines(log.String()) {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			t.Errorf("not allowed: %s", line)
		}
	}
}

// A cluster is a devcluster for one test.
type cluster struct{ name, kubeconfig string }

func startCluster(t *testing.T) *cluster {
	c := &cluster{name: fmt.Sprintf("chart-%d", os.Getpid()), kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	devcluster := filepath.Join(*root, "build/devcluster/devcluster")
	out, err := run(devcluster, "up", "--detach", "--name", c.name, "--parent-pid", fmt.Sprint(os.Getpid()), "--kubeconfig", c.kubeconfig)
	if err != nil {
		t.Fatalf("devcluster: %v\n%s", err, out)
	}
	t.Cleanup(func() { _, _ = run(devcluster, "down", "--name", c.name) })
	return c
}

func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(filepath.Join(*root, "build/devcluster/devcluster"), append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return out
}

func (c *cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(append(args, "--kubeconfig", c.kubeconfig)...)
	if err != nil {
		t.Fatalf("helm %v: %v\n%s", args, err, out)
	}
	return out
}

func (c *cluster) apply(t *testing.T, manifest string) {
	t.Helper()
	c.kubectl(t, "apply", "--server-side", "-f", file(t, manifest))
}

func (c *cluster) restrictedNamespace(t *testing.T, name string) {
	t.Helper()
	c.apply(t, fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: restricted}}}", name))
}

// awaitPods waits until every Deployment of a namespace runs as many pods as it should.
func (c *cluster) awaitPods(t *testing.T, namespace string) {
	t.Helper()
	for _, name := range strings.Fields(c.kubectl(t, "get", "deployments", "-n", namespace, "-o", "name")) {
		c.kubectl(t, "rollout", "status", name, "-n", namespace, "--timeout=120s")
	}
}

func (c *cluster) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// copyKubeconfig writes one that differs in the user: whoever has the token.
func (c *cluster) copyKubeconfig(t *testing.T, to, token string) {
	t.Helper()
	data, err := os.ReadFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(data)) {
		field := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(field, "client-certificate-data:"):
			kept = append(kept, line[:strings.Index(line, "client-")]+"token: "+token+"\n")
		case strings.HasPrefix(field, "client-key-data:"):
		default:
			kept = append(kept, line)
		}
	}
	if err := os.WriteFile(to, []byte(strings.Join(kept, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func helm(args ...string) (string, error) {
	return run(filepath.Join(*root, "scripts/helm"), args...)
}

func run(program string, args ...string) (string, error) {
	out, err := exec.Command(program, args...).CombinedOutput()
	return string(out), err
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// containerOf gives the arguments and the environment ("NAME=value") of the container of a manifest's Deployment.
func containerOf(t *testing.T, manifest string) (arguments, environment []string) {
	t.Helper()
	for document := range strings.SplitSeq(manifest, "\n---\n") {
		var object struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Args []string
							Env  []struct{ Name, Value string }
						}
					}
				}
			}
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind != "Deployment" {
			continue
		}
		container := object.Spec.Template.Spec.Containers[0]
		for _, variable := range container.Env {
			environment = append(environment, variable.Name+"="+variable.Value)
		}
		return container.Args, environment
	}
	t.Fatal("no Deployment")
	return nil, nil
}
