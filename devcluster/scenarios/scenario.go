package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

type scenario struct {
	About          string   `json:"about"`
	Covers         []string `json:"covers,omitempty"`
	UpstreamDefect string   `json:"upstream_defect,omitempty"`
	Flags          []string `json:"flags,omitempty"`       // more flags for the controller
	Controllers    []string `json:"controllers,omitempty"` // of kube-controller-manager
	Steps          []step   `json:"steps"`
}

type step struct {
	Apply   string     `json:"apply,omitempty"`  // server-side apply as "user", forced
	Create  string     `json:"create,omitempty"` // POST as "hand"
	Patch   *patchStep `json:"patch,omitempty"`
	Status  *patchStep `json:"status,omitempty"` // merge patch of the status subresource as "other"
	Delete  string     `json:"delete,omitempty"`
	Cascade string     `json:"cascade,omitempty"` // with delete: Orphan, Background, Foreground
	Error   string     `json:"error,omitempty"`   // the request must fail with this text in the message
	Wait    *waitStep  `json:"wait,omitempty"`
	Settle  string     `json:"settle,omitempty"`
	Sleep   string     `json:"sleep,omitempty"`
	Stop    string     `json:"stop,omitempty"` // term or kill
	Start   bool       `json:"start,omitempty"`
	Order   []string   `json:"order,omitempty"` // these log lines since the last record came in this order
	Never   []string   `json:"never,omitempty"` // no log line since the last record contains this
	Record  string     `json:"record,omitempty"`
	Stable  []string   `json:"stable,omitempty"` // with record: what is compared; absent = all; [] entries "Key" or "Key:path"
	Settled *bool      `json:"settled,omitempty"`
	About   string     `json:"about,omitempty"`
}

type patchStep struct {
	On      string `json:"of"`
	Type    string `json:"type,omitempty"` // merge (default), json, strategic
	Body    any    `json:"body"`
	Manager string `json:"manager,omitempty"`
}

type waitStep struct {
	On       string `json:"of"`
	Path     string `json:"path,omitempty"`
	Is       *any   `json:"is,omitempty"`
	Not      *any   `json:"not,omitempty"`
	Contains string `json:"contains,omitempty"`
	Absent   bool   `json:"absent,omitempty"`
	Unset    bool   `json:"unset,omitempty"` // the object exists, the path does not
	Ready    bool   `json:"ready,omitempty"` // the Ready condition is True for the current generation
	Limit    string `json:"limit,omitempty"`
}

type world struct {
	s      *server
	dyn    dynamic.Interface
	disc   discovery.CachedDiscoveryInterface
	mapper meta.ResettableRESTMapper
	audit  *auditLog
	base   map[string]bool // uids that were there before
	proc   *process        // the controller
	// stopped is set while a scenario wants no controller.
	stopped bool
}

func newWorld(ctx context.Context, s *server) (*world, error) {
	w := &world{s: s, audit: newAudit(s.audit), base: map[string]bool{}}
	var err error
	if w.dyn, err = dynamic.NewForConfig(s.cfg); err != nil {
		return nil, err
	}
	d, err := discovery.NewDiscoveryClientForConfig(s.cfg)
	if err != nil {
		return nil, err
	}
	w.disc = memory.NewMemCacheClient(d)
	w.mapper = restmapper.NewDeferredDiscoveryRESTMapper(w.disc)
	return w, w.waitForServersOwn(ctx)
}

// waitForServersOwn waits until the server has made its own objects, the last of which nothing announces, and notes
// them.
func (w *world) waitForServersOwn(ctx context.Context) error {
	const still = 2 * time.Second
	since := time.Now()
	for started := since; time.Since(since) < still || !w.hasOwnService(ctx); time.Sleep(200 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(started) > *waitLimit {
			return errors.New("the server does not come to rest")
		}
		for _, o := range w.list(ctx) {
			if u := string(o.GetUID()); !w.base[u] {
				w.base[u] = true
				since = time.Now()
			}
		}
	}
	return nil
}

