package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
)

// Two shards of one measurement become one document, which can be judged, whatever
// their order.
func TestMerge(t *testing.T) {
	var shards []string
	for i, name := range []string{"one.json", "two.json"} {
		doc := smallCheck(1, 0)
		doc.Provenance.StartedAt = doc.Provenance.StartedAt.Add(time.Duration(i) * time.Hour)
		path := filepath.Join(t.TempDir(), name)
		if err := doc.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		shards = append(shards, path)
	}
	var merged [2][]byte
	for i := range merged {
		out := filepath.Join(t.TempDir(), "all.json")
		var stdout, stderr bytes.Buffer
		if code := run([]string{"merge", "--out", out, shards[i], shards[1-i]}, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		doc, err := result.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if doc.Plan.Blocks != 16 || doc.Outcome.Blocks != 16 || len(doc.Launches) != 32 {
			t.Errorf("%d of %d blocks, %d launches; want 16 of 16 and 32", doc.Outcome.Blocks, doc.Plan.Blocks, len(doc.Launches))
		}
		var b bytes.Buffer
		if err := doc.Write(&b); err != nil {
			t.Fatal(err)
		}
		merged[i] = b.Bytes()
		if code := run([]string{"report", out}, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Errorf("gate report ends with %d: %s%s", code, stdout.String(), stderr.String())
		}
	}
	if !bytes.Equal(merged[0], merged[1]) {
		t.Error("the order of the shards makes a difference")
	}
}
