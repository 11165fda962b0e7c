package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/workloads/arrival"
	"github.com/fivegate/fivegate/workloads/load"
)

// drove is what our engine reports of a run.
type drove struct {
	P99NS    float64 `json:"p99_ns"`
	P999NS   float64 `json:"p999_ns"`
	LagP99NS float64 `json:"lag_p99_ns"`
	Due      int64   `json:"due"`
	Sent     int64   `json:"sent"`
	Failed   int64   `json:"failed"`
	ThreadUS float64 `json:"thread_us"` // CPU of the engine's thread for each request
	Limited  string  `json:"limited,omitempty"`
}

// drive is the process of our engine: one open-loop slice.
func drive(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("drive", flag.ContinueOnError)
	address := flags.String("address", "", "of the server")
	rate := flags.Int("rate", 1000, "requests per second")
	duration := flags.Duration("duration", time.Second, "length of the schedule")
	connections := flags.Int("connections", 256, "warm connections")
	core := flags.Int("cpu", -1, "core of the engine's thread")
	protocol := flags.String("protocol", string(load.HTTP1), "of the server: http/1.1, https/1.1, h2 or h2c")
	if err := flags.Parse(args); err != nil {
		return err
	}
	engine, err := load.New(load.Config{
		CPU: *core, Connections: *connections, Timeout: 10 * time.Second, Operations: []string{"get"},
		Protocol: load.Protocol(*protocol),
		TLS:      &tls.Config{InsecureSkipVerify: true}, // its own server, on the loopback
	})
	if err != nil {
		return err
	}
	defer engine.Close()
	lane, err := engine.Connect(ctx, *address)
	if err != nil {
		return err
	}
	n := int(float64(*rate) * duration.Seconds())
	requests := make([]load.Request, n)
	wire := []byte("GET / HTTP/1.1\r\nHost: " + *address + "\r\n\r\n")
	for i := range requests {
		requests[i] = load.Request{Probe: -1, Wire: wire}
	}
	due := arrival.Constant{RatePerS: float64(*rate)}.Due(1, 0, n, 0)
	debug.SetGCPercent(-1) // as every caller of the engine does
	debug.SetMemoryLimit(1 << 30)
	report, err := engine.Open(ctx, load.OpenLoop{Lanes: []*load.Lane{lane}, Due: [][]int64{due}, Requests: requests})
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(summarise(report))
}

func summarise(report load.Report) drove {
	lane := report.Lanes[0]
	response := lane.Operations[0].Response
	return drove{
		P99NS: quantile(response, 0.99), P999NS: quantile(response, 0.999), LagP99NS: float64(lane.Engine.LagP99NS),
		Due: lane.Due, Sent: lane.Sent, Failed: lane.Due - lane.Operations[0].Completed,
		ThreadUS: report.CPU.Seconds() * 1e6 / float64(max(lane.Sent, 1)),
		Limited:  lane.Engine.Limited,
	}
}

// quantile is 0 where nothing completed: JSON has no NaN.
func quantile(h *result.Histogram, q float64) float64 {
	v := h.Quantile(q)
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// ours runs our engine.
type ours struct {
	connections int
	pin         bool
	speaks      load.Protocol
}

func (o ours) name() string {
	if o.speaks == load.HTTP1 {
		return ourName
	}
	return ourName + " " + string(o.speaks)
}

const ourName = "fivegate"

func (o ours) protocol() load.Protocol { return o.speaks }

func (o ours) run(ctx context.Context, address string, rate int, duration time.Duration) (measured, error) {
	self, err := os.Executable()
	if err != nil {
		return measured{}, err
	}
	core := -1
	if o.pin {
		core = 0
	}
	args := []string{
		self, "drive", "-address", address, "-rate", strconv.Itoa(rate), "-protocol", string(o.speaks),
		"-duration", duration.String(), "-connections", strconv.Itoa(o.connections), "-cpu", strconv.Itoa(core),
	}
	if o.pin && o.speaks != load.HTTP1 { // it has no one thread to pin
		args = append([]string{"taskset", "-c", "0"}, args...)
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		return measured{}, fmt.Errorf("drive: %w", err)
	}
	var d drove
	if err := json.Unmarshal(text, &d); err != nil {
		return measured{}, fmt.Errorf("drive: %w", err)
	}
	return measured{
		p99: time.Duration(d.P99NS), p999: time.Duration(d.P999NS), lagP99: time.Duration(d.LagP99NS), lagKnown: true,
		dropped: d.Failed, cpu: cpuOf(command), threadUS: d.ThreadUS, limited: d.Limited,
	}, nil
}

// cpuOf returns the CPU time of a command that has ended, children included.
func cpuOf(command *exec.Cmd) time.Duration {
	return command.ProcessState.UserTime() + command.ProcessState.SystemTime()
}
