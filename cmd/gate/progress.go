package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"github.com/fivegate/fivegate/gate/verdict"
	"github.com/fivegate/fivegate/workloads/experiment"
	"github.com/fivegate/fivegate/workloads/target"
)

// progress tells on standard error how far a measurement is: a bar on a
// terminal, a line now and then elsewhere. Nothing is printed during a slice.
type progress struct {
	w        io.Writer
	bar      *progressbar.ProgressBar // nil when w is not a terminal
	said     string                   // the last phase that was printed
	saidAt   time.Time
	finished bool
}

// quiet is the least time between two lines about the same phase when the
// output is not a terminal.
const quiet = 20 * time.Second

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		p.bar = progressbar.NewOptions(1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionUseANSICodes(true),
		)
	}
	return p
}

// phase begins something that has no measure of its own.
func (p *progress) phase(format string, args ...any) {
	p.say(fmt.Sprintf(format, args...), 0, 1)
}

// note prints a line that stays.
func (p *progress) note(format string, args ...any) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.w, "note: "+format+"\n", args...)
}

// notes prints lines that stay.
func (p *progress) notes(lines []string) {
	for _, line := range lines {
		p.note("%s", line)
	}
}

func (p *progress) say(text string, done, total int) {
	if p.bar != nil {
		p.bar.ChangeMax(max(total, 1))
		p.bar.Describe(text)
		_ = p.bar.Set(min(done, total))
		return
	}
	begins := done <= 1 // of something new, which is always told
	if text != p.said && (begins || time.Since(p.saidAt) > quiet) {
		fmt.Fprintln(p.w, text)
		p.said, p.saidAt = text, time.Now()
	}
}

// observe shows the progress of an experiment.
func (p *progress) observe(e experiment.Progress) {
	switch e.Phase {
	case "measure":
		text := fmt.Sprintf("block %d of %d", e.Done, e.Total)
		if e.Left > 0 {
			text += fmt.Sprintf(", at most %s left", e.Left.Round(time.Second))
		}
		if m, ok := verdict.Worst(e.Document); ok {
			text += fmt.Sprintf(", %s %+.1f%% [%+.1f, %+.1f]", m.Name, 100*m.Effect, 100*m.Low, 100*m.High)
		}
		p.say(text, e.Done, e.Total)
	case "alone":
		p.say(fmt.Sprintf("launch %d of %d, %s left", e.Done, e.Total, e.Left.Round(time.Second)), e.Done, e.Total)
	case "run":
		p.say(fmt.Sprintf("slice %d of %d, %s left", e.Done, e.Total, e.Left), e.Done, e.Total)
	case "load":
		p.say("loading the dataset into "+e.Detail, e.Done, e.Total)
	case "calibrate":
		p.say("measuring the capacity of "+e.Detail, 0, 1)
	}
}

// tune prepares this machine for measuring and says what was done; the function
// returned undoes it.
func (p *progress) tune() (restore func(), err error) {
	t, err := target.Tune()
	if err != nil {
		return nil, err
	}
	p.notes(t.Lines)
	return func() {
		if err := t.Restore(); err != nil {
			p.note("%v", err)
		}
	}, nil
}

// done clears the bar.
func (p *progress) done() {
	if p.bar != nil && !p.finished {
		_ = p.bar.Clear()
	}
	p.finished = true
}
