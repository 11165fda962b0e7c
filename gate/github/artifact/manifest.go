package artifact

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// ManifestName is the file that says for which run an artifact was made.
const ManifestName = "gate-run.json"

// manifestSchema names the version of its format.
const manifestSchema = "fivegate/run/v1"

// Origin is the run that an artifact must be of.
type Origin struct {
	Repository string `json:"repository"` // owner/name
	HeadSHA    string `json:"head_sha"`   // of the pull request, not of its merge
	RunID      int64  `json:"run_id"`
	RunAttempt int64  `json:"run_attempt"`
}

// Manifest is what an artifact says of itself.
type Manifest struct {
	Schema string `json:"schema"`
	Origin
	// Pull is the pull request's number, a hint to choose by when one branch has
	// several: those to choose from are found without it.
	Pull int `json:"pull_request"`
}

// EncodeManifest writes a manifest.
func EncodeManifest(o Origin, pull int) ([]byte, error) {
	text, err := json.Marshal(Manifest{Schema: manifestSchema, Origin: o, Pull: pull}, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", ManifestName, err)
	}
	return append(text, '\n'), nil
}

// readManifest reads a manifest strictly, and holds it against the event.
func readManifest(text []byte, want Origin) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m, json.RejectUnknownMembers(true)); err != nil {
		return Manifest{}, fmt.Errorf("not a manifest: %s", oneLine(err.Error()))
	}
	for _, c := range []struct {
		member    string
		got, want any
	}{
		{"schema", m.Schema, manifestSchema},
		{"repository", m.Repository, want.Repository},
		{"head_sha", m.HeadSHA, want.HeadSHA},
		{"run_id", m.RunID, want.RunID},
		{"run_attempt", m.RunAttempt, want.RunAttempt},
	} {
		if c.got != c.want {
			return Manifest{}, fmt.Errorf("%s is %s, but the event's is %v: the artifact is of another run", c.member, oneLine(fmt.Sprintf("%.100q", fmt.Sprint(c.got))), c.want)
		}
	}
	if m.Pull < 0 {
		return Manifest{}, fmt.Errorf("pull_request is %d, need a number of 0 or more", m.Pull)
	}
	return m, nil
}
