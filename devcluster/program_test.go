package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const patience = 60 * time.Second

// program is a devcluster command that is yet to run.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self, args...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// start runs a command in the background until the test ends, and returns once
// it prints its ready line.
func start(t *testing.T, command *exec.Cmd) {
	t.Helper()
	var complaints bytes.Buffer
	command.Stderr = &complaints
	command.WaitDelay = patience
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready in ") {
		_ = command.Wait()
		t.Fatalf("not ready: %q, %v\n%s", line, err, complaints.String())
	}
	t.Log(strings.TrimSpace(line))
}

// eventually fails the test if the condition does not come to hold.
func eventually(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("after %v still not: %s", patience, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// remains lists the processes and files of a cluster.
func remains(name string) []string {
	found, _ := filepath.Glob(filepath.Join(clustersRoot(), name+"*"))
	commandLines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commandLines {
		line, _ := os.ReadFile(path) // empty if the process has ended
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		for i := 1; i < len(args); i++ {
			if args[i] == name && (args[i-1] == "internal" || args[i-1] == "--name") {
				found = append(found, path+": "+strings.Join(args, " "))
			}
		}
	}
	return found
}

func nothingRemains(t *testing.T, name string) {
	t.Helper()
	eventually(t, "nothing remains of cluster "+name, func(context.Context) bool { return len(remains(name)) == 0 })
}
