package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// stopTimeout is generous: stopping kills, and then removes a directory.
const stopTimeout = 30 * time.Second

// down is "devcluster down". A cluster that does not run is no error: what was
// asked for is the case. Remains of a killed one are removed.
func down(args []string) error {
	flags := flag.NewFlagSet("down", flag.ContinueOnError)
	name := clusterFlag(flags)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	c, err := newCluster(*name)
	if err != nil {
		return err
	}

	for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		held, err := takeLock(c.lockPath())
		if err == nil {
			defer held.release()
			return c.removeFiles()
		}
		if !errors.Is(err, errLocked) {
			return err
		}
		// The lock is held, so the process of the record is the cluster's own, or
		// it has just ended and etcd is cleaning up after it.
		if r, err := c.readRecord(); err == nil {
			_ = unix.Kill(r.PID, unix.SIGTERM)
		}
	}
	return fmt.Errorf("cluster %q has not ended after %v", c.name, stopTimeout)
}

func (c cluster) isRunning() bool {
	held, err := takeLock(c.lockPath())
	if err == nil {
		held.release()
	}
	return errors.Is(err, errLocked)
}
