package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNothingRemainsWhenTheParentDies(t *testing.T) {
	// Given a cluster that a shell has started
	up := program(t, "up", "--name", "orphan")
	shell := exec.Command("sh", "-c", `"$@" & wait`, "sh", up.Path, "up", "--name", "orphan")
	shell.Env = up.Env
	start(t, shell)

	// When the shell is killed
	if err := shell.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	nothingRemains(t, "orphan")
}

func TestNothingRemainsWhenTheSupervisorIsKilled(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	up := program(t, "up", "--name", "killed", "--kubeconfig", kubeconfig)
	start(t, up)

	if err := up.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	nothingRemains(t, "killed")
	if _, err := os.Stat(kubeconfig); !os.IsNotExist(err) {
		t.Errorf("the kubeconfig is still there: %v", err)
	}
}

func TestADetachedClusterLivesUntilDown(t *testing.T) {
	output, err := program(t, "up", "--detach", "--name", "detached").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Cleanup(func() { _ = program(t, "down", "--name", "detached").Run() })

	// The command has returned, the cluster has not ended
	path, err := program(t, "kubeconfig", "--name", "detached").Output()
	if err != nil {
		t.Fatal(err)
	}
	check := program(t, "kubectl", "--kubeconfig", strings.TrimSpace(string(path)), "get", "namespace", "default", "--output=name")
	if output, err := check.CombinedOutput(); err != nil || string(output) != "namespace/default\n" {
		t.Errorf("kubectl: %v\n%s", err, output)
	}
	again, err := program(t, "up", "--detach", "--name", "detached").CombinedOutput()
	if err == nil || !strings.Contains(string(again), "already running") {
		t.Errorf("a second cluster of the same name: %v\n%s", err, again)
	}

	if output, err := program(t, "down", "--name", "detached").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	nothingRemains(t, "detached")
}

func TestAKubeconfigOfSomebodyElseIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	output, err := program(t, "up", "--name", "careful", "--kubeconfig", path).CombinedOutput()

	if err == nil || !strings.Contains(string(output), "was not written by devcluster") {
		t.Errorf("%v\n%s", err, output)
	}
	nothingRemains(t, "careful")
}
