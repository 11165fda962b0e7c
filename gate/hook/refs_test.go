package hook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	one   = strings.Repeat("1", 40)
	none  = strings.Repeat("0", 40)
	long  = strings.Repeat("a", 64)
	empty = strings.Repeat("0", 64)
)

func TestReadRefs(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		want  []Ref
		fault string
	}{
		"up to date":                  {"", nil, ""},
		"a branch goes on":            {"refs/heads/a " + one + " refs/heads/b " + one + "\n", []Ref{{"refs/heads/a", one, "refs/heads/b", one}}, ""},
		"a deletion":                  {"(delete) " + none + " refs/heads/b " + one + "\n", []Ref{{"(delete)", none, "refs/heads/b", one}}, ""},
		"names by SHA-256":            {"HEAD " + long + " refs/heads/b " + empty + "\n", []Ref{{"HEAD", long, "refs/heads/b", empty}}, ""},
		"an expression with spaces":   {"HEAD@{1 day ago} " + one + " refs/heads/b " + none + "\n", []Ref{{"HEAD@{1 day ago}", one, "refs/heads/b", none}}, ""},
		"no line end":                 {"HEAD " + one + " refs/heads/b " + none, []Ref{{"HEAD", one, "refs/heads/b", none}}, ""},
		"too few fields":              {"HEAD " + one + " " + none + "\n", nil, "line 1"},
		"the second line":             {"HEAD " + one + " refs/heads/b " + none + "\nwhat\n", nil, "line 2"},
		"an id with capitals":         {"HEAD " + strings.ToUpper(long) + " refs/heads/b " + empty + "\n", nil, "not the id"},
		"an id that is too short":     {"HEAD 1111 refs/heads/b " + none + "\n", nil, "not the id"},
		"ids of two kinds":            {"HEAD " + long + " refs/heads/b " + none + "\n", nil, "line 1"},
		"an option for a remote ref":  {"HEAD " + one + " --exec=x " + none + "\n", nil, "line 1"},
		"no local ref":                {" " + one + " refs/heads/b " + none + "\n", nil, "line 1"},
		"a line longer than any name": {strings.Repeat("x", maxLine+1), nil, "line 1"},
	} {
		got, err := ReadRefs(strings.NewReader(c.text))
		if diff := cmp.Diff(c.want, got); diff != "" && c.fault == "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: error %v, want %q", name, err, c.fault)
		}
	}
}

func TestReadRefsHasALimit(t *testing.T) {
	line := "a " + one + " refs/heads/b " + none + "\n"
	if _, err := ReadRefs(strings.NewReader(strings.Repeat(line, maxRefs+1))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
}

// Whatever is read has ids and a full name, and is written as it was.
func FuzzReadRefs(f *testing.F) {
	f.Add("refs/heads/a " + one + " refs/heads/b " + none + "\n")
	f.Add("(delete) " + empty + " refs/tags/v1 " + long + "\nHEAD@{1 day ago} " + one + " refs/heads/b " + one + "\n")
	f.Add("a b c d\n\n  \n")
	f.Fuzz(func(t *testing.T, text string) {
		refs, err := ReadRefs(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, r := range refs {
			if !objectID(r.LocalID) || !objectID(r.RemoteID) || !strings.HasPrefix(r.Remote, "refs/") {
				t.Errorf("%q was read as %+v", text, r)
			}
			again.WriteString(r.Local + " " + r.LocalID + " " + r.Remote + " " + r.RemoteID + "\n")
		}
		if got, err := ReadRefs(strings.NewReader(again.String())); err != nil || !cmp.Equal(got, refs) {
			t.Errorf("%q is not read as it was written: %v", again.String(), err)
		}
	})
}
