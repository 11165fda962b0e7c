package load

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOpenSendsEveryRequestOnTime(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", answering(ok))
		engine, lanes := start(t, config, target.address())
		requests := sequence(200)
		for i := range 8 {
			requests[i*5].Probe = int32(i)
		}
		began := time.Now()
		report, err := engine.Open(t.Context(), OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 200)}, Requests: requests})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, report)
		lane := report.Lanes[0]
		if completed, failed := outcome(lane); completed != 200 || failed != 0 || lane.Sent != 200 || lane.Reopened != 0 {
			t.Errorf("got %+v, want 200 completed on the first connections", lane)
		}
		if lane.Operations[0].Name != "store" || lane.Operations[0].Completed != 100 {
			t.Errorf("operations: got %+v", lane.Operations)
		}
		if report.Started.Before(began) || lane.Duration < 199*time.Millisecond {
			t.Errorf("started %v after the call, lasted %v", report.Started.Sub(began), lane.Duration)
		}
		for i, ns := range lane.Probes {
			if ns <= 0 {
				t.Errorf("probe %d has no response time", i)
			}
		}
		if report.CPU <= 0 || lane.Engine.ServiceP50NS <= 0 {
			t.Errorf("no CPU or service time: %+v", report)
		}
	})
}

func TestDuetDrivesBothLanesWithTheSameSequence(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		var mu sync.Mutex
		seen := [2][]string{}
		target := func(arm int) *server {
			return serve(t, config, "", answering(func(request string) string {
				mu.Lock()
				defer mu.Unlock()
				seen[arm] = append(seen[arm], head(request))
				return plainOK
			}))
		}
		base, head := target(0), target(1)
		config.Connections = 1 // so that each arm sees the order of sending
		engine, lanes := start(t, config, base.address(), head.address())
		requests := sequence(50)
		for i := range requests {
			requests[i].Wire = []byte("GET /" + strings.Repeat("x", i) + " HTTP/1.1\r\nHost: target\r\n\r\n")
		}
		due := every(2*time.Millisecond, 50)
		staggered := make([]int64, len(due))
		for i := range due {
			staggered[i] = due[i] + 1e6
		}
		report, err := engine.Open(t.Context(), OpenLoop{Lanes: lanes, Due: [][]int64{due, staggered}, Requests: requests})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, report)
		closedReport, err := engine.Closed(t.Context(), ClosedLoop{Lanes: lanes, Requests: requests, Duration: time.Minute, Concurrency: 1})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, closedReport)
		mu.Lock()
		defer mu.Unlock()
		for arm, lines := range seen {
			if len(lines) != 100 {
				t.Fatalf("arm %d saw %d requests, want 50 of each loop", arm, len(lines))
			}
			for i, line := range lines {
				if want := "GET /" + strings.Repeat("x", i%50) + " HTTP/1.1"; line != want {
					t.Fatalf("arm %d: request %d was %q, want %q", arm, i, line, want)
				}
			}
		}
	})
}

func TestClosedKeepsItsConcurrencyAndEndsAtItsDuration(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		var mu sync.Mutex
		var now, most int
		target := serve(t, config, "", answering(func(string) string {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(2 * time.Millisecond) // the service time
			mu.Lock()
			now--
			mu.Unlock()
			return plainOK
		}))
		engine, lanes := start(t, config, target.address())
		report, err := engine.Closed(t.Context(), ClosedLoop{
			Lanes: lanes, Requests: sequence(100_000), Duration: 200 * time.Millisecond, Concurrency: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, report)
		lane := report.Lanes[0]
		completed, failed := outcome(lane)
		if completed == 0 || failed != 0 || completed != lane.Sent || completed >= 100_000 {
			t.Errorf("got %+v, want some completed, all that were sent", lane)
		}
		mu.Lock()
		defer mu.Unlock()
		if most != 3 {
			t.Errorf("the target saw up to %d at once, want 3", most)
		}
		for _, op := range lane.Operations {
			if op.Response != nil {
				t.Errorf("%s has a response histogram; at fixed concurrency there is none", op.Name)
			}
		}
	})
}

func TestClosedEndsWhenTheSequenceIsUsedUp(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", answering(ok))
		engine, lanes := start(t, config, target.address())
		report, err := engine.Closed(t.Context(), ClosedLoop{Lanes: lanes, Requests: sequence(25), Duration: time.Hour, Concurrency: 4})
		if err != nil {
			t.Fatal(err)
		}
		checkSums(t, report)
		if completed, _ := outcome(report.Lanes[0]); completed != 25 {
			t.Errorf("%d completed, want 25", completed)
		}
	})
}

