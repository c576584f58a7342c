package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File descriptors that a role inherits.
const (
	// The read end of a pipe whose write end only the supervisor holds: it ends
	// when the supervisor does, even by SIGKILL.
	supervisorFD = 3
	// Only etcd inherits the cluster's lock.
	lockFD = 4
)

// untilExit returns a context that ends when the process does.
func untilExit(parent context.Context, pid int) (context.Context, error) {
	ctx, cancel := context.WithCancelCause(parent)
	gone := fmt.Errorf("parent process %d has ended", pid)

	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		cancel(gone)
		return ctx, nil
	}
	if err != nil {
		cancel(nil)
		return nil, fmt.Errorf("watch parent process %d: %w", pid, err)
	}
	go func() {
		defer unix.Close(process)
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, -1)
			if !errors.Is(err, unix.EINTR) {
				cancel(gone)
				return
			}
		}
	}()
	return ctx, nil
}

// dieWithSupervisor ends this role when the supervisor is gone, after `last`.
func dieWithSupervisor(last func()) {
	pipe := os.NewFile(supervisorFD, "supervisor")
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		last()
		os.Exit(0)
	}()
}

// cleanUpAfterSupervisor does what a supervisor does last, for one that could
// not. The other roles are ending at the same moment and may still write.
func cleanUpAfterSupervisor(c cluster) {
	inherited := &lock{file: os.NewFile(lockFD, "lock"), path: c.lockPath()}
	for range 10 {
		if c.removeFiles() == nil {
			break
		}
	}
	inherited.release()
}
