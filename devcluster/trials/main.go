// Command trials puts `kro controller` through what a cluster does to it over months, on a real API server:
// replicas that die, hang or are cut off, API servers that restart, connections that break, definitions that change.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const usage = `usage: trials failover|soak [flags]

  failover   two replicas under load; the leader is killed, stopped or cut off, round after round
  soak       one replica among random changes and failures, for minutes

"trials TRIAL -h" lists the flags of a trial.
`

// Flags of every trial.
type options struct {
	kro        string
	devcluster string
	crds       string
	logs       string
	seed       uint64
	random     *rand.Rand
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var err error
	switch trial, args := os.Args[1], os.Args[2:]; trial {
	case "failover":
		err = failover(ctx, args)
	case "soak":
		err = soak(ctx, args)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "trials:", err)
		os.Exit(1)
	}
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.kro, "kro", "", "the `program` under trial")
	flags.StringVar(&o.devcluster, "devcluster", "", "the devcluster `program`; default: beside this one")
	flags.StringVar(&o.crds, "crds", "", "`folder` of kro's CRDs")
	flags.StringVar(&o.logs, "logs", "", "`folder` that keeps the logs, the replicas' and the API server's; default: none is kept")
	flags.Uint64Var(&o.seed, "seed", 0, "of the random choices; default: another one each time")
}

func (o *options) parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.kro == "" || o.crds == "" {
		return fmt.Errorf("-kro and -crds are needed")
	}
	if o.logs != "" {
		if err := os.MkdirAll(o.logs, 0o755); err != nil {
			return err
		}
	}
	if o.devcluster == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		o.devcluster = filepath.Join(filepath.Dir(self), "devcluster")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	o.random = rand.New(rand.NewPCG(o.seed, 0))
	return nil
}

// startUntilExit starts a process that does not outlive this one.
func startUntilExit(c *exec.Cmd) error {
	// The kernel ties a child to the thread that started it, so that thread must stay.
	started := make(chan error)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread()
		started <- c.Start()
		select {}
	}()
	return <-started
}

// await polls until done, the limit or the end of the context; `what` and the last answer go into the error.
func await(ctx context.Context, limit time.Duration, what string, done func() (bool, string)) error {
	last := ""
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ok, seen := done()
		if ok {
			return nil
		}
		last = seen
	}
	return fmt.Errorf("%s: not within %v: %s", what, limit, last)
}
