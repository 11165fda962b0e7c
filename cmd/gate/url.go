package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/load"
	"github.com/fivegate/fivegate/workloads/scenario"
	"github.com/fivegate/fivegate/workloads/target"
)

// serverFlags name a server that runs already, as typed.
type serverFlags struct {
	url      string
	protocol string
	ca       string
	insecure bool
	setup    bool
}

func (s *serverFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&s.url, "url", "", "measure the server that runs at this address, such as http://127.0.0.1:8080/health")
	fl.StringVar(&s.protocol, "protocol", "", "with --url: "+strings.Join(protocols, ", ")+" (default: http/1.1, or https/1.1 for https://)")
	fl.StringVar(&s.ca, "ca", "", "with --url: PEM file of the authorities that vouch for the server")
	fl.BoolVar(&s.insecure, "insecure", false, "with --url: accept any certificate")
	fl.BoolVar(&s.setup, "setup", false, "with --url: send what the scenario has in [[setup]] first")
}

// check looks at the flags that only go together.
func (s *serverFlags) check() error {
	if s.url != "" {
		return nil
	}
	switch {
	case s.protocol != "", s.ca != "", s.insecure:
		return errors.New("--protocol, --ca and --insecure go with --url; for a target that is started here, write them into [target] of gate.toml")
	case s.setup:
		return errors.New("--setup goes with --url; a target that is started here always gets what [[setup]] has")
	}
	return nil
}

// server is what --url and the flags beside it say, checked.
type server struct {
	host      string // and port as in the URL: what the server is called
	addr      string // HOST:PORT
	path      string // and query
	transport transport
}

// parse reads the flags.
func (s *serverFlags) parse() (server, error) {
	u, err := url.Parse(s.url)
	switch {
	case err != nil:
		return server{}, fmt.Errorf("--url: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return server{}, fmt.Errorf("--url %q must be an address such as http://127.0.0.1:8080/health", s.url)
	case u.User != nil:
		return server{}, errors.New("--url with a user name: put credentials into a header of a scenario; they would stand in every report otherwise")
	case u.Fragment != "":
		return server{}, fmt.Errorf("--url: what follows # is never sent to a server: leave #%s out", u.Fragment)
	}
	out := server{host: u.Host, addr: u.Host, path: u.RequestURI()}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if u.Port() == "" {
		out.addr = net.JoinHostPort(u.Hostname(), port)
	}
	out.transport, err = s.transport(u.Scheme)
	return out, err
}

// transport is how a server with a URL of that scheme is spoken to.
func (s *serverFlags) transport(scheme string) (transport, error) {
	x := transport{Protocol: load.Protocol(s.protocol), CA: s.ca, Insecure: s.insecure}
	switch x.Protocol {
	case "":
		x.Protocol = map[string]load.Protocol{"http": load.HTTP1, "https": load.HTTPS1}[scheme]
	case load.HTTP1, load.HTTPS1, load.H2, load.H2C:
	default:
		return x, fmt.Errorf("--protocol %q is not known; allowed are %s", s.protocol, strings.Join(protocols, ", "))
	}
	switch {
	case x.secure() != (scheme == "https"):
		return x, fmt.Errorf("--protocol %s does not go with %s://", x.Protocol, scheme)
	case !x.secure() && (s.ca != "" || s.insecure):
		return x, errors.New("--ca and --insecure are about certificates, which http:// has none of")
	case s.ca != "" && s.insecure:
		return x, errors.New("--insecure accepts any certificate, so that --ca means nothing: give one of them")
	}
	return x, nil
}

// measureServer drives a server that runs already. The document is nil when
// nothing was measured and there is nothing to judge.
func (f runFlags) measureServer(ctx context.Context, p *progress) (*result.Document, error) {
	to, err := f.server.parse()
	if err != nil {
		return nil, err
	}
	cfg := defaultConfig()
	cfg.Scenario, cfg.Transport = "", to.transport
	cfg.Gating = []string{verdict.LatencyP50, verdict.LatencyP90, verdict.ErrorRate} // what can be had of it
	if err := cfg.override(f.override, os.Getenv).Err(); err != nil {
		return nil, err
	}
	cfg.Budget = f.length
	s, err := serverScenario(cfg, to)
	if err != nil {
		return nil, err
	}
	if err := f.setRate(s); err != nil {
		return nil, err
	}
	x, err := wire(cfg, s, to.host)
	if err != nil {
		return nil, err
	}
	addr, err := reach(ctx, to.addr)
	if err != nil {
		return nil, fmt.Errorf("nothing answers at %s: %w; start the server, or mend --url", f.server.url, err)
	}
	x.Loading = experiment.LoadNever
	if f.server.setup {
		x.Loading = experiment.LoadAlways
	}
	// The engine's thread gets a core of its own. Where the server runs is not ours to say.
	if engine, others := target.Partition(target.CPUs()); len(engine) > 0 && !slices.Contains(others, engine[0]) {
		x.EngineCPUs = engine
	}
	ref := (&url.URL{Scheme: strings.SplitN(f.server.url, ":", 2)[0], Host: to.host}).String()
	x.Arms = []experiment.Arm{{Name: "head", Ref: ref, Addr: addr, Builds: []target.Build{{}}}}
	return f.drive(ctx, x, p)
}

// serverScenario is the scenario that was named, or a GET of the address itself.
func serverScenario(cfg *fileConfig, to server) (*scenario.Scenario, error) {
	var s *scenario.Scenario
	var err error
	switch {
	case cfg.Scenario == "":
		s, err = scenario.Get(to.path, defaultURLRatePerS)
	case to.path != "/":
		return nil, fmt.Errorf("--url has the path %s, and the scenario has paths of its own: give only the server's address", to.path)
	default:
		s, err = scenario.Load(cfg.Scenario)
	}
	if err != nil {
		return nil, err
	}
	if s.HTTP == nil && cfg.Transport.Protocol != load.HTTP1 {
		return nil, fmt.Errorf("scenario %q is for Engram's API, which is spoken over http/1.1 only", cfg.Scenario)
	}
	if cfg.Seed == 0 {
		cfg.Seed = s.Seed
	}
	return s, nil
}

const reachTimeout = 10 * time.Second // for all of a host's addresses together

// reach connects to a server once, and returns the one address of its name that
// answered.
func reach(ctx context.Context, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	return conn.RemoteAddr().String(), conn.Close()
}
