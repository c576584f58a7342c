package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// internalKubeconfig is the kubeconfig in the cluster's directory; the one that
// the user asked for may be elsewhere.
const internalKubeconfig = "kubeconfig"

const startTimeout = 2 * time.Minute

// loadConfig reads a kubeconfig for a client that is never throttled.
func loadConfig(path, userAgent string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return withUserAgent(config, userAgent), nil
}

// withUserAgent is how an audit log tells our own parts from those under test.
func withUserAgent(config *rest.Config, part string) *rest.Config {
	named := rest.CopyConfig(config)
	named.UserAgent = "devcluster/" + part
	return named
}

// waitForHealth returns once GET of the path answers 200.
func waitForHealth(ctx context.Context, config *rest.Config, path string) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 25*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		last = client.RESTClient().Get().AbsPath(path).Do(ctx).Error()
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("API server: %s: %w: %w", path, err, last)
	}
	return nil
}
