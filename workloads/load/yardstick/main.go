// Command yardstick compares this project's load engine with vegeta and k6, side
// by side in one run, against a server whose true latency is known (package
// stall), and writes the table to a Markdown file. A second table is of the plain
// transport, which speaks TLS and HTTP/2, against the truth alone.
//
//	go run ./workloads/load/yardstick -out docs/evidence/load-engine.md
//
// The rivals are installed at their pinned versions into a temporary folder
// (a few minutes of compiling); they never enter go.mod. Server and client are
// separate processes. Nothing else should run meanwhile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "yardstick:", err)
		os.Exit(1)
	}
}

// run is main with its surroundings as arguments. The first argument may be
// "serve" or "drive": the parts that run as processes of their own.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "serve" {
		return serve(args[1:], stdin, stdout)
	}
	if len(args) > 0 && args[0] == "drive" {
		return drive(ctx, args[1:], stdout)
	}
	var o options
	flags := flag.NewFlagSet("yardstick", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.out, "out", "", "Markdown file to write; empty prints only")
	flags.DurationVar(&o.duration, "duration", 30*time.Second, "length of each run: whole periods of 5 s, so that no stall is cut")
	flags.IntVar(&o.connections, "connections", 256, "connections of this project's engine")
	flags.BoolVar(&o.pin, "pin", runtime.NumCPU() > 1, "server on the last core, our engine on the first; the rivals may use all")
	flags.BoolVar(&o.rivals, "rivals", true, "install and run vegeta and k6")
	flags.BoolVar(&o.peak, "peak", true, "search for the highest rate sent to 98%")
	rates := flags.String("rates", "1000,5000,10000", "rates per second; empty: none")
	plainRates := flags.String("plain-rates", "1000,3000", "rates per second of the plain transport; empty: none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if o.rates, err = parseRates(*rates); err != nil {
		return err
	}
	if o.plainRates, err = parseRates(*plainRates); err != nil {
		return err
	}
	if o.duration < 5*time.Second || o.duration%(5*time.Second) != 0 {
		return errors.New("the duration must be whole periods of 5 s")
	}
	o.command = strings.Join(append([]string{"go run ./workloads/load/yardstick"}, args...), " ")
	return compare(ctx, o, stdout, stderr)
}

// parseRates reads "1000,3000".
func parseRates(list string) (rates []int, err error) {
	if list == "" {
		return nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		rate, err := strconv.Atoi(text)
		if err != nil || rate < 1 {
			return nil, fmt.Errorf("rate %q: it must be a whole number of requests per second", text)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

type options struct {
	out         string
	duration    time.Duration
	connections int
	pin         bool
	rivals      bool
	peak        bool
	rates       []int
	plainRates  []int
	command     string
}
