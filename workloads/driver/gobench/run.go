package gobench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fivegate/fivegate/workloads/process"
)

// errHangs is the cause of a context whose process took too long.
var errHangs = errors.New("it hangs")

// invocation is one run of a test binary.
type invocation struct {
	binary, dir string
	pattern     string // of -test.bench
	iterations  int64
	procs       int   // GOMAXPROCS
	cpus        []int // that it may run on; none: all
}

// command is the process of an invocation. It is verbose, so that a benchmark's
// name stands on its result's line even if the benchmark prints something itself.
func (s *Suite) command(v invocation) process.Command {
	return process.Command{
		Argv: []string{
			v.binary, "-test.run=^$", "-test.bench=" + v.pattern, "-test.benchmem", "-test.v",
			fmt.Sprintf("-test.benchtime=%dx", v.iterations), "-test.cpu=" + strconv.Itoa(v.procs),
		},
		Env: s.cfg.Session.Environment(v.dir), Dir: v.dir, CPUs: v.cpus,
	}
}

// run runs the invocations at once, and gives up after a limit: the error is then
// errHangs, and who hung is not known.
func (s *Suite) run(ctx context.Context, limit time.Duration, invocations ...invocation) ([]process.Exit, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errHangs)
	defer cancel()
	commands := make([]process.Command, len(invocations))
	for i, v := range invocations {
		commands[i] = s.command(v)
	}
	return process.Run(ctx, commands...)
}

// hanging finds out which of several invocations hangs, by running each alone; it
// is the index, or −1 when none does.
func (s *Suite) hanging(ctx context.Context, limit time.Duration, invocations []invocation) (int, error) {
	for i, v := range invocations {
		_, err := s.run(ctx, limit, v)
		if errors.Is(err, errHangs) {
			return i, nil
		}
		if err != nil {
			return -1, err
		}
	}
	return -1, nil
}

// anyCPUs is how many CPUs a process may use that is not pinned.
func (s *Suite) anyCPUs() int { return max(len(s.cfg.CPUs), 1) }

// shared is the invocation of a package's first layout, as `go test` would run it.
func (s *Suite) shared(p *pkg, arm int, pattern string, procs int) invocation {
	return invocation{binary: p.binaries[arm][0], dir: filepath.Clean(p.dirs[arm]), pattern: pattern, iterations: 1, procs: procs}
}
