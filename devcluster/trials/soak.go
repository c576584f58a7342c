package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Watches only: when they began, and when they ended.
const soakPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, Panic]
rules:
- level: Metadata
  verbs: [watch]
- level: None
`

// A kind of somebody else, and a definition that makes objects of it. Both come and go.
const (
	foreignCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
`
	foreignDefinition = `
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: wrapper}
spec:
  schema: {apiVersion: v1alpha1, kind: Wrapper, spec: {size: integer}}
  resources:
  - id: gadget
    template:
      apiVersion: example.com/v1
      kind: Gadget
      metadata: {name: "${schema.metadata.name}"}
      spec: {size: "${schema.spec.size}"}
`
	// Pods, which get ready, and a Service that waits for them.
	webDefinition = `
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec: {replicas: integer | default=1, exposed: boolean | default=true}
    status: {available: "${deployment.status.availableReplicas}"}
  resources:
  - id: deployment
    readyWhen: ["${deployment.status.availableReplicas == deployment.spec.replicas}"]
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${schema.metadata.name}"}
      spec:
        replicas: "${schema.spec.replicas}"
        selector: {matchLabels: {app: "${schema.metadata.name}"}}
        template:
          metadata: {labels: {app: "${schema.metadata.name}"}}
          spec: {containers: [{name: web, image: "example.com/web:1"}]}
  - id: service
    includeWhen: ["${schema.spec.exposed}"]
    template:
      apiVersion: v1
      kind: Service
      metadata: {name: "${deployment.metadata.name}"}
      spec:
        selector: {app: "${schema.metadata.name}"}
        ports: [{port: 80}]
`
)

type soakTrial struct {
	options   options
	duration  time.Duration
	phase     time.Duration
	instances int
	cluster   *cluster
	world     *world
	replica   *replica
	watches   *watchLedger

	webs     map[string]web // wanted
	restarts int
	resets   int
	crashed  atomic.Pointer[time.Time] // the API server, last
	actions  map[string]int
	samples  []sample
	usual    []string // watches that are open before anything happens
}

type web struct {
	replicas int
	exposed  bool
}

// A sample is what the process holds when everything is as wanted.
type sample struct {
	at                  time.Duration
	rss, files, threads int
}

// soak is "trials soak": phases of random changes and failures; after each one everything must become as wanted, the
// same watches must be open as after the first, and memory must not grow.
func soak(ctx context.Context, args []string) error {
	t := &soakTrial{webs: map[string]web{}, actions: map[string]int{}}
	flags := flag.NewFlagSet("soak", flag.ExitOnError)
	t.options.register(flags)
	minutes := flags.Float64("minutes", 20, "how long")
	flags.IntVar(&t.instances, "instances", 100, "of the definition that is edited most")
	growth := flags.Float64("growth", 5, "allowed growth of resident memory after the warm-up, in per cent; 0: any")
	if err := t.options.parse(flags, args); err != nil {
		return err
	}
	t.duration = time.Duration(*minutes * float64(time.Minute))
	t.phase = max(20*time.Second, min(time.Minute, t.duration/4))
	fmt.Printf("seed %d\n", t.options.seed)
	if err := t.start(ctx); err != nil {
		return err
	}
	defer t.cluster.stop()
	defer t.replica.stop()
	if err := t.run(ctx); err != nil {
		return err
	}
	if err := t.judge(*growth); err != nil {
		return err
	}
	if err := t.takeDown(ctx); err != nil {
		return err
	}
	if exits := t.replica.ends(); len(exits) > 0 {
		return fmt.Errorf("the controller ended by itself: %v", exits)
	}
	fmt.Printf("%d passed, 0 failed\n", len(t.samples))
	return nil
}

func (t *soakTrial) start(ctx context.Context) error {
	var err error
	if t.cluster, err = startCluster(ctx, &t.options, soakPolicy); err != nil {
		return err
	}
	t.world = newWorld(t.cluster, t.options.random)
	t.watches = newWatchLedger(t.cluster.auditLog)
	if t.replica, err = startReplica(t.cluster, "kro-a", "--metrics-bind-address=0", "--allow-crd-deletion=true"); err != nil {
		t.cluster.stop()
		return err
	}
	err = t.fill(ctx)
	if err != nil {
		t.replica.stop()
		t.cluster.stop()
	}
	return err
}

func (t *soakTrial) fill(ctx context.Context) error {
	if err := t.world.define(ctx, ""); err != nil {
		return err
	}
	if err := t.cluster.apply(ctx, rgdGVR, "", object(webDefinition)); err != nil {
		return err
	}
	for _, name := range []string{"load", "web"} {
		if err := t.world.awaitActive(ctx, name); err != nil {
			return err
		}
	}
	for i := range t.instances {
		if err := t.world.set(ctx, fmt.Sprintf("load-%03d", i), "0"); err != nil {
			return err
		}
	}
	for i := range t.instances / 10 {
		if err := t.setWeb(ctx, fmt.Sprintf("web-%02d", i), web{1, true}); err != nil {
			return err
		}
	}
	return nil
}

var webGVR = resourceOf("kro.run", "v1alpha1", "webs")

