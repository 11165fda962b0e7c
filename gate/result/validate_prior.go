package result

import (
	"crypto/sha256"
	"time"
)

// maxPrior is how many earlier runs a document may be pooled of. The levels of
// the looks end it before (stats.MaxLooks).
const maxPrior = 100

// prior checks the earlier runs that a document is pooled of.
func (v *validator) prior() {
	d := v.d
	if len(d.Prior) == 0 {
		return
	}
	if d.Kind != KindCheck {
		v.add("", "prior", "is there, but only documents of kind %q are pooled", KindCheck)
	}
	if len(d.Benchmarks) > 0 {
		v.add("", "prior", "is there, but benchmarks are not pooled")
	}
	if len(d.Prior) > maxPrior {
		v.add("", "prior", "has %d runs, at most %d are possible", len(d.Prior), maxPrior)
		return
	}
	seen := make(map[string]bool, len(d.Prior))
	blocks, seconds := 0, 0.0
	for i := range d.Prior {
		p, at := &d.Prior[i], place("").item("prior", i)
		v.hash(at, "sha256", p.SHA256, sha256.Size*2)
		if seen[p.SHA256] {
			v.add(at, "sha256", "is %q, which is another run's: its evidence would count double", p.SHA256)
		}
		seen[p.SHA256] = true
		v.priorRun(at, p)
		blocks += max(p.Blocks, 0)
		seconds += max(p.DurationS, 0)
	}
	if blocks > d.Outcome.Blocks || blocks >= d.Plan.Blocks {
		v.add("", "prior", "has %d blocks, need no more than the outcome's %d and fewer than the plan's %d", blocks, d.Outcome.Blocks, d.Plan.Blocks)
	}
	if len(d.Plan.Looks) > 0 && d.Plan.Looks[0] <= blocks {
		v.add("/plan/looks/0", "", "is %d, need more than the %d blocks of earlier runs", d.Plan.Looks[0], blocks)
	}
	if seconds > v.longest {
		v.add("", "prior", "took %.6g s, more than the %.6g s of the document", seconds, d.Provenance.DurationS)
	}
}

func (v *validator) priorRun(at place, p *Prior) {
	if p.StartedAt.IsZero() {
		v.add(at, "started_at", "is missing")
	} else if _, offset := p.StartedAt.Zone(); offset != 0 {
		v.add(at, "started_at", "is %s, need UTC", p.StartedAt.Format(time.RFC3339))
	}
	v.number(at, "duration_s", p.DurationS)
	last := 0
	for i, look := range p.Looks {
		if look <= last {
			v.add(at.item("looks", i), "", "is %d, need more than %d: looks ascend", look, last)
		}
		last = look
	}
	if p.Blocks < 1 || p.Blocks > last {
		v.add(at, "blocks", "is %d, need 1 or more and no more than its last look, %d", p.Blocks, last)
	}
	oneOf(&v.faults, at, "ended", p.Ended, RunDecided, RunComplete, RunBudget, RunInterrupted, RunFailed)
	if p.Ended == RunComplete && p.Blocks != last {
		v.add(at, "blocks", "is %d, but a complete run has all of its %d", p.Blocks, last)
	}
	if p.Verdict == "" {
		v.add(at, "verdict", "is empty")
	}
}