func TestCancelStopsASlice(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		reached := make(chan struct{}, 100)
		silent := serve(t, config, "", answering(func(string) string {
			reached <- struct{}{}
			return "HTTP/1.1 100 Continue\r\n\r\n" // and never the final one
		}))
		engine, lanes := start(t, config, silent.address())
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan time.Time, 1)
		go func() {
			<-reached
			cancelled <- time.Now()
			cancel()
		}()
		_, err := engine.Open(ctx, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Second, 60)}, Requests: sequence(60)})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want that of the context", err)
		}
		if late := time.Since(<-cancelled); late > time.Second { // 100 ms and a busy machine
			t.Errorf("the slice ended %v after it was cancelled", late)
		}
		if _, err := engine.Open(ctx, OpenLoop{Lanes: lanes, Due: [][]int64{{0}}, Requests: sequence(1)}); !errors.Is(err, context.Canceled) {
			t.Errorf("a slice that was cancelled before it began: got error %v", err)
		}
	})
}

func TestSlicesAfterACancelledOneAreClean(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		gate := make(chan struct{})
		target := serve(t, config, "", answering(func(string) string {
			<-gate
			return plainOK
		}))
		engine, lanes := start(t, config, target.address())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := engine.Open(ctx, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 20)}, Requests: sequence(20)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got error %v, want that of the context", err)
		}
		close(gate) // the late answers go to connections that are gone
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 20)}, Requests: sequence(20)})
		if completed, _ := outcome(lane); completed != 20 {
			t.Errorf("%d completed, errors %v; want all 20", completed, errorsOf(lane))
		}
	})
}

func TestRequestsWaitForABusyConnectionAndTheWaitCounts(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		const hold = 100 * time.Millisecond
		var once sync.Once
		target := serve(t, config, "", answering(func(string) string {
			once.Do(func() { time.Sleep(hold) }) // the fault under test
			return plainOK
		}))
		config.Connections = 1
		engine, lanes := start(t, config, target.address())
		lane := open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(time.Millisecond, 50)}, Requests: sequence(50)})
		if completed, _ := outcome(lane); completed != 50 {
			t.Fatalf("%d completed, errors %v; want all 50", completed, errorsOf(lane))
		}
		// All 50 were due within 50 ms of a hold of 100 ms: none can have taken
		// less than 50 ms from its due time, though the service of all but one
		// was short.
		for _, op := range lane.Operations {
			if least := op.Response.Quantile(0); least < 0.49*float64(hold) {
				t.Errorf("%s: shortest response %v; the wait was left out", op.Name, time.Duration(least))
			}
		}
		if lane.Engine.WaitP99NS < int64(hold)/2 || lane.Engine.ServiceP50NS > int64(hold)/2 {
			t.Errorf("wait P99 %v, service P50 %v; want the wait apart from the service",
				time.Duration(lane.Engine.WaitP99NS), time.Duration(lane.Engine.ServiceP50NS))
		}
		blamed := strings.Contains(lane.Engine.Limited, "not sent")
		if engine.Transport() == "epoll" { // a pool says busy also when others keep it from its cores
			blamed = blamed || strings.Contains(lane.Engine.Limited, "busy")
		}
		if blamed {
			t.Errorf("a slow target was blamed on the engine: %s", lane.Engine.Limited)
		}
	})
}

func TestTheConnectionUsedLastIsUsedAgain(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		var mu sync.Mutex
		served := map[string]int{}
		target := serve(t, config, "", func(c net.Conn) {
			answering(func(string) string {
				mu.Lock()
				defer mu.Unlock()
				served[c.RemoteAddr().String()]++
				return plainOK
			})(c)
		})
		config.Connections = 8
		engine, lanes := start(t, config, target.address())
		most := 0
		// Far enough apart for each response to be there before the next request:
		// how far depends on how busy the machine is.
		for period := 5 * time.Millisecond; period < time.Second && most < 30; period *= 4 {
			mu.Lock()
			clear(served)
			mu.Unlock()
			open(t, engine, OpenLoop{Lanes: lanes, Due: [][]int64{every(period, 60)}, Requests: sequence(60)})
			mu.Lock()
			most = slices.Max(slices.Collect(maps.Values(served)))
			mu.Unlock()
		}
		if most < 30 {
			t.Errorf("requests by connection: %v; want nearly all on one", served)
		}
	})
}

func TestConnectToNobodyFails(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		gone := serve(t, config, "", func(net.Conn) {})
		gone.crash()
		engine, _ := start(t, config)
		files := openFiles(t)
		for _, address := range []string{gone.address(), "127.0.0.1", "127.0.0.1:none"} {
			if lane, err := engine.Connect(t.Context(), address); err == nil || lane != nil {
				t.Errorf("connect to %s: got %v, %v", address, lane, err)
			} else if !strings.Contains(err.Error(), address) {
				t.Errorf("the error does not name %s: %v", address, err)
			}
		}
		if now := openFiles(t); now > files {
			t.Errorf("%d descriptors leaked", now-files)
		}
	})
}

