package exec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
		err  string // a part of it
	}{
		{text: "./tool --input big.json", want: []string{"./tool", "--input", "big.json"}},
		{text: "  a\tb\n c ", want: []string{"a", "b", "c"}},
		{text: `a 'b c' "d e"`, want: []string{"a", "b c", "d e"}},
		{text: `a b'c d'"e"f`, want: []string{"a", "bc def"}},
		{text: `a '' ""`, want: []string{"a", "", ""}},
		{text: `a 'b"c' "d'e"`, want: []string{"a", `b"c`, "d'e"}},
		{text: `a "b\"c\\d\n" 'e\f'`, want: []string{"a", `b"c\d\n`, `e\f`}},
		{text: `a b\ c \' \\`, want: []string{"a", "b c", "'", `\`}},
		{text: `sh -c 'a | b > c; d $E'`, want: []string{"sh", "-c", "a | b > c; d $E"}},
		{text: "größe 'ä ö'", want: []string{"größe", "ä ö"}},
		{text: "a {worktree}/b ~c #d", want: []string{"a", "{worktree}/b", "~c", "#d"}},
		{text: "", err: "empty"},
		{text: " \t", err: "empty"},
		{text: "'' a", err: "names no program"},
		{text: "a 'b c", err: "column 3: the quote ' is not closed"},
		{text: `ä "b\"`, err: `column 3: the quote " is not closed`},
		{text: `a \`, err: "column 3: a backslash"},
		{text: "a | b", err: `column 3: '|' means something to a shell`},
		{text: "a > b", err: "sh -c"},
		{text: "a $HOME", err: "column 3"},
		{text: "a *.json", err: "column 3"},
		{text: "a b\x00", err: "column 4: an argument cannot hold a NUL"},
		{text: "a 'b\x00'", err: "column 5: an argument cannot hold a NUL"},
	} {
		got, err := Split(test.text)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: %q, error %v; want %q", test.text, got, err, test.err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("%q: %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

// Whatever is quoted comes back.
func TestSplitOfQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(rapid.StringMatching(`[^\x00]*`), 1, 5).Draw(t, "arguments")
		args[0] = "a" + args[0]
		var quoted []string
		for _, arg := range args {
			if rapid.Bool().Draw(t, "double") {
				quoted = append(quoted, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg)+`"`)
			} else {
				quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
			}
		}
		got, err := Split(strings.Join(quoted, " "))
		if err != nil || !cmp.Equal(got, args) {
			t.Fatalf("%q of %q: %v", got, args, err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	for _, text := range []string{"a 'b c' \"d\\\"\"", `a\ b`, "a | b", "'", "\\\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := Split(text)
		if err == nil && (len(args) == 0 || args[0] == "" || strings.Contains(strings.Join(args, ""), "\x00")) {
			t.Errorf("%q gives %q", text, args)
		}
	})
}
