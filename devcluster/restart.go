package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// restartSignal asks a supervisor for another API server.
const restartSignal = unix.SIGUSR1

// restart is "devcluster restart". It returns when the new API server is ready; etcd and the controllers go on.
func restart(args []string) error {
	flags := flag.NewFlagSet("restart", flag.ContinueOnError)
	name := clusterFlag(flags)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	c, err := newCluster(*name)
	if err != nil {
		return err
	}
	if !c.isRunning() {
		return c.notRunning()
	}
	before, err := c.readRecord()
	if err != nil {
		return err
	}
	if err := unix.Kill(before.PID, restartSignal); err != nil {
		return err
	}
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		now, err := c.readRecord()
		if err != nil {
			return err
		}
		if now.Restarts == before.Restarts {
			continue
		}
		probe, err := loadConfig(c.path(internalKubeconfig), "probe")
		if err != nil {
			return err
		}
		return waitForHealth(context.Background(), probe, "/readyz")
	}
	return fmt.Errorf("cluster %q: the API server was not replaced within %v", c.name, startTimeout)
}
