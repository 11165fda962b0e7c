package target

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGoFlags(t *testing.T) {
	const ours = "-trimpath -buildvcs=false "
	tests := []struct {
		argv    string
		goflags string
		seed    uint64
		want    string
	}{
		{"go build -o x .", "", 0, "go build " + ours + "-o x ."},
		{"go build -o x .", "", 9, "go build -ldflags=-randlayout=9 " + ours + "-o x ."},
		{"go build -ldflags=-s -o x .", "", 9, "go build " + ours + "-ldflags=-s -randlayout=9 -o x ."},
		{"go build -ldflags -s -o x .", "", 9, "go build " + ours + "-ldflags -s -randlayout=9 -o x ."},
		{"go build --ldflags=-w -ldflags=-s .", "", 9, "go build " + ours + "--ldflags=-w -ldflags=-s -randlayout=9 ."},
		{"go build -C=sub .", "", 9, "go build -C=sub -ldflags=-randlayout=9 " + ours + "."},
		{"go build -C sub .", "", 0, "go build -C sub " + ours + "."},
		{"go build .", "-s -w", 9, "go build -ldflags=-s -w -randlayout=9 " + ours + "."},
		{"go build", "", 9, "go build -ldflags=-randlayout=9 -trimpath -buildvcs=false"},
	}
	for _, test := range tests {
		argv := strings.Fields(test.argv)
		got := strings.Join(goFlags{ldflags: test.goflags}.apply(argv, test.seed), " ")
		if got != test.want {
			t.Errorf("%s, seed %d:\ngot  %s\nwant %s", test.argv, test.seed, got, test.want)
		}
		if strings.Join(argv, " ") != test.argv {
			t.Errorf("%s: the command itself was changed to %v", test.argv, argv)
		}
	}
}

func TestSplitFlags(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "  ": nil, "-a -b": {"-a", "-b"},
		"'-ldflags=-s -w' -trimpath": {"-ldflags=-s -w", "-trimpath"},
		`"-x=a b"`:                   {"-x=a b"},
		"'-open":                     {"-open"},
	} {
		if diff := cmp.Diff(want, splitFlags(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	if got := flagOf(splitFlags("-v '-ldflags=-s -w'"), "ldflags"); got != "-s -w" {
		t.Errorf("ldflags of GOFLAGS: %q", got)
	}
}
