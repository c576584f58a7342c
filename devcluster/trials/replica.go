package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// A replica is a `kro controller` with a user name and a network of its own. When it ends it is started again, as a
// kubelet does.
type replica struct {
	user    string
	network *proxy
	command []string
	log     *os.File
	stopped chan struct{} // closed when it is not started again

	mutex   sync.Mutex
	process *os.Process
	ended   bool  // no further start
	exits   []int // codes of those that ended by themselves
}

// startReplica runs until stop. The user is impersonated, so that the audit log tells replicas apart.
func startReplica(c *cluster, user string, flags ...string) (*replica, error) {
	server, err := url.Parse(c.config.Host)
	if err != nil {
		return nil, err
	}
	network, err := startProxy(server.Host)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		return nil, err
	}
	for _, each := range config.Clusters {
		each.Server = "https://" + network.address()
	}
	for _, each := range config.AuthInfos {
		each.Impersonate, each.ImpersonateGroups = user, []string{"system:masters"}
	}
	kubeconfig := filepath.Join(c.dir, user+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		return nil, err
	}
	logs := c.dir
	if c.options.logs != "" {
		logs = c.options.logs
	}
	log, err := os.Create(filepath.Join(logs, user+".log"))
	if err != nil {
		return nil, err
	}
	r := &replica{user: user, network: network, log: log, stopped: make(chan struct{}),
		command: append([]string{c.options.kro, "controller", "--kubeconfig=" + kubeconfig,
			"--health-probe-bind-address=0"}, flags...)}
	first := make(chan error, 1)
	go r.run(first)
	return r, <-first
}

func (r *replica) run(first chan<- error) {
	defer close(r.stopped)
	defer r.log.Close()
	for {
		command := exec.Command(r.command[0], r.command[1:]...)
		command.Stdout, command.Stderr = r.log, r.log
		r.mutex.Lock()
		if r.ended {
			r.mutex.Unlock()
			return
		}
		err := startUntilExit(command)
		if err == nil {
			r.process = command.Process
		}
		r.mutex.Unlock()
		if first != nil {
			first <- err
			first = nil
		}
		if err != nil {
			return
		}
		_ = command.Wait()
		r.mutex.Lock()
		r.process = nil
		if code := command.ProcessState.ExitCode(); code >= 0 {
			r.exits = append(r.exits, code)
		}
		ended := r.ended
		r.mutex.Unlock()
		if ended {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func (r *replica) signal(s syscall.Signal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process != nil {
		_ = r.process.Signal(s)
	}
}

// stop ends it for good, in order, and waits.
func (r *replica) stop() {
	r.mutex.Lock()
	r.ended = true
	r.mutex.Unlock()
	r.signal(syscall.SIGCONT)
	r.signal(syscall.SIGTERM)
	select {
	case <-r.stopped:
	case <-time.After(30 * time.Second):
		r.signal(syscall.SIGKILL)
		<-r.stopped
	}
	r.network.stop()
}

// usage is resident memory in KiB, open files and threads; zeros if it does not run.
func (r *replica) usage() (rss, files, threads int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.process == nil {
		return 0, 0, 0
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.process.Pid))
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		value, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "VmRSS:":
			rss = value
		case "Threads:":
			threads = value
		}
	}
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.process.Pid))
	return rss, len(open), threads
}

// ends are the exit codes of those that ended by themselves.
func (r *replica) ends() []int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]int(nil), r.exits...)
}
