package main

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/pelletier/go-toml/v2"
)

// What a project can be, for init.
const (
	kindEngram       = "engram"
	kindCargoServer  = "cargo-server"
	kindGoServer     = "go-server"
	kindGoBenchmarks = "go-benchmarks"
	kindOther        = "other"
)

// initKinds are those that gate.toml can be written for.
var initKinds = []string{kindEngram, kindCargoServer, kindGoServer, kindGoBenchmarks, kindOther}

// project is what init found out about a repository.
type project struct {
	Kind       string
	Program    string   // of the server
	Package    string   // that it is built from: a directory for Go, a crate for Cargo
	Others     []string // other programs that could be the server
	Benchmarks int      // Go benchmarks
}

// as is the project of another kind than it looks like.
func (p project) as(kind string) (project, error) {
	if !slices.Contains(initKinds, kind) {
		return project{}, fmt.Errorf("init: kind %q is not known; allowed are %s", kind, strings.Join(initKinds, ", "))
	}
	if p.Kind != kind {
		p.Kind, p.Program, p.Package, p.Others = kind, "server", "", nil
	}
	return p, nil
}

func (p project) describe() string {
	switch p.Kind {
	case kindEngram:
		return "Engram"
	case kindCargoServer:
		return "a Cargo project with the program " + p.Program
	case kindGoServer:
		return "a Go server with the program " + p.Program
	case kindGoBenchmarks:
		return "a Go module with benchmarks"
	}
	return "a project that gate knows nothing of"
}

// config is gate.toml for the project.
func (p project) config() (string, error) {
	name := "starter/server.toml"
	switch p.Kind {
	case kindEngram:
		name = "starter/engram.toml"
	case kindGoBenchmarks:
		name = "starter/gobench.toml"
	}
	t, err := template.ParseFS(starter, name)
	if err != nil {
		return "", fmt.Errorf("init: %w", err)
	}
	commands := map[string]string{"Build": tomlList("make", "build"), "Start": tomlList("bin/" + p.Program)}
	switch p.Kind {
	case kindGoServer:
		commands["Build"] = tomlList("go", "build", "-o", "bin/"+p.Program, goPattern(p.Package))
	case kindCargoServer:
		build := []string{"cargo", "build", "--release"}
		if p.Package != "" {
			build = append(build, "-p", p.Package)
		}
		commands["Build"], commands["Start"] = tomlList(append(build, "--bin", p.Program)...), tomlList("target/release/"+p.Program)
	}
	var b strings.Builder
	if err := t.Execute(&b, commands); err != nil {
		return "", fmt.Errorf("init: %w", err)
	}
	return b.String(), nil
}

// goPattern names the package of a directory to the go command.
func goPattern(dir string) string {
	if dir == "." {
		return dir
	}
	return "./" + dir
}

// What may stand in a TOML string, a path and a command without being escaped;
// programs and packages of other names are passed over.
var (
	harmlessName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	harmlessPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)
)

