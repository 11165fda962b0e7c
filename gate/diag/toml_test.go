package diag

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"
)

// errTime stands for values whose validity is not judged here: no reader asks
// for a date, so a malformed one is a fault all the same.
var errTime = errors.New("a date or time")

// plain converts a table to what the library's decoder would give.
func plain(t *Table) (map[string]any, error) {
	m := map[string]any{}
	for name, v := range t.values {
		x, err := plainValue(v)
		if err != nil {
			return nil, err
		}
		m[name] = x
	}
	return m, nil
}

func plainValue(v *value) (any, error) {
	switch v.kind {
	case kindText:
		return v.data, nil
	case kindBool:
		return v.data == "true", nil
	case kindInteger:
		return strconv.ParseInt(strings.ReplaceAll(v.data, "_", ""), 0, 64)
	case kindFloat:
		return parseNumber(v)
	case kindTable:
		return plain(v.table)
	case kindList, kindTables:
		list := []any{}
		for _, e := range v.list {
			x, err := plainValue(e)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	default:
		return nil, errTime
	}
}

// compare checks one text against the library's own decoder: the same texts
// are TOML, and they mean the same.
func compare(t interface {
	Helper()
	Errorf(string, ...any)
}, text string,
) {
	t.Helper()
	f := TOML("f.toml", []byte(text))
	var want map[string]any
	wantErr := toml.Unmarshal([]byte(strings.TrimPrefix(text, byteOrderMark)), &want)
	got, err := plain(f.root)
	for _, fault := range f.faults {
		if fault.Rule == "depth" || fault.Rule == "encoding" || fault.Rule == "size" {
			return // ours alone
		}
	}
	if errors.Is(err, errTime) || errors.Is(err, strconv.ErrRange) {
		return
	}
	accepted := len(f.faults) == 0 && err == nil
	switch {
	case accepted && wantErr != nil:
		t.Errorf("accepted, and the library says %v:\n%s", wantErr, text)
	case !accepted && wantErr == nil:
		t.Errorf("refused for %v, %v, and the library accepts:\n%s", f.faults, err, text)
	case accepted:
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-library +ours):\n%s\n%s", diff, text)
		}
	}
}

// tables are texts about what may be defined where, which is the part of TOML
// that this package and not the library's parser decides.
var tables = []string{
	"a.b = 1\na.c = 2",
	"a.b = 1\n[a]\nc = 2",
	"[a]\nb.c = 1\n[a.b]\nd = 2",
	"[a]\nb.c = 1\n[a.b.d]\ne = 2",
	"[a.b]\nc = 1\n[a]\nb.d = 2",
	"[a.b]\nc = 1\n[a]\nd = 2",
	"[a]\n[a]",
	"[a]\n[[a]]",
	"[[a]]\n[a]",
	"[[a]]\nb = 1\n[[a]]\nb = 2",
	"[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2",
	"[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]",
	"a = [{ b = 1 }]\n[[a]]",
	"a = { b = 1 }\n[a.c]",
	"a = { b = 1 }\na.c = 2",
	"a = { b.c = 1, b.d = 2 }",
	"a = { b = {}, b.c = 1 }",
	"a = { b.c = 1 }\n[a.b.d]",
	"a = 1\na.b = 2",
	"a = 1\n[a.b]",
	"a = 1\n[[a.b]]",
	"'' = 1\n\"\" = 2",
	"'a.b' = 1\na.b = 2",
	"a = [1, 'x', [2, { b = [3] }]]",
	"a = [[], [[]], [{}]]",
	"[a.b.c]\n[a.b]\n[a]",
	"[a.b]\n[[a.b]]",
	"[a]\nb = 1\n[a.b]",
	"a = 1_000\nb = 0xff_ff\nc = 0b1\nd = -0.5e-3\ne = +inf\nf = -nan",
	"a = \"\"\"\nx \\\n  y\"\"\"\nb = '''z'''",
}

