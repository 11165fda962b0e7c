//go:build proof

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/verdict"
)

// TestProofInterruptedCalibrationIsKept interrupts a calibration once it has what is the
// least: what was measured is kept where checks find it.
func TestProofInterruptedCalibrationIsKept(t *testing.T) {
	f := newFixture(t, storeTarget())
	r := f.start("calibrate", "--for", "20m", "--budget", "80s", "--out", "mine.json")
	r.awaitBlocks(8)
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.ends(verdict.ExitInvalid, "blocks of base against itself",
		"on this runner identical builds are blocked", "interrupted after", "what they say was kept")
	found, err := filepath.Glob(filepath.Join(f.cache, "fivegate", "calibrations", "*", "*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	for _, path := range []string{found[0], filepath.Join(f.repo, "mine.json")} {
		if c, err := readCalibration(path); err != nil || c.Blocks < 8 || c.Ended != "interrupted" {
			t.Errorf("%s: %+v, %v", path, c, err)
		}
	}
}

// awaitBlocks returns when the output says that at least so many blocks are done.
func (r *running) awaitBlocks(least int) {
	r.f.t.Helper()
	ctx, cancel := context.WithTimeout(r.f.t.Context(), 5*time.Minute)
	defer cancel()
	for done := 0; done < least; {
		select {
		case p, ok := <-r.out.writes:
			if !ok {
				r.f.t.Fatalf("gate ended after %d blocks:\n%s", done, r.out.text.String())
			}
			r.out.text.Write(p)
		case <-ctx.Done():
			r.f.t.Fatalf("gate did not come to block %d:\n%s", least, r.out.text.String())
		}
		for _, m := range blockPattern.FindAllStringSubmatch(r.out.text.String(), -1) {
			if n, err := strconv.Atoi(m[1]); err == nil {
				done = n
			}
		}
	}
}

var blockPattern = regexp.MustCompile(`block (\d+) of`)
