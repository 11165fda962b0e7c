package calibration

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
	"github.com/fivegate/fivegate/gate/verdict"
)

// ErrTooShort says that too little was measured to say anything.
var ErrTooShort = errors.New("too few blocks for a calibration")

// Options are what Analyse needs beside the document.
type Options struct {
	Key   Key
	Check Shape // of a check of Key.BudgetS on this runner
	// Draws is the number of checks to put together; each is decided as drawn and
	// with its arms exchanged.
	Draws int
	// SameBytes says that checks on this runner compare one build with itself, as
	// the demo does. Else a target that is built in one layout is judged as its
	// checks will be, with the error of the layout.
	SameBytes bool
	Progress  func(done, total int) // called from several goroutines; nil is allowed
}

const (
	power      = 0.95 // by which an MDE is defined
	confidence = 0.95 // of all intervals
)

// Analyse turns a check of base against itself, however it ended, into a
// calibration. ErrTooShort when it has fewer complete blocks than a check may have.
func Analyse(doc *result.Document, o Options) (*Calibration, error) {
	if doc.Outcome.Blocks < stats.MinBlocks+1 {
		return nil, fmt.Errorf("%w: %d, at least %d are needed", ErrTooShort, doc.Outcome.Blocks, stats.MinBlocks+1)
	}
	a := &analysis{o: o, measured: doc, doc: judgedAs(doc, o.SameBytes), metrics: doc.Plan.Metrics, plans: map[int]lookPlan{}}
	if err := a.prepare(); err != nil {
		return nil, err
	}
	c := &Calibration{
		Schema: Schema, MeasuredAt: doc.Provenance.StartedAt, DurationS: doc.Provenance.DurationS, Key: o.Key,
		Ended: string(doc.Outcome.Ended), Blocks: doc.Outcome.Blocks, Layouts: a.drawer.distinct, Check: o.Check,
		Demoted: []result.Demotion{}, Attenuation: []Attenuation{}, Advice: []string{},
	}
	c.Key.Metrics = slices.Clone(doc.Plan.Metrics)
	a.noise(c)
	if err := a.outcomes(c); err != nil {
		return nil, err
	}
	// Without the metrics that are too noisy the others are judged by larger shares
	// of the error: what checks do then is decided anew.
	if c.demote(); len(c.Demoted) > 0 {
		a.metrics = slices.DeleteFunc(slices.Clone(a.metrics), c.demoted)
		if err := a.prepare(); err != nil {
			return nil, err
		}
		if err := a.outcomes(c); err != nil {
			return nil, err
		}
	}
	c.Advice = c.advise(doc)
	return c, nil
}

// judgedAs is the document as the checks to come will be judged.
func judgedAs(doc *result.Document, sameBytes bool) *result.Document {
	d := *doc
	if sameBytes || len(doc.Arms) != 2 || len(doc.Arms[0].Layouts) != 1 || len(doc.Arms[1].Layouts) != 1 {
		return &d
	}
	d.Arms = slices.Clone(doc.Arms)
	d.Arms[1].Layouts = slices.Clone(doc.Arms[1].Layouts)
	d.Arms[1].Layouts[0].SHA256 = "of a change"
	return &d
}

// analysis is one in the making.
type analysis struct {
	o        Options
	measured *result.Document
	doc      *result.Document // as its checks are to be judged
	metrics  []string         // that gate
	pool     *verdict.Pool
	drawer   *drawer

	planning sync.Mutex
	plans    map[int]lookPlan // by number of blocks
}

// prepare takes the document apart, to be judged by the metrics and the policy of
// the moment.
func (a *analysis) prepare() (err error) {
	a.doc.Plan.Metrics = a.metrics
	if a.pool, err = verdict.NewPool(a.doc); err != nil {
		return err
	}
	a.drawer = newDrawer(a.measured, a.pool)
	return nil
}