func (w *world) hasOwnService(ctx context.Context) bool {
	services := schema.GroupVersionResource{Version: "v1", Resource: "services"}
	_, err := w.dyn.Resource(services).Namespace("default").Get(ctx, "kubernetes", metav1.GetOptions{})
	return err == nil
}

// on reads "apiVersion Kind [namespace/]name".
func (w *world) on(text string) (dynamic.ResourceInterface, string, error) {
	f := strings.Fields(text)
	if len(f) != 3 {
		return nil, "", fmt.Errorf("bad object %q", text)
	}
	gv, err := schema.ParseGroupVersion(f[0])
	if err != nil {
		return nil, "", err
	}
	ns, name := "", f[2]
	if i := strings.IndexByte(name, '/'); i >= 0 {
		ns, name = name[:i], name[i+1:]
	}
	r, err := w.resource(gv.WithKind(f[1]), ns)
	return r, name, err
}

func (w *world) resource(gvk schema.GroupVersionKind, ns string) (dynamic.ResourceInterface, error) {
	m, err := w.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		w.mapper.Reset()
		m, err = w.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, err
	}
	if m.Scope.Name() == meta.RESTScopeNameRoot {
		return w.dyn.Resource(m.Resource), nil
	}
	if ns == "" {
		ns = "default"
	}
	return w.dyn.Resource(m.Resource).Namespace(ns), nil
}

func parse(text string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	d := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		m := map[string]any{}
		if err := d.Decode(&m); err != nil {
			if err.Error() == "EOF" {
				return out, nil
			}
			return nil, err
		}
		if len(m) > 0 {
			out = append(out, &unstructured.Unstructured{Object: m})
		}
	}
}

func (w *world) startController(sc *scenario, name string) error {
	line := *command
	if len(sc.Flags) > 0 {
		line += " " + strings.Join(sc.Flags, " ")
	}
	log := ""
	if *logDir != "" {
		log = filepath.Join(*logDir, name+".log")
	}
	var err error
	w.stopped = false
	w.proc, err = start(line, w.s.kubeconfig, log)
	return err
}

// play runs one scenario on an empty cluster, and leaves it empty.
func (w *world) play(ctx context.Context, file string, meant expectations) verdict {
	v := verdict{name: nameOf(file)}
	started := time.Now()
	sc, err := readScenario(file)
	if err != nil {
		v.err = err
		return v
	}
	if meant.Outcomes[v.name] == nil {
		v.defect = sc.UpstreamDefect
	}
	rec := newRecorder(w, meant.Annotations)
	failure := w.run(ctx, sc, v.name, rec)
	differences, err := judge(file, rec, meant, failure)
	v.differences, v.met = meant.unexpected(v.name, differences)
	v.err = err
	v.took = time.Since(started)
	return v
}

func (w *world) run(ctx context.Context, sc *scenario, name string, rec *recorder) (err error) {
	w.audit.poll()
	w.audit.entries = nil
	w.mapper.Reset()
	if len(sc.Controllers) > 0 {
		controllers, err := w.startControllers(sc, name)
		if err != nil {
			return err
		}
		defer w.clean()
		defer controllers.stop(syscall.SIGKILL, time.Second)
		defer time.Sleep(time.Second)
		time.Sleep(5 * time.Second)
	}
	if err := w.startController(sc, name); err != nil {
		return err
	}
	defer w.clean()
	defer func() {
		w.proc.stop(syscall.SIGKILL, time.Second)
		w.proc = nil
	}()
	for i, st := range sc.Steps {
		if err := w.step(ctx, sc, name, rec, &st); err != nil {
			b, _ := json.Marshal(st)
			if len(b) > 200 {
				b = b[:200]
			}
			rec.record("failure", nil, "")
			return fmt.Errorf("step %d %s: %w", i+1, b, err)
		}
	}
	return nil
}

// startControllers runs those of kube-controller-manager that the scenario names.
func (w *world) startControllers(sc *scenario, name string) (*process, error) {
	log := ""
	if *logDir != "" {
		log = filepath.Join(*logDir, name+".kcm.log")
	}
	return start(*devcluster+" controller-manager --kubeconfig="+w.s.kubeconfig+
		" --controllers="+strings.Join(sc.Controllers, ",")+
		" --use-service-account-credentials=false --leader-elect=false --secure-port=0", w.s.kubeconfig, log)
}