func TestSameAsLibrary(t *testing.T) {
	for _, text := range tables {
		compare(t, text)
	}
}

// TestTableRules draws files of a few colliding keys, in which nearly every
// rule about tables is broken sooner or later.
func TestTableRules(t *testing.T) {
	key := rapid.StringMatching(`[ab](\.[ab]){0,2}`)
	line := rapid.OneOf(
		rapid.Map(key, func(k string) string { return "[" + k + "]" }),
		rapid.Map(key, func(k string) string { return "[[" + k + "]]" }),
		rapid.Map(key, func(k string) string { return k + " = 1" }),
		rapid.Map(key, func(k string) string { return k + " = [{ a = 1 }]" }),
		rapid.Map(rapid.SliceOfN(key, 0, 2), func(ks []string) string {
			return "b = { " + strings.Join(append(ks, "c"), " = 1, ") + " = 1 }"
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		compare(t, strings.Join(rapid.SliceOfN(line, 1, 6).Draw(t, "lines"), "\n"))
	})
}

// TestPositionIsFound hides one faulty value in a file and expects the fault
// where it was put.
func TestPositionIsFound(t *testing.T) {
	filler := rapid.SampledFrom([]string{"\n", "# é名\n", "rate = 1\n", "count = 2\r\n", "on = true # x\n", "env = { 'é' = '名' }\n", "args = [\n\t'é', # ]\n]\n"})
	rapid.Check(t, func(t *rapid.T) {
		before := "name = 'x'\n" + strings.Join(rapid.SliceOfNDistinct(filler, 0, 5, rapid.ID[string]).Draw(t, "before"), "")
		indent := rapid.StringMatching(`[ \t]{0,3}`).Draw(t, "indent")
		space := rapid.StringMatching(`[ \t]{0,3}`).Draw(t, "space")
		_, faults := read(before + indent + "mode" + space + "=" + space + "'é'\n")
		column := len(indent) + len("mode") + 2*len(space) + len("=") + 1
		want := fmt.Sprintf("f.toml:%d:%d: mode is", strings.Count(before, "\n")+1, column)
		if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), want) {
			t.Errorf("got %v, want %s", faults, want)
		}
	})
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		formatNumber(1e6):           "1000000",
		formatNumber(0.001):         "0.001",
		formatNumber(math.Inf(1)):   "+Inf",
		formatPercent(0.07):         "7%",
		formatPercent(0.001):        "0.1%",
		formatDuration(0):           "0s",
		formatDuration(300e9):       "5m",
		formatDuration(3600e9):      "1h",
		formatDuration(24 * 3600e9): "24h",
		formatDuration(90e9):        "1m30s",
		formatDuration(5400e9):      "1h30m",
		formatDuration(600e9):       "10m",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzTOML(f *testing.F) {
	for _, text := range tables {
		f.Add(text)
	}
	f.Add("name = 'x'\nrate = 1_000\ncount = 0x1f\nwait = '1m30s'\nshare = '2.5 %'\nargs = [\n'a', # b\n]\nenv = { 'a b' = \"\\u0062\" }\n")
	f.Add("[a.b]\r\nnested = nan\r\n[[env]]\r\n")
	f.Add("\xef\xbb\xbfname = '\xff'")
	f.Add("name = 5m")
	f.Fuzz(func(t *testing.T, text string) {
		compare(t, text)
		_, faults := read(text)
		lines := strings.Count(text, "\n") + 1
		for _, fault := range faults {
			if fault.Rule != "size" && (fault.Line < 1 || fault.Line > lines || fault.Column < 1 || fault.Column > len(text)+1) {
				t.Errorf("%v is outside a file of %d lines", fault, lines)
			}
			if strings.ContainsAny(fault.Error(), "\n\x1b") {
				t.Errorf("%q is not one line of text", fault.Error())
			}
		}
	})
}