func (t *soakTrial) setWeb(ctx context.Context, name string, w web) error {
	t.webs[name] = w
	return t.cluster.apply(ctx, webGVR, "default", object(fmt.Sprintf(
		"{apiVersion: kro.run/v1alpha1, kind: Web, metadata: {name: %q, namespace: default}, spec: {replicas: %d, exposed: %v}}", name, w.replicas, w.exposed)))
}

func (t *soakTrial) run(ctx context.Context) error {
	err := t.settle(ctx)
	if err != nil {
		return err
	}
	if t.usual, err = t.watches.open(); err != nil {
		return err
	}
	fmt.Printf("watches: %s\n", strings.Join(t.usual, ", "))
	started := time.Now()
	failures, stop := context.WithCancel(ctx)
	defer stop()
	for time.Since(started) < t.duration {
		phase, end := context.WithTimeout(failures, t.phase)
		var breaking sync.WaitGroup
		breaking.Go(func() { t.breakThings(phase) })
		err := t.changeThings(ctx, phase)
		end()
		breaking.Wait()
		if err != nil {
			return err
		}
		if err := t.settle(ctx); err != nil {
			return fmt.Errorf("after %v: %w", time.Since(started).Round(time.Second), err)
		}
		s := sample{at: time.Since(started)}
		s.rss, s.files, s.threads = t.replica.usage()
		if at := t.crashed.Load(); at != nil {
			t.watches.serverCrashed(*at)
		}
		if err := t.awaitWatches(ctx, func(open []string) bool { return slices.Equal(open, t.usual) }); err != nil {
			return err
		}
		t.samples = append(t.samples, s)
		fmt.Printf("%5.1f min: %5.1f MiB, %d files, %d threads, the usual watches; %d API-server restarts, %d resets so far\n",
			s.at.Minutes(), float64(s.rss)/1024, s.files, s.threads, t.restarts, t.resets)
	}
	fmt.Printf("actions: %v\n", t.actions)
	return nil
}

// breakThings resets connections and, once a phase, kills the API server.
func (t *soakTrial) breakThings(ctx context.Context) {
	restart := time.After(t.phase/4 + time.Duration(len(t.samples)%3)*t.phase/4)
	for {
		select {
		case <-ctx.Done():
			return
		case <-restart:
			t.restarts++
			none, err := t.cluster.restartAPIServer()
			if err != nil {
				fmt.Println(err) // what follows does not get through
			}
			t.crashed.Store(&none)
		case <-time.After(7 * time.Second):
			t.resets++
			t.replica.network.reset()
		}
	}
}

