package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reservePort picks a free TCP port of loopback and keeps others from getting it:
// the socket stays bound, without listening, and the API server binds the same
// port beside it (--permit-port-sharing). The kernel hands connections only to
// sockets that listen. The reservation lasts as long as this process.
func reservePort() (int, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	address, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("unexpected socket address %T", bound)
	}
	return address.Port, nil
}
