package diag

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settings is what the reader below makes of a file.
type settings struct {
	Name    string
	Rate    float64
	Count   int64
	On      bool
	Mode    string
	Wait    time.Duration
	Share   float64
	Args    []string
	Env     map[string]string
	Nested  float64
	Skipped bool
}

// read reads a file that has a key of every type.
func read(text string) (settings, Faults) {
	f := TOML("f.toml", []byte(text))
	root := f.Root()
	s := settings{Env: map[string]string{}}
	root.Require("name", "add name = \"x\"")
	name, _ := root.Text("name")
	s.Name = name.Value
	s.Rate = root.Number("rate", 7, Range[float64]{Min: 0.5, Max: 1e6, Unit: "a second"})
	s.Count = root.Int("count", 8, Range[int64]{Min: -5, Max: 5_000_000_000})
	s.On = root.Bool("on", true)
	s.Mode = root.Choice("mode", "warn", "warn", "block")
	s.Wait = root.Duration("wait", time.Minute, Range[time.Duration]{Min: time.Second, Max: time.Hour})
	s.Share = root.Percent("share", 0.05, Range[float64]{Min: 0.001, Max: 1})
	for _, x := range root.List("args") {
		s.Args = append(s.Args, x.Value)
	}
	env := root.Table("env")
	for _, key := range env.Names() {
		if x, ok := env.Text(key); ok {
			s.Env[key] = x.Value
		}
	}
	inner := root.Table("a").Table("b")
	inner.Require("nested", "add nested = 1.0")
	s.Nested = inner.Number("nested", 9, Range[float64]{Min: 0, Max: 10})
	return s, f.Faults()
}

