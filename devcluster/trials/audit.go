package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// What the API server was asked (devcluster/README.md).
type auditEvent struct {
	AuditID          string `json:"auditID"`
	Stage            string `json:"stage"`
	Verb             string `json:"verb"`
	RequestURI       string `json:"requestURI"`
	ImpersonatedUser struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	ObjectRef struct {
		Resource, Namespace, Name, APIGroup, Subresource string
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	ResponseObject struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Spec struct {
			HolderIdentity string `json:"holderIdentity"`
		} `json:"spec"`
	} `json:"responseObject"`
	Received time.Time `json:"requestReceivedTimestamp"`
	Ended    time.Time `json:"stageTimestamp"`
}

func (e *auditEvent) isWrite() bool {
	return e.Verb != "get" && e.Verb != "list" && e.Verb != "watch"
}

func (e *auditEvent) String() string {
	return fmt.Sprintf("%s %s %s/%s %s by %s: %d at %s", e.Verb, e.ObjectRef.Resource, e.ObjectRef.Namespace,
		e.ObjectRef.Name, e.ObjectRef.Subresource, e.ImpersonatedUser.Username, e.ResponseStatus.Code,
		e.Received.Format("15:04:05.000000"))
}

// An auditReader follows the log and passes on what replicas did.
type auditReader struct {
	path   string
	offset int64
}

func (a *auditReader) next(each func(*auditEvent)) error {
	file, err := os.Open(a.path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(a.offset, io.SeekStart); err != nil {
		return err
	}
	reader := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return nil // half a line, to be read next time
		}
		a.offset += int64(len(line))
		var event auditEvent
		if json.Unmarshal(line, &event) == nil && strings.HasPrefix(event.ImpersonatedUser.Username, "kro-") {
			each(&event)
		}
	}
}
