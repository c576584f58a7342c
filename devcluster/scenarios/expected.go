package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// expectations say how a controller may differ from the recording.
type expectations struct {
	// Annotations of its own, which no comparison sees.
	Annotations []string `json:"annotations"`
	// Writers that may share their work differently: the first of a list counts for all.
	Managers [][]string `json:"managers"`
	// Paths of texts that may go on where the recorded one ends.
	Longer      []string     `json:"longer"`
	Differences []difference `json:"differences"`
	// Objects that may be written more often, as this server's speed varies.
	Allowances []allowance `json:"allowances"`
	// What is right where upstream is wrong: by scenario, record point and object.
	Outcomes map[string]outcome `json:"outcomes"`
	// Scenarios that are known to fail, and why.
	Unmet map[string]string `json:"unmet"`
}

// An allowance is how many writes more an object of a resource may have between two records, in one scenario or all.
type allowance struct {
	Scenario string `json:"scenario"` // empty: all
	Object   string `json:"object"`
	More     int    `json:"more"`
	Refused  int    `json:"refused"` // more only of those that the server refused
	Reason   string `json:"reason"`
}

// An outcome says of record points what must be seen of objects: "absent", or of paths their values; and under "writes"
// how many writes at most changed an object.
type outcome map[string]map[string]any

// wrong says what was seen otherwise.
func (o outcome) wrong(now *golden) []string {
	var out []string
	states := expand(now)
	for name, objects := range o {
		i := slices.IndexFunc(now.Points, func(p *point) bool { return p.Point == name })
		if i < 0 {
			out = append(out, name+": was not reached")
			continue
		}
		for key, wanted := range objects {
			at := name + ": " + key
			paths, _ := wanted.(map[string]any)
			if key == "writes" {
				for object, most := range paths {
					if c := now.Points[i].Writes[object]; c != nil && float64(c.Effective) > most.(float64) {
						out = append(out, fmt.Sprintf("%s: %s: %d", at, object, c.Effective))
					}
				}
				continue
			}
			object, there := states[i][key]
			switch {
			case wanted == "absent":
				if there {
					out = append(out, at+": is there")
				}
				continue
			case !there:
				out = append(out, at+": is not there")
				continue
			}
			for path, value := range paths {
				if found, ok := lookup(object, path); !isAsWanted(found, ok, value) {
					out = append(out, fmt.Sprintf("%s:%s: %s instead of %s", at, path, short(found), short(value)))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func isAsWanted(found any, ok bool, wanted any) bool {
	if wanted == nil {
		return !ok
	}
	if m, isMap := wanted.(map[string]any); isMap && m["contains"] != nil {
		return strings.Contains(fmt.Sprint(found), fmt.Sprint(m["contains"]))
	}
	return ok && reflect.DeepEqual(found, wanted)
}

// allowed is the allowance of an object, named "resource namespace/name".
func (e expectations) allowed(scenario, object string) allowance {
	for _, a := range e.Allowances {
		if strings.HasPrefix(object, a.Object+" ") && (a.Scenario == "" || a.Scenario == scenario) {
			return a
		}
	}
	return allowance{}
}

// A difference from the recording that is meant.
type difference struct {
	// Scenario it belongs to; * for all.
	Scenario string `json:"scenario"`
	// Contains is what the line that reports the difference contains.
	Contains string `json:"contains"`
	Reason   string `json:"reason"`
}

func readExpected(file string) (expectations, error) {
	var e expectations
	if file == "" {
		return e, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	if err := yaml.UnmarshalStrict(b, &e); err != nil {
		return e, fmt.Errorf("%s: %w", file, err)
	}
	for _, d := range e.Differences {
		if d.Scenario == "" || d.Contains == "" || d.Reason == "" {
			return e, fmt.Errorf("%s: %+v: each needs a scenario, a text and a reason", file, d)
		}
	}
	return e, nil
}

// unexpected leaves out the differences that are meant, and names what they met.
func (e expectations) unexpected(scenario string, differences []string) (left, met []string) {
	for _, d := range differences {
		i := slices.IndexFunc(e.Differences, func(x difference) bool {
			return (x.Scenario == "*" || x.Scenario == scenario) && strings.Contains(d, x.Contains)
		})
		if i < 0 {
			left = append(left, d)
		} else {
			met = append(met, e.Differences[i].line())
		}
	}
	return left, met
}

// of lists what is expected of these scenarios.
func (e expectations) of(files []string) []string {
	var lines []string
	for _, x := range e.Differences {
		if x.Scenario == "*" || slices.ContainsFunc(files, func(f string) bool { return nameOf(f) == x.Scenario }) {
			lines = append(lines, x.line())
		}
	}
	return lines
}

func (x difference) line() string { return x.Scenario + ": " + x.Contains }

func nameOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".yaml") }
