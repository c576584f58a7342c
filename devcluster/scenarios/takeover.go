package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// takeOver lays down what the original left at a scenario's fullest record point, each field by the manager that owned
// it, as the version of the original that is named here. Then the controller starts. It must leave the same
// objects behind: none made anew, no child changed beyond its metadata, and what an instance and a definition say
// of themselves as it was.
func (w *world) takeOver(ctx context.Context, file string, meant expectations) verdict {
	v := verdict{name: nameOf(file)}
	started := time.Now()
	sc, err := readScenario(file)
	if err != nil {
		v.err = err
		return v
	}
	v.defect = sc.UpstreamDefect
	differences, err := w.takeOverOne(ctx, sc, file, meant)
	v.differences, v.met = meant.unexpected(v.name, differences)
	v.err = err
	if errors.Is(err, errNotThere) {
		v.err, v.skipped = nil, err.Error()
	}
	v.took = time.Since(started)
	return v
}

const originalVersion = "0.9.4"

// errNotThere: the recording does not hold enough to lay it down.
var errNotThere = errors.New("cannot be laid down")

func (w *world) takeOverOne(ctx context.Context, sc *scenario, file string, meant expectations) ([]string, error) {
	b, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".golden.yaml")
	if err != nil {
		return nil, err
	}
	var recorded golden
	if err := yaml.Unmarshal(b, &recorded); err != nil {
		return nil, err
	}
	w.mapper.Reset()
	defer w.clean()
	at, site, err := w.choose(sc, &recorded)
	if err != nil {
		return nil, err
	}
	if err := site.build(ctx); err != nil {
		return nil, err
	}
	before := map[string]*unstructured.Unstructured{}
	for _, o := range w.list(ctx) {
		if !w.base[string(o.GetUID())] {
			before[key(o)] = o
		}
	}
	w.audit.poll()
	w.audit.entries = nil

	if err := w.startController(sc, nameOf(file)); err != nil {
		return nil, err
	}
	defer func() {
		w.proc.stop(syscall.SIGKILL, time.Second)
		w.proc = nil
	}()
	if err := site.awaitDefinitions(ctx); err != nil {
		return nil, err
	}
	w.settle(ctx, *quiet)
	rec := newRecorder(w, meant.Annotations)
	rec.record(recorded.Points[at].Point, nil, "")
	return site.judge(ctx, before, rec, recorded.Points[at], meant), nil
}

// choose takes the record point with the most objects, the last of several, among those that can be laid down.
func (w *world) choose(sc *scenario, g *golden) (int, *site, error) {
	points := expand(g)
	order := make([]int, len(points))
	for i := range order {
		order[i] = len(points) - 1 - i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(points[b]) - len(points[a]) })
	err := errNotThere
	for _, i := range order {
		s := &site{w: w, objects: points[i], uids: map[string]string{}}
		if s.definitions, err = definitionsUpTo(sc, g.Points[i].Point); err == nil {
			err = s.check()
		}
		if err == nil {
			return i, s, nil
		}
	}
	return 0, nil, err
}

// definitionsUpTo gives the definitions as the user applied them before the record point, by key, the oldest first.
// Recordings leave their specs out.
func definitionsUpTo(sc *scenario, point string) (map[string][]*unstructured.Unstructured, error) {
	found := map[string][]*unstructured.Unstructured{}
	for _, st := range sc.Steps {
		if st.Record == point {
			return found, nil
		}
		if st.Patch != nil && strings.Contains(st.Patch.On, "ResourceGraphDefinition ") {
			return nil, fmt.Errorf("%w: a definition is patched", errNotThere)
		}
		if st.Error != "" {
			continue
		}
		objects, err := parse(st.Apply + st.Create)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if o.GetKind() == "ResourceGraphDefinition" {
				found[key(o)] = append(found[key(o)], o)
			}
		}
	}
	return found, nil
}