func expect(err error, want string) error {
	if want == "" {
		return err
	}
	if err == nil {
		return fmt.Errorf("succeeded, but should have failed with %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		return fmt.Errorf("failed with %q instead of %q", err, want)
	}
	return nil
}

func (w *world) step(ctx context.Context, sc *scenario, name string, rec *recorder, st *step) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case st.Apply != "" || st.Create != "":
		objs, err := parse(st.Apply + st.Create)
		if err != nil {
			return err
		}
		for _, o := range objs {
			err := retryNoMatch(func() error {
				r, err := w.resource(o.GroupVersionKind(), o.GetNamespace())
				if err != nil {
					return err
				}
				if st.Create != "" {
					_, err = r.Create(ctx, o, metav1.CreateOptions{FieldManager: "hand"})
				} else {
					_, err = r.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "user", Force: true})
				}
				return err
			})
			rec.answer(st.Error, err)
			if err := expect(err, st.Error); err != nil {
				return err
			}
		}
	case st.Patch != nil || st.Status != nil:
		p, sub, manager := st.Patch, []string{}, "hand"
		if p == nil {
			p, sub, manager = st.Status, []string{"status"}, "other"
		}
		if p.Manager != "" {
			manager = p.Manager
		}
		t := types.MergePatchType
		switch p.Type {
		case "json":
			t = types.JSONPatchType
		case "strategic":
			t = types.StrategicMergePatchType
		}
		r, n, err := w.on(p.On)
		if err != nil {
			return err
		}
		b, _ := json.Marshal(p.Body)
		_, err = r.Patch(ctx, n, t, b, metav1.PatchOptions{FieldManager: manager}, sub...)
		rec.answer(st.Error, err)
		return expect(err, st.Error)
	case st.Delete != "":
		r, n, err := w.on(st.Delete)
		if err != nil {
			return err
		}
		o := metav1.DeleteOptions{}
		if st.Cascade != "" {
			p := metav1.DeletionPropagation(st.Cascade)
			o.PropagationPolicy = &p
		}
		err = r.Delete(ctx, n, o)
		rec.answer(st.Error, err)
		return expect(err, st.Error)
	case st.Wait != nil:
		return w.wait(ctx, st.Wait)
	case st.Sleep != "":
		d, err := time.ParseDuration(st.Sleep)
		time.Sleep(d)
		return err
	case st.Settle != "":
		d, err := time.ParseDuration(st.Settle)
		w.settle(ctx, d)
		return err
	case st.Stop != "":
		sig := syscall.SIGTERM
		if st.Stop == "kill" {
			sig = syscall.SIGKILL
		}
		w.stopped = true
		w.proc.stop(sig, 20*time.Second)
	case st.Start:
		return w.startController(sc, name)
	case st.Order != nil || st.Never != nil:
		return rec.order(st.Order, st.Never)
	case st.Record != "":
		if st.Settled == nil || *st.Settled {
			w.settle(ctx, *quiet)
		}
		rec.record(st.Record, st.Stable, st.About)
	default:
		return fmt.Errorf("empty step")
	}
	return nil
}

