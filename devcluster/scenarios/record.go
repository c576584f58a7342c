package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// Built-in kinds that scenarios use; every custom kind is looked at too.
var builtin = []schema.GroupVersionResource{
	{Version: "v1", Resource: "namespaces"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "persistentvolumeclaims"},
	{Version: "v1", Resource: "pods"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "apps", Version: "v1", Resource: "replicasets"},
	{Group: "batch", Version: "v1", Resource: "jobs"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
	{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"},
}

var crdGVR = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func (w *world) list(ctx context.Context) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	take := func(gvr schema.GroupVersionResource) []unstructured.Unstructured {
		l, err := w.dyn.Resource(gvr).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil
		}
		for i := range l.Items {
			out = append(out, &l.Items[i])
		}
		return l.Items
	}
	for _, g := range builtin {
		take(g)
	}
	for _, c := range take(crdGVR) {
		group, _, _ := unstructured.NestedString(c.Object, "spec", "group")
		plural, _, _ := unstructured.NestedString(c.Object, "spec", "names", "plural")
		vs, _, _ := unstructured.NestedSlice(c.Object, "spec", "versions")
		for _, v := range vs {
			if m := v.(map[string]any); m["storage"] == true {
				take(schema.GroupVersionResource{Group: group, Version: m["name"].(string), Resource: plural})
			}
		}
	}
	return out
}

type point struct {
	Point     string            `json:"point"`
	About     string            `json:"about,omitempty"`
	Stable    []string          `json:"stable,omitempty"`
	Varies    []string          `json:"varies,omitempty"`
	Answers   []string          `json:"answers,omitempty"`
	Objects   map[string]any    `json:"objects"`
	Rewritten []string          `json:"rewritten,omitempty"`
	Unchanged []string          `json:"unchanged,omitempty"`
	Gone      []string          `json:"gone,omitempty"`
	Events    []string          `json:"events,omitempty"`
	Log       []string          `json:"log,omitempty"`
	Writes    map[string]*count `json:"writes,omitempty"`
	Reads     map[string]int    `json:"reads,omitempty"`
}

type golden struct {
	Scenario string   `json:"scenario"`
	Failed   string   `json:"failed,omitempty"`
	Points   []*point `json:"points"`
}

type recorder struct {
	w       *world
	own     []string // annotations that are left out
	uids    map[string]string
	numbers map[string]int
	version string
	last    map[string]any
	lastRV  map[string]string
	answers []string
	points  []*point
	events  map[string]bool
}

func newRecorder(w *world, own []string) *recorder {
	return &recorder{w: w, own: own, uids: map[string]string{}, numbers: map[string]int{}, last: map[string]any{}, lastRV: map[string]string{}, events: map[string]bool{}}
}

func (r *recorder) answer(want string, err error) {
	if want != "" && err != nil {
		r.answers = append(r.answers, err.Error())
	}
}

func key(o *unstructured.Unstructured) string {
	k := o.GetKind()
	if g := o.GroupVersionKind().Group; g != "" {
		k += "." + g
	}
	n := o.GetName()
	if o.GetNamespace() != "" {
		n = o.GetNamespace() + "/" + n
	}
	return k + " " + n
}

