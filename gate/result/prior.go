package result

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Prior is an earlier run of the same pair, pooled into a document. What it
// measured are the first blocks of the document, those of the earliest run first;
// what it was looked at counts against the error of the looks that follow.
//
// In a pooled document the plan's blocks and looks are those of the last run,
// after the blocks of the runs before it; the provenance is the last run's too,
// but for the duration, which is of all. Times run on from one run to the next as
// if each had begun when the one before ended.
type Prior struct {
	SHA256    string    `json:"sha256"`     // hex, of the run's document as Write gives it
	StartedAt time.Time `json:"started_at"` // UTC
	DurationS float64   `json:"duration_s"`
	Seed      uint64    `json:"seed,string"`
	Looks     []int     `json:"looks"`  // planned, in blocks of this run; the last is its planned blocks
	Blocks    int       `json:"blocks"` // complete
	Ended     RunEnded  `json:"ended"`
	Detail    string    `json:"detail,omitempty"`
	Verdict   string    `json:"verdict"` // that its document was given when it was pooled; it decides nothing
}

// PriorBlocks is the number of blocks that earlier runs measured.
func (d *Document) PriorBlocks() (blocks int) {
	for i := range d.Prior {
		blocks += d.Prior[i].Blocks
	}
	return blocks
}

// Earlier is a document of an earlier run, ready to be pooled.
type Earlier struct {
	Document *Document
	Verdict  string // that it was given
	digest   string // SHA-256 of the document as Write gives it, in hex
}

// NewEarlier makes a document ready to be pooled, as often as need be.
func NewEarlier(d *Document, verdict string) (Earlier, error) {
	hash := sha256.New()
	if err := d.Write(hash); err != nil {
		return Earlier{}, err
	}
	return Earlier{d, verdict, hex.EncodeToString(hash.Sum(nil))}, nil
}

// Pool puts the complete blocks of earlier runs of the same pair before those of
// doc, which may still be measured: the result is a document of its own, to be
// judged by itself. A run that is pooled into another of the earlier ones is
// taken once. Nothing given is changed, but what it holds is shared.
//
// The pair is the same when both arms are the same commits, or the same bytes
// where they were built in the same layout, under the same scenario, policy and
// version of gate, on the same class of runner; and it must have been measured in
// the same way, with the same metrics, probes and parts of a round. An error that
// wraps ErrOtherPair names what differs.
func Pool(doc *Document, earlier ...Earlier) (*Document, error) {
	for _, e := range earlier {
		if len(doc.Benchmarks)+len(e.Document.Benchmarks) > 0 {
			return nil, fmt.Errorf("the run started at %s cannot be pooled: documents of benchmarks are not; each is measured as long as it needs, so that looks cannot be counted for all of them together", startOf(e.Document))
		}
	}
	runs, err := distinctRuns(earlier)
	if err != nil {
		return nil, err
	}
	out := *doc
	p := &pool{out: &out}
	for i := range runs {
		err := SamePair(doc, runs[i].Document)
		if err == nil {
			err = samePlan(doc, runs[i].Document)
		}
		if err == nil && runs[i].Document.Outcome.Blocks < 1 {
			err = errors.New("it has no complete block; leave it out")
		}
		if err != nil {
			return nil, fmt.Errorf("the run started at %s cannot be pooled: %w", startOf(runs[i].Document), err)
		}
	}
	p.begin(doc)
	for i := range runs {
		p.add(&runs[i])
	}
	p.measured(doc)
	p.plan(doc)
	return p.out, nil
}

func startOf(d *Document) string { return d.Provenance.StartedAt.UTC().Format(time.RFC3339) }

