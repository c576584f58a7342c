package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Bodies of writes are needed to tell those that changed something from those that did not.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
omitManagedFields: true
rules:
- level: None
  resources:
  - {group: coordination.k8s.io}
  - {group: "", resources: [events]}
  - {group: events.k8s.io}
  - {group: authorization.k8s.io}
  - {group: authentication.k8s.io}
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
  verbs: [get, list]
- level: None
`

// A server is a devcluster without controllers, with kro's CRDs.
type server struct {
	dir        string
	audit      string
	kubeconfig string
	cfg        *rest.Config
	cluster    *process
}

func startServer(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp("", "scenarios")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, audit: filepath.Join(dir, "audit.log"), kubeconfig: filepath.Join(dir, "kubeconfig")}
	if err := s.start(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) start(ctx context.Context) error {
	policy := filepath.Join(s.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	c := exec.Command(*devcluster, "up", "--name", filepath.Base(s.dir), "--controllers", "none",
		"--kubeconfig", s.kubeconfig, "--audit-log", s.audit, "--audit-policy", policy)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.cluster = &process{c, make(chan struct{})}
	go func() { c.Wait(); close(s.cluster.done) }()
	if err != nil || !strings.HasPrefix(line, "ready in ") {
		return fmt.Errorf("devcluster did not start: %q", line)
	}
	if s.cfg, err = clientcmd.BuildConfigFromFlags("", s.kubeconfig); err != nil {
		return err
	}
	s.cfg.QPS, s.cfg.UserAgent = -1, "scenarios"
	return s.installCRDs(ctx)
}

func (s *server) installCRDs(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(*crdsDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("no CRDs in %q", *crdsDir), err)
	}
	client, err := dynamic.NewForConfig(s.cfg)
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		objs, err := parse(string(b))
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		for _, o := range objs {
			if err := installCRD(ctx, client, o); err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
		}
	}
	return nil
}

func installCRD(ctx context.Context, client dynamic.Interface, o *unstructured.Unstructured) error {
	crds := client.Resource(crdGVR)
	if _, err := crds.Create(ctx, o, metav1.CreateOptions{}); err != nil {
		return err
	}
	for range 100 {
		o, err := crds.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		if v, _ := lookup(o.Object, "status.conditions[Established].status"); v == "True" {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("not established")
}

func (s *server) stop() {
	if s.cluster != nil {
		s.cluster.stop(syscall.SIGTERM, 30*time.Second)
	}
	os.RemoveAll(s.dir)
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs a shell command; {port1} and {port2} become free ports.
func start(line, kubeconfig, logFile string) (*process, error) {
	line = strings.NewReplacer("{port1}", freePort(), "{port2}", freePort()).Replace(line)
	c := exec.Command("bash", "-c", "exec "+line)
	c.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	if logFile != "" {
		f, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		c.Stdout, c.Stderr = f, f
	}
	if err := startUntilExit(c); err != nil {
		return nil, err
	}
	p := &process{c, make(chan struct{})}
	go func() { c.Wait(); close(p.done) }()
	return p, nil
}

func (p *process) stop(sig syscall.Signal, grace time.Duration) {
	p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "0"
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
