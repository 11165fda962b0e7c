package result

import (
	"slices"
	"time"
)

// Calibration is what an earlier measurement of this runner class says of checks
// of the same target, scenario and policy: how often they block identical builds,
// and how often they catch a slow-down. It is copied into the plan when a check is
// planned, since a verdict may rest on nothing but its document.
type Calibration struct {
	MeasuredAt  time.Time  `json:"measured_at"`        // UTC
	Blocks      int        `json:"blocks"`             // of base against itself that it rests on
	Checks      int        `json:"checks"`             // that were put together from them
	FalseAlarms Share      `json:"false_alarms"`       // of identical pairs
	Power       []Power    `json:"power"`              // by size of the slow-down, ascending
	LayoutSD    float64    `json:"layout_sd,omitzero"` // by which Policy.LayoutSD was replaced; 0: it was not
	Demoted     []Demotion `json:"demoted,omitempty"`  // metrics that this check would gate on and only watches
}

// Share is a part of all checks that were blocked, with its 95% interval.
type Share struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Power is the share of checks that a slow-down blocks.
type Power struct {
	Effect  float64 `json:"effect"` // relative slow-down: 0.08 is 8%
	Blocked Share   `json:"blocked"`
}

// Demotion says why a metric is watched and not judged.
type Demotion struct {
	Metric string `json:"metric"`
	Reason string `json:"reason"` // one sentence
}

// calibration checks what a plan took from one.
func (v *validator) calibration() {
	c, at := v.d.Plan.Calibration, place("/plan/calibration")
	if c == nil {
		return
	}
	if c.MeasuredAt.IsZero() {
		v.add(at, "measured_at", "is missing")
	}
	v.count(at, "blocks", int64(c.Blocks))
	v.count(at, "checks", int64(c.Checks))
	v.share(at+"/false_alarms", c.FalseAlarms)
	last := 0.0
	for i, p := range c.Power {
		at := at.item("power", i)
		v.fraction(at, "effect", p.Effect)
		if p.Effect <= last {
			v.add(at, "effect", "is %v, need more than %v: sizes ascend", p.Effect, last)
		}
		last = p.Effect
		v.share(at+"/blocked", p.Blocked)
	}
	v.fraction(at, "layout_sd", c.LayoutSD)
	if c.LayoutSD != 0 && c.LayoutSD != v.d.Plan.Policy.LayoutSD {
		v.add(at, "layout_sd", "is %v, and the policy has %v", c.LayoutSD, v.d.Plan.Policy.LayoutSD)
	}
	var names []string
	for i, d := range c.Demoted {
		at := at.item("demoted", i)
		switch {
		case d.Metric == "" || d.Reason == "":
			v.add(at, "", "need a metric and a reason")
		case slices.Contains(names, d.Metric):
			v.add(at, "metric", "is %q, which is listed before", d.Metric)
		case slices.Contains(v.d.Plan.Metrics, d.Metric):
			v.add(at, "metric", "is %q, which the plan declares as gating", d.Metric)
		}
		names = append(names, d.Metric)
	}
}

// share demands fractions in order.
func (v *validator) share(at place, s Share) {
	v.fraction(at, "value", s.Value)
	v.fraction(at, "low", s.Low)
	v.fraction(at, "high", s.High)
	if s.Low > s.Value || s.Value > s.High {
		v.add(at, "", "is %v within %v to %v, need low ≤ value ≤ high", s.Value, s.Low, s.High)
	}
}
