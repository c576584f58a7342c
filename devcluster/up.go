package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type upOptions struct {
	cluster    cluster
	kubeconfig string // absolute
	audit      auditOptions
	// goawayChance of a request closes its connection for others, as a server that balances its load does.
	goawayChance float64
	// bare is a cluster without controllers and nodes.
	bare      bool
	parentPID int // 0 for none: live until stopped
	detach    bool
	// detached is set for the background process that --detach starts.
	detached bool
}

// up is "devcluster up".
func up(args []string) error {
	options, err := parseUp(args)
	if err != nil {
		return err
	}
	if options.detach {
		return upInBackground(args)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if options.parentPID != 0 {
		if ctx, err = untilExit(ctx, options.parentPID); err != nil {
			return err
		}
	}

	started := time.Now()
	return supervise(ctx, options, func() error {
		fmt.Printf("ready in %.1fs, KUBECONFIG=%s\n", time.Since(started).Seconds(), options.kubeconfig)
		if options.detached {
			return leaveTerminal()
		}
		return nil
	})
}

func parseUp(args []string) (upOptions, error) {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	name := clusterFlag(flags)
	kubeconfig := flags.String("kubeconfig", "", "write the kubeconfig to this `file` rather than a temporary one")
	auditLog := flags.String("audit-log", "", "append one JSON line for each API request to this `file`")
	auditPolicy := flags.String("audit-policy", "", "what goes into the audit log: an audit Policy in this `file` (default: metadata of each request)")
	controllers := flags.String("controllers", "all", "`which` run: all, or none for an API server alone")
	goawayChance := flags.Float64("goaway-chance", 0, "`part` of the requests, up to 0.02, after which an HTTP/2 client must connect anew")
	parentPID := flags.Int("parent-pid", 0, "end when this `process` does (default: the caller, unless --detach)")
	detach := flags.Bool("detach", false, "return when the cluster is ready, and leave it running")
	detached := flags.Bool(detachedFlag, false, "for the use of devcluster itself")
	if err := parseFlags(flags, args); err != nil {
		return upOptions{}, err
	}

	c, err := newCluster(*name)
	if err != nil {
		return upOptions{}, err
	}
	o := upOptions{
		cluster:      c,
		kubeconfig:   c.path(internalKubeconfig),
		parentPID:    *parentPID,
		detach:       *detach && !*detached,
		detached:     *detached,
		goawayChance: *goawayChance,
	}
	if *parentPID == 0 && !*detach {
		o.parentPID = os.Getppid()
	}
	if *kubeconfig != "" {
		if o.kubeconfig, err = filepath.Abs(*kubeconfig); err != nil {
			return upOptions{}, err
		}
	}
	if *controllers != "all" && *controllers != "none" {
		return upOptions{}, fmt.Errorf("--controllers %q: all or none", *controllers)
	}
	o.bare = *controllers == "none"
	if *auditLog == "" {
		if *auditPolicy != "" {
			return upOptions{}, errors.New("--audit-policy without --audit-log")
		}
		return o, nil
	}
	if o.audit.log, err = filepath.Abs(*auditLog); err != nil {
		return upOptions{}, err
	}
	o.audit.policy = defaultAuditPolicy
	if *auditPolicy != "" {
		data, err := os.ReadFile(*auditPolicy)
		if err != nil {
			return upOptions{}, err
		}
		o.audit.policy = string(data)
	}
	return o, nil
}

// supervise starts a cluster, calls ready, and stops the cluster when the context
// ends. It returns an error only if the cluster did not start or broke.
func supervise(ctx context.Context, options upOptions, ready func() error) error {
	c := options.cluster
	if err := checkKubeconfigTarget(options.kubeconfig); err != nil {
		return err
	}
	held, err := takeLock(c.lockPath())
	if errors.Is(err, errLocked) {
		return fmt.Errorf("a cluster %q is already running; stop it with \"devcluster down --name %s\" or choose another --name", c.name, c.name)
	}
	if err != nil {
		return err
	}
	defer held.release()
	defer c.removeFiles()

	port, err := prepare(options)
	if err != nil {
		return err
	}
	if err := logTo(c.logPath("supervisor")); err != nil {
		return err
	}
	processes, err := newRoles(c)
	if err != nil {
		return err
	}
	defer processes.stop()
	if err := startRoles(processes, port, options, held); err != nil {
		return err
	}

	restarts := make(chan os.Signal, 1)
	signal.Notify(restarts, restartSignal)
	defer signal.Stop(restarts)

	// From here on the first of three ends it all: the context, a role, the node.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	restarted := 0
	started := make(chan error, 1)
	go func() { started <- becomeReady(ctx, options) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-processes.failed:
			return err
		case <-restarts:
			if err := processes.restart(roleAPIServer, apiserverFlags(port, options)); err != nil {
				return err
			}
			restarted++
			if err := c.writeRecord(record{PID: os.Getpid(), Kubeconfig: options.kubeconfig, Restarts: restarted}); err != nil {
				return err
			}
		case err := <-started:
			if err == nil {
				err = ready()
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// prepare writes all files of a cluster, removing those of one that was killed
// together with all its processes.
func prepare(options upOptions) (port int, err error) {
	c := options.cluster
	if err := c.removeFiles(); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(c.dir(), 0o700); err != nil {
		return 0, err
	}
	if port, err = reservePort(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	if err := c.writeRecord(record{PID: os.Getpid(), Kubeconfig: options.kubeconfig}); err != nil {
		return 0, err
	}
	if err := writeCertificates(c.dir()); err != nil {
		return 0, fmt.Errorf("write certificates: %w", err)
	}
	if err := os.WriteFile(c.path(auditPolicyFile), []byte(options.audit.policy), 0o600); err != nil {
		return 0, err
	}
	if err := c.writeKubeconfig(c.path(internalKubeconfig), port); err != nil {
		return 0, err
	}
	return port, c.writeKubeconfig(options.kubeconfig, port)
}

// startRoles starts all at once: each waits for the one that it needs.
func startRoles(processes *roles, port int, options upOptions, held *lock) error {
	if err := processes.start(roleEtcd, nil, held.file); err != nil {
		return err
	}
	if err := processes.start(roleAPIServer, apiserverFlags(port, options)); err != nil {
		return err
	}
	if options.bare {
		return nil
	}
	return processes.start(roleControllers, controllerFlags())
}

// becomeReady returns when a test can begin: the API answers, pods can be created
// and they will run. What it starts ends with the context.
func becomeReady(ctx context.Context, options upOptions) error {
	probe, err := loadConfig(options.cluster.path(internalKubeconfig), "probe")
	if err != nil {
		return err
	}
	if err := waitForHealth(ctx, probe, "/readyz"); err != nil {
		return err
	}
	if options.bare {
		return nil
	}
	if err := startGarbageCollector(ctx, withUserAgent(probe, "garbage-collector")); err != nil {
		return fmt.Errorf("garbage collector: %w", err)
	}
	if err := startNode(ctx, withUserAgent(probe, "node")); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return waitForControllers(ctx, probe)
}