func tomlList(words ...string) string {
	for i := range words {
		words[i] = `"` + words[i] + `"`
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// detectProject looks at the files of a repository. Only its own code counts, not
// what it carries along.
func detectProject(files fs.FS) (project, error) {
	if p, ok, err := detectCargo(files); ok || err != nil {
		return p, err
	}
	if _, err := fs.Stat(files, "go.mod"); err == nil {
		return detectGo(files)
	}
	return project{Kind: kindOther, Program: "server"}, nil
}

// cargoManifest is what is read of a Cargo.toml.
type cargoManifest struct {
	Package struct {
		Name string `toml:"name"`
	} `toml:"package"`
	Bin []struct {
		Name string `toml:"name"`
	} `toml:"bin"`
	Workspace struct {
		Members []string `toml:"members"`
	} `toml:"workspace"`
}

// detectCargo looks for programs in the crate and the members of its workspace. A
// manifest that cannot be read has none; cargo itself will say why.
func detectCargo(files fs.FS) (project, bool, error) {
	root, ok := readManifest(files, ".")
	if !ok {
		return project{}, false, nil
	}
	dirs := []string{"."}
	for _, pattern := range root.Workspace.Members {
		members, err := fs.Glob(files, path.Clean(pattern))
		if err != nil {
			return project{}, false, fmt.Errorf("workspace member %q of Cargo.toml: %w", pattern, err)
		}
		dirs = append(dirs, members...)
	}
	var found []project
	for _, dir := range dirs {
		m, ok := readManifest(files, dir)
		if !ok {
			continue
		}
		if m.Package.Name == "engram-cli" {
			return project{Kind: kindEngram}, true, nil
		}
		for _, program := range m.programs(files, dir) {
			p := project{Kind: kindCargoServer, Program: program}
			if dir != "." {
				p.Package = m.Package.Name
			}
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return project{Kind: kindOther, Program: "server"}, true, nil
	}
	return likeliest(found), true, nil
}

func readManifest(files fs.FS, dir string) (m cargoManifest, ok bool) {
	text, err := fs.ReadFile(files, path.Join(dir, "Cargo.toml"))
	return m, err == nil && toml.Unmarshal(text, &m) == nil
}

// programs are the names of a crate's programs: those that it lists, and the one
// of src/main.rs (The Cargo Book, "Target auto-discovery").
func (m cargoManifest) programs(files fs.FS, dir string) (names []string) {
	for _, bin := range m.Bin {
		names = append(names, bin.Name)
	}
	if _, err := fs.Stat(files, path.Join(dir, "src", "main.rs")); err == nil && len(names) == 0 {
		names = append(names, m.Package.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !harmlessName.MatchString(name) || !harmlessName.MatchString(m.Package.Name)
	})
}

// likeliest is the project of the program that looks most like a server, by its
// name; the others are named.
func likeliest(found []project) project {
	slices.SortStableFunc(found, func(a, b project) int {
		if by := serverLike(b.Program) - serverLike(a.Program); by != 0 {
			return by
		}
		return strings.Compare(a.Program, b.Program)
	})
	p := found[0]
	for _, other := range found[1:] {
		p.Others = append(p.Others, other.Program)
	}
	return p
}

func serverLike(name string) int {
	for i, word := range []string{"gateway", "daemon", "api", "serve"} {
		if strings.Contains(strings.ToLower(name), word) {
			return i + 1
		}
	}
	return 0
}

var (
	goBenchmark = regexp.MustCompile(`(?m)^func Benchmark\w*\(\w+ \*testing\.B\)`)
	goMain      = regexp.MustCompile(`(?m)^package main\b`)
	goIgnored   = regexp.MustCompile(`(?m)^//go:build ignore\b`)
	goServes    = regexp.MustCompile(`\b(ListenAndServe(TLS)?|http\.Serve(TLS)?|net\.Listen|grpc\.NewServer)\(|\bhttp\.Server\{`)
	goModule    = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)
)

// Bounds of looking at a Go module.
const (
	maxGoFiles    = 20_000
	maxGoFileSize = 1 << 20 // bytes
)

// goFindings are what a Go module's files tell.
type goFindings struct {
	programs   map[string]bool // directory of each: does it serve by itself?
	serves     bool            // something in the module does
	benchmarks int
}

// detectGo looks through a Go module for programs, for what serves, and for
// benchmarks. Its rules are of thumb; what it finds is shown, to be checked.
func detectGo(files fs.FS) (project, error) {
	found, seen := goFindings{programs: map[string]bool{}}, 0
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && foreignDirectory(entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || path.Ext(name) != ".go":
			return nil
		}
		if seen++; seen > maxGoFiles {
			return fs.SkipAll
		}
		info, err := entry.Info()
		if err != nil || info.Size() > maxGoFileSize {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		found.add(name, text)
		return nil
	})
	if err != nil {
		return project{}, err
	}
	return found.project(files), nil
}

// foreignDirectory says whether the go command, or its users, keep foreign code
// under such a name.
func foreignDirectory(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		slices.Contains([]string{"vendor", "testdata", "node_modules", "third_party", "examples", "example"}, name)
}

func (g *goFindings) add(name string, text []byte) {
	if strings.HasSuffix(name, "_test.go") {
		g.benchmarks += len(goBenchmark.FindAll(text, -1))
		return
	}
	serves, dir := goServes.Match(text), path.Dir(name)
	g.serves = g.serves || serves
	if goMain.Match(text) && !goIgnored.Match(text) && (dir == "." || harmlessPath.MatchString(dir)) {
		g.programs[dir] = g.programs[dir] || serves
	}
}

func (g *goFindings) project(files fs.FS) project {
	direct := slices.Contains(slices.Collect(maps.Values(g.programs)), true)
	var found []project
	for _, dir := range slices.Sorted(maps.Keys(g.programs)) {
		if direct && !g.programs[dir] {
			continue // another one serves by itself, so this one is a tool
		}
		found = append(found, project{Kind: kindGoServer, Program: goProgram(files, dir), Package: dir})
	}
	switch {
	case g.serves && len(found) > 0:
		p := likeliest(found)
		p.Benchmarks = g.benchmarks
		return p
	case g.benchmarks > 0:
		return project{Kind: kindGoBenchmarks, Program: "server", Benchmarks: g.benchmarks}
	}
	return project{Kind: kindOther, Program: "server"}
}

// goProgram is the name that the go command gives to the program of a directory.
func goProgram(files fs.FS, dir string) string {
	if dir != "." {
		return path.Base(dir)
	}
	text, err := fs.ReadFile(files, "go.mod")
	if m := goModule.FindSubmatch(text); err == nil && m != nil && harmlessName.MatchString(path.Base(string(m[1]))) {
		return path.Base(string(m[1]))
	}
	return "server"
}
