package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Each part of the control plane is a process of its own, this same program under
// another role: the real ones keep flags, feature gates and metrics in globals.
const (
	roleEtcd        = "etcd"
	roleAPIServer   = "kube-apiserver"
	roleControllers = "kube-controller-manager"
)

// runRole is "devcluster internal NAME ROLE FLAG...". It returns only on failure.
func runRole(args []string) error {
	if len(args) < 2 {
		return errors.New("internal: for the use of devcluster itself")
	}
	c, err := newCluster(args[0])
	if err != nil {
		return err
	}
	role, flags := args[1], args[2:]
	os.Args = append([]string{role}, flags...) // its name in logs and user agents
	switch role {
	case roleEtcd:
		dieWithSupervisor(func() { cleanUpAfterSupervisor(c) })
		return runEtcd()
	case roleAPIServer:
		dieWithSupervisor(func() {})
		return runAPIServer(flags)
	case roleControllers:
		dieWithSupervisor(func() {})
		return runControllers(flags)
	default:
		return fmt.Errorf("unknown role %q", role)
	}
}

// roles are the running processes of one cluster.
type roles struct {
	cluster cluster
	// Both ends of the pipe by which the roles notice the end of this process.
	pipeRead, pipeWrite *os.File
	running             map[string]*runningRole
	ended               sync.WaitGroup
	// failed receives why a role ended, and has room for every role.
	failed chan error
}

type runningRole struct {
	command *exec.Cmd
	// replaced is set before a role is ended on purpose.
	replaced atomic.Bool
	done     chan struct{}
}

func newRoles(c cluster) (*roles, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &roles{cluster: c, pipeRead: read, pipeWrite: write, running: map[string]*runningRole{}, failed: make(chan error, 8)}, nil
}

func (r *roles) start(role string, flags []string, inherit ...*os.File) error {
	log, err := os.OpenFile(r.cluster.logPath(role), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(program, append([]string{"internal", r.cluster.name, role}, flags...)...)
	command.Dir = r.cluster.dir()
	command.Stdout, command.Stderr = log, log
	command.ExtraFiles = append([]*os.File{r.pipeRead}, inherit...)
	// A Ctrl-C is for the supervisor, which stops the roles itself.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", role, err)
	}
	running := &runningRole{command: command, done: make(chan struct{})}
	r.running[role] = running
	r.ended.Go(func() {
		err := command.Wait()
		close(running.done)
		if !running.replaced.Load() {
			r.failed <- fmt.Errorf("%s ended: %w; its log ends\n%s", role, err, tail(r.cluster.logPath(role)))
		}
	})
	return nil
}

// restart kills a role, as if it had crashed, and starts it again.
func (r *roles) restart(role string, flags []string) error {
	running := r.running[role]
	running.replaced.Store(true)
	_ = running.command.Process.Kill()
	<-running.done
	return r.start(role, flags)
}

// stop kills: there is nothing to save. It returns when all have ended.
func (r *roles) stop() {
	for _, running := range r.running {
		_ = running.command.Process.Kill()
	}
	r.ended.Wait()
}

func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
