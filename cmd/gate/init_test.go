package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/fivegate/fivegate/gate/result"
)

// repository makes a file system of names and texts.
func repository(files ...string) fstest.MapFS {
	r := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		r[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return r
}

const (
	serving   = "package main\n\nfunc main() { http.ListenAndServe(\":1\", nil) }\n"
	plain     = "package main\n\nfunc main() {}\n"
	benchmark = "package x\n\nfunc BenchmarkX(b *testing.B) {}\n"
)

func TestDetectProject(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files fstest.MapFS
		want  project
	}{
		{"nothing", repository("README", "x"), project{Kind: kindOther, Program: "server"}},
		{"server at the root is named by its module", repository("go.mod", "module example.invalid/a/shop\n", "main.go", serving), project{Kind: kindGoServer, Program: "shop", Package: "."}},
		{"module without a usable name", repository("go.mod", "module \"\n", "main.go", serving), project{Kind: kindGoServer, Program: "server", Package: "."}},
		{"the one that serves by itself", repository("go.mod", "module x\n", "cmd/a/main.go", plain, "cmd/b/main.go", serving), project{Kind: kindGoServer, Program: "b", Package: "cmd/b"}},
		{
			"a package serves: the name decides",
			repository("go.mod", "module x\n", "cmd/a/main.go", plain, "cmd/x-server/main.go", plain, "web/web.go", "package web\n\nvar s = http.Server{}\n"),
			project{Kind: kindGoServer, Program: "x-server", Package: "cmd/x-server", Others: []string{"a"}},
		},
		{"benchmarks beside a server", repository("go.mod", "module x\n", "main.go", serving, "x_test.go", benchmark), project{Kind: kindGoServer, Program: "x", Package: ".", Benchmarks: 1}},
		{"benchmarks", repository("go.mod", "module x\n", "x_test.go", benchmark), project{Kind: kindGoBenchmarks, Program: "server", Benchmarks: 1}},
		{"benchmarks beside a tool", repository("go.mod", "module x\n", "main.go", plain, "x_test.go", benchmark), project{Kind: kindGoBenchmarks, Program: "server", Benchmarks: 1}},
		{"a library", repository("go.mod", "module x\n", "x.go", "package x\n"), project{Kind: kindOther, Program: "server"}},
		{"foreign code does not count", repository("go.mod", "module x\n", "vendor/a/main.go", serving, "testdata/main.go", serving, ".x/main.go", serving), project{Kind: kindOther, Program: "server"}},
		{"an ignored file is no program", repository("go.mod", "module x\n", "gen/main.go", "//go:build ignore\n\n"+serving), project{Kind: kindOther, Program: "server"}},
		{"a directory that cannot be written as it is", repository("go.mod", "module x\n", "a\"b/main.go", serving), project{Kind: kindOther, Program: "server"}},
		{"crate", repository("Cargo.toml", "[package]\nname = \"shop\"\n", "src/main.rs", ""), project{Kind: kindCargoServer, Program: "shop"}},
		{"crate with listed programs", repository("Cargo.toml", "[package]\nname = \"shop\"\n[[bin]]\nname = \"cli\"\n[[bin]]\nname = \"shop-server\"\n", "src/main.rs", ""), project{Kind: kindCargoServer, Program: "shop-server", Others: []string{"cli"}}},
		{"crate without a program", repository("Cargo.toml", "[package]\nname = \"shop\"\n", "src/lib.rs", ""), project{Kind: kindOther, Program: "server"}},
		{"crate with a name to beware of", repository("Cargo.toml", "[package]\nname = \"a\\\"b\"\n", "src/main.rs", ""), project{Kind: kindOther, Program: "server"}},
		{"manifest that cannot be read", repository("Cargo.toml", "[[", "go.mod", "module x\n", "main.go", serving), project{Kind: kindGoServer, Program: "x", Package: "."}},
		{"workspace", repository("Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"gone\"]\n", "crates/api/Cargo.toml", "[package]\nname = \"api\"\n", "crates/api/src/main.rs", ""), project{Kind: kindCargoServer, Program: "api", Package: "api"}},
		{"Engram", repository("Cargo.toml", "[workspace]\nmembers = [\"engram-cli\"]\n", "engram-cli/Cargo.toml", "[package]\nname = \"engram-cli\"\n"), project{Kind: kindEngram}},
	} {
		got, err := detectProject(tt.files)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, err := detectProject(repository("Cargo.toml", "[workspace]\nmembers = [\"[\"]\n")); err == nil || !strings.Contains(err.Error(), "Cargo.toml") {
		t.Errorf("a bad pattern: %v", err)
	}
}

// Whatever names a repository has, init writes a configuration that this build
// accepts.
func TestInitWritesWhatCheckAccepts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_./-]{1,20}`), rapid.String()).Draw(t, "name")
		files := repository("go.mod", "module x\n")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			files = repository("Cargo.toml", fmt.Sprintf("[package]\nname = %q\n", name), "src/main.rs", "")
		case 1:
			if fs.ValidPath(name) && name != "." {
				files[name+"/main.go"] = &fstest.MapFile{Data: []byte(serving)}
			}
		}
		p, err := detectProject(files)
		if err != nil {
			return // init refuses, and writes nothing
		}
		if _, err := starterFiles(p, starterAction); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
	})
	for _, kind := range initKinds {
		p, err := project{Kind: kindOther}.as(kind)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := starterFiles(p, starterAction); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestStarterActionIsPinned(t *testing.T) {
	commit := strings.Repeat("0a", 20)
	for _, tt := range []struct {
		tool   result.Tool
		want   string
		pinned bool
	}{
		{result.Tool{Version: "v1.2.3", Commit: commit}, "fivegate/fivegate@" + commit + " # v1.2.3", true},
		{result.Tool{Version: "dev", Commit: commit}, "fivegate/fivegate@" + commit + " # not released", true},
		{result.Tool{Version: "v1.2.3"}, "fivegate/fivegate@v1.2.3", true},
		{result.Tool{Version: "v0.0.0-20261123120000-0123456789ab"}, starterAction, false},
		{result.Tool{Version: "dev", Commit: "0123abc"}, starterAction, false},
	} {
		if got, pinned := starterActionOf(tt.tool); got != tt.want || pinned != tt.pinned {
			t.Errorf("%+v: %q, %v; want %q, %v", tt.tool, got, pinned, tt.want, tt.pinned)
		}
	}
}
