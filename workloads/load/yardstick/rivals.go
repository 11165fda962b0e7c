package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fivegate/fivegate/workloads/load"
)

// The versions that are compared against, installed into a temporary folder.
const (
	vegetaModule = "github.com/tsenart/vegeta/v12@v12.13.0"
	k6Module     = "go.k6.io/k6@v1.8.1"
)

// install builds a rival into folder.
func install(ctx context.Context, folder, module string, progress io.Writer) error {
	fmt.Fprintf(progress, "installing %s\n", module)
	command := exec.CommandContext(ctx, "go", "install", module)
	command.Dir = folder // outside this module
	command.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=-mod=mod")
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("install %s: %w\n%s", module, err, text)
	}
	return nil
}

// vegeta runs vegeta with its defaults.
type vegeta struct {
	folder string
}

func (v vegeta) name() string            { return "vegeta" }
func (v vegeta) protocol() load.Protocol { return load.HTTP1 }

func (v vegeta) run(ctx context.Context, address string, rate int, duration time.Duration) (measured, error) {
	output := filepath.Join(v.folder, "vegeta.bin")
	attack := exec.CommandContext(ctx, filepath.Join(v.folder, "vegeta"), "attack",
		"-rate", strconv.Itoa(rate), "-duration", duration.String(), "-output", output)
	attack.Stdin = strings.NewReader("GET http://" + address + "/\n")
	attack.Stderr = os.Stderr
	if err := attack.Run(); err != nil {
		return measured{}, fmt.Errorf("vegeta attack: %w", err)
	}
	defer os.Remove(output)
	encode := exec.CommandContext(ctx, filepath.Join(v.folder, "vegeta"), "encode", "-to", "csv", output)
	text, err := encode.Output()
	if err != nil {
		return measured{}, fmt.Errorf("vegeta encode: %w", err)
	}
	m, err := readVegeta(bytes.NewReader(text), rate)
	m.cpu = cpuOf(attack)
	return m, err
}

// readVegeta reads vegeta's CSV: timestamp (ns), code, latency (ns), … sequence
// number in column 8. Its send lag is the timestamp minus the start plus the
// sequence number's period, the start being that of the first request.
func readVegeta(r io.Reader, rate int) (measured, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return measured{}, fmt.Errorf("vegeta's results: %w", err)
	}
	var m measured
	var latencies, sent []int64
	first := int64(math.MaxInt64)
	for _, row := range rows {
		if len(row) < 9 {
			return measured{}, fmt.Errorf("vegeta's results: %d columns where 9 are needed", len(row))
		}
		at, err1 := strconv.ParseInt(row[0], 10, 64)
		latency, err2 := strconv.ParseInt(row[2], 10, 64)
		sequence, err3 := strconv.ParseInt(row[8], 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return measured{}, fmt.Errorf("vegeta's results: %w", err)
		}
		if row[1] != "200" {
			m.dropped++
			continue
		}
		latencies = append(latencies, latency)
		sent = append(sent, at-sequence*1e9/int64(rate))
		first = min(first, sent[len(sent)-1])
	}
	for i := range sent {
		sent[i] -= first
	}
	m.p99, m.p999 = order(latencies, 0.99), order(latencies, 0.999)
	m.lagP99, m.lagKnown = order(sent, 0.99), true
	return m, nil
}

// order sorts values and returns their q-quantile.
func order(values []int64, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return time.Duration(values[min(int(q*float64(len(values))), len(values)-1)])
}

// k6 runs k6's constant-arrival-rate executor.
type k6 struct {
	folder string
}

const k6Users = 1500 // as many as a stall of 100 ms at 10k/s needs, and half as many again

func (k k6) name() string            { return "k6" }
func (k k6) protocol() load.Protocol { return load.HTTP1 }

func (k k6) run(ctx context.Context, address string, rate int, duration time.Duration) (measured, error) {
	script := filepath.Join(k.folder, "script.js")
	summary := filepath.Join(k.folder, "summary.json")
	text := fmt.Sprintf(`import http from 'k6/http';
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(99)', 'p(99.9)'],
  scenarios: { s: { executor: 'constant-arrival-rate', rate: %d, timeUnit: '1s', duration: '%s', preAllocatedVUs: %d } },
};
export default function () { http.get('http://%s/'); }
`, rate, duration, k6Users, address)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return measured{}, err
	}
	command := exec.CommandContext(ctx, filepath.Join(k.folder, "k6"), "run", "--quiet", "--no-usage-report",
		"--summary-export", summary, script)
	if output, err := command.CombinedOutput(); err != nil {
		return measured{}, fmt.Errorf("k6: %w\n%s", err, output)
	}
	file, err := os.ReadFile(summary)
	if err != nil {
		return measured{}, err
	}
	m, err := readK6(file)
	m.cpu = cpuOf(command)
	return m, err
}

// readK6 reads k6's summary; times are in ms.
func readK6(text []byte) (measured, error) {
	var s struct {
		Metrics struct {
			Duration struct {
				P99  float64 `json:"p(99)"`
				P999 float64 `json:"p(99.9)"`
			} `json:"http_req_duration"`
			Dropped struct {
				Count int64 `json:"count"`
			} `json:"dropped_iterations"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return measured{}, fmt.Errorf("k6's summary: %w", err)
	}
	ms := float64(time.Millisecond)
	return measured{
		p99: time.Duration(s.Metrics.Duration.P99 * ms), p999: time.Duration(s.Metrics.Duration.P999 * ms),
		dropped: s.Metrics.Dropped.Count,
	}, nil
}
