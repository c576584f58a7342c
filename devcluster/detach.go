package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const detachedFlag = "detached"

// upInBackground runs "devcluster up" in a session of its own and returns when
// it is ready. The pipe carries either the ready line or the reason for the end.
func upInBackground(args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(program, append([]string{"up", "--" + detachedFlag}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return err
	}

	line, err := bufio.NewReader(output).ReadString('\n')
	if err == nil && strings.HasPrefix(line, "ready ") {
		fmt.Print(line)
		return nil
	}
	rest, _ := io.ReadAll(output)
	return errors.New(strings.TrimPrefix(strings.TrimSpace(line+string(rest)), "devcluster: "))
}

// leaveTerminal gives up the output that was inherited, so that a caller who
// reads it to its end does not wait for the cluster.
func leaveTerminal() error {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer nowhere.Close()
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(nowhere.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return nil
}
