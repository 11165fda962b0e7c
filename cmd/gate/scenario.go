package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/fivegate/fivegate/workloads/driver/engram"
	httpdriver "github.com/fivegate/fivegate/workloads/driver/http"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// Rates in requests a second of the scenario that is made where there is none:
// enough for the tail of a round's slice on a target of ours, and little for a
// server that others use.
const (
	defaultRatePerS    = 200
	defaultURLRatePerS = 50
)

// loadScenario reads the configured scenario, whose seed is used when no other was
// given. Without one it is a GET of the page that tells whether the target is
// ready.
func loadScenario(cfg *fileConfig) (*scenario.Scenario, error) {
	s, err := readScenario(cfg)
	if err != nil {
		return nil, err
	}
	switch driver := cfg.Target.Driver; {
	case driver == driverHTTP && s.HTTP == nil:
		return nil, fmt.Errorf("scenario %q has [operations], which are Engram's, and gate.toml names driver = \"http\": use a scenario with [[request]] tables, or leave check.scenario out for a GET of the page that ready names", cfg.Scenario)
	case driver == driverEngram && s.HTTP != nil:
		return nil, fmt.Errorf("scenario %q has [[request]] tables, and gate.toml names driver = \"engram\": write driver = \"http\", or use a scenario with [operations]", cfg.Scenario)
	}
	if cfg.Seed == 0 {
		cfg.Seed = s.Seed
	}
	return s, nil
}

func readScenario(cfg *fileConfig) (*scenario.Scenario, error) {
	if cfg.Scenario != "" {
		return scenario.Load(cfg.Scenario)
	}
	return scenario.Get(readyPath(cfg.Target.Ready), defaultRatePerS)
}

// readyPath is the path and query of the page that is awaited, or / where it is
// none.
func readyPath(ready string) string {
	if !strings.HasPrefix(ready, "http") {
		return "/"
	}
	u, err := url.Parse(strings.NewReplacer("{port}", "10000", "{port2}", "10000").Replace(ready))
	if err != nil {
		return "/"
	}
	return u.RequestURI()
}

// newDriver makes the driver that a scenario is for.
func newDriver(s *scenario.Scenario, o httpdriver.Options) (experiment.Driver, error) {
	if s.HTTP != nil {
		return httpdriver.New(s, o)
	}
	return engram.New(s)
}

// loading is when a scenario's dataset is put into a target. What [[setup]] made is
// known to be there only if [verify] says so.
func loading(s *scenario.Scenario) experiment.Loading {
	if s.HTTP != nil && s.HTTP.Verify == nil {
		return experiment.LoadAlways
	}
	return experiment.LoadOnce
}
