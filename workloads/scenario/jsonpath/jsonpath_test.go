package jsonpath

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const answer = `{"status": "ok", "took": 3, "none": null, "open": true, "a.b": {"": 1},
 "hits": [{"id": "x\u00e91"}, {"id": 2.50, "id": 9}], "hits": []}`

func TestHolds(t *testing.T) {
	for _, tt := range []struct {
		condition, text string
		want            bool
		reason          string
	}{
		{`$`, answer, true, "it is JSON"},
		{`$`, `{"a": `, false, "it is cut off"},
		{`$`, ``, false, "nothing is not JSON"},
		{`$ = 3`, ` 3 `, true, "the text itself"},
		{`$.status`, answer, true, "it is there"},
		{`$.status = "ok"`, answer, true, "it is equal"},
		{`$.status="OK"`, answer, false, "case counts"},
		{`$.status = "o\u006b"`, answer, true, "however it is escaped"},
		{`$.took = 3.0`, answer, true, "numbers are compared as numbers"},
		{`$.took = 30e-1`, answer, true, "however they are written"},
		{`$.took = "3"`, answer, false, "a text is no number"},
		{`$.none`, answer, true, "null is a value"},
		{`$.none = null`, answer, true, "and equal to itself"},
		{`$.none = false`, answer, false, "and to nothing else"},
		{`$.open = true`, answer, true, "true"},
		{`$.missing`, answer, false, "no such member"},
		{`$.missing = null`, answer, false, "what is missing is not null"},
		{`$.hits[0].id = "xé1"`, answer, true, "an element, and the first of two members"},
		{`$.hits[1]["id"] = 2.5`, answer, true, "the first of two members again"},
		{`$.hits[2]`, answer, false, "beyond the end"},
		{`$.status[0]`, answer, false, "no element of a text"},
		{`$.hits.id`, answer, false, "no member of an array"},
		{`$['a.b'][''] = 1`, answer, true, "names in brackets"},
		{`$[1]`, `[0, 1]`, true, "an array"},
		{`$[1]`, `[0, oops]`, false, "what must be read is not JSON"},
		{`$[0]`, `[0, oops]`, true, "what comes after is not looked at"},
		{`$.big = 12345678901234567890`, `{"big": 12345678901234567890}`, true, "beyond 64 bits"},
	} {
		c, err := Parse(tt.condition)
		if err != nil {
			t.Errorf("%s: %v", tt.condition, err)
		} else if got := c.Holds([]byte(tt.text)); got != tt.want {
			t.Errorf("%s of %.40q is %v, want %v: %s", tt.condition, tt.text, got, tt.want, tt.reason)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse(`  $.a-b[12]['c d']["e'f"].é = "x = y"  `)
	want := Condition{Steps: []Step{{Name: "a-b", Index: -1}, {Index: 12}, {Name: "c d", Index: -1}, {Name: "e'f", Index: -1}, {Name: "é", Index: -1}}, Want: `"x = y"`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		text   string
		offset int
		want   string
	}{
		{"", 0, "begins with $"},
		{"hits[0]", 0, "begins with $"},
		{"$.", 2, "expected a name"},
		{"$..id", 2, "expected a name"},
		{"$[", 2, "an index from 0"},
		{"$[-1]", 2, "an index from 0"},
		{"$[*]", 2, "an index from 0"},
		{"$[99999999]", 2, "an index from 0"},
		{"$['x]", 3, "does not end"},
		{"$.a b", 4, "expected .name"},
		{"$.a == 1", 5, "after ="},
		{"$.a = ok", 6, "after ="},
		{"$.a = {}", 6, "after ="},
		{"$.a = ", 6, "after ="},
		{"$.a = 'ok'", 6, "after ="},
	} {
		_, err := Parse(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != tt.offset || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %+v, want %q at %d", tt.text, err, tt.want, tt.offset)
		}
	}
}

// write spells a condition in another way than it may have been read.
func write(c Condition) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range c.Steps {
		switch {
		case s.Index >= 0:
			fmt.Fprintf(&b, "[%d]", s.Index)
		case strings.Contains(s.Name, "'"):
			b.WriteString(`["` + s.Name + `"]`)
		default:
			b.WriteString(`['` + s.Name + `']`)
		}
	}
	if c.Want != "" {
		b.WriteString(" = " + c.Want)
	}
	return b.String()
}

// at is the value at a path, by walking what the standard library has decoded.
func at(root any, steps []Step) (any, bool) {
	for _, s := range steps {
		switch v := root.(type) {
		case map[string]any:
			next, ok := v[s.Name]
			if !ok || s.Index >= 0 {
				return nil, false
			}
			root = next
		case []any:
			if s.Index < 0 || s.Index >= len(v) {
				return nil, false
			}
			root = v[s.Index]
		default:
			return nil, false
		}
	}
	return root, true
}

// TestHoldsIsItsDefinition draws a document and a path into it or past it.
func TestHoldsIsItsDefinition(t *testing.T) {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(-3, 3), func(n int) any { return float64(n) }), rapid.Map(rapid.StringN(0, 3, -1), func(s string) any { return strings.ToValidUTF8(s, "") }))
	name := rapid.SampledFrom([]string{"a", "b", ""})
	var tree func(depth int) *rapid.Generator[any]
	tree = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		inner := tree(depth - 1)
		return rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(inner, 0, 3), func(v []any) any { return v }),
			rapid.Map(rapid.MapOfN(name, inner, 0, 3), func(m map[string]any) any { return m }))
	}
	step := rapid.OneOf(rapid.Map(name, func(s string) Step { return Step{Name: s, Index: -1} }), rapid.Map(rapid.IntRange(0, 3), func(i int) Step { return Step{Index: i} }))
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(tree(3).Draw(t, "tree"))
		if err != nil {
			t.Fatal(err)
		}
		var root any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(leaf.Draw(t, "want"))
		if err != nil {
			t.Fatal(err)
		}
		c := Condition{Steps: rapid.SliceOfN(step, 0, 3).Draw(t, "steps")}
		found, there := at(root, c.Steps)
		if got := c.Holds(text); got != there {
			t.Fatalf("%s of %s is %v, want %v", write(c), text, got, there)
		}
		c.Want = string(want)
		var wanted any
		if err := json.Unmarshal(want, &wanted); err != nil {
			t.Fatal(err)
		}
		if got := c.Holds(text); got != (there && cmp.Equal(found, wanted)) {
			t.Fatalf("%s of %s is %v", write(c), text, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"$", "$.hits[0].id", `$.status = "ok"`, `$['a b']["c'd"][3] = -1.5e3`, "$..", "$[", "$ = [1]"} {
		f.Add(text, answer)
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		c, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
				t.Errorf("%q: %#v", text, err)
			}
			return
		}
		holds := c.Holds([]byte(document))
		again, err := Parse(write(c))
		if strings.Contains(text, `"]`) && strings.Contains(text, "'") {
			return // a name may have both quotes, of which write knows one
		}
		if err != nil || !cmp.Equal(c, again) || again.Holds([]byte(document)) != holds {
			t.Errorf("%q was read as %s, which is read as %+v, %v", text, write(c), again, err)
		}
	})
}
