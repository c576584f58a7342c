package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// expand undoes the elision of what did not change between two record points.
func expand(g *golden) []map[string]any {
	var out []map[string]any
	last := map[string]any{}
	for _, p := range g.Points {
		now := map[string]any{}
		for _, k := range append(append([]string{}, p.Unchanged...), p.Rewritten...) {
			now[k] = last[k]
		}
		for k, v := range p.Objects {
			sortDependencies(v)
			now[k] = v
		}
		out = append(out, now)
		last = now
	}
	return out
}

// compare says what differs at the points that must be equal, and where more was written.
func compare(old, now *golden, meant expectations) []string {
	var out []string
	joinManagers(old, meant.Managers)
	joinManagers(now, meant.Managers)
	a, b := expand(old), expand(now)
	if len(a) != len(b) {
		return []string{fmt.Sprintf("%d points instead of %d", len(b), len(a))}
	}
	for i, p := range old.Points {
		q := now.Points[i]
		varies := append(strings.Split(*ignore, ","), p.Varies...)
		diffTree("", a[i], b[i], func(path, text string, was, is any) {
			if goesOn(was, is) && matches(meant.Longer, path) || matches(varies, path) || p.Stable != nil && !matches(p.Stable, path) {
				return
			}
			out = append(out, p.Point+": "+path+": "+text)
		})
		if !reflect.DeepEqual(p.Answers, q.Answers) && !(len(p.Answers) == 0 && len(q.Answers) == 0) {
			out = append(out, fmt.Sprintf("%s: answers: %q instead of %q", p.Point, q.Answers, p.Answers))
		}
		if was, is := netEvents(p.Events), netEvents(q.Events); !slices.Equal(was, is) {
			out = append(out, fmt.Sprintf("%s: events: %q instead of %q", p.Point, is, was))
		}
		for _, k := range sortedKeys(q.Writes) {
			c, o := q.Writes[k], p.Writes[k]
			if o == nil {
				o = &count{}
			}
			// A write that failed there may succeed here: a deletion races with the namespace's own.
			a := meant.allowed(old.Scenario, k)
			// What the server refuses is tried again for as long as that lasts, on a busy machine longer than there.
			refused := min(c.Failed, a.Refused+o.Failed)
			if c.Effective > o.Effective+o.Failed+a.More || c.Total-refused > o.Total+a.More {
				out = append(out, fmt.Sprintf("%s: writes: %s: %d effective of %d, upstream %d of %d", p.Point, k, c.Effective, c.Total, o.Effective, o.Total))
			}
		}
	}
	return out
}

var change = regexp.MustCompile(`^(\S+) (\S+) (.+): (\w+) -> (\w+): (.*)$`)

// netEvents is what the events between two records come to: of the changes "SOURCE TYPE KIND NAME CONDITION: OLD -> NEW: REASON" of
// one condition the first OLD, the last NEW and what was said of that. Upstream's passes on the way are more.
func netEvents(events []string) []string {
	type chain struct {
		balance map[string]int  // by value: how often it was left, less how often it was reached
		said    map[string]bool // "NEW TYPE REASON"
	}
	chains := map[string]*chain{}
	var net []string
	for _, e := range events {
		m := change.FindStringSubmatch(e)
		if m == nil {
			net = append(net, e)
			continue
		}
		c := chains[m[1]+" "+m[3]]
		if c == nil {
			c = &chain{map[string]int{}, map[string]bool{}}
			chains[m[1]+" "+m[3]] = c
		}
		c.balance[m[4]]++
		c.balance[m[5]]--
		c.said[m[5]+" "+m[2]+" "+m[6]] = true
	}
	for condition, c := range chains {
		from, to := "", ""
		for value, balance := range c.balance {
			if balance > 0 {
				from = value
			}
			if balance < 0 {
				to = value
			}
		}
		if from == to {
			continue
		}
		var said []string
		for s := range c.said {
			if rest, ok := strings.CutPrefix(s, to+" "); ok {
				said = append(said, rest)
			}
		}
		sort.Strings(said)
		net = append(net, fmt.Sprintf("%s: %s -> %s: %s", condition, from, to, strings.Join(said, ", ")))
	}
	sort.Strings(net)
	return net
}

func sortedKeys(m map[string]*count) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// matches: a pattern is an object's key, or "key:path", and covers all below it; * covers one object key.
func matches(patterns []string, path string) bool {
	for _, p := range patterns {
		if path == p || strings.HasPrefix(path, p+":") || strings.HasPrefix(path, p+".") || strings.HasPrefix(path, p+"[") {
			return true
		}
		if rest, ok := strings.CutPrefix(p, "*:"); ok {
			if i := strings.IndexByte(path, ':'); i >= 0 {
				at := path[i+1:]
				if at == rest || strings.HasPrefix(at, rest+".") || strings.HasPrefix(at, rest+"[") {
					return true
				}
			}
		}
	}
	return false
}

func diffTree(path string, a, b any, report func(path, text string, was, is any)) {
	if reflect.DeepEqual(a, b) {
		return
	}
	join := func(k string) string {
		switch {
		case path == "":
			return k
		case !strings.Contains(path, ":"):
			return path + ":" + k
		}
		return path + "." + k
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			ks := map[string]bool{}
			for k := range x {
				ks[k] = true
			}
			for k := range y {
				ks[k] = true
			}
			var l []string
			for k := range ks {
				l = append(l, k)
			}
			sort.Strings(l)
			for _, k := range l {
				u, inA := x[k]
				v, inB := y[k]
				switch {
				case !inA:
					report(join(k), "unexpected: "+short(v), nil, v)
				case !inB:
					report(join(k), "missing: "+short(u), u, nil)
				default:
					diffTree(join(k), u, v, report)
				}
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				name := fmt.Sprint(i)
				if m, ok := x[i].(map[string]any); ok && m["type"] != nil && m["status"] != nil {
					name = fmt.Sprint(m["type"])
				}
				diffTree(path+"["+name+"]", x[i], y[i], report)
			}
			return
		}
	}
	report(path, short(b)+" instead of "+short(a), a, b)
}

func short(v any) string {
	s := fmt.Sprintf("%v", v)
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// sortDependencies orders status.resources[].dependencies, which upstream leaves in map order.
func sortDependencies(o any) {
	l, _ := lookup(o, "status.resources")
	rs, _ := l.([]any)
	for _, r := range rs {
		d, _ := lookup(r, "dependencies")
		if ds, ok := d.([]any); ok {
			sort.SliceStable(ds, func(i, j int) bool { return fmt.Sprint(ds[i]) < fmt.Sprint(ds[j]) })
		}
	}
}

// joinManagers gives what the managers of a group own to the first of them.
func joinManagers(g *golden, groups [][]string) {
	for _, p := range g.Points {
		for _, o := range p.Objects {
			fields, _ := lookup(o, "managedFields")
			owned, ok := fields.(map[string]any)
			if !ok {
				continue
			}
			for _, group := range groups {
				joinGroup(owned, group)
			}
		}
	}
}

func joinGroup(owned map[string]any, group []string) {
	var all []string
	for _, manager := range group {
		paths, _ := owned[manager].(string)
		all = append(all, strings.Fields(paths)...)
		delete(owned, manager)
	}
	if len(all) > 0 {
		sort.Strings(all)
		owned[group[0]] = strings.Join(slices.Compact(all), " ")
	}
}

// goesOn says whether a text begins with the recorded one.
func goesOn(was, is any) bool {
	a, okA := was.(string)
	b, okB := is.(string)
	return okA && okB && a != "" && strings.HasPrefix(b, a)
}