// distinctRuns leaves out documents whose runs another one holds too, and sorts
// the rest by their start.
func distinctRuns(earlier []Earlier) ([]Earlier, error) {
	all := slices.Clone(earlier)
	slices.SortStableFunc(all, func(a, b Earlier) int { // the longest chain first
		return cmp.Or(len(b.Document.Prior)-len(a.Document.Prior), byStart(a, b))
	})
	holder := map[string]*Document{}
	var out []Earlier
	for _, e := range all {
		if holder[e.digest] != nil { // with all that it is pooled of
			continue
		}
		runs := []string{e.digest}
		for i := range e.Document.Prior {
			runs = append(runs, e.Document.Prior[i].SHA256)
		}
		for _, run := range runs {
			if other := holder[run]; other != nil {
				return nil, fmt.Errorf("the documents started at %s and %s hold the same earlier run: its evidence would count double; name one of them",
					startOf(other), startOf(e.Document))
			}
			holder[run] = e.Document
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, byStart)
	return out, nil
}

func byStart(a, b Earlier) int {
	return a.Document.Provenance.StartedAt.Compare(b.Document.Provenance.StartedAt)
}

// ErrOtherPair is wrapped by what Pool says of a run of something else.
var ErrOtherPair = errors.New("it is of another pair, or was measured in another way")

// SamePair says what makes b no measurement of the pair that a measures, or
// nothing. It asks for what is known before anything is measured.
func SamePair(a, b *Document) error {
	ap, bp := &a.Provenance, &b.Provenance
	if err := equal([]member{
		{"/kind", a.Kind, b.Kind},
		{"/provenance/runner/class", ap.Runner.Class, bp.Runner.Class},
		{"/provenance/scenario/sha256", ap.Scenario.SHA256, bp.Scenario.SHA256},
		{"/provenance/tool", ap.Tool, bp.Tool},
		{"/plan/mode", a.Plan.Mode, b.Plan.Mode},
		{"/plan/operations", a.Plan.Operations, b.Plan.Operations},
		{"/plan/policy", a.Plan.Policy, b.Plan.Policy},
		{"/plan/limits", a.Plan.Limits, b.Plan.Limits},
	}); err != nil {
		return err
	}
	if len(a.Arms) != 2 || len(b.Arms) != 2 {
		return fmt.Errorf("%w: only a check has two arms", ErrOtherPair)
	}
	for i := range a.Arms {
		if !sameArm(&a.Arms[i], &b.Arms[i]) {
			return fmt.Errorf("%w: %s is %s there and %s here", ErrOtherPair, a.Arms[i].Name, build(&b.Arms[i]), build(&a.Arms[i]))
		}
	}
	return nil
}

// samePlan asks for what is known once the plan is made. The rate may differ, and
// how many blocks and rounds there are.
func samePlan(a, b *Document) error {
	ap, bp := &a.Plan, &b.Plan
	return equal([]member{
		{"/plan/transport", ap.Transport, bp.Transport},
		{"/plan/metrics", ap.Metrics, bp.Metrics},
		{"/plan/open_s", ap.OpenS, bp.OpenS},
		{"/plan/closed_s", ap.ClosedS, bp.ClosedS},
		{"/plan/probes", ap.Probes, bp.Probes},
		{"/plan/probe_operations", ap.ProbeOperation, bp.ProbeOperation},
	})
}

// member is a member of two documents.
type member struct {
	path        string
	here, there any
}

// equal names the first member that differs.
func equal(members []member) error {
	for _, m := range members {
		if !same(m.here, m.there) {
			return fmt.Errorf("%w: %s is %.200q there and %.200q here", ErrOtherPair, m.path, fmt.Sprint(m.there), fmt.Sprint(m.here))
		}
	}
	return nil
}

// sameArm says whether two arms run the same program: of the same commit, or of
// the same bytes in every layout that both have, of which there must be one.
func sameArm(a, b *Arm) bool {
	if a.Name != b.Name {
		return false
	}
	if a.Commit != "" && a.Commit == b.Commit {
		return true
	}
	common := 0
	for _, l := range a.Layouts {
		for _, m := range b.Layouts {
			if l.Seed != m.Seed {
				continue
			}
			if l.SHA256 == "" || l.SHA256 != m.SHA256 {
				return false
			}
			common++
		}
	}
	return common > 0
}

// build says of what an arm was built.
func build(a *Arm) string {
	if a.Commit != "" {
		return "commit " + a.Commit[:min(len(a.Commit), 12)]
	}
	return "another build"
}

// pool builds a pooled document.
type pool struct {
	out    *Document
	blocks int     // of the runs so far
	now    float64 // s, their durations
}

// begin empties what is filled run by run.
func (p *pool) begin(doc *Document) {
	p.out.Arms = slices.Clone(doc.Arms)
	p.out.Launches, p.out.Slices, p.out.Prior = []Launch{}, []Slice{}, nil
}

// add adds an earlier run, and those that it was pooled with.
func (p *pool) add(e *Earlier) {
	d := e.Document
	own := d.Outcome.Blocks - d.PriorBlocks()
	prior := Prior{
		SHA256: e.digest, StartedAt: d.Provenance.StartedAt, DurationS: d.Provenance.DurationS, Seed: d.Provenance.Seed,
		Blocks: own, Ended: d.Outcome.Ended, Detail: d.Outcome.Detail, Verdict: e.Verdict,
	}
	for i := range d.Prior {
		prior.DurationS -= d.Prior[i].DurationS
	}
	prior.DurationS = max(prior.DurationS, 0)
	for _, look := range d.Plan.Looks {
		prior.Looks = append(prior.Looks, look-d.PriorBlocks())
	}
	complete := *d
	complete.Launches = slices.DeleteFunc(slices.Clone(d.Launches), func(l Launch) bool { return l.Block >= d.Outcome.Blocks })
	p.measured(&complete)
	p.blocks += d.Outcome.Blocks
	p.now += d.Provenance.DurationS
	p.out.Plan.Rounds = max(p.out.Plan.Rounds, d.Plan.Rounds)
	p.out.Provenance.Repository.Dirty = p.out.Provenance.Repository.Dirty || d.Provenance.Repository.Dirty
	p.out.Prior = append(p.out.Prior, d.Prior...)
	if own > 0 { // else it was cut off in its first block
		p.out.Prior = append(p.out.Prior, prior)
	}
}

// measured adds the launches of a run, with their layouts and slices.
func (p *pool) measured(d *Document) {
	layouts := map[string]map[int]int{}
	for i := range d.Arms {
		arm := &p.out.Arms[i]
		layouts[arm.Name] = poolLayouts(arm, &d.Arms[i])
	}
	ids := make(map[int]int, len(d.Launches))
	for _, launch := range d.Launches {
		ids[launch.ID] = len(p.out.Launches)
		launch.ID = len(p.out.Launches)
		launch.Layout = layouts[launch.Arm][launch.Layout]
		launch.Block += p.blocks
		launch.shift(p.now)
		p.out.Launches = append(p.out.Launches, launch)
	}
	for _, slice := range d.Slices {
		id, ok := ids[slice.Launch]
		if !ok {
			continue // of a block that was cut off
		}
		slice.Launch = id
		slice.StartS += p.now
		p.out.Slices = append(p.out.Slices, slice)
	}
}

// poolLayouts adds the layouts that arm has not got, and returns the new id of
// each. In a pool, one commit linked in one order is one layout, even where a
// toolchain puts other bytes into each build: to count it as two would make the
// luck of the layout look smaller than it is.
func poolLayouts(arm, other *Arm) map[int]int {
	layouts := slices.Clone(other.Layouts)
	for i := range layouts {
		known := slices.IndexFunc(arm.Layouts, func(l Layout) bool { return l.Seed == layouts[i].Seed })
		if known >= 0 {
			layouts[i].SHA256 = arm.Layouts[known].SHA256
		}
	}
	grown := *arm
	grown.Layouts = slices.Clone(arm.Layouts)
	ids := addLayouts(&grown, layouts)
	*arm = grown
	return ids
}

// plan puts the last run's looks after the blocks of the others.
func (p *pool) plan(doc *Document) {
	plan := &p.out.Plan
	plan.Blocks += p.blocks
	plan.Looks = slices.Clone(doc.Plan.Looks)
	for i := range plan.Looks {
		plan.Looks[i] += p.blocks
	}
	p.out.Outcome.Blocks += p.blocks
	p.out.Provenance.DurationS += p.now
}

// shift moves a launch in time.
func (l *Launch) shift(by float64) {
	l.StartS += by
	l.Series = shiftSeries(l.Series, by)
	l.Events = slices.Clone(l.Events)
	for i := range l.Events {
		l.Events[i].AtS += by
	}
}
