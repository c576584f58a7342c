package main

import (
	"net/url"
	"slices"
	"time"
)

// A watchLedger counts the watches that a replica has open, by the audit log.
type watchLedger struct {
	reader  auditReader
	opened  map[string]watch // those that are open, by audit ID
	crashed time.Time        // when an API server ended last; its watches ended with it, unwritten
}

type watch struct {
	what  string
	begun time.Time
}

func newWatchLedger(path string) *watchLedger {
	return &watchLedger{reader: auditReader{path: path}, opened: map[string]watch{}}
}

// serverCrashed forgets the watches of an API server that was killed just before.
func (l *watchLedger) serverCrashed(at time.Time) { l.crashed = at }

// open lists open watches, sorted; one that is open twice is there twice, which also happens for a moment when the
// server notices a broken connection later than the client.
func (l *watchLedger) open() ([]string, error) {
	if err := l.reader.next(l.note); err != nil {
		return nil, err
	}
	var what []string
	for _, w := range l.opened {
		if w.begun.After(l.crashed) {
			what = append(what, w.what)
		}
	}
	slices.Sort(what)
	return what, nil
}

func (l *watchLedger) note(e *auditEvent) {
	switch {
	case e.Verb != "watch":
	case e.Stage == "ResponseStarted":
		l.opened[e.AuditID] = watch{what(e.RequestURI), e.Received}
	case e.Stage == "ResponseComplete":
		delete(l.opened, e.AuditID)
	}
}

// what is watched: the collection and the selection in it.
func what(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	query := parsed.Query()
	return parsed.Path + " " + query.Get("labelSelector") + query.Get("fieldSelector")
}
