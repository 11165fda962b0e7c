package target

import (
	"sync"
	"testing"
	"time"
)

// The CPU time of a child counts, after it has exited too, and the sum never runs
// back on the way.
func TestCPUOfExitedChildren(t *testing.T) {
	for _, test := range []struct {
		role, path string
		burned     time.Duration // by children
	}{{"burns", "/burn", 300 * time.Millisecond}, {"storms", "/storm", 160 * time.Millisecond}} {
		t.Run(test.role, func(t *testing.T) { testCPU(t, test.role, test.path, test.burned) })
	}
}

func testCPU(t *testing.T, role, path string, burned time.Duration) {
	session := newTestSession(t, nil)
	p := mustStart(t, session, role)
	before := p.CPU()
	answered := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			last := time.Duration(0)
			for {
				now := p.CPU()
				if now < last {
					t.Errorf("CPU ran back from %v to %v", last, now)
				}
				last = now
				select {
				case <-answered:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	get(t, "http://"+p.Addr()+path)
	close(answered)
	readers.Wait()
	used := p.CPU() - before
	if used < burned-2*clockTick {
		t.Errorf("children burned %v, CPU is %v", burned, used)
	}
	// What the kernel says at the end is exact, and it is all: what was said before
	// may be short by the two ticks, and the target has only had to end since.
	stopped, err := p.Stop(t.Context(), 10*time.Second)
	if short := stopped.CPU - before - used; err != nil || short < 0 || short > 2*clockTick+50*time.Millisecond {
		t.Errorf("stopped %+v, %v; CPU was %v before", stopped, err, before+used)
	}
}

func BenchmarkCPU(b *testing.B) {
	b.Setenv("TMPDIR", b.TempDir())
	session, err := NewSession(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	cfg := fakeConfig("serve")
	build, err := session.Prebuilt("base", "", cfg)
	if err != nil {
		b.Fatal(err)
	}
	p, err := session.Start(b.Context(), LaunchSpec{Config: cfg, Build: build})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.CPU()
	}
}
