package hook

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/fivegate/fivegate/gate/verdict"
)

func TestKnownAnswersOnlyTheSameQuestion(t *testing.T) {
	k := Known{Dir: filepath.Join(t.TempDir(), "new")}
	asked := Question{Base: "b", Head: "h", Class: "c", Scenario: "s", Tool: result.Tool{Version: "v1"}, Settings: map[string]int{"budget": 60}}
	if k.Read(asked) != nil {
		t.Error("an answer that nobody gave")
	}
	doc := resulttest.Check(resulttest.Options{Seed: 3, Effects: map[string]float64{"cpu_per_op": 0.2}})
	path, err := k.Write(asked, doc)
	if err != nil {
		t.Fatal(err)
	}
	got := k.Read(asked)
	if got == nil || verdict.Judge(got).Reason != verdict.Judge(doc).Reason {
		t.Errorf("read again: %v", got)
	}
	for name, change := range map[string]func(*Question){
		"base":     func(q *Question) { q.Base = "b2" },
		"head":     func(q *Question) { q.Head = "h2" },
		"class":    func(q *Question) { q.Class = "c2" },
		"scenario": func(q *Question) { q.Scenario = "s2" },
		"version":  func(q *Question) { q.Tool.Version = "v2" },
		"settings": func(q *Question) { q.Settings = map[string]int{"budget": 61} },
	} {
		other := asked
		change(&other)
		if k.Read(other) != nil {
			t.Errorf("another %s has the same answer", name)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if k.Read(asked) != nil {
		t.Error("half a document is an answer")
	}
}

func TestKnownForgetsTheOldest(t *testing.T) {
	k := Known{Dir: t.TempDir()}
	start := time.Now().Add(-time.Hour)
	for i := range keptAnswers {
		name := filepath.Join(k.Dir, fmt.Sprintf("%02d.json", i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, start, start.Add(time.Duration(i)*time.Minute/2)); err != nil {
			t.Fatal(err)
		}
	}
	path, err := k.Write(Question{}, resulttest.Check(resulttest.Options{Seed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(k.Dir)
	if err != nil || len(entries) != keptAnswers {
		t.Errorf("%d documents are kept, want %d; %v", len(entries), keptAnswers, err)
	}
	for name, want := range map[string]bool{filepath.Join(k.Dir, "00.json"): false, filepath.Join(k.Dir, "01.json"): true, path: true} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(name), err == nil, want)
		}
	}
}