// A site is what is laid down.
type site struct {
	w           *world
	objects     map[string]any // of the recording
	definitions map[string][]*unstructured.Unstructured
	uids        map[string]string // the real ones, by their name in the recording
}

var rePlaceholder = regexp.MustCompile(`<uid [^>]*>`)

// check says whether the recording holds enough.
func (s *site) check() error {
	instances := 0
	for k, o := range s.objects {
		recorded, ok := o.(map[string]any)
		if !ok {
			return fmt.Errorf("%w: no object %s", errNotThere, k)
		}
		if _, deleting, _ := unstructured.NestedString(recorded, "metadata", "deletionTimestamp"); deleting {
			return fmt.Errorf("%w: %s is being deleted", errNotThere, k)
		}
		if strings.HasPrefix(k, "GraphRevision.") && s.snapshotOf(recorded) == nil {
			return fmt.Errorf("%w: %s has a spec that is not known", errNotThere, k)
		}
		if rank(k) == 9 {
			instances++
		}
	}
	if instances == 0 {
		return fmt.Errorf("%w: there is no instance", errNotThere)
	}
	return nil
}

// snapshotOf finds the definition that a revision is of: the current one, or the one of its number.
func (s *site) snapshotOf(revision map[string]any) *unstructured.Unstructured {
	name, _, _ := unstructured.NestedString(revision, "spec", "snapshot", "name")
	history := s.definitions["ResourceGraphDefinition.kro.run "+name]
	spec, _ := lookup(revision, "spec.snapshot.spec")
	if len(history) == 0 {
		return nil
	}
	if spec == "same as the definition's" {
		return history[len(history)-1]
	}
	number, _ := lookup(revision, "spec.revision")
	if n, ok := number.(float64); ok && int(n) >= 1 && int(n) <= len(history) {
		return history[int(n)-1]
	}
	return nil
}