func retryNoMatch(f func() error) error {
	var err error
	for i := 0; i < 60; i++ {
		if err = f(); err == nil || !(meta.IsNoMatchError(err) || apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource")) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

// settle waits until the controller has changed nothing for d.
func (w *world) settle(ctx context.Context, d time.Duration) {
	t0 := time.Now()
	for ctx.Err() == nil && time.Since(t0) < *waitLimit {
		w.audit.poll()
		last := w.audit.lastChange
		if last.Before(t0) {
			last = t0
		}
		if time.Since(last) >= d {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (w *world) wait(ctx context.Context, ws *waitStep) error {
	limit := *waitLimit
	if ws.Limit != "" {
		d, err := time.ParseDuration(ws.Limit)
		if err != nil {
			return err
		}
		limit = d
	}
	t0 := time.Now()
	var last any
	for {
		r, n, err := w.on(ws.On)
		if err == nil {
			var o *unstructured.Unstructured
			o, err = r.Get(ctx, n, metav1.GetOptions{})
			switch {
			case apierrors.IsNotFound(err):
				if ws.Absent {
					return nil
				}
			case err == nil && !ws.Absent:
				v, found := lookup(o.Object, ws.Path)
				last = v
				s := fmt.Sprint(v)
				switch {
				case ws.Unset:
					if !found {
						return nil
					}
				case ws.Ready:
					st, _ := lookup(o.Object, "status.conditions[Ready].status")
					og, _ := lookup(o.Object, "status.conditions[Ready].observedGeneration")
					last = fmt.Sprint(st, og)
					if st == "True" && fmt.Sprint(og) == fmt.Sprint(o.GetGeneration()) {
						return nil
					}
				case ws.Is != nil:
					if found && s == fmt.Sprint(*ws.Is) || !found && *ws.Is == nil {
						return nil
					}
				case ws.Not != nil:
					if !found || s != fmt.Sprint(*ws.Not) {
						return nil
					}
				case ws.Contains != "":
					if strings.Contains(s, ws.Contains) {
						return nil
					}
				case ws.Path == "" || found:
					return nil
				}
			}
		} else if ws.Absent && meta.IsNoMatchError(err) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if w.proc != nil && !w.proc.running() && !w.stopped {
			return fmt.Errorf("the controller has ended: %v; last value %v", w.proc.cmd.ProcessState, last)
		}
		if time.Since(t0) > limit {
			return fmt.Errorf("timed out; last value %v, error %v", last, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// lookup follows a path such as status.conditions[Ready].status or spec.ports[0].
func lookup(v any, path string) (any, bool) {
	for _, p := range splitPath(path) {
		switch t := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = t[p]; !ok {
				return nil, false
			}
		case []any:
			found := false
			for i, e := range t {
				m, _ := e.(map[string]any)
				if fmt.Sprint(i) == p || m != nil && (m["type"] == p || m["name"] == p) {
					v, found = e, true
					break
				}
			}
			if !found {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return v, true
}

func splitPath(path string) []string {
	var out []string
	for path != "" {
		switch path[0] {
		case '.':
			path = path[1:]
		case '[':
			i := strings.IndexByte(path, ']')
			if i < 0 {
				return append(out, path[1:])
			}
			out = append(out, path[1:i])
			path = path[i+1:]
		default:
			i := strings.IndexAny(path, ".[")
			if i < 0 {
				i = len(path)
			}
			out = append(out, path[:i])
			path = path[i:]
		}
	}
	return out
}

// clean removes everything that was not there at the start, without any controller's help.
func (w *world) clean() {
	ctx := context.Background()
	zero := int64(0)
	for round := 0; round < 40; round++ {
		left := 0
		var crds []*unstructured.Unstructured
		for _, o := range w.list(ctx) {
			if w.base[string(o.GetUID())] {
				continue
			}
			if k := o.GetKind(); k == "CustomResourceDefinition" || k == "Namespace" {
				crds = append(crds, o) // last: what is in them must go first
				continue
			}
			left++
			w.remove(ctx, o, zero)
		}
		if left == 0 {
			for _, o := range crds {
				w.remove(ctx, o, zero)
			}
			if len(crds) == 0 {
				return
			}
			w.mapper.Reset()
		}
		if round > 2 {
			time.Sleep(200 * time.Millisecond)
		}
	}
	fmt.Println("could not clean up")
}

func (w *world) remove(ctx context.Context, o *unstructured.Unstructured, zero int64) {
	r, err := w.resource(o.GroupVersionKind(), o.GetNamespace())
	if err != nil {
		return
	}
	if len(o.GetFinalizers()) > 0 && o.GetKind() != "CustomResourceDefinition" {
		r.Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	}
	r.Delete(ctx, o.GetName(), metav1.DeleteOptions{GracePeriodSeconds: &zero})
	if o.GetKind() == "Namespace" {
		ns := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": o.GetName()}, "spec": map[string]any{"finalizers": []any{}}}
		r.Update(ctx, &unstructured.Unstructured{Object: ns}, metav1.UpdateOptions{}, "finalize")
	}
}
