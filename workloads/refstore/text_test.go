package refstore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTextSearchAgainstObviousReference(t *testing.T) {
	word := rapid.SampledFrom(strings.Fields("ant bee cat dog elk fox"))
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 1, 6).Draw(t, "words"), " ")
	})
	rapid.Check(t, func(t *rapid.T) {
		contents := rapid.SliceOfN(text, 1, 20).Draw(t, "contents")
		query := text.Draw(t, "query")
		x := newWordIndex()
		for _, c := range contents {
			x.add(c)
		}
		got, want := newRanking(100), newRanking(100)
		x.search(query, 0.3, func(i uint32) (string, bool) { return contents[i], true }, &got, new(scratch))
		for i, c := range contents {
			if s := jaccard(query, c); s >= 0.3 {
				want.offer(hit{uint32(i), s})
			}
		}
		if !slices.Equal(got.hits, want.hits) {
			t.Errorf("found %v, want %v", got.hits, want.hits)
		}
	})
}

// jaccard is Engram's score of a text, by definition.
func jaccard(query, content string) float32 {
	if strings.Contains(content, query) {
		return 1
	}
	a, b := splitWords(query), splitWords(content)
	shared := 0
	for _, w := range a {
		if slices.Contains(b, w) {
			shared++
		}
	}
	return float32(shared) / (float32(len(a)) + float32(len(b)) - float32(shared))
}

// told is a space of contents on orthogonal embeddings, a second apart.
func told(t *testing.T, contents ...string) *space {
	sp := newSpace("default", time.Now(), len(contents))
	for i, c := range contents {
		v := make([]float32, len(contents))
		v[i] = 1
		put(t, sp, episode{id: c, content: c, confidence: 0.9, observed: int64(i) * 1e9}, v)
	}
	return sp
}

func ids(found []memory) []string {
	names := make([]string, len(found))
	for i, m := range found {
		names[i] = m.id
	}
	return names
}

func TestSpreadingReachesNeighboursInTime(t *testing.T) {
	sp := told(t, "long ago", "just before", "the match itself", "just after", "much later")
	if got := ids(sp.recallText("the match", 10, 0.4, false)); !slices.Equal(got, []string{"the match itself"}) {
		t.Errorf("without spreading: %v", got)
	}
	got := ids(sp.recallText("the match", 3, 0.4, true))
	if !slices.Equal(got, []string{"the match itself", "just before", "just after"}) {
		t.Errorf("with spreading: %v", got)
	}
	sp.episodes[3].observed += 2 * neighbourGap
	for _, id := range ids(sp.recallText("the match", 5, 0.4, true)) {
		if id == "just after" {
			t.Error("an episode two hours later came to mind")
		}
	}
}

// The fan effect: the more members a concept has, the less each one gets.
func TestFanEffect(t *testing.T) {
	level := func(members int) float32 {
		sp := newSpace("default", time.Now(), 2)
		for i := range members {
			sp.insert(episode{id: fmt.Sprint(i), content: fmt.Sprint("word", i), observed: int64(i) * 2 * neighbourGap}, []float32{1, 0}, []float32{1, 0}, nil)
		}
		for _, m := range sp.recallText("word0", 75, 0, true) {
			if m.id == "5" {
				return m.score
			}
		}
		t.Fatalf("nothing reached a concept's member among %d", members)
		return 0
	}
	if small, large := level(10), level(60); small <= large {
		t.Errorf("a member of 10 gets %v, one of 60 gets %v", small, large)
	}
}
