package main

import (
	"os"
	"testing"

	"github.com/fivegate/fivegate/gate/verdict"
)

func TestSignalDuringCommand(t *testing.T) {
	t.Parallel()
	r := newFixture(t, storeTarget()).start("check", "--base", "HEAD~1", "--cmd", "sh -c 'sleep 1000 & sleep 1000'")
	r.await("running the command for the first time")
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.ends(verdict.ExitInvalid, "INVALID", "interrupted by interrupt", "result.json")
}

// A command that hangs is ended with the budget, and says so.
func TestCommandThatHangs(t *testing.T) {
	t.Parallel()
	r := newFixture(t, storeTarget()).start("check", "--base", "HEAD~1", "--cmd", "sleep 1000", "--budget", "2s")
	r.ends(verdict.ExitInvalid, "INVALID")
}
