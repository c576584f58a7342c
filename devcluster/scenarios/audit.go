package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

// An auditLog follows the API server's audit log. A write is effective when the resource
// version it answers was not seen before: one that changed nothing answers an old one.
type auditLog struct {
	path       string
	offset     int64
	seen       map[string]bool
	entries    []entry // the controller's, since the last cut
	lastChange time.Time
	lastSeen   time.Time
}

type entry struct {
	verb, resource, object string
	code                   int
	write, effective       bool
	note                   string
}

type auditEvent struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	ObjectRef struct {
		Resource, Namespace, Name, APIGroup, Subresource string
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	ResponseObject map[string]any `json:"responseObject"`
}

func newAudit(path string) *auditLog { return &auditLog{path: path, seen: map[string]bool{}} }

func (a *auditLog) poll() {
	f, err := os.Open(a.path)
	if err != nil {
		return
	}
	defer f.Close()
	f.Seek(a.offset, io.SeekStart)
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		a.offset += int64(len(line))
		var e auditEvent
		if json.Unmarshal(line, &e) == nil {
			a.add(&e)
		}
	}
}

func (a *auditLog) add(e *auditEvent) {
	write := e.Verb != "get" && e.Verb != "list" && e.Verb != "watch"
	ref := e.ObjectRef
	name := ref.Name
	meta, _ := e.ResponseObject["metadata"].(map[string]any)
	status := e.ResponseObject["kind"] == "Status"
	if name == "" && meta != nil && !status {
		name, _ = meta["name"].(string)
	}
	res := ref.Resource
	if ref.APIGroup != "" {
		res += "." + ref.APIGroup
	}
	object := name
	if ref.Namespace != "" && ref.Resource != "namespaces" {
		object = ref.Namespace + "/" + name
	}
	ok := e.ResponseStatus.Code < 300
	effective := false
	if write && ok {
		if status || meta == nil {
			effective = true
		} else if f, _ := meta["finalizers"].([]any); meta["deletionTimestamp"] != nil && len(f) == 0 && e.Verb != "delete" {
			effective = true // the last finalizer went, and the object with it
		} else if rv, _ := meta["resourceVersion"].(string); !a.seen[res+" "+object+" "+rv] {
			a.seen[res+" "+object+" "+rv] = true
			effective = true
		}
	}
	if !strings.HasPrefix(e.UserAgent, *userAgent) {
		return
	}
	if ref.Subresource != "" {
		res += "/" + ref.Subresource
	}
	a.lastSeen = time.Now()
	x := entry{verb: e.Verb, resource: res, object: object, code: e.ResponseStatus.Code, write: write, effective: effective}
	if e.Verb == "patch" && e.ResponseStatus.Code == 201 {
		x.verb = "create"
	}
	if effective {
		a.lastChange = a.lastSeen
		if ref.Subresource == "status" {
			x.note = statusLine(e.ResponseObject)
		}
	}
	a.entries = append(a.entries, x)
}

// statusLine puts state and conditions into one line.
func statusLine(o map[string]any) string {
	st, _ := o["status"].(map[string]any)
	var out []string
	if s, _ := st["state"].(string); s != "" {
		out = append(out, s)
	}
	conds, _ := st["conditions"].([]any)
	var cs []string
	for _, c := range conds {
		m, _ := c.(map[string]any)
		s := fmt.Sprint(m["type"], "=", m["status"])
		if r, _ := m["reason"].(string); r != "" && m["status"] != "True" {
			s += "/" + r
		}
		cs = append(cs, s)
	}
	sort.Strings(cs)
	return strings.Join(append(out, cs...), " ")
}

type count struct {
	Effective int `json:"effective"`
	Total     int `json:"total"`
	Failed    int `json:"failed,omitempty"`
}

// cut summarises and forgets what happened since the last cut.
func (a *auditLog) cut(normal func(string) string) (log []string, writes map[string]*count, reads map[string]int) {
	a.poll()
	writes, reads = map[string]*count{}, map[string]int{}
	for _, e := range a.entries {
		if !e.write {
			if e.resource != "" {
				reads[e.verb+" "+e.resource]++
			}
			continue
		}
		k := e.resource + " " + e.object
		c := writes[k]
		if c == nil {
			c = &count{}
			writes[k] = c
		}
		c.Total++
		if e.code >= 300 {
			c.Failed++
		}
		if e.effective {
			c.Effective++
			l := e.verb + " " + k
			if e.note != "" {
				l += ": " + e.note
			}
			log = append(log, normal(l))
		}
	}
	a.entries = nil
	return
}
