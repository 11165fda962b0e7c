package verdict

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/stats"
)

// ErrUnusable is wrapped by what Earlier says of a measurement whose evidence may
// not be pooled.
var ErrUnusable = errors.New("it cannot be pooled")

// Earlier makes the document of an earlier run ready for result.Pool, with the
// verdict that it gets. A run that was cut off or that failed is taken as far as
// its complete blocks go. One whose measurement is broken otherwise, or that kept
// nothing of its error for another run, is an ErrUnusable.
func Earlier(doc *result.Document) (result.Earlier, error) {
	given := Judge(doc)
	if doc.Plan.Policy.Reserve == 0 {
		return result.Earlier{}, fmt.Errorf("%w: its policy kept no part of the error for another run (/plan/policy/reserve); measure the pair anew", ErrUnusable)
	}
	if doc.Outcome.Blocks == 0 {
		return result.Earlier{}, fmt.Errorf("%w: it has no complete block", ErrUnusable)
	}
	usable := *doc
	if ended := doc.Outcome.Ended; ended == result.RunFailed || ended == result.RunInterrupted {
		usable.Outcome.Ended = result.RunBudget
	}
	if v := Judge(&usable); v.Status == Invalid {
		return result.Earlier{}, fmt.Errorf("%w: its measurement is invalid: %s", ErrUnusable, v.Reason)
	}
	return result.NewEarlier(doc, string(given.Status))
}

// runsOf are the runs that a document is pooled of, as far as their looks go. The
// last is its own: while it lasts it has all its looks before it.
func runsOf(doc *result.Document) []stats.Run {
	var runs []stats.Run
	for _, p := range doc.Prior {
		closed := p.Ended == result.RunComplete || p.Ended == result.RunBudget
		runs = append(runs, stats.Run{Looks: p.Looks, Measured: p.Blocks, Closed: closed})
	}
	before := doc.PriorBlocks()
	own := stats.Run{Measured: doc.Plan.Blocks - before, Closed: true}
	for _, look := range doc.Plan.Looks {
		own.Looks = append(own.Looks, look-before)
	}
	if doc.Outcome.Ended == result.RunBudget {
		own.Measured = doc.Outcome.Blocks - before
	}
	return append(runs, own)
}

// pooledNote says what a verdict rests on beside the last run.
func pooledNote(doc *result.Document) string {
	var runs []string
	for _, p := range doc.Prior {
		ending := string(Status(p.Verdict).Known())
		switch p.Ended {
		case result.RunInterrupted:
			ending = "cut off"
		case result.RunFailed:
			ending = "failed: " + p.Detail
		case result.RunDecided, result.RunComplete, result.RunBudget, result.RunIdentical:
		}
		runs = append(runs, fmt.Sprintf("%s, %s, %s", p.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), plural(p.Blocks, "block"), ending))
	}
	return fmt.Sprintf("pooled with %s of the same pair (%s): the verdict is on all blocks together, and what earlier looks spent of the allowed error stays spent",
		plural(len(runs), "earlier run"), strings.Join(runs, "; "))
}
