// Package fivegate_test guards the arrows between the packages of this module.
// docs/architecture.md draws them and says why they point as they do.
package fivegate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/fivegate/fivegate/"

// layers are the packages of the deciding half from the bottom upward. A package
// imports of gate/ only what stands on its own line or on one above. A new
// package needs a place here.
var layers = [][]string{
	{"gate/diag", "gate/runner", "gate/result", "gate/safetext", "gate/parallel"},
	{"gate/stats", "gate/ingest"},
	{"gate/verdict", "gate/chart"},
	{"gate/waiver", "gate/calibration", "gate/baseline", "gate/history", "gate/hook"},
	{"gate/report"},
	{"gate/github"},
}

// leaves are what the measuring half may import of the deciding one.
var leaves = []string{"gate/result", "gate/runner", "gate/diag"}

// pure are the packages whose output depends on their arguments alone, so that a
// verdict can be computed again from its document, byte for byte.
var pure = []string{
	"gate/stats", "gate/verdict", "gate/chart", "gate/safetext", "gate/parallel", "gate/report",
	"gate/ingest", "gate/calibration", "gate/baseline", "gate/history",
	"gate/waiver", "gate/github/artifact", "gate/github/event", "gate/github/legs", "gate/github/page",
}

// settled are the packages that other documents and rules name. When one is
// renamed, the rules here would hold of nothing; so it must be renamed here too.
var settled = []string{
	"cmd/gate",
	"gate/diag", "gate/report", "gate/result", "gate/runner", "gate/stats", "gate/verdict",
	"workloads/arrival", "workloads/bench", "workloads/driver/engram", "workloads/driver/exec", "workloads/driver/gobench", "workloads/driver/http", "workloads/experiment", "workloads/load", "workloads/mix",
	"workloads/refstore", "workloads/scenario", "workloads/target",
}

// listed is what go list says of a package; paths are relative to the module.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

// all are the imports of the package and of its tests.
func (p listed) all() []string {
	return slices.Concat(p.Imports, p.TestImports, p.XTestImports)
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,TestImports,XTestImports", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		for _, paths := range [][]string{p.Imports, p.Deps, p.TestImports, p.XTestImports} {
			for i := range paths {
				paths[i] = strings.TrimPrefix(paths[i], module)
			}
		}
		pkgs = append(pkgs, p)
	}
}

func TestSettledPackagesExist(t *testing.T) {
	pkgs := packages(t)
	for _, name := range settled {
		if !slices.ContainsFunc(pkgs, func(p listed) bool { return p.ImportPath == name }) {
			t.Errorf("package %s is gone; if that is meant, take it out of arch_test.go, docs/architecture.md and README.md", name)
		}
	}
}

func TestDecidingHalfDoesNotImportMeasuringHalf(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.ImportPath, "gate") {
			continue
		}
		for _, path := range slices.Concat(p.all(), p.Deps) {
			if within(path, "workloads") || within(path, "cmd") {
				t.Errorf("%s imports %s: a verdict must follow from a result document alone", p.ImportPath, path)
			}
		}
	}
}

func TestMeasuringHalfImportsOnlyLeaves(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.ImportPath, "workloads") {
			continue
		}
		for _, path := range p.all() {
			if within(path, "gate") && !slices.Contains(leaves, path) || within(path, "cmd") {
				t.Errorf("%s imports %s: of gate/ it may use %s only", p.ImportPath, path, strings.Join(leaves, ", "))
			}
		}
	}
}

func TestLowerLayersDoNotImportHigherOnes(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.ImportPath, "gate") {
			continue
		}
		own := layer(p.ImportPath)
		if own < 0 {
			t.Errorf("%s has no place among the layers in arch_test.go", p.ImportPath)
			continue
		}
		for _, path := range p.all() {
			if within(path, "gate") && layer(path) > own {
				t.Errorf("%s imports %s, which stands above it", p.ImportPath, path)
			}
		}
	}
}

// layer is the index of the line in layers that holds path or a parent of it, or
// −1.
func layer(path string) int {
	return slices.IndexFunc(layers, func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return within(path, name) })
	})
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// impureImports are standard packages through which the world gets in. Only
// direct imports count: fmt itself depends on os. math/rand/v2 is allowed, since
// it can be seeded; its global functions are looked for below.
var impureImports = []string{"os", "net", "io/ioutil", "math/rand", "crypto/rand", "syscall", "log", "flag"}

// seeded are the names of math/rand/v2 that draw nothing by themselves.
var seeded = []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}

// clock are the names of time that read the clock or wait.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestPurePackagesReachNothingOutside(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.ContainsFunc(pure, func(name string) bool { return within(p.ImportPath, name) }) {
			continue
		}
		for _, path := range p.Imports {
			if path != "math/rand/v2" && slices.ContainsFunc(impureImports, func(name string) bool { return within(path, name) }) {
				t.Errorf("%s imports %s: it takes values and an io.Writer, and reaches nothing outside", p.ImportPath, path)
			}
		}
		for _, file := range p.GoFiles {
			for _, use := range impureUses(t, filepath.Join(p.Dir, file)) {
				t.Errorf("%s: the same document must give the same verdict at any time and with any luck", use)
			}
		}
	}
}

// impureUses finds calls of the clock and of the global random source in a file.
func impureUses(t *testing.T, path string) (uses []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	timeName, randName := importName(file, "time"), importName(file, "math/rand/v2")
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		if x.Name == timeName && slices.Contains(clock, sel.Sel.Name) || x.Name == randName && !slices.Contains(seeded, sel.Sel.Name) {
			uses = append(uses, fset.Position(sel.Pos()).String()+" uses "+x.Name+"."+sel.Sel.Name)
		}
		return true
	})
	return uses
}

// importName is the name by which a file knows an import; "-" when it has none.
func importName(file *ast.File, path string) string {
	for _, spec := range file.Imports {
		if got, err := strconv.Unquote(spec.Path.Value); err != nil || got != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return strings.TrimSuffix(path[strings.LastIndex(strings.TrimSuffix(path, "/v2"), "/")+1:], "/v2")
	}
	return "-"
}

// impure reads the clock twice and draws from the global source once; what it
// does with the seeded source is allowed.
const impure = `package p

import (
	random "math/rand/v2"
	"time"
)

func f() (float64, time.Duration) {
	start := time.Now()
	return random.Float64() + random.New(random.NewPCG(1, 2)).Float64(), time.Since(start)
}
`

// The rule above would hold of everything if it found nothing.
func TestImpureUsesAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "impure.go")
	if err := os.WriteFile(path, []byte(impure), 0o600); err != nil {
		t.Fatal(err)
	}
	if uses := impureUses(t, path); len(uses) != 3 {
		t.Errorf("found %d uses of three: %v", len(uses), uses)
	}
}