// changeThings acts as users do until the phase ends.
func (t *soakTrial) changeThings(ctx, phase context.Context) error {
	random := t.options.random
	value := 0
	for phase.Err() == nil {
		names := t.world.names()
		name := names[random.IntN(len(names))]
		value++
		var err error
		action := ""
		switch dice := random.IntN(100); {
		case dice < 50:
			action = "edit"
			err = t.world.set(ctx, name, fmt.Sprint(len(t.samples), "-", value))
		case dice < 58:
			action = "delete and make anew"
			if err = t.world.remove(ctx, name); err == nil {
				err = t.world.set(ctx, name, fmt.Sprint(len(t.samples), "-", value))
			}
		case dice < 68:
			action = "delete a child"
			t.world.disturb(ctx, name, true)
		case dice < 78:
			action = "edit a child"
			t.world.disturb(ctx, name, false)
		case dice < 93:
			action = "scale a web"
			err = t.setWeb(ctx, fmt.Sprintf("web-%02d", random.IntN(len(t.webs))), web{1 + random.IntN(2), random.IntN(2) == 0})
		case dice < 96:
			action = "change a definition"
			err = t.changeDefinition(ctx)
		case dice < 98:
			action = "repair a CRD"
			err = t.damageCRD(ctx)
		default:
			action = "a foreign kind comes and goes"
			err = t.foreignKind(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		t.actions[action]++
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// changeDefinition adds a field to the schema, or takes it away, and changes a child of every instance.
func (t *soakTrial) changeDefinition(ctx context.Context) error {
	t.world.mutex.Lock()
	t.world.edition++
	fields := ""
	if t.world.edition%2 == 0 {
		fields = ", note: string | default=\"\""
	}
	t.world.mutex.Unlock()
	return t.world.define(ctx, fields)
}

// damageCRD takes the printed columns from a CRD of ours, which puts them back.
func (t *soakTrial) damageCRD(ctx context.Context) error {
	patch := []byte(`[{"op":"remove","path":"/spec/versions/0/additionalPrinterColumns"}]`)
	_, err := t.cluster.client.Resource(crdGVR).Patch(ctx, "loads.kro.run", "application/json-patch+json", patch, metav1.PatchOptions{FieldManager: "hand"})
	if err != nil && !apierrors.IsInvalid(err) {
		return nil // the server is away
	}
	return await(ctx, 3*time.Minute, "loads.kro.run repaired", func() (bool, string) {
		live, err := t.cluster.client.Resource(crdGVR).Get(ctx, "loads.kro.run", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return strings.Contains(text(live, "spec", "versions"), "additionalPrinterColumns"), "without columns"
	})
}

func (t *soakTrial) foreignKind(ctx context.Context) error {
	if err := t.cluster.installCRD(ctx, foreignCRD); err != nil {
		return err
	}
	if err := t.cluster.apply(ctx, rgdGVR, "", object(foreignDefinition)); err != nil {
		return err
	}
	if err := t.world.awaitActive(ctx, "wrapper"); err != nil {
		return err
	}
	wrapper := object("{apiVersion: kro.run/v1alpha1, kind: Wrapper, metadata: {name: one, namespace: default}, spec: {size: 3}}")
	wrappers, gadgets := resourceOf("kro.run", "v1alpha1", "wrappers"), resourceOf("example.com", "v1", "gadgets")
	if err := t.cluster.apply(ctx, wrappers, "default", wrapper); err != nil {
		return err
	}
	if err := await(ctx, 3*time.Minute, "the gadget", func() (bool, string) {
		_, err := t.cluster.resource(gadgets, "default").Get(ctx, "one", metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	}); err != nil {
		return err
	}
	if err := t.gone(ctx, wrappers, "default", "one"); err != nil {
		return err
	}
	if err := t.gone(ctx, rgdGVR, "", "wrapper"); err != nil {
		return err
	}
	return t.gone(ctx, crdGVR, "", "gadgets.example.com")
}

// settle waits until everything is as wanted.
func (t *soakTrial) settle(ctx context.Context) error {
	if err := t.world.settle(ctx, 10*time.Minute); err != nil {
		return err
	}
	return await(ctx, 3*time.Minute, "every Web", func() (bool, string) {
		found, err := t.cluster.list(ctx, webGVR, "")
		if err != nil {
			return false, err.Error()
		}
		services, err := t.cluster.list(ctx, resourceOf("", "v1", "services"), ownedSelector)
		if err != nil {
			return false, err.Error()
		}
		for name, wanted := range t.webs {
			o := found[name]
			if o == nil || text(o, "status", "state") != "ACTIVE" || condition(o, "Ready") != "True" || text(o, "status", "available") != fmt.Sprint(wanted.replicas) {
				return false, fmt.Sprintf("%s: %v", name, o)
			}
			if (services[name] != nil) != wanted.exposed {
				return false, fmt.Sprintf("%s: exposed %v", name, wanted.exposed)
			}
		}
		return true, ""
	})
}

func (t *soakTrial) judge(growth float64) error {
	first, last := t.samples[0], t.samples[len(t.samples)-1]
	if last.files > first.files+5 || last.threads > first.threads+5 {
		return fmt.Errorf("from %d to %d open files, from %d to %d threads", first.files, last.files, first.threads, last.threads)
	}
	// The first third is warm-up; the middle is held against the end.
	third := len(t.samples) / 3
	if growth == 0 || third == 0 {
		return nil
	}
	middle, end := mean(t.samples[third:2*third]), mean(t.samples[2*third:])
	grown := 100 * (end - middle) / middle
	fmt.Printf("memory after the warm-up: %.1f MiB, at the end %.1f MiB: %+.1f %%\n", middle/1024, end/1024, grown)
	if grown > growth {
		return fmt.Errorf("resident memory grew by %.1f %%", grown)
	}
	return nil
}

func mean(samples []sample) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s.rss)
	}
	return sum / float64(len(samples))
}

// takeDown deletes everything; then nothing may be left, nor any watch of it.
func (t *soakTrial) takeDown(ctx context.Context) error {
	if err := each(t.world.names(), func(name string) error { return t.world.remove(ctx, name) }); err != nil {
		return err
	}
	for name := range t.webs {
		if err := t.gone(ctx, webGVR, "default", name); err != nil {
			return err
		}
	}
	for _, name := range []string{"load", "web"} {
		if err := t.gone(ctx, rgdGVR, "", name); err != nil {
			return err
		}
	}
	return t.awaitWatches(ctx, func(open []string) bool {
		return !slices.ContainsFunc(open, func(what string) bool {
			return strings.Contains(what, "loads") || strings.Contains(what, "webs") || strings.Contains(what, "deployments")
		})
	})
}

func (t *soakTrial) awaitWatches(ctx context.Context, right func(open []string) bool) error {
	return await(ctx, 3*time.Minute, "the usual watches and no others", func() (bool, string) {
		open, err := t.watches.open()
		if err != nil {
			return false, err.Error()
		}
		return right(open), strings.Join(open, ", ")
	})
}

// gone deletes and waits, whatever the server does in between.
func (t *soakTrial) gone(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string) error {
	return await(ctx, 3*time.Minute, gvr.Resource+" "+name+" gone", func() (bool, string) {
		objects := t.cluster.resource(gvr, namespace)
		o, err := objects.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, ""
		}
		if err != nil {
			return false, err.Error()
		}
		if o.GetDeletionTimestamp() == nil {
			err = objects.Delete(ctx, name, metav1.DeleteOptions{})
		}
		return false, fmt.Sprint(err, o.Object["status"])
	})
}
