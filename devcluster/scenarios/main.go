// Command scenarios plays end-to-end scenarios against a kro controller on a real API server and compares
// what is then to be seen with what was recorded of the original. It runs any controller program: it links none.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"
)

var (
	command    = flag.String("controller", "", "controller `command` line; $KUBECONFIG is set; {port1} and {port2} become free ports")
	devcluster = flag.String("devcluster", "", "the devcluster `program`; default: beside this one")
	crdsDir    = flag.String("crds", "", "`folder` of kro's CRDs")
	logDir     = flag.String("logs", "", "`folder` for the controller's output and what was seen, two files a scenario")
	waitLimit  = flag.Duration("wait", 60*time.Second, "limit of each wait step")
	quiet      = flag.Duration("quiet", 2*time.Second, "how long the controller may change nothing before a record")
	ignore     = flag.String("ignore", "", "`paths` that are left out, comma separated: Key, Key:path or *:path, such as *:managedFields")
	expected   = flag.String("expected", "", "`file` of differences that are meant, with reasons")
	only       = flag.String("only", "", "only scenarios whose name contains one of these `words`, comma separated")
	jobs       = flag.Int("jobs", 2, "scenarios at once, each on a cluster of its own")
	adopt      = flag.Bool("take-over", false, "lay down what the original left, and see what the controller makes of it")
	userAgent  = flag.String("user-agent", "kro", "how the controller's user agent begins")
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: scenarios -controller 'COMMAND' -crds FOLDER [flags] SCENARIO.yaml|FOLDER ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	failed, err := run(ctx, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (failed int, err error) {
	if *devcluster == "" {
		self, err := os.Executable()
		if err != nil {
			return 0, err
		}
		*devcluster = filepath.Join(filepath.Dir(self), "devcluster")
	}
	files := scenarioFiles(args)
	meant, err := readExpected(*expected)
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("no scenario in %q", args)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results, broken := startPlayers(ctx, cancel, files, meant)
	var unexpected []string
	met := map[string]bool{}
	passed, unmet, skipped := 0, 0, 0
	for v := range results {
		v.unmet = meant.Unmet[v.name]
		fmt.Printf("%-5s %-50s %5.1fs\n", v.word(), v.name, v.took.Seconds())
		if v.ok() && len(v.differences) > 0 {
			fmt.Printf("    %d differences, where the recording is wrong: %s\n", len(v.differences), v.defect)
		} else {
			for _, d := range v.differences {
				fmt.Println("    " + d)
			}
		}
		if v.err != nil {
			fmt.Println("    " + v.err.Error())
		}
		for _, line := range v.met {
			met[line] = true
		}
		switch {
		case v.skipped != "":
			skipped++
			fmt.Println("    " + v.skipped)
		case v.ok():
			passed++
			if v.unmet != "" {
				fmt.Println("    passes: take it off the list of those that do not")
			}
		case v.unmet != "":
			unmet++
		default:
			unexpected = append(unexpected, v.name)
		}
	}
	if err := <-broken; err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	for _, m := range meant.of(files) {
		if !met[m] && len(unexpected) == 0 {
			fmt.Printf("expected, but not seen: %s\n", m)
		}
	}
	slices.Sort(unexpected)
	for _, name := range unexpected {
		fmt.Println("FAILED", name)
	}
	if skipped > 0 {
		fmt.Printf("%d could not be tried\n", skipped)
	}
	if unmet > 0 {
		fmt.Printf("%d unmet, with reasons in %s\n", unmet, *expected)
	}
	fmt.Printf("%d passed, %d failed\n", passed, len(unexpected))
	return len(unexpected), nil
}

// startPlayers plays the files on -jobs clusters and closes both channels after the last. A cluster that does not
// start is the error, and ends the others.
func startPlayers(ctx context.Context, cancel func(), files []string, meant expectations) (<-chan verdict, <-chan error) {
	queue := make(chan string, len(files))
	for _, f := range files {
		queue <- f
	}
	close(queue)
	n := min(*jobs, len(files))
	results, broken := make(chan verdict), make(chan error, n)
	var players sync.WaitGroup
	for range n {
		players.Go(func() {
			if err := playFrom(ctx, queue, meant, results); err != nil {
				broken <- err
				cancel()
			}
		})
	}
	go func() { players.Wait(); close(results); close(broken) }()
	return results, broken
}

// playFrom plays what is in the queue on a cluster of its own.
func playFrom(ctx context.Context, queue <-chan string, meant expectations, results chan<- verdict) error {
	s, err := startServer(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	w, err := newWorld(ctx, s)
	if err != nil {
		return err
	}
	for f := range queue {
		if ctx.Err() != nil {
			return nil
		}
		if *adopt {
			results <- w.takeOver(ctx, f, meant)
		} else {
			results <- w.play(ctx, f, meant)
		}
	}
	return nil
}

// A verdict is how one scenario went.
type verdict struct {
	name        string
	took        time.Duration
	err         error    // a step did not succeed
	differences []string // beyond those that are meant
	met         []string // lines of the list of meant differences that were needed
	defect      string   // upstream is wrong here, so that differences do not count
	unmet       string   // why it is known to fail
	skipped     string   // why it could not be tried
}

func (v verdict) ok() bool { return v.err == nil && (len(v.differences) == 0 || v.defect != "") }

func (v verdict) word() string {
	switch {
	case v.skipped != "":
		return "skip"
	case v.ok():
		return "ok"
	case v.unmet != "":
		return "unmet"
	default:
		return "FAIL"
	}
}

func scenarioFiles(args []string) []string {
	var files []string
	for _, a := range args {
		found := []string{a}
		if st, err := os.Stat(a); err == nil && st.IsDir() {
			found, _ = filepath.Glob(filepath.Join(a, "*.yaml"))
		}
		for _, f := range found {
			if !strings.HasSuffix(f, ".golden.yaml") && wanted(filepath.Base(f)) {
				files = append(files, f)
			}
		}
	}
	slices.Sort(files)
	return files
}

func wanted(name string) bool {
	if *only == "" {
		return true
	}
	for _, word := range strings.Split(*only, ",") {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func readScenario(file string) (*scenario, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var sc scenario
	if err := yaml.UnmarshalStrict(b, &sc); err != nil {
		return nil, err
	}
	return &sc, nil
}

// startUntilExit starts a process that does not outlive this one.
func startUntilExit(c *exec.Cmd) error {
	// The kernel ties a child to the thread that started it, so that thread must stay.
	started := make(chan error)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread()
		started <- c.Start()
		select {}
	}()
	return <-started
}
