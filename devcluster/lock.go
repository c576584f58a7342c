package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errLocked means that the cluster is running, or about to start or to end.
var errLocked = errors.New("locked")

// A lock says that a cluster exists. It belongs to the open file, so it lasts
// until the last process that inherited the file has closed it, however those
// processes end: a lock that can be taken belongs to nobody alive.
type lock struct {
	file *os.File
	path string
}

func takeLock(path string) (*lock, error) {
	for {
		if err := os.MkdirAll(clustersRoot(), 0o700); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			continue // the last cluster to end has just removed the directory
		}
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, errLocked
			}
			return nil, err
		}
		if isStillAt(file, path) {
			return &lock{file: file, path: path}, nil
		}
		file.Close()
	}
}

// release also removes the lock file, and the shared directory when it is empty.
func (l *lock) release() {
	_ = os.Remove(l.path)
	_ = os.Remove(clustersRoot())
	l.file.Close()
}

func isStillAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(path)
	return err == nil && os.SameFile(opened, found)
}
