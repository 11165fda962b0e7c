package refstore

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childFaults is the environment variable that makes the test binary a server with
// the faults it lists.
const childFaults = "REFSTORE_TEST_FAULTS"

func TestMain(m *testing.M) {
	if texts, ok := os.LookupEnv(childFaults); ok {
		serveChild(strings.Fields(texts))
		return
	}
	os.Exit(m.Run())
}

// serveChild fills a store, prints its address, and answers until killed.
func serveChild(texts []string) {
	t := new(childFailure)
	s := open(t, "", texts...)
	g := fast(t)
	for i := range uint64(1000) {
		put(t, s.store.spaces[defaultSpace], episode{id: fmt.Sprint(i), content: string(g.Content(nil, i)), confidence: 0.9}, g.Vector(nil, i))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, s))
}

// childFailure ends a child at its first failure.
type childFailure struct{ testing.TB }

func (*childFailure) Helper()           {}
func (*childFailure) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// child is a server in a process of its own, so that its CPU is nobody else's.
type child struct {
	pid    int
	conn   net.Conn
	answer *bufio.Reader
}

func startChild(t *testing.T, faults string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), childFaults+"="+faults, "GOMAXPROCS=1")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() }) // t.Context has killed it
	var addr string
	if _, err := fmt.Fscan(out, &addr); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &child{pid: c.Process.Pid, conn: conn, answer: bufio.NewReader(conn)}
}

// cpu is the CPU time of the child (clock_getcpuclockid(3)).
func (c *child) cpu(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^c.pid<<3|2), &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// ask sends requests one after another and returns the CPU that they cost.
func (c *child) ask(t *testing.T, targets []string) time.Duration {
	t.Helper()
	before := c.cpu(t)
	for _, target := range targets {
		if _, err := io.WriteString(c.conn, "GET "+target+" HTTP/1.1\r\nHost: target\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(c.answer, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", target, r.Status, err)
		}
	}
	return c.cpu(t) - before
}

// ratio is the CPU per request of faulty over sound servers. Blocks of requests
// alternate, so that what the machine does meanwhile hits both, and there are
// several launches, since one process differs from the next by a few percent.
func ratio(t *testing.T, faults string, targets []string) float64 {
	t.Helper()
	var cpu [2]time.Duration
	for range 4 {
		children := [2]*child{startChild(t, ""), startChild(t, faults)}
		for block := range 31 {
			for i, c := range children {
				if used := c.ask(t, targets); block > 0 { // the first warms up
					cpu[i] += used
				}
			}
		}
	}
	return float64(cpu[1]) / float64(cpu[0])
}

// cues are requests of both kinds.
func cues(t *testing.T, n int) []string {
	t.Helper()
	g := fast(t)
	var targets []string
	for i := range uint64(n) {
		text := strings.ReplaceAll(fmt.Sprint(g.Vector(nil, 1<<40+i)), " ", ",")
		targets = append(targets,
			"/api/v1/memories/recall?threshold=0.2&query="+url.QueryEscape(string(g.Words(nil, i, 1, 4))),
			"/api/v1/memories/recall?threshold=0.2&embedding="+url.QueryEscape(text))
	}
	return targets
}

func TestSlowdownCostsItsShareOfCPU(t *testing.T) {
	targets := cues(t, 20)
	for _, c := range []struct {
		fault     string
		low, high float64
	}{
		// A busy machine with two hyper-threads showed single launches 0.08 off.
		{"slowdown=20%", 1.12, 1.29},
		{"slowdown=8%", 1.01, 1.16},
	} {
		r := ratio(t, c.fault, targets)
		t.Logf("%s: %.3f", c.fault, r)
		if r < c.low || r > c.high {
			t.Errorf("%s: CPU per request is %.3f times that of a sound server, want %.2f to %.2f", c.fault, r, c.low, c.high)
		}
	}
}

func TestSlowQueriesCostTheirFactor(t *testing.T) {
	r := ratio(t, "slow-queries=100%x1.3", cues(t, 20))
	t.Logf("slow-queries: %.3f", r)
	// Measuring costs some percent where, as here, every query is a slow one.
	if r < 1.2 || r > 1.5 {
		t.Errorf("CPU per query is %.3f times that of a sound server, want 1.3 to 1.4", r)
	}
}

// The account comes out even however many pay at once, and although the time that
// they take is not the CPU that they use.
func TestLedgerBalancesUnderConcurrency(t *testing.T) {
	l := newLedger(0.5)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 2000 {
				began := time.Now()
				burn(200)
				l.pay(time.Since(began))
			}
		})
	}
	workers.Wait()
	needed := float64(processCPU()-l.start) - l.burnt
	if r := l.burnt / needed; r < 0.45 || r > 0.55 {
		t.Errorf("burnt %v ns for %v ns of work: a share of %.3f, want 0.5", l.burnt, needed, r)
	}
}
