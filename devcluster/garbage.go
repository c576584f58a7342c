package main

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

// The garbage collector of kube-controller-manager looks for new types every
// 30 s, and until then misses the deletion of an owner whose CRD is younger. That
// period is a constant there, so the same collector is run from here.
const garbageDiscoveryPeriod = 2 * time.Second

const garbageWorkers = 20

// startGarbageCollector returns once the collector watches all present types.
func startGarbageCollector(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	types, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(types))
	watched := metadataInformers{metadatainformer.NewSharedInformerFactory(metadataClient, 0)}
	started := make(chan struct{})
	close(started)

	collector, err := garbagecollector.NewGarbageCollector(
		ctx, client, metadataClient, mapper, garbagecollector.DefaultIgnoredResources(), watched, started)
	if err != nil {
		return err
	}
	go collector.Run(ctx, garbageWorkers, startTimeout)
	go collector.Sync(ctx, types, garbageDiscoveryPeriod)
	return nil
}

// metadataInformers gives the collector the metadata of every type, which is all
// that it reads. kube-controller-manager shares full objects with other
// controllers instead.
type metadataInformers struct {
	metadatainformer.SharedInformerFactory
}

func (m metadataInformers) ForResource(resource schema.GroupVersionResource) (informers.GenericInformer, error) {
	return m.SharedInformerFactory.ForResource(resource), nil
}