func TestRead(t *testing.T) {
	defaults := settings{
		Name: "x", Rate: 7, Count: 8, On: true, Mode: "warn", Wait: time.Minute, Share: 0.05,
		Env: map[string]string{}, Nested: 9,
	}
	with := func(change func(*settings)) settings { s := defaults; change(&s); return s }
	for _, tt := range []struct {
		name, text string
		want       settings
	}{
		{"absent keys are their defaults", "", defaults},
		{"a whole number is a number", "rate = 1_000", with(func(s *settings) { s.Rate = 1000 })},
		{"bounds are allowed", "rate = 0.5\ncount = -5", with(func(s *settings) { s.Rate, s.Count = 0.5, -5 })},
		{"exponents and bases", "rate = 1e3\ncount = 0x1F", with(func(s *settings) { s.Rate, s.Count = 1000, 31 })},
		{"booleans and choices", "on = false\nmode = 'block'", with(func(s *settings) { s.On, s.Mode = false, "block" })},
		{"quantities have units", "wait = '1m30s'\nshare = '2.5 %'", with(func(s *settings) { s.Wait, s.Share = 90*time.Second, 0.025 })},
		{"lists over lines", "args = [\n 'a', # first\n \"b\",\n]", with(func(s *settings) { s.Args = []string{"a", "b"} })},
		{"an inline table", "env = { B = '1', 'a b' = '2' }", with(func(s *settings) { s.Env = map[string]string{"B": "1", "a b": "2"} })},
		{"a header", "[env]\nB = '1'", with(func(s *settings) { s.Env = map[string]string{"B": "1"} })},
		{"tables within tables, by header", "[a.b]\nnested = 1", with(func(s *settings) { s.Nested = 1 })},
		{"tables within tables, by dotted key", "a.b.nested = 1", with(func(s *settings) { s.Nested = 1 })},
		{"tables within tables, inner first", "[a.b]\nnested = 1\n[a]", with(func(s *settings) { s.Nested = 1 })},
		{"line breaks of Windows", "rate = 1\r\ncount = 2\r\n", with(func(s *settings) { s.Rate, s.Count = 1, 2 })},
		{"escapes", `mode = "\u0062lock"`, with(func(s *settings) { s.Mode = "block" })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults := read("name = 'x'\n" + tt.text)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, faults := read(byteOrderMark + "name = 'x'"); len(faults) > 0 || got.Name != "x" {
		t.Errorf("a byte order mark: %q, %v", got.Name, faults)
	}
}

const known = `Allowed are "a", "args", "count", "env", "mode", "name", "on", "rate", "share", "wait"`

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string // without "f.toml:"
	}{
		{"a missing key", "rate = 1", []string{`1:1: missing key "name": add name = "x" [missing-key]`}},
		{"a missing key of a table that is there", "name='x'\n [a.b] # here", []string{`2:5: missing key "nested" in [a.b]: add nested = 1.0 [missing-key]`}},
		{"a missing key of an inline table", "name='x'\na = { b = {} }", []string{`2:11: missing key "nested" in [a.b]: add nested = 1.0 [missing-key]`}},
		{"a misspelt key is not also missing", "nmae='x'", []string{`1:1: unknown key "nmae": did you mean "name"? ` + known + ` [unknown-key]`}},
		{"letter case", "Name='x'", []string{`1:1: unknown key "Name": did you mean "name"? Upper and lower case differ; a` + known[1:] + ` [unknown-key]`}},
		{"an unknown key that is near nothing", "name='x'\n\tcolour = 1", []string{`2:2: unknown key "colour": a` + known[1:] + ` [unknown-key]`}},
		{"an unknown table is one fault, whatever is in it", "name='x'\n[argz]\nx=1\ny=2", []string{`2:2: unknown key "argz": did you mean "args"? ` + known + ` [unknown-key]`}},
		{"an unknown key deep down", "name='x'\n[a.b]\nnested=1\n'x y'=1", []string{`4:1: unknown key "x y" in [a.b]: allowed is "nested" [unknown-key]`}},
		{"columns count characters", "name='x'\nenv = { 'ключ' = 1 }", []string{`2:18: env."ключ" must be text in double quotes, not the number 1 [type]`}},
		{"a key twice", "name='x'\nname='y'", []string{`2:1: key "name" is defined twice: first in line 1 [duplicate-key]`}},
		{"a key twice in a table", "name='x'\n[a.b]\nnested=1\nnested=1", []string{`4:1: key "nested" in [a.b] is defined twice: first in line 3 [duplicate-key]`}},
		{"a table twice, and what is wrong in the second", "name='x'\n[a.b]\nnested=1\n[a.b]\nmore=1", []string{
			`4:4: table [a.b] is defined twice: first in line 2 [duplicate-key]`,
			`5:1: unknown key "more" in [a.b]: allowed is "nested" [unknown-key]`,
		}},
		{"a table and a value of one name", "name='x'\nenv=1\n[env]", []string{
			`2:5: env must be a table, not the number 1 [type]`,
			`3:2: key "env" is defined twice: first in line 2 [duplicate-key]`,
		}},
		{"text for a number", "name='x'\nrate = 'fast'", []string{`2:8: rate must be a number, not the text "fast" [type]`}},
		{"a number for text", "name = 5", []string{`1:8: name must be text in double quotes, not the number 5 [type]`}},
		{"a fraction for a whole number", "name='x'\ncount = 1e3", []string{`2:9: count must be a whole number, without point or exponent, not the number 1e3 [type]`}},
		{"text for a boolean", "name='x'\non = 'true'", []string{`2:6: on must be true or false, without quotes, not the text "true" [type]`}},
		{"text for a list", "name='x'\nargs = 'a b'", []string{`2:8: args must be a list, such as ["a", "b"], not the text "a b" [type]`}},
		{"a list of tables for a table", "name='x'\n[[env]]", []string{`2:3: env must be a table, not a list of tables [type]`}},
		{"a date", "name = 2026-11-23", []string{`1:8: name must be text in double quotes, not a date or time [type]`}},
		{"numbers in a list", "name='x'\nargs = ['a', 1,\n  true, []]", []string{
			`2:8: element 4 of args must be text in double quotes, not a list [type]`,
			`2:14: element 2 of args must be text in double quotes, not the number 1 [type]`,
			`3:3: element 3 of args must be text in double quotes, not true [type]`,
		}},
		{"too small", "name='x'\nrate = 0", []string{`2:8: rate is 0: allowed is 0.5 to 1000000 a second [range]`}},
		{"too large", "name='x'\nrate = 1_000_001", []string{`2:8: rate is 1_000_001: allowed is 0.5 to 1000000 a second [range]`}},
		{"not a number", "name='x'\nrate = nan", []string{`2:8: rate is nan: allowed is 0.5 to 1000000 a second [range]`}},
		{"infinite", "name='x'\nrate = -inf", []string{`2:8: rate is -inf: allowed is 0.5 to 1000000 a second [range]`}},
		{"beyond 64 bits", "name='x'\ncount = 99999999999999999999\nrate = 1e999", []string{
			`2:9: count is 99999999999999999999: allowed is -5 to 5000000000 [range]`,
			`3:8: rate is 1e999: allowed is 0.5 to 1000000 a second [range]`,
		}},
		{"a choice", "name='x'\nmode = 'wrn'", []string{`2:8: mode is "wrn": did you mean "warn"? Allowed are "block", "warn" [value]`}},
		{"a duration without unit", "name='x'\nwait = '5'", []string{`2:8: wait is "5": not a duration; write numbers with units, such as 30s, 5m or 1h30m [value]`}},
		{"a bare duration", "name='x'\nwait = 300", []string{`2:8: wait must be a duration in double quotes, such as "30s" or "5m", not the number 300 [type]`}},
		{"a duration out of range", "name='x'\nwait = '-5m'", []string{`2:8: wait is "-5m": allowed is 1s to 1h [value]`}},
		{"a bare percentage", "name='x'\nshare = 0.05", []string{`2:9: share must be a percentage in double quotes, such as "5%", not the number 0.05 [type]`}},
		{"a percentage without sign", "name='x'\nshare = '5'", []string{`2:9: share is "5": not a percentage; write a number and a percent sign, such as 5% [value]`}},
		{"a percentage out of range", "name='x'\nshare = '101%'", []string{`2:9: share is "101%": allowed is 0.1% to 100% [value]`}},
		{"long values are shortened", "name='x'\nmode = '" + strings.Repeat("y", 100) + "'", []string{`2:8: mode is "` + strings.Repeat("y", 60) + `"…: allowed are "block", "warn" [value]`}},
		{"not TOML hides what may only seem to be missing", "rate = 0\nname = x", []string{
			`1:8: rate is 0: allowed is 0.5 to 1000000 a second [range]`,
			`2:8: not TOML: unexpected character U+0078 'x' at start of value; text stands in double quotes, lists in [ ] [syntax]`,
		}},
		{"units without quotes", "name='x'\nwait = 5m", []string{`2:9: not TOML: strings must be quoted [syntax]`}},
		{"an open list", "name='x'\nargs = ['a'\non = true", []string{`3:1: not TOML: expected ',' or ']' after array value [syntax]`}},
		{"no value", "name='x'\nrate =", []string{`2:6: not TOML: expected value, not end of input [syntax]`}},
		{"not UTF-8", "name='x'\nmode = '\u00e9\xe9'", []string{`2:10: the file is not UTF-8: byte 0xe9 is no character; save it as UTF-8 [encoding]`}},
		{"empty", "", []string{`1:1: missing key "name": add name = "x" [missing-key]`}},
		{"all at once", "Name='x'\nrate='fast'\ncount=9_000_000_000\nargs=[1]\non=1", []string{
			`1:1: unknown key "Name": did you mean "name"? Upper and lower case differ; a` + known[1:] + ` [unknown-key]`,
			`2:6: rate must be a number, not the text "fast" [type]`,
			`3:7: count is 9_000_000_000: allowed is -5 to 5000000000 [range]`,
			`4:7: element 1 of args must be text in double quotes, not the number 1 [type]`,
			`5:4: on must be true or false, without quotes, not the number 1 [type]`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := read(tt.text)
			var got []string
			for _, f := range faults {
				got = append(got, strings.TrimPrefix(f.Error(), "f.toml:"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextAt(t *testing.T) {
	f := TOML("f.toml", []byte("plain = 'é{x}'\nescaped = \"\\u00e9{x}\"\nlong = '''\n{x}'''"))
	for key, want := range map[string]Position{
		"plain":   {1, 11}, // the brace itself
		"escaped": {2, 11}, // the opening quote
		"long":    {3, 8},
	} {
		x, _ := f.Root().Text(key)
		if got := x.At(strings.Index(x.Value, "{")); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
	x, _ := f.Root().Text("plain")
	for _, offset := range []int{-1, 99} {
		if got, want := x.At(offset), (Position{1, 9}); got != want {
			t.Errorf("offset %d: got %v, want %v", offset, got, want)
		}
	}
}

func TestPositions(t *testing.T) {
	f := TOML("f.toml", []byte("[t]\nkey = 5"))
	table := f.Root().Table("t")
	for name, got := range map[string][2]Position{
		"value":            {table.Position("key"), {2, 7}},
		"key":              {table.KeyPosition("key"), {2, 1}},
		"absent key":       {table.KeyPosition("other"), {1, 2}},
		"absent value":     {table.Position("other"), {1, 2}},
		"table that is no": {f.Root().Table("u").Position("x"), {1, 1}},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %v, want %v", name, got[0], got[1])
		}
	}
}

func TestLimits(t *testing.T) {
	deep := func(open, shut string, n int) string {
		return "a = " + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"size", strings.Repeat("#", MaxTOMLBytes+1), "size"},
		{"lists", deep("[", "]", 40), "depth"},
		{"many lists", deep("[", "]", 9999), "depth"},
		{"too many lists for the parser", deep("[", "]", 100_000), "syntax"},
		{"inline tables", deep("{a=", "}", 40), "depth"},
		{"dotted keys", strings.Repeat("a.", 40) + "a = 1", "depth"},
		{"headers", "[" + strings.Repeat("a.", 40) + "a]", "depth"},
		{"lists of tables", "[[" + strings.Repeat("a.", 100_000) + "a]]", "depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := TOML("f.toml", []byte(tt.text))
			f.Root().Names()
			faults := f.Faults()
			if len(faults) != 1 || faults[0].Rule != tt.want {
				t.Errorf("got %v, want one fault of rule %s", faults, tt.want)
			}
		})
	}
	at := strings.Repeat("[", maxTOMLDepth-1)
	if faults := TOML("f.toml", []byte("a = "+at+strings.Repeat("]", len(at)))).faults; len(faults) > 0 {
		t.Errorf("at the limit: %v", faults)
	}
	if faults := TOML("f.toml", []byte(strings.Repeat("#", MaxTOMLBytes))).faults; len(faults) > 0 {
		t.Errorf("at the limit: %v", faults)
	}
}

// TestManyFaults: no fault is dropped for there being many.
func TestManyFaults(t *testing.T) {
	var b strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&b, "nam%d = 1\n", i)
	}
	_, faults := read(b.String())
	if len(faults) != 5_000 {
		t.Errorf("%d faults, want one for each of 5000 lines", len(faults))
	}
}