var (
	reTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	reUID  = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	reIP   = regexp.MustCompile(`\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	reTool = regexp.MustCompile(`^kro/\S+$`)
)

func (r *recorder) text(s string) string {
	s = reUID.ReplaceAllStringFunc(s, func(u string) string {
		if p, ok := r.uids[u]; ok {
			return p
		}
		return "<uid>"
	})
	s = reTime.ReplaceAllString(s, "<time>")
	s = reIP.ReplaceAllString(s, "<ip>")
	if i := strings.Index(s, "\n"); i > 0 && strings.Contains(s, "apply results contain errors: ") {
		const mark = "apply results contain errors: "
		j := strings.Index(s, mark) + len(mark)
		l := strings.Split(s[j:], "\n")
		sort.Strings(l)
		s = s[:j] + strings.Join(l, "\n")
	}
	return s
}

func (r *recorder) value(v any) any {
	switch t := v.(type) {
	case string:
		return r.text(t)
	case map[string]any:
		m := map[string]any{}
		for k, e := range t {
			switch {
			case k == "kro.run/kro-version":
				m[k] = "<version>"
			case k == "applyset.kubernetes.io/tooling" && reTool.MatchString(fmt.Sprint(e)):
				m[k] = "kro/<version>"
			default:
				m[k] = r.value(e)
			}
		}
		return m
	case []any:
		l := make([]any, 0, len(t))
		for _, e := range t {
			l = append(l, r.value(e))
		}
		return l
	}
	return v
}

// object brings one object into the form that is compared.
func (r *recorder) object(o *unstructured.Unstructured, specs map[string]any) map[string]any {
	o = o.DeepCopy()
	meta := o.Object["metadata"].(map[string]any)
	fields := reduceFields(o.GetManagedFields(), r.own)
	for _, a := range r.own {
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", a)
	}
	if len(o.GetAnnotations()) == 0 {
		delete(meta, "annotations")
	}
	for _, k := range []string{"managedFields", "resourceVersion", "creationTimestamp", "selfLink", "name", "namespace", "deletionGracePeriodSeconds"} {
		delete(meta, k)
	}
	if o.GetKind() == "Namespace" {
		if l := o.GetLabels(); l != nil {
			delete(l, "kubernetes.io/metadata.name")
			o.SetLabels(l)
		}
		delete(o.Object, "spec")
	}
	delete(o.Object, "kind")
	switch o2 := o.Object; {
	case strings.HasPrefix(fmt.Sprint(o2["apiVersion"]), "kro.run/") && specs != nil && o2["spec"] != nil && specs["rgd "+fmt.Sprint(meta["uid"])] != nil:
		delete(o2, "spec")
	}
	if s, ok := o.Object["spec"].(map[string]any); ok {
		if snap, ok := s["snapshot"].(map[string]any); ok {
			same := "another"
			if b, _ := json.Marshal(snap["spec"]); specs["spec "+fmt.Sprint(snap["name"])] == string(b) {
				same = "same as the definition's"
			}
			snap["spec"] = same
		}
		if c, ok := s["conversion"].(map[string]any); ok && c["strategy"] == "None" {
			delete(s, "conversion")
		}
	}
	if st, ok := o.Object["status"].(map[string]any); ok {
		if l, ok := st["conditions"].([]any); ok {
			sort.SliceStable(l, func(i, j int) bool {
				a, _ := l[i].(map[string]any)
				b, _ := l[j].(map[string]any)
				return fmt.Sprint(a["type"]) < fmt.Sprint(b["type"])
			})
			for _, e := range l {
				if m, ok := e.(map[string]any); ok {
					delete(m, "lastTransitionTime")
					delete(m, "lastUpdateTime")
				}
			}
		}
		if _, ok := st["acceptedNames"]; ok {
			cs := map[string]any{}
			l, _ := st["conditions"].([]any)
			for _, e := range l {
				if m, ok := e.(map[string]any); ok {
					cs[fmt.Sprint(m["type"])] = m["status"]
				}
			}
			delete(st, "acceptedNames")
			st["conditions"] = cs
		}
	}
	if p := r.uids[fmt.Sprint(meta["uid"])]; !strings.Contains(p, "#") {
		delete(meta, "uid")
	}
	sortDependencies(o.Object)
	m := r.value(o.Object).(map[string]any)
	if len(fields) > 0 {
		m["managedFields"] = r.value(fields)
	}
	return m
}

func reduceFields(l []metav1.ManagedFieldsEntry, own []string) map[string]any {
	out := map[string]any{}
	for _, e := range l {
		if e.Manager == "kube-apiserver" || e.Manager == "kube-controller-manager" {
			continue
		}
		k := e.Manager + " " + string(e.Operation)
		if e.Subresource != "" {
			k += " " + e.Subresource
		}
		var paths []string
		if e.FieldsV1 != nil {
			var f map[string]any
			if json.Unmarshal(e.FieldsV1.Raw, &f) == nil {
				leaves(f, "", &paths)
			}
		}
		paths = slices.DeleteFunc(paths, func(p string) bool {
			return slices.ContainsFunc(own, func(a string) bool { return p == ".annotations["+a+"]" })
		})
		sort.Strings(paths)
		if old, ok := out[k].(string); ok {
			paths = append(strings.Fields(old), paths...)
		}
		out[k] = strings.Join(paths, " ")
	}
	return out
}

func leaves(f map[string]any, at string, out *[]string) {
	n := 0
	for k, v := range f {
		if k == "." {
			continue
		}
		n++
		name := strings.ReplaceAll(k[2:], " ", "_")
		if k[0] == 'f' {
			name = "." + name
			if strings.ContainsAny(k[2:], "./") {
				name = "[" + k[2:] + "]"
			}
		} else {
			name = "[" + name + "]"
		}
		if m, ok := v.(map[string]any); ok {
			leaves(m, at+name, out)
		}
	}
	if n == 0 && at != "" {
		*out = append(*out, strings.TrimPrefix(at, ".metadata"))
	}
}

// record takes a record point: what there is, what was written since the last one.
func (r *recorder) record(name string, stable []string, about string) {
	ctx := context.Background()
	var objs []*unstructured.Unstructured
	specs := map[string]any{}
	for _, o := range r.w.list(ctx) {
		if r.w.base[string(o.GetUID())] || o.GetName() == "kube-root-ca.crt" {
			continue
		}
		objs = append(objs, o)
		u := string(o.GetUID())
		if r.uids[u] == "" {
			k := strings.ReplaceAll(key(o), " ", "/")
			r.numbers[k]++
			if n := r.numbers[k]; n > 1 {
				k += fmt.Sprintf("#%d", n)
			}
			r.uids[u] = "<uid " + k + ">"
		}
		if o.GetKind() == "ResourceGraphDefinition" {
			b, _ := json.Marshal(o.Object["spec"])
			specs["rgd "+u] = true
			specs["spec "+o.GetName()] = string(b)
		}
	}
	p := &point{Point: name, About: about, Stable: stable, Objects: map[string]any{}, Answers: r.answers}
	for i, a := range p.Answers {
		p.Answers[i] = r.text(a)
	}
	r.answers = nil
	now, rvs := map[string]any{}, map[string]string{}
	for _, o := range objs {
		k := key(o)
		now[k] = r.object(o, specs)
		rvs[k] = o.GetResourceVersion()
		switch old, ok := r.last[k]; {
		case !ok || !reflect.DeepEqual(old, now[k]):
			p.Objects[k] = now[k]
		case r.lastRV[k] != rvs[k]:
			p.Rewritten = append(p.Rewritten, k)
		default:
			p.Unchanged = append(p.Unchanged, k)
		}
	}
	for k := range r.last {
		if _, ok := now[k]; !ok {
			p.Gone = append(p.Gone, k)
		}
	}
	sort.Strings(p.Rewritten)
	sort.Strings(p.Unchanged)
	sort.Strings(p.Gone)
	r.last, r.lastRV = now, rvs
	if l, err := r.w.dyn.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).List(ctx, metav1.ListOptions{}); err == nil {
		for _, e := range l.Items {
			u := string(e.GetUID()) + e.GetResourceVersion()
			if r.events[u] {
				continue
			}
			r.events[u] = true
			io, _ := e.Object["involvedObject"].(map[string]any)
			src, _, _ := unstructured.NestedString(e.Object, "source", "component")
			if src == "" {
				src, _, _ = unstructured.NestedString(e.Object, "reportingComponent")
			}
			if io["kind"] == nil || r.w.base["ev"+u] || !strings.Contains(src, "kro") {
				continue
			}
			r.w.base["ev"+u] = true
			p.Events = append(p.Events, r.text(fmt.Sprintf("%v %v %v %v %v: %v", src, e.Object["type"], io["kind"], io["name"], e.Object["reason"], e.Object["message"])))
		}
		sort.Strings(p.Events)
	}
	p.Log, p.Writes, p.Reads = r.w.audit.cut(r.text)
	r.points = append(r.points, p)
}

func (r *recorder) order(want, never []string) error {
	r.w.audit.poll()
	at := -1
	var lines []string
	for _, e := range r.w.audit.entries {
		if e.effective {
			lines = append(lines, r.text(e.verb+" "+e.resource+" "+e.object+": "+e.note))
		}
	}
	for _, x := range want {
		found := -1
		for i, l := range lines {
			if i > at && strings.Contains(l, x) {
				found = i
				break
			}
		}
		if found < 0 {
			return fmt.Errorf("no %q after line %d of\n%s", x, at, strings.Join(lines, "\n"))
		}
		at = found
	}
	for _, x := range never {
		for _, l := range lines {
			if strings.Contains(l, x) {
				return fmt.Errorf("there must be no %q", l)
			}
		}
	}
	return nil
}

// judge compares with the recording beside the scenario. The error is what kept the scenario from its end.
func judge(file string, rec *recorder, meant expectations, runErr error) ([]string, error) {
	b, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".golden.yaml")
	if err != nil {
		return nil, err
	}
	var recorded, now golden
	if err := yaml.Unmarshal(b, &recorded); err != nil {
		return nil, err
	}
	// Through YAML, so that both sides hold numbers of the same type.
	if b, err = yaml.Marshal(&golden{Scenario: recorded.Scenario, Points: rec.points}); err != nil {
		return nil, err
	}
	if *logDir != "" {
		if err := os.WriteFile(filepath.Join(*logDir, nameOf(file)+".seen.yaml"), b, 0o644); err != nil {
			return nil, err
		}
	}
	right := meant.Outcomes[nameOf(file)]
	if runErr != nil && (recorded.Failed == "" || right != nil) {
		return nil, errors.New(rec.text(runErr.Error()))
	}
	if err := yaml.Unmarshal(b, &now); err != nil {
		return nil, err
	}
	if right != nil {
		return right.wrong(&now), nil
	}
	return compare(&recorded, &now, meant), nil
}
