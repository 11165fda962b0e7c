package calibration

import (
	"fmt"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// demote lists the metrics that are too noisy on this runner to gate on: even a
// full check would not see a slow-down of the policy's largest MDE, or identical
// pairs are blocked more often by this metric alone than by all may be. The error
// rate stays whatever its noise. If no metric of speed would be left, none is
// demoted: a gate that judges nothing must not look like one.
func (c *Calibration) demote() {
	policy := c.Key.Policy
	speed := 0
	for _, m := range c.Metrics {
		if m.Name == verdict.ErrorRate {
			continue
		}
		speed++
		if why := tooNoisy(m, policy, c.full()); why != "" {
			c.Demoted = append(c.Demoted, result.Demotion{Metric: m.Name, Reason: why})
		}
	}
	if c.TooNoisy = speed > 0 && len(c.Demoted) == speed; c.TooNoisy {
		c.Demoted = []result.Demotion{}
	}
}

// full says whether the checks that were put together are as long as real ones. A
// metric's MDE is held against it only then.
func (c *Calibration) full() bool { return c.Drawn.Blocks >= 0.9*float64(c.Check.Blocks) }

func tooNoisy(m Metric, policy result.Policy, full bool) string {
	switch {
	case full && (m.MDE == 0 || m.MDE > policy.MaxMDE):
		seen := "no slow-down at all"
		if m.MDE > 0 {
			seen = "only slow-downs of " + percent(m.MDE) + " or more"
		}
		return fmt.Sprintf("a full check sees %s, and the policy asks for %s", seen, percent(policy.MaxMDE))
	case m.FalseAlarms.Low > policy.Alpha:
		return fmt.Sprintf("it alone blocks %s of identical pairs, and all metrics together may block %s", percent(m.FalseAlarms.Value), percent(policy.Alpha))
	}
	return ""
}

func (c *Calibration) demoted(name string) bool {
	return slices.ContainsFunc(c.Demoted, func(d result.Demotion) bool { return d.Metric == name })
}
