package calibration

import (
	"fmt"
	"math"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
)

// Key is what a calibration holds for.
type Key struct {
	Tool           string        `json:"tool"` // version of gate
	RunnerClass    string        `json:"runner_class"`
	Scenario       string        `json:"scenario"`
	ScenarioSHA256 string        `json:"scenario_sha256"`
	Target         string        `json:"target"` // digest of how it is built and started
	Policy         result.Policy `json:"policy"` // as configured
	Metrics        []string      `json:"metrics"`
	BudgetS        float64       `json:"budget_s"` // of a check
}

// tailMetric is the one gating metric that a check may have to leave out, where
// a round has too few requests for probes.
const tailMetric = "latency.p99"

// Mismatch says why what holds for k does not hold for a check with another key;
// empty when it does. Numbers are never carried from one runner class to another.
func (k Key) Mismatch(check Key) string {
	differs := func(what, had, has string) string {
		return fmt.Sprintf("it was made for %s %s, and this check has %s", what, had, has)
	}
	switch {
	case k.RunnerClass != check.RunnerClass:
		return differs("runner class", k.RunnerClass, check.RunnerClass)
	case k.Tool != check.Tool:
		return differs("gate", k.Tool, check.Tool)
	case k.ScenarioSHA256 != check.ScenarioSHA256:
		return differs("scenario", fmt.Sprintf("%s (%.12s)", k.Scenario, k.ScenarioSHA256), fmt.Sprintf("%s (%.12s)", check.Scenario, check.ScenarioSHA256))
	case k.Target != check.Target:
		return "the target is built or started in another way now"
	case k.Policy.Threshold != check.Policy.Threshold:
		return differs("a threshold of", percent(k.Policy.Threshold), percent(check.Policy.Threshold))
	case !sameNumbers(k.Policy, check.Policy):
		return "the policy's numbers are others now"
	case !sameMetrics(k.Metrics, check.Metrics):
		return "other metrics gate now"
	case math.Abs(k.BudgetS-check.BudgetS) > 0.1*k.BudgetS:
		return differs("checks of", seconds(k.BudgetS), seconds(check.BudgetS))
	}
	return ""
}

// sameNumbers compares what decides; what an inconclusive check means does not.
func sameNumbers(a, b result.Policy) bool {
	a.OnInconclusive, b.OnInconclusive = "", ""
	return a == b
}

func sameMetrics(a, b []string) bool {
	without := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == tailMetric })
	}
	return slices.Equal(without(a), without(b))
}
