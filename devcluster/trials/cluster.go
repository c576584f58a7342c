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
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// A cluster is a devcluster of its own with kro's CRDs, seen as its administrator.
type cluster struct {
	dir, kubeconfig, auditLog string
	config                    *rest.Config
	client                    dynamic.Interface
	options                   *options
	process                   *exec.Cmd
}

var crdGVR = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func resourceOf(group, version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resource}
}

func startCluster(ctx context.Context, o *options, auditPolicy string, flags ...string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "trial")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, kubeconfig: filepath.Join(dir, "kubeconfig"), auditLog: filepath.Join(dir, "audit.log"), options: o}
	if err := c.start(ctx, auditPolicy, flags); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *cluster) name() string { return filepath.Base(c.dir) }

func (c *cluster) start(ctx context.Context, auditPolicy string, flags []string) error {
	policy := filepath.Join(c.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	c.process = exec.Command(c.options.devcluster, append([]string{"up", "--name", c.name(),
		"--kubeconfig", c.kubeconfig, "--audit-log", c.auditLog, "--audit-policy", policy}, flags...)...)
	c.process.Stderr = os.Stderr
	out, err := c.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.process.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready in ") {
		return fmt.Errorf("devcluster did not start: %q", line)
	}
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		return err
	}
	c.config.QPS, c.config.UserAgent = -1, "trial"
	if c.client, err = dynamic.NewForConfig(c.config); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(c.options.crds, "*.kro.run.yaml"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("no CRDs in %q", c.options.crds), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := c.installCRD(ctx, string(data)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// stop ends the cluster and keeps the API server's logs where logs are kept.
func (c *cluster) stop() {
	if c.options.logs != "" {
		// It goes with the cluster.
		logs, _ := filepath.Glob(filepath.Join(os.TempDir(), "devcluster-*", c.name(), "kube-apiserver.log"))
		for _, log := range logs {
			_ = exec.Command("cp", log, c.options.logs).Run()
		}
	}
	if c.process != nil && c.process.Process != nil {
		_ = c.process.Process.Signal(syscall.SIGTERM)
		_ = c.process.Wait()
	}
	if c.options.logs != "" {
		_ = exec.Command("cp", c.auditLog, filepath.Join(c.options.logs, "audit.log")).Run()
	}
	os.RemoveAll(c.dir)
}

// restartAPIServer kills the API server and waits until another one answers. It says at what time there was none,
// also where it failed.
func (c *cluster) restartAPIServer() (time.Time, error) {
	none := time.Now()
	restarted := make(chan error, 1)
	go func() {
		out, err := exec.Command(c.options.devcluster, "restart", "--name", c.name()).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("restart of the API server: %w: %s", err, out)
		}
		restarted <- err
	}()
	address := strings.TrimPrefix(c.config.Host, "https://")
	for {
		select {
		case err := <-restarted:
			return none, err
		case <-time.After(10 * time.Millisecond):
			asked := time.Now()
			connection, err := net.Dial("tcp", address)
			if err != nil {
				none = asked
				continue
			}
			connection.Close()
		}
	}
}

func object(text string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		panic(fmt.Sprintf("%v in\n%s", err, text)) // texts of this program
	}
	return o
}

func (c *cluster) installCRD(ctx context.Context, text string) error {
	o := object(text)
	if err := c.apply(ctx, crdGVR, "", o); err != nil {
		return err
	}
	return await(ctx, 3*time.Minute, o.GetName()+" established", func() (bool, string) {
		live, err := c.client.Resource(crdGVR).Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return condition(live, "Established") == "True", condition(live, "Established")
	})
}

func (c *cluster) resource(gvr schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.client.Resource(gvr)
	}
	return c.client.Resource(gvr).Namespace(namespace)
}

// apply as a user does, until the server takes it: it may be restarting, or not yet serve the kind.
func (c *cluster) apply(ctx context.Context, gvr schema.GroupVersionResource, namespace string, o *unstructured.Unstructured) error {
	return await(ctx, 3*time.Minute, "apply "+o.GetKind()+" "+o.GetName(), func() (bool, string) {
		_, err := c.resource(gvr, namespace).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "user", Force: true})
		return err == nil, fmt.Sprint(err)
	})
}

// list gives objects by name.
func (c *cluster) list(ctx context.Context, gvr schema.GroupVersionResource, selector string) (map[string]*unstructured.Unstructured, error) {
	found, err := c.client.Resource(gvr).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	byName := map[string]*unstructured.Unstructured{}
	for i := range found.Items {
		byName[found.Items[i].GetName()] = &found.Items[i]
	}
	return byName, nil
}

// text reads a string, or prints what is there.
func text(o *unstructured.Unstructured, path ...string) string {
	value, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil || !found {
		return ""
	}
	return fmt.Sprint(value)
}

// condition is the status of a condition that is about the current generation.
func condition(o *unstructured.Unstructured, kind string) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		fields, _ := c.(map[string]any)
		if fields["type"] != kind {
			continue
		}
		if of, found := fields["observedGeneration"]; found && fmt.Sprint(of) != fmt.Sprint(o.GetGeneration()) {
			return "of an earlier generation"
		}
		return fmt.Sprint(fields["status"])
	}
	return ""
}
