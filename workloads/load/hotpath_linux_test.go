package load

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fivegate/fivegate/workloads/arrival"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

// listen starts a yardstick server.
func listen(t testing.TB, config stall.Config) *stall.Server {
	t.Helper()
	s, err := stall.Listen("127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A slice allocates for its report, and nothing for a request: ten times the
// requests take no more.
func TestRequestsDoNotAllocate(t *testing.T) {
	target := listen(t, stall.Config{})
	config := Config{CPU: -1, Connections: 8, Timeout: 5 * time.Second, Operations: []string{"store", "recall"}, Probes: 1}
	engine, lanes := start(t, config, target.Address(), target.Address())
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	allocated := func(n int) (mallocs uint64) {
		due := every(100*time.Microsecond, n)
		requests := sequence(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := engine.Open(t.Context(), OpenLoop{Lanes: lanes, Due: [][]int64{due, due}, Requests: requests}); err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Closed(t.Context(), ClosedLoop{Lanes: lanes, Requests: requests, Duration: time.Minute, Concurrency: 8}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	allocated(5000) // the server's log and the histograms find their sizes
	few, many := allocated(500), allocated(5000)
	t.Logf("%d allocations for 2,000 requests, %d for 20,000", few, many)
	if many > few+100 {
		t.Errorf("%d allocations for 2,000 requests, %d for 20,000", few, many)
	}
}

func TestPinnedToACore(t *testing.T) {
	target := listen(t, stall.Config{})
	config := Config{CPU: 0, Connections: 2, Timeout: 5 * time.Second, Operations: []string{"store", "recall"}}
	engine, lanes := start(t, config, target.Address())
	lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 30)}, Requests: sequence(30)})
	if completed, _ := outcome(lane); completed != 30 {
		t.Errorf("%d completed, errors %v", completed, errorsOf(lane))
	}
	var threads unix.CPUSet
	if err := unix.SchedGetaffinity(0, &threads); err == nil && threads.Count() < runtime.NumCPU() {
		t.Error("pinning the engine's thread pinned another's")
	}
}

func TestCoreThatDoesNotExist(t *testing.T) {
	_, err := New(Config{CPU: 1023, Connections: 1, Timeout: time.Second, Operations: []string{"a"}})
	if err == nil {
		t.Error("the engine was pinned to core 1023")
	}
}

// Ground truth: a known stall must be seen in full. What is never allowed is to
// report less than the truth; more only when the engine says that it was the
// limit itself, or within what a busy machine adds.
func TestGroundTruth(t *testing.T) {
	truth := stall.Config{Service: time.Millisecond, Stall: 100 * time.Millisecond, Period: time.Second}
	eachCleartext(t, func(t *testing.T, config Config) {
		target, err := stall.Listen("127.0.0.1:0", truth)
		if err != nil {
			t.Fatal(err)
		}
		config.Connections = 256
		engine, lanes := start(t, config, target.Address())
		const n = 3000
		due := arrival.Constant{RatePerS: 1000}.Due(1, 1, n, 0)
		requests := sequence(n)
		for i := range requests {
			requests[i].Operation = 0
		}
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{due}, Requests: requests})
		if err := target.Close(); err != nil {
			t.Fatal(err)
		}
		arrivals, err := target.Arrivals()
		if err != nil {
			t.Fatal(err)
		}
		var held float64
		for _, at := range arrivals {
			if truth.InStall(at) {
				held++
			}
		}
		if completed, _ := outcome(lane); completed != n || len(arrivals) != n {
			t.Fatalf("%d completed and %d arrived of %d; errors %v", completed, len(arrivals), n, errorsOf(lane))
		}
		limited := lane.Engine.Limited != ""
		if limited {
			t.Logf("generator-limited: %s", lane.Engine.Limited)
		}
		response := lane.Operations[0].Response
		for _, q := range []float64{0.95, 0.99, 0.999} {
			ratio := response.Quantile(q) / float64(truth.Quantile(q))
			t.Logf("P%v: %.3f of the truth", 100*q, ratio)
			if ratio < 0.97 || ratio > 1.5 && !limited {
				t.Errorf("P%v is %.2f of the truth", 100*q, ratio)
			}
		}
		if share := held / n; (share < 0.09 || share > 0.11) && !limited {
			t.Errorf("%.3f of the requests arrived in a stall, 0.100 were due then", share)
		}
	})
}

// BenchmarkOpenLoop reports the engine thread's CPU time for each request at
// 10k/s on two lanes together.
func BenchmarkOpenLoop(b *testing.B) {
	target := listen(b, stall.Config{})
	engine, err := New(Config{CPU: 0, Connections: 64, Timeout: 5 * time.Second, Operations: []string{"get"}})
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	var lanes []*Lane
	for range 2 {
		lane, err := engine.Connect(b.Context(), target.Address())
		if err != nil {
			b.Fatal(err)
		}
		lanes = append(lanes, lane)
	}
	n := b.N/2 + 1
	due := arrival.Constant{RatePerS: 5000}.Due(1, 1, n, 0)
	staggered := arrival.Constant{RatePerS: 5000}.Due(1, 1, n, 100*time.Microsecond)
	requests := make([]Request, n)
	for i := range requests {
		requests[i] = Request{Probe: -1, Wire: []byte("GET / HTTP/1.1\r\nHost: target\r\n\r\n")}
	}
	b.ResetTimer()
	report, err := engine.Open(b.Context(), OpenLoop{Lanes: lanes, Due: [][]int64{due, staggered}, Requests: requests})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(report.CPU.Seconds()*1e6/float64(2*n), "engine-CPU-µs/request")
	b.ReportMetric(float64(report.Lanes[0].Engine.LagP99NS)/1e3, "lag-P99-µs")
}
