package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

func TestReadVegeta(t *testing.T) {
	var rows strings.Builder
	for i := range 1000 {
		// 1 ms apart from an arbitrary start; the last 20 are sent 3 ms late.
		at := int64(1e18) + int64(i)*1e6
		if i >= 980 {
			at += 3e6
		}
		code := 200
		if i == 5 {
			code = 0
		}
		fmt.Fprintf(&rows, "%d,%d,%d,10,2,,Ym9keQ==,,%d,GET,http://x/,aGVhZGVy\n", at, code, (i+1)*1000, i)
	}
	m, err := readVegeta(strings.NewReader(rows.String()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if m.dropped != 1 || m.lagP99 != 3*time.Millisecond || m.p99 != 991*time.Microsecond || m.p999 != time.Millisecond {
		t.Errorf("got %+v", m)
	}
	for _, wrong := range []string{"1,2\n", "a,200,1,1,1,,,,1,\n", "\"\n"} {
		if _, err := readVegeta(strings.NewReader(wrong), 1000); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
}

func TestReadK6(t *testing.T) {
	m, err := readK6([]byte(`{"metrics": {"http_req_duration": {"p(99)": 54.5, "p(99.9)": 98}, "dropped_iterations": {"count": 12, "rate": 1}, "vus": {"value": 3}}}`))
	if err != nil || m.p99 != 54500*time.Microsecond || m.p999 != 98*time.Millisecond || m.dropped != 12 {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := readK6([]byte("{")); err == nil {
		t.Error("half a summary was accepted")
	}
}

func TestHeldRate(t *testing.T) {
	held := measured{rate: 1000, due: 4000, saw: served{Arrived: 4000, SpanS: 3.999}}
	tests := []struct {
		reason string
		change func(m *measured)
		want   bool
	}{
		{"all in time", func(*measured) {}, true},
		{"98% in time", func(m *measured) { m.saw.Arrived = 3930 }, true},
		{"too few", func(m *measured) { m.saw.Arrived = 3900 }, false},
		{"all, but late", func(m *measured) { m.saw.SpanS = 4.2 }, false},
		{"one failed", func(m *measured) { m.dropped = 1 }, false},
		{"the client broke down", func(m *measured) { m.fail = errors.New("x") }, false},
	}
	for _, test := range tests {
		m := held
		test.change(&m)
		if got := m.heldRate(); got != test.want {
			t.Errorf("%s: got %v", test.reason, got)
		}
	}
}

func TestBar(t *testing.T) {
	ms := time.Millisecond
	run := func(client string, rate int, p99, p999, lag time.Duration) measured {
		return measured{
			client: client, rate: rate, p99: p99, p999: p999, lagP99: lag, lagKnown: true,
			due: rate * 10, saw: served{Arrived: rate * 10}, cpu: time.Duration(rate*10) * 30 * time.Microsecond,
		}
	}
	limited := run("fivegate", 5000, 90*ms, 150*ms, 20*ms)
	limited.limited = "send lag"
	limitedH2 := run("fivegate https/1.1", 3000, 90*ms, 150*ms, 20*ms)
	limitedH2.limited = "send lag"
	r := results{
		config: stall.Standard(),
		runs: []measured{
			run("fivegate", 1000, 52*ms, 95*ms, 1e5),
			limited, run("vegeta", 5000, 60*ms, 110*ms, 2*ms),
			run("fivegate", 10_000, 54*ms, 97*ms, 1e5), run("vegeta", 10_000, 70*ms, 120*ms, 2*ms), run("k6", 10_000, 55*ms, 300*ms, 0),
		},
		plain: []measured{
			run("fivegate h2", 1000, 53*ms, 99*ms, 1e5), run("fivegate h2", 3000, 80*ms, 120*ms, 1e5), limitedH2,
			{client: "fivegate h2c", rate: 3000, fail: errors.New("broken")},
		},
		peaks: []peak{{client: "fivegate", rate: 60_000}, {client: "vegeta", rate: 15_000}},
	}
	var got []string
	for _, line := range r.bar() {
		got = append(got, line.text+" = "+line.outcome)
	}
	want := []string{
		"at 1000/s: P99 and P99.9 within 0 to +5% = not met",
		"at 1000/s: send lag P99 under 1 ms = met",
		"at 1000/s: at least 99.9% sent, nothing dropped = met",
		"at 5000/s: both nearer to the closed form than vegeta and k6 = generator-limited",
		"at 5000/s: P99.9 within 5% = generator-limited",
		"at 5000/s: send lag P99 under 1 ms = generator-limited",
		"at 5000/s: at least 99.9% sent, nothing dropped = met",
		"at 10000/s: both nearer to the closed form than vegeta and k6 = met",
		"at 10000/s: P99.9 within 5% = met",
		"at 10000/s: send lag P99 under 1 ms = met",
		"at 10000/s: at least 99.9% sent, nothing dropped = met",
		"at 10000/s: at most 31 µs of CPU a request = met",
		"fivegate h2 at 1000/s: P99.9 within 10% = met",
		"fivegate h2 at 3000/s: P99.9 within 10% = not met",
		"fivegate https/1.1 at 3000/s: P99.9 within 10% = generator-limited",
		"fivegate h2c at 3000/s: P99.9 within 10% = not measured",
		"highest rate at least 3 times vegeta's = met",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r.runs[0].fail = errors.New("broken\nin two")
	if text := r.markdown(); !strings.Contains(text, "| fivegate | 1000 | failed: broken in two |") || !strings.Contains(text, "| vegeta | 15000 |") ||
		!strings.Contains(text, "\n| fivegate h2 | 1000 | 53ms | +3.9% |") {
		t.Errorf("the table lacks rows:\n%s", text)
	}
}

// The two processes, run in this one.
func TestServeAndDrive(t *testing.T) {
	for _, p := range append([]load.Protocol{load.HTTP1}, plainProtocols...) {
		t.Run(string(p), func(t *testing.T) { serveAndDrive(t, string(p)) })
	}
}

func serveAndDrive(t *testing.T, protocol string) {
	in, stop := io.Pipe()
	out, printed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"serve", "-service", "1ms", "-protocol", protocol}, in, printed, io.Discard)
	}()
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	if err := run(t.Context(), []string{"drive", "-address", address, "-rate", "500", "-duration", "200ms", "-connections", "8", "-protocol", protocol}, nil, &report, io.Discard); err != nil {
		t.Fatal(err)
	}
	var d drove
	if err := json.Unmarshal(report.Bytes(), &d); err != nil || d.Due != 100 || d.Sent != 100 || d.Failed != 0 || d.P99NS < 1e6 {
		t.Errorf("drove %+v, %v", d, err)
	}
	stop.Close()
	var saw served
	if err := json.NewDecoder(out).Decode(&saw); err != nil || saw.Arrived != 100 || saw.InStall != 0 {
		t.Errorf("served %+v, %v", saw, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{
		{"-rates", "1000,x"},
		{"-rates", "0"},
		{"-duration", "7s"},
		{"-duration", "0s"},
		{"-nonsense"},
		{"serve", "-stall", "-1s"},
		{"-plain-rates", "x"},
		{"drive", "-address", "127.0.0.1:none"},
		{"drive", "-address", "127.0.0.1:1", "-protocol", "gopher"},
		{"serve", "-protocol", "gopher"},
	} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
