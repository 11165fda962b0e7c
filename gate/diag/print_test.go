package diag_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/diag"
)

func TestPrint(t *testing.T) {
	at := func(line, column int) diag.Fault {
		return diag.Fault{File: "f", Line: line, Column: column, Message: "m"}
	}
	for _, tt := range []struct {
		name   string
		fault  diag.Fault
		source string
		want   string
	}{
		{"the caret stands under the column", at(2, 5), "x\na = 5%\n", "f:2:5: m\n    2 | a = 5%\n      |     ^\n"},
		{"no column, no caret", at(1, 0), "a = 1", "f:1: m\n    1 | a = 1\n"},
		{"tabs are kept, so that their width does not matter", at(1, 3), "\ta\tb", "f:1:3: m\n    1 | \ta\tb\n      | \t ^\n"},
		{"wide characters take two cells", at(1, 4), "名前=x", "f:1:4: m\n    1 | 名前=x\n      |      ^\n"},
		{"combining characters take none", at(1, 3), "e\u0301=x", "f:1:3: m\n    1 | e\u0301=x\n      |  ^\n"},
		{"a line break of Windows is not part of the line", at(1, 3), "ab\r\nc", "f:1:3: m\n    1 | ab\n      |   ^\n"},
		{"a byte order mark is not part of the line", at(1, 2), "\xef\xbb\xbfab", "f:1:2: m\n    1 | ab\n      |  ^\n"},
		{"beyond the end counts as the end", at(1, 99), "ab", "f:1:99: m\n    1 | ab\n      |   ^\n"},
		{"escape sequences do not reach the terminal", at(1, 3), "a\x1b[31mb", "f:1:3: m\n    1 | a�[31mb\n      |   ^\n"},
		{"bytes that are no characters show as such", at(1, 2), "\xffa", "f:1:2: m\n    1 | �a\n      |  ^\n"},
		{"a line that is not there has no snippet", at(9, 1), "a", "f:9:1: m\n"},
		{"no line, no snippet", diag.Fault{File: "GATE_SEED", Message: "m"}, "a", "GATE_SEED: m\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if err := (diag.Faults{tt.fault}).Print(&out, []byte(tt.source)); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestPrintShortensLongLines(t *testing.T) {
	source := []byte("k = \"" + strings.Repeat("x", 1000) + "!" + strings.Repeat("y", 1000) + "\"")
	var out strings.Builder
	fault := diag.Fault{Line: 1, Column: 1006, Message: "m"}
	if err := (diag.Faults{fault}).Print(&out, source); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	caret := strings.IndexRune(lines[2], '^')
	if got := []rune(lines[1])[caret]; got != '!' {
		t.Errorf("the caret stands under %q, want '!':\n%s", got, out.String())
	}
	if n := len([]rune(lines[1])); n > 140 {
		t.Errorf("the line is %d characters long", n)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestPrintReturnsWriteErrors(t *testing.T) {
	if err := (diag.Faults{{Message: "m"}}).Print(brokenWriter{}, nil); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
}

func FuzzPrint(f *testing.F) {
	f.Add("a\tb\n名", 2, 1)
	f.Add("\xef\xbb\xbf\x1b[0m", 1, 3)
	f.Fuzz(func(t *testing.T, source string, line, column int) {
		var out bytes.Buffer
		if err := (diag.Faults{{Line: line, Column: column, Message: "m"}}).Print(&out, []byte(source)); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out.Bytes(), []byte("\n")); n > 3 {
			t.Errorf("%d lines for one fault", n)
		}
		if bytes.ContainsAny(out.Bytes(), "\x1b\r\x00\x07") {
			t.Errorf("control characters in %q", out.String())
		}
	})
}
