package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Every write, and what the lease said after each of its own.
const failoverPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
omitManagedFields: true
rules:
- level: None
  verbs: [get, list, watch]
- level: RequestResponse
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: Metadata
`

// leaseFlags relate the times to each other as the defaults do.
func (t *failoverTrial) leaseFlags() []string {
	return []string{"--leader-elect", "--leader-election-namespace=default",
		"--leader-election-lease-duration=" + t.lease.String(),
		"--leader-election-renew-deadline=" + (t.lease * 2 / 3).String(),
		"--leader-election-retry-period=" + (t.lease * 2 / 15).String(), "--metrics-bind-address=0"}
}

// A fault happens to the replica that leads and is over when it returns.
type fault struct {
	name   string
	happen func(t *failoverTrial, leader *replica)
}

var faults = []fault{
	{"kill", func(_ *failoverTrial, leader *replica) { leader.signal(syscall.SIGKILL) }},
	{"pause", func(t *failoverTrial, leader *replica) {
		leader.signal(syscall.SIGSTOP)
		time.Sleep(t.beyondLease())
		leader.signal(syscall.SIGCONT)
	}},
	{"partition", func(t *failoverTrial, leader *replica) {
		leader.network.cut()
		time.Sleep(t.beyondLease())
		leader.network.heal()
	}},
}

type failoverTrial struct {
	options   options
	instances int
	lease     time.Duration
	world     *world
	replicas  []*replica
	history   *leaseHistory
}

// failover is "trials failover": after each fault the end state must be the wanted one, and over all rounds nobody
// may have written without holding the lease.
func failover(ctx context.Context, args []string) error {
	t := &failoverTrial{}
	flags := flag.NewFlagSet("failover", flag.ExitOnError)
	t.options.register(flags)
	rounds := flags.Int("rounds", 50, "how many faults")
	flags.IntVar(&t.instances, "instances", 200, "that are edited in each round")
	flags.DurationVar(&t.lease, "lease", 3*time.Second, "its duration; a leader that starves for two thirds of it gives up")
	if err := t.options.parse(flags, args); err != nil {
		return err
	}
	fmt.Printf("seed %d\n", t.options.seed)
	c, err := startCluster(ctx, &t.options, failoverPolicy, "--controllers", "none")
	if err != nil {
		return err
	}
	defer c.stop()
	t.world = newWorld(c, t.options.random)
	t.history = newLeaseHistory(c.auditLog)
	for _, user := range []string{"kro-a", "kro-b"} {
		r, err := startReplica(c, user, t.leaseFlags()...)
		if err != nil {
			return err
		}
		t.replicas = append(t.replicas, r)
		defer r.stop()
	}
	if err := t.world.define(ctx, ""); err != nil {
		return err
	}
	if err := t.world.awaitActive(ctx, "load"); err != nil {
		return err
	}
	if err := each(t.names(), func(name string) error { return t.world.set(ctx, name, "r0") }); err != nil {
		return err
	}
	if err := t.world.settle(ctx, 10*time.Minute); err != nil {
		return err
	}
	for i := range *rounds {
		if err := t.round(ctx, i+1, faults[i%len(faults)]); err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
	}
	return t.judge(*rounds)
}

func between(low, value, high int) bool { return low <= value && value <= high }

func (t *failoverTrial) names() []string {
	var names []string
	for i := range t.instances {
		names = append(names, fmt.Sprintf("load-%03d", i))
	}
	return names
}

func (t *failoverTrial) beyondLease() time.Duration {
	return t.lease + t.random(2*time.Second)
}

func (t *failoverTrial) random(limit time.Duration) time.Duration {
	return time.Duration(t.options.random.Int64N(int64(limit)))
}

// round edits every instance, makes one in twenty anew, and lets the fault happen somewhere in between.
func (t *failoverTrial) round(ctx context.Context, number int, f fault) error {
	before, err := t.world.uids(ctx)
	if err != nil {
		return err
	}
	names := t.names()
	t.options.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	anew := names[:len(names)/20]
	value := fmt.Sprintf("r%d", number)
	loaded := make(chan error, 1)
	started := time.Now()
	go func() {
		loaded <- each(names, func(name string) error {
			if slices.Contains(anew, name) {
				if err := t.world.remove(ctx, name); err != nil {
					return err
				}
			}
			return t.world.set(ctx, name, value)
		})
	}()
	// The edits take about a second, their effects a little longer.
	wait := t.random(2 * time.Second)
	time.Sleep(wait)
	leader, err := t.leader(ctx)
	if err != nil {
		return err
	}
	f.happen(t, leader)
	if err := <-loaded; err != nil {
		return err
	}
	if err := t.world.settle(ctx, 10*time.Minute); err != nil {
		return err
	}
	settled := time.Since(started)
	after, err := t.world.uids(ctx)
	if err != nil {
		return err
	}
	for child, uid := range after {
		_, name, _ := strings.Cut(child, " ")
		instance := strings.TrimSuffix(strings.TrimSuffix(name, "-first"), "-second")
		if !slices.Contains(anew, instance) && before[child] != uid {
			return fmt.Errorf("%s was made anew", child)
		}
	}
	fmt.Printf("%-9s of %s after %.1f s: settled in %.1f s\n", f.name, leader.user, wait.Seconds(), settled.Seconds())
	return nil
}

// leader waits until somebody holds the lease.
func (t *failoverTrial) leader(ctx context.Context) (*replica, error) {
	var leader *replica
	err := await(ctx, time.Minute, "a leader", func() (bool, string) {
		if err := t.history.read(); err != nil {
			return false, err.Error()
		}
		user := t.history.holder()
		for _, r := range t.replicas {
			if r.user == user {
				leader = r
			}
		}
		return leader != nil, user
	})
	return leader, err
}

// judge looks at the audit log as a whole.
func (t *failoverTrial) judge(rounds int) error {
	for _, r := range t.replicas {
		r.stop()
	}
	time.Sleep(time.Second) // a line is written after its answer
	if err := t.history.read(); err != nil {
		return err
	}
	verdict := t.history.judge(t.lease)
	fmt.Printf("%d changes of the leader; %d writes, %d of them without the lease; latest write %v after a renewal (lease %v)\n",
		verdict.changes, verdict.writes, len(verdict.illegal), verdict.latest.Round(time.Millisecond), t.lease)
	for i, event := range verdict.illegal {
		if i == 10 {
			break
		}
		fmt.Println("  without the lease:", event)
	}
	wanted := 3 * t.world.made
	deleted := 3 * (t.world.made - t.instances)
	fmt.Printf("%d children made for %d instances, %d deleted\n", verdict.created, t.world.made, verdict.deleted)
	if len(verdict.illegal) > 0 {
		return fmt.Errorf("%d writes by who did not hold the lease", len(verdict.illegal))
	}
	if !between(verdict.created, wanted, verdict.created+verdict.unanswered) || !between(verdict.deleted, deleted, verdict.deleted+verdict.unanswered) {
		return fmt.Errorf("%d children made and %d deleted, and %d requests without an answer, instead of %d and %d",
			verdict.created, verdict.deleted, verdict.unanswered, wanted, deleted)
	}
	if err := t.judgeExits(rounds); err != nil {
		return err
	}
	if verdict.changes < rounds*2/3 {
		return fmt.Errorf("the leader changed only %d times", verdict.changes)
	}
	fmt.Printf("%d passed, 0 failed\n", rounds)
	return nil
}

// judgeExits: a replica ends by itself only when it has lost the lease, with 1, and in order at the end. Of a stopped
// leader and of one that is cut off nothing else is to be expected.
func (t *failoverTrial) judgeExits(rounds int) error {
	lost := 0
	for _, r := range t.replicas {
		ends := r.ends()
		for i, code := range ends {
			if code == 0 && i == len(ends)-1 {
				continue
			}
			if code != 1 {
				return fmt.Errorf("%s ended with %v", r.user, ends)
			}
			lost++
		}
	}
	fmt.Printf("leaders that lost the lease and ended with 1: %d\n", lost)
	if expected := rounds / len(faults); lost < expected {
		return fmt.Errorf("only %d leaders lost the lease", lost)
	}
	return nil
}

// A leaseHistory is who held the lease when, and who wrote what.
type leaseHistory struct {
	reader auditReader
	leases []*auditEvent // that succeeded
	writes []*auditEvent // everything else, events too
}

func newLeaseHistory(path string) *leaseHistory {
	return &leaseHistory{reader: auditReader{path: path}}
}

func (h *leaseHistory) read() error {
	return h.reader.next(func(e *auditEvent) {
		if e.ObjectRef.Resource != "leases" {
			h.writes = append(h.writes, e)
		} else if e.ResponseStatus.Code < 300 {
			h.leases = append(h.leases, e)
			slices.SortStableFunc(h.leases[max(0, len(h.leases)-8):], func(a, b *auditEvent) int { return version(a) - version(b) })
		}
	})
}

func version(e *auditEvent) int {
	n, _ := strconv.Atoi(e.ResponseObject.Metadata.ResourceVersion)
	return n
}

// holder is the user who holds the lease now, or nobody.
func (h *leaseHistory) holder() string {
	if len(h.leases) == 0 {
		return ""
	}
	last := h.leases[len(h.leases)-1]
	if last.ResponseObject.Spec.HolderIdentity == "" {
		return ""
	}
	return last.ImpersonatedUser.Username
}

type leaseVerdict struct {
	changes, writes, created, deleted int
	// Of children, whose client was killed or cut off: they may have been carried out.
	unanswered int
	illegal    []*auditEvent
	latest     time.Duration // longest time between a renewal and a write on its strength
}

// judge holds each write against the last entry in the lease from before the write arrived. A process that was killed
// and started again has a new identity, so its user name alone would not do: but the old process is then dead.
func (h *leaseHistory) judge(duration time.Duration) leaseVerdict {
	var v leaseVerdict
	identity := ""
	for _, lease := range h.leases {
		if holder := lease.ResponseObject.Spec.HolderIdentity; holder != "" && holder != identity {
			v.changes++
			identity = holder
		}
	}
	for _, write := range h.writes {
		v.writes++
		// The lease is taken somewhere between the arrival of the request and its answer; the arrival is the
		// strict choice for who loses it, and who gains it cannot write before the answer.
		after, _ := slices.BinarySearchFunc(h.leases, write.Received, func(l *auditEvent, at time.Time) int { return l.Received.Compare(at) })
		held := after > 0
		if held {
			last := h.leases[after-1]
			since := write.Received.Sub(last.Received)
			held = last.ImpersonatedUser.Username == write.ImpersonatedUser.Username &&
				last.ResponseObject.Spec.HolderIdentity != "" && since < duration
			if held {
				v.latest = max(v.latest, since)
			}
		}
		if !held {
			v.illegal = append(v.illegal, write)
		}
		isChild := write.ObjectRef.Resource == "configmaps" || write.ObjectRef.Resource == "serviceaccounts"
		switch {
		case isChild && write.ResponseStatus.Code == 201:
			v.created++
		case isChild && (write.ResponseStatus.Code >= 500 || write.ResponseStatus.Code == 0):
			v.unanswered++
		case isChild && write.Verb == "delete" && write.ResponseStatus.Code == 200:
			v.deleted++
		}
	}
	return v
}
