package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github"
	"github.com/fivegate/fivegate/gate/github/artifact"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/verdict"
)

// gatherHostile reads the artifact of an untrusted run. What is believed comes
// from GitHub: the run, its commit, the pull request, and from the base branch the
// policy and the waivers. What the artifact itself says is data.
func (p *publisher) gatherHostile(ctx context.Context) (*gathered, error) {
	trigger := p.event.Trigger
	if trigger.Event != "pull_request" {
		p.say("nothing to report: the run was triggered by %s, not by a pull request", trigger.Event)
		return nil, nil
	}
	if trigger.Path != p.workflow {
		return nil, fmt.Errorf("the run is of workflow %.200q, need %q: a name can be copied, a path cannot (--workflow says another path)", trigger.Path, p.workflow)
	}
	g := &gathered{}
	archive, err := readAtMost(p.artifact, artifact.MaxArchive)
	if err != nil {
		return nil, fmt.Errorf("read the artifact: %w", err)
	}
	bundle, refused := artifact.Read(archive, p.origin())
	if refused != nil {
		g.broken = append(g.broken, "the result of this run was refused: "+refused.Error())
		bundle = &artifact.Bundle{}
	}
	base, err := p.findPull(ctx, bundle.Manifest.Pull)
	if err != nil {
		return nil, err
	}
	if err := p.trust(ctx, g, bundle, base); err != nil {
		return nil, err
	}
	return g, nil
}

// findPull finds the pull request of the run and returns the branch that it is to
// be merged into; empty when there is none, and then nothing is commented on. The
// number that the artifact names chooses among those that were found without it.
func (p *publisher) findPull(ctx context.Context, hint int) (string, error) {
	if p.client == nil {
		return "", nil
	}
	pulls, err := p.client.FindPulls(ctx, p.event)
	if err != nil {
		p.notice("no comment: %v", err)
		return "", nil
	}
	if i := slices.IndexFunc(pulls, func(pull github.Pull) bool { return pull.Number == hint }); i >= 0 {
		pulls = pulls[i : i+1]
	}
	switch len(pulls) {
	case 0:
		p.notice("no comment: no open pull request has this branch at this commit; it was closed, or has another head by now")
		return "", nil
	case 1:
		p.event.Pull = pulls[0].Number
		return pulls[0].Base, nil
	}
	p.notice("no comment: %d pull requests have this branch at this commit, and the result does not say which it is of", len(pulls))
	return "", nil
}

// trust judges the documents of a bundle by the policy and waivers of the base
// branch.
func (p *publisher) trust(ctx context.Context, g *gathered, bundle *artifact.Bundle, base string) error {
	cfg, err := p.basePolicy(ctx, base)
	if err != nil {
		return err
	}
	for _, d := range bundle.Documents {
		if err := p.impose(cfg, d); err != nil {
			g.broken = append(g.broken, err.Error())
			continue
		}
		g.sources = append(g.sources, legs.Source{Name: d.Name, Document: d.Result})
	}
	if p.waivers != "" {
		return p.readWaivers(g)
	}
	text, found, err := p.baseFile(ctx, waiversFile, base)
	if err != nil {
		p.notice("%v; no waiver holds", err)
	}
	if found {
		p.parseWaivers(g, waiversFile, text)
	}
	return nil
}

// basePolicy is the policy of the base branch's gate.toml, or the default where
// there is none. One with faults is not taken for no policy at all: the default
// holds, and the page says so.
func (p *publisher) basePolicy(ctx context.Context, base string) (*fileConfig, error) {
	text, found, err := p.baseFile(ctx, "gate.toml", base)
	if err != nil {
		p.notice("%v; the default policy holds", err)
	}
	if !found {
		return p.withThreshold(defaultConfig())
	}
	cfg, faults := parseConfig("gate.toml", text)
	if len(faults) > 0 {
		p.notice("gate.toml of the base branch has faults, so the default policy holds: %v", faults[0])
		cfg = defaultConfig()
	}
	return p.withThreshold(cfg)
}

// withThreshold puts GATE_THRESHOLD over the policy, for a workflow that measures
// under another threshold than gate.toml's.
func (p *publisher) withThreshold(cfg *fileConfig) (*fileConfig, error) {
	if err := cfg.override(overrides{Threshold: p.getenv("GATE_THRESHOLD")}, func(string) string { return "" }).Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// baseFile reads a file of the base branch; without a connection, of the working
// directory, which in a workflow that reports holds no checkout.
func (p *publisher) baseFile(ctx context.Context, name, base string) ([]byte, bool, error) {
	if p.client != nil {
		if base == "" {
			return nil, false, nil
		}
		return p.client.File(ctx, name, base)
	}
	text, err := readAtMost(name, diag.MaxTOMLBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return text, err == nil, err
}

// impose puts the trusted policy in the place of the document's own, and demands
// the metrics that it gates on. The de-noised P99 may be missing where no probes
// were planned, as it is on scenarios of few requests; the page says so.
func (p *publisher) impose(cfg *fileConfig, d artifact.Document) error {
	plan := &d.Result.Plan
	if plan.Policy != cfg.Policy {
		p.notice("%s was measured under another policy (threshold %g%%) than the base branch has (%g%%): judged by the base branch's",
			d.Name, 100*plan.Policy.Threshold, 100*cfg.Policy.Threshold)
		plan.Policy = cfg.Policy
	}
	if d.Result.Outcome.Ended == result.RunIdentical {
		return identical(d)
	}
	var gating []string
	for _, name := range cfg.Gating {
		switch {
		case slices.Contains(plan.Metrics, name):
			gating = append(gating, name)
		case name == verdict.LatencyP99 && plan.Probes == 0:
			p.notice("%s does not hold %s, which the base branch gates on: it has no probes", d.Name, name)
		default:
			return fmt.Errorf("%s does not hold %s, which the base branch gates on", d.Name, name)
		}
	}
	plan.Metrics = gating
	return nil
}

// identical refuses a document that says that both builds are the same bytes, and
// lists builds that are not.
func identical(d artifact.Document) error {
	builds := map[string]bool{}
	for _, arm := range d.Result.Arms {
		for _, layout := range arm.Layouts {
			builds[layout.SHA256] = true
		}
	}
	if len(d.Result.Arms) != 2 || len(builds) != 1 {
		return fmt.Errorf("%s says that base and head are identical, and does not show it", d.Name)
	}
	return nil
}

// say prints a line that is no verdict.
func (p *publisher) say(format string, args ...any) {
	fmt.Fprintln(p.out, oneLine(fmt.Sprintf(format, args...)))
}