// noise fills in where the noise comes from, and puts the layouts' own spread in
// the place of the assumed one where it is known.
func (a *analysis) noise(c *Calibration) {
	df := math.Inf(1)
	known := false
	for _, name := range a.metrics {
		m := Metric{Name: name, Disturbances: []Disturbance{}}
		if n, layouts, ok := a.drawer.noise(name); ok {
			m.Noise, m.Disturbances = n, append(m.Disturbances, disturbances(a.pool.Rounds(name))...)
			groups, _ := byBlock(a.pool.Rounds(name))
			df = min(df, noiseDF(groups))
			if layouts.known {
				// What this metric knows poorly stays at the assumption.
				known, c.LayoutSD = true, max(c.LayoutSD, min(layouts.upper, max(layouts.sd, c.Key.Policy.LayoutSD)))
			}
		}
		c.Metrics = append(c.Metrics, m)
	}
	c.Drawn.NoiseF = min(df, float64(c.Blocks-1))
	if known {
		a.doc.Plan.Policy.LayoutSD = c.LayoutSD
	}
}

// outcomes puts checks together and decides them.
func (a *analysis) outcomes(c *Calibration) error {
	low, high := noiseScales(c.Drawn.NoiseF)
	t := &tally{scales: []float64{1, low, high}, trials: make([]trialEnd, a.o.Draws)}
	if err := a.draw(t); err != nil {
		return err
	}
	c.Drawn.Checks, c.Drawn.Blocks = 2*a.o.Draws, t.drawnBlocks()
	c.Outcomes = nil
	for i, effect := range Effects {
		row := t.row(i)
		row.Effect = effect
		var err error
		if row.Apart, err = a.apart(effect); err != nil {
			return err
		}
		c.Outcomes = append(c.Outcomes, row)
	}
	for i := range c.Metrics {
		if slices.Contains(a.metrics, c.Metrics[i].Name) {
			t.metric(&c.Metrics[i], a.o.Check)
		}
	}
	return nil
}

// draw decides all checks, from as many goroutines as there are cores. Each has
// random numbers of its own, so that the order changes nothing.
func (a *analysis) draw(t *tally) error {
	errs := make([]error, a.o.Draws)
	var next, done atomic.Int64
	var all sync.WaitGroup
	for range min(a.o.Draws, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < a.o.Draws; i = int(next.Add(1)) - 1 {
				t.trials[i], errs[i] = a.trial(i, t.scales)
				if n := int(done.Add(1)); a.o.Progress != nil {
					a.o.Progress(n, a.o.Draws)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// trial draws and decides check i.
func (a *analysis) trial(i int, scales []float64) (end trialEnd, err error) {
	rng := rand.New(rand.NewPCG(a.doc.Provenance.Seed^0xca11b, uint64(i)))
	picks := a.drawer.draw(rng, a.o.Check.Blocks)
	if len(picks) < stats.MinBlocks {
		return end, fmt.Errorf("%w: of %d blocks a check can use %d, at least %d are needed", ErrTooShort, a.pool.Blocks(), len(picks), stats.MinBlocks)
	}
	t, err := a.newTrial(picks)
	if err != nil {
		return end, err
	}
	end.drawn = len(picks)
	for side := range 2 {
		for e, effect := range Effects {
			for s, scale := range scales {
				if end.verdicts[side][e][s], err = t.decide(side, effect, scale); err != nil {
					return end, err
				}
			}
		}
	}
	last := len(t.looks) - 1
	level := t.levels[last] / float64(len(a.metrics))
	evidence, err := t.at(last, 0)
	if err != nil {
		return end, err
	}
	for k, ev := range evidence {
		if ev.Rates != nil {
			continue
		}
		first := t.evidence[0][0][k].Effect
		n, ok := first.BlocksNeeded(level, power, threshold5)
		if !ok {
			n = 0
		}
		end.reach = append(end.reach, reach{ev.Name, ev.Effect.MDE(level, power), n})
	}
	return end, nil
}

// threshold5 is the slow-down for which the time is told that would show it.
const threshold5 = 0.05

// apart decides checks that share no block, in the order of measuring, as they were
// measured.
func (a *analysis) apart(effect float64) (out Apart, err error) {
	for from := 0; from+a.o.Check.Blocks <= a.pool.Blocks(); from += a.o.Check.Blocks {
		var picks []verdict.Pick
		for b := range a.o.Check.Blocks {
			picks = append(picks, verdict.Pick{Block: from + b})
		}
		t, err := a.newTrial(picks)
		if err != nil {
			return out, err
		}
		v, err := t.decide(0, effect, 1)
		if err != nil {
			return out, err
		}
		out.Checks++
		if v.outcome == stats.Regression {
			out.Blocked++
		}
	}
	out.Low, out.High = stats.ClopperPearson(int64(out.Blocked), int64(out.Checks), confidence)
	return out, nil
}
