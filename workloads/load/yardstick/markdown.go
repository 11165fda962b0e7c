package main

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/fivegate/fivegate/workloads/load/stall"
)

// results is everything that was measured.
type results struct {
	options options
	config  stall.Config
	started time.Time
	runs    []measured
	plain   []measured // of the plain transport
	peaks   []peak
}

// markdown renders the results.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Load engine: the yardstick\n\n")
	fmt.Fprintf(&b, "Made by `%s` on %s, %s/%s with %d cores, %s.\n\n", r.options.command,
		r.started.Format("2006-01-02 15:04 UTC"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(&b, "The server takes %v for each request and stalls for %v every %v, so the true P99 is %v and P99.9 %v;\n",
		r.config.Service, r.config.Stall, r.config.Period, r.config.Quantile(0.99), r.config.Quantile(0.999))
	fmt.Fprintf(&b, "%.2f%% of the requests are due in stalls. It is its own process, as is each client. ", 100*float64(r.config.Stall)/float64(r.config.Period))
	if r.options.pin {
		fmt.Fprintf(&b, "The server has the last core,\nfivegate's engine the first; the others may use all. ")
	}
	fmt.Fprintf(&b, "Each run lasts %v.\n\n", r.options.duration)
	fmt.Fprintf(&b, "At higher rates the release of the held requests costs the server time of its own, so the closed form is a lower\nbound there and part of the excess is real. CPU is of the client's whole process, start included.\n\n")
	if len(r.runs) > 0 {
		r.table(&b, r.runs)
	}
	if len(r.plain) > 0 {
		fmt.Fprintf(&b, "\nThe plain transport, TLS and HTTP/2, against a server that does the same behind Go's net/http")
		if r.options.pin {
			fmt.Fprintf(&b, ", each process on a core of its own")
		}
		fmt.Fprintf(&b, ":\n\n")
		r.table(&b, r.plain)
	}
	if len(r.peaks) > 0 {
		fmt.Fprintf(&b, "\nHighest rate sent to %.0f%% against a server that answers at once, %v a trial:\n\n| client | rate/s | CPU µs a request |\n|---|--:|--:|\n", 100*peakSent, peakDuration)
		for _, p := range r.peaks {
			fmt.Fprintf(&b, "| %s | %d | %.1f |\n", p.client, p.rate, p.cpuUS)
		}
	}
	fmt.Fprintf(&b, "\n## The bar\n\n| line | outcome | measured |\n|---|---|---|\n")
	for _, line := range r.bar() {
		fmt.Fprintf(&b, "| %s | **%s** | %s |\n", line.text, line.outcome, line.measured)
	}
	return b.String()
}

func (r *results) table(b *strings.Builder, runs []measured) {
	fmt.Fprintf(b, "| client | rate/s | P99 | error | P99.9 | error | send lag P99 | sent | arrivals in stalls | dropped or failed | CPU µs a request | self-check |\n")
	fmt.Fprintf(b, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, m := range runs {
		r.row(b, m)
	}
}

func (r *results) row(b *strings.Builder, m measured) {
	if m.fail != nil {
		fmt.Fprintf(b, "| %s | %d | failed: %s |\n", m.client, m.rate, strings.ReplaceAll(m.fail.Error(), "\n", " "))
		return
	}
	lag := "n/a"
	if m.lagKnown {
		lag = rounded(m.lagP99)
	}
	check := ""
	if strings.HasPrefix(m.client, ourName) {
		check = "valid"
		if m.limited != "" {
			check = "generator-limited: " + m.limited
		}
	}
	fmt.Fprintf(b, "| %s | %d | %s | %+.1f%% | %s | %+.1f%% | %s | %.2f%% | %.2f%% | %d | %.1f | %s |\n",
		m.client, m.rate, rounded(m.p99), r.p99Error(m), rounded(m.p999), r.p999Error(m),
		lag, m.sentPercent(), m.inStallPercent(), m.dropped, m.cpuUS(), check)
}

func rounded(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

func (r *results) p99Error(m measured) float64  { return excess(m.p99, r.config.Quantile(0.99)) }
func (r *results) p999Error(m measured) float64 { return excess(m.p999, r.config.Quantile(0.999)) }

// barLine is one requirement and whether it was met.
type barLine struct {
	text     string
	outcome  string // met, not met, generator-limited or not measured
	measured string
}

// bar judges our runs.
func (r *results) bar() []barLine {
	var lines []barLine
	for _, m := range r.runs {
		if m.client != ourName {
			continue
		}
		lines = append(lines, r.barOf(m)...)
	}
	for _, m := range r.plain {
		lines = append(lines, r.plainLine(m))
	}
	return append(lines, r.peakLine())
}

// plainLine judges one run of the plain transport.
func (r *results) plainLine(m measured) barLine {
	line := barLine{text: fmt.Sprintf("%s at %d/s: P99.9 within 10%%", m.client, m.rate), outcome: "not measured"}
	if m.fail != nil {
		return line
	}
	line.outcome, line.measured = "not met", fmt.Sprintf("%+.1f%%", r.p999Error(m))
	switch {
	case math.Abs(r.p999Error(m)) <= 10:
		line.outcome = "met"
	case m.limited != "":
		line.outcome = "generator-limited"
	}
	return line
}

// barOf judges one run of ours. At 1k/s the closed form is exact enough to be
// held to on both sides; above, being nearest and P99.9 within 5% count.
func (r *results) barOf(m measured) []barLine {
	at := fmt.Sprintf("at %d/s: ", m.rate)
	judge := func(text string, met bool, format string, args ...any) barLine {
		line := barLine{text: at + text, outcome: "not met", measured: fmt.Sprintf(format, args...)}
		switch {
		case met:
			line.outcome = "met"
		case m.limited != "":
			line.outcome = "generator-limited"
		}
		return line
	}
	if m.fail != nil {
		return []barLine{judge("the run succeeds", false, "%v", m.fail)}
	}
	p99, p999 := r.p99Error(m), r.p999Error(m)
	var lines []barLine
	if m.rate <= 1000 {
		lines = append(lines, judge("P99 and P99.9 within 0 to +5%", p99 >= 0 && p99 <= 5 && p999 >= 0 && p999 <= 5, "%+.1f%%, %+.1f%%", p99, p999))
	} else {
		nearer, rivals := r.nearerThanRivals(m)
		line := judge("both nearer to the closed form than vegeta and k6", nearer, "%+.1f%%, %+.1f%% against %s", p99, p999, rivals)
		if rivals == "" {
			line.outcome = "not measured"
		}
		lines = append(lines, line, judge("P99.9 within 5%", math.Abs(p999) <= 5, "%+.1f%%", p999))
	}
	lines = append(lines,
		judge("send lag P99 under 1 ms", m.lagP99 < time.Millisecond, "%v", rounded(m.lagP99)),
		judge("at least 99.9% sent, nothing dropped", m.sentPercent() >= 99.9 && m.dropped == 0, "%.2f%%, %d dropped", m.sentPercent(), m.dropped))
	if m.rate >= 10_000 {
		lines = append(lines, judge("at most 31 µs of CPU a request", m.cpuUS() <= 31, "%.1f µs, of which %.1f µs in the engine's thread", m.cpuUS(), m.threadUS))
	}
	return lines
}

// nearerThanRivals compares a run of ours with the rivals' at the same rate.
func (r *results) nearerThanRivals(m measured) (nearer bool, rivals string) {
	nearer = true
	var texts []string
	for _, other := range r.runs {
		if other.rate != m.rate || other.client == m.client || other.fail != nil {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s %+.1f%%, %+.1f%%", other.client, r.p99Error(other), r.p999Error(other)))
		nearer = nearer && math.Abs(r.p99Error(m)) < math.Abs(r.p99Error(other)) && math.Abs(r.p999Error(m)) < math.Abs(r.p999Error(other))
	}
	return nearer, strings.Join(texts, "; ")
}

func (r *results) peakLine() barLine {
	line := barLine{text: "highest rate at least 3 times vegeta's", outcome: "not measured"}
	if len(r.peaks) < 2 {
		return line
	}
	times := float64(r.peaks[0].rate) / float64(max(r.peaks[1].rate, 1))
	line.measured = fmt.Sprintf("%d/s against %d/s: %.1f times", r.peaks[0].rate, r.peaks[1].rate, times)
	line.outcome = "not met"
	if times >= 3 {
		line.outcome = "met"
	}
	return line
}
