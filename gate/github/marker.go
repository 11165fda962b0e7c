package github

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"

	"github.com/fivegate/fivegate/gate/github/event"
)

// marker is the first line of the comment, which does not show. It says which
// comment it is, for which commit and run it was written, and what it holds.
type marker struct {
	tag    string
	head   string
	run    event.Run
	digest string
}

// tagForm is what a comment's tag may be.
var tagForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

var markerForm = regexp.MustCompile(`^<!-- gate:v1 key=([a-z0-9][a-z0-9._-]{0,63}) sha=([0-9a-f]{40,64}) run=([0-9]{1,18})\.([0-9]{1,9}) digest=([0-9a-f]{32}) -->(?:\r?\n|$)`)

// markerOf describes a comment. The digest is of the commit too: a comment that
// reads the same for another commit is still another.
func markerOf(tag, head string, run event.Run, body string) marker {
	sum := sha256.Sum256([]byte(head + "\n" + body))
	return marker{tag, head, run, hex.EncodeToString(sum[:16])}
}

func (m marker) String() string {
	return fmt.Sprintf("<!-- gate:v1 key=%s sha=%s run=%d.%d digest=%s -->\n", m.tag, m.head, m.run.ID, m.run.Attempt, m.digest)
}

// readMarker reads the marker of a comment that has one as its first line.
func readMarker(body string) (marker, bool) {
	parts := markerForm.FindStringSubmatch(body)
	if parts == nil {
		return marker{}, false
	}
	// The form admits digits that fit only.
	id, _ := strconv.ParseInt(parts[3], 10, 64)
	attempt, _ := strconv.ParseInt(parts[4], 10, 64)
	return marker{parts[1], parts[2], event.Run{ID: id, Attempt: attempt}, parts[5]}, true
}

// newer says whether a marker is of a later run than another. Numbers of runs
// ascend.
func (m marker) newer(than marker) bool {
	return cmp.Or(cmp.Compare(m.run.ID, than.run.ID), cmp.Compare(m.run.Attempt, than.run.Attempt)) > 0
}
