package main

import (
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd listens on a socket in the cluster's directory, where every role runs: it
// needs no port and no certificates, and the length of a path does not matter.
const (
	etcdSocket = "etcd.sock"
	etcdURL    = "unix://" + etcdSocket
)

func runEtcd() error {
	config := embed.NewConfig()
	config.Dir = "etcd"
	config.LogLevel = "warn"
	config.WarningUnaryRequestDuration = time.Second // unset, it warns of every request
	// The data is thrown away with the cluster, so it need not survive a crash.
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 8 << 30
	// The API server compacts. A member without peers wins every election, so
	// waiting for one only delays the start.
	config.TickMs = 20
	config.ElectionMs = 100

	// It advertises its defaults, which no peer will ever try.
	config.ListenClientUrls = []url.URL{mustParseURL(etcdURL)}
	config.ListenPeerUrls = []url.URL{mustParseURL("unix://etcd-peer.sock")}

	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	return <-server.Err()
}

func mustParseURL(s string) url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return *u
}
