package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var (
	rgdGVR       = schema.GroupVersionResource{Group: "kro.run", Version: "v1alpha1", Resource: "resourcegraphdefinitions"}
	loadGVR      = schema.GroupVersionResource{Group: "kro.run", Version: "v1alpha1", Resource: "loads"}
	configMapGVR = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	accountGVR   = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
)

const ownedSelector = "kro.run/owned=true"

// A chain of two and one beside it; the status says when the chain has arrived. Its schema may also shrink.
const loadDefinition = `
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: load, annotations: {kro.run/allow-breaking-changes: "true"}}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Load
    spec: {value: string%s}
    status: {value: "${second.data.value}"}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-first"}
      data: {value: "${schema.spec.value}"}
  - id: second
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-second"}
      data: {value: "${first.data.value}", edition: "%d"}
  - id: account
    template:
      apiVersion: v1
      kind: ServiceAccount
      metadata: {name: "${schema.metadata.name}"}
`

// A world is the Load instances that a user wants, and what must then be there.
type world struct {
	cluster *cluster
	random  *rand.Rand

	mutex   sync.Mutex
	wanted  map[string]string // values by name of the instance
	edition int
	// How often an instance was made, over all.
	made int
}

func newWorld(c *cluster, random *rand.Rand) *world {
	return &world{cluster: c, random: random, wanted: map[string]string{}, edition: 1}
}

// define applies the definition in its current edition; `fields` are more of its schema.
func (w *world) define(ctx context.Context, fields string) error {
	return w.cluster.apply(ctx, rgdGVR, "", object(fmt.Sprintf(loadDefinition, fields, w.edition)))
}

func (w *world) awaitActive(ctx context.Context, name string) error {
	return await(ctx, 3*time.Minute, "definition "+name+" active", func() (bool, string) {
		o, err := w.cluster.client.Resource(rgdGVR).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return text(o, "status", "state") == "Active" && condition(o, "Ready") == "True", text(o, "status")
	})
}

// set makes an instance or changes its value.
func (w *world) set(ctx context.Context, name, value string) error {
	o := object(fmt.Sprintf("{apiVersion: kro.run/v1alpha1, kind: Load, metadata: {name: %q, namespace: default}, spec: {value: %q}}", name, value))
	if err := w.cluster.apply(ctx, loadGVR, "default", o); err != nil {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if _, there := w.wanted[name]; !there {
		w.made++
	}
	w.wanted[name] = value
	return nil
}

// remove deletes an instance and waits until it is gone.
func (w *world) remove(ctx context.Context, name string) error {
	w.mutex.Lock()
	delete(w.wanted, name)
	w.mutex.Unlock()
	loads := w.cluster.resource(loadGVR, "default")
	return await(ctx, 3*time.Minute, "Load "+name+" gone", func() (bool, string) {
		o, err := loads.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, ""
		}
		if err != nil {
			return false, err.Error()
		}
		if o.GetDeletionTimestamp() == nil {
			err = loads.Delete(ctx, name, metav1.DeleteOptions{})
		}
		return false, fmt.Sprint(err, o.Object["status"])
	})
}

// disturb does to a child what a person might: deletes it or edits what kro owns.
func (w *world) disturb(ctx context.Context, name string, deletes bool) {
	children := w.cluster.resource(configMapGVR, "default")
	// The server may be away; then nothing was disturbed.
	if deletes {
		_ = children.Delete(ctx, name+"-first", metav1.DeleteOptions{})
		return
	}
	_, _ = children.Patch(ctx, name+"-second", types.MergePatchType, []byte(`{"data":{"value":"by hand"}}`), metav1.PatchOptions{FieldManager: "hand"})
}

// names of the wanted instances, sorted.
func (w *world) names() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var names []string
	for name := range w.wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// difference says what is not yet as wanted; empty: everything is, and nothing else is there.
func (w *world) difference(ctx context.Context) string {
	instances, err := w.cluster.list(ctx, loadGVR, "")
	if err != nil {
		return err.Error()
	}
	configMaps, err := w.cluster.list(ctx, configMapGVR, ownedSelector)
	if err != nil {
		return err.Error()
	}
	accounts, err := w.cluster.list(ctx, accountGVR, ownedSelector)
	if err != nil {
		return err.Error()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for name, value := range w.wanted {
		o := instances[name]
		if o == nil {
			say("%s is missing", name)
			continue
		}
		if state, ready := text(o, "status", "state"), condition(o, "Ready"); state != "ACTIVE" || ready != "True" || text(o, "status", "value") != value {
			say("%s is %s, ready %s, at %s instead of %s", name, state, ready, text(o, "status", "value"), value)
		}
		for _, child := range []*unstructured.Unstructured{configMaps[name+"-first"], configMaps[name+"-second"], accounts[name]} {
			if child == nil {
				say("%s lacks a child", name)
			} else if id := child.GetLabels()["kro.run/instance-id"]; id != string(o.GetUID()) {
				say("%s of %s belongs to %s", child.GetName(), name, id)
			}
		}
		for _, id := range []string{"first", "second"} {
			if child := configMaps[name+"-"+id]; child != nil && text(child, "data", "value") != value {
				say("%s-%s has %s instead of %s", name, id, text(child, "data", "value"), value)
			}
		}
		if child := configMaps[name+"-second"]; child != nil && text(child, "data", "edition") != fmt.Sprint(w.edition) {
			say("%s-second is of edition %s", name, text(child, "data", "edition"))
		}
	}
	if len(instances) != len(w.wanted) {
		say("%d instances instead of %d", len(instances), len(w.wanted))
	}
	owned := 0
	for _, child := range configMaps {
		if child.GetLabels()["kro.run/instance-kind"] == "Load" {
			owned++
		}
	}
	if owned != 2*len(w.wanted) || len(accounts) != len(w.wanted) {
		say("%d ConfigMaps and %d ServiceAccounts for %d instances", owned, len(accounts), len(w.wanted))
	}
	if len(wrong) > 5 {
		wrong = append(wrong[:5], fmt.Sprintf("and %d more", len(wrong)-5))
	}
	return strings.Join(wrong, "; ")
}

// settle waits until everything is as wanted.
func (w *world) settle(ctx context.Context, limit time.Duration) error {
	return await(ctx, limit, "the wanted state", func() (bool, string) {
		difference := w.difference(ctx)
		return difference == "", difference
	})
}

// uids of the children of all instances, by kind and name.
func (w *world) uids(ctx context.Context) (map[string]types.UID, error) {
	found := map[string]types.UID{}
	for _, gvr := range []schema.GroupVersionResource{configMapGVR, accountGVR} {
		children, err := w.cluster.list(ctx, gvr, ownedSelector)
		if err != nil {
			return nil, err
		}
		for name, child := range children {
			found[gvr.Resource+" "+name] = child.GetUID()
		}
	}
	return found, nil
}

// each runs an action for every name, eight at a time, and returns the first error.
func each(names []string, action func(string) error) error {
	queue := make(chan string, len(names))
	for _, name := range names {
		queue <- name
	}
	close(queue)
	failed := make(chan error, 8)
	for range cap(failed) {
		go func() {
			for name := range queue {
				if err := action(name); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	var first error
	for range cap(failed) {
		if err := <-failed; err != nil && first == nil {
			first = err
		}
	}
	return first
}