func TestNothingIsLeftOpen(t *testing.T) {
	eachTransport(t, func(t *testing.T, config Config) {
		target := serve(t, config, "", answering(ok))
		before := openFiles(t)
		for range 3 {
			engine, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				lane, err := engine.Connect(t.Context(), target.address())
				if err != nil {
					t.Fatal(err)
				}
				open(t, engine, OpenLoop{Lanes: []*Lane{lane}, Due: [][]int64{every(time.Millisecond, 10)}, Requests: sequence(10)})
				if err := lane.Close(); err != nil {
					t.Error(err)
				}
			}
			left, err := engine.Connect(t.Context(), target.address())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(engine.Close(), engine.Close(), left.Close()); err != nil {
				t.Error(err)
			}
			if _, err := engine.Connect(t.Context(), target.address()); err == nil {
				t.Error("a closed engine connected")
			}
		}
		target.crash() // and with it the server's ends
		if after := openFiles(t); after >= before+1 {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func TestWrongUseIsRefused(t *testing.T) {
	config := Config{CPU: -1, Connections: 2, Timeout: time.Second, Operations: []string{"recall"}, Probes: 1}
	target := serve(t, config, "", answering(ok))
	engine, lanes := start(t, config, target.address())
	other, _ := start(t, config)
	good := Request{Probe: -1, Wire: []byte("x")}
	one := [][]int64{{0}}
	slices := []struct {
		reason string
		engine *Engine
		slice  OpenLoop
		want   string
	}{
		{"no lanes", engine, OpenLoop{}, "no lane"},
		{"a lane without a timetable", engine, OpenLoop{Lanes: lanes}, "0 timetables for 1 lanes"},
		{"a request that is never due", engine, OpenLoop{Lanes: lanes, Due: [][]int64{{}}, Requests: []Request{good}}, "0 due times for 1 requests"},
		{"due times in disorder", engine, OpenLoop{Lanes: lanes, Due: [][]int64{{2, 1}}, Requests: []Request{good, good}}, "not ascending"},
		{"due before the start", engine, OpenLoop{Lanes: lanes, Due: [][]int64{{-1}}, Requests: []Request{good}}, "negative"},
		{"the same lane twice", engine, OpenLoop{Lanes: []*Lane{lanes[0], lanes[0]}, Due: [][]int64{{0}, {0}}, Requests: []Request{good}}, "given twice"},
		{"a lane of another engine", other, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{good}}, "not connected by this engine"},
		{"an unknown operation", engine, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{{Operation: 1, Probe: -1, Wire: []byte("x")}}}, "operation 1"},
		{"an unknown probe", engine, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{{Probe: 1, Wire: []byte("x")}}}, "probe 1"},
		{"nothing to send", engine, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{{Probe: -1}}}, "empty"},
		{"a status that is none", engine, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{{Probe: -1, Wire: []byte("x"), Expect: &Expectation{Status: []int{100}}}}}, "expects status 100"},
		{"less than nothing to keep", engine, OpenLoop{Lanes: lanes, Due: one, Requests: []Request{{Probe: -1, Wire: []byte("x"), Expect: &Expectation{MaxBody: -1}}}}, "at most -1 bytes"},
	}
	for _, test := range slices {
		if _, err := test.engine.Open(t.Context(), test.slice); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", test.reason, err, test.want)
		}
	}
	for _, loop := range []ClosedLoop{
		{Lanes: lanes, Requests: []Request{good}, Concurrency: 1},
		{Lanes: lanes, Requests: []Request{good}, Concurrency: 3, Duration: time.Second},
		{Lanes: lanes, Requests: []Request{good}, Duration: time.Second},
	} {
		if _, err := engine.Closed(t.Context(), loop); err == nil {
			t.Errorf("%+v was accepted", loop)
		}
	}
	for _, wrong := range []Config{
		{CPU: -2, Connections: 1, Timeout: 1, Operations: []string{"a"}},
		{CPU: -1, Timeout: 1, Operations: []string{"a"}},
		{CPU: -1, Connections: 1, Operations: []string{"a"}},
		{CPU: -1, Connections: 1, Timeout: 1},
		{CPU: -1, Connections: 1, Timeout: 1, Operations: []string{"a"}, Probes: -1},
		{CPU: -1, Connections: 1, Timeout: 1, Operations: []string{"a"}, Protocol: "gopher"},
	} {
		if engine, err := New(wrong); err == nil {
			engine.Close()
			t.Errorf("%+v was accepted", wrong)
		}
	}
}
