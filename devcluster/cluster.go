package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// A cluster is a name and the directory that holds everything it writes. The
// directory's parent is shared by all clusters of a user.
type cluster struct {
	name string
}

// record is what the other commands need to know of a running cluster.
type record struct {
	PID int `json:"pid"`
	// Kubeconfig is where the kubeconfig was asked to be; it may lie outside
	// the cluster's directory and is removed with it.
	Kubeconfig string `json:"kubeconfig"`
	// Restarts of the API server so far.
	Restarts int `json:"restarts"`
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// clusterFlag adds --name to the flags of a command.
func clusterFlag(flags *flag.FlagSet) *string {
	return flags.String("name", "default", "which cluster; several can run at once")
}

func newCluster(name string) (cluster, error) {
	if !validName.MatchString(name) {
		return cluster{}, fmt.Errorf("name %q: use letters, digits, '-', '_' and '.'", name)
	}
	return cluster{name: name}, nil
}

func clustersRoot() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("devcluster-%d", os.Getuid()))
}

func (c cluster) dir() string             { return filepath.Join(clustersRoot(), c.name) }
func (c cluster) path(file string) string { return filepath.Join(c.dir(), file) }
func (c cluster) lockPath() string        { return c.dir() + ".lock" }
func (c cluster) recordPath() string      { return c.path("cluster.json") }
func (c cluster) logPath(r string) string { return c.path(r + ".log") }
func (c cluster) notRunning() error       { return fmt.Errorf("no cluster %q is running", c.name) }
func (c cluster) writeRecord(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeFile(c.recordPath(), data)
}

func (c cluster) readRecord() (record, error) {
	var r record
	data, err := os.ReadFile(c.recordPath())
	if errors.Is(err, os.ErrNotExist) {
		return r, c.notRunning()
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// removeFiles deletes all that the cluster wrote. Only the holder of the
// cluster's lock may call it.
func (c cluster) removeFiles() error {
	if r, err := c.readRecord(); err == nil {
		if written, err := isOurKubeconfig(r.Kubeconfig); err == nil && written {
			_ = os.Remove(r.Kubeconfig)
		}
	}
	return os.RemoveAll(c.dir())
}

// writeFile replaces a file in one step, so that a reader never sees half of it.
func writeFile(path string, data []byte) error {
	temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
