package main

import (
	"os"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

func TestInterruptedSelftest(t *testing.T) {
	t.Parallel()
	r := newFixture(t, storeTarget()).start("selftest")
	r.await("identical: must not go red")
	r.await("block 1 of")
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.ends(verdict.ExitInvalid, "interrupted")
}
