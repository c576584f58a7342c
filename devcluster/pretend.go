package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// A rule says what the operator of a kind would report. Objects may be there before it or come later, and so
// may the kind.
type rule struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// After is how long an object exists before its status is set: "500ms".
	After metav1.Duration `json:"after"`
	// Status is merged into the object's. In texts {name} and {namespace} are the object's.
	Status map[string]any `json:"status"`
}

const pretendPoll = 100 * time.Millisecond

// pretend is "devcluster pretend": it plays the operators that a file of rules describes, until stopped.
func pretend(args []string) error {
	flags := flag.NewFlagSet("pretend", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "of the cluster (default: $KUBECONFIG)")
	parentPID := flags.Int("parent-pid", os.Getppid(), "end when this `process` does (default: the caller)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("pretend: name a file of rules")
	}
	rules, err := readRules(flags.Args())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if ctx, err = untilExit(ctx, *parentPID); err != nil {
		return err
	}
	config, err := loadConfig(*kubeconfig, "pretend")
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	types, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(types))
	p := pretender{client: client, mapper: mapper}
	var playing sync.WaitGroup
	for _, r := range rules {
		playing.Go(func() { p.play(ctx, r) })
	}
	playing.Wait()
	return nil
}

func readRules(files []string) ([]rule, error) {
	var all []rule
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var content struct {
			Rules []rule `json:"rules"`
		}
		if err := yaml.UnmarshalStrict(data, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, r := range content.Rules {
			if r.APIVersion == "" || r.Kind == "" || len(r.Status) == 0 {
				return nil, fmt.Errorf("%s: a rule needs apiVersion, kind and status", file)
			}
		}
		all = append(all, content.Rules...)
	}
	return all, nil
}

type pretender struct {
	client dynamic.Interface
	mutex  sync.Mutex // guards mapper
	mapper meta.ResettableRESTMapper
}

// play follows a rule until the context ends. Whatever fails is tried again.
func (p *pretender) play(ctx context.Context, r rule) {
	for ctx.Err() == nil {
		if resource, err := p.resource(r); err == nil {
			_ = p.follow(ctx, r, p.client.Resource(resource))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pretendPoll):
		}
	}
}

func (p *pretender) resource(r rule) (schema.GroupVersionResource, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	kind := schema.FromAPIVersionAndKind(r.APIVersion, r.Kind)
	mapping, err := p.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		p.mapper.Reset()
		return schema.GroupVersionResource{}, err
	}
	return mapping.Resource, nil
}

// follow lists and watches the objects of a rule.
func (p *pretender) follow(ctx context.Context, r rule, resource dynamic.NamespaceableResourceInterface) error {
	list, err := resource.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		go setStatus(ctx, r, resource, &list.Items[i])
	}
	events, err := resource.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		switch event.Type {
		case watch.Added, watch.Modified:
			if object, ok := event.Object.(*unstructured.Unstructured); ok {
				go setStatus(ctx, r, resource, object)
			}
		case watch.Error:
			return apierrors.FromObject(event.Object)
		}
	}
	return nil
}

// setStatus sets the status of an object once it is old enough, unless it is set.
func setStatus(ctx context.Context, r rule, resource dynamic.NamespaceableResourceInterface, object *unstructured.Unstructured) {
	status := statusFor(r, object)
	if reported, _ := object.Object["status"].(map[string]any); contains(reported, status) || object.GetDeletionTimestamp() != nil {
		return
	}
	// The time of creation has no fractions, so an object that is new by it waits in full.
	if time.Since(object.GetCreationTimestamp().Time) < r.After.Duration+time.Second {
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.After.Duration):
		}
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": object.GetUID()},
		"status":   status,
	})
	if err != nil {
		return
	}
	// A failure shows as a status that stays unset; the next event or list tries again.
	_, _ = resource.Namespace(object.GetNamespace()).Patch(ctx, object.GetName(), types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: "pretend"}, "status")
}

func statusFor(r rule, object *unstructured.Unstructured) map[string]any {
	replacer := strings.NewReplacer("{name}", object.GetName(), "{namespace}", object.GetNamespace())
	return fill(r.Status, replacer).(map[string]any)
}

func fill(value any, replacer *strings.Replacer) any {
	switch v := value.(type) {
	case string:
		return replacer.Replace(v)
	case map[string]any:
		filled := map[string]any{}
		for key, member := range v {
			filled[key] = fill(member, replacer)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			filled[i] = fill(item, replacer)
		}
		return filled
	default:
		return value
	}
}

// contains says whether a merge of `part` would change nothing.
func contains(whole, part map[string]any) bool {
	for key, want := range part {
		have, found := whole[key]
		inner, isMap := want.(map[string]any)
		if isMap {
			if haveMap, ok := have.(map[string]any); !ok || !contains(haveMap, inner) {
				return false
			}
		} else if !found || !sameJSON(have, want) {
			return false
		}
	}
	return true
}

// sameJSON ignores the Go types of numbers.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
