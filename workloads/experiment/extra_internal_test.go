package experiment

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// pages is a driver that asks for pages, each once in an experiment.
type pages struct{ verified []string }

func (*pages) Operations() []string                               { return []string{"get"} }
func (*pages) Probes() []int32                                    { return nil }
func (*pages) UseProbes(int)                                      {}
func (*pages) Load(context.Context, string, func(int, int)) error { return nil }
func (p *pages) Verify(_ context.Context, addr string) error {
	p.verified = append(p.verified, addr)
	return nil
}

func (*pages) Round(round uint64, n int) (out []load.Request) {
	for i := range n {
		out = append(out, load.Request{Probe: -1, Wire: fmt.Appendf(nil, "GET /%d/%d HTTP/1.1\r\nHost: localhost\r\n\r\n", round, i)})
	}
	return out
}

// counter is a server that counts what it is asked.
type counter struct {
	addr  string
	asked atomic.Int64
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := new(counter)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { c.asked.Add(1) }))
	t.Cleanup(s.Close)
	c.addr = s.Listener.Addr().String()
	return c
}

// pairOf is an experiment on two servers that are running, connected to both.
func pairOf(t *testing.T, driver Driver, servers [2]*counter, head Arm) (*experiment, []*launched) {
	t.Helper()
	cfg := Config{
		Driver: driver, Arms: []Arm{{Name: "base"}, head}, Loading: LoadNever, Timeout: 5 * time.Second,
		Scenario: &scenario.Scenario{Arrival: scenario.Arrival{RatePerS: 100, Stagger: true}},
	}
	x, err := begin(cfg, result.KindCheck)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.engine.Close() })
	x.capacity = 100
	var lanes []*launched
	for arm, s := range servers {
		l := &launched{arm: arm, index: arm, proc: running(s.addr)}
		x.doc.Launches = append(x.doc.Launches, result.Launch{ID: arm})
		if err := x.fill(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.extra.close)
		lanes = append(lanes, l)
	}
	return x, lanes
}

// TestExtraRequestsAreNotRecorded checks that an arm gets a quarter more than what
// is recorded of it, and the other one gets nothing more.
func TestExtraRequestsAreNotRecorded(t *testing.T) {
	servers := [2]*counter{newCounter(t), newCounter(t)}
	x, lanes := pairOf(t, new(pages), servers, Arm{Name: "head", Extra: 0.25})
	report, err := x.offer(t.Context(), lanes, 3, 200, 400*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for arm, want := range []int64{80, 100} {
		if got := report.Lanes[arm].Operations[0].Completed; got != 80 {
			t.Errorf("arm %d: %d recorded, want 80", arm, got)
		}
		if got := servers[arm].asked.Load(); got != want {
			t.Errorf("arm %d: %d requests, want %d", arm, got, want)
		}
	}
	before := servers[1].asked.Load()
	report, err = x.saturate(t.Context(), lanes[1:], 6, 50, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Lanes[0].Operations[0].Completed; got != 50 {
		t.Errorf("closed loop: %d recorded, want 50", got)
	}
	if more := servers[1].asked.Load() - before; more <= 50 || more > 100 {
		t.Errorf("closed loop: %d requests, want some more than 50", more)
	}
}

// TestDivertedRequests checks that an arm's recorded requests go elsewhere, once it
// is known that the arm itself is right.
func TestDivertedRequests(t *testing.T) {
	servers := [2]*counter{newCounter(t), newCounter(t)}
	elsewhere, driver := newCounter(t), new(pages)
	x, lanes := pairOf(t, driver, servers, Arm{Name: "head", Divert: elsewhere.addr})
	if _, err := x.offer(t.Context(), lanes, 3, 200, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if b, h, e := servers[0].asked.Load(), servers[1].asked.Load(), elsewhere.asked.Load(); b != 20 || h != 0 || e != 20 {
		t.Errorf("%d, %d and %d requests, want 20 to base, none to head, 20 elsewhere", b, h, e)
	}
	if len(driver.verified) != 2 || driver.verified[1] != servers[1].addr {
		t.Errorf("verified %v, want head itself (%s)", driver.verified, servers[1].addr)
	}
}

func TestCalibrationIsLongAndOfTheSameBlocks(t *testing.T) {
	costs := AssumedCosts(false)
	check, err := Fit(5*time.Minute-reserve-10*time.Second, costs)
	if err != nil {
		t.Fatal(err)
	}
	c := &Calibrate{CheckBudget: 5 * time.Minute}
	shape, err := c.fit(20*time.Minute, 10*time.Second, costs)
	if err != nil || c.Check != check || shape.Rounds != check.Rounds || shape.Blocks < 2*wantBlocks {
		t.Errorf("%+v of checks %+v, %v; want many blocks such as a check's %+v", shape, c.Check, err, check)
	}
	if _, err := c.fit(20*time.Second, 0, costs); err == nil {
		t.Error("20 seconds are enough for a calibration")
	}
	if _, err := (&Calibrate{CheckBudget: 10 * time.Second}).fit(time.Hour, 0, costs); err == nil {
		t.Error("checks of 10 seconds can be foretold")
	}
}
