package calibration

import (
	"fmt"
	"slices"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// What a calibration finds worth a word.
const (
	goodMDE  = 0.08 // a check that sees this is sharp enough: 8% is what the gate promises to catch
	muchMore = 1.5  // times the spread of quiet rounds
)

// advise says what would make checks on this runner sharper, what matters most
// first; nothing where they are sharp already.
func (c *Calibration) advise(doc *result.Document) []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if c.TooNoisy {
		add("every metric of speed is too noisy here, so that checks will mostly end inconclusive: use another runner, a longer check, or more layouts")
	}
	if !c.full() {
		add("a check here has %d blocks, and only %.0f could be put together from the %d measured: calibrate longer for figures of full checks", c.Check.Blocks, c.Drawn.Blocks, c.Blocks)
	}
	dull := slices.DeleteFunc(slices.Clone(c.Metrics), func(m Metric) bool {
		return m.Name == verdict.ErrorRate || m.MDE > 0 && m.MDE <= goodMDE
	})
	for _, m := range dull {
		add("%s", m.remedy(c.Check))
	}
	if len(dull) > 0 {
		out = append(out, c.quieter(doc)...)
	}
	if cpu := c.metric(verdict.CPUPerOp); len(dull) > 0 && cpu != nil && cpu.MDE > 0 && cpu.MDE <= goodMDE {
		add("gate on cpu_per_op (and throughput per CPU second) alone, which sees %s here: policy.gating in gate.toml", percent(cpu.MDE))
	}
	return out
}

func (c *Calibration) metric(name string) *Metric {
	for i := range c.Metrics {
		if c.Metrics[i].Name == name {
			return &c.Metrics[i]
		}
	}
	return nil
}

// remedy names the largest part of a metric's noise that a check averages over too
// few of, and what reduces it. A check has rounds·blocks rounds, blocks launches and
// as many layouts as are built.
func (m Metric) remedy(check Shape) string {
	seen := "nothing at all"
	if m.MDE > 0 {
		seen = percent(m.MDE)
	}
	text := fmt.Sprintf("%s sees %s in a full check", m.Name, seen)
	if m.MinutesFor5 > 0 {
		text += fmt.Sprintf(", and 5%% in %.0f minutes (--budget)", max(1, m.MinutesFor5))
	}
	n := m.Noise
	perLaunch := (n.Round*n.Round + n.Within*n.Within) / float64(max(check.Rounds, 1))
	switch {
	case n == (Noise{}):
		return text
	case n.Layout*n.Layout > n.Launch*n.Launch+perLaunch:
		return text + "; most of its noise is the luck of layouts: build more of them (target.layouts)"
	case n.Launch*n.Launch > perLaunch:
		return text + "; most of its noise is between launches: more blocks, or a target that starts in the same state every time"
	case n.Within > n.Round:
		return text + "; most of its noise is that a round has few requests: offer a higher rate, if the target bears it"
	}
	return text + "; most of its noise is between rounds: a longer check, or a quieter runner"
}

// quieter names what goes with loud rounds, and what a runner could do about it.
func (c *Calibration) quieter(doc *result.Document) (out []string) {
	mend := map[string]string{
		"steal":      "the hypervisor takes time away: a dedicated or larger runner",
		"pressure":   "processes wait for a core: fewer jobs on this machine at the same time",
		"other-work": "other work runs beside the check: stop it, or give the check cores of its own",
		"engine-lag": "the load engine is late: give it a core of its own",
	}
	for _, name := range []string{"steal", "pressure", "other-work", "engine-lag"} {
		for _, m := range c.Metrics {
			i := slices.IndexFunc(m.Disturbances, func(d Disturbance) bool { return d.Name == name })
			if i < 0 || m.Disturbances[i].LoudSD < muchMore*m.Disturbances[i].QuietSD {
				continue
			}
			d := m.Disturbances[i]
			out = append(out, fmt.Sprintf("%s (%s of rounds with much %s spread by %s, of the others by %s)", mend[name], m.Name, name, percent(d.LoudSD), percent(d.QuietSD)))
			break
		}
	}
	if shared := slices.ContainsFunc(doc.Plan.EngineCPUs, func(cpu int) bool { return slices.Contains(doc.Plan.TargetCPUs, cpu) }); shared {
		out = append(out, "engine and target share a core here: a runner with one more core")
	}
	return out
}
