package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/load/stall"
)

// served is what the server saw.
type served struct {
	Arrived int     `json:"arrived"`
	InStall int     `json:"in_stall"`
	SpanS   float64 `json:"span_s"` // first arrival to last
}

// serve is the server's process: it prints its address, serves until stdin
// ends, and prints what it saw.
func serve(args []string, stdin io.Reader, stdout io.Writer) error {
	var config stall.Config
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.DurationVar(&config.Service, "service", 0, "from arrival to answer")
	flags.DurationVar(&config.Stall, "stall", 0, "length of a stall")
	flags.DurationVar(&config.Period, "period", 0, "between the beginnings of stalls; 0: none")
	protocol := flags.String("protocol", string(load.HTTP1), "http/1.1, https/1.1, h2 or h2c")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := listen(config, load.Protocol(*protocol))
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, s.Address())
	_, readErr := io.Copy(io.Discard, stdin)
	if err := errors.Join(readErr, s.Close()); err != nil {
		return err
	}
	arrivals, err := s.Arrivals()
	if err != nil {
		return err
	}
	saw := served{Arrived: len(arrivals)}
	for _, at := range arrivals {
		if config.InStall(at) {
			saw.InStall++
		}
		saw.SpanS = max(saw.SpanS, float64(at)/1e9)
	}
	return json.NewEncoder(stdout).Encode(saw)
}

// yardstick is a running server.
type yardstick interface {
	Address() string
	Arrivals() ([]int64, error)
	Close() error
}

// listen starts a server on a free port of the loopback.
func listen(config stall.Config, protocol load.Protocol) (yardstick, error) {
	if protocol == load.HTTP1 {
		return stall.Listen("127.0.0.1:0", config)
	}
	return listenWeb(config, protocol)
}

// server is a server's process, seen from outside.
type server struct {
	command *exec.Cmd
	stdin   io.Closer
	stdout  *bufio.Reader
	address string
}

// startServer starts this program again as a server.
func startServer(ctx context.Context, config stall.Config, protocol load.Protocol, pin bool) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{
		self, "serve", "-protocol", string(protocol),
		"-service", config.Service.String(), "-stall", config.Stall.String(), "-period", config.Period.String(),
	}
	if pin {
		args = append([]string{"taskset", "-c", strconv.Itoa(runtime.NumCPU() - 1)}, args...)
	}
	s := &server{command: exec.CommandContext(ctx, args[0], args[1:]...)}
	s.command.Stderr = os.Stderr
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s.stdout = bufio.NewReader(stdout)
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server gave no address: %w", err), s.command.Wait())
	}
	s.address = strings.TrimSpace(line)
	return s, nil
}

// stop ends the server and returns what it saw.
func (s *server) stop() (saw served, err error) {
	err = s.stdin.Close()
	decodeErr := json.NewDecoder(s.stdout).Decode(&saw)
	return saw, errors.Join(err, decodeErr, s.command.Wait())
}