// build makes each object once those are there that it names by UID, namespaces and CRDs first.
func (s *site) build(ctx context.Context) error {
	left := slices.SortedFunc(maps.Keys(s.objects), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for len(left) > 0 {
		var later []string
		for _, k := range left {
			missing := false
			for _, placeholder := range s.placeholders(k) {
				if s.uids[placeholder] == "" && placeholder != s.uidName(k) {
					missing = true
				}
			}
			if missing {
				later = append(later, k)
				continue
			}
			err := s.make(ctx, k)
			if meta.IsNoMatchError(err) {
				later = append(later, k) // its CRD comes
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		if len(later) == len(left) {
			return fmt.Errorf("%w: %v name objects that are gone", errNotThere, later)
		}
		left = later
	}
	return nil
}

func rank(key string) int {
	for i, prefix := range []string{"Namespace ", "ResourceGraphDefinition.", "CustomResourceDefinition.", "GraphRevision."} {
		if strings.HasPrefix(key, prefix) {
			return i
		}
	}
	return 9
}

// uidName is how the recording names an object's UID; only later namesakes carry it.
func (s *site) uidName(key string) string {
	if recorded, ok := s.objects[key].(map[string]any); ok {
		if name, found, _ := unstructured.NestedString(recorded, "metadata", "uid"); found {
			return name
		}
	}
	return "<uid " + strings.ReplaceAll(key, " ", "/") + ">"
}

func (s *site) placeholders(key string) []string {
	b, _ := json.Marshal(s.objects[key])
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(b))
	return rePlaceholder.FindAllString(text, -1)
}

// make creates one object, manager by manager.
func (s *site) make(ctx context.Context, k string) error {
	recorded := s.objects[k].(map[string]any)
	identity := identityOf(k, recorded)
	r, err := s.w.resource(identity.GroupVersionKind(), identity.GetNamespace())
	if err != nil {
		return err
	}
	fields, _ := recorded["managedFields"].(map[string]any)
	managers := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		// The status needs the object. An update owns only what it changes, so that who made the object comes first.
		order := func(m string) int {
			switch {
			case strings.HasSuffix(m, " status"):
				return 3
			case m == "before-first-apply Update":
				return 0
			case strings.HasSuffix(m, " Apply"):
				return 1
			}
			return 2
		}
		if d := order(a) - order(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if history := s.definitions[k]; history != nil {
		definition := history[len(history)-1]
		if _, err := r.Apply(ctx, definition.GetName(), definition, metav1.ApplyOptions{FieldManager: "user", Force: true}); err != nil {
			return err
		}
	} else if len(managers) == 0 {
		return nil // the API server's own
	}
	full := s.real(recorded, k).(map[string]any)
	for _, m := range managers {
		if strings.HasSuffix(m, " status") {
			if err := observe(ctx, r, identity.GetName(), full); err != nil {
				return err
			}
		}
		if s.definitions[k] != nil && strings.HasPrefix(m, "user ") {
			continue
		}
		if err := s.write(ctx, r, identity, m, pick(recorded, full, strings.Fields(fmt.Sprint(fields[m])))); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	live, err := r.Get(ctx, identity.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	s.uids[s.uidName(k)] = string(live.GetUID())
	if identity.GetKind() == "CustomResourceDefinition" {
		return s.established(ctx, identity.GetName())
	}
	return nil
}

// write plays one manager: name, operation and perhaps the subresource.
func (s *site) write(ctx context.Context, r dynamic.ResourceInterface, identity *unstructured.Unstructured, manager string, part map[string]any) error {
	words := strings.Fields(manager)
	status := words[len(words)-1] == "status"
	if status {
		words = words[:len(words)-1]
	}
	name, operation := strings.Join(words[:len(words)-1], " "), words[len(words)-1]
	o := identity.DeepCopy()
	for field, value := range part {
		if field == "metadata" {
			for k, v := range value.(map[string]any) {
				_ = unstructured.SetNestedField(o.Object, v, "metadata", k)
			}
			continue
		}
		o.Object[field] = value
	}
	var subresources []string
	if status {
		subresources = []string{"status"}
	}
	return retryNoMatch(func() error {
		if operation == "Apply" {
			_, err := r.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: name, Force: true}, subresources...)
			return err
		}
		if !status {
			_, err := r.Create(ctx, o, metav1.CreateOptions{FieldManager: name})
			if !apierrors.IsAlreadyExists(err) {
				return err
			}
		}
		body, err := json.Marshal(o.Object)
		if err != nil {
			return err
		}
		_, err = r.Patch(ctx, o.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: name}, subresources...)
		return err
	})
}

// observe makes the recorded conditions be about the generation that the object has here.
func observe(ctx context.Context, r dynamic.ResourceInterface, name string, full map[string]any) error {
	live, err := r.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(full, "status", "conditions")
	for _, c := range conditions {
		if fields, ok := c.(map[string]any); ok && fields["observedGeneration"] != nil {
			fields["observedGeneration"] = live.GetGeneration()
		}
	}
	if conditions == nil {
		return nil
	}
	return unstructured.SetNestedSlice(full, conditions, "status", "conditions")
}

func (s *site) established(ctx context.Context, name string) error {
	for range 200 {
		o, err := s.w.dyn.Resource(crdGVR).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if v, _ := lookup(o.Object, "status.conditions[Established].status"); v == "True" {
			s.w.mapper.Reset()
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("not established")
}

// real puts the cluster's own values in place of the recording's names for them.
func (s *site) real(v any, k string) any {
	switch t := v.(type) {
	case string:
		if definition := s.snapshotOf(s.objects[k].(map[string]any)); definition != nil && (t == "same as the definition's" || t == "another") {
			// With the API server's defaults.
			defaulted, err := s.w.dyn.Resource(rgdGVR).Apply(context.Background(), definition.GetName(), definition,
				metav1.ApplyOptions{FieldManager: "user", Force: true, DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				return t
			}
			return defaulted.Object["spec"]
		}
		t = rePlaceholder.ReplaceAllStringFunc(t, func(placeholder string) string { return s.uids[placeholder] })
		return strings.NewReplacer("<version>", originalVersion, "<time>", time.Now().UTC().Format(time.RFC3339), "<ip>", "10.96.0.77").Replace(t)
	case map[string]any:
		m := map[string]any{}
		for key, e := range t {
			m[key] = s.real(e, k)
		}
		if m["type"] != nil && m["status"] != nil && m["lastTransitionTime"] == nil && m["observedGeneration"] != nil {
			m["lastTransitionTime"] = time.Now().UTC().Format(time.RFC3339)
		}
		return m
	case []any:
		l := []any{}
		for _, e := range t {
			l = append(l, s.real(e, k))
		}
		return l
	}
	return v
}

var rgdGVR = schema.GroupVersionResource{Group: "kro.run", Version: "v1alpha1", Resource: "resourcegraphdefinitions"}

// identityOf reads "Kind.group namespace/name".
func identityOf(k string, recorded map[string]any) *unstructured.Unstructured {
	kind, name, _ := strings.Cut(k, " ")
	kind, _, _ = strings.Cut(kind, ".")
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": recorded["apiVersion"], "kind": kind, "metadata": map[string]any{}}}
	if namespace, rest, namespaced := strings.Cut(name, "/"); namespaced {
		o.SetNamespace(namespace)
		name = rest
	}
	o.SetName(name)
	return o
}

// pick takes the fields at these paths from `full`; `recorded` is the same before values were made real. Of a list
// whose elements are owned one by one, only those that are named are taken.
func pick(recorded, full map[string]any, paths []string) map[string]any {
	out := map[string]any{}
	for _, path := range paths {
		// Paths of metadata come without it.
		for _, of := range []string{".labels", ".annotations", ".finalizers", ".ownerReferences"} {
			if strings.HasPrefix(path, of+"[") || strings.HasPrefix(path, of+".") || path == of {
				path = ".metadata" + path
			}
		}
		copyPath(recorded, full, out, steps(path))
	}
	return out
}

// steps splits ".a.b[c.d][{"name":"x"}]" into its names.
func steps(path string) []string {
	var out []string
	for path != "" {
		switch {
		case strings.HasPrefix(path, "[{"):
			end := strings.Index(path, "}]")
			if end < 0 {
				return out
			}
			out, path = append(out, path[1:end+1]), path[end+2:]
		case path[0] == '[':
			end := strings.Index(path, "]")
			if end < 0 {
				return out
			}
			out, path = append(out, path[1:end]), path[end+1:]
		default:
			path = path[1:]
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out, path = append(out, path[:end]), path[end:]
		}
	}
	return out
}

func copyPath(recorded, full any, out map[string]any, path []string) {
	from, okFrom := recorded.(map[string]any)
	real, okReal := full.(map[string]any)
	if !okFrom || !okReal || len(path) == 0 {
		return
	}
	name := path[0]
	value, found := real[name]
	if !found {
		return
	}
	list, isList := value.([]any)
	_, isText := from[name].(string)
	switch {
	case len(path) == 1 || isText: // a text stands for the whole in the recording
		out[name] = value
	case isList:
		was, _ := from[name].([]any)
		taken, _ := out[name].([]any)
		out[name] = copyElement(was, list, taken, path[1:])
	default:
		inner, ok := out[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			out[name] = inner
		}
		copyPath(from[name], value, inner, path[1:])
	}
}

// copyElement adds what the path names of one element of a list.
func copyElement(recorded, full, taken []any, path []string) []any {
	var keys map[string]any
	isMap := json.Unmarshal([]byte(path[0]), &keys) == nil
	for i, element := range recorded {
		if !isMap {
			if quoted, _ := json.Marshal(element); string(quoted) == path[0] && !slices.Contains(taken, full[i]) {
				taken = append(taken, full[i])
			}
			continue
		}
		fields, _ := element.(map[string]any)
		same := fields != nil
		for k, v := range keys {
			same = same && fmt.Sprint(fields[k]) == fmt.Sprint(v)
		}
		if !same {
			continue
		}
		real := full[i].(map[string]any)
		at := slices.IndexFunc(taken, func(t any) bool {
			other, _ := t.(map[string]any)
			for k := range keys {
				if fmt.Sprint(other[k]) != fmt.Sprint(real[k]) {
					return false
				}
			}
			return other != nil
		})
		if at < 0 {
			part := map[string]any{}
			for k := range keys {
				part[k] = real[k]
			}
			taken = append(taken, part)
			at = len(taken) - 1
		}
		if len(path) == 1 {
			taken[at] = real
		} else {
			copyPath(fields, real, taken[at].(map[string]any), path[1:])
		}
	}
	return taken
}

var reLife = regexp.MustCompile(`#\d+>`)

func dropPast(v any) any {
	switch t := v.(type) {
	case string:
		return reLife.ReplaceAllString(t, ">")
	case map[string]any:
		delete(t, "generation")
		delete(t, "observedGeneration")
		if uid, ok := t["uid"].(string); ok && reLife.MatchString(uid) {
			delete(t, "uid")
		}
		for k, e := range t {
			t[k] = dropPast(e)
		}
	case []any:
		for i, e := range t {
			t[i] = dropPast(e)
		}
	}
	return v
}

// awaitDefinitions waits until the controller has taken its definitions into service.
func (s *site) awaitDefinitions(ctx context.Context) error {
	limit := time.Now().Add(*waitLimit)
	for time.Now().Before(limit) && ctx.Err() == nil {
		if !s.w.proc.running() {
			return fmt.Errorf("the controller has ended: %v", s.w.proc.cmd.ProcessState)
		}
		s.w.audit.poll()
		if time.Since(s.w.audit.lastSeen) < *waitLimit && len(s.w.audit.entries) > 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the controller asked the API server for nothing")
}

// judge compares with the recording and with what was laid down.
func (s *site) judge(ctx context.Context, before map[string]*unstructured.Unstructured, rec *recorder, at *point, meant expectations) []string {
	var out []string
	now := map[string]*unstructured.Unstructured{}
	for _, o := range s.w.list(ctx) {
		now[key(o)] = o
	}
	for k, o := range before {
		after := now[k]
		switch {
		case after == nil:
			out = append(out, k+": is gone")
		case after.GetUID() != o.GetUID():
			out = append(out, k+": was made anew")
		case after.GetGeneration() != o.GetGeneration():
			diffTree(k+":spec", o.Object["spec"], after.Object["spec"], func(path, text string, _, _ any) {
				out = append(out, "changed on take-over: "+path+": "+text)
			})
		}
	}
	old := &golden{Points: []*point{{Point: at.Point, Varies: at.Varies, Stable: at.Stable, Objects: s.objects, Writes: map[string]*count{}}}}
	seen := &golden{}
	b, err := yaml.Marshal(&golden{Points: rec.points})
	if err == nil {
		err = yaml.Unmarshal(b, seen)
	}
	if err != nil {
		return append(out, err.Error())
	}
	// How often an object was edited or made anew before cannot be laid down.
	dropPast(s.objects)
	dropPast(seen.Points[0].Objects)
	seen.Points[0].Answers = nil
	for _, d := range compare(old, seen, meant) {
		// Nor can the shares of other managers, where they are the same value.
		_, owner, ofManagers := strings.Cut(d, ":managedFields.")
		if !strings.Contains(d, ": writes: ") && (!ofManagers || strings.HasPrefix(owner, "kro")) {
			out = append(out, d)
		}
	}
	if *logDir == "" {
		return out
	}
	fmt.Printf("%s: written on take-over: %s\n", at.Point, strings.Join(rec.points[0].Log, "; "))
	return out
}
