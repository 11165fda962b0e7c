package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fivegate/fivegate/gate/diag"
	"github.com/fivegate/fivegate/gate/github/artifact"
	"github.com/fivegate/fivegate/gate/github/event"
	"github.com/fivegate/fivegate/gate/github/legs"
	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/waiver"
	"github.com/fivegate/fivegate/workloads/scenario"
)

// waiversFile is the name that waivers have unless --waivers says otherwise.
const waiversFile = "gate-waivers.toml"

// gathered is what there is to judge.
type gathered struct {
	sources []legs.Source
	broken  []string // why something that should be there cannot be judged
	waivers waiver.Set

	waiverText []byte
}

// readEvent reads the payload. Outside of a workflow there may be none.
func (p *publisher) readEvent() error {
	path := p.publishFlags.event
	if path == "" {
		path = p.getenv("GITHUB_EVENT_PATH")
	}
	var text []byte
	if path != "" {
		var err error
		if text, err = readAtMost(path, maxPayload); err != nil {
			return fmt.Errorf("read the event payload: %w", err)
		}
	}
	var err error
	p.event, err = event.Read(text, p.getenv)
	return err
}

// maxPayload is the most bytes of an event payload; GitHub caps them at 25 MB.
const maxPayload = 25 << 20

// readAtMost reads a file that is no larger than most bytes.
func readAtMost(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}

// links makes the addresses that the page points to.
func (p *publisher) links() error {
	if p.event.Run.ID > 0 {
		p.context.Run = fmt.Sprintf("%d.%d", p.event.Run.ID, p.event.Run.Attempt)
	}
	if server := p.getenv("GITHUB_SERVER_URL"); server != "" && p.event.Run.ID > 0 {
		address := fmt.Sprintf("%s/%s/actions/runs/%d", strings.TrimSuffix(server, "/"), p.event.Repository, p.event.Run.ID)
		if err := linkable(address); err != nil {
			return fmt.Errorf("GITHUB_SERVER_URL: %w", err)
		}
		p.context.RunURL = address
	}
	if p.reportURL == "" {
		return nil
	}
	if err := linkable(p.reportURL); err != nil {
		return fmt.Errorf("--report-url: %w", err)
	}
	p.context.Report = p.reportURL
	return nil
}

// linkable says whether an address can stand in Markdown as a link.
func linkable(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(address, " <>()[]\"'`\\\n") {
		return fmt.Errorf("%.200q is not an address to link to: need https://host/path", address)
	}
	return nil
}

// gather reads what there is to judge. It is nil when this event asks for nothing.
func (p *publisher) gather(ctx context.Context) (*gathered, error) {
	if p.artifact != "" {
		return p.gatherHostile(ctx)
	}
	g := &gathered{}
	paths := p.files
	if p.combine != "" {
		var err error
		if paths, err = documentsIn(p.combine); err != nil {
			return nil, err
		}
	}
	for _, path := range paths {
		doc, err := result.ReadFile(path)
		if err != nil {
			g.broken = append(g.broken, err.Error())
			continue
		}
		name := path
		if p.combine != "" {
			if name, err = filepath.Rel(p.combine, path); err != nil {
				return nil, err
			}
		}
		g.sources = append(g.sources, legs.Source{Name: filepath.ToSlash(name), Document: doc})
	}
	p.faults = append(p.faults, configurationFaults()...)
	if err := p.writeManifest(); err != nil {
		return nil, err
	}
	return g, p.readWaivers(g)
}

// configurationFaults are those of gate.toml, when there is one: a check that they
// have stopped left no result to show.
func configurationFaults() diag.Faults {
	text, err := readConfig("gate.toml")
	if err != nil {
		return nil
	}
	_, faults := parseConfig("gate.toml", text)
	return faults
}

// maxDocuments is the most documents of a directory: 256 jobs is the largest
// matrix that GitHub has.
const maxDocuments = 256

// documentsIn finds the result documents of a directory: every regular JSON file
// but those that gate itself writes beside a document.
func documentsIn(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		beside := slices.Contains([]string{"verdict.json", artifact.ManifestName}, d.Name())
		if !d.Type().IsRegular() || filepath.Ext(path) != ".json" || beside {
			return nil
		}
		if paths = append(paths, path); len(paths) > maxDocuments {
			return fmt.Errorf("more than %d documents", maxDocuments)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("--combine %s: %w", dir, err)
	}
	return paths, nil
}

// readWaivers reads the waivers of the working tree.
func (p *publisher) readWaivers(g *gathered) error {
	path := p.waivers
	if path == "" {
		path = waiversFile
	}
	text, err := readAtMost(path, diag.MaxTOMLBytes+1)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.waivers == "":
		return nil
	case err != nil:
		return fmt.Errorf("read the waivers: %w", err)
	}
	p.parseWaivers(g, path, text)
	return nil
}

// parseWaivers keeps the waivers of a text; with faults none holds, and the whole
// verdict is invalid.
func (p *publisher) parseWaivers(g *gathered, path string, text []byte) {
	g.waiverText = text
	set, faults := waiver.Parse(path, text)
	if len(faults) == 0 {
		g.waivers = set
		return
	}
	p.brokenWaivers(g, faults)
}

func (p *publisher) brokenWaivers(g *gathered, faults diag.Faults) {
	p.faults = append(p.faults, faults...)
	if err := faults.Print(p.errs, g.waiverText); err != nil {
		p.notice("%v", err)
	}
	g.broken = append(g.broken, fmt.Sprintf("%s has %d fault(s), the first at line %d: %s", faults[0].File, len(faults), faults[0].Line, faults[0].Message))
}

// combined judges what was gathered.
func (p *publisher) combined(g *gathered) (legs.Combined, error) {
	o := legs.Options{Require: p.require, Optional: p.optional, Waivers: g.waivers, Scenarios: scenario.Names(), Now: p.time.Now()}
	c, err := legs.Combine(g.sources, o)
	var faults diag.Faults
	if errors.As(err, &faults) { // waivers that name nothing
		p.brokenWaivers(g, faults)
		o.Waivers = nil
		c, err = legs.Combine(g.sources, o)
	}
	if err != nil {
		return legs.Combined{}, err
	}
	for _, why := range g.broken {
		c.Invalidate(oneLine(why), "mend what the reason names, and run the check again")
	}
	return c, nil
}

// writeManifest leaves beside the first document for which run it was measured, so
// that the workflow that reports for forks can hold an artifact of both against
// its event.
func (p *publisher) writeManifest() error {
	if p.event.Name != "pull_request" || p.dryRun || p.event.Run.ID == 0 || len(p.files) == 0 {
		return nil
	}
	text, err := artifact.EncodeManifest(p.origin(), p.event.Pull)
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(p.files[0]), artifact.ManifestName)
	err = result.Replace(path, func(w io.Writer) error { _, err := w.Write(text); return err })
	if err != nil {
		p.notice("%v; a workflow that reports for forks will refuse this result", err)
	}
	return nil
}

func (p *publisher) origin() artifact.Origin {
	return artifact.Origin{Repository: p.event.Repository, HeadSHA: p.event.SHA, RunID: p.event.Run.ID, RunAttempt: p.event.Run.Attempt}
}
